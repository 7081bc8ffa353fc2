package workflows

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"go.temporal.io/sdk/temporal"

	"github.com/handrail/handrail/activities/bmc"
	"github.com/handrail/handrail/activities/desk"
	"github.com/handrail/handrail/hosting"
)

func wantLetters(t *testing.T, w *world, want ...hosting.LetterName) {
	t.Helper()
	if got := w.names(); !slices.Equal(got, want) {
		t.Errorf("letters on the ticket: %v, want %v", got, want)
	}
}

func wantRefused(t *testing.T, r *reply, words string) {
	t.Helper()
	if r.rejected == nil || !strings.Contains(r.rejected.Error(), words) {
		t.Errorf("the update was not refused with %q: rejected %v, completed %v %v", words, r.rejected, r.result, r.err)
	}
}

func wantAccepted(t *testing.T, r *reply) {
	t.Helper()
	if !r.accepted || r.err != nil {
		t.Errorf("the update was refused: %v %v", r.rejected, r.err)
	}
}

func cycle() PowerOrder { return PowerOrder{Staff: Staff{By: "anna"}, Action: hosting.ActCycle} }

// I1, I6, I8, I9, I10, I27: a complete ticket needs nobody but the technician.
func TestCompleteTicket(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.say(0, message("m1", complete()))
	power := w.send(time.Minute, "power", cycle())
	var mutedAtWork bool
	w.env.RegisterDelayedCallback(func() { mutedAtWork = w.muted }, 2*time.Minute)
	recorded := w.send(3*time.Minute, "record-action", RecordedAction{Staff: Staff{By: "anna"}, What: "read the console", Result: "kernel panic"})
	done := w.finish(10 * time.Minute)
	w.env.ExecuteWorkflow(ServerIntervention, fromCustomer("srv-1001"))

	r := w.ended(t)
	if r.Phase != hosting.PhaseDone || r.Downtime.D() != time.Minute || r.Server != "srv-1001" {
		t.Errorf("result %+v", r)
	}
	for _, u := range []*reply{power, recorded, done} {
		wantAccepted(t, u)
	}
	wantLetters(t, w, hosting.LetterAcknowledge, hosting.LetterSummary)
	last := w.letters[1]
	if !last.Close || last.Kind != desk.Summary || last.Letter.Report.Downtime.D() != time.Minute || last.Letter.Language != hosting.Italian {
		t.Errorf("the summary is %+v of %+v", last, last.Letter.Report)
	}
	if len(w.mails) != 1 || w.mails[0].To != owner {
		t.Errorf("mails %+v", w.mails)
	}
	if len(w.consents) != 2 || w.consents[0].Evidence.Text == "" || w.consents[0].Server != "srv-1001" {
		t.Errorf("consents %+v", w.consents)
	}
	if a := w.actions[0]; a.What != "request" || !strings.Contains(a.Result, "failed: ssh") || a.By != owner {
		t.Errorf("the request is written down as %+v", a)
	}
	if !mutedAtWork || w.muted {
		t.Errorf("alerts muted at work: %v, afterwards: %v", mutedAtWork, w.muted)
	}
	for _, s := range w.closing.Steps {
		if s.State != hosting.StepDone || s.Attempt != 1 || s.Ended == nil {
			t.Errorf("step %+v", s)
		}
	}
}

// I16: what is missing is asked for once, by name; an answer that leaves
// something open is asked again for the rest only.
func TestAsksForWhatIsMissing_I16(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.say(0, message("m1", hosting.RequestFields{Server: "srv-1001", Details: "it hangs", Reason: hosting.ReasonUnresponsive}))
	var waiting Status
	w.env.RegisterDelayedCallback(func() { waiting = w.status(t) }, time.Minute)
	w.say(time.Hour, message("m2", hosting.RequestFields{
		Power: allowed(), Unclear: []hosting.UnclearField{{Field: hosting.FieldBackup, Value: "sì", Why: "not a known statement"}},
	}))
	w.say(2*time.Hour, message("m3", hosting.RequestFields{Backup: backedUp()}))
	w.finish(3 * time.Hour)
	w.env.ExecuteWorkflow(ServerIntervention, fromCustomer("srv-1001"))

	w.ended(t)
	wantLetters(t, w, hosting.LetterMissing, hosting.LetterMissing, hosting.LetterAcknowledge, hosting.LetterSummary)
	if got := w.letters[0].Letter.Missing; !slices.Equal(got, []hosting.Field{hosting.FieldPower, hosting.FieldBackup}) {
		t.Errorf("asked for %v", got)
	}
	second := w.letters[1].Letter
	if !slices.Equal(second.Missing, []hosting.Field{hosting.FieldBackup}) || len(second.Unclear) != 1 {
		t.Errorf("asked again for %v, unclear %v", second.Missing, second.Unclear)
	}
	if waiting.Phase != hosting.PhaseWaiting || waiting.WaitingOn != "customer: power, backup" || waiting.ETA != nil || waiting.Due == nil {
		t.Errorf("status while waiting: %+v", waiting)
	}
}

