package workflows

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/handrail/handrail/activities/records"
	"github.com/handrail/handrail/hosting"
)

// words is what the customer has said, as a reader of the ticket would tell it.
type words struct {
	now       hosting.InstallFields
	consented string // the request for which the last consent was given
	power     hosting.PowerGrant
}

func (w *words) hear(f hosting.RequestFields) {
	mergeInstallation(&w.now, f.Install)
	if f.Install.Erasure != nil {
		w.consented = systemOf(f.Install.Erasure.System) + w.target()
	}
	if f.Power != nil {
		w.power = f.Power.Permission.Grant
	}
}

func (w *words) consent() bool { return w.consented == systemOf(w.now.System)+w.target() }

func (w *words) target() string {
	f := w.now
	f.System = systemOf(f.System)
	return scope(f)
}

// systemOf puts the ways to write a system into one.
func systemOf(words string) string { return strings.ToLower(strings.ReplaceAll(words, " ", "-")) }

// No sequence of consents, changed targets, relaunches, cancels and faults
// erases a disk without an unspent consent for exactly that target, or again on
// a consent whose installation was completed (I13, I14).
func TestReinstall_neverErasesWithoutConsent(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		r := newRig(t)
		said := &words{}
		r.watchReleases(said)
		machine := rapid.SliceOfN(rapid.IntRange(0, 4), 6, 6).Draw(rt, "machine")
		r.behave = func(r *rig, b *hosting.NetworkBoot) { r.behaviors()[machine[b.Attempt%len(machine)]](b) }
		first := drawWords(rt, true)
		first.Server = "srv-1001"
		r.speak(0, "m0", first, said)
		at := time.Duration(0)
		for i := range rapid.IntRange(1, 14).Draw(rt, "events") {
			at += time.Duration(rapid.IntRange(1, 90).Draw(rt, "minutes")) * time.Minute
			r.event(rt, i, at, said)
		}
		// Whatever stands then is ended.
		for _, end := range []struct {
			name string
			arg  any
		}{{"resume", Decision{Staff: anna}}, {"give-up", GiveUp{anna, "enough"}}, {"skip", Decision{Staff: anna, Reason: "enough"}}, {"cancel", Decision{Staff: anna, Reason: "enough"}}} {
			at += 6 * time.Hour
			r.send(at, end.name, end.arg)
		}
		r.send(at+6*time.Hour, "give-up", GiveUp{anna, "enough"})
		r.run()
		if err := r.env.GetWorkflowError(); !r.env.IsWorkflowCompleted() || err != nil {
			rt.Fatalf("it did not end: %v", err)
		}
		if len(r.broken) > 0 {
			rt.Fatal(r.broken)
		}
		r.judgeWipes(rt)
	})
}

// watchReleases looks at each release as the ticket's reader would.
func (r *rig) watchReleases(said *words) {
	r.released = func(a records.Arming, first bool) {
		if first && !said.consent() {
			r.broken = append(r.broken, fmt.Sprintf("released %s, the customer's last consent was %q and is asked for %+v", a.Plan.Target(), said.consented, said.now))
		}
		if said.power == hosting.GrantRefused {
			r.broken = append(r.broken, fmt.Sprintf("released %s against the customer's word on power", a.Plan.Target()))
		}
	}
}

func (r *rig) judgeWipes(rt *rapid.T) {
	finished := map[string]bool{}
	for _, w := range r.wipes {
		c := r.stored[w.consent]
		switch {
		case c.Target != w.target || r.spentOn[w.consent] == "" || c.Evidence.Statement != hosting.EraseDisks:
			rt.Fatalf("erased %q on consent %+v", w.target, c)
		case finished[w.consent]:
			rt.Fatalf("erased %q again after the installation was completed", w.target)
		}
		finished[w.consent] = w.finished()
	}
}

func (r *rig) speak(at time.Duration, id string, f hosting.RequestFields, said *words) {
	r.later(at, func() {
		if r.env.IsWorkflowCompleted() {
			return
		}
		said.hear(f)
		r.env.SignalWorkflow("ticket-event", message(id, f))
	})
}

// event is something that happens in the middle of it.
func (r *rig) event(rt *rapid.T, i int, at time.Duration, said *words) {
	switch rapid.IntRange(0, 9).Draw(rt, "event") {
	case 0, 1, 2, 3:
		r.speak(at, fmt.Sprint("m", i+1), drawWords(rt, false), said)
	case 4, 5:
		r.relaunch(at)
	case 6:
		r.send(at, "cancel", Decision{Staff: anna, Reason: "no"})
	case 7:
		r.later(at, func() { r.drives[0].Serial = fmt.Sprint("S", i, "new") })
	case 8:
		r.send(at, "hold", Decision{Staff: anna, Reason: "wait"})
		r.send(at+20*time.Minute, "resume", Decision{Staff: anna})
	case 9:
		r.send(at, "skip", Decision{Staff: anna, Reason: "go on"})
	}
}

// behaviors are what machines do when they are told to boot over the network.
func (r *rig) behaviors() []func(*hosting.NetworkBoot) {
	return []func(*hosting.NetworkBoot){
		r.install,
		func(*hosting.NetworkBoot) {}, // from its disk
		func(b *hosting.NetworkBoot) { r.later(time.Minute, func() { r.handOut(b) }) },
		func(b *hosting.NetworkBoot) {
			r.later(time.Minute, func() { r.handOut(b) })
			r.later(2*time.Minute, func() { r.erase(b) })
			r.later(5*time.Minute, func() {
				if b.State == hosting.BootErasing {
					r.fail(b, "broken")
				}
			})
		},
		func(b *hosting.NetworkBoot) { // it hangs
			r.later(time.Minute, func() { r.handOut(b) })
			r.later(2*time.Minute, func() { r.erase(b) })
		},
	}
}

// drawWords is a message of the customer's: all of the request, or a part of it.
func drawWords(rt *rapid.T, whole bool) hosting.RequestFields {
	some := func(what string) bool { return whole || rapid.IntRange(0, 3).Draw(rt, what) == 0 }
	system := rapid.SampledFrom([]string{"Debian 12", "Debian 11", "debian-12", "Debian"})
	var f hosting.RequestFields
	if some("power") {
		f.Power = rapid.SampledFrom([]func() *hosting.PowerStatement{allowed, allowed, refused}).Draw(rt, "permission")()
	}
	if some("backup") {
		f.Backup = backedUp()
	}
	if some("keys") {
		f.Install.SSHKeys = []string{testKey}
	}
	if some("system") {
		f.Install.System = system.Draw(rt, "system")
	}
	if rapid.IntRange(0, 5).Draw(rt, "raid") == 0 {
		f.Install.RAID = rapid.SampledFrom([]hosting.RAIDLevel{hosting.RAIDNone, hosting.RAID1}).Draw(rt, "level")
	}
	if rapid.IntRange(0, 5).Draw(rt, "keep") == 0 {
		f.Install.Keep = rapid.SampledFrom([][]string{{}, {"S0"}, {"1"}}).Draw(rt, "disks")
	}
	if some("consent") {
		f.Install.Erasure = toErase(system.Draw(rt, "consent for"))
	}
	f.Install.Keep = slices.Clone(f.Install.Keep)
	return f
}
