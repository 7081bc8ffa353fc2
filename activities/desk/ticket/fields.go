package ticket

import (
	"slices"
	"strings"

	"github.com/handrail/handrail/hosting"
)

// message is a message while its fields are gathered into the event.
type message struct {
	lines  []line
	runs   []run
	starts map[int]*run // by first line
	event  *hosting.TicketEvent
}

func newMessage(lines []line, runs []run, event *hosting.TicketEvent) *message {
	m := &message{lines: lines, runs: runs, starts: map[int]*run{}, event: event}
	for i := range runs {
		m.starts[runs[i].first] = &runs[i]
	}
	return m
}

func (m *message) unclear(field hosting.Field, value, why string) {
	f := &m.event.Fields
	if len(f.Unclear) < maxUnclear {
		f.Unclear = append(f.Unclear, hosting.UnclearField{Field: field, Value: cut(strings.TrimSpace(value), maxValue), Why: cut(why, maxValue)})
	}
}

// value is what was written to a label.
type value struct {
	line  int // of the label
	label string
	lines []string // of the value, from the first that is not empty
}

// values returns what was written to the labels of a field, in order, without
// those to which nothing was. A value goes on until the next label, a closing,
// or a statement that stands on its own.
func (m *message) values(field hosting.Field) []value {
	return slices.DeleteFunc(m.written(field), func(v value) bool { return nothing(v.all()) })
}

// written is values with those that say that there is none.
func (m *message) written(field hosting.Field) []value {
	var found []value
	for i, l := range m.lines {
		if l.field != field {
			continue
		}
		v := value{line: i, label: l.label, lines: []string{l.text}}
		for j := i + 1; j < len(m.lines) && m.lines[j].field == "" && !m.lines[j].closing && m.starts[j] == nil; j++ {
			v.lines = append(v.lines, m.lines[j].text)
		}
		for len(v.lines) > 0 && v.lines[0] == "" {
			v.lines = v.lines[1:]
		}
		found = append(found, v)
	}
	return found
}

func (v value) all() string { return strings.TrimSpace(strings.Join(v.lines, "\n")) }

// paragraph is the value up to an empty line.
func (v value) paragraph() string {
	for i, l := range v.lines {
		if l == "" {
			return strings.Join(v.lines[:i], "\n")
		}
	}
	return v.all()
}

// short is the paragraph, or the first cell of one that is a single line.
func (v value) short() string {
	if p := v.paragraph(); strings.Contains(p, "\n") {
		return p
	}
	return v.first()
}

// first is the first line of the value, or the first cell of that.
func (v value) first() string {
	if len(v.lines) == 0 {
		return ""
	}
	cell, _, _ := strings.Cut(v.lines[0][len(bullet.FindString(v.lines[0])):], "\t")
	return cell
}

// nothing reports whether a value says that there is none, or is the form that
// we sent, not filled in.
func nothing(text string) bool {
	switch bare(text) {
	case "", "n/a", "na", "n.a", "none", "nothing", "nessuno", "nessuna", "niente", "nulla", "non applicabile", "brak", "zaden", "zadne", "nie dotyczy", "nd", "n.d":
		return true
	}
	return false
}

// bare is a value without the marks around it, folded.
func bare(text string) string { return strings.Trim(hosting.Fold(text), " .,;:-_*?!") }

// server takes the server from its label, else from the subject. Two that can
// not be the same one are none (I4).
func (m *message) server(subject string) {
	named := subject
	var labelled bool
	for _, v := range m.values(hosting.FieldServer) {
		reference := cut(hosting.ServerReference(v.first()), maxReference)
		switch {
		case reference == "":
		case hosting.ReferencesConflict(named, reference):
			m.unclear(hosting.FieldServer, named+", "+reference, "the message names two different servers")
			m.event.Fields.Server = ""
			return
		case !labelled:
			named, labelled = reference, true
		}
	}
	m.event.Fields.Server = named
}

func (m *message) reason() {
	f := &m.event.Fields
	for _, v := range m.values(hosting.FieldReason) {
		reason, ok := hosting.ReasonByText(v.first())
		if !ok {
			reason, ok = hosting.ReasonByText(v.paragraph())
		}
		switch {
		case !ok:
			m.unclear(hosting.FieldReason, v.paragraph(), "it is none of the known reasons, or several of them")
		case f.Reason != "" && f.Reason != reason: // our own list of reasons, sent back whole
			m.unclear(hosting.FieldReason, v.paragraph(), "the message gives another reason as well: "+string(f.Reason))
			f.Reason = ""
			return
		default:
			f.Reason = reason
		}
	}
}

// details puts together what was written to the labels that mean details
// (problem, error message, requested action: O10, O19); of a repeated label the
// first counts.
func (m *message) details() {
	var parts []string
	seen := map[string]bool{}
	for _, v := range m.values(hosting.FieldDetails) {
		key := hosting.Fold(v.label)
		if seen[key] {
			continue
		}
		text := v.all()
		if len(seen) > 0 {
			text = v.label + ": " + text
		}
		seen[key] = true
		parts = append(parts, text)
	}
	m.event.Fields.Details = strings.TrimSpace(cut(strings.Join(parts, "\n"), maxDetails))
}

func (m *message) tools() {
	for _, v := range m.values(hosting.FieldFailedTools) {
		tools := hosting.RemoteToolsByText(v.paragraph())
		if tools == nil {
			m.unclear(hosting.FieldFailedTools, v.paragraph(), "it names none of the known remote tools")
			continue
		}
		if m.event.Fields.FailedTools == nil {
			m.event.Fields.FailedTools = tools
		}
	}
}
