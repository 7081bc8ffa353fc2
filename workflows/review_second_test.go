package workflows

import (
	"context"
	"testing"
	"time"

	"github.com/handrail/handrail/activities/bmc"
	"github.com/handrail/handrail/hosting"
)

// A no counts whatever the clocks say: the desk's may be behind ours, and staff
// may have mistyped a date.
func TestReviewRevocationOnASlowClock(t *testing.T) {
	t.Parallel()
	for name, recorded := range map[string]time.Time{
		"desk clock behind": {}, "mistyped year": testStart.AddDate(1, 0, 0),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			f := complete()
			f.Power = nil
			w.say(0, message("m1", f))
			w.send(10*time.Minute, "authorize-power", AuthorizePower{
				Staff: Staff{By: "anna"}, Permission: hosting.PowerPermission{Grant: hosting.GrantAllowed},
				Evidence: hosting.Evidence{Text: "you may", Author: owner, How: "phone", At: recorded},
			})
			no := message("m2", hosting.RequestFields{Power: refused()})
			no.Fields.Power.Evidence.At = testStart.Add(9 * time.Minute) // sent at 12, by a clock three minutes behind
			w.say(12*time.Minute, no)
			w.send(13*time.Minute, "power", cycle())
			w.finish(time.Hour)
			w.say(2*time.Hour, message("m3", hosting.RequestFields{Power: refused()}))
			w.env.ExecuteWorkflow(ServerIntervention, fromCustomer("srv-1001"))
			if len(w.orders) > 0 {
				t.Error("power was cycled after the customer said no")
			}
		})
	}
}

// A step is not checked while the machine moves: no act goes on past the
// summary.
func TestReviewRelaunchVerifyDuringPowerAction(t *testing.T) {
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

// The desk need not say who closed a ticket.
func TestReviewClosedByNobody(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.say(0, message("m1", complete()))
	w.say(time.Minute, hosting.TicketEvent{ID: "c1", Kind: hosting.TicketClosed, Ticket: ticket, At: testStart})
	w.finish(time.Hour)
	w.env.ExecuteWorkflow(ServerIntervention, fromCustomer("srv-1001"))
	for _, a := range w.actions {
		if a.By == "" {
			t.Errorf("the database refuses an entry without by: %+v", a)
		}
	}
}

// Which server? is not asked of an auto-responder for ever.
func TestReviewWhichServerAndAutoResponder(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.say(0, message("m1", hosting.RequestFields{Server: "srv-9999"}))
	for n := range 30 {
		e := message("auto"+string(rune('A'+n)), hosting.RequestFields{})
		e.Text = "I am out of office."
		w.say(time.Duration(n+1)*time.Minute, e)
	}
	w.send(time.Hour, "cancel", Decision{Staff: Staff{By: "anna"}, Reason: "stop"})
	w.env.ExecuteWorkflow(ServerIntervention, fromCustomer("srv-9999"))
	if n := len(w.letters); n > 10 {
		t.Errorf("%d letters in half an hour", n)
	}
}
