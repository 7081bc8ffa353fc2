package workflows

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/handrail/handrail/activities/bmc"
	"github.com/handrail/handrail/hosting"
)

var anna = Staff{By: "anna"}

func (r *rig) relaunch(after time.Duration) *reply {
	return r.send(after, "relaunch", Decision{Staff: anna})
}

// failOnce lets the first installer fail in the middle, and the next one not.
func (r *rig) failOnce(why string) {
	r.behave = func(r *rig, b *hosting.NetworkBoot) {
		if b.Attempt > 1 {
			r.install(b)
			return
		}
		r.later(time.Minute, func() { r.handOut(b) })
		r.later(2*time.Minute, func() { r.erase(b) })
		r.later(3*time.Minute, func() { r.fail(b, why) })
	}
}

// parked checks that the operation stands at a failed step.
func (r *rig) parked(t *testing.T, after time.Duration, step, words string) {
	r.during(t, after, func(s Status) {
		if s.Phase != hosting.PhaseAttention || s.Step != step || !strings.Contains(s.Error, words) {
			t.Errorf("%s at %s: %q; want %s: %q", s.Phase, s.Step, s.Error, step, words)
		}
	})
}

// A machine that does not boot over the network has lost nothing: it can be
// tried again, or cancelled.
func TestReinstall_bootsFromDisk(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.behave = func(*rig, *hosting.NetworkBoot) {}
	r.say(0, message("m1", toInstall("Debian 12")))
	r.parked(t, time.Hour, "install", "A system answers on its address")
	cancelled := r.send(2*time.Hour, "cancel", Decision{Staff: anna, Reason: "another day"})
	r.run()
	if got := r.ended(t); got.Phase != hosting.PhaseCancelled || cancelled.rejected != nil {
		t.Errorf("%+v, %v", got, cancelled.rejected)
	}
	if r.wiped(t); r.boots[0].State != hosting.BootWithdrawn || r.override != "" {
		t.Errorf("boot %s, override %q", r.boots[0].State, r.override)
	}
}

// An installer that fails is launched again on the same consent.
func TestReinstall_installerFails_G11(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.failOnce("no space left")
	r.say(0, message("m1", toInstall("Debian 12")))
	r.parked(t, time.Hour, "install", "no space left")
	cancelled := r.send(2*time.Hour, "cancel", Decision{Staff: anna, Reason: "too late"})
	r.relaunch(3 * time.Hour)
	r.run()
	if got := r.ended(t); got.Phase != hosting.PhaseDone {
		t.Errorf("%+v", got)
	}
	if cancelled.rejected == nil || !strings.Contains(cancelled.rejected.Error(), "point of no return") {
		t.Errorf("cancel after the point of no return: %v", cancelled.rejected)
	}
	same := "install debian-12; erase S0"
	r.wiped(t, same, same)
	if slices.Contains(r.names(), hosting.LetterMissing) || len(r.stored) != 3 {
		t.Errorf("the customer was asked again: %v, %d consents", r.names(), len(r.stored))
	}
}

// Another system after the failure needs a consent of its own.
func TestReinstall_anotherSystemAfterFailure_I14(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.failOnce("unsupported disk")
	r.say(0, message("m1", toInstall("Debian 12")))
	r.say(time.Hour, message("m2", hosting.RequestFields{Install: hosting.InstallFields{System: "Debian 11"}}))
	r.relaunch(2 * time.Hour)
	r.during(t, 3*time.Hour, func(s Status) {
		if s.Phase != hosting.PhaseWaiting || !strings.Contains(s.WaitingOn, "erasure") || len(r.wipes) != 1 {
			t.Errorf("%s on %s, wipes %v", s.Phase, s.WaitingOn, r.wipes)
		}
	})
	r.say(4*time.Hour, message("m3", hosting.RequestFields{Install: hosting.InstallFields{Erasure: toErase("Debian 11")}}))
	r.run()
	r.ended(t)
	r.wiped(t, "install debian-12; erase S0", "install debian-11; erase S0")
}

