// Package ticket reads what customers write on tickets: which procedure they ask
// for and on which server (I15), the labelled fields (I16), and the statements
// that they make, word for word (I8, O20). It reads plain text and HTML mail in
// English, Italian and Polish. Only the author's own words count, an
// authorization or consent counts only if its text is a known statement, and
// secrets are taken out before anything is returned.
package ticket

import (
	"strings"
	"time"

	"github.com/handrail/handrail/hosting"
)

// Incoming is a message on a ticket, or the closing of one, as the desk handed
// it over.
type Incoming struct {
	ID     string // the desk's id of the message
	Ticket string
	Author string // e-mail address
	At     time.Time
	// Kind is TicketMessage where it is empty.
	Kind    hosting.TicketEventKind
	Subject string
	// ContentType is text/plain or text/html, in UTF-8. Empty is plain text;
	// HTML is recognized in any case.
	ContentType string
	Body        string
}

// Limits, in bytes. What is longer is cut off before it is read.
const (
	maxBody      = 256 << 10
	maxOwn       = 64 << 10 // of the author's own words
	maxText      = 16 << 10
	maxDetails   = 4 << 10
	maxSubject   = 500
	maxReference = 200
	maxID        = 512
	maxValue     = 500 // of an unclear field
	maxUnclear   = 16
	maxRedacted  = 16
)

// Parse reads a message. It never fails: what is not there is empty, and what
// was not understood stands in Fields.Unclear with the reason. The provider is
// the company's name as it stands in the statements.
func Parse(in Incoming, provider string) hosting.TicketEvent {
	all := bodyLines(in.ContentType, in.Body)
	own := bounded(ownWords(all), maxOwn)
	about, _, _, _ := hosting.ProcedureBySubject(cleanLine(in.Subject, maxSubject))
	secrets := redactor{tokens: secretsIn(bounded(all, maxOwn), about, provider)}
	lines := splitLines(joinKeys(secrets.privateKeys(own)), about)
	secrets.credentials(lines, findRuns(lines, provider))
	secrets.inline(lines)
	subject := secrets.scrub(secrets.inlineText(cleanLine(in.Subject, maxSubject)))
	secrets.scrubLines(lines)

	event := hosting.TicketEvent{
		ID: cleanLine(in.ID, maxID), Kind: in.Kind, Ticket: cleanLine(in.Ticket, maxID), Subject: cut(subject, maxSubject),
		Author: cleanLine(in.Author, maxID), At: in.At, Text: text(lines),
	}
	if event.Kind == "" {
		event.Kind = hosting.TicketMessage
	}
	m := newMessage(lines, findRuns(lines, provider), &event)
	var server string
	var language hosting.Language
	event.Procedure, server, language, _ = hosting.ProcedureBySubject(subject)
	m.server(cut(server, maxReference))
	m.reason()
	m.details()
	m.tools()
	m.power()
	m.backup()
	m.installation()
	event.Fields.Redacted = secrets.labels
	event.Language = m.language(language)
	return event
}

// bounded returns the first lines that together have at most n bytes; a longer
// line is cut.
func bounded(lines []string, n int) []string {
	for i, line := range lines {
		if len(line) >= n {
			return append(lines[:i:i], cut(line, n))
		}
		n -= len(line) + 1
	}
	return lines
}

// text is the whole message, without runs of empty lines.
func text(lines []line) string {
	var b strings.Builder
	empty := true
	for _, l := range lines {
		whole := l.whole()
		if whole == "" && empty {
			continue
		}
		empty = whole == ""
		b.WriteString(whole)
		b.WriteByte('\n')
	}
	return strings.TrimSpace(cut(b.String(), maxText))
}

// language is that of the subject, else of most labels and statements; empty
// where nothing tells.
func (m *message) language(subject hosting.Language) hosting.Language {
	if subject != "" {
		return subject
	}
	votes := map[hosting.Language]int{}
	for _, l := range m.lines {
		votes[l.language]++
	}
	for _, r := range m.runs {
		votes[r.said.Language]++
	}
	var most hosting.Language
	for _, l := range hosting.Languages() {
		if votes[l] > 0 && (most == "" || votes[l] > votes[most]) {
			most = l
		}
	}
	return most
}
