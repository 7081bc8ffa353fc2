package letters_test

import (
	"strings"
	"testing"
	"time"

	"github.com/handrail/handrail/activities/letters"
	"github.com/handrail/handrail/hosting"
)

const customersKey = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAINjNOXnLiRTH4ltIZkh4DY++2CecN96JQHMWt9aC2lZy anna@laptop"

var (
	firstDisk  = hosting.Disk{Serial: "S3Z9NB0K", Bay: "1", Model: "MZ7LH960", Bytes: 960_197_124_096}
	secondDisk = hosting.Disk{Serial: "S3Z9NB0L", Bay: "2", Model: "MZ7LH960", Bytes: 960_197_124_096}
	oldDisk    = hosting.Disk{Serial: "ZC1A2B3C", Bay: "Bay 3", Bytes: 4_000_787_030_016}
	debian     = hosting.OperatingSystem{ID: "debian-12", Distribution: "Debian", Version: "12"}
)

// ofReinstall returns a letter about a reinstallation.
func ofReinstall(name hosting.LetterName, change func(*hosting.Letter)) hosting.Letter {
	return with(name, func(l *hosting.Letter) {
		l.Procedure = hosting.OSReinstall
		change(l)
	})
}

// asked is a plan in which everything was asked for.
func asked() *hosting.Plan {
	return &hosting.Plan{
		System: debian, Disks: []hosting.Disk{firstDisk, secondDisk}, Keep: []hosting.Disk{oldDisk}, RAID: hosting.RAID1, Layout: hosting.LayoutCustom,
		Partitions: []hosting.Partition{
			{Mount: "/boot", MiB: 1024, FileSystem: "ext4"},
			{Mount: "swap", MiB: 8192, FileSystem: "swap"},
			{Mount: "/", MiB: 51200, FileSystem: "ext4"},
			{Mount: "/srv", FileSystem: "xfs"},
		},
		HostName: "db1.example.com", SSHKeys: []string{customersKey},
	}
}

// usual is a plan of defaults, for a server that does not list its disks.
func usual() *hosting.Plan {
	return &hosting.Plan{
		System: debian, RAID: hosting.RAIDNone, Layout: hosting.LayoutDefault, Partitions: hosting.Partitioning{Layout: hosting.LayoutDefault}.Plan(),
		HostName: "web1.example.com",
		Defaults: []hosting.Field{hosting.FieldPartitioning, hosting.FieldRAID, hosting.FieldHostName, hosting.FieldKeepDisks},
	}
}

// onUbuntu is a plan with a login by password.
func onUbuntu() *hosting.Plan {
	p := asked()
	p.System = hosting.OperatingSystem{ID: "ubuntu-24.04", Distribution: "Ubuntu", Version: "24.04 LTS", Answer: hosting.AnswerAutoinstall}
	p.SSHKeys, p.Password = nil, "file:srv-1042"
	p.Keep, p.Unused = nil, []hosting.Disk{oldDisk}
	return p
}

// stuck is a step that waits for staff.
func stuck(l *hosting.Letter) {
	l.Workflow, l.Step = "reinstall/T-1001", "Follow the installation"
	l.Error = "DS-1042: the installer is silent. To do: look at its console"
}

