package letters_test

import (
	"flag"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/handrail/handrail/activities/letters"
	"github.com/handrail/handrail/hosting"
)

var update = flag.Bool("update", false, "write the golden files anew")

func load(t *testing.T) *letters.Book {
	t.Helper()
	book, err := letters.Load("")
	if err != nil {
		t.Fatal(err)
	}
	return book
}

// letter returns one with what every letter to a customer holds.
func letter(name hosting.LetterName) hosting.Letter {
	return hosting.Letter{
		Name: name, Language: hosting.English, Provider: "Handrail Hosting", Ticket: "T-1001",
		Procedure: hosting.ServerIntervention, Person: "Anna Nowak", Server: "DS-1042 (web-01)",
	}
}

func with(name hosting.LetterName, change func(*hosting.Letter)) hosting.Letter {
	l := letter(name)
	change(&l)
	return l
}

// cases are letters as workflows write them, by the name of their golden files.
var cases = map[string]hosting.Letter{
	"missing": with(hosting.LetterMissing, func(l *hosting.Letter) {
		l.Missing = []hosting.Field{hosting.FieldPower, hosting.FieldBackup}
		l.Unclear = []hosting.UnclearField{{Field: hosting.FieldPower, Value: "if you must,\nbut be quick", Why: "not a known statement"}}
		l.Redacted = []string{"Root password", "Private key"}
	}),
	"missing-everything": with(hosting.LetterMissing, func(l *hosting.Letter) {
		l.Server, l.Person = "", ""
		l.Missing = []hosting.Field{
			hosting.FieldServer, hosting.FieldReason, hosting.FieldDetails, hosting.FieldFailedTools,
			hosting.FieldPower, hosting.FieldBackup, hosting.FieldCredentials,
		}
	}),
	"missing-nothing-but-a-secret": with(hosting.LetterMissing, func(l *hosting.Letter) { l.Redacted = []string{"Password"} }),
	"not-identified": with(hosting.LetterNotIdentified, func(l *hosting.Letter) {
		l.Server, l.Reference = "", "the big one in Milan"
	}),
	"not-identified-at-all": with(hosting.LetterNotIdentified, func(l *hosting.Letter) { l.Server = "" }),
	"not-owner": with(hosting.LetterNotOwner, func(l *hosting.Letter) {
		l.Server, l.Reference = "", "203.0.113.7"
	}),
	"reminder": with(hosting.LetterReminder, func(l *hosting.Letter) { l.Missing = []hosting.Field{hosting.FieldBackup} }),
	"parked":   with(hosting.LetterParked, func(l *hosting.Letter) { l.Missing = []hosting.Field{hosting.FieldPower} }),
	"acknowledge-allowed": with(hosting.LetterAcknowledge, func(l *hosting.Letter) {
		l.Power, l.Backup = hosting.PowerPermission{Grant: hosting.GrantAllowed}, hosting.BackupCurrent
	}),
	"acknowledge-window": with(hosting.LetterAcknowledge, func(l *hosting.Letter) {
		l.Power = hosting.PowerPermission{Grant: hosting.GrantWindow, Window: &hosting.Window{
			From: "2026-11-22 02:00", To: "2026-11-22 05:00", Zone: "Europe/Warsaw",
		}}
		l.Backup = hosting.BackupLossOkay
	}),
	"acknowledge-refused": with(hosting.LetterAcknowledge, func(l *hosting.Letter) {
		l.Power, l.Backup = hosting.PowerPermission{Grant: hosting.GrantRefused}, hosting.BackupCurrent
	}),
	"queued":  with(hosting.LetterQueued, func(l *hosting.Letter) { l.Ahead = hosting.ServerIntervention }),
	"revoked": letter(hosting.LetterRevoked),
	"cancelled": with(hosting.LetterCancelled, func(l *hosting.Letter) {
		l.By, l.Reason = "anna@example.com", "the server came back by itself"
		l.Report = &hosting.Report{Text: "We had only begun to look.", Actions: []hosting.Deed{{Text: "Looked at the console"}}, Power: hosting.PowerOn}
	}),
	"cancelled-before-work": with(hosting.LetterCancelled, func(l *hosting.Letter) { l.Report = &hosting.Report{} }),
	"expired":               letter(hosting.LetterExpired),
	"summary-resolved": with(hosting.LetterSummary, func(l *hosting.Letter) {
		l.Report = &hosting.Report{
			Resolved: true, Text: "The file system was damaged.\nWe repaired it; nothing was lost.",
			Actions:  []hosting.Deed{{Power: hosting.ActCycle, Outcome: hosting.Reached}, {Text: "File-system check on /dev/sda2"}},
			Downtime: hosting.Duration(22*time.Minute + 4*time.Second), Power: hosting.PowerOn,
		}
	}),
	"summary-unresolved": with(hosting.LetterSummary, func(l *hosting.Letter) {
		l.Report = &hosting.Report{Text: "The main board does not start any more.", Actions: []hosting.Deed{{Power: hosting.ActForcedOff, Outcome: hosting.Unmoved}}, Power: hosting.PowerUnknown}
	}),
	"opened": with(hosting.LetterOpened, func(l *hosting.Letter) {
		l.Reason, l.Missing = "a disk reports errors", []hosting.Field{hosting.FieldPower}
	}),
	"attention": with(hosting.LetterAttention, func(l *hosting.Letter) {
		l.Workflow, l.Step = "intervention/T-1001", "Work on the server"
		l.Error = "DS-1042: cycle: still on after 5m0s. To do: check the console"
	}),
}

