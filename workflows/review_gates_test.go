package workflows

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/worker"

	"github.com/handrail/handrail/activities/bmc"
	"github.com/handrail/handrail/hosting"
)

// Webhooks are delivered again one by one, so that they may come out of order:
// an older yes must not overrule a later no.
func TestReviewOlderYesAfterNo(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	f := complete()
	f.Power = nil
	w.say(0, message("m1", f))
	no := message("m3", hosting.RequestFields{Power: refused()})
	no.At, no.Fields.Power.Evidence.At = testStart.Add(2*time.Minute), testStart.Add(2*time.Minute)
	w.say(3*time.Minute, no)
	yes := message("m2", hosting.RequestFields{Power: allowed()})
	yes.At, yes.Fields.Power.Evidence.At = testStart.Add(time.Minute), testStart.Add(time.Minute)
	w.say(4*time.Minute, yes) // its first delivery was answered with 503
	w.send(5*time.Minute, "power", cycle())
	w.finish(time.Hour)
	w.env.ExecuteWorkflow(ServerIntervention, fromCustomer("srv-1001"))
	w.ended(t)
	if len(w.orders) != 0 {
		t.Errorf("the machine was acted on against the customer's latest word: %+v", w.orders)
	}
}

// A revocation that staff record counts at once, also while the log can not be
// written.
func TestReviewStaffsRevocationBehindTheLog(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	away := false
	w.env.SetWorkerOptions(worker.Options{Interceptors: []interceptor.WorkerInterceptor{&lostAnswer{name: "LogActions", until: func() bool { return !away }}}})
	w.say(0, message("m1", complete()))
	w.env.RegisterDelayedCallback(func() { away = true }, 3*time.Minute)
	w.send(4*time.Minute, "authorize-power", AuthorizePower{
		Staff: Staff{By: "bob"}, Permission: hosting.PowerPermission{Grant: hosting.GrantRefused},
		Evidence: hosting.Evidence{Text: "stop", Author: owner, How: "phone"},
	})
	power := w.send(4*time.Minute+2*time.Second, "power", cycle())
	w.env.RegisterDelayedCallback(func() { away = false }, 4*time.Minute+20*time.Second)
	w.finish(time.Hour)
	w.env.ExecuteWorkflow(ServerIntervention, fromCustomer("srv-1001"))
	if power.accepted || len(w.orders) > 0 {
		t.Error("power was cycled after staff had recorded the revocation")
	}
}

// The server was handed to another customer while the first one was waited for.
func TestReviewServerChangedOwner(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	f := complete()
	f.Power = within("2026-11-22 12:00", "2026-11-22 14:00")
	w.say(0, message("m1", f))
	w.env.RegisterDelayedCallback(func() { w.server.Organization = "bianchi" }, time.Hour)
	w.send(3*time.Hour+time.Minute, "power", cycle())
	w.finish(4 * time.Hour)
	w.send(5*time.Hour, "cancel", Decision{Staff: Staff{By: "anna"}, Reason: "end"})
	w.env.ExecuteWorkflow(ServerIntervention, fromCustomer("srv-1001"))
	if len(w.orders) != 0 {
		t.Error("another customer's server was cycled on the former owner's permission")
	}
}

// Staff named the server; an older word on the ticket does not override that.
func TestReviewStaffNamesTheServer(t *testing.T) {
	t.Parallel()
	for name, first := range map[string]hosting.TicketEvent{
		"another server": message("m1", func() hosting.RequestFields { f := complete(); f.Server = "srv-9999"; return f }()),
		"private address": func() hosting.TicketEvent {
			e := message("m1", complete())
			e.Author = "giulia@private.example"
			return e
		}(),
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.thread = []hosting.TicketEvent{first}
			var s Status
			w.env.RegisterDelayedCallback(func() { s = w.status(t) }, time.Minute)
			w.env.ExecuteWorkflow(ServerIntervention, InterventionRequest{
				Request: Request{Server: "srv-1001", Ticket: ticket, RequestedBy: hosting.Requester{Contact: "anna", Role: hosting.RoleStaff}},
			})
			if s.Server != "srv-1001" {
				t.Errorf("step %s waits on %q; letters %v", s.Step, s.WaitingOn, w.names())
			}
		})
	}
}

