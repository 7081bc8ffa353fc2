package ticketdesk

import (
	"strings"
	"time"

	"github.com/handrail/handrail/hosting"
)

// statementChoice is a known statement that a customer can answer with.
type statementChoice struct {
	kind   hosting.StatementKind
	field  hosting.Field
	Title  string // in few English words, for the newcomer who plays the customer
	adjust bool   // to be looked over before it is sent
}

var statementChoices = []statementChoice{
	{hosting.PowerAllowed, hosting.FieldPower, "Power: allowed", false},
	{hosting.PowerWindow, hosting.FieldPower, "Power: only in a window", true},
	{hosting.PowerRefused, hosting.FieldPower, "Power: not allowed", false},
	{hosting.BackupExists, hosting.FieldBackup, "Backup: exists", false},
	{hosting.LossAccepted, hosting.FieldBackup, "Backup: none, loss accepted", false},
}

// Name stands for the statement in forms.
func (s statementChoice) Name() string { return string(s.kind) }

// line is the statement behind its label, word for word as Handrail asks for it.
func (s statementChoice) line(l hosting.Language, provider string, now time.Time) string {
	text := hosting.StatementText(s.kind, l, provider)
	if s.kind == hosting.PowerWindow {
		text = fillWindow(text, now, l)
	}
	return labelled(s.field, l, text)
}

// answerChoice is a ready-made answer.
type answerChoice struct {
	Name   string // in addresses
	Title  string
	Text   string
	Adjust bool
}

// answers lists the ready-made answers; the first says yes to both questions.
func answers(l hosting.Language, provider string, now time.Time) []answerChoice {
	choices := []answerChoice{{Name: "both", Title: "Power allowed, backup exists"}}
	for _, s := range statementChoices {
		a := answerChoice{Name: s.Name(), Title: s.Title, Text: s.line(l, provider, now), Adjust: s.adjust}
		choices = append(choices, a)
		if s.kind == hosting.PowerAllowed || s.kind == hosting.BackupExists {
			choices[0].Text = strings.TrimSpace(choices[0].Text + "\n\n" + a.Text)
		}
	}
	return choices
}

// zones are where the customers of each language are likely to be.
var zones = map[hosting.Language]string{
	hosting.English: "Europe/London", hosting.Italian: "Europe/Rome", hosting.Polish: "Europe/Warsaw",
}

// fillWindow writes a window of two hours from now into the form that a window
// statement leaves open.
func fillWindow(text string, now time.Time, l hosting.Language) string {
	const moment = "YYYY-MM-DD HH:MM"
	name := zones[l]
	zone, err := time.LoadLocation(name)
	if err != nil { // a machine without time zones
		name, zone = "UTC", time.UTC
	}
	from := now.In(zone).Truncate(time.Minute)
	text = strings.Replace(text, moment, from.Format(hosting.LocalTime), 1)
	text = strings.Replace(text, moment, from.Add(2*time.Hour).Format(hosting.LocalTime), 1)
	return strings.NewReplacer("Continent/City", name, "Continente/Città", name, "Kontynent/Miasto", name).Replace(text)
}
