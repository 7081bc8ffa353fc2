package httpdesk_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/handrail/handrail/activities/desk"
	"github.com/handrail/handrail/activities/desk/httpdesk"
	"github.com/handrail/handrail/activities/desk/signature"
	"github.com/handrail/handrail/dev/ticketdesk"
	"github.com/handrail/handrail/hosting"
)

const secret = signature.Secret("the secret of the tests of the HTTP desk")

const ann = "ann@acme.example"

// startDesk runs a real desk and opens ticket 1001.
func startDesk(t *testing.T) *ticketdesk.Desk {
	t.Helper()
	d, err := ticketdesk.Start(t.Context(), ticketdesk.Config{
		Address: "127.0.0.1:0", Secret: secret, DataFile: filepath.Join(t.TempDir(), "desk.json"), Provider: "Example Hosting",
		Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.Close)
	if _, err := d.Create(ann, "Server intervention request - [DS-1042]", "It hangs."); err != nil {
		t.Fatal(err)
	}
	return d
}

func newClient(t *testing.T, endpoint string, adjust ...func(*httpdesk.Config)) *httpdesk.Client {
	t.Helper()
	config := httpdesk.Config{URL: endpoint, Secret: secret, Timeout: 5 * time.Second}
	for _, f := range adjust {
		f(&config)
	}
	c, err := httpdesk.New(config)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// between puts something between client and desk; forward passes a request on.
func between(t *testing.T, d *ticketdesk.Desk, f func(w http.ResponseWriter, r *http.Request, forward http.Handler)) string {
	t.Helper()
	target, err := url.Parse(d.URL())
	if err != nil {
		t.Fatal(err)
	}
	proxy := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target) }}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { f(w, r, proxy) }))
	t.Cleanup(server.Close)
	return server.URL + ticketdesk.EndpointPath
}

// loseResponse lets the desk do what is asked and breaks the connection then.
func loseResponse(r *http.Request, forward http.Handler) {
	forward.ServeHTTP(httptest.NewRecorder(), r)
	panic(http.ErrAbortHandler)
}

func wantKind(t *testing.T, err error, kind hosting.FaultKind, words ...string) {
	t.Helper()
	if hosting.KindOf(err) != kind {
		t.Fatalf("%v: kind %q, want %q", err, hosting.KindOf(err), kind)
	}
	for _, w := range words {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("%q does not say %q", err, w)
		}
	}
	if strings.Contains(err.Error(), string(secret)) {
		t.Errorf("the secret stands in %q", err)
	}
}

func bodies(th desk.Thread) []string {
	var all []string
	for _, m := range th.Messages {
		all = append(all, m.Body)
	}
	return all
}

func TestClient_PostsFindsClosesAndReads(t *testing.T) {
	t.Parallel()
	d := startDesk(t)
	c, ctx := newClient(t, d.Endpoint()), t.Context()
	posted, err := c.Post(ctx, desk.Message{Ticket: "1001", Kind: desk.Question, Key: "q", Body: "May we?"})
	if err != nil || posted.ID == "" || posted.Kind != desk.Question || posted.Body != "May we?" {
		t.Fatalf("posted %+v, %v", posted, err)
	}
	found, ok, err := c.FindByKey(ctx, "1001", "q")
	if err != nil || !ok || found != posted {
		t.Fatalf("found %+v, %t, %v; want %+v", found, ok, err, posted)
	}
	if _, ok, err := c.FindByKey(ctx, "1001", "another"); ok || err != nil {
		t.Fatalf("found what was never posted: %t, %v", ok, err)
	}
	if th, err := c.Read(ctx, "1001"); err != nil || th.State != desk.Waiting || len(th.Messages) != 2 || th.Messages[0].Author != ann || th.Messages[0].Kind != desk.Customer {
		t.Fatalf("read %+v, %v; want the customer's message, ours, and state waiting", th, err)
	}
	if err := c.Close(ctx, "1001", "q/close"); err != nil {
		t.Fatal(err)
	}
	if th, err := c.Read(ctx, "1001"); err != nil || th.State != desk.Closed {
		t.Fatalf("after closing: %v, %v", th.State, err)
	}
}