// An installer that hangs parks the operation; if it comes on after all, a
// relaunch does not disturb it.
func TestReinstall_installerHangs(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.behave = func(r *rig, b *hosting.NetworkBoot) {
		r.later(time.Minute, func() { r.handOut(b) })
		r.later(2*time.Minute, func() { r.erase(b) })
		r.later(2*time.Hour, func() { r.report(b) })
		r.later(3*time.Hour, func() { r.done(b) })
	}
	r.say(0, message("m1", toInstall("Debian 12")))
	r.parked(t, time.Hour, "install", "silent")
	r.relaunch(2*time.Hour + 2*time.Minute)
	r.relaunch(4 * time.Hour)
	r.run()
	if got := r.ended(t); got.Phase != hosting.PhaseDone || len(r.wipes) != 1 {
		t.Errorf("%+v, wipes %v", got, r.wipes)
	}
}

// A last word that was lost is found out by looking.
func TestReinstall_lostCallback(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.behave = func(r *rig, b *hosting.NetworkBoot) {
		r.later(time.Minute, func() { r.handOut(b) })
		r.later(2*time.Minute, func() { r.erase(b) })
		r.later(8*time.Minute, func() { r.report(b) })
		r.later(9*time.Minute, func() { r.keys = b.HostKeys })
	}
	r.say(0, message("m1", toInstall("Debian 12")))
	r.run()
	if got := r.ended(t); got.Phase != hosting.PhaseDone || r.boots[0].State != hosting.BootDone {
		t.Errorf("%+v, boot %s", got, r.boots[0].State)
	}
}

// A system that answers with another host key than it reported is not proved.
// Staff may take it on themselves, and the customer gets no key to trust.
func TestReinstall_anotherHostKey(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.otherKey = "ssh-ed25519 somebody-else"
	r.say(0, message("m1", toInstall("Debian 12")))
	r.parked(t, time.Hour, "prove", "another host key")
	again := r.relaunch(2 * time.Hour)
	r.send(3*time.Hour, "skip", Decision{Staff: anna, Reason: "seen on the console"})
	r.run()
	r.ended(t)
	last := r.letters[len(r.letters)-1].Letter
	if again.rejected != nil || last.Access == nil || len(last.Access.HostKeys) != 0 || !last.Report.Resolved || len(r.wipes) != 1 {
		t.Errorf("%v, access %+v, resolved %v, wipes %v", again.rejected, last.Access, last.Report.Resolved, r.wipes)
	}
}

// What can not be completed can be ended, unresolved (O34).
func TestReinstall_giveUp(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.behave = func(r *rig, b *hosting.NetworkBoot) {
		r.later(time.Minute, func() { r.handOut(b) })
		r.later(2*time.Minute, func() { r.erase(b) })
		r.later(3*time.Minute, func() { r.fail(b, "disk error"); r.power = hosting.PowerOff })
	}
	r.say(0, message("m1", toInstall("Debian 12")))
	early := r.send(10*time.Second, "give-up", GiveUp{anna, "no"})
	ended := r.send(time.Hour, "give-up", GiveUp{anna, "The disk is broken; it will be replaced."})
	r.run()
	if got := r.ended(t); got.Phase != hosting.PhaseDone || ended.rejected != nil {
		t.Errorf("%+v, %v", got, ended.rejected)
	}
	last := r.letters[len(r.letters)-1].Letter
	if early.rejected == nil || last.Report.Resolved || last.Report.Text == "" || last.Access != nil || !last.Erased || r.override != "" {
		t.Errorf("early %v, report %+v", early.rejected, last.Report)
	}
}

// A power action that fails after the release gives the release back.
func TestReinstall_cycleFails(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	works := r.setPower
	fails := true
	r.setPower = func(ctx context.Context, o bmc.PowerOrder) (hosting.PowerResult, error) {
		if fails {
			return hosting.PowerResult{Action: o.Action, Outcome: hosting.Unmoved, Before: hosting.PowerOn, After: hosting.PowerOn, Detail: "stuck"}, nil
		}
		return works(ctx, o)
	}
	r.say(0, message("m1", toInstall("Debian 12")))
	r.parked(t, time.Hour, "boot", "stuck")
	r.later(2*time.Hour, func() { fails = false })
	r.relaunch(2*time.Hour + time.Minute)
	r.run()
	r.ended(t)
	if len(r.boots) != 2 || r.boots[0].State != hosting.BootWithdrawn || len(r.wipes) != 1 {
		t.Errorf("%d boots, wipes %v", len(r.boots), r.wipes)
	}
}

