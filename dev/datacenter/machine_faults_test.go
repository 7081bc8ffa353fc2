package datacenter_test

import (
	"strings"
	"testing"
	"time"

	"github.com/handrail/handrail/dev/datacenter"
	"github.com/handrail/handrail/dev/datacenter/computer"
	"github.com/handrail/handrail/dev/datacenter/fault"
	"github.com/handrail/handrail/hosting"
)

// broken is a machine with a fault that boots for its installation.
type broken struct {
	*gateway
	*datacenter.Machine
	who person
	old string // the host key before
}

func (b broken) installs() hosting.NetworkBoot { return b.gateway.boot(b.Machine) }

// silent fails where the machine answers.
func (b broken) silent(t *testing.T) {
	t.Helper()
	if key, err := greet(b.Machine); err == nil {
		t.Errorf("it answers with %s", key)
	}
}

// restart switches the machine off and on, as a technician does.
func (b broken) restart(t *testing.T) {
	t.Helper()
	boots := b.View().Boots
	b.SetPower(false)
	b.SetPower(true)
	await(t, "it boots", func() bool {
		return b.View().Boots == boots+1 && b.Run().Phase != "" && b.Run().Phase != computer.Booting
	})
}

var machineFaults = map[fault.Name]func(*testing.T, broken){
	fault.NeverBoots: func(t *testing.T, b broken) {
		awaitPhase(t, b.Machine, computer.Nothing)
		b.silent(t)
		if n := len(b.asked); n != 0 || b.Power() != hosting.PowerOn {
			t.Errorf("it is %s and asked %q", b.Power(), b.asked)
		}
		b.ClearFaults()
		b.restart(t)
		if key, err := greet(b.Machine); err != nil || key != b.old {
			t.Errorf("without the fault it answers with %s, %v", key, err)
		}
	},
	fault.BootFromDisk: func(t *testing.T, b broken) {
		awaitPhase(t, b.Machine, computer.Running)
		if key, err := greet(b.Machine); err != nil || key != b.old || len(b.asked) != 0 {
			t.Errorf("it answers with %s (%v) and asked %q", key, err, b.asked)
		}
		if v := b.View(); v.Override.Active() || v.LastBoot.From != "Hdd" {
			t.Errorf("the override is %+v after a boot from %s", v.Override, v.LastBoot.From)
		}
	},
	fault.WrongDisk: func(t *testing.T, b broken) {
		await(t, "it gives up", func() bool { return b.installs().State == hosting.BootFailed })
		if err := b.installs().Error; !strings.Contains(err, "no disk has the serial number") || len(b.Wipes()) != 0 || b.count("POST begin") != 0 {
			t.Errorf("it says %q after %d wipes", err, len(b.Wipes()))
		}
	},
	fault.InstallerHangs: func(t *testing.T, b broken) {
		await(t, "it is at 40 %", func() bool { return b.installs().Percent == 40 })
		b.silent(t)
		b.ClearFaults()
		b.restart(t)
		if r := b.Run(); r.Phase != computer.Nothing || b.HostKey() != "" || b.installs().State != hosting.BootErasing {
			t.Errorf("half installed it is %+v, its boot %s", r, b.installs().State)
		}
		b.silent(t)
	},
	fault.InstallerFails: func(t *testing.T, b broken) {
		await(t, "it fails", func() bool { return b.installs().State == hosting.BootFailed })
		if n := b.installs(); n.Percent != 60 || !strings.Contains(n.Error, "60 %") {
			t.Errorf("it failed at %d %%: %s", n.Percent, n.Error)
		}
		b.silent(t)
		if d := b.Disks()[0].Content; !d.Half {
			t.Errorf("the disk holds %+v", d)
		}
	},
	fault.HostKeyLost: func(t *testing.T, b broken) {
		await(t, "it runs", func() bool { return b.installs().State == hosting.BootDone && b.Run().Phase == computer.Running })
		if keys := b.installs().HostKeys; len(keys) != 0 {
			t.Errorf("it reported %q", keys)
		}
	},
	fault.WrongHostKey: func(t *testing.T, b broken) {
		await(t, "it runs", func() bool { return b.installs().State == hosting.BootDone && b.Run().Phase == computer.Running })
		if key, err := greet(b.Machine); err != nil || len(b.installs().HostKeys) != 1 || key == b.installs().HostKeys[0] || key == b.old {
			t.Errorf("it answers with %s (%v), reported was %q", key, err, b.installs().HostKeys)
		}
	},
	fault.CallbackLost: func(t *testing.T, b broken) {
		await(t, "it runs", func() bool { return len(b.installs().HostKeys) == 1 && b.Run().Phase == computer.Running })
		if key, err := greet(b.Machine); err != nil || key != b.installs().HostKeys[0] || b.installs().State != hosting.BootErasing {
			t.Errorf("it answers with %s (%v), its boot is %s", key, err, b.installs().State)
		}
	},
}