func TestClient_OpensATicketOncePerKey(t *testing.T) {
	t.Parallel()
	d := startDesk(t)
	c, ctx := newClient(t, d.Endpoint()), t.Context()
	in := desk.NewTicket{Key: "op-8", Contact: ann, Subject: "Work on DS-1042", Body: "Hello", Language: hosting.Italian}
	first, err := c.Open(ctx, in)
	if err != nil {
		t.Fatal(err)
	}
	again, err := c.Open(ctx, in)
	if err != nil || again != first || first != "1002" {
		t.Fatalf("%q, then %q, %v; want 1002 twice", first, again, err)
	}
	if m, ok, err := c.FindByKey(ctx, "", "op-8"); err != nil || !ok || m.Ticket != first {
		t.Fatalf("found %+v, %t, %v", m, ok, err)
	}
	if th, _ := d.Thread(first); th.Language != hosting.Italian || th.Contact != ann {
		t.Errorf("the ticket is %+v", th)
	}
}

// A response that is lost makes every write an error, though it was done: the
// retry must find or repeat it without a second effect.
func TestClient_WritesOnceThoughTheResponseIsLost(t *testing.T) {
	t.Parallel()
	d := startDesk(t)
	var lose atomic.Bool
	c := newClient(t, between(t, d, func(w http.ResponseWriter, r *http.Request, forward http.Handler) {
		if lose.Load() {
			loseResponse(r, forward)
		}
		forward.ServeHTTP(w, r)
	}))
	ctx := t.Context()
	writes := map[string]func() error{
		"post": func() error {
			_, err := c.Post(ctx, desk.Message{Ticket: "1001", Kind: desk.Answer, Key: "a", Body: "We begin."})
			return err
		},
		"open": func() error {
			_, err := c.Open(ctx, desk.NewTicket{Key: "o", Contact: ann, Subject: "s", Body: "b", Language: hosting.English})
			return err
		},
		"close": func() error { return c.Close(ctx, "1001", "c") },
	}
	for name, write := range writes {
		lose.Store(true)
		wantKind(t, write(), hosting.FaultUnreachable)
		lose.Store(false)
		if err := write(); err != nil {
			t.Fatalf("%s again: %v", name, err)
		}
	}
	if th, err := d.Thread("1001"); err != nil || len(th.Messages) != 2 || th.State != desk.Closed {
		t.Errorf("ticket 1001 is %+v, %v; want one message of ours, closed", th, err)
	}
	if _, err := d.Thread("1003"); err == nil {
		t.Error("the ticket was opened twice")
	}
}

// A customer reopens the ticket between a close and its repeat.
func TestClient_RepeatOfACloseDoesNotCloseAReopenedTicket(t *testing.T) {
	t.Parallel()
	d := startDesk(t)
	c := newClient(t, d.Endpoint())
	for range 2 {
		if err := c.Close(t.Context(), "1001", "c"); err != nil {
			t.Fatal(err)
		}
		if err := d.Reply("1001", ann, "One more thing."); err != nil {
			t.Fatal(err)
		}
	}
	if th, _ := d.Thread("1001"); th.State != desk.Open {
		t.Errorf("the ticket is %s, want open", th.State)
	}
}

func TestClient_IsToldWhenToComeBack(t *testing.T) {
	t.Parallel()
	d := startDesk(t)
	var calls atomic.Int32
	c := newClient(t, between(t, d, func(w http.ResponseWriter, r *http.Request, forward http.Handler) {
		switch calls.Add(1) {
		case 1:
			w.Header().Set("Retry-After", "7")
			w.WriteHeader(http.StatusServiceUnavailable)
		case 2:
			w.Header().Set("Retry-After", time.Now().Add(30*time.Second).UTC().Format(http.TimeFormat))
			w.WriteHeader(http.StatusTooManyRequests)
		case 3:
			w.Header().Set("Retry-After", "999999999")
			w.WriteHeader(http.StatusBadGateway)
		default:
			forward.ServeHTTP(w, r)
		}
	}))
	for _, want := range []struct{ least, most time.Duration }{{7 * time.Second, 7 * time.Second}, {20 * time.Second, 30 * time.Second}, {time.Hour, time.Hour}} {
		_, err := c.Read(t.Context(), "1001")
		wantKind(t, err, hosting.FaultUnreachable)
		postponed, ok := errors.AsType[*desk.Postponed](err)
		if !ok || postponed.RetryAfter() < want.least || postponed.RetryAfter() > want.most {
			t.Errorf("%v: postponed %v, want %s to %s", err, postponed, want.least, want.most)
		}
	}
	if _, err := c.Read(t.Context(), "1001"); err != nil {
		t.Errorf("after the trouble: %v", err)
	}
}

