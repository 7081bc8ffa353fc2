package workflows

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/handrail/handrail/activities/bmc"
	"github.com/handrail/handrail/hosting"
)

// during looks at the status after a time.
func (r *rig) during(t *testing.T, after time.Duration, look func(Status)) {
	r.later(after, func() { look(r.status(t)) })
}

// wiped checks what was erased, and that each time a consent covered exactly it.
func (r *rig) wiped(t *testing.T, targets ...string) {
	t.Helper()
	var got []string
	for _, w := range r.wipes {
		got = append(got, w.target)
		if c := r.stored[w.consent]; c.Target != w.target || r.spentOn[w.consent] == "" || r.voided[w.consent] {
			t.Errorf("erased %q on consent %+v", w.target, c)
		}
	}
	if !slices.Equal(got, targets) {
		t.Errorf("erased %q, want %q", got, targets)
	}
}

// A complete ticket passes all gates without staff, to the proved system.
func TestReinstall_completeTicket_I17(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.say(0, message("m1", toInstall("Debian 12")))
	r.during(t, 5*time.Minute, func(s Status) {
		if s.Step != "install" || s.Boot == nil || s.Boot.State != hosting.BootErasing || s.Plan == nil || s.Plan.System.ID != "debian-12" {
			t.Errorf("in the middle: %+v", s)
		}
	})
	r.run()
	result := r.ended(t)
	if result.Phase != hosting.PhaseDone {
		t.Errorf("%+v", result)
	}
	r.wiped(t, "install debian-12; erase S0")
	if got := r.names(); !slices.Equal(got, []hosting.LetterName{hosting.LetterAcknowledge, hosting.LetterErasing, hosting.LetterSummary}) {
		t.Errorf("letters %v", got)
	}
	last := r.letters[len(r.letters)-1]
	if a := last.Letter.Access; a == nil || a.Address != "192.0.2.10" || a.User != "root" || !last.Close || !last.Letter.Report.Resolved {
		t.Errorf("summary %+v", last.Letter)
	}
	if r.override != "" || len(r.orders) != 1 || r.orders[0].Action != hosting.ActCycle || r.muted {
		t.Errorf("override %q, orders %+v, muted %v", r.override, r.orders, r.muted)
	}
	if p := last.Letter.Plan; p.Layout != hosting.LayoutDefault || p.RAID != hosting.RAIDNone || p.HostName != "mail.rossi.example" {
		t.Errorf("what was not said is not recorded as the default: %+v", p)
	}
}

// What is missing is asked for, the consent with the disks that it is about.
func TestReinstall_asks_I12_I13(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.say(0, message("m1", hosting.RequestFields{Server: "srv-1001"}))
	r.say(time.Hour, message("m2", hosting.RequestFields{
		Power: allowed(), Backup: backedUp(), Install: hosting.InstallFields{System: "debian 12", SSHKeys: []string{testKey}, RAID: hosting.RAID1},
	}))
	r.say(2*time.Hour, message("m3", hosting.RequestFields{Install: hosting.InstallFields{Erasure: toErase("Debian 12")}}))
	r.run()
	r.ended(t)
	first, second := r.letters[0].Letter, r.letters[1].Letter
	want := []hosting.Field{hosting.FieldSystem, hosting.FieldPower, hosting.FieldBackup, hosting.FieldSSHKeys}
	if first.Name != hosting.LetterMissing || !slices.Equal(first.Missing, want) || len(first.Offered) != 2 {
		t.Errorf("first letter %+v", first)
	}
	if !slices.Equal(second.Missing, []hosting.Field{hosting.FieldErasure}) || len(second.Disks) != 3 {
		t.Errorf("second letter %+v", second)
	}
	r.wiped(t, "install debian-12; erase S0 S1 S2")
}

// A consent counts for what was asked for when it was given (I14).
func TestReinstall_changedTargetVoidsConsent_I14(t *testing.T) {
	t.Parallel()
	window := within("2026-11-22 20:00", "2026-11-22 23:00")
	for name, change := range map[string]hosting.InstallFields{
		"another system": {System: "Debian 11"},
		"RAID":           {RAID: hosting.RAID1},
		"a disk to keep": {Keep: []string{"S0"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			f := toInstall("Debian 12")
			f.Power = window
			r.say(0, message("m1", f))
			r.say(time.Hour, message("m2", hosting.RequestFields{Install: change}))
			r.during(t, 12*time.Hour, func(s Status) {
				if s.Phase != hosting.PhaseWaiting || !strings.Contains(s.WaitingOn, "erasure") {
					t.Errorf("in the window: %s on %s", s.Phase, s.WaitingOn)
				}
			})
			again := "Debian 12"
			if change.System != "" {
				again = change.System
			}
			r.say(12*time.Hour+time.Minute, message("m3", hosting.RequestFields{Install: hosting.InstallFields{Erasure: toErase(again)}}))
			r.run()
			r.ended(t)
			want := map[string]string{
				"another system": "install debian-11; erase S0",
				"RAID":           "install debian-12; erase S0 S1 S2",
				"a disk to keep": "install debian-12; erase S1; keep S0",
			}[name]
			r.wiped(t, want)
		})
	}
}