// I4, O9: which server is asked back; what exists is not given away.
func TestServerAskedBack_I4(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	first := complete()
	first.Server = "srv-9999"
	w.say(0, message("m1", first))
	answer := message("m2", hosting.RequestFields{})
	answer.Text = "srv-1001"
	w.say(time.Hour, answer)
	w.finish(2 * time.Hour)
	w.env.ExecuteWorkflow(ServerIntervention, fromCustomer("srv-9999"))

	w.ended(t)
	wantLetters(t, w, hosting.LetterNotIdentified, hosting.LetterAcknowledge, hosting.LetterSummary)
	if l := w.letters[0].Letter; l.Server != "" || l.Reference != "srv-9999" {
		t.Errorf("the question names %+v", l)
	}
}

// I1, O7: nobody but the owner's active contacts can authorize.
func TestStrangerCanNotAuthorize_I1(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.say(0, message("m1", hosting.RequestFields{Server: "srv-1001", Reason: hosting.ReasonUnresponsive, Details: "it hangs", Backup: backedUp()}))
	for i, id := range []string{"m2", "m3"} {
		e := message(id, hosting.RequestFields{Power: allowed()})
		e.Author = "mallory@else.example"
		w.say(time.Duration(i+1)*time.Hour, e)
	}
	var before Status
	w.env.RegisterDelayedCallback(func() { before = w.status(t) }, 4*time.Hour)
	w.say(5*time.Hour, message("m4", hosting.RequestFields{Power: allowed()}))
	w.finish(6 * time.Hour)
	w.env.ExecuteWorkflow(ServerIntervention, fromCustomer("srv-1001"))

	w.ended(t)
	wantLetters(t, w, hosting.LetterMissing, hosting.LetterNotOwner, hosting.LetterAcknowledge, hosting.LetterSummary)
	if before.Power.Answered() {
		t.Errorf("a stranger's permission counted: %+v", before.Power)
	}
}

// O32: remind, park, resume on reply.
func TestSilentCustomer_O32(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	f := complete()
	f.Power = nil
	w.say(0, message("m1", f))
	var parked Status
	w.env.RegisterDelayedCallback(func() { parked = w.status(t) }, 8*24*time.Hour)
	w.say(9*24*time.Hour, message("m2", hosting.RequestFields{Power: allowed()}))
	w.finish(10 * 24 * time.Hour)
	w.env.ExecuteWorkflow(ServerIntervention, fromCustomer("srv-1001"))

	w.ended(t)
	wantLetters(t, w, hosting.LetterMissing, hosting.LetterReminder, hosting.LetterReminder, hosting.LetterParked, hosting.LetterAcknowledge, hosting.LetterSummary)
	if !slices.Equal(w.letters[1].Letter.Missing, []hosting.Field{hosting.FieldPower}) {
		t.Errorf("the reminder does not name what is missing: %v", w.letters[1].Letter.Missing)
	}
	if !strings.HasSuffix(parked.WaitingOn, "(parked)") {
		t.Errorf("parked status %+v", parked)
	}
}

func TestQuestionExpires_O32(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.say(0, message("m1", hosting.RequestFields{Server: "srv-1001"}))
	w.env.ExecuteWorkflow(ServerIntervention, fromCustomer("srv-1001"))

	r := w.ended(t)
	if r.Phase != hosting.PhaseCancelled || !strings.Contains(r.Outcome, "did not answer") {
		t.Errorf("result %+v", r)
	}
	if names := w.names(); names[len(names)-1] != hosting.LetterExpired || !w.letters[len(names)-1].Close {
		t.Errorf("letters %v", names)
	}
}

