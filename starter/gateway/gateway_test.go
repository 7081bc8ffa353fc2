package gateway_test

import (
	"bytes"
	"encoding/json"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/workflowservice/v1"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"

	"github.com/handrail/handrail/activities/desk/httpdesk"
	"github.com/handrail/handrail/activities/desk/signature"
	"github.com/handrail/handrail/hosting"
	"github.com/handrail/handrail/starter/gateway"
	"github.com/handrail/handrail/starter/internal/frontend"
)

const (
	secret   signature.Secret = "a secret that both sides share"
	older    signature.Secret = "the one before, still accepted"
	provider                  = "Acme Hosting"
)

// door is a gateway with a real listener, and what is behind it.
type door struct {
	url      string
	gateway  *gateway.Gateway
	temporal *frontend.Frontend
	log      *logBuffer
}

// logBuffer is a log that may be read while it is written.
type logBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func open(t *testing.T, workflows ...*frontend.Workflow) door {
	t.Helper()
	d := door{temporal: frontend.Start(t, workflows...), log: &logBuffer{}}
	var err error
	d.gateway, err = gateway.New(gateway.Config{Listen: "127.0.0.1:0", Provider: provider, DeskSecrets: []signature.Secret{secret, older}},
		d.temporal.Dial(t), slog.New(slog.NewJSONHandler(d.log, &slog.HandlerOptions{Level: slog.LevelDebug})))
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(d.gateway.Handler())
	t.Cleanup(server.Close)
	d.url = server.URL
	return d
}

// delivery is what a desk sends when a customer has written.
func delivery(changes map[string]string) []byte {
	d := map[string]string{
		"id": "1001-1", "kind": "message", "ticket": "1001", "subject": "Server intervention request - [DS-1042]", "author": "ann@acme.example",
		"at": "2026-11-22T02:00:00Z", "contentType": "text/plain; charset=utf-8", "body": "Details: it hangs.",
	}
	maps.Copy(d, changes)
	maps.DeleteFunc(d, func(_, v string) bool { return v == "-" })
	b, err := json.Marshal(d)
	if err != nil {
		panic(err)
	}
	return b
}

type reply struct {
	Taken  bool
	Error  string
	status int
	header http.Header
}

func (d door) post(t *testing.T, header http.Header, body []byte) reply {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, d.url+"/hooks/desk", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	maps.Copy(request.Header, header)
	request.Header.Set("Content-Type", "application/json")
	return do(t, request)
}

func do(t *testing.T, request *http.Request) reply {
	t.Helper()
	resp, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	r := reply{status: resp.StatusCode, header: resp.Header}
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, &r); err != nil {
		t.Fatalf("%d: %s: %v", resp.StatusCode, b, err)
	}
	return r
}

// send signs a delivery under a fresh id, as a desk does.
func (d door) send(t *testing.T, body []byte) reply {
	t.Helper()
	return d.post(t, signature.Sign(secret, time.Now(), signature.NewDelivery(), body), body)
}

func (d door) events(t *testing.T, id string) []hosting.TicketEvent {
	t.Helper()
	return frontend.Signals[hosting.TicketEvent](t, d.temporal, id)
}

func intervention(ticket string, status enumspb.WorkflowExecutionStatus) *frontend.Workflow {
	return &frontend.Workflow{
		ID: "intervention/" + ticket, Type: string(hosting.ServerIntervention), Status: status, Attributes: map[string]any{"Ticket": ticket},
	}
}

const (
	running = enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING
	ended   = enumspb.WORKFLOW_EXECUTION_STATUS_COMPLETED
)

// I15, H10: the first message starts the procedure that the subject asks for,
// a reply goes to it.
func TestDelivery_startsAndSignals_I15(t *testing.T) {
	t.Parallel()
	d := open(t)
	for _, body := range [][]byte{
		delivery(nil),
		delivery(map[string]string{"id": "1001-2", "subject": "Re: Server intervention request - [DS-1042]", "body": "Backup: yes"}),
		delivery(map[string]string{"id": "1001-3", "subject": "something else", "body": "Thanks"}),
	} {
		if r := d.send(t, body); r.status != http.StatusOK || !r.Taken {
			t.Fatalf("%+v", r)
		}
	}
	got := d.events(t, "intervention/1001")
	if len(got) != 3 || got[0].ID != "1001-1" || got[0].Fields.Server != "DS-1042" || got[0].Author != "ann@acme.example" || got[2].Text != "Thanks" {
		t.Errorf("%+v", got)
	}
	if n := len(frontend.Calls[*workflowservice.SignalWithStartWorkflowExecutionRequest](d.temporal)); n != 1 {
		t.Errorf("%d starts", n)
	}
}

