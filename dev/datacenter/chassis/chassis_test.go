package chassis_test

import (
	"testing"
	"time"

	"github.com/handrail/handrail/dev/datacenter/chassis"
	"github.com/handrail/handrail/dev/datacenter/fault"
	"github.com/handrail/handrail/hosting"
	"pgregory.net/rapid"
)

// bench is a chassis whose clock stands still until it is moved.
type bench struct {
	*chassis.Chassis
	faults fault.Set
	now    time.Time
}

func newBench(on bool) *bench {
	b := &bench{now: time.Date(2026, 11, 22, 2, 0, 0, 0, time.UTC)}
	b.Chassis = chassis.New(chassis.State{On: on}, chassis.DefaultTiming(), &b.faults,
		func() time.Time { return b.now }, func() {})
	return b
}

func (b *bench) reset(a chassis.Action) chassis.Effect {
	return b.Reset(chassis.Reset{Via: hosting.Redfish, Kind: string(a), Action: a})
}

func (b *bench) after(d time.Duration) hosting.PowerState {
	b.now = b.now.Add(d)
	return b.View().Phase
}

func TestCourses(t *testing.T) {
	t.Parallel()
	type look struct {
		after time.Duration
		want  hosting.PowerState
	}
	tests := []struct {
		action chassis.Action
		on     bool
		effect chassis.Effect
		looks  []look
		boots  int
	}{
		{chassis.On, false, chassis.Done, []look{{0, hosting.PoweringOn}, {time.Second, hosting.PowerOn}}, 1},
		{chassis.On, true, chassis.NoEffect, []look{{10 * time.Second, hosting.PowerOn}}, 0},
		{chassis.GracefulOff, true, chassis.Done, []look{{0, hosting.PoweringOff}, {2900 * time.Millisecond, hosting.PoweringOff}, {100 * time.Millisecond, hosting.PowerOff}}, 0},
		{chassis.GracefulOff, false, chassis.NoEffect, []look{{10 * time.Second, hosting.PowerOff}}, 0},
		{chassis.ForcedOff, true, chassis.Done, []look{{999 * time.Millisecond, hosting.PoweringOff}, {time.Millisecond, hosting.PowerOff}}, 0},
		{chassis.ForcedOff, false, chassis.NoEffect, []look{{10 * time.Second, hosting.PowerOff}}, 0},
		{chassis.GracefulRestart, true, chassis.Done, []look{{0, hosting.PowerOn}, {3 * time.Second, hosting.PowerOn}}, 1},
		{chassis.ForcedRestart, true, chassis.Done, []look{{0, hosting.PowerOn}, {time.Second, hosting.PowerOn}}, 1},
		{chassis.ForcedRestart, false, chassis.NoEffect, []look{{10 * time.Second, hosting.PowerOff}}, 0},
		{chassis.Cycle, true, chassis.Done, []look{{0, hosting.PoweringOff}, {time.Second, hosting.PoweringOn}, {2 * time.Second, hosting.PowerOn}}, 1},
		{chassis.Cycle, false, chassis.NoEffect, []look{{10 * time.Second, hosting.PowerOff}}, 0},
		{chassis.Button, true, chassis.Done, []look{{3 * time.Second, hosting.PowerOff}}, 0},
		{chassis.Button, false, chassis.Done, []look{{time.Second, hosting.PowerOn}}, 1},
		{chassis.Diagnose, true, chassis.Done, []look{{10 * time.Second, hosting.PowerOn}}, 0},
	}
	for _, tt := range tests {
		name := string(tt.action) + " when off"
		if tt.on {
			name = string(tt.action) + " when on"
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(tt.on)
			if moves := b.View().Moves(tt.action); moves != (tt.effect == chassis.Done && tt.action != chassis.Diagnose) {
				t.Errorf("Moves says %v", moves)
			}
			if got := b.reset(tt.action); got != tt.effect {
				t.Errorf("effect %s, want %s", got, tt.effect)
			}
			for i, l := range tt.looks {
				if got := b.after(l.after); got != l.want {
					t.Errorf("look %d: %s, want %s", i, got, l.want)
				}
			}
			if got := b.View().Boots; got != tt.boots {
				t.Errorf("%d boots, want %d", got, tt.boots)
			}
		})
	}
}