// A disk that is another one by the time of the work is not erased on the old
// consent.
func TestReinstall_swappedDisk_I14(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	f := toInstall("Debian 12")
	f.Power = within("2026-11-22 20:00", "2026-11-22 23:00")
	r.say(0, message("m1", f))
	r.later(time.Hour, func() { r.drives[0].Serial = "NEW" })
	r.say(12*time.Hour, message("m2", hosting.RequestFields{Install: hosting.InstallFields{Erasure: toErase("Debian 12")}}))
	r.run()
	r.ended(t)
	r.wiped(t, "install debian-12; erase NEW")
}

// What can not be carried out goes back to the customer, saying why.
func TestReinstall_problems_I11_I12(t *testing.T) {
	t.Parallel()
	for _, x := range []struct {
		name    string
		asked   hosting.InstallFields
		problem hosting.Problem
		field   hosting.Field
		mend    hosting.InstallFields
	}{
		{"unknown system", hosting.InstallFields{System: "Windows 3.1"}, hosting.ProblemUnknownSystem, hosting.FieldSystem, hosting.InstallFields{System: "Debian 12"}},
		{"several systems", hosting.InstallFields{System: "Debian"}, hosting.ProblemSeveralSystems, hosting.FieldSystem, hosting.InstallFields{System: "debian-12"}},
		{"too few disks", hosting.InstallFields{System: "Debian 12", RAID: hosting.RAID10}, hosting.ProblemTooFewDisks, hosting.FieldRAID, hosting.InstallFields{RAID: hosting.RAID1}},
		{"unknown disk", hosting.InstallFields{System: "Debian 12", Keep: []string{"S9"}}, hosting.ProblemUnknownDisk, hosting.FieldKeepDisks, hosting.InstallFields{Keep: []string{}}},
		{
			"too large",
			hosting.InstallFields{System: "Debian 12", Partitioning: &hosting.Partitioning{Layout: hosting.LayoutCustom, Partitions: []hosting.Partition{{Mount: "/", MiB: 10 << 20, FileSystem: "ext4"}}}},
			hosting.ProblemTooLarge, hosting.FieldPartitioning,
			hosting.InstallFields{Partitioning: &hosting.Partitioning{Layout: hosting.LayoutSingle}},
		},
	} {
		t.Run(x.name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			f := toInstall("Debian 12")
			x.asked.SSHKeys = []string{testKey}
			f.Install = x.asked
			r.say(0, message("m1", f))
			r.say(time.Hour, message("m2", hosting.RequestFields{Install: x.mend}))
			r.during(t, 2*time.Hour, func(s Status) {
				if !strings.Contains(s.WaitingOn, "erasure") {
					t.Errorf("after the correction: waiting on %s", s.WaitingOn)
				}
			})
			r.say(3*time.Hour, message("m3", hosting.RequestFields{Install: hosting.InstallFields{Erasure: toErase("debian-12")}}))
			r.run()
			r.ended(t)
			l := r.letters[0].Letter
			if !slices.Contains(l.Missing, x.field) || len(l.Unclear) != 1 || l.Unclear[0].Problem != x.problem {
				t.Errorf("asked for %v, unclear %+v", l.Missing, l.Unclear)
			}
			if len(r.wipes) != 1 {
				t.Errorf("wipes %+v", r.wipes)
			}
		})
	}
}

// Without the customer's permission for power actions nothing begins.
func TestReinstall_powerRefused_I6(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	f := toInstall("Debian 12")
	f.Power = refused()
	r.say(0, message("m1", f))
	r.say(time.Hour, message("m2", hosting.RequestFields{Power: allowed()}))
	r.run()
	r.ended(t)
	if l := r.letters[0].Letter; !slices.Equal(l.Missing, []hosting.Field{hosting.FieldPower}) {
		t.Errorf("asked for %v", l.Missing)
	}
}

// Where the BMC can not tell the machine to boot over the network, the boot
// medium in its virtual drive does.
func TestReinstall_virtualMedia(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.policy.Install.Medium = "http://boot.example/files/boot.iso"
	var tried []bmc.Device
	inserted := ""
	r.overrideFails = func(d bmc.Device) error {
		tried, inserted = append(tried, d), r.media
		if d != bmc.BootCD {
			return hosting.NewFault(hosting.FaultUnsupported, "srv-1001", string(d)+" is not offered", "")
		}
		return nil
	}
	r.say(0, message("m1", toInstall("Debian 12")))
	r.run()
	r.ended(t)
	if !slices.Equal(tried, []bmc.Device{bmc.BootPXE, bmc.BootHTTP, bmc.BootCD}) || inserted != r.policy.Install.Medium || r.media != "" {
		t.Errorf("tried %v with %q in the drive, left %q", tried, inserted, r.media)
	}
}

