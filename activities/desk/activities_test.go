package desk_test

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
	"strings"
	"sync/atomic"
	"testing"

	"github.com/handrail/handrail/activities/desk"
	"github.com/handrail/handrail/activities/desk/httpdesk"
	"github.com/handrail/handrail/dev/ticketdesk"
	"github.com/handrail/handrail/hosting"
)

const (
	secret   = "the secret of the desk activities' tests"
	provider = "Example Hosting"
	ann      = "ann@acme.example"
)

// counting renders a letter anew every time, so that a second message would
// show.
type counting struct{ renders atomic.Int32 }

func (c *counting) Ticket(l hosting.Letter) (subject, body string, err error) {
	if l.Name == "" {
		return "", "", errors.New("no such template")
	}
	n := c.renders.Add(1)
	return "Work on " + l.Server, fmt.Sprintf("%s, rendering %d", l.Name, n), nil
}

// rig is the activities on a real desk, with a line between them that can lose
// the answers.
type rig struct {
	*desk.Activities
	desk    *ticketdesk.Desk
	letters *counting
	// lose is how many of the next answers to writes get lost.
	lose atomic.Int32
}

func newRig(t *testing.T) *rig {
	t.Helper()
	d, err := ticketdesk.Start(t.Context(), ticketdesk.Config{
		Address: "127.0.0.1:0", Secret: secret, DataFile: filepath.Join(t.TempDir(), "desk.json"), Provider: provider,
		Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.Close)
	if _, err := d.Create(ann, "Server intervention request - [DS-1042]", "Details: It hangs."); err != nil {
		t.Fatal(err)
	}
	r := &rig{desk: d, letters: &counting{}}
	line := httptest.NewServer(r.line(t))
	t.Cleanup(line.Close)
	client, err := httpdesk.New(httpdesk.Config{URL: line.URL + ticketdesk.EndpointPath, Secret: secret})
	if err != nil {
		t.Fatal(err)
	}
	r.Activities = &desk.Activities{Desk: client, Letters: r.letters, Provider: provider}
	return r
}

func (r *rig) line(t *testing.T) http.Handler {
	target, err := url.Parse(r.desk.URL())
	if err != nil {
		t.Fatal(err)
	}
	proxy := &httputil.ReverseProxy{Rewrite: func(p *httputil.ProxyRequest) { p.SetURL(target) }}
	return http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		answer := httptest.NewRecorder()
		proxy.ServeHTTP(answer, request)
		// An answer that names nothing found is no write: let it through.
		if strings.TrimSpace(answer.Body.String()) != "{}" && r.lose.Add(-1) >= 0 {
			panic(http.ErrAbortHandler)
		}
		for name, values := range answer.Header() {
			w.Header()[name] = values
		}
		w.WriteHeader(answer.Code)
		_, _ = w.Write(answer.Body.Bytes())
	})
}

func (r *rig) thread(t *testing.T, ticket string) ticketdesk.Ticket {
	t.Helper()
	th, err := r.desk.Thread(ticket)
	if err != nil {
		t.Fatal(err)
	}
	return th
}

// until runs an activity as Temporal would: again, while its error may pass.
func until(t *testing.T, attempt func() error) (attempts int) {
	t.Helper()
	for attempts = 1; ; attempts++ {
		err := attempt()
		if err == nil {
			return attempts
		}
		if hosting.KindOf(err) != hosting.FaultUnreachable || attempts > 10 {
			t.Fatalf("attempt %d: %v", attempts, err)
		}
	}
}

func TestWriteTicket_WritesOnceThoughAnswersGetLost(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	in := desk.Writing{Ticket: "1001", Key: "op-7/summary/1", Kind: desk.Summary, Letter: hosting.Letter{Name: hosting.LetterSummary}, Close: true}
	r.lose.Store(3) // that of post, that of find, that of close
	var out desk.Written
	attempts := until(t, func() (err error) {
		out, err = r.WriteTicket(t.Context(), in)
		return err
	})
	th := r.thread(t, "1001")
	if attempts < 2 || len(th.Messages) != 2 || th.State != desk.Closed || r.letters.renders.Load() != 1 {
		t.Errorf("after %d attempts and %d renderings the ticket is %+v; want one message of ours, closed", attempts, r.letters.renders.Load(), th)
	}
	if m := th.Messages[1]; out.Message != m.ID || m.Kind != desk.Summary || m.Body != "summary, rendering 1" {
		t.Errorf("written %+v, the message is %+v", out, m)
	}
}

func TestWriteTicket_AQuestionWaitsForTheCustomer(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	for _, key := range []string{"op-7/question/1", "op-7/question/1", "op-7/question/2"} {
		if _, err := r.WriteTicket(t.Context(), desk.Writing{Ticket: "1001", Key: key, Kind: desk.Question, Letter: hosting.Letter{Name: hosting.LetterMissing}}); err != nil {
			t.Fatal(err)
		}
	}
	if th := r.thread(t, "1001"); th.State != desk.Waiting || len(th.Messages) != 3 {
		t.Errorf("the ticket is %+v; want it waiting, with two questions", th)
	}
}

