package main

import (
	"context"
	"flag"
	"log/slog"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.temporal.io/sdk/client"

	"github.com/handrail/handrail/activities/desk"
	"github.com/handrail/handrail/activities/records"
	"github.com/handrail/handrail/dev/datacenter"
	"github.com/handrail/handrail/dev/datacenter/chassis"
	"github.com/handrail/handrail/dev/ticketdesk"
	"github.com/handrail/handrail/hosting"
	"github.com/handrail/handrail/workflows"
)

// patience is how long a test waits for what takes seconds at most.
const patience = 60 * time.Second

// bench is a running system and a test that uses it.
type bench struct {
	*system
	t *testing.T
}

// shared is one system for all tests that do not disturb each other: each has
// its own ticket and servers.
var shared struct {
	once   sync.Once
	system *system
	err    error
}

func TestMain(m *testing.M) {
	// These tests wait for machines rather than work: more of them go side by
	// side than there are cores. The command line has the last word.
	if err := flag.Set("test.parallel", "6"); err != nil {
		panic(err)
	}
	code := m.Run()
	if shared.system != nil {
		if err := shared.system.stop(context.Background()); err != nil {
			slog.Error("the shared system did not stop", "error", err)
		}
		os.RemoveAll(shared.system.config.dir) //nolint:errcheck,gosec // a temporary folder
	}
	os.Exit(code)
}

func share(t *testing.T) *bench {
	t.Helper()
	shared.once.Do(func() {
		var dir string
		if dir, shared.err = os.MkdirTemp("", "handrail-e2e-"); shared.err == nil {
			shared.err = os.Chmod(dir, 0o755) //nolint:gosec // PostgreSQL runs as another user below it
		}
		if shared.err == nil {
			shared.system, shared.err = start(context.Background(), testConfig(dir))
		}
	})
	if shared.err != nil {
		t.Fatal(shared.err)
	}
	return &bench{shared.system, t}
}