// A BMC that lists no disks leaves nothing to check RAID and kept disks against.
func TestReinstall_noDiskList(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.noDrives = true
	f := toInstall("Debian 12")
	f.Install.Keep = []string{"S0"}
	r.say(0, message("m1", f))
	r.say(time.Hour, message("m2", hosting.RequestFields{Install: hosting.InstallFields{Keep: []string{}, Erasure: toErase("Debian 12")}}))
	r.run()
	r.ended(t)
	if u := r.letters[0].Letter.Unclear; len(u) != 1 || u[0].Problem != hosting.ProblemDisksNotListed {
		t.Errorf("unclear %+v", u)
	}
	r.wiped(t, "install debian-12; erase (1 not listed by the BMC)")
}

// A server without BMC or network card is for staff.
func TestReinstall_unsuitableServer(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(*hosting.Server){
		"no BMC": func(s *hosting.Server) { s.BMC.Endpoints = nil },
		"no MAC": func(s *hosting.Server) { s.MACs = nil },
	} {
		r := newRig(t)
		spoil(&r.server)
		r.say(0, message("m1", toInstall("Debian 12")))
		r.during(t, time.Hour, func(s Status) {
			if s.Phase != hosting.PhaseAttention || s.Step != "check" || s.Error == "" {
				t.Errorf("%s: %s at %s: %s", name, s.Phase, s.Step, s.Error)
			}
		})
		r.send(2*time.Hour, "cancel", Decision{Staff: Staff{By: "anna"}, Reason: "by hand"})
		r.run()
		if got := r.ended(t); got.Phase != hosting.PhaseCancelled || len(r.orders) != 0 {
			t.Errorf("%s: %+v, orders %v", name, got, r.orders)
		}
	}
}

// A start form can not carry a consent, nor what can not be meant.
func TestReinstall_refusedStarts(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(*ReinstallRequest){
		"consent":      func(r *ReinstallRequest) { r.Erasure = toErase("Debian 12") },
		"RAID":         func(r *ReinstallRequest) { r.RAID = "7" },
		"host name":    func(r *ReinstallRequest) { r.HostName = "-" },
		"private key":  func(r *ReinstallRequest) { r.SSHKeys = []string{"-----BEGIN"} },
		"password":     func(r *ReinstallRequest) { r.Password = "hunter2" },
		"partitioning": func(r *ReinstallRequest) { r.Partitioning = &hosting.Partitioning{Layout: "odd"} },
	} {
		r := newRig(t)
		in := toReinstall()
		spoil(&in)
		r.env.ExecuteWorkflow(OSReinstall, in)
		if err := r.env.GetWorkflowError(); err == nil || !strings.Contains(err.Error(), "To do:") || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// What was written and not understood is asked for, and not taken for the
// default, whatever else is said meanwhile.
func TestReinstall_unclearIsNoDefault_I12(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	f := toInstall("Debian 12")
	f.Unclear = []hosting.UnclearField{{Field: hosting.FieldRAID, Value: "mirrored", Why: "it is none of the levels"}}
	r.say(0, message("m1", f))
	r.say(time.Hour, message("m2", hosting.RequestFields{Details: "thanks"}))
	r.during(t, 2*time.Hour, func(s Status) {
		if s.Phase != hosting.PhaseWaiting || !strings.Contains(s.WaitingOn, "raid") {
			t.Errorf("%s on %s", s.Phase, s.WaitingOn)
		}
	})
	r.say(3*time.Hour, message("m3", hosting.RequestFields{Install: hosting.InstallFields{RAID: hosting.RAID1, Erasure: toErase("Debian 12")}}))
	r.run()
	r.ended(t)
	r.wiped(t, "install debian-12; erase S0 S1 S2")
}

// A consent for another system than the one asked for says so in the next letter.
func TestReinstall_consentForAnotherSystem_I14(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	f := toInstall("Debian 12")
	f.Install.Erasure = toErase("Debian 11")
	r.say(0, message("m1", f))
	r.say(time.Hour, message("m2", hosting.RequestFields{Install: hosting.InstallFields{Erasure: toErase("Debian 12")}}))
	r.run()
	r.ended(t)
	l := r.letters[0].Letter
	if len(l.Unclear) != 1 || l.Unclear[0].Problem != hosting.ProblemOtherSystem || !slices.Equal(l.Missing, []hosting.Field{hosting.FieldErasure}) {
		t.Errorf("asked for %v, unclear %+v", l.Missing, l.Unclear)
	}
	r.wiped(t, "install debian-12; erase S0")
}
