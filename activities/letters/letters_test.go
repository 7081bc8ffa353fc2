package letters_test

import (
	"testing"

	"github.com/handrail/handrail/activities/letters"
	"github.com/handrail/handrail/hosting"
)

func TestDraft(t *testing.T) {
	b, err := letters.Load("")
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range hosting.Languages() {
		for _, n := range hosting.LetterNames() {
			s, body, err := b.Ticket(hosting.Letter{Name: n, Language: l, Provider: "P", Ticket: "T", Missing: []hosting.Field{"power", "reason"}, Server: "SRV-1", Report: &hosting.Report{Resolved: true, Text: "x", Actions: []string{"b", "c"}}})
			t.Log(n, err, "\n"+s+"\n\n"+body)
		}
	}
	m, err := b.Mail(hosting.Letter{Name: "summary", Language: "it", Provider: "P", Ticket: "T", Missing: []hosting.Field{"power", "reason"}, Server: "SRV-1", Report: &hosting.Report{Resolved: true, Text: "x", Actions: []string{"b", "c"}}})
	t.Log(err, m.Subject, "\n", m.Text, "\n", m.HTML)
}
