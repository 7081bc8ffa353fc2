package workflows

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/converter"

	"github.com/handrail/handrail/activities/bmc"
	"github.com/handrail/handrail/hosting"
)

// when does something at the moment an activity starts for the nth time: before
// it has changed anything, and before the workflow learns of it.
func (r *rig) when(name string, nth int, f func()) {
	count := func(info *activity.Info) {
		if info.ActivityType.Name != name {
			return
		}
		if nth--; nth == 0 {
			f()
		}
	}
	r.env.SetOnActivityStartedListener(func(info *activity.Info, _ context.Context, _ converter.EncodedValues) { count(info) })
	r.env.SetOnLocalActivityStartedListener(func(info *activity.Info, _ context.Context, _ []any) { count(info) })
}

// tell sends a message of the owner's now.
func (r *rig) tell(id string, f hosting.RequestFields) {
	r.env.SignalWorkflow("ticket-event", message(id, f))
}

// impatient ends a test soon whose operation never does.
func (r *rig) impatient() *rig {
	r.env.SetTestTimeout(5 * time.Second)
	return r
}

// spoiled is a machine whose first installation erases and fails.
func (r *rig) spoiled(then func(*rig, *hosting.NetworkBoot)) {
	r.behave = func(r *rig, b *hosting.NetworkBoot) {
		if b.Attempt > 1 {
			then(r, b)
			return
		}
		r.later(time.Minute, func() { r.handOut(b) })
		r.later(2*time.Minute, func() { r.erase(b) })
		r.later(3*time.Minute, func() { r.report(b) })
		r.later(4*time.Minute, func() { r.fail(b, "no space left") })
	}
}

// stuck is a machine whose first power cycle does nothing.
func (r *rig) stuck() {
	works, first := r.setPower, true
	r.setPower = func(ctx context.Context, o bmc.PowerOrder) (hosting.PowerResult, error) {
		if !first {
			return works(ctx, o)
		}
		first = false
		return hosting.PowerResult{Action: o.Action, Outcome: hosting.Unmoved, Before: hosting.PowerOn, After: hosting.PowerOn, Detail: "stuck"}, nil
	}
}

func install(system string) hosting.RequestFields {
	return hosting.RequestFields{Install: hosting.InstallFields{System: system}}
}

func ended(because string) Decision { return Decision{Staff: anna, Reason: because} }

// What was lost stays lost: a later boot that came to nothing does not bring the
// cancellation back.
func TestHostile_secondBootWithdrawn(t *testing.T) {
	t.Parallel()
	r := newRig(t).impatient()
	r.spoiled(func(*rig, *hosting.NetworkBoot) {})
	r.say(0, message("m1", toInstall("Debian 12")))
	r.relaunch(time.Hour)
	r.parked(t, 2*time.Hour, "install", "has not asked")
	cancel := r.send(3*time.Hour, "cancel", ended("too late"))
	giveUp := r.send(4*time.Hour, "give-up", GiveUp{anna, "The disk is broken."})
	r.run()
	r.ended(t)
	if cancel.rejected == nil || giveUp.rejected != nil {
		t.Errorf("cancel %v, give up %v", cancel.rejected, giveUp.rejected)
	}
}

// A new boot knows nothing of the one before.
func TestHostile_newBootIsNew(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.spoiled(func(*rig, *hosting.NetworkBoot) {})
	r.say(0, message("m1", toInstall("Debian 12")))
	r.relaunch(time.Hour)
	r.during(t, time.Hour+5*time.Minute, func(s Status) {
		if b := s.Boot; b.Attempt != 2 || len(b.HostKeys) > 0 || b.ErasingAt != nil || b.Error != "" {
			t.Errorf("armed with %+v", b)
		}
	})
	r.send(4*time.Hour, "give-up", GiveUp{anna, "The disk is broken."})
	r.run()
}