func TestFaultsOfMachines(t *testing.T) {
	t.Parallel()
	for _, k := range fault.Kinds() {
		if k.Protocols[0] != fault.Machine {
			continue
		}
		check := machineFaults[k.Name]
		if check == nil {
			t.Errorf("nothing shows that %s works", k.Name)
			continue
		}
		t.Run(string(k.Name), func(t *testing.T) {
			t.Parallel()
			g, who := newGateway(t), newPerson(t)
			m := start(t, datacenter.Config{Servers: 1, BootURL: g.URL}).Machines()[0]
			b := broken{gateway: g, Machine: m, who: who, old: m.HostKey()}
			g.arm(m, installation(m, hosting.AnswerOrder, hosting.RAID1, who))
			set(t, m, fault.Fault{Name: k.Name})
			bootFrom(t, m, "Pxe")
			check(t, b)
		})
	}
}

// On a machine whose BMC lists no disks nobody knows what the right ones are.
func TestWrongDisksWhereNoneAreListed(t *testing.T) {
	t.Parallel()
	peer(t, "ipmitool")
	g, who := newGateway(t), newPerson(t)
	m := start(t, datacenter.Config{Servers: 6, BootURL: g.URL}).Machine("srv-1006")
	g.arm(m, installation(m, hosting.AnswerOrder, hosting.RAID1, who))
	set(t, m, fault.Fault{Name: fault.WrongDisk})
	bootFrom(t, m, "Pxe")
	await(t, "it is installed", func() bool { return g.boot(m).State == hosting.BootDone })
}

// A fault that wears off does so with the boot, so that a second try gets on.
func TestMachineFaultsWearOff(t *testing.T) {
	t.Parallel()
	g, who := newGateway(t), newPerson(t)
	m := start(t, datacenter.Config{Servers: 1, BootURL: g.URL, Timing: &instant}).Machines()[0]
	set(t, m, fault.Fault{Name: fault.InstallerHangs, Percent: 7, Times: 1})
	set(t, m, fault.Fault{Name: fault.NeverBoots, Times: 1})
	g.arm(m, installation(m, hosting.AnswerOrder, hosting.RAIDNone, who))
	bootFrom(t, m, "Pxe")
	awaitPhase(t, m, computer.Nothing)
	bootFrom(t, m, "Pxe")
	await(t, "it is at 7 %", func() bool { return g.boot(m).Percent == 7 })
	if r := m.Run(); r.Phase != computer.Installing || r.Percent != 7 {
		t.Errorf("it is %+v", r)
	}
	g.arm(m, installation(m, hosting.AnswerOrder, hosting.RAIDNone, who))
	bootFrom(t, m, "Pxe")
	await(t, "it is installed", func() bool { return g.boot(m).State == hosting.BootDone && m.Run().Phase == computer.Running })
	if w := m.Wipes(); len(w) != 2 || w[0].Disk != w[1].Disk || w[0].Token == w[1].Token || w[0].Written != w[1].Lost || m.Disks()[0].Content.Generation != 2 {
		t.Errorf("wiped as %+v", w)
	}
	if len(m.Faults()) != 0 {
		t.Errorf("left are %+v", m.Faults())
	}
}

// The installation stops where it is when the power goes: nothing is reported
// or written afterwards.
func TestPowerOffStopsTheInstallation(t *testing.T) {
	t.Parallel()
	g, who := newGateway(t), newPerson(t)
	timing := brisk
	timing.Install = 20 * time.Millisecond
	m := start(t, datacenter.Config{Servers: 1, BootURL: g.URL, Timing: &timing}).Machines()[0]
	g.arm(m, installation(m, hosting.AnswerPreseed, hosting.RAID1, who))
	bootFrom(t, m, "Pxe")
	await(t, "it is under way", func() bool { return g.boot(m).Percent >= 20 })
	m.SetPower(false)
	disks, wipes := m.Disks(), m.Wipes()
	if !disks[0].Content.Half || !disks[1].Content.Half || len(wipes) != 2 {
		t.Errorf("the disks hold %+v after %+v", disks, wipes)
	}
	m.SetPower(true)
	awaitPhase(t, m, computer.Nothing)
	if got := m.Disks(); got[0] != disks[0] || len(m.Wipes()) != 2 || m.HostKey() != "" {
		t.Errorf("afterwards the disks hold %+v", got)
	}
	if s := g.boot(m); s.State != hosting.BootErasing || len(s.HostKeys) != 0 {
		t.Errorf("the gateway has it as %s with %q", s.State, s.HostKeys)
	}
}