// A hold, a withdrawn consent and a closed ticket each keep the installer from
// being released.
func TestReinstall_stopsBeforeTheRelease(t *testing.T) {
	t.Parallel()
	evidence := hosting.Evidence{Text: "no, wait", Author: owner, How: "phone"}
	for name, stop := range map[string]func(*rig){
		"consent withdrawn": func(r *rig) {
			r.send(time.Hour, "consent", Consent{Staff: anna, Withdrawn: true, Evidence: evidence})
		},
		"ticket closed": func(r *rig) {
			r.say(time.Hour, hosting.TicketEvent{ID: "x", Kind: hosting.TicketClosed, Ticket: ticket, Author: owner})
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			f := toInstall("Debian 12")
			f.Power = within("2026-11-22 20:00", "2026-11-22 23:00")
			r.say(0, message("m1", f))
			stop(r)
			r.send(20*time.Hour, "cancel", Decision{Staff: anna, Reason: "enough"})
			r.run()
			if got := r.ended(t); got.Phase != hosting.PhaseCancelled {
				t.Errorf("%+v", got)
			}
			if r.wiped(t); len(r.boots) != 0 || len(r.orders) != 0 {
				t.Errorf("boots %v, orders %v", r.boots, r.orders)
			}
		})
	}
}

// The staff's consent counts like the customer's, and only from a contact.
func TestReinstall_consentByStaff_I8(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	f := toInstall("Debian 12")
	f.Install.Erasure = nil
	r.say(0, message("m1", f))
	evidence := hosting.Evidence{Text: "yes, erase it", Author: owner, How: "called back on the number on file"}
	stranger := evidence
	stranger.Author = "nobody@else.example"
	r1 := r.send(time.Hour, "consent", Consent{Staff: anna, System: "Debian 12", Evidence: stranger})
	r2 := r.send(2*time.Hour, "consent", Consent{Staff: anna, Evidence: evidence})
	r3 := r.send(3*time.Hour, "consent", Consent{Staff: anna, System: "Debian 12", Evidence: evidence})
	r.run()
	r.ended(t)
	if r1.rejected == nil || r2.rejected == nil || r3.rejected != nil {
		t.Errorf("%v, %v, %v", r1.rejected, r2.rejected, r3.rejected)
	}
	r.wiped(t, "install debian-12; erase S0")
}

// A boot that the BMC refuses parks the operation before anything is lost.
func TestReinstall_overrideRefused(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.overrideFails = func(bmc.Device) error { return errors.New("409 during POST") }
	r.say(0, message("m1", toInstall("Debian 12")))
	r.parked(t, time.Hour, "prepare", "409")
	r.later(2*time.Hour, func() { r.overrideFails = nil })
	r.relaunch(2*time.Hour + time.Minute)
	r.run()
	if got := r.ended(t); got.Phase != hosting.PhaseDone || len(r.wipes) != 1 {
		t.Errorf("%+v, wipes %v", got, r.wipes)
	}
}

// A permission that is taken back while nothing is lost stops the installer.
func TestReinstall_takenBackInTheInstaller_I6(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.behave = func(r *rig, b *hosting.NetworkBoot) {
		r.later(time.Minute, func() { r.handOut(b); r.ring(b) })
		r.later(10*time.Minute, func() { r.erase(b) })
	}
	r.say(0, message("m1", toInstall("Debian 12")))
	r.say(5*time.Minute, message("m2", hosting.RequestFields{Power: refused()}))
	r.parked(t, time.Hour, "install", "before anything was erased")
	r.send(2*time.Hour, "cancel", Decision{Staff: anna, Reason: "the customer does not want it"})
	r.run()
	if got := r.ended(t); got.Phase != hosting.PhaseCancelled || r.boots[0].State != hosting.BootWithdrawn {
		t.Errorf("%+v, boot %s", got, r.boots[0].State)
	}
	r.wiped(t)
}
