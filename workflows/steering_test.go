package workflows

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/worker"

	"github.com/handrail/handrail/hosting"
)

func TestHold(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.say(0, message("m1", complete()))
	hold := w.send(time.Minute, "hold", Decision{Staff: Staff{By: "anna"}, Reason: "lunch"})
	power := w.send(2*time.Minute, "power", cycle())
	w.finish(3 * time.Minute)
	var held Status
	w.env.RegisterDelayedCallback(func() { held = w.status(t) }, 4*time.Minute)
	w.send(time.Hour, "resume", Decision{Staff: Staff{By: "anna"}})
	w.env.ExecuteWorkflow(ServerIntervention, fromCustomer("srv-1001"))

	w.ended(t)
	wantAccepted(t, hold)
	wantRefused(t, power, "on hold")
	if held.Phase != hosting.PhaseOnHold || held.Step != "verify" {
		t.Errorf("status while held: %+v", held)
	}
}

// G12: cancelled with clean-up: a machine that we turned off is turned on again.
func TestCancel_G12(t *testing.T) {
	t.Parallel()
	for _, by := range []string{"staff", "temporal", "customer"} {
		t.Run(by, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.say(0, message("m1", complete()))
			if by == "customer" {
				closed := message("m2", hosting.RequestFields{})
				closed.Kind = hosting.TicketClosed
				w.say(2*time.Minute, closed) // at work already: noted, not obeyed
			}
			w.send(time.Minute, "power", PowerOrder{Staff: Staff{By: "anna"}, Action: hosting.ActGracefulOff})
			if by == "temporal" {
				w.env.RegisterDelayedCallback(w.env.CancelWorkflow, 10*time.Minute)
			} else {
				w.send(10*time.Minute, "cancel", Decision{Staff: Staff{By: "anna"}, Reason: "not needed any more"})
			}
			w.env.ExecuteWorkflow(ServerIntervention, fromCustomer("srv-1001"))

			r := w.ended(t)
			if r.Phase != hosting.PhaseCancelled || w.power != hosting.PowerOn {
				t.Errorf("result %+v, power %s", r, w.power)
			}
			if last := w.orders[len(w.orders)-1]; !last.Guard.Restore || last.Action != hosting.ActOn {
				t.Errorf("last order %+v", last)
			}
			wantLetters(t, w, hosting.LetterAcknowledge, hosting.LetterCancelled)
			if w.closing == nil || w.muted {
				t.Error("the row is open, or the alerts are muted")
			}
		})
	}
}

// G11: a failed step parks the operation; a relaunch resumes there and keeps both attempts.
func TestRelaunch_G11(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	broken := true
	w.readPower = func() (hosting.PowerState, error) {
		if broken {
			return "", hosting.NewFault(hosting.FaultUnreachable, "srv-1001", "the BMC does not answer", "check its network")
		}
		return hosting.PowerOn, nil
	}
	w.say(0, message("m1", complete()))
	var parked Status
	w.env.RegisterDelayedCallback(func() { parked, broken = w.status(t), false }, time.Hour)
	relaunch := w.send(2*time.Hour, "relaunch", Decision{Staff: Staff{By: "anna"}, Reason: "cable replaced"})
	again := w.send(2*time.Hour+time.Minute, "relaunch", Decision{Staff: Staff{By: "anna"}})
	w.finish(3 * time.Hour)
	w.env.ExecuteWorkflow(ServerIntervention, fromCustomer("srv-1001"))

	w.ended(t)
	wantAccepted(t, relaunch)
	wantRefused(t, again, "no step has failed")
	if parked.Phase != hosting.PhaseAttention || !strings.Contains(parked.Error, "does not answer") {
		t.Errorf("parked status %+v", parked)
	}
	var attempts []hosting.StepState
	for _, s := range w.closing.Steps {
		if s.Name == "look" {
			attempts = append(attempts, s.State)
		}
	}
	if !slices.Equal(attempts, []hosting.StepState{hosting.StepFailed, hosting.StepDone}) {
		t.Errorf("attempts at look: %v", attempts)
	}
	if len(w.mails) != 2 || w.mails[0].To != w.policy.Duty || w.mails[0].Letter.Step == "" {
		t.Errorf("mails %+v", w.mails)
	}
}

func TestSkip(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.readPower = func() (hosting.PowerState, error) { return "", errors.New("broken") }
	w.say(0, message("m1", complete()))
	unreasoned := w.send(time.Hour, "skip", Decision{Staff: Staff{By: "anna"}})
	skip := w.send(time.Hour+time.Second, "skip", Decision{Staff: Staff{By: "anna"}, Reason: "looked at it on the console"})
	w.finish(2 * time.Hour)
	w.send(3*time.Hour, "skip", Decision{Staff: Staff{By: "anna"}, Reason: "seen by eye"})
	w.env.ExecuteWorkflow(ServerIntervention, fromCustomer("srv-1001"))

	w.ended(t)
	wantRefused(t, unreasoned, "reason is empty")
	wantAccepted(t, skip)
	for _, s := range w.closing.Steps {
		if s.Name == "look" && (s.State != hosting.StepSkipped || s.SkippedBy != "anna" || s.Error == "") {
			t.Errorf("step %+v", s)
		}
	}
}

func TestUpdatesNameTheirSender(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.say(0, message("m1", complete()))
	anonymous := []*reply{
		w.send(time.Minute, "power", PowerOrder{Action: hosting.ActCycle}),
		w.send(time.Minute, "finish", Finish{Summary: "done"}),
		w.send(time.Minute, "hold", Decision{Reason: "x"}),
		w.send(time.Minute, "record-action", RecordedAction{What: "x"}),
		w.send(time.Minute, "confirm-backup", ConfirmBackup{Answer: hosting.BackupCurrent}),
	}
	unknown := w.send(time.Minute, "power", PowerOrder{Staff: Staff{By: "anna"}, Action: "explode"})
	w.finish(time.Hour)
	w.env.ExecuteWorkflow(ServerIntervention, fromCustomer("srv-1001"))
	w.ended(t)
	for _, r := range anonymous {
		wantRefused(t, r, "by is empty")
	}
	wantRefused(t, unknown, "not known")
}

// The last word to the customer is one.
func TestCancelAfterSummary(t *testing.T) {
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
func TestRelaunchOnHold(t *testing.T) {
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

func TestHoldStopsTheCustomersClock(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.say(0, message("m1", hosting.RequestFields{Server: "srv-1001"}))
	w.send(time.Hour, "hold", Decision{Staff: Staff{By: "anna"}, Reason: "we talk by phone"})
	w.env.ExecuteWorkflow(ServerIntervention, fromCustomer("srv-1001"))
	if w.env.IsWorkflowCompleted() && w.closing != nil {
		t.Errorf("on hold, and yet reminded and ended: %s, letters %v", w.closing.Outcome, w.names())
	}
}

// The status query names the outcome (staff contract).
func TestStatusOutcome(t *testing.T) {
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