// What staff record is marked as theirs, whatever they fill in.
func TestReviewStaffCanNotPassAsTicketMessage(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	f := complete()
	f.Power = nil
	w.say(0, message("m1", f))
	forged := w.send(time.Minute, "authorize-power", AuthorizePower{
		Staff: Staff{By: "eve"}, Permission: hosting.PowerPermission{Grant: hosting.GrantAllowed},
		Evidence: hosting.Evidence{Text: "yes", Author: owner, Message: "never-written", RecordedBy: "anna"},
	})
	w.finish(time.Hour)
	w.env.ExecuteWorkflow(ServerIntervention, fromCustomer("srv-1001"))
	if forged.accepted {
		t.Errorf("accepted as evidence: %+v", w.consents[len(w.consents)-1].Evidence)
	}
}

// A machine that was turned off under a permission comes back on clean-up, also
// when the permission was taken back meanwhile.
func TestReviewRestoredAfterRevocation(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.setPower = func(ctx context.Context, o bmc.PowerOrder) (hosting.PowerResult, error) {
		// as bmc.Guard.check has it
		if o.Guard.Restore && o.Guard.Permission.Grant != hosting.GrantWindow {
			if err := o.Guard.Permission.Check(o.Target.Server, w.env.Now()); err != nil {
				return hosting.PowerResult{}, err
			}
		}
		return w.machine(ctx, o)
	}
	w.say(0, message("m1", complete()))
	w.send(time.Minute, "power", PowerOrder{Staff: Staff{By: "anna"}, Action: hosting.ActGracefulOff})
	w.say(2*time.Minute, message("m2", hosting.RequestFields{Power: refused()}))
	w.send(time.Hour, "cancel", Decision{Staff: Staff{By: "anna"}, Reason: "revoked"})
	w.env.ExecuteWorkflow(ServerIntervention, fromCustomer("srv-1001"))
	r := w.ended(t)
	if w.power != hosting.PowerOn {
		t.Errorf("the machine is left %s: %s", w.power, r.Outcome)
	}
}

// Without a first look the state before the first act is still known from it.
func TestReviewRestoredWhereLookWasSkipped(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.readPower = func() (hosting.PowerState, error) { return "", errors.New("broken") }
	w.say(0, message("m1", complete()))
	w.send(time.Hour, "skip", Decision{Staff: Staff{By: "anna"}, Reason: "seen"})
	w.send(2*time.Hour, "power", PowerOrder{Staff: Staff{By: "anna"}, Action: hosting.ActForcedOff})
	w.send(3*time.Hour, "cancel", Decision{Staff: Staff{By: "anna"}, Reason: "stop"})
	w.env.ExecuteWorkflow(ServerIntervention, fromCustomer("srv-1001"))
	r := w.ended(t)
	if w.power != hosting.PowerOn && !strings.Contains(r.Outcome, "could not be done") {
		t.Errorf("the machine is left %s and nobody is told: %q", w.power, r.Outcome)
	}
}

// An action that began under a wider window ends when the new one does not
// cover its rest.
func TestReviewNarrowedWindow(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	f := complete()
	f.Power = within("2026-11-22 09:00", "2026-11-22 12:00")
	w.say(0, message("m1", f))
	w.setPower = func(context.Context, bmc.PowerOrder) (hosting.PowerResult, error) {
		return hosting.PowerResult{}, hosting.NewFault(hosting.FaultUnreachable, "srv-1001", "no answer", "check")
	}
	w.env.RegisterDelayedCallback(func() {
		w.env.UpdateWorkflow("power", "", &reply{}, cycle())
	}, time.Minute)
	w.say(time.Minute+2*time.Second, message("m2", hosting.RequestFields{Power: within("2026-11-22 09:00", "2026-11-22 09:02")}))
	w.finish(2 * time.Hour)
	w.env.ExecuteWorkflow(ServerIntervention, fromCustomer("srv-1001"))
	w.ended(t)
	for _, o := range w.orders[2:] {
		if o.Guard.Permission.Window.To != "2026-11-22 09:02" {
			t.Errorf("attempt under the window that was replaced: %v", o.Guard.Permission.Window)
		}
	}
}

