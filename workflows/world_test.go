package workflows

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/mock"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/worker"

	"github.com/handrail/handrail/activities"
	"github.com/handrail/handrail/activities/bmc"
	"github.com/handrail/handrail/activities/desk"
	"github.com/handrail/handrail/activities/mail"
	"github.com/handrail/handrail/activities/records"
	"github.com/handrail/handrail/hosting"
)

// world stands in for everything outside the workflows, in memory: what the
// time-skipping tests run against. The real counterparts have the end-to-end
// tests.
type world struct {
	env    *testsuite.TestWorkflowEnvironment
	policy hosting.Policy
	server hosting.Server
	org    hosting.Organization

	mu        sync.Mutex
	letters   []desk.Writing
	mails     []mail.Sending
	actions   []hosting.Action
	consents  []hosting.Consent
	revoked   int
	closing   *records.Closing
	progress  []records.Progress
	muted     bool
	power     hosting.PowerState
	orders    []bmc.PowerOrder
	thread    []hosting.TicketEvent
	ahead     int // how often the lease is not granted yet
	conflict  string
	opened    string
	setPower  func(context.Context, bmc.PowerOrder) (hosting.PowerResult, error)
	readPower func() (hosting.PowerState, error)
	writeFail error

	// storeConsent and revokeConsents are the records' rules on consents; nil
	// takes everything.
	storeConsent   func(hosting.Consent) hosting.Consent
	revokeConsents func(records.Revocation)
}

var testStart = time.Date(2026, 11, 22, 8, 0, 0, 0, time.UTC)

const (
	owner  = "giulia@rossi.example"
	ticket = "1001"
)

func newWorld(t *testing.T) *world {
	t.Helper()
	var suite testsuite.WorkflowTestSuite
	suite.SetLogger(silent())
	w := &world{
		env: suite.NewTestWorkflowEnvironment(), policy: hosting.DefaultPolicy(), power: hosting.PowerOn,
		server: hosting.Server{
			ServiceID: "srv-1001", Name: "mail", PrimaryIP: "192.0.2.10", Organization: "rossi", Site: "milan", Kind: hosting.Dedicated,
			BMC: hosting.BMC{Endpoints: []hosting.BMCEndpoint{{Protocol: hosting.Redfish, Address: "127.0.0.1:1", Secret: "file:srv-1001"}}},
		},
		org: hosting.Organization{ID: "rossi", Name: "Rossi S.p.A.", Contacts: []hosting.Contact{
			{Name: "Giulia Rossi", Email: owner, Language: hosting.Italian, Primary: true, Active: true},
		}},
	}
	w.setPower, w.readPower = w.machine, func() (hosting.PowerState, error) { return w.power, nil }
	w.env.SetStartTime(testStart)
	w.env.SetTestTimeout(time.Minute)
	w.env.SetWorkerOptions(worker.Options{Interceptors: []interceptor.WorkerInterceptor{activities.Faults()}})
	Register(w.env)
	w.mockRecords()
	w.mockOutside()
	return w
}

