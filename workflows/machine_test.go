package workflows

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/worker"

	"github.com/handrail/handrail/activities/bmc"
	"github.com/handrail/handrail/hosting"
)

// A clean-up that fails does not keep the operation open, and is told.
func TestCleanUpFails(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.setPower = func(ctx context.Context, o bmc.PowerOrder) (hosting.PowerResult, error) {
		if o.Guard.Restore {
			return hosting.PowerResult{Action: o.Action, Outcome: hosting.Unmoved, Before: hosting.PowerOff, After: hosting.PowerOff}, nil
		}
		return w.machine(ctx, o)
	}
	w.say(0, message("m1", complete()))
	w.send(time.Minute, "power", PowerOrder{Staff: Staff{By: "anna"}, Action: hosting.ActForcedOff})
	w.send(10*time.Minute, "cancel", Decision{Staff: Staff{By: "anna"}, Reason: "stop"})
	w.env.ExecuteWorkflow(ServerIntervention, fromCustomer("srv-1001"))

	r := w.ended(t)
	if !strings.Contains(r.Outcome, "could not be done") || w.closing == nil {
		t.Errorf("outcome %q", r.Outcome)
	}
	if len(w.mails) != 1 || w.mails[0].To != w.policy.Duty {
		t.Errorf("mails %+v", w.mails)
	}
}

// The server must be as it should be before the customer is told so.
func TestVerifyFindsItOff(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.say(0, message("m1", complete()))
	w.send(time.Minute, "power", PowerOrder{Staff: Staff{By: "anna"}, Action: hosting.ActGracefulOff})
	w.finish(2 * time.Minute)
	var parked Status
	w.env.RegisterDelayedCallback(func() { parked = w.status(t) }, time.Hour)
	on := w.send(2*time.Hour, "power", PowerOrder{Staff: Staff{By: "anna"}, Action: hosting.ActOn})
	w.send(3*time.Hour, "relaunch", Decision{Staff: Staff{By: "anna"}})
	w.env.ExecuteWorkflow(ServerIntervention, fromCustomer("srv-1001"))

	r := w.ended(t)
	if parked.Phase != hosting.PhaseAttention || !strings.Contains(parked.Error, "is off and should be on") {
		t.Errorf("parked status %+v", parked)
	}
	wantAccepted(t, on)
	if want := 2*time.Hour - time.Minute; r.Downtime.D() != want {
		t.Errorf("downtime %s, want %s", r.Downtime, want)
	}
}

func TestQueued(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.ahead = 5
	w.say(0, message("m1", complete()))
	var queued Status
	w.env.RegisterDelayedCallback(func() { queued = w.status(t) }, 40*time.Second)
	w.finish(time.Hour)
	w.env.ExecuteWorkflow(ServerIntervention, fromCustomer("srv-1001"))

	w.ended(t)
	if queued.Phase != hosting.PhaseQueued || !strings.Contains(queued.WaitingOn, "reinstall/999") {
		t.Errorf("queued status %+v", queued)
	}
	wantLetters(t, w, hosting.LetterAcknowledge, hosting.LetterQueued, hosting.LetterSummary)
}

// Without a first look the state before the first act is still known from it.
func TestRestoredWhereLookWasSkipped(t *testing.T) {
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

// Result, status and summary agree on the downtime (I27).
func TestDowntimeAgrees(t *testing.T) {
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

// A power action that is under way when the technician finishes belongs to the
// work: it is over before the server is checked and the customer is told.
func TestFinishDuringPowerAction(t *testing.T) {
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
func TestPowerAfterSummary(t *testing.T) {
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
func TestRecordIsReplacedNotMerged(t *testing.T) {
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

// Nobody looked: the customer is not told that the server is on.
func TestReportsOnlyWhatWasSeen(t *testing.T) {
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

// A step is not checked while the machine moves: no act goes on past the
// summary.
func TestRelaunchVerifyDuringPowerAction(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	looks, told := 0, 0
	w.readPower = func() (hosting.PowerState, error) {
		if looks++; looks == 2 {
			return hosting.PowerOff, nil
		}
		return hosting.PowerOn, nil
	}
	w.setPower = func(context.Context, bmc.PowerOrder) (hosting.PowerResult, error) {
		told = len(w.letters)
		return hosting.PowerResult{}, hosting.NewFault(hosting.FaultUnreachable, "srv-1001", "no answer", "check")
	}
	w.say(0, message("m1", complete()))
	w.finish(time.Minute) // verify sees off, and is parked
	w.send(time.Hour, "power", cycle())
	w.send(time.Hour+1500*time.Millisecond, "relaunch", Decision{Staff: Staff{By: "anna"}})
	w.env.ExecuteWorkflow(ServerIntervention, fromCustomer("srv-1001"))
	if told > 1 {
		t.Errorf("acted on after the summary: %v", w.names())
	}
}
