package letters

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/handrail/handrail/hosting"
)

// A sample is a letter that every template must be able to write.
type sample struct {
	name   string
	letter hosting.Letter
}

// samples are the letters that templates are tried on when they are loaded:
// with nothing, with everything, and with every answer that there can be. The
// name and the language of the letter are filled in by rehearse.
func samples() []sample {
	bare := hosting.Letter{Provider: "Handrail Hosting", Ticket: "T-1001"}
	full := bare
	full.Procedure, full.Ahead = hosting.ServerIntervention, hosting.ServerIntervention
	full.Person, full.Server, full.Reference = "Anna Kowalska", "SRV-1001", "203.0.113.7"
	full.Missing = []hosting.Field{
		hosting.FieldServer, hosting.FieldReason, hosting.FieldDetails, hosting.FieldFailedTools,
		hosting.FieldPower, hosting.FieldBackup, hosting.FieldCredentials,
		hosting.FieldSystem, hosting.FieldPartitioning, hosting.FieldRAID, hosting.FieldHostName, hosting.FieldSSHKeys,
		hosting.FieldKeepDisks, hosting.FieldErasure,
	}
	full.Unclear = []hosting.UnclearField{{Field: hosting.FieldPower, Value: "if you must", Why: "not a known statement"}}
	for _, p := range hosting.Problems() {
		full.Unclear = append(full.Unclear, hosting.UnclearField{Field: hosting.FieldSystem, Value: "the newest", Why: "unknown", Problem: p})
	}
	full.Unclear = append(full.Unclear, hosting.UnclearField{Field: hosting.FieldRAID, Why: "too few", Problem: hosting.ProblemTooFewDisks, Have: 1, Need: 2})
	full.Redacted = []string{"Password"}
	full.Power = hosting.PowerPermission{Grant: hosting.GrantWindow, Window: &hosting.Window{
		From: "2026-11-22 02:00", To: "2026-11-22 05:00", Zone: "Europe/Warsaw",
	}}
	full.Backup = hosting.BackupCurrent
	fillInstallation(&full)
	full.Report = &hosting.Report{
		Resolved: true, Text: "The file system is repaired.", Actions: []hosting.Deed{{Power: hosting.ActCycle, Outcome: hosting.Reached}, {Text: "File-system check"}},
		Downtime: hosting.Duration(65 * time.Minute), Power: hosting.PowerOn,
	}
	full.Workflow, full.Step, full.Error = "intervention/T-1001", "Work on the server", "SRV-1001: the BMC does not answer"
	full.By, full.Reason = "anna@example.com", "no longer needed"

	allowed, refused, unresolved := full, full, full
	allowed.Power, allowed.Backup = hosting.PowerPermission{Grant: hosting.GrantAllowed}, hosting.BackupLossOkay
	refused.Power, refused.Missing = hosting.PowerPermission{Grant: hosting.GrantRefused}, nil
	unresolved.Report = &hosting.Report{Power: hosting.PowerUnknown}
	installed, unplanned, unlisted := full, full, full
	installed.Procedure, unplanned.Procedure, unlisted.Procedure = hosting.OSReinstall, hosting.OSReinstall, hosting.OSReinstall
	unplanned.Plan, unplanned.Report, unplanned.Offered = nil, &hosting.Report{}, nil
	unproved, waited := installed, installed
	unproved.Access = &hosting.Access{Address: "203.0.113.7", User: "ubuntu"}
	unproved.Plan = &hosting.Plan{RAID: hosting.RAID1, Unused: full.Disks, Password: "file:srv-1001"}
	waited.Power, waited.Erased = hosting.PowerPermission{Grant: hosting.GrantAllowed}, true
	unlisted.Plan = &hosting.Plan{RAID: hosting.RAIDNone}
	return []sample{
		{"of a reinstallation", installed},
		{"of a reinstallation without a plan", unplanned},
		{"of a reinstallation on disks that are not listed", unlisted},
		{"of a reinstallation that staff found to be done", unproved},
		{"of a reinstallation after it began", waited},
		{"with nothing", bare},
		{"with everything", full},
		{"with power allowed and data loss accepted", allowed},
		{"with power not allowed and nothing missing", refused},
		{"with an empty report", unresolved},
	}
}

// fillInstallation fills in what letters about a reinstallation hold.
func fillInstallation(l *hosting.Letter) {
	l.Offered = []string{"Debian 12", "Ubuntu 24.04 LTS"}
	l.Disks = []hosting.Disk{{Serial: "S3Z9NB0K", Bay: "1", Model: "MZ7LH960", Bytes: 960_197_124_096}}
	l.Keep = []hosting.Disk{{Serial: "ZC1A2B3C", Bay: "Bay 3"}}
	l.Plan = &hosting.Plan{
		System: hosting.OperatingSystem{ID: "debian-12", Distribution: "Debian", Version: "12"}, Disks: l.Disks, Keep: l.Keep, RAID: hosting.RAID1,
		Layout: hosting.LayoutDefault, Partitions: hosting.Partitioning{Layout: hosting.LayoutDefault}.Plan(), HostName: "web1.example.com",
		SSHKeys:  []string{"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAINjNOXnLiRTH4ltIZkh4DY++2CecN96JQHMWt9aC2lZy anna@laptop"},
		Defaults: []hosting.Field{hosting.FieldPartitioning, hosting.FieldHostName},
	}
	l.Access = &hosting.Access{Address: "203.0.113.7", User: "root", HostKeys: []string{"ssh-ed25519 SHA256:GpOiOzbt4V5Seb8bq4D9/c9JIWt8ELNgVia+Lt0lmHM"}}
}

// rehearse writes every sample as every letter in every language.
func (b *Book) rehearse() error {
	for _, s := range samples() {
		for _, language := range hosting.Languages() {
			for _, name := range hosting.LetterNames() {
				s.letter.Name, s.letter.Language = name, language
				if err := b.try(s.letter); err != nil {
					return onSample(s, err)
				}
			}
		}
	}
	return nil
}

// onSample says which letter a template fails on. The server that it names is
// nobody's, so it is left out.
func onSample(s sample, err error) error {
	what := fmt.Sprintf("the letter %s (%s), written %s", s.letter.Name, s.letter.Language, s.name)
	if f, ok := errors.AsType[*hosting.Fault](err); ok && f.Cause != nil {
		return hosting.Invalid("", what+", fails", "correct the template").Because(f.Cause)
	}
	return fmt.Errorf("%s: %w", what, err)
}

func (b *Book) try(l hosting.Letter) error {
	subject, body, err := b.Ticket(l)
	if err != nil {
		return err
	}
	if err := blank(letterFile(l.Name, l.Language, "ticket.txt"), subject, body); err != nil || !mailed(l.Name) {
		return err
	}
	m, err := b.Mail(l)
	if err != nil {
		return err
	}
	if err := blank(letterFile(l.Name, l.Language, "mail.txt"), m.Subject, m.Text); err != nil {
		return err
	}
	return blank(letterFile(l.Name, l.Language, "mail.html"), m.HTML)
}

func blank(file string, texts ...string) error {
	for _, text := range texts {
		if strings.TrimSpace(text) == "" {
			return hosting.Invalid("", file+" writes an empty subject or an empty text", "write something for this case as well")
		}
	}
	return nil
}
