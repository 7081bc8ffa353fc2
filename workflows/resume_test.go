package workflows

import (
	"context"
	"errors"
	"testing"
	"time"

	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/workflow"

	"github.com/handrail/handrail/activities/bmc"
	"github.com/handrail/handrail/hosting"
)

// continued runs a world until its workflow continues as new, and returns the
// input of the next run.
func continued(t *testing.T, w *world, in InterventionRequest) InterventionRequest {
	t.Helper()
	w.env.ExecuteWorkflow(ServerIntervention, in)
	next, ok := errors.AsType[*workflow.ContinueAsNewError](w.env.GetWorkflowError())
	if !ok {
		t.Fatalf("the workflow did not continue as new: %v", w.env.GetWorkflowError())
	}
	var out InterventionRequest
	if err := converter.GetDefaultDataConverter().FromPayloads(next.Input, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

// A history that grew long is continued at the step where it stood, with all
// that was known: nothing is asked, taken or written twice.
func TestContinueAsNewAtWork(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.say(0, message("m1", complete()))
	w.send(time.Minute, "power", PowerOrder{Staff: Staff{By: "anna"}, Action: hosting.ActGracefulOff})
	w.env.RegisterDelayedCallback(func() { w.env.SetContinueAsNewSuggested(true) }, 5*time.Minute)
	w.send(6*time.Minute, "note", Decision{Staff: Staff{By: "anna"}, Reason: "long"})
	in := continued(t, w, fromCustomer("srv-1001"))
	wantLetters(t, w, hosting.LetterAcknowledge)

	v := newWorld(t).continuing()
	v.power = hosting.PowerOff
	v.env.SetStartTime(testStart.Add(6 * time.Minute))
	v.say(0, message("m1", complete())) // delivered again to the new run
	v.send(time.Minute, "power", PowerOrder{Staff: Staff{By: "anna"}, Action: hosting.ActOn})
	v.finish(2 * time.Minute)
	v.env.ExecuteWorkflow(ServerIntervention, in)
	r := v.ended(t)
	wantLetters(t, v, hosting.LetterSummary)
	if want := 6 * time.Minute; r.Downtime.D() != want {
		t.Errorf("downtime over two runs: %s, want %s", r.Downtime, want)
	}
	if len(v.consents) != 0 {
		t.Errorf("consents were stored again: %v", v.consents)
	}
}

func TestContinueAsNewWhileWaiting(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	f := complete()
	f.Power = nil
	w.say(0, message("m1", f))
	w.env.RegisterDelayedCallback(func() { w.env.SetContinueAsNewSuggested(true) }, time.Hour)
	in := continued(t, w, fromCustomer("srv-1001"))
	wantLetters(t, w, hosting.LetterMissing)

	v := newWorld(t).continuing()
	v.env.SetStartTime(testStart.Add(24 * time.Hour))
	v.say(time.Hour, message("m2", hosting.RequestFields{Power: allowed()}))
	v.finish(2 * time.Hour)
	v.env.ExecuteWorkflow(ServerIntervention, in)
	v.ended(t)
	wantLetters(t, v, hosting.LetterReminder, hosting.LetterAcknowledge, hosting.LetterSummary)
}

func TestContinueAsNewWhileParkedForAttention(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.readPower = func() (hosting.PowerState, error) { return "", errors.New("broken") }
	w.say(0, message("m1", complete()))
	w.env.RegisterDelayedCallback(func() { w.env.SetContinueAsNewSuggested(true) }, time.Hour)
	w.send(2*time.Hour, "note", Decision{Staff: Staff{By: "anna"}, Reason: "looking into it"})
	in := continued(t, w, fromCustomer("srv-1001"))

	v := newWorld(t).continuing()
	v.send(time.Hour, "relaunch", Decision{Staff: Staff{By: "anna"}})
	v.finish(2 * time.Hour)
	v.env.ExecuteWorkflow(ServerIntervention, in)
	v.ended(t)
	var attempts int
	for _, s := range v.closing.Steps {
		if s.Name == "look" {
			attempts = max(attempts, s.Attempt)
		}
	}
	if attempts != 2 {
		t.Errorf("%d attempts, want 2", attempts)
	}
}

// What drain put into the inbox on the way to a fresh run is read by that run,
// without another message having to come.
func TestDrainedAnswerIsRead(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	f := complete()
	f.Power = nil
	w.say(0, message("m1", f))
	w.env.RegisterDelayedCallback(func() { w.env.SetContinueAsNewSuggested(true) }, time.Hour)
	in := continued(t, w, fromCustomer("srv-1001"))
	// As continueAsNew leaves it when m2 is in the task that found the run too long.
	c := &in.Resume.Customer
	c.Inbox, c.Seen = append(c.Inbox, message("m2", hosting.RequestFields{Power: allowed()})), append(c.Seen, "m2")

	v := newWorld(t).continuing()
	v.env.SetStartTime(testStart.Add(24 * time.Hour))
	v.finish(2 * time.Hour)
	v.env.ExecuteWorkflow(ServerIntervention, in)
	if r := v.ended(t); r.Phase != hosting.PhaseDone {
		t.Errorf("the answer was not read: %+v, letters %v", r, v.names())
	}
}

// A cancel that is accepted while continue-as-new waits for a power action ends
// the operation.
func TestCancelWhileContinueAsNewSettles(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.setPower = func(_ context.Context, o bmc.PowerOrder) (hosting.PowerResult, error) {
		if o.Guard.Restore {
			return hosting.PowerResult{Outcome: hosting.Already}, nil
		}
		w.env.SetContinueAsNewSuggested(true)
		return hosting.PowerResult{}, errors.New("no answer")
	}
	w.say(0, message("m1", complete()))
	w.send(time.Minute, "power", cycle())
	w.send(time.Minute+500*time.Millisecond, "note", Decision{Staff: Staff{By: "anna"}, Reason: "wakes the workflow"})
	w.send(time.Minute+2*time.Second, "cancel", Decision{Staff: Staff{By: "anna"}, Reason: "stop"})
	w.env.ExecuteWorkflow(ServerIntervention, fromCustomer("srv-1001"))
	if r := w.ended(t); r.Phase != hosting.PhaseCancelled {
		t.Errorf("result %+v", r)
	}
}
