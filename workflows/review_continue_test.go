package workflows

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/handrail/handrail/activities/bmc"
	"github.com/handrail/handrail/hosting"
)

// What drain put into the inbox on the way to a fresh run is read by that run,
// without another message having to come.
func TestReviewDrainedAnswerIsRead(t *testing.T) {
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
func TestReviewCancelWhileContinueAsNewSettles(t *testing.T) {
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