// installCases are letters about reinstallations.
var installCases = map[string]hosting.Letter{
	"reinstall-missing-everything": ofReinstall(hosting.LetterMissing, func(l *hosting.Letter) {
		l.Missing = []hosting.Field{
			hosting.FieldSystem, hosting.FieldPartitioning, hosting.FieldRAID, hosting.FieldHostName, hosting.FieldSSHKeys, hosting.FieldKeepDisks, hosting.FieldErasure,
		}
		l.Offered = []string{"Debian 12", "Ubuntu 24.04 LTS", "Rocky Linux 9"}
		l.Disks = []hosting.Disk{firstDisk, secondDisk, oldDisk}
	}),
	"reinstall-missing-system-unlisted": ofReinstall(hosting.LetterMissing, func(l *hosting.Letter) {
		l.Missing = []hosting.Field{hosting.FieldSystem, hosting.FieldKeepDisks}
	}),
	"reinstall-missing-erasure": ofReinstall(hosting.LetterMissing, func(l *hosting.Letter) {
		l.Missing, l.Plan = []hosting.Field{hosting.FieldErasure}, asked()
		l.Plan.Keep, l.Plan.Defaults = nil, []hosting.Field{hosting.FieldKeepDisks}
	}),
	"reinstall-missing-erasure-single-disk": ofReinstall(hosting.LetterMissing, func(l *hosting.Letter) {
		l.Missing, l.Plan = []hosting.Field{hosting.FieldErasure}, usual()
		l.Plan.Disks, l.Plan.Unused = []hosting.Disk{firstDisk}, []hosting.Disk{secondDisk, oldDisk}
	}),
	"reinstall-missing-erasure-unlisted": ofReinstall(hosting.LetterMissing, func(l *hosting.Letter) {
		l.Missing, l.Plan = []hosting.Field{hosting.FieldErasure}, usual()
	}),
	"reinstall-missing-problems": ofReinstall(hosting.LetterMissing, func(l *hosting.Letter) {
		l.Missing = []hosting.Field{hosting.FieldRAID}
		l.Unclear = []hosting.UnclearField{{Field: hosting.FieldPartitioning, Value: "as large as possible", Why: "no partition"}}
		for _, p := range hosting.Problems()[1:] {
			l.Unclear = append(l.Unclear, hosting.UnclearField{Field: hosting.FieldSystem, Value: "BeOS", Problem: p, Why: "in English"})
		}
		l.Unclear = append(l.Unclear, hosting.UnclearField{Field: hosting.FieldRAID, Problem: hosting.ProblemTooFewDisks, Why: "in English", Have: 1, Need: 2})
	}),
	"reinstall-reminder": ofReinstall(hosting.LetterReminder, func(l *hosting.Letter) {
		l.Missing, l.Plan = []hosting.Field{hosting.FieldErasure}, asked()
	}),
	"reinstall-acknowledge": ofReinstall(hosting.LetterAcknowledge, func(l *hosting.Letter) {
		l.Power, l.Backup, l.Plan = hosting.PowerPermission{Grant: hosting.GrantAllowed}, hosting.BackupCurrent, asked()
	}),
	"reinstall-acknowledge-defaults": ofReinstall(hosting.LetterAcknowledge, func(l *hosting.Letter) {
		l.Power, l.Backup, l.Plan = hosting.PowerPermission{Grant: hosting.GrantAllowed}, hosting.BackupLossOkay, usual()
	}),
	"reinstall-acknowledge-window": ofReinstall(hosting.LetterAcknowledge, func(l *hosting.Letter) {
		l.Power, l.Backup, l.Plan = cases["acknowledge-window"].Power, hosting.BackupCurrent, onUbuntu()
	}),
	"reinstall-queued":           ofReinstall(hosting.LetterQueued, func(l *hosting.Letter) { l.Ahead = hosting.ServerIntervention }),
	"reinstall-erasing":          ofReinstall(hosting.LetterErasing, func(l *hosting.Letter) { l.Plan = asked() }),
	"reinstall-erasing-unlisted": ofReinstall(hosting.LetterErasing, func(l *hosting.Letter) { l.Plan = usual() }),
	"reinstall-expired":          ofReinstall(hosting.LetterExpired, func(*hosting.Letter) {}),
	"reinstall-cancelled": ofReinstall(hosting.LetterCancelled, func(l *hosting.Letter) {
		l.By, l.Reason, l.Report = "anna@example.com", "we keep the old system", &hosting.Report{Power: hosting.PowerOn}
	}),
	"reinstall-cancelled-erased": ofReinstall(hosting.LetterCancelled, func(l *hosting.Letter) {
		l.By, l.Erased, l.Report = "Anna Nowak", true, &hosting.Report{Power: hosting.PowerOff}
	}),
	"reinstall-expired-erased": ofReinstall(hosting.LetterExpired, func(l *hosting.Letter) { l.Erased = true }),
	"reinstall-summary": ofReinstall(hosting.LetterSummary, func(l *hosting.Letter) {
		l.Plan, l.Erased = asked(), true
		l.Report = &hosting.Report{
			Resolved: true, Actions: []hosting.Deed{{Power: hosting.ActCycle, Outcome: hosting.Reached}},
			Downtime: hosting.Duration(11*time.Minute + 40*time.Second), Power: hosting.PowerOn,
		}
		l.Access = &hosting.Access{Address: "203.0.113.7", User: "root", HostKeys: hosting.Fingerprints([]string{customersKey})}
	}),
	"reinstall-summary-unproved": ofReinstall(hosting.LetterSummary, func(l *hosting.Letter) {
		l.Plan, l.Erased = onUbuntu(), true
		l.Report = &hosting.Report{Resolved: true, Downtime: hosting.Duration(20 * time.Second), Power: hosting.PowerOn}
		l.Access = &hosting.Access{Address: "203.0.113.7", User: l.Plan.User()}
	}),
	"reinstall-summary-erased": ofReinstall(hosting.LetterSummary, func(l *hosting.Letter) {
		l.Plan, l.Erased = asked(), true
		l.Report = &hosting.Report{Text: "The first disk does not take any data any more.", Power: hosting.PowerOff}
	}),
	"reinstall-attention": ofReinstall(hosting.LetterAttention, stuck),
	"reinstall-attention-erased": ofReinstall(hosting.LetterAttention, func(l *hosting.Letter) {
		stuck(l)
		l.Erased = true
	}),
	"reinstall-summary-not-completed": ofReinstall(hosting.LetterSummary, func(l *hosting.Letter) {
		l.Plan = asked()
		l.Report = &hosting.Report{Text: "The first disk does not take any data any more.", Power: hosting.PowerOff}
	}),
}