func (w *world) mockRecords() {
	env, any1 := w.env, mock.Anything
	env.OnActivity(rules.ReadPolicy, any1).Return(func(context.Context) (hosting.Policy, error) { return w.policy, nil })
	env.OnActivity(rec.OpenOperation, any1, any1).Return(func(_ context.Context, in records.Opening) (hosting.Operation, error) {
		if w.conflict != "" {
			return hosting.Operation{}, hosting.NewFault(hosting.FaultConflict, "", "already under way as workflow "+w.conflict, "go on with that workflow")
		}
		return hosting.Operation{ID: "op-1", Procedure: in.Procedure, Ticket: in.Ticket}, nil
	})
	env.OnActivity(rec.Identify, any1, any1).Return(func(_ context.Context, in records.Identification) (records.Subject, error) {
		known := slices.Contains([]string{w.server.ServiceID, w.server.Name, w.server.PrimaryIP}, in.Reference)
		contact, ours := w.org.Contact(in.Requester.Contact)
		switch {
		case !known:
			return records.Subject{Problem: records.NotFound}, nil
		case in.Requester.Role == hosting.RoleCustomer && !ours:
			return records.Subject{Problem: records.NotOwner}, nil
		}
		return records.Subject{Server: w.server, Organization: w.org, Contact: contact}, nil
	})
	env.OnActivity(rec.AssignServer, any1, any1).Return(nil)
	env.OnActivity(rec.ReadServer, any1, any1).Return(func(context.Context, string) (hosting.Server, error) { return w.server, nil })
	env.OnActivity(rec.SaveProgress, any1, any1).Return(func(_ context.Context, p records.Progress) error {
		return w.keep(func() { w.progress = append(w.progress, p) })
	})
	env.OnActivity(rec.CloseOperation, any1, any1).Return(func(_ context.Context, c records.Closing) error {
		return w.keep(func() { w.closing, w.muted = &c, false })
	})
	env.OnActivity(rec.RequestLease, any1, any1).Return(func(context.Context, records.LeaseRequest) (records.LeaseAnswer, error) {
		if w.ahead > 0 {
			return records.LeaseAnswer{Ahead: []records.Ahead{{Operation: "op-0", Workflow: "reinstall/999", Procedure: "OSReinstall"}}}, nil
		}
		return records.LeaseAnswer{Granted: true}, nil
	})
	env.OnActivity(rec.AwaitLease, any1, any1).Return(func(context.Context, records.LeaseRequest) error {
		if w.ahead--; w.ahead > 0 {
			return errors.New("reinstall/999 has the server")
		}
		return nil
	})
	env.OnActivity(rec.ReleaseLease, any1, any1).Return(nil)
	env.OnActivity(rec.LiftSuppression, any1, any1).Return(func(context.Context, records.Suppression) error {
		return w.keep(func() { w.muted = false })
	})
	env.OnActivity(rec.Suppress, any1, any1).Return(func(context.Context, records.Suppression) error {
		return w.keep(func() { w.muted = true })
	})
	env.OnActivity(rec.RecordConsent, any1, any1).Return(func(_ context.Context, c hosting.Consent) (hosting.Consent, error) {
		return c, w.keep(func() {
			if w.storeConsent != nil {
				c = w.storeConsent(c)
			}
			w.consents = append(w.consents, c)
		})
	})
	env.OnActivity(rec.RevokeConsents, any1, any1).Return(func(_ context.Context, in records.Revocation) error {
		return w.keep(func() {
			w.revoked++
			if w.revokeConsents != nil {
				w.revokeConsents(in)
			}
		})
	})
	env.OnActivity(rec.LogActions, any1, any1).Return(func(_ context.Context, as []hosting.Action) error {
		return w.keep(func() { w.actions = append(w.actions, as...) })
	})
}

func (w *world) mockOutside() {
	env, any1 := w.env, mock.Anything
	env.OnActivity(tickets.WriteTicket, any1, any1).Return(func(_ context.Context, in desk.Writing) (desk.Written, error) {
		if w.writeFail != nil {
			return desk.Written{}, w.writeFail
		}
		return desk.Written{Message: in.Key}, w.keep(func() {
			if !slices.ContainsFunc(w.letters, func(l desk.Writing) bool { return l.Key == in.Key }) {
				w.letters = append(w.letters, in)
			}
		})
	})
	env.OnActivity(tickets.OpenTicket, any1, any1).Return(func(_ context.Context, in desk.Opening) (string, error) {
		return "2001", w.keep(func() { w.opened = in.Contact })
	})
	env.OnActivity(tickets.ReadTicket, any1, any1).Return(func(context.Context, string) ([]hosting.TicketEvent, error) { return w.thread, nil })
	env.OnActivity(mailer.SendMail, any1, any1).Return(func(_ context.Context, in mail.Sending) error {
		return w.keep(func() { w.mails = append(w.mails, in) })
	})
	env.OnActivity(bmcs.SetPower, any1, any1).Return(func(ctx context.Context, o bmc.PowerOrder) (hosting.PowerResult, error) {
		if err := w.keep(func() { w.orders = append(w.orders, o) }); err != nil {
			return hosting.PowerResult{}, err
		}
		return w.setPower(ctx, o)
	})
	env.OnActivity(bmcs.ReadPower, any1, any1).Return(func(context.Context, bmc.Target) (bmc.PowerReading, error) {
		s, err := w.readPower()
		return bmc.PowerReading{State: s, Via: hosting.Redfish}, err
	})
}

func (w *world) keep(f func()) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	f()
	return nil
}

// machine is an obedient machine that takes a minute to go off and on again.
func (w *world) machine(_ context.Context, o bmc.PowerOrder) (hosting.PowerResult, error) {
	now := w.env.Now()
	if !o.Guard.Restore {
		if err := o.Guard.Permission.Check(o.Target.Server, now); err != nil {
			return hosting.PowerResult{}, err
		}
	}
	r := hosting.PowerResult{Action: o.Action, Before: w.power, Outcome: hosting.Reached, Via: hosting.Redfish}
	later := now.Add(time.Minute)
	switch o.Action {
	case hosting.ActCycle:
		r.OffSince, r.OnSince, w.power = &now, &later, hosting.PowerOn
	case hosting.ActOn:
		r.OnSince, w.power = &now, hosting.PowerOn
	case hosting.ActGracefulOff, hosting.ActForcedOff:
		r.OffSince, w.power = &now, hosting.PowerOff
	}
	r.After = w.power
	return r, nil
}

