// Package letters holds the templates of everything that Handrail writes to
// people: on tickets, and by mail, in every language of hosting.Languages.
//
// The templates are files (templates/), embedded as the default. A directory
// named in the configuration overrides them file by file. All of them are
// checked when they are loaded, so that a letter that is due at night can not
// fail for a mistake in a template (H24). templates/README.md tells those who
// edit them what they can use.
package letters

import (
	"bytes"
	"fmt"
	htmltemplate "html/template"
	"strings"
	"text/template"
	"unicode"

	"github.com/handrail/handrail/hosting"
)

// subjectLimit is the length of a subject, in runes, beyond which it is cut.
const subjectLimit = 180

// Book is a checked set of templates. It is safe for concurrent use.
type Book struct {
	tickets map[edition]*template.Template
	mails   map[edition]mailTemplates
}

// edition is a letter in one language.
type edition struct {
	name     hosting.LetterName
	language hosting.Language
}

type mailTemplates struct {
	text *template.Template
	html *htmltemplate.Template
}

// Mail is a letter as it is mailed. Subject is a single line without control
// characters; it is not encoded for a header yet.
type Mail struct {
	Subject string
	Text    string
	HTML    string
}

// Load reads and checks all templates: those embedded, overridden file by file
// by the ones in dir. An empty dir means the embedded ones only. Refused, as
// InvalidRequest naming file, line and what there is instead: a file that is no
// template's name, a template that does not parse, names an unknown field,
// function or template anywhere, fails on a sample letter, or writes nothing (H24).
func Load(dir string) (*Book, error) {
	texts, err := read(dir)
	if err != nil {
		return nil, err
	}
	book := &Book{tickets: map[edition]*template.Template{}, mails: map[edition]mailTemplates{}}
	for _, language := range hosting.Languages() {
		if err := book.add(newEditor(language, texts)); err != nil {
			return nil, err
		}
	}
	return book, book.rehearse()
}

// add compiles and checks the letters of one language.
func (b *Book) add(e *editor) error {
	for _, name := range hosting.LetterNames() {
		key := edition{name, e.language}
		ticket, err := e.text(ticketFiles(name, e.language))
		if err != nil {
			return err
		}
		b.tickets[key] = ticket
		if !mailed(name) {
			continue
		}
		text, err := e.text(mailTextFiles(name, e.language))
		if err != nil {
			return err
		}
		html, err := e.html(mailHTMLFiles(name, e.language))
		if err != nil {
			return err
		}
		b.mails[key] = mailTemplates{text: text, html: html}
	}
	return e.checkUnused()
}

// Ticket writes a letter for a ticket, as plain text. The subject is for the
// letter that opens a ticket, and for desks that give each message its own. A
// letter in a language that Handrail does not have is written in English.
func (b *Book) Ticket(l hosting.Letter) (subject, body string, err error) {
	t, ok := b.tickets[editionOf(l)]
	if !ok {
		return "", "", unknownLetter(l.Name)
	}
	return writeText(t, l)
}

// Mail writes a letter as a mail. A letter that is never mailed is refused with
// an InvalidRequest naming those that are.
func (b *Book) Mail(l hosting.Letter) (Mail, error) {
	m, ok := b.mails[editionOf(l)]
	if !ok {
		return Mail{}, hosting.Invalid(l.Server, fmt.Sprintf("there is no mail for the letter %q", l.Name),
			"mail one of "+join(mailedLetters)+", or write the letter on the ticket")
	}
	subject, text, err := writeText(m.text, l)
	if err != nil {
		return Mail{}, err
	}
	var html bytes.Buffer
	if err := m.html.Execute(&html, l); err != nil {
		return Mail{}, failed(l, err)
	}
	return Mail{Subject: subject, Text: text, HTML: strings.Map(printable, html.String())}, nil
}

func editionOf(l hosting.Letter) edition {
	if !l.Language.Known() {
		return edition{l.Name, hosting.English}
	}
	return edition{l.Name, l.Language}
}

// writeText executes a template and the subject that goes with it.
func writeText(t *template.Template, l hosting.Letter) (subject, body string, err error) {
	var head, text strings.Builder
	if err := t.ExecuteTemplate(&head, subjectTemplate, l); err != nil {
		return "", "", failed(l, err)
	}
	if err := t.Execute(&text, l); err != nil {
		return "", "", failed(l, err)
	}
	return oneLine(head.String(), subjectLimit), tidy(text.String()), nil
}

func failed(l hosting.Letter, err error) error {
	return hosting.Invalid(l.Server, fmt.Sprintf("the template of the letter %q failed", l.Name),
		"correct the template, restart the worker and relaunch the step").Because(err)
}

func unknownLetter(name hosting.LetterName) error {
	return hosting.Invalid("", fmt.Sprintf("there is no letter %q", name), "write one of "+join(hosting.LetterNames()))
}

// tidy takes out what can not be seen, spaces at the end of lines and more than
// one empty line in a row, and ends the text with a line break.
func tidy(text string) string {
	var out strings.Builder
	empty := 0
	for line := range strings.Lines(strings.Map(printable, text)) {
		line = strings.TrimRightFunc(line, unicode.IsSpace)
		if line == "" {
			empty++
			continue
		}
		if out.Len() > 0 && empty > 0 {
			out.WriteByte('\n')
		}
		empty = 0
		out.WriteString(line)
		out.WriteByte('\n')
	}
	return out.String()
}

// oneLine folds all white space into single spaces and cuts at limit runes.
func oneLine(s string, limit int) string {
	s = strings.Join(strings.Fields(strings.Map(printable, s)), " ")
	if runes := []rune(s); len(runes) > limit {
		return strings.TrimSpace(string(runes[:limit-1])) + "…"
	}
	return s
}

// printable drops control characters, among them those that turn the direction
// of writing around, and keeps line breaks and tabs.
func printable(r rune) rune {
	switch {
	case r == '\n' || r == '\t':
		return r
	case unicode.IsControl(r), r > unicode.MaxLatin1 && unicode.In(r, unicode.Bidi_Control, unicode.Zl, unicode.Zp):
		return -1
	}
	return r
}

func join[S ~string](names []S) string {
	all := make([]string, len(names))
	for i, n := range names {
		all[i] = string(n)
	}
	return strings.Join(all, ", ")
}
