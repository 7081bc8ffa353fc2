package datacenter_test

import (
	"maps"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/handrail/handrail/dev/datacenter"
	"github.com/handrail/handrail/dev/datacenter/computer"
	"github.com/handrail/handrail/dev/datacenter/fault"
	"github.com/handrail/handrail/hosting"
)

// Whatever happens to a machine and its power, no disk is wiped without the
// gateway's permission, and on one permission none twice; what answers is what
// the disks hold.
func TestNoWipeWithoutPermission(t *testing.T) {
	t.Parallel()
	g, who := newGateway(t), newPerson(t)
	m := one(t, g.URL)
	bmc := newClient(t, m)
	troubles := []fault.Name{fault.NeverBoots, fault.BootFromDisk, fault.WrongDisk, fault.InstallerHangs, fault.InstallerFails, fault.CallbackLost}
	formats := []hosting.AnswerFormat{hosting.AnswerOrder, hosting.AnswerPreseed, hosting.AnswerAutoinstall, hosting.AnswerKickstart}
	rapid.Check(t, func(rt *rapid.T) {
		actions := map[string]func(){
			"arm": func() {
				raid := rapid.SampledFrom([]hosting.RAIDLevel{hosting.RAIDNone, hosting.RAID1}).Draw(rt, "raid")
				g.arm(m, installation(m, rapid.SampledFrom(formats).Draw(rt, "format"), raid, who))
			},
			"boot from the network": func() {
				m.SetPower(false)
				bmc.boot(map[string]string{"BootSourceOverrideTarget": "Pxe", "BootSourceOverrideEnabled": "Once"})
				m.SetPower(true)
			},
			"power": func() { m.SetPower(rapid.Bool().Draw(rt, "on")) },
			"trouble": func() {
				set(t, m, fault.Fault{Name: rapid.SampledFrom(troubles).Draw(rt, "fault"), Times: 1})
			},
			"rest": func() { atRest(t, m) },
		}
		for range rapid.IntRange(1, 8).Draw(rt, "steps") {
			actions[rapid.SampledFrom(slices.Sorted(maps.Keys(actions))).Draw(rt, "action")]()
			if why := unlawful(g, m); why != "" {
				rt.Fatal(why)
			}
		}
	})
	if len(g.granted) == 0 {
		t.Error("nothing was ever permitted, so nothing was tried")
	}
	m.ClearFaults()
	m.SetPower(false)
	g.arm(m, installation(m, hosting.AnswerOrder, hosting.RAIDNone, who))
	bootFrom(t, m, "Pxe")
	await(t, "it is installed in the end", func() bool { return g.boot(m).State == hosting.BootDone && m.Run().Phase == computer.Running })
	if key, err := greet(m); err != nil || key != m.HostKey() {
		t.Errorf("it answers with %s (%v), the disks hold %s", key, err, m.HostKey())
	}
}

// atRest waits until the machine does nothing more of itself.
func atRest(t *testing.T, m *datacenter.Machine) {
	t.Helper()
	await(t, "it is at rest", func() bool {
		r := m.Run()
		hangs := r.Phase == computer.Installing && r.Percent == 40 // where the fault stops it
		return m.Power() == hosting.PowerOff || hangs || r.Phase == computer.Running || r.Phase == computer.Nothing
	})
}

// unlawful says which wipe should not have been.
func unlawful(g *gateway, m *datacenter.Machine) string {
	wipes := m.Wipes() // before the permissions, which come first
	g.mu.Lock()
	defer g.mu.Unlock()
	seen := map[string]bool{}
	for _, w := range wipes {
		switch on := w.Token + w.Disk; {
		case !g.granted[w.Token]:
			return "the disk " + w.Disk + " was wiped without permission"
		case seen[on]:
			return "the disk " + w.Disk + " was wiped twice on one permission"
		default:
			seen[on] = true
		}
	}
	return ""
}