func TestOpenTicket_OpensOnceThoughTheAnswerGetsLost(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.lose.Store(2)
	in := desk.Opening{Key: "op-8/ticket", Contact: ann, Letter: hosting.Letter{Name: hosting.LetterOpened, Language: hosting.Polish, Server: "DS-1042"}}
	var id string
	until(t, func() (err error) {
		id, err = r.OpenTicket(t.Context(), in)
		return err
	})
	th := r.thread(t, "1002")
	if id != "1002" || th.Subject != "Work on DS-1042" || th.Language != hosting.Polish || th.Contact != ann || th.Messages[0].Body != "opened, rendering 1" {
		t.Errorf("opened %s: %+v", id, th)
	}
	if _, err := r.desk.Thread("1003"); err == nil {
		t.Error("two tickets were opened")
	}
}

func TestReadTicket_ReturnsWhatCustomersWrote(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	for i, kind := range []desk.MessageKind{desk.Answer, desk.Question, desk.Note, desk.Summary} {
		if _, err := r.WriteTicket(t.Context(), desk.Writing{Ticket: "1001", Key: fmt.Sprint(i), Kind: kind, Letter: hosting.Letter{Name: hosting.LetterMissing}}); err != nil {
			t.Fatal(err)
		}
	}
	allowed := hosting.StatementText(hosting.PowerAllowed, hosting.English, provider)
	if err := r.desk.Reply("1001", "bob@acme.example", allowed); err != nil {
		t.Fatal(err)
	}
	events, err := r.ReadTicket(t.Context(), "1001")
	if err != nil || len(events) != 2 {
		t.Fatalf("%d events, %v; want the two messages of customers", len(events), err)
	}
	first, second := events[0], events[1]
	if first.ID != "1001-1" || first.Author != ann || first.Kind != hosting.TicketMessage || first.Ticket != "1001" || first.Procedure != hosting.ServerIntervention || first.At.IsZero() {
		t.Errorf("the first event is %+v", first)
	}
	if second.Author != "bob@acme.example" || second.Fields.Power == nil || second.Fields.Power.Evidence.Message != second.ID {
		t.Errorf("the second event is %+v; want the power statement with its message", second)
	}
}

func TestActivities_RefuseWhatCanNotBeDone(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	letter := hosting.Letter{Name: hosting.LetterMissing}
	good := desk.Writing{Ticket: "1001", Key: "k", Kind: desk.Answer, Letter: letter}
	write := func(change func(*desk.Writing)) func(context.Context) error {
		in := good
		change(&in)
		return func(ctx context.Context) error { _, err := r.WriteTicket(ctx, in); return err }
	}
	cases := map[string]func(context.Context) error{
		"no ticket":      write(func(w *desk.Writing) { w.Ticket = "" }),
		"no key":         write(func(w *desk.Writing) { w.Key = "" }),
		"a customer's":   write(func(w *desk.Writing) { w.Kind = desk.Customer }),
		"unknown ticket": write(func(w *desk.Writing) { w.Ticket = "4711" }),
		"read no ticket": func(ctx context.Context) error { _, err := r.ReadTicket(ctx, ""); return err },
		"read unknown":   func(ctx context.Context) error { _, err := r.ReadTicket(ctx, "4711"); return err },
		"open without key": func(ctx context.Context) error {
			_, err := r.OpenTicket(ctx, desk.Opening{Contact: ann, Letter: letter})
			return err
		},
		"open for nobody": func(ctx context.Context) error {
			_, err := r.OpenTicket(ctx, desk.Opening{Key: "k", Letter: letter})
			return err
		},
		"open for no person": func(ctx context.Context) error {
			_, err := r.OpenTicket(ctx, desk.Opening{Key: "k", Contact: "Ann", Letter: letter})
			return err
		},
	}
	for name, f := range cases {
		if err := f(t.Context()); hosting.KindOf(err) != hosting.FaultInvalidRequest {
			t.Errorf("%s: %v, want InvalidRequest", name, err)
		}
	}
	if err := write(func(w *desk.Writing) { w.Letter.Name = "" })(t.Context()); err == nil || !strings.Contains(err.Error(), "no such template") {
		t.Errorf("a letter that can not be rendered: %v", err)
	}
	if th := r.thread(t, "1001"); len(th.Messages) != 1 {
		t.Errorf("something was written: %+v", th)
	}
}

// tooLong is a desk whose ticket does not fit into one result.
type tooLong struct{ desk.Desk }

func (tooLong) Read(_ context.Context, ticket string) (desk.Thread, error) {
	th := desk.Thread{Ticket: ticket}
	for i := range 7 {
		th.Messages = append(th.Messages, desk.Message{
			ID: fmt.Sprint(i), Ticket: ticket, Kind: desk.Customer, Author: ann, ContentType: "text/plain", Body: strings.Repeat("word ", 40<<10),
		})
	}
	return th, nil
}

func TestReadTicket_BoundsItsResult(t *testing.T) {
	t.Parallel()
	a := desk.Activities{Desk: tooLong{}, Provider: provider}
	events, err := a.ReadTicket(t.Context(), "1001")
	size := 0
	for _, e := range events {
		size += len(e.Text) + len(e.Fields.Details)
	}
	if size > 1<<20 || err != nil && hosting.KindOf(err) != hosting.FaultUnsupported {
		t.Errorf("%d bytes of text, %v; want at most a megabyte, or Unsupported", size, err)
	}
}
