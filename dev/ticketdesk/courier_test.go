package ticketdesk_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/handrail/handrail/activities/desk"
	"github.com/handrail/handrail/activities/desk/httpdesk"
	"github.com/handrail/handrail/activities/desk/signature"
	"github.com/handrail/handrail/activities/desk/ticket"
	"github.com/handrail/handrail/hosting"
)

// gateway is the receiving side of the webhooks. It answers as it is told and
// keeps what came.
type gateway struct {
	url string

	mu         sync.Mutex
	answer     func(ticket.Incoming) int // status
	taken      []ticket.Incoming
	deliveries map[string][]string // delivery ids of all attempts, by message
	signatures []string
}

func startGateway(t *testing.T, answer func(ticket.Incoming) int) *gateway {
	t.Helper()
	g := &gateway{answer: answer, deliveries: map[string][]string{}}
	server := httptest.NewServer(signature.Guard{
		Verifier: &signature.Verifier{Secrets: []signature.Secret{secret}},
		Limit:    httpdesk.MaxRequest, Repeated: http.StatusOK, Next: http.HandlerFunc(g.take),
	})
	t.Cleanup(server.Close)
	g.url = server.URL
	return g
}

func (g *gateway) take(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	in, err := httpdesk.DecodeDelivery(body)
	if err != nil {
		w.WriteHeader(http.StatusUnprocessableEntity)
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.deliveries[in.ID] = append(g.deliveries[in.ID], r.Header.Get(signature.HeaderDelivery))
	g.signatures = append(g.signatures, r.Header.Get(signature.HeaderTimestamp)+r.Header.Get(signature.HeaderSignature))
	status := g.answer(in)
	if status/100 == 2 {
		g.taken = append(g.taken, in)
	}
	w.WriteHeader(status)
}

func (g *gateway) bodies() []string {
	g.mu.Lock()
	defer g.mu.Unlock()
	var all []string
	for _, in := range g.taken {
		all = append(all, in.Body)
	}
	return all
}

func always(status int) func(ticket.Incoming) int { return func(ticket.Incoming) int { return status } }

func TestCourier_TellsWhatCustomersDoAndNothingElse(t *testing.T) {
	t.Parallel()
	g := startGateway(t, always(http.StatusAccepted))
	c := config(t)
	c.GatewayURL = g.url
	d := start(t, c)
	id := create(t, d, giulia)
	handrail := client(t, d)
	if _, err := handrail.Post(t.Context(), desk.Message{Ticket: id, Kind: desk.Question, Key: "q", Body: "ours"}); err != nil {
		t.Fatal(err)
	}
	if err := handrail.Close(t.Context(), id, "c"); err != nil {
		t.Fatal(err)
	}
	if err := d.Reply(id, giulia, "Prego.\r\nGrazie."); err != nil {
		t.Fatal(err)
	}
	for range 2 { // closing a closed ticket is no event
		if err := d.CloseTicket(id, giulia); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "everything is delivered", func() bool { return d.Undelivered() == 0 })
	g.mu.Lock()
	defer g.mu.Unlock()
	kinds := []hosting.TicketEventKind{}
	ids := map[string]bool{}
	for _, in := range g.taken {
		kinds, ids[in.ID] = append(kinds, in.Kind), true
		if in.Ticket != id || in.Author != giulia || in.Subject == "" {
			t.Errorf("delivered %+v", in)
		}
	}
	if !slices.Equal(kinds, []hosting.TicketEventKind{hosting.TicketMessage, hosting.TicketMessage, hosting.TicketClosed}) || len(ids) != 3 {
		t.Errorf("delivered %v under ids %v, want message, message, closed", kinds, ids)
	}
	if g.taken[1].Body != "Prego.\nGrazie." {
		t.Errorf("the reply arrived as %q", g.taken[1].Body)
	}
}

// A gateway that is down: the same delivery id over all attempts, a new
// timestamp for each, order kept within the ticket, other tickets not held up.
func TestCourier_RetriesInOrderUnderOneDeliveryID(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	down := map[string]int{"1001-1": 3}
	g := startGateway(t, func(in ticket.Incoming) int {
		mu.Lock()
		defer mu.Unlock()
		if down[in.ID] > 0 {
			down[in.ID]--
			return http.StatusServiceUnavailable
		}
		return http.StatusOK
	})
	c := config(t)
	c.GatewayURL = g.url
	d := start(t, c)
	create(t, d, ann)
	for _, body := range []string{"second", "third"} {
		if err := d.Reply("1001", ann, body); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := d.Create(giulia, "another", "not held up"); err != nil {
		t.Fatal(err)
	}
	eventually(t, "everything is delivered", func() bool { return d.Undelivered() == 0 })
	if got, want := g.bodies(), []string{"not held up", "It hangs.", "second", "third"}; !slices.Equal(got, want) {
		t.Errorf("taken in the order %q, want %q", got, want)
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	attempts := g.deliveries["1001-1"]
	if len(attempts) != 4 || len(slices.Compact(slices.Clone(attempts))) != 1 {
		t.Errorf("attempts under %v, want four under one id", attempts)
	}
	if next := g.deliveries["1001-2"]; len(next) != 1 || next[0] == attempts[0] {
		t.Errorf("the next one went under %v", next)
	}
}

func TestCourier_KeepsTheOutboxOverARestart(t *testing.T) {
	t.Parallel()
	dead := startGateway(t, always(http.StatusInternalServerError))
	c := config(t)
	c.GatewayURL = dead.url
	d := start(t, c)
	create(t, d, ann)
	eventually(t, "a first attempt", func() bool {
		dead.mu.Lock()
		defer dead.mu.Unlock()
		return len(dead.deliveries["1001-1"]) > 0
	})
	d.Close()

	alive := startGateway(t, always(http.StatusOK))
	c.GatewayURL = alive.url
	again := start(t, c)
	eventually(t, "it is delivered after the restart", func() bool { return again.Undelivered() == 0 })
	if got := alive.bodies(); !slices.Equal(got, []string{"It hangs."}) {
		t.Errorf("delivered %q", got)
	}
	if alive.deliveries["1001-1"][0] != dead.deliveries["1001-1"][0] {
		t.Error("the delivery id changed with the restart")
	}
}

func TestCourier_DropsWhatTheGatewayRefusesForGood(t *testing.T) {
	t.Parallel()
	g := startGateway(t, func(in ticket.Incoming) int {
		if strings.HasSuffix(in.ID, "-1") {
			return http.StatusUnprocessableEntity
		}
		return http.StatusOK
	})
	c := config(t)
	c.GatewayURL = g.url
	d := start(t, c)
	create(t, d, ann)
	if err := d.Reply("1001", ann, "second"); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the outbox is empty", func() bool { return d.Undelivered() == 0 })
	if got := g.bodies(); !slices.Equal(got, []string{"second"}) || len(g.deliveries["1001-1"]) != 1 {
		t.Errorf("delivered %q, attempts %v", got, g.deliveries)
	}
}

// The gateway took it, but its answer was lost: the retry under the same id
// must end the matter without a second event.
func TestCourier_IsSatisfiedWithARepeatedDelivery(t *testing.T) {
	t.Parallel()
	g := startGateway(t, always(http.StatusOK))
	var mu sync.Mutex
	lost := false
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		first := !lost
		lost = true
		mu.Unlock()
		onward, err := http.NewRequestWithContext(r.Context(), http.MethodPost, g.url, r.Body)
		if err != nil {
			panic(err)
		}
		onward.Header = r.Header.Clone()
		response, err := http.DefaultClient.Do(onward)
		if err != nil {
			panic(err)
		}
		defer response.Body.Close()
		if first {
			panic(http.ErrAbortHandler)
		}
		w.WriteHeader(response.StatusCode)
	}))
	t.Cleanup(proxy.Close)
	c := config(t)
	c.GatewayURL = proxy.URL
	d := start(t, c)
	create(t, d, ann)
	eventually(t, "the desk is satisfied", func() bool { return d.Undelivered() == 0 })
	if got := g.bodies(); len(got) != 1 {
		t.Errorf("the gateway handled %q, want one event", got)
	}
}