// A word on the disks to keep that was not understood stops the work, however
// late it comes.
func TestHostile_unclearAfterConsent_I12(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	f := toInstall("Debian 12")
	f.Power = within("2026-11-22 20:00", "2026-11-22 23:00")
	r.say(0, message("m1", f))
	r.say(time.Hour, message("m2", hosting.RequestFields{
		Unclear: []hosting.UnclearField{{Field: hosting.FieldKeepDisks, Value: "all but the small one", Why: "no disk is called so"}},
	}))
	r.during(t, 12*time.Hour, func(s Status) {
		if s.Phase != hosting.PhaseWaiting || !strings.Contains(s.WaitingOn, string(hosting.FieldKeepDisks)) {
			t.Errorf("%s on %q at %s", s.Phase, s.WaitingOn, s.Step)
		}
	})
	r.send(20*time.Hour, "cancel", ended("enough"))
	r.run()
	r.wiped(t)
}

// A server that changed hands while a step was parked is not erased.
func TestHostile_ownerChangesWhileParked_I1(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.stuck()
	r.say(0, message("m1", toInstall("Debian 12")))
	r.later(time.Hour, func() { r.server.Organization = "bianchi" })
	r.relaunch(2 * time.Hour)
	r.send(20*time.Hour, "cancel", ended("enough"))
	r.run()
	r.wiped(t)
}

// A consent whose author can not speak for the owner any more permits nothing.
func TestHostile_consentOfFormerContact_I7(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	other := hosting.Contact{Name: "Marco", Email: "marco@rossi.example", Language: hosting.Italian, Primary: true, Active: true}
	r.org.Contacts = append(r.org.Contacts, other)
	f := toInstall("Debian 12")
	f.Power = nil
	r.say(0, message("m1", f))
	power := message("m2", hosting.RequestFields{Power: within("2026-11-22 20:00", "2026-11-22 23:00")})
	power.Author = other.Email
	r.say(time.Hour, power)
	r.later(2*time.Hour, func() { r.org.Contacts = []hosting.Contact{other} })
	r.send(20*time.Hour, "cancel", ended("enough"))
	r.run()
	r.wiped(t)
}

// A hold that comes at the last look keeps the installer from being released, and
// one that comes at the release keeps the power as it is.
func TestHostile_holdAtTheLastMoment(t *testing.T) {
	t.Parallel()
	for name, moment := range map[string]int{"SetBootOnce": 1, "ArmBoot": 1} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			r.when(name, moment, func() { r.env.UpdateWorkflow("hold", "", &reply{}, ended("wait")) })
			r.say(0, message("m1", toInstall("Debian 12")))
			r.during(t, time.Hour, func(s Status) {
				if len(r.orders) > 0 || s.Phase != hosting.PhaseOnHold {
					t.Errorf("%s at %s, orders %v", s.Phase, s.Step, r.orders)
				}
			})
			r.send(2*time.Hour, "resume", Decision{Staff: anna})
			r.relaunch(3 * time.Hour)
			r.run()
			r.ended(t)
			if len(r.wipes) != 1 {
				t.Errorf("wipes %v", r.wipes)
			}
		})
	}
}

// What the customer says while the installer is being released still counts: the
// machine has not been touched.
func TestHostile_wordDuringTheRelease_I14(t *testing.T) {
	t.Parallel()
	for name, f := range map[string]hosting.RequestFields{"another system": install("Debian 11"), "power refused": {Power: refused()}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			r.when("ArmBoot", 1, func() { r.tell("m2", f) })
			r.say(0, message("m1", toInstall("Debian 12")))
			r.send(20*time.Hour, "cancel", ended("enough"))
			r.run()
			if r.wiped(t); len(r.orders) != 0 || len(r.boots) != 1 || r.boots[0].State != hosting.BootWithdrawn {
				t.Errorf("orders %v, boots %v", r.orders, r.boots)
			}
		})
	}
}