// I6: not allowed is an answer; power actions are refused with the reason.
func TestPowerNotAllowed_I6(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	f := complete()
	f.Power = refused()
	w.say(0, message("m1", f))
	power := w.send(time.Minute, "power", cycle())
	w.finish(time.Hour)
	w.env.ExecuteWorkflow(ServerIntervention, fromCustomer("srv-1001"))

	w.ended(t)
	wantRefused(t, power, "did not allow power actions")
	if len(w.orders) != 0 {
		t.Errorf("orders %v", w.orders)
	}
}

// I7: the work waits for the window, and power actions outside it are refused.
func TestWindow_I7(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	f := complete()
	f.Power = within("2026-11-22 12:00", "2026-11-22 14:00") // 11:00 to 13:00 UTC, it is 08:00
	w.say(0, message("m1", f))
	var waiting Status
	w.env.RegisterDelayedCallback(func() { waiting = w.status(t) }, time.Hour)
	early := w.send(2*time.Hour, "power", cycle())
	inside := w.send(3*time.Hour+time.Minute, "power", cycle())
	late := w.send(5*time.Hour+time.Minute, "power", cycle())
	w.finish(6 * time.Hour)
	w.env.ExecuteWorkflow(ServerIntervention, fromCustomer("srv-1001"))

	w.ended(t)
	if !strings.Contains(waiting.WaitingOn, "window") || waiting.Phase != hosting.PhaseWaiting {
		t.Errorf("status before the window: %+v", waiting)
	}
	wantRefused(t, early, "has not been taken")
	wantAccepted(t, inside)
	wantRefused(t, late, "is over")
	if len(w.orders) != 1 || w.orders[0].Guard.Permission.Grant != hosting.GrantWindow {
		t.Errorf("orders %+v", w.orders)
	}
}

// I7: a window that has passed is no permission: another one is asked for.
func TestWindowPassed_I7(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	f := complete()
	f.Power = within("2026-11-21 12:00", "2026-11-21 14:00")
	w.say(0, message("m1", f))
	w.say(time.Hour, message("m2", hosting.RequestFields{Power: within("2026-11-22 12:00", "2026-11-22 14:00")}))
	w.finish(4 * time.Hour)
	w.env.ExecuteWorkflow(ServerIntervention, fromCustomer("srv-1001"))

	w.ended(t)
	wantLetters(t, w, hosting.LetterMissing, hosting.LetterAcknowledge, hosting.LetterSummary)
	if w.revoked != 1 {
		t.Errorf("the window that passed was revoked %d times", w.revoked)
	}
}

// Revoking the permission midway stops further acts, and the one under way.
func TestRevoked(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.say(0, message("m1", complete()))
	first := w.send(time.Minute, "power", cycle())
	w.say(2*time.Minute, message("m2", hosting.RequestFields{Power: refused()}))
	second := w.send(3*time.Minute, "power", cycle())
	w.finish(time.Hour)
	w.env.ExecuteWorkflow(ServerIntervention, fromCustomer("srv-1001"))

	w.ended(t)
	wantAccepted(t, first)
	wantRefused(t, second, "did not allow")
	wantLetters(t, w, hosting.LetterAcknowledge, hosting.LetterRevoked, hosting.LetterSummary)
	if len(w.orders) != 1 || w.revoked != 1 {
		t.Errorf("%d orders, %d revocations", len(w.orders), w.revoked)
	}
}

func TestRevokedWhileRetrying(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.setPower = func(context.Context, bmc.PowerOrder) (hosting.PowerResult, error) {
		return hosting.PowerResult{}, hosting.NewFault(hosting.FaultUnreachable, "srv-1001", "the BMC does not answer", "check the network")
	}
	w.say(0, message("m1", complete()))
	power := w.send(time.Minute, "power", cycle())
	w.say(time.Minute+2*time.Second, message("m2", hosting.RequestFields{Power: refused()}))
	w.finish(time.Hour)
	w.env.ExecuteWorkflow(ServerIntervention, fromCustomer("srv-1001"))

	w.ended(t)
	if power.err == nil {
		t.Error("the power action did not fail")
	}
	if len(w.orders) >= 3 {
		t.Errorf("%d attempts: the revocation did not stop them", len(w.orders))
	}
}

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

