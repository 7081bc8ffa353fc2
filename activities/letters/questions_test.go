package letters_test

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/handrail/handrail/activities/desk/ticket"
	"github.com/handrail/handrail/hosting"
)

// What the letters ask customers to answer is what the desk understands: the
// labels, the statements, the reasons, the subject (I6, I8, I9, I15, I16).
func TestQuestionsHoldTheirAnswers_I16(t *testing.T) {
	t.Parallel()
	book := load(t)
	l := cases["missing-everything"]
	l.Missing = append(slices.Clone(l.Missing), installCases["reinstall-missing-everything"].Missing...)
	l.Plan, l.Offered = installCases["reinstall-missing-erasure"].Plan, installCases["reinstall-missing-everything"].Offered
	for _, l.Language = range hosting.Languages() {
		_, body, err := book.Ticket(l)
		if err != nil {
			t.Fatal(err)
		}
		got := map[hosting.Field][]string{}
		for line := range strings.Lines(body) {
			line, example := strings.CutPrefix(line, "    ")
			if !example || strings.TrimSpace(line) == "" {
				continue
			}
			label, value, _ := strings.Cut(line, ":")
			field, _, ok := hosting.FieldByLabel(label)
			if !ok {
				t.Errorf("%s: no label that is known in %q", l.Language, line)
			}
			got[field] = append(got[field], meaning(field, strings.TrimSpace(value), l.Provider))
		}
		want := map[hosting.Field]string{
			hosting.FieldServer:      "[empty]",
			hosting.FieldReason:      fmt.Sprint(hosting.Reasons()),
			hosting.FieldDetails:     "[...]",
			hosting.FieldFailedTools: "[...]",
			hosting.FieldPower:       "[power-allowed power-window power-refused]",
			hosting.FieldBackup:      "[backup-exists loss-accepted]",

			hosting.FieldSystem:       "[Debian 12 Ubuntu 24.04 LTS Rocky Linux 9]",
			hosting.FieldPartitioning: "[default single /boot 1G ext4, swap 8G, / 50G ext4, /srv rest xfs]",
			hosting.FieldRAID:         "[none 0 1 5 6 10]",
			hosting.FieldHostName:     "[...]",
			hosting.FieldSSHKeys:      "[...]",
			hosting.FieldKeepDisks:    "[... ...]", // asked for, and offered before the consent
			hosting.FieldErasure:      "[erase-disks Debian 12]",
		}
		for field, meanings := range want {
			if fmt.Sprint(got[field]) != meanings {
				t.Errorf("%s: the answers offered for %s mean %v, want %s", l.Language, field, got[field], meanings)
			}
		}
		if len(got) != len(want) {
			t.Errorf("%s: answers are offered for %v", l.Language, got)
		}
	}
}

// meaning is how an offered answer is understood.
func meaning(field hosting.Field, value, provider string) string {
	switch field {
	case hosting.FieldServer:
		if hosting.ServerReference(value) == "" {
			return "empty" // left as it stands, it names no server
		}
	case hosting.FieldReason:
		r, _ := hosting.ReasonByText(value)
		return string(r)
	case hosting.FieldPartitioning:
		p, err := hosting.ParsePartitioning(value)
		return p.String() + errorText(err)
	case hosting.FieldRAID:
		r, _ := hosting.ParseRAID(value)
		return string(r)
	case hosting.FieldErasure:
		s, _ := hosting.RecognizeStatement(value, provider)
		return string(s.Kind) + " " + s.System
	case hosting.FieldPower, hosting.FieldBackup:
		s, _ := hosting.RecognizeStatement(value, provider)
		return string(s.Kind)
	}
	return value
}

func errorText(err error) string {
	if err != nil {
		return err.Error()
	}
	return ""
}

// Every question of a complete letter, answered with the lines that it offers,
// is a ticket in which nothing is unclear (I17).
func TestOfferedAnswersAreUnderstood_I17(t *testing.T) {
	t.Parallel()
	book := load(t)
	l := installCases["reinstall-missing-erasure"]
	l.Offered = installCases["reinstall-missing-everything"].Offered
	l.Missing = []hosting.Field{hosting.FieldSystem, hosting.FieldPower, hosting.FieldBackup, hosting.FieldPartitioning, hosting.FieldRAID, hosting.FieldErasure}
	for _, l.Language = range hosting.Languages() {
		_, body, err := book.Ticket(l)
		if err != nil {
			t.Fatal(err)
		}
		answers := map[string]string{} // the first line of each label
		for line := range strings.Lines(body) {
			label, _, found := strings.Cut(line, ":")
			if field, _, ok := hosting.FieldByLabel(label); ok && found && strings.HasPrefix(line, "    ") && answers[string(field)] == "" {
				answers[string(field)] = strings.TrimSpace(line)
			}
		}
		e := ticket.Parse(ticket.Incoming{
			Subject: hosting.Subject(hosting.OSReinstall, l.Language, "DS-1042"), Body: strings.Join(slices.Sorted(maps.Values(answers)), "\n"),
		}, l.Provider)
		f := e.Fields
		if len(f.Unclear) > 0 || f.Install.System != "Debian 12" || f.Power == nil || f.Backup == nil || f.Install.Partitioning == nil ||
			f.Install.RAID != hosting.RAIDNone || f.Install.Erasure == nil || !l.Plan.System.Called(f.Install.Erasure.System) || e.Language != l.Language {
			t.Errorf("in %s the answers\n%q\nare read as %+v", l.Language, answers, e)
		}
	}
}

// Our own question sent back as it is, without quote marks, is no consent (I6,
// I13).
func TestQuestionsAreNoAnswers_I13(t *testing.T) {
	t.Parallel()
	book := load(t)
	for name, l := range installCases {
		if l.Name == hosting.LetterAttention {
			continue // it goes to staff only, by mail
		}
		if len(l.Missing) > 0 {
			l.Missing = append(slices.Clone(l.Missing), hosting.FieldPower, hosting.FieldBackup, hosting.FieldSystem, hosting.FieldErasure)
			l.Offered = []string{"Debian 12", "Debian 11"}
		}
		for _, l.Language = range hosting.Languages() {
			subject, body, err := book.Ticket(l)
			if err != nil {
				t.Fatal(err)
			}
			f := ticket.Parse(ticket.Incoming{Subject: subject, Body: body}, l.Provider).Fields
			allowed := f.Power != nil && f.Power.Permission.Grant != hosting.GrantRefused // a refusal does no harm
			if allowed || f.Backup != nil || f.Server != "" || !reflect.ValueOf(f.Install).IsZero() {
				t.Errorf("%s in %s answers itself: %+v", name, l.Language, f)
			}
		}
	}
}

// A ticket that staff open asks for its procedure like a customer's would.
func TestOpenedTicketsSubject_I15(t *testing.T) {
	t.Parallel()
	book := load(t)
	l := cases["opened"]
	for _, l.Language = range hosting.Languages() {
		l.Procedure = hosting.OSReinstall
		if l.Language == hosting.Italian {
			l.Procedure = hosting.ServerIntervention
		}
		subject, _, err := book.Ticket(l)
		if err != nil {
			t.Fatal(err)
		}
		procedure, server, language, _ := hosting.ProcedureBySubject(subject)
		if procedure != l.Procedure || server != "DS-1042" || language != l.Language {
			t.Errorf("%q is understood as %s, %s, %s", subject, procedure, server, language)
		}
	}
}