// own starts a system for this test alone.
func own(t *testing.T, c config) *bench {
	t.Helper()
	s, err := start(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.stop(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return &bench{s, t}
}

func testConfig(dir string) config {
	return config{
		dir: dir, servers: 180, databaseURL: os.Getenv("DATABASE_URL"), policy: testPolicy,
		log: slog.New(slog.DiscardHandler), progress: func(string) {},
	}
}

// testPolicy is dev's, but for machines that are soon given up.
var testPolicy = strings.NewReplacer(`boot = "1m"`, `boot = "30s"`, `stall = "45s"`, `stall = "30s"`, `answer = "45s"`, `answer = "20s"`, `look = "2s"`, `look = "1s"`).Replace(devPolicy)

// subject is a customer with a server that no other test works on.
type subject struct {
	contact hosting.Contact
	server  hosting.Server
	machine *datacenter.Machine
}

var taken struct {
	sync.Mutex
	servers []string
}

// customer finds a free server of an organization whose primary contact writes
// in the language; protocols limits to servers with just these.
func (b *bench) customer(l hosting.Language, protocols ...hosting.Protocol) subject {
	b.t.Helper()
	return b.find(l, func(s hosting.Server) bool { return speaks(s, protocols) })
}

// customerOf finds a free server with a BMC of a vendor.
func (b *bench) customerOf(vendor string) subject {
	b.t.Helper()
	return b.find("", func(s hosting.Server) bool {
		m := b.center.Machine(s.ServiceID)
		return m != nil && m.Vendor() == vendor && s.BMC.Endpoints[0].Protocol == hosting.Redfish &&
			(s.BMC.Endpoints[0].System != "" || m.Hardware().Baseboard == "")
	})
}

// find takes a free server that suits.
func (b *bench) find(l hosting.Language, suits func(hosting.Server) bool) subject {
	b.t.Helper()
	taken.Lock()
	defer taken.Unlock()
	for _, o := range b.center.Organizations() {
		c, ok := o.PrimaryContact()
		if !ok && l == "" && len(o.Contacts) > 0 {
			c, ok = o.Contact(o.Contacts[0].Email)
		}
		if !ok || l != "" && c.Language != l {
			continue
		}
		for _, s := range b.center.Servers() {
			if s.Organization != o.ID || s.State != hosting.ServerActive || slices.Contains(taken.servers, b.config.dir+s.ServiceID) || !suits(s) {
				continue
			}
			taken.servers = append(taken.servers, b.config.dir+s.ServiceID)
			m := b.center.Machine(s.ServiceID)
			m.SetPower(true)
			return subject{c, s, m}
		}
	}
	b.t.Fatalf("no free server of a customer who writes %q", l)
	return subject{}
}

func speaks(s hosting.Server, protocols []hosting.Protocol) bool {
	if protocols == nil {
		protocols = []hosting.Protocol{hosting.Redfish, hosting.IPMI}
	}
	var have []hosting.Protocol
	for _, e := range s.BMC.Endpoints {
		if e.Protocol == hosting.Redfish && e.System == "" {
			return false // refused: its BMC has several systems
		}
		have = append(have, e.Protocol)
	}
	slices.Sort(have)
	slices.Sort(protocols)
	return slices.Equal(have, protocols)
}

// request opens a ticket and returns its number and its workflow's id.
func (b *bench) request(c subject, complete bool) (ticket, workflow string) {
	b.t.Helper()
	var power, backup hosting.StatementKind
	if complete {
		power, backup = hosting.PowerAllowed, hosting.BackupExists
	}
	title, body := ticketdesk.RequestText(c.contact.Language, c.server.ServiceID, b.provider, power, backup)
	ticket, err := b.desk.Create(c.contact.Email, title, body)
	if err != nil {
		b.t.Fatal(err)
	}
	return ticket, workflows.IDPrefix(hosting.ServerIntervention) + "/" + ticket
}

func (b *bench) reply(c subject, ticket, body string) {
	b.t.Helper()
	if err := b.desk.Reply(ticket, c.contact.Email, body); err != nil {
		b.t.Fatal(err)
	}
}

// until polls for a condition, and fails with the words if it does not come.
func (b *bench) until(what string, cond func() bool) {
	b.t.Helper()
	deadline := time.Now().Add(patience)
	for !cond() {
		if time.Now().After(deadline) {
			b.t.Fatalf("waited %s for: %s", patience, what)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// at waits until an operation stands at a step.
func (b *bench) at(workflow, step string) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.t.Context(), patience)
	defer cancel()
	if err := b.awaitStep(ctx, workflow, step); err != nil {
		b.t.Fatalf("%s did not come to step %s: %v; %+v", workflow, step, err, b.status(workflow))
	}
}

func (b *bench) phaseOf(workflow string) hosting.Phase {
	value, err := b.client.QueryWorkflow(b.t.Context(), workflow, "", "status")
	var s workflows.Status
	if err != nil || value.Get(&s) != nil {
		return ""
	}
	return s.Phase
}

// inPhase waits until an operation is in a phase.
func (b *bench) inPhase(workflow string, phase hosting.Phase) {
	b.t.Helper()
	b.until(workflow+" "+string(phase), func() bool { return b.phaseOf(workflow) == phase })
}

func (b *bench) status(workflow string) (s workflows.Status) {
	b.t.Helper()
	value, err := b.client.QueryWorkflow(b.t.Context(), workflow, "", "status")
	if err != nil {
		b.t.Fatal(err)
	}
	if err := value.Get(&s); err != nil {
		b.t.Fatal(err)
	}
	return s
}

// tell sends an update and returns its answer.
func tell[T any](b *bench, workflow, name string, arg any) (answer T, err error) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.t.Context(), 2*patience)
	defer cancel()
	handle, err := b.client.UpdateWorkflow(ctx, client.UpdateWorkflowOptions{
		WorkflowID: workflow, UpdateName: name, Args: []any{arg}, WaitForStage: client.WorkflowUpdateStageCompleted,
	})
	if err != nil {
		return answer, err
	}
	return answer, handle.Get(ctx, &answer)
}

func (b *bench) power(workflow string, action hosting.PowerAction) (hosting.PowerResult, error) {
	b.t.Helper()
	return tell[hosting.PowerResult](b, workflow, "power", workflows.PowerOrder{Staff: workflows.Staff{By: "anna"}, Action: action})
}

func (b *bench) finish(workflow string) workflows.Result {
	b.t.Helper()
	_, err := tell[string](b, workflow, "finish", workflows.Finish{
		Staff: workflows.Staff{By: "anna"}, Resolved: true, Summary: "It hung; it was restarted and answers again.",
	})
	if err != nil {
		b.t.Fatal(err)
	}
	return b.result(workflow)
}

func (b *bench) result(workflow string) (r workflows.Result) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.t.Context(), 2*patience)
	defer cancel()
	if err := b.client.GetWorkflow(ctx, workflow, "").Get(ctx, &r); err != nil {
		s := b.status(workflow)
		b.t.Fatalf("%s: %v; it is %s at %s, waiting on %s: %s", workflow, err, s.Phase, s.Step, s.WaitingOn, s.Error)
	}
	return r
}

// posts are the bodies of what Handrail wrote on a ticket.
func (b *bench) posts(ticket string) (bodies []string) {
	b.t.Helper()
	thread, err := b.desk.Thread(ticket)
	if err != nil {
		b.t.Fatal(err)
	}
	for _, m := range thread.Messages {
		if m.Kind != desk.Customer {
			bodies = append(bodies, m.Body)
		}
	}
	return bodies
}

// operation is the row of a ticket's operation.
func (b *bench) operation(ticket string) hosting.Operation {
	b.t.Helper()
	ops, err := b.records.Operations(b.t.Context(), records.Filter{Ticket: ticket, Limit: 10})
	if err != nil || len(ops) != 1 {
		b.t.Fatalf("operations of ticket %s: %v, %v", ticket, ops, err)
	}
	return ops[0]
}

// resets are the kinds of the resets that moved the machine.
func (c subject) resets() (kinds []string) {
	for _, r := range c.machine.Resets() {
		if r.Effect == chassis.Done {
			kinds = append(kinds, r.Kind)
		}
	}
	return kinds
}

func wantText(t *testing.T, text string, words ...string) {
	t.Helper()
	for _, w := range words {
		if !strings.Contains(text, w) {
			t.Errorf("%q is not in:\n%s", w, text)
		}
	}
}