// A customer who closes the ticket before anything was done withdraws it.
func TestTicketClosedByCustomer(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.say(0, message("m1", hosting.RequestFields{Server: "srv-1001"}))
	closed := message("m2", hosting.RequestFields{})
	closed.Kind = hosting.TicketClosed
	w.say(time.Hour, closed)
	w.env.ExecuteWorkflow(ServerIntervention, fromCustomer("srv-1001"))

	if r := w.ended(t); r.Phase != hosting.PhaseCancelled || !strings.Contains(r.Outcome, "ticket was closed") {
		t.Errorf("result %+v", r)
	}
}

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

func TestSkipNotAllowed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.writeFail = hosting.Invalid("", "the desk does not know ticket 1001", "check the number")
	w.say(0, message("m1", hosting.RequestFields{Server: "srv-1001"}))
	skip := w.send(time.Hour, "skip", Decision{Staff: Staff{By: "anna"}, Reason: "no time"})
	w.send(2*time.Hour, "cancel", Decision{Staff: Staff{By: "anna"}, Reason: "wrong ticket"})
	w.env.ExecuteWorkflow(ServerIntervention, fromCustomer("srv-1001"))

	if r := w.ended(t); r.Phase != hosting.PhaseCancelled {
		t.Errorf("result %+v", r)
	}
	wantRefused(t, skip, "can not be skipped")
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

func TestSecondOperationNamesTheFirst(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.conflict = "intervention/1001"
	w.env.ExecuteWorkflow(ServerIntervention, fromCustomer("srv-1001"))
	err := w.env.GetWorkflowError()
	if app, ok := errors.AsType[*temporal.ApplicationError](err); !ok || app.Type() != string(hosting.FaultConflict) || !strings.Contains(app.Message(), "intervention/1001") {
		t.Errorf("error %v", err)
	}
}

func TestWrongRequests(t *testing.T) {
	t.Parallel()
	for name, r := range map[string]Request{
		"nobody asks":         {Server: "srv-1001", Ticket: "1"},
		"no role":             {Server: "srv-1001", Ticket: "1", RequestedBy: hosting.Requester{Contact: "x"}},
		"customer, no ticket": {Server: "srv-1001", RequestedBy: hosting.Requester{Contact: owner, Role: hosting.RoleCustomer}},
		"staff, nothing":      {RequestedBy: hosting.Requester{Contact: "anna", Role: hosting.RoleStaff}},
	} {
		w := newWorld(t)
		w.env.ExecuteWorkflow(ServerIntervention, InterventionRequest{Request: r})
		if app, ok := errors.AsType[*temporal.ApplicationError](w.env.GetWorkflowError()); !ok || app.Type() != string(hosting.FaultInvalidRequest) {
			t.Errorf("%s: %v", name, w.env.GetWorkflowError())
		}
	}
}

// Staff's own work: a ticket is opened, and the customer's word is recorded by staff.
func TestStaffsOwnWork(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	said := hosting.Evidence{Text: "you may restart it", Author: owner, How: "phone, called back"}
	stranger, silent := said, said
	stranger.Author, silent.How = "mallory@else.example", ""
	order := func(e hosting.Evidence) AuthorizePower {
		return AuthorizePower{Staff: Staff{By: "anna"}, Permission: hosting.PowerPermission{Grant: hosting.GrantAllowed}, Evidence: e}
	}
	bad := w.send(time.Minute, "authorize-power", order(stranger))
	unexplained := w.send(time.Minute, "authorize-power", order(silent))
	good := w.send(2*time.Minute, "authorize-power", order(said))
	backup := w.send(3*time.Minute, "confirm-backup", ConfirmBackup{Staff: Staff{By: "anna"}, Answer: hosting.BackupLossOkay, Evidence: said})
	w.finish(time.Hour)
	w.env.ExecuteWorkflow(ServerIntervention, InterventionRequest{
		Request: Request{Server: "mail", RequestedBy: hosting.Requester{Contact: "anna", Role: hosting.RoleStaff}},
		Reason:  hosting.ReasonDiagnostics, Details: "fan noise",
	})

	r := w.ended(t)
	wantRefused(t, bad, "not an active contact")
	wantRefused(t, unexplained, "recorded by staff")
	wantAccepted(t, good)
	wantAccepted(t, backup)
	if r.Ticket != "2001" || w.opened != owner {
		t.Errorf("ticket %q opened for %q", r.Ticket, w.opened)
	}
	if c := w.consents[0].Evidence; c.RecordedBy != "anna" || c.Statement != hosting.PowerAllowed {
		t.Errorf("evidence %+v", c)
	}
}