// The last word to the customer is one.
func TestReviewCancelAfterSummary(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.env.SetWorkerOptions(worker.Options{Interceptors: []interceptor.WorkerInterceptor{&mailAway{}}})
	w.say(0, message("m1", complete()))
	w.send(time.Minute, "power", PowerOrder{Staff: Staff{By: "anna"}, Action: hosting.ActGracefulOff})
	w.send(2*time.Minute, "finish", Finish{Staff: Staff{By: "anna"}, Resolved: true, Summary: "left off as agreed", Leave: hosting.PowerOff})
	cancel := w.send(4*time.Minute, "cancel", Decision{Staff: Staff{By: "anna"}, Reason: "the mail hangs"})
	w.env.ExecuteWorkflow(ServerIntervention, fromCustomer("srv-1001"))
	if cancel.accepted && (w.power == hosting.PowerOn || slices.Contains(w.names(), hosting.LetterCancelled)) {
		t.Errorf("after the summary: power %s, letters %v", w.power, w.names())
	}
}

// On hold means that nothing begins.
func TestReviewRelaunchOnHold(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	looks := 0
	w.readPower = func() (hosting.PowerState, error) { looks++; return "", hosting.Invalid("", "broken", "") }
	w.say(0, message("m1", complete()))
	w.send(time.Hour, "hold", Decision{Staff: Staff{By: "anna"}, Reason: "wait for me"})
	w.send(2*time.Hour, "relaunch", Decision{Staff: Staff{By: "bob"}})
	w.send(3*time.Hour, "cancel", Decision{Staff: Staff{By: "anna"}, Reason: "stop"})
	w.env.ExecuteWorkflow(ServerIntervention, fromCustomer("srv-1001"))
	w.ended(t)
	if looks > 1 {
		t.Errorf("the step ran %d times although on hold", looks)
	}
}

func TestReviewHoldStopsTheCustomersClock(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.say(0, message("m1", hosting.RequestFields{Server: "srv-1001"}))
	w.send(time.Hour, "hold", Decision{Staff: Staff{By: "anna"}, Reason: "we talk by phone"})
	w.env.ExecuteWorkflow(ServerIntervention, fromCustomer("srv-1001"))
	if w.env.IsWorkflowCompleted() && w.closing != nil {
		t.Errorf("on hold, and yet reminded and ended: %s, letters %v", w.closing.Outcome, w.names())
	}
}

// Two auto-responders must not talk to each other.
func TestReviewAutoResponder(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.say(0, message("m1", hosting.RequestFields{Server: "srv-1001"}))
	for n := range 30 {
		e := message("auto"+string(rune('A'+n)), hosting.RequestFields{})
		e.Text = "I am out of office."
		w.say(time.Duration(n+1)*time.Minute, e)
	}
	w.send(time.Hour, "cancel", Decision{Staff: Staff{By: "anna"}, Reason: "stop"})
	w.env.ExecuteWorkflow(ServerIntervention, fromCustomer("srv-1001"))
	if n := len(w.letters); n > 10 {
		t.Errorf("%d letters in half an hour", n)
	}
}

// The desk's staff close the ticket by hand.
func TestReviewClosedByHandAtTheDesk(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.say(0, message("m1", hosting.RequestFields{Server: "srv-1001"}))
	closed := message("m2", hosting.RequestFields{})
	closed.Kind, closed.Author = hosting.TicketClosed, "helpdesk@handrail.example"
	w.say(time.Hour, closed)
	w.send(2*time.Hour, "cancel", Decision{Staff: Staff{By: "anna"}, Reason: "stop"})
	w.env.ExecuteWorkflow(ServerIntervention, fromCustomer("srv-1001"))
	if slices.Contains(w.names(), hosting.LetterNotOwner) {
		t.Errorf("letters %v", w.names())
	}
}