// The letter that asks for the consent says which disks are erased, and by their
// serial numbers (I13, I14); the acknowledgement says what is a default (I12).
func TestReinstallLettersNameTheDisks_I12_I13(t *testing.T) {
	t.Parallel()
	book := load(t)
	for name, words := range map[string][]string{
		"reinstall-missing-erasure":      {firstDisk.Serial, secondDisk.Serial, "960 GB"},
		"reinstall-acknowledge":          {firstDisk.Serial, secondDisk.Serial, oldDisk.Serial, "RAID 1", "db1.example.com", "SHA256:GpOiOzbt4V5Seb8bq4D9/c9JIWt8ELNgVia+Lt0lmHM"},
		"reinstall-erasing":              {firstDisk.Serial, secondDisk.Serial, "Debian 12"},
		"reinstall-summary":              {"203.0.113.7", "root", "SHA256:GpOiOzbt4V5Seb8bq4D9/c9JIWt8ELNgVia+Lt0lmHM", "Debian 12"},
		"reinstall-acknowledge-defaults": {"web1.example.com ("},
		"reinstall-acknowledge-window":   {oldDisk.Serial, "ubuntu", "sudo"},
		"reinstall-summary-unproved":     {"ubuntu", "sudo", "ssh-keygen -R 203.0.113.7", "ssh-keygen -R db1.example.com"},

		"reinstall-missing-erasure-single-disk": {firstDisk.Serial, secondDisk.Serial, oldDisk.Serial},
	} {
		l := installCases[name]
		for _, l.Language = range hosting.Languages() {
			_, body, err := book.Ticket(l)
			if err != nil {
				t.Fatal(err)
			}
			for _, w := range words {
				if !strings.Contains(body, w) {
					t.Errorf("%s in %s does not say %q:\n%s", name, l.Language, w, body)
				}
			}
		}
	}
}

