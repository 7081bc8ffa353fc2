package chassis_test

import (
	"testing"
	"time"

	"github.com/handrail/handrail/dev/datacenter/chassis"
	"github.com/handrail/handrail/dev/datacenter/fault"
	"github.com/handrail/handrail/hosting"
)

// What runs on the machine can restart it, as long as it runs.
func TestRestartFromInside(t *testing.T) {
	t.Parallel()
	b := newBench(false)
	b.SetPower(true)
	if b.Restart(1) {
		t.Error("the operating system of a machine in its self-test restarts it")
	}
	b.after(4 * time.Second)
	ran := false
	if b.Restart(2) || b.During(2, func() { ran = true }) || !b.During(1, func() { ran = true }) || !ran {
		t.Errorf("boot 1 is not what is taken for running: %+v", b.View())
	}
	if !b.Restart(1) || b.View().Boots != 2 || !b.View().InPOST || len(b.Resets()) != 0 {
		t.Errorf("after the restart: %+v, resets %+v", b.View(), b.Resets())
	}
	b.after(4 * time.Second)
	b.SetPower(false)
	if b.Restart(2) || b.During(2, func() { t.Error("it runs") }) {
		t.Error("what runs on a machine that is off restarts it")
	}
}

// Next is when to look again: nothing happens before it, and something at it.
func TestNextIsWhenItChanges(t *testing.T) {
	t.Parallel()
	b := newBench(true)
	if !b.View().Next.IsZero() {
		t.Error("a machine at rest is to change")
	}
	b.reset(chassis.Cycle)
	for _, want := range []hosting.PowerState{hosting.PoweringOff, hosting.PoweringOn, hosting.PowerOn, hosting.PowerOn} {
		v := b.View()
		if v.Phase != want {
			t.Fatalf("%s, want %s", v.Phase, want)
		}
		if v.Next.IsZero() {
			break
		}
		if got := b.after(v.Next.Sub(v.Now) - 1); got != want {
			t.Errorf("%s before Next", got)
		}
		b.after(1)
	}
	if v := b.View(); v.InPOST || !v.Next.IsZero() || !v.Up(1) || v.Up(0) {
		t.Errorf("at the end %+v", v)
	}
}

func TestFirmwareThatIgnoresTheOverride(t *testing.T) {
	t.Parallel()
	b := newBench(false)
	if err := b.faults.Put(fault.Fault{Name: fault.BootFromDisk, Times: 1}); err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{"Hdd", "Hdd", "Pxe"} {
		if i > 0 { // the fault shows where there is an override to ignore
			b.SetOverride(hosting.Redfish, chassis.Override{Target: "Pxe", Enabled: "Once", Mode: "UEFI"})
		}
		b.SetPower(true)
		if v := b.View(); v.LastBoot.From != want || v.Override.Active() {
			t.Errorf("boot %d is from %s, override %+v", i+1, v.LastBoot.From, v.Override)
		}
		b.SetPower(false)
	}
}

func TestModeOfTheFirmwareComesBack(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 22, 2, 0, 0, 0, time.UTC)
	c := chassis.New(chassis.State{Mode: "Legacy"}, chassis.DefaultTiming(), &fault.Set{}, func() time.Time { return now }, func() {})
	if o := c.View().Override; o.Mode != "Legacy" || o.Active() {
		t.Errorf("delivered with %+v", o)
	}
	c.SetOverride(hosting.IPMI, chassis.Override{Target: "Pxe", Enabled: "Once", Mode: "UEFI"})
	c.SetPower(true)
	if v := c.View(); v.LastBoot.Mode != "UEFI" || v.Override.Mode != "Legacy" {
		t.Errorf("booted %+v, then %+v", v.LastBoot, v.Override)
	}
}