// Permission that is taken back during the cycle parks the operation; it does not
// end it.
func TestHostile_revokedDuringTheCycle_I6(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.setPower = func(context.Context, bmc.PowerOrder) (hosting.PowerResult, error) {
		r.setPower = r.machine
		r.tell("m2", hosting.RequestFields{Power: refused()})
		return hosting.PowerResult{}, context.Canceled
	}
	r.say(0, message("m1", toInstall("Debian 12")))
	r.parked(t, time.Hour, "boot", "")
	r.send(20*time.Hour, "cancel", ended("enough"))
	r.run()
	if got := r.ended(t); got.Phase != hosting.PhaseCancelled {
		t.Errorf("%+v", got)
	}
	r.wiped(t)
}

// A power action whose outcome was not seen, and a machine that meanwhile erases:
// the relaunch finds it at work.
func TestHostile_cycleUnseen_G11(t *testing.T) {
	t.Parallel()
	r := newRig(t).impatient()
	r.behave = func(r *rig, b *hosting.NetworkBoot) {
		r.handOut(b)
		r.erase(b)
		r.later(5*time.Minute, func() { r.report(b) })
		r.later(6*time.Minute, func() { r.done(b) })
	}
	r.setPower = func(ctx context.Context, o bmc.PowerOrder) (hosting.PowerResult, error) {
		result, err := r.machine(ctx, o)
		result.Outcome, result.Detail = hosting.Unknown, "the BMC does not answer"
		return result, err
	}
	r.say(0, message("m1", toInstall("Debian 12")))
	r.relaunch(time.Hour)
	r.relaunch(2 * time.Hour)
	r.send(20*time.Hour, "give-up", GiveUp{anna, "stuck"})
	r.run()
	if r.ended(t); !r.letters[len(r.letters)-1].Letter.Report.Resolved || len(r.boots) != 1 {
		t.Errorf("%d boots, steps %+v", len(r.boots), r.closing.Steps)
	}
}

// A server that is off when it is to be handed over can be turned on, or left so.
func TestHostile_offAtTheEnd_O34(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.when("ClearBoot", 1, func() { r.power = hosting.PowerOff })
	r.say(0, message("m1", toInstall("Debian 12")))
	var replies []*reply
	for i, u := range []struct {
		name string
		arg  any
	}{
		{"power", PowerOrder{Staff: anna, Action: hosting.ActOn}},
		{"skip", ended("the customer wants it off")},
		{"give-up", GiveUp{anna, "It does not stay on."}},
		{"cancel", ended("enough")},
	} {
		replies = append(replies, r.send(time.Duration(i+1)*time.Hour, u.name, u.arg))
	}
	r.later(10*time.Hour, func() { r.power = hosting.PowerOn })
	r.relaunch(11 * time.Hour)
	r.run()
	if !slices.ContainsFunc(replies, func(a *reply) bool { return a.accepted }) {
		for _, a := range replies {
			t.Error(a.rejected)
		}
	}
}

// A record that is corrected, as the fault asks, is read again.
func TestHostile_correctedRecord_G11(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.server.MACs = nil
	r.say(0, message("m1", toInstall("Debian 12")))
	r.parked(t, time.Hour, "check", "relaunch")
	r.later(2*time.Hour, func() { r.server.MACs = []string{"02:00:00:00:10:01"} })
	r.relaunch(3 * time.Hour)
	r.send(20*time.Hour, "cancel", ended("enough"))
	r.run()
	if got := r.ended(t); got.Phase != hosting.PhaseDone {
		t.Errorf("%+v", got)
	}
}

// What is given up leaves no override and no medium behind.
func TestHostile_givenUpLeavesNoBoot(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.policy.Install.Medium = "http://boot.example/files/boot.iso"
	r.overrideFails = func(d bmc.Device) error {
		if d != bmc.BootCD {
			return hosting.NewFault(hosting.FaultUnsupported, "srv-1001", string(d)+" is not offered", "")
		}
		return nil
	}
	r.spoiled(func(*rig, *hosting.NetworkBoot) {})
	r.say(0, message("m1", toInstall("Debian 12")))
	r.send(time.Hour, "give-up", GiveUp{anna, "The disk is broken."})
	r.run()
	if r.ended(t); r.override != "" || r.media != "" {
		t.Errorf("override %q, %q in the drive", r.override, r.media)
	}
}
