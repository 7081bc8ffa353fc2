package ticket

import (
	"reflect"
	"strings"

	"github.com/handrail/handrail/hosting"
)

// power takes the answer to the question for power permission (I6, I7).
func (m *message) power() {
	r := m.answer(hosting.FieldPower, func(r hosting.Recognized) bool { _, ok := r.Permission(); return ok })
	if r == nil {
		return
	}
	permission, _ := r.said.Permission()
	if err := permission.Validate(); err != nil {
		m.unclear(hosting.FieldPower, r.text, err.Error())
		return
	}
	m.event.Fields.Power = &hosting.PowerStatement{Permission: permission, Evidence: m.evidence(r)}
}

// backup takes the answer to the question for a backup (I9).
func (m *message) backup() {
	r := m.answer(hosting.FieldBackup, func(r hosting.Recognized) bool { _, ok := r.Backup(); return ok })
	if r == nil {
		return
	}
	answer, _ := r.said.Backup()
	m.event.Fields.Backup = &hosting.BackupStatement{Answer: answer, Evidence: m.evidence(r)}
}

// erasure takes the consent to lose the data (I13, I14).
func (m *message) erasure() {
	r := m.answer(hosting.FieldErasure, func(r hosting.Recognized) bool { return r.Kind == hosting.EraseDisks })
	if r == nil {
		return
	}
	m.event.Fields.Install.Erasure = &hosting.ErasureStatement{System: r.said.System, Evidence: m.evidence(r)}
}

// answer returns the one statement that answers a question, labelled or not;
// nil where there is none, or where anything about it is in doubt.
func (m *message) answer(field hosting.Field, about func(hosting.Recognized) bool) *run {
	before := len(m.event.Fields.Unclear)
	m.checkLabels(field, about)
	var said []*run
	for i := range m.runs {
		r := &m.runs[i]
		switch {
		case !about(r.said):
		case r.broken != "":
			m.unclear(field, r.text, r.broken)
		default:
			said = append(said, r)
		}
	}
	for _, r := range said {
		if contradict(r.said, said[0].said) {
			m.unclear(field, said[0].text+"\n"+r.text, "the message makes two statements that contradict each other")
			break
		}
	}
	if len(said) == 0 || len(m.event.Fields.Unclear) > before {
		return nil
	}
	return said[0]
}

// checkLabels finds labelled answers that are not known statements.
func (m *message) checkLabels(field hosting.Field, about func(hosting.Recognized) bool) {
	for _, v := range m.values(field) {
		if r := m.starts[v.line]; r == nil {
			m.unclear(field, v.paragraph(), "the text is not one of the known statements")
		} else if !about(r.said) {
			m.unclear(field, r.text, "the statement is about something else")
		}
	}
}

func contradict(a, b hosting.Recognized) bool {
	return a.Kind != b.Kind || !reflect.DeepEqual(a.Window, b.Window) || hosting.Fold(a.System) != hosting.Fold(b.System)
}

func (m *message) evidence(r *run) hosting.Evidence {
	return hosting.Evidence{
		Statement: r.said.Kind, Version: r.said.Version, Language: r.said.Language, Text: strings.TrimSpace(r.text),
		Author: m.event.Author, At: m.event.At, Message: m.event.ID,
	}
}