// Result, status and summary agree on the downtime (I27).
func TestReviewDowntimeAgrees(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.say(0, message("m1", complete()))
	w.send(time.Minute, "power", PowerOrder{Staff: Staff{By: "anna"}, Action: hosting.ActGracefulOff})
	w.env.RegisterDelayedCallback(func() { w.power = hosting.PowerOn }, 5*time.Minute) // by the button
	w.finish(time.Hour)
	w.env.ExecuteWorkflow(ServerIntervention, fromCustomer("srv-1001"))
	r := w.ended(t)
	if told := w.letters[len(w.letters)-1].Letter.Report.Downtime; told != r.Downtime {
		t.Errorf("the customer is told %s, the result says %s", told, r.Downtime)
	}
}

// mailAway is a mail server that does not answer.
type mailAway struct {
	interceptor.WorkerInterceptorBase
}

func (*mailAway) InterceptActivity(_ context.Context, next interceptor.ActivityInboundInterceptor) interceptor.ActivityInboundInterceptor {
	i := &mailAwayInbound{}
	i.Next = next
	return i
}

type mailAwayInbound struct {
	interceptor.ActivityInboundInterceptorBase
}

func (i *mailAwayInbound) ExecuteActivity(ctx context.Context, in *interceptor.ExecuteActivityInput) (any, error) {
	if activity.GetInfo(ctx).ActivityType.Name == "SendMail" {
		return nil, errors.New("SMTP is away")
	}
	return i.Next.ExecuteActivity(ctx, in)
}

// A power action that is under way when the technician finishes belongs to the
// work: it is over before the server is checked and the customer is told.
func TestReviewFinishDuringPowerAction(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var told int
	w.setPower = func(ctx context.Context, o bmc.PowerOrder) (hosting.PowerResult, error) {
		told = len(w.letters)
		return hosting.PowerResult{}, hosting.NewFault(hosting.FaultUnreachable, "srv-1001", "no answer", "check")
	}
	w.say(0, message("m1", complete()))
	w.send(time.Minute, "power", cycle())
	w.finish(time.Minute + 1500*time.Millisecond) // between two attempts
	cancel := w.send(time.Minute+2*time.Second, "cancel", Decision{Staff: Staff{By: "anna"}, Reason: "stop"})
	w.env.ExecuteWorkflow(ServerIntervention, fromCustomer("srv-1001"))
	r := w.ended(t)
	if told > 1 {
		t.Errorf("the machine was acted on after the summary: %v", w.names())
	}
	if cancel.accepted && r.Phase == hosting.PhaseDone {
		t.Errorf("the cancel was accepted; result %+v, letters %v", r, w.names())
	}
}

// After the summary nobody acts on the machine any more.
func TestReviewPowerAfterSummary(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.env.SetWorkerOptions(worker.Options{Interceptors: []interceptor.WorkerInterceptor{&mailAway{}}})
	w.say(0, message("m1", complete()))
	w.finish(2 * time.Minute)
	off := w.send(3*time.Minute, "power", PowerOrder{Staff: Staff{By: "anna"}, Action: hosting.ActForcedOff})
	w.send(4*time.Minute, "cancel", Decision{Staff: Staff{By: "anna"}, Reason: "stop"})
	w.env.ExecuteWorkflow(ServerIntervention, fromCustomer("srv-1001"))
	if off.accepted && slices.Contains(w.names(), hosting.LetterSummary) {
		t.Errorf("turned off after the customer was told that all is well: %v", off.result)
	}
}

// The record that is read again replaces the one that was known.
func TestReviewRecordIsReplacedNotMerged(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	old := &w.server.BMC.Endpoints[0]
	old.System, old.TLS.Insecure = "Node2", true
	f := complete()
	f.Power = within("2026-11-22 12:00", "2026-11-22 14:00")
	w.say(0, message("m1", f))
	w.env.RegisterDelayedCallback(func() { // another chassis, with one system
		w.server.BMC = hosting.BMC{Endpoints: []hosting.BMCEndpoint{{Protocol: hosting.Redfish, Address: "127.0.0.1:2", Secret: "file:new"}}}
	}, time.Hour)
	w.send(3*time.Hour+time.Minute, "power", cycle())
	w.finish(4 * time.Hour)
	w.env.ExecuteWorkflow(ServerIntervention, fromCustomer("srv-1001"))
	w.ended(t)
	if got := w.orders[0].Target.BMC.Endpoints[0]; got != w.server.BMC.Endpoints[0] {
		t.Errorf("acted on %+v, the record says %+v", got, w.server.BMC.Endpoints[0])
	}
}