func TestForcedOffOvertakesGracefulOne(t *testing.T) {
	t.Parallel()
	b := newBench(true)
	b.reset(chassis.GracefulOff)
	if got := b.reset(chassis.GracefulOff); got != chassis.NoEffect {
		t.Errorf("a second graceful off: %s, want no effect", got)
	}
	if got := b.reset(chassis.ForcedOff); got != chassis.Done {
		t.Errorf("forced off: %s", got)
	}
	if got := b.after(time.Second); got != hosting.PowerOff {
		t.Errorf("a second after the forced off: %s", got)
	}
}

func TestForcedOffCancelsPowerOn(t *testing.T) {
	t.Parallel()
	b := newBench(false)
	b.reset(chassis.On)
	if got := b.reset(chassis.ForcedOff); got != chassis.Done {
		t.Errorf("forced off while powering on: %s", got)
	}
	if got := b.after(time.Minute); got != hosting.PowerOff {
		t.Errorf("a minute later: %s", got)
	}
}

func TestBootOverrideIsSpentOnce(t *testing.T) {
	t.Parallel()
	b := newBench(false)
	b.Insert("CD", chassis.Media{Image: "https://192.0.2.1/rescue.iso"})
	b.SetOverride(hosting.Redfish, chassis.Override{Target: "Cd", Enabled: "Once", Mode: "UEFI"})
	b.reset(chassis.On)
	b.after(time.Second)
	v := b.View()
	if !v.InPOST || v.LastBoot.From != "Cd" || v.LastBoot.Image != "https://192.0.2.1/rescue.iso" {
		t.Errorf("booted %+v, in POST %v", v.LastBoot, v.InPOST)
	}
	if v.Override != chassis.NoOverride {
		t.Errorf("the override is still %+v", v.Override)
	}
	b.after(4 * time.Second)
	if b.View().InPOST {
		t.Error("POST does not end")
	}
	b.reset(chassis.ForcedRestart)
	b.after(time.Second)
	if got := b.View().LastBoot.From; got != "Hdd" {
		t.Errorf("the second boot is from %s", got)
	}
}

func TestBootOverrideStaysWhenContinuous(t *testing.T) {
	t.Parallel()
	b := newBench(true)
	b.SetOverride(hosting.IPMI, chassis.Override{Target: "Pxe", Enabled: "Continuous", Mode: "UEFI"})
	for range 2 {
		b.reset(chassis.ForcedRestart)
		b.after(time.Second)
		if got := b.View().LastBoot.From; got != "Pxe" {
			t.Errorf("booted from %s", got)
		}
	}
}

func TestBootOverrideExpires(t *testing.T) {
	t.Parallel()
	b := newBench(false)
	b.SetOverride(hosting.IPMI, chassis.Override{Target: "Pxe", Enabled: "Once", Mode: "UEFI", Expires: b.now.Add(time.Minute)})
	b.after(time.Minute)
	if b.View().Override.Active() {
		t.Error("the override outlived its minute")
	}
}

// A boot whose moment lies after the override's end, noticed only later, does
// not use it either.
func TestBootOverrideExpiresBeforeALateLook(t *testing.T) {
	t.Parallel()
	b := newBench(false)
	b.SetOverride(hosting.IPMI, chassis.Override{Target: "Pxe", Enabled: "Once", Mode: "UEFI", Expires: b.now.Add(500 * time.Millisecond)})
	b.reset(chassis.On)
	b.after(time.Hour)
	if got := b.View().LastBoot.From; got != "Hdd" {
		t.Errorf("booted from %s", got)
	}
}

func TestFaultsOfTheMachine(t *testing.T) {
	t.Parallel()
	tests := []struct {
		fault   fault.Name
		action  chassis.Action
		effect  chassis.Effect
		settles hosting.PowerState
	}{
		{fault.StuckPower, chassis.ForcedOff, chassis.Ignored, hosting.PowerOn},
		{fault.StuckPower, chassis.GracefulOff, chassis.Ignored, hosting.PowerOn},
		{fault.GracefulIgnored, chassis.GracefulOff, chassis.Ignored, hosting.PowerOn},
		{fault.GracefulIgnored, chassis.GracefulRestart, chassis.Ignored, hosting.PowerOn},
		{fault.GracefulIgnored, chassis.ForcedOff, chassis.Done, hosting.PowerOff},
	}
	for _, tt := range tests {
		b := newBench(true)
		if err := b.faults.Put(fault.Fault{Name: tt.fault}); err != nil {
			t.Fatal(err)
		}
		if got := b.reset(tt.action); got != tt.effect {
			t.Errorf("%s under %s: %s, want %s", tt.action, tt.fault, got, tt.effect)
		}
		if got := b.after(time.Minute); got != tt.settles {
			t.Errorf("%s under %s: %s a minute later, want %s", tt.action, tt.fault, got, tt.settles)
		}
	}
	b := newBench(true)
	if err := b.faults.Put(fault.Fault{Name: fault.RefuseBoot}); err != nil {
		t.Fatal(err)
	}
	if b.SetOverride(hosting.Redfish, chassis.Override{Target: "Pxe", Enabled: "Once"}) || b.View().Override.Active() {
		t.Error("refuse-boot let an override through")
	}
}

