package workflows

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/workflow"

	"github.com/handrail/handrail/activities/bmc"
	"github.com/handrail/handrail/activities/records"
	"github.com/handrail/handrail/hosting"
)

// A server is let go as it was found, and is not touched any more after that.
func TestHostile_letGoAsFound(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.setPower = func(_ context.Context, o bmc.PowerOrder) (hosting.PowerResult, error) {
		r.setPower, r.power = r.machine, hosting.PowerOff
		return hosting.PowerResult{Action: o.Action, Outcome: hosting.Unmoved, Before: hosting.PowerOn, After: hosting.PowerOff, Detail: "stays off"}, nil
	}
	r.say(0, message("m1", toInstall("Debian 12")))
	r.say(time.Hour, message("m2", install("Debian 11")))
	r.relaunch(2 * time.Hour)
	r.during(t, 3*time.Hour, func(s Status) {
		if s.Phase != hosting.PhaseWaiting || r.power != hosting.PowerOn {
			t.Errorf("%s on %s, the server is %s", s.Phase, s.WaitingOn, r.power)
		}
		r.power, r.override = hosting.PowerOff, bmc.BootPXE // the work of who has it now
	})
	r.send(4*time.Hour, "cancel", ended("enough"))
	r.run()
	if r.ended(t); r.power != hosting.PowerOff || r.override != bmc.BootPXE {
		t.Errorf("power %s, override %q: another's work was undone", r.power, r.override)
	}
}

// A step that is launched again before the customer's window waits for it.
func TestHostile_laterWindow_I6(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.stuck()
	r.say(0, message("m1", toInstall("Debian 12")))
	r.say(time.Hour, message("m2", hosting.RequestFields{Power: within("2026-11-23 20:00", "2026-11-23 23:00")}))
	r.relaunch(2 * time.Hour)
	r.during(t, 3*time.Hour, func(s Status) {
		if s.Phase != hosting.PhaseWaiting || !strings.Contains(s.WaitingOn, "window") || len(r.boots) != 1 {
			t.Errorf("%s on %q: %s, %d boots", s.Phase, s.WaitingOn, s.Error, len(r.boots))
		}
	})
	r.send(60*time.Hour, "cancel", ended("enough"))
	r.run()
	if got := r.ended(t); got.Phase != hosting.PhaseDone {
		t.Errorf("%+v", got)
	}
}

// A step that is launched again after the window was over asks for another.
func TestHostile_windowLongPast_I6(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.stuck()
	f := toInstall("Debian 12")
	f.Power = within("2026-11-22 20:00", "2026-11-22 23:00")
	r.say(0, message("m1", f))
	r.relaunch(96 * time.Hour)
	r.during(t, 97*time.Hour, func(s Status) {
		if s.Phase != hosting.PhaseWaiting || !strings.Contains(s.WaitingOn, "power") || len(r.boots) != 1 {
			t.Errorf("%s on %q: %s, %d boots", s.Phase, s.WaitingOn, s.Error, len(r.boots))
		}
	})
	r.say(98*time.Hour, message("m2", hosting.RequestFields{Power: allowed()}))
	r.run()
	r.ended(t)
	r.wiped(t, "install debian-12; erase S0")
}

// A stored consent that turns out revoked (its writing was repeated after a crash,
// behind the revocation of those before it) is replaced by the customer's next.
func TestHostile_consentRevokedInTheRecords(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	first := true
	r.storeConsent = func(c hosting.Consent) hosting.Consent {
		kept := r.store(c)
		if first && c.Evidence.Statement == hosting.EraseDisks {
			first = false
			r.revoke(records.Revocation{Statements: []hosting.StatementKind{hosting.EraseDisks}})
			now := r.env.Now()
			kept.RevokedAt = &now
		}
		return kept
	}
	r.say(0, message("m1", toInstall("Debian 12")))
	r.say(time.Hour, message("m2", hosting.RequestFields{Install: hosting.InstallFields{Erasure: toErase("Debian 12")}}))
	r.relaunch(2 * time.Hour)
	r.say(3*time.Hour, message("m3", hosting.RequestFields{Install: hosting.InstallFields{Erasure: toErase("Debian 12")}}))
	r.send(20*time.Hour, "cancel", ended("stuck"))
	r.run()
	if got := r.ended(t); got.Phase != hosting.PhaseDone {
		t.Errorf("%+v", got)
	}
}

// Who closes the ticket before anything was lost does not want it any more.
func TestHostile_ticketClosedWhileParked(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.overrideFails = func(bmc.Device) error { return errors.New("409 during POST") }
	r.say(0, message("m1", toInstall("Debian 12")))
	r.parked(t, time.Minute, "prepare", "409")
	r.say(time.Hour, hosting.TicketEvent{ID: "x", Kind: hosting.TicketClosed, Ticket: ticket, Author: owner})
	r.later(2*time.Hour, func() { r.overrideFails = nil })
	r.relaunch(3 * time.Hour)
	r.run()
	r.wiped(t)
}

// A consent that is not spent can be taken back, also after an earlier one was.
func TestHostile_secondConsentWithdrawn_I14(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.spoiled((*rig).install)
	r.say(0, message("m1", toInstall("Debian 12")))
	r.say(time.Hour, message("m2", hosting.RequestFields{Install: hosting.InstallFields{RAID: hosting.RAID1, Erasure: toErase("Debian 12")}}))
	evidence := hosting.Evidence{Text: "leave the other disks alone", Author: owner, How: "phone"}
	withdrawn := r.send(2*time.Hour, "consent", Consent{Staff: anna, Withdrawn: true, Evidence: evidence})
	r.relaunch(3 * time.Hour)
	r.send(20*time.Hour, "give-up", GiveUp{anna, "The customer wants no server any more."})
	r.run()
	if r.wiped(t, "install debian-12; erase S0"); withdrawn.rejected != nil {
		t.Error(withdrawn.rejected)
	}
}