// A message without a procedure in its subject goes to whatever works on the
// ticket, under whatever id that was started.
func TestDelivery_repliesGoToWhatRuns(t *testing.T) {
	t.Parallel()
	form := intervention("1002", running)
	form.ID = "started-from-the-form"
	d := open(t, intervention("1001", running), form, intervention("1003", ended))
	for ticket, want := range map[string]bool{"1001": true, "1002": true, "1003": false, "1004": false} {
		for _, subject := range []string{"Ticket " + ticket, "Re: my server"} {
			r := d.send(t, delivery(map[string]string{"id": ticket + subject, "ticket": ticket, "subject": subject}))
			if r.status != http.StatusOK || r.Taken != want {
				t.Errorf("%s: %+v, want %t", ticket, r, want)
			}
		}
	}
	if n, m := len(d.events(t, "intervention/1001")), len(d.events(t, "started-from-the-form")); n != 2 || m != 2 {
		t.Errorf("%d and %d signals", n, m)
	}
}

// An operation that was started from the form under an id of its own has the
// ticket: its messages do not start a second one.
func TestDelivery_startsNoSecondOperation(t *testing.T) {
	t.Parallel()
	form := intervention("1001", running)
	form.ID = "started-from-the-form"
	d := open(t, form)
	if r := d.send(t, delivery(nil)); !r.Taken {
		t.Errorf("%+v", r)
	}
	if n := len(frontend.Calls[*workflowservice.SignalWithStartWorkflowExecutionRequest](d.temporal)); n != 0 || len(d.events(t, form.ID)) != 1 {
		t.Errorf("%d starts, signals %v", n, d.events(t, form.ID))
	}
}

// After its end a procedure is not run again by a late message.
func TestDelivery_afterTheEnd(t *testing.T) {
	t.Parallel()
	d := open(t, intervention("1001", ended))
	if r := d.send(t, delivery(nil)); r.status != http.StatusOK || r.Taken {
		t.Errorf("%+v", r)
	}
}

func TestDelivery_closedTicket(t *testing.T) {
	t.Parallel()
	d := open(t, intervention("1001", running))
	for ticket, want := range map[string]bool{"1001": true, "1002": false} {
		r := d.send(t, delivery(map[string]string{"id": ticket + "-closed", "ticket": ticket, "kind": "closed", "body": "-", "contentType": "-"}))
		if r.status != http.StatusOK || r.Taken != want {
			t.Errorf("%s: %+v", ticket, r)
		}
	}
	got := d.events(t, "intervention/1001")
	if len(got) != 1 || got[0].Kind != hosting.TicketClosed || got[0].Author != "ann@acme.example" {
		t.Errorf("%+v", got)
	}
	// The subject asks for an intervention, but nobody wrote.
	if n := len(frontend.Calls[*workflowservice.SignalWithStartWorkflowExecutionRequest](d.temporal)); n != 0 {
		t.Errorf("%d starts", n)
	}
}

// While secrets are changed, both count.
func TestDelivery_bothSecrets(t *testing.T) {
	t.Parallel()
	d := open(t)
	body := delivery(nil)
	if r := d.post(t, signature.Sign(older, time.Now(), "with-the-older", body), body); r.status != http.StatusOK || !r.Taken {
		t.Errorf("%+v", r)
	}
}

// The largest body that the contract allows is taken, though escapes make its
// JSON six times as long.
func TestDelivery_largest(t *testing.T) {
	t.Parallel()
	d := open(t)
	if r := d.send(t, delivery(map[string]string{"body": strings.Repeat("<", httpdesk.MaxBody)})); r.status != http.StatusOK || !r.Taken {
		t.Errorf("%+v", r)
	}
}

func TestHealthz(t *testing.T) {
	t.Parallel()
	d := open(t)
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, d.url+"/healthz", nil)
	if err != nil {
		t.Fatal(err)
	}
	if r := do(t, request); r.status != http.StatusOK || r.Error != "" {
		t.Errorf("%+v", r)
	}
	d.temporal.Health.SetServingStatus("temporal.api.workflowservice.v1.WorkflowService", healthpb.HealthCheckResponse_NOT_SERVING)
	if r := do(t, request.Clone(t.Context())); r.status != http.StatusServiceUnavailable || r.Error == "" {
		t.Errorf("%+v", r)
	}
}