// The window passed while the server was in use by other work.
func TestReviewWindowPassesInTheQueue(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.ahead, w.policy.QueuePoll = 8, hosting.Duration(30*time.Minute)
	f := complete()
	f.Power = within("2026-11-22 09:00", "2026-11-22 10:00") // until 09:00 UTC
	w.say(0, message("m1", f))
	var s Status
	w.env.RegisterDelayedCallback(func() { s = w.status(t) }, 6*time.Hour)
	w.finish(7 * time.Hour)
	w.env.ExecuteWorkflow(ServerIntervention, fromCustomer("srv-1001"))
	if s.Step == "work" && !slices.Contains(w.names(), hosting.LetterMissing) {
		t.Errorf("at work (%q) with a window that is over, and the customer is not asked: %v", s.WaitingOn, w.names())
	}
}

// Nobody looked: the customer is not told that the server is on.
func TestReviewReportsOnlyWhatWasSeen(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.server.Kind, w.server.BMC = hosting.VPS, hosting.BMC{}
	w.say(0, message("m1", complete()))
	w.finish(time.Hour)
	w.env.ExecuteWorkflow(ServerIntervention, fromCustomer("srv-1001"))
	w.ended(t)
	if p := w.letters[len(w.letters)-1].Letter.Report.Power; p == hosting.PowerOn {
		t.Errorf("the summary says the server was left %s", p)
	}
}

// A start form must not bring a state of its own.
func TestReviewForgedResume(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	in := fromCustomer("srv-1001")
	in.Resume = &state{
		ID: "op-1", Policy: w.policy, Ticket: ticket, Cursor: 7, Machine: machineState{Taken: true},
		Customer: customerState{Fields: hosting.RequestFields{Power: allowed()}},
	}
	in.Resume.Subject.Server = w.server
	for _, st := range newSteps() {
		in.Resume.Steps = append(in.Resume.Steps, hosting.Step{Name: st, State: hosting.StepPending})
	}
	power := w.send(time.Minute, "power", cycle())
	w.finish(time.Hour)
	w.env.ExecuteWorkflow(ServerIntervention, in)
	if power.accepted && len(w.orders) > 0 {
		t.Error("a start with a made-up state cycled a server that nobody asked about")
	}
}

func newSteps() (names []string) {
	for _, s := range (&intervention{operation: &operation{}}).course() {
		names = append(names, s.name)
	}
	return names
}

// An answer with a greeting is still an answer.
func TestReviewServerNamedAmongWords(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.say(0, message("m1", func() hosting.RequestFields { f := complete(); f.Server = ""; return f }()))
	answer := message("m2", hosting.RequestFields{})
	answer.Text = "Hello,\nsrv-1001\nGiulia"
	w.say(time.Hour, answer)
	var s Status
	w.env.RegisterDelayedCallback(func() { s = w.status(t) }, 2*time.Hour)
	w.env.ExecuteWorkflow(ServerIntervention, fromCustomer(""))
	if s.Step == "identify" {
		t.Errorf("waits on %q", s.WaitingOn)
	}
}

// The status query names the outcome (staff contract).
func TestReviewStatusOutcome(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.say(0, message("m1", complete()))
	w.send(time.Hour, "cancel", Decision{Staff: Staff{By: "anna"}, Reason: "stop"})
	w.env.ExecuteWorkflow(ServerIntervention, fromCustomer("srv-1001"))
	w.ended(t)
	if s := w.status(t); s.Outcome == "" {
		t.Errorf("no outcome: %+v", s)
	}
}