// message is what the gateway would make of a message of the owner's.
func message(id string, f hosting.RequestFields) hosting.TicketEvent {
	e := hosting.TicketEvent{
		ID: id, Kind: hosting.TicketMessage, Ticket: ticket, Author: owner, At: testStart, Language: hosting.Italian, Fields: f,
		Procedure: hosting.ServerIntervention,
	}
	for _, said := range []*hosting.Evidence{evidenceOf(f.Power), backupEvidenceOf(f.Backup)} {
		if said != nil {
			said.Author, said.At, said.Message, said.Version, said.Language = owner, testStart, id, 1, hosting.Italian
			said.Text = "as stated: " + string(said.Statement)
		}
	}
	return e
}

func evidenceOf(p *hosting.PowerStatement) *hosting.Evidence {
	if p == nil {
		return nil
	}
	return &p.Evidence
}

func backupEvidenceOf(b *hosting.BackupStatement) *hosting.Evidence {
	if b == nil {
		return nil
	}
	return &b.Evidence
}

func allowed() *hosting.PowerStatement {
	return &hosting.PowerStatement{
		Permission: hosting.PowerPermission{Grant: hosting.GrantAllowed}, Evidence: hosting.Evidence{Statement: hosting.PowerAllowed},
	}
}

func refused() *hosting.PowerStatement {
	return &hosting.PowerStatement{
		Permission: hosting.PowerPermission{Grant: hosting.GrantRefused}, Evidence: hosting.Evidence{Statement: hosting.PowerRefused},
	}
}

func within(from, to string) *hosting.PowerStatement {
	return &hosting.PowerStatement{
		Permission: hosting.PowerPermission{Grant: hosting.GrantWindow, Window: &hosting.Window{From: from, To: to, Zone: "Europe/Rome"}},
		Evidence:   hosting.Evidence{Statement: hosting.PowerWindow},
	}
}

func backedUp() *hosting.BackupStatement {
	return &hosting.BackupStatement{Answer: hosting.BackupCurrent, Evidence: hosting.Evidence{Statement: hosting.BackupExists}}
}

// complete is a ticket that leaves nothing to ask.
func complete() hosting.RequestFields {
	return hosting.RequestFields{
		Server: "srv-1001", Reason: hosting.ReasonUnresponsive, Details: "it hangs", Power: allowed(), Backup: backedUp(),
		FailedTools: []hosting.RemoteTool{hosting.ToolSSH},
	}
}

func fromCustomer(server string) InterventionRequest {
	return InterventionRequest{Request: Request{
		Server: server, Ticket: ticket, RequestedBy: hosting.Requester{Contact: owner, Role: hosting.RoleCustomer},
	}}
}

// say sends a message after a time.
func (w *world) say(after time.Duration, e hosting.TicketEvent) {
	w.env.RegisterDelayedCallback(func() { w.env.SignalWorkflow("ticket-event", e) }, after)
}

// reply is what came of an update.
type reply struct {
	accepted bool
	rejected error
	result   any
	err      error
}

// send sends an update after a time.
func (w *world) send(after time.Duration, name string, arg any) *reply {
	r := &reply{}
	w.env.RegisterDelayedCallback(func() { w.env.UpdateWorkflow(name, "", r, arg) }, after)
	return r
}

func (r *reply) Accept()          { r.accepted = true }
func (r *reply) Reject(err error) { r.rejected = err }
func (r *reply) Complete(result any, err error) {
	r.result, r.err = result, err
}

func (w *world) finish(after time.Duration) *reply {
	return w.send(after, "finish", Finish{Staff: Staff{By: "anna"}, Resolved: true, Summary: "restarted, it answers again"})
}

// names lists the letters that were written, in order.
func (w *world) names() []hosting.LetterName {
	var names []hosting.LetterName
	for _, l := range w.letters {
		names = append(names, l.Letter.Name)
	}
	return names
}

func (w *world) status(t *testing.T) Status {
	t.Helper()
	var s Status
	v, err := w.env.QueryWorkflow("status")
	if err != nil {
		t.Fatal(err)
	}
	if err := v.Get(&s); err != nil {
		t.Fatal(err)
	}
	return s
}

// ended returns the result, having checked that the workflow is over and well.
func (w *world) ended(t *testing.T) Result {
	t.Helper()
	if !w.env.IsWorkflowCompleted() {
		t.Fatal("the workflow did not end")
	}
	if err := w.env.GetWorkflowError(); err != nil {
		t.Fatal(err)
	}
	var r Result
	if err := w.env.GetWorkflowResult(&r); err != nil {
		t.Fatal(err)
	}
	return r
}

// continuing makes the run one that was continued as new.
func (w *world) continuing() *world {
	w.env.SetContinuedExecutionRunID("the-run-before")
	return w
}