func TestDiskInWords(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		disk   hosting.Disk
		en, it string
	}{
		{hosting.Disk{Serial: "S1"}, "S1", "S1"},
		{hosting.Disk{Serial: "S1", Bay: "2"}, "S1 (bay 2)", "S1 (vano 2)"},
		{hosting.Disk{Serial: "S1", Bay: "Disk.Bay.2"}, "S1 (Disk.Bay.2)", "S1 (Disk.Bay.2)"},
		{hosting.Disk{Serial: "S1", Bytes: 960_197_124_096}, "S1, 960 GB", "S1, 960 GB"},
		{hosting.Disk{Serial: "S1", Bytes: 1_920_383_410_176, Model: "A\nB"}, "S1, 1.92 TB, A B", "S1, 1,92 TB, A B"},
		{hosting.Disk{Serial: "S1", Bytes: 4_000_787_030_016}, "S1, 4 TB", "S1, 4 TB"},
		{hosting.Disk{Serial: "S1", Bytes: 1}, "S1, 1 GB", "S1, 1 GB"},
	} {
		if got := letters.Disk(hosting.English, tt.disk); got != tt.en {
			t.Errorf("got %q, want %q", got, tt.en)
		}
		if got := letters.Disk(hosting.Italian, tt.disk); got != tt.it {
			t.Errorf("got %q, want %q", got, tt.it)
		}
	}
}

func TestPartitionsInWords_I12(t *testing.T) {
	t.Parallel()
	for want, l := range map[string]hosting.Language{
		"/boot 1 GiB (ext4), swap 8 GiB, / 50 GiB (ext4), /srv the rest (xfs)": hosting.English,
		"/boot 1 GiB (ext4), swap 8 GiB, / 50 GiB (ext4), /srv il resto (xfs)": hosting.Italian,
		"/boot 1 GiB (ext4), swap 8 GiB, / 50 GiB (ext4), /srv reszta (xfs)":   hosting.Polish,
	} {
		if got := letters.Partitions(l, asked().Partitions); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestTooFewDisksInWords(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		language   hosting.Language
		have, need int
		want       string
	}{
		{hosting.English, 0, 1, "this needs at least 1 disk; this server has no disk that can be used for it"},
		{hosting.English, 1, 2, "this needs at least 2 disks; this server has only 1 disk that can be used for it"},
		{hosting.English, 3, 4, "this needs at least 4 disks; this server has only 3 disks that can be used for it"},
		{hosting.English, 0, 0, "there are not enough free disks for it"}, // the numbers are not known
		{hosting.Italian, 0, 1, "serve almeno 1 disco; su questo server non c'è alcun disco utilizzabile"},
		{hosting.Italian, 1, 2, "servono almeno 2 dischi; su questo server c'è solo 1 disco utilizzabile"},
		{hosting.Italian, 3, 4, "servono almeno 4 dischi; su questo server ci sono solo 3 dischi utilizzabili"},
		{hosting.Polish, 0, 1, "potrzeba co najmniej 1 dysku; na tym serwerze nie można użyć żadnego dysku"},
		{hosting.Polish, 1, 2, "potrzeba co najmniej 2 dysków; na tym serwerze można użyć tylko 1 dysku"},
		{hosting.Polish, 3, 4, "potrzeba co najmniej 4 dysków; na tym serwerze można użyć tylko 3 dysków"},
	} {
		got, err := letters.Problem(tt.language, hosting.UnclearField{Problem: hosting.ProblemTooFewDisks, Have: tt.have, Need: tt.need})
		if err != nil || got != tt.want {
			t.Errorf("got %q, %v, want %q", got, err, tt.want)
		}
	}
}

// Nothing is named above where the server lists no disks (I13).
func TestConsentOnUnlistedDisksPointsNowhere_I13(t *testing.T) {
	t.Parallel()
	book := load(t)
	l := installCases["reinstall-missing-erasure-unlisted"]
	for language, above := range map[hosting.Language]string{hosting.English: "above", hosting.Italian: "sopra", hosting.Polish: "powyżej"} {
		l.Language = language
		_, body, err := book.Ticket(l)
		if err != nil || strings.Contains(body, above) {
			t.Errorf("in %s: %v\n%s", language, err, body)
		}
	}
}