// Staff start an intervention on a ticket that the customer wrote before.
func TestStaffReadTheTicket(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.thread = []hosting.TicketEvent{message("m1", complete())}
	w.finish(time.Hour)
	w.env.ExecuteWorkflow(ServerIntervention, InterventionRequest{
		Request: Request{Ticket: ticket, RequestedBy: hosting.Requester{Contact: "anna", Role: hosting.RoleStaff}},
	})
	w.ended(t)
	wantLetters(t, w, hosting.LetterAcknowledge, hosting.LetterSummary)
}

// Temporal delivers signals at least once, the desk its webhooks too.
func TestRepeatedMessages(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	f := complete()
	f.Backup = nil
	for range 3 {
		w.say(0, message("m1", f))
	}
	other := message("m9", complete())
	other.Ticket = "7777"
	w.say(time.Minute, other)
	w.say(time.Hour, message("m2", hosting.RequestFields{Backup: backedUp()}))
	w.finish(2 * time.Hour)
	w.env.ExecuteWorkflow(ServerIntervention, fromCustomer("srv-1001"))
	w.ended(t)
	wantLetters(t, w, hosting.LetterMissing, hosting.LetterAcknowledge, hosting.LetterSummary)
	if len(w.consents) != 2 {
		t.Errorf("%d consents", len(w.consents))
	}
}

// I5: work inside a system without a console needs credentials, by reference.
func TestAccess_I5(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.server.Kind, w.server.BMC = hosting.VPS, hosting.BMC{}
	f := complete()
	f.Reason = hosting.ReasonNetwork
	w.say(0, message("m1", f))
	password := w.send(time.Hour, "provide-credentials", ProvideCredentials{Staff: Staff{By: "anna"}, Reference: "hunter2 is the password"})
	reference := w.send(2*time.Hour, "provide-credentials", ProvideCredentials{Staff: Staff{By: "anna"}, Reference: "vault:tickets/1001"})
	w.finish(3 * time.Hour)
	w.env.ExecuteWorkflow(ServerIntervention, fromCustomer("srv-1001"))

	w.ended(t)
	wantRefused(t, password, "scheme:name")
	if strings.Contains(password.rejected.Error(), "hunter2") {
		t.Error("the refusal repeats the password")
	}
	wantAccepted(t, reference)
	if got := w.letters[0].Letter.Missing; !slices.Equal(got, []hosting.Field{hosting.FieldCredentials}) {
		t.Errorf("asked for %v", got)
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

// G10: the ETA is there while we work, and is revised as steps finish.
func TestETA_G10(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.policy.Estimates = map[string]hosting.Duration{"work": hosting.Duration(2 * time.Hour)}
	w.say(0, message("m1", complete()))
	var early, late Status
	w.env.RegisterDelayedCallback(func() { early = w.status(t) }, time.Minute)
	w.env.RegisterDelayedCallback(func() { late = w.status(t) }, 3*time.Hour)
	w.finish(4 * time.Hour)
	w.env.ExecuteWorkflow(ServerIntervention, fromCustomer("srv-1001"))
	w.ended(t)
	if early.ETA == nil || late.ETA == nil || !late.ETA.After(*early.ETA) {
		t.Fatalf("ETA %v, later %v", early.ETA, late.ETA)
	}
	if d := early.ETA.Sub(testStart); d < 2*time.Hour || d > 2*time.Hour+10*time.Minute {
		t.Errorf("ETA %s after the start", d)
	}
}