// Past the point of no return an operation that waits for its customer can be
// ended by staff, and does not call itself cancelled when nobody answers.
func TestHostile_customerGoneAfterLoss_O34(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.spoiled((*rig).install)
	r.say(0, message("m1", toInstall("Debian 12")))
	r.say(time.Hour, message("m2", install("Debian 11")))
	r.relaunch(2 * time.Hour)
	giveUp := r.send(3*time.Hour, "give-up", GiveUp{anna, "The customer wants no server any more."})
	r.run()
	if got := r.ended(t); giveUp.rejected != nil || got.Phase != hosting.PhaseDone {
		t.Errorf("%v; %+v", giveUp.rejected, got)
	}
}

// A run that is continued in the middle of a relaunched installation does not
// restart the machine.
func TestHostile_continuedDuringTheSecondBoot(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.spoiled(func(r *rig, _ *hosting.NetworkBoot) { r.env.SetContinueAsNewSuggested(true) })
	r.say(0, message("m1", toInstall("Debian 12")))
	r.relaunch(time.Hour)
	r.run()
	next, ok := errors.AsType[*workflow.ContinueAsNewError](r.env.GetWorkflowError())
	if !ok {
		t.Fatal(r.env.GetWorkflowError())
	}
	var in ReinstallRequest
	if err := converter.GetDefaultDataConverter().FromPayloads(next.Input, &in); err != nil {
		t.Fatal(err)
	}
	v := newRig(t).impatient()
	v.continuing()
	v.env.SetStartTime(testStart.Add(time.Hour + 5*time.Minute))
	v.boots, v.stored, v.spentOn, v.installs = r.boots, r.stored, r.spentOn, r.installs
	v.install(v.boots[1])
	v.env.ExecuteWorkflow(OSReinstall, in)
	if got := v.ended(t); got.Phase != hosting.PhaseDone || len(v.orders) != 0 || len(v.boots) != 2 {
		t.Errorf("%+v, orders %v, %d boots", got, v.orders, len(v.boots))
	}
}

// An installer that ends while staff relaunch it has ended.
func TestHostile_doneAtTheRelaunch(t *testing.T) {
	t.Parallel()
	r := newRig(t).impatient()
	r.behave = func(r *rig, b *hosting.NetworkBoot) {
		r.later(time.Minute, func() { r.handOut(b) })
		r.later(2*time.Minute, func() { r.erase(b) })
		r.later(3*time.Minute, func() { r.report(b) })
		r.when("EndBoot", 1, func() { r.done(b) })
	}
	r.say(0, message("m1", toInstall("Debian 12")))
	r.relaunch(5 * time.Hour)
	r.during(t, 10*time.Hour, func(s Status) {
		if s.Phase != hosting.PhaseDone {
			t.Errorf("%s at %s: %s", s.Phase, s.Step, s.Error)
		}
	})
	r.relaunch(11 * time.Hour)
	r.run()
	r.ended(t)
}

// An installer that begins at the last moment is followed, not given up with the
// word that nothing was erased.
func TestHostile_beginsAtTheDeadline(t *testing.T) {
	t.Parallel()
	r := newRig(t).impatient()
	r.behave = func(r *rig, b *hosting.NetworkBoot) {
		r.later(time.Minute, func() { r.handOut(b) })
		r.when("HostKeys", 1, func() { r.erase(b) })
		r.later(20*time.Minute, func() { r.report(b) })
		r.later(21*time.Minute, func() { r.done(b) })
	}
	r.say(0, message("m1", toInstall("Debian 12")))
	r.during(t, 20*time.Minute, func(s Status) {
		if s.Phase != hosting.PhaseRunning {
			t.Errorf("%s at %s: %s", s.Phase, s.Step, s.Error)
		}
	})
	r.relaunch(2 * time.Hour)
	r.run()
	r.ended(t)
}

// Temporal's own cancellation is staff's: it ends the work before the point of no
// return and is not obeyed after it.
func TestHostile_cancelledByTemporal_G12(t *testing.T) {
	t.Parallel()
	for moment, want := range map[string]hosting.Phase{"SetBootOnce": hosting.PhaseCancelled, "ArmBoot": hosting.PhaseDone} {
		r := newRig(t)
		r.when(moment, 1, r.env.CancelWorkflow)
		r.say(0, message("m1", toInstall("Debian 12")))
		r.run()
		if got := r.ended(t); got.Phase != want || r.override != "" || r.power != hosting.PowerOn {
			t.Errorf("at %s: %+v, override %q", moment, got, r.override)
		}
	}
}

// A report that is launched again does not touch the server: it was let go.
func TestHostile_reportAgain(t *testing.T) {
	t.Parallel()
	for _, givenUp := range []bool{false, true} {
		r := newRig(t).impatient()
		if givenUp {
			r.spoiled(func(*rig, *hosting.NetworkBoot) {})
			r.send(10*time.Minute, "give-up", GiveUp{anna, "The disk is broken."})
		}
		r.when("ReleaseLease", 1, func() { r.writeFail = hosting.Invalid("", "the desk does not know ticket 1001", "check it") })
		r.say(0, message("m1", toInstall("Debian 12")))
		r.parked(t, time.Hour, "report", "does not know")
		r.later(2*time.Hour, func() { r.writeFail, r.power, r.override = nil, hosting.PowerOff, bmc.BootPXE })
		r.relaunch(3 * time.Hour)
		r.run()
		if got := r.ended(t); got.Phase != hosting.PhaseDone || r.override != bmc.BootPXE {
			t.Errorf("given up %v: %+v, override %q", givenUp, got, r.override)
		}
	}
}