func TestClient_ReadsLongTicketsPageByPage(t *testing.T) {
	t.Parallel()
	d := startDesk(t)
	for i := range 120 {
		if err := d.Reply("1001", ann, fmt.Sprintf("message %d", i)); err != nil {
			t.Fatal(err)
		}
	}
	var calls atomic.Int32
	c := newClient(t, between(t, d, func(w http.ResponseWriter, r *http.Request, forward http.Handler) {
		calls.Add(1)
		forward.ServeHTTP(w, r)
	}))
	th, err := c.Read(t.Context(), "1001")
	if err != nil || len(th.Messages) != 121 || calls.Load() != 3 {
		t.Fatalf("%d messages in %d requests, %v; want 121 in 3", len(th.Messages), calls.Load(), err)
	}
	if all := bodies(th); all[1] != "message 0" || all[120] != "message 119" || !slices.IsSortedFunc(th.Messages, func(a, b desk.Message) int { return a.At.Compare(b.At) }) {
		t.Error("the messages are not in order")
	}
}

func TestClient_TellsTheDesksRefusals(t *testing.T) {
	t.Parallel()
	d := startDesk(t)
	ctx := t.Context()
	c := newClient(t, d.Endpoint())
	_, err := c.Read(ctx, "4711")
	wantKind(t, err, hosting.FaultInvalidRequest, "4711", "no such ticket")
	_, err = c.Post(ctx, desk.Message{Ticket: "1001", Kind: desk.Answer, Key: "k", Body: strings.Repeat("x", httpdesk.MaxBody+1)})
	wantKind(t, err, hosting.FaultInvalidRequest, "1001", "body")
	_, err = c.Post(ctx, desk.Message{Ticket: "1001", Kind: desk.Customer, Key: "k", Body: "x"})
	wantKind(t, err, hosting.FaultInvalidRequest, "kind")
	_, err = c.Post(ctx, desk.Message{Ticket: "../1001", Kind: desk.Answer, Key: "k", Body: "x"})
	wantKind(t, err, hosting.FaultInvalidRequest, "ticket")

	other := newClient(t, d.Endpoint(), func(c *httpdesk.Config) { c.Secret = "quite another secret" })
	_, err = other.Read(ctx, "1001")
	wantKind(t, err, hosting.FaultNotAuthorized, "signature")
	late := newClient(t, d.Endpoint(), func(c *httpdesk.Config) {
		c.Now = func() time.Time { return time.Now().Add(-6 * time.Minute) }
	})
	_, err = late.Read(ctx, "1001")
	wantKind(t, err, hosting.FaultNotAuthorized, "clock")
}

func TestClient_IsRefusedWhatIsTamperedWithOrReplayed(t *testing.T) {
	t.Parallel()
	d := startDesk(t)
	c := newClient(t, between(t, d, func(w http.ResponseWriter, r *http.Request, forward http.Handler) {
		tampered := r.Clone(r.Context())
		tampered.Header.Set(signature.HeaderDelivery, "another")
		forward.ServeHTTP(w, tampered)
	}))
	err := c.Close(t.Context(), "1001", "c")
	wantKind(t, err, hosting.FaultNotAuthorized)

	body := []byte(`{"request":"close","ticket":"1001","key":"c"}`)
	h := signature.Sign(secret, time.Now(), signature.NewDelivery(), body)
	for _, want := range []int{http.StatusOK, http.StatusConflict} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, d.Endpoint(), strings.NewReader(string(body)))
		if err != nil {
			t.Fatal(err)
		}
		r.Header = h.Clone()
		response, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		if response.StatusCode != want {
			t.Errorf("status %d, want %d", response.StatusCode, want)
		}
	}
}

func TestClient_GivesUpWithTheContext(t *testing.T) {
	t.Parallel()
	d := startDesk(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := newClient(t, d.Endpoint()).Read(ctx, "1001"); !errors.Is(err, context.Canceled) || hosting.KindOf(err) != "" {
		t.Errorf("%v, want the context's own error", err)
	}
}
