package workflows

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/handrail/handrail/activities/bmc"
	"github.com/handrail/handrail/hosting"
)

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

// The server was handed to another customer while the first one was waited for.
func TestServerChangedOwner(t *testing.T) {
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

// What staff record is marked as theirs, whatever they fill in.
func TestStaffCanNotPassAsTicketMessage(t *testing.T) {
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
func TestRestoredAfterRevocation(t *testing.T) {
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

// An action that began under a wider window ends when the new one does not
// cover its rest.
func TestNarrowedWindow(t *testing.T) {
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

// The window passed while the server was in use by other work.
func TestWindowPassesInTheQueue(t *testing.T) {
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

// A start form must not bring a state of its own.
func TestForgedResume(t *testing.T) {
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