func TestResetsAreLogged(t *testing.T) {
	t.Parallel()
	b := newBench(true)
	b.Reset(chassis.Reset{Via: hosting.IPMI, Kind: "chassis power soft", Action: chassis.GracefulOff})
	b.Refuse(chassis.Reset{Via: hosting.Redfish, Kind: "On", Why: "busy"})
	got := b.Resets()
	if len(got) != 2 || got[0].N != 1 || got[0].Effect != chassis.Done || got[0].Via != hosting.IPMI ||
		got[1].N != 2 || got[1].Effect != chassis.Refused || got[1].Why != "busy" || !got[1].At.Equal(b.now) {
		t.Errorf("the log reads %+v", got)
	}
	for range 2000 {
		b.Refuse(chassis.Reset{Via: hosting.Redfish, Kind: "On"})
	}
	got = b.Resets()
	if last := got[len(got)-1]; len(got) > 1000 || last.N != 2002 {
		t.Errorf("%d resets kept, the last numbered %d", len(got), last.N)
	}
}

// A restart in the middle of a power cycle carries on as if nothing had been.
func TestStateSurvives(t *testing.T) {
	t.Parallel()
	b := newBench(true)
	b.reset(chassis.Cycle)
	restarted := chassis.New(b.State(), chassis.DefaultTiming(), &fault.Set{}, func() time.Time { return b.now }, func() {})
	b.after(1500 * time.Millisecond)
	if got := restarted.View().Phase; got != hosting.PoweringOn {
		t.Errorf("in the middle: %s", got)
	}
	b.after(1500 * time.Millisecond)
	if v := restarted.View(); v.Phase != hosting.PowerOn || v.Boots != 1 {
		t.Errorf("at the end: %s after %d boots", v.Phase, v.Boots)
	}
}

// Whatever is sent and whenever it is looked at, a chassis left alone comes to
// rest, resets add up, and looking changes nothing.
func TestChassisComesToRest(t *testing.T) {
	t.Parallel()
	actions := []chassis.Action{
		chassis.On, chassis.GracefulOff, chassis.ForcedOff, chassis.GracefulRestart,
		chassis.ForcedRestart, chassis.Cycle, chassis.Button, chassis.Diagnose,
	}
	rapid.Check(t, func(rt *rapid.T) {
		looked, blind := newBench(true), newBench(true)
		steps := rapid.IntRange(1, 12).Draw(rt, "steps")
		var last chassis.Action
		for range steps {
			last = rapid.SampledFrom(actions).Draw(rt, "action")
			pause := time.Duration(rapid.IntRange(0, 5000).Draw(rt, "ms")) * time.Millisecond
			if a, b := looked.reset(last), blind.reset(last); a != b {
				rt.Fatalf("%s: %s when looked at, %s when not", last, a, b)
			}
			looked.after(pause / 2)
			looked.after(pause - pause/2)
			blind.now = blind.now.Add(pause)
		}
		looked.after(time.Minute)
		blind.after(time.Minute)
		v, w := looked.View(), blind.View()
		if !v.Phase.Settled() || v.InPOST || len(v.Pending) > 0 {
			rt.Fatalf("not at rest: %+v", v)
		}
		if v.On != w.On || v.Boots != w.Boots || v.LastBoot != w.LastBoot {
			rt.Fatalf("looking changed it: %+v, else %+v", v, w)
		}
		if last == chassis.ForcedOff && v.On {
			rt.Fatal("on after a forced off")
		}
		if got := len(looked.Resets()); got != steps {
			rt.Fatalf("%d resets in the log, %d sent", got, steps)
		}
	})
}