// allCases are the letters of every procedure.
func allCases() map[string]hosting.Letter {
	all := maps.Clone(cases)
	maps.Copy(all, installCases)
	return all
}

// Every letter in every language, word for word. Run with -update after a
// change, and read what changed.
func TestGolden(t *testing.T) {
	t.Parallel()
	book := load(t)
	for name, l := range allCases() {
		for _, l.Language = range hosting.Languages() {
			subject, body, err := book.Ticket(l)
			if err != nil {
				t.Fatal(err)
			}
			golden(t, l.Language, name+".ticket.txt", subject+"\n\n"+body)
			m, err := book.Mail(l)
			if hosting.KindOf(err) == hosting.FaultInvalidRequest {
				continue // never mailed; TestMailedLetters says which are
			}
			if err != nil {
				t.Fatal(err)
			}
			golden(t, l.Language, name+".mail.txt", m.Subject+"\n\n"+m.Text)
			golden(t, l.Language, name+".mail.html", m.HTML)
		}
	}
}

func golden(t *testing.T, language hosting.Language, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", string(language), name)
	if *update {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s is no longer as it was; run go test -update if that is meant:\n%s", path, got)
	}
}

func TestGoldenCoversEveryLetter(t *testing.T) {
	t.Parallel()
	written := map[hosting.LetterName]bool{}
	for _, l := range allCases() {
		written[l.Name] = true
	}
	for _, name := range hosting.LetterNames() {
		if !written[name] {
			t.Errorf("no golden file shows the letter %s", name)
		}
	}
}

func TestMailedLetters(t *testing.T) {
	t.Parallel()
	book := load(t)
	mailed := "reminder parked cancelled expired summary attention"
	for _, name := range hosting.LetterNames() {
		_, err := book.Mail(letter(name))
		if want := strings.Contains(mailed, string(name)); want != (err == nil) {
			t.Errorf("%s: mailed %v, want %v (%v)", name, err == nil, want, err)
		}
	}
}

func TestUnknownLetterAndLanguage(t *testing.T) {
	t.Parallel()
	book := load(t)
	if _, _, err := book.Ticket(letter("greeting")); hosting.KindOf(err) != hosting.FaultInvalidRequest {
		t.Errorf("an unknown letter: %v", err)
	}
	l := letter(hosting.LetterQueued)
	_, english, err := book.Ticket(l)
	if err != nil {
		t.Fatal(err)
	}
	l.Language = "de"
	if _, got, err := book.Ticket(l); err != nil || got != english {
		t.Errorf("in an unknown language: %q, %v, want English", got, err)
	}
}
