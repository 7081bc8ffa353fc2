package hosting

import (
	"regexp"
	"strings"
	"time"
	"unicode"
)

// Statement is one text of the statements that customers make (I8, I9, I13, O20).
// A version is never changed once customers have seen it: a better wording is
// a new version, and the old one is still recognized.
type Statement struct {
	Kind     StatementKind
	Version  int // 1 is the first; the same in all languages
	Language Language
	// Text holds the placeholders {provider}, for a window {from}, {to} and {zone},
	// and for the loss of data {system}.
	Text string
}

// Recognized is a statement that was found in what a customer wrote.
type Recognized struct {
	Statement
	// Window is set with PowerWindow and only then: the moments as LocalTime
	// where they could be read, else as they were written. It is not validated;
	// Window.Span tells what is wrong with it.
	Window *Window
	// System is set with EraseDisks and only then: the name of the operating
	// system as it was written. Whether it is the one that is going to be
	// installed is for OperatingSystem.Called to tell.
	System string
}

// Permission returns the power permission that the statement gives or refuses,
// and whether it is a statement about power at all. It is not validated.
func (r Recognized) Permission() (PowerPermission, bool) {
	switch r.Kind {
	case PowerAllowed:
		return PowerPermission{Grant: GrantAllowed}, true
	case PowerWindow:
		return PowerPermission{Grant: GrantWindow, Window: r.Window}, true
	case PowerRefused:
		return PowerPermission{Grant: GrantRefused}, true
	}
	return PowerPermission{}, false
}

// Backup returns the answer to the question for a backup that the statement
// gives, and whether it gives one (I9).
func (r Recognized) Backup() (BackupAnswer, bool) {
	switch r.Kind {
	case BackupExists:
		return BackupCurrent, true
	case LossAccepted:
		return BackupLossOkay, true
	}
	return BackupNone, false
}

// momentForm is what stands for a moment where a customer has to fill it in,
// zoneForm what stands for the time zone. It is not the name of a zone: a zone
// that was left as it stood must not pass for an answer.
const momentForm = "YYYY-MM-DD HH:MM"

var zoneForm = map[Language]string{
	English: "Continent/City",
	Italian: "Continente/Città",
	Polish:  "Kontynent/Miasto",
}

// systemForm stands for the operating system where a customer has to fill it
// in. It is no name of a system: brackets are not part of any.
var systemForm = map[Language]string{
	English: "[operating system]",
	Italian: "[sistema operativo]",
	Polish:  "[system operacyjny]",
}

// StatementText returns the newest version of a statement with the provider's
// name filled in: the exact sentence to answer. A window's moments and zone, and
// the system of a data-loss consent, are left as a form that people fill in. A
// language without texts gets the English one, an unknown kind the empty text.
func StatementText(kind StatementKind, lang Language, provider string) string {
	s := newest(kind, lang)
	return strings.NewReplacer(
		"{provider}", provider,
		"{from}", momentForm, "{to}", momentForm, "{zone}", zoneForm[s.Language], "{system}", systemForm[s.Language],
	).Replace(s.Text)
}

// ErasureText returns the newest version of the data-loss consent for a system,
// such as OperatingSystem.Title: the exact sentence to answer (I13, I14). A
// language without texts gets the English one.
func ErasureText(lang Language, system string) string {
	return strings.ReplaceAll(newest(EraseDisks, lang).Text, "{system}", system)
}

func newest(kind StatementKind, lang Language) Statement {
	if !lang.Known() {
		lang = English
	}
	var found Statement
	for _, s := range statements {
		if s.Kind == kind && s.Language == lang && s.Version > found.Version {
			found = s.Statement
		}
	}
	return found
}

// maxStatementBytes bounds what can be a statement at all.
const maxStatementBytes = 2048

// RecognizeStatement reports which statement a text is, in any version and any
// language. Letter case, white space, typographic signs, Polish and Italian
// diacritics, quotes around the whole and the mark at its end make no
// difference; every other deviation means that it is not the statement. Thus a
// sentence that holds a statement ("I do not say that ...") is none.
func RecognizeStatement(text, provider string) (Recognized, bool) {
	name := fold(provider)
	if len(text) > maxStatementBytes || name.key == "" {
		return Recognized{}, false
	}
	said := fold(text).bare()
	for _, s := range statements {
		if values, ok := s.match(said, name.key); ok {
			return Recognized{Statement: s.Statement, Window: values.window(s.Language), System: values["{system}"]}, true
		}
	}
	return Recognized{}, false
}

// pattern is a statement cut up for comparison: folded literal text and, in
// braces, placeholders.
type pattern struct {
	Statement
	pieces []string
}

var placeholder = regexp.MustCompile(`\{[a-z]+\}`)

func newPattern(s Statement) pattern {
	key := fold(s.Text).bare().key
	var pieces []string
	at := 0
	for _, span := range placeholder.FindAllStringIndex(key, -1) {
		pieces = append(pieces, key[at:span[0]], key[span[0]:span[1]])
		at = span[1]
	}
	return pattern{Statement: s, pieces: append(pieces, key[at:])}
}

// blanks holds what was written in the place of placeholders.
type blanks map[string]string

// blankShapes says what can be written there. A value of another shape is a
// changed statement; one of the right shape is read, or refused with a reason.
var blankShapes = map[string]*regexp.Regexp{
	"{from}":   momentShape,
	"{to}":     momentShape,
	"{zone}":   regexp.MustCompile(`^[\p{L}0-9_+/-]{1,64}$`),
	"{system}": regexp.MustCompile(`^[\p{L}0-9](?:[\p{L}0-9 ._+-]*[\p{L}0-9._+-])?$`),
}

// maxBlank bounds what is written in a blank, in bytes.
const maxBlank = 80

var momentShape = regexp.MustCompile(
	`(?i)^(?:[0-9]{1,4}[-./][0-9]{1,2}[-./][0-9]{1,4}[ t][0-9]{1,2}[:.][0-9]{2}|` + momentForm + `)$`)

// match walks the pattern's pieces through the text.
func (p pattern) match(said folded, provider string) (blanks, bool) {
	var found blanks
	at := 0
	for i, piece := range p.pieces {
		rest := said.key[at:]
		if piece == "{provider}" {
			piece = provider
		}
		shape := blankShapes[piece]
		if shape == nil {
			if !strings.HasPrefix(rest, piece) {
				return nil, false
			}
			at += len(piece)
			continue
		}
		end := len(rest)
		if next := p.pieces[i+1]; next != "" {
			end = strings.Index(rest, next)
		}
		if end < 0 || end > maxBlank || !shape.MatchString(rest[:end]) {
			return nil, false
		}
		if found == nil {
			found = blanks{}
		}
		if found[piece] = said.slice(at, at+end).written; len(found[piece]) > maxBlank {
			return nil, false
		}
		at += end
	}
	return found, at == len(said.key)
}

// window returns the window that was filled in, or nil where the statement has
// none.
func (b blanks) window(lang Language) *Window {
	if b["{from}"] == "" {
		return nil
	}
	return &Window{From: readMoment(b["{from}"], lang), To: readMoment(b["{to}"], lang), Zone: readZone(b["{zone}"])}
}

// momentLayouts are the forms in which people write a moment.
var momentLayouts = []string{
	LocalTime, "2006-1-2T15:04", "2006-1-2 15:04",
	"2.1.2006 15:04", "2.1.2006T15:04", "2/1/2006 15:04", "2/1/2006T15:04",
}

// readMoment returns the moment as LocalTime, or as written where it is none.
// In English 05/11 is November to some and May to others: such a date is left
// as it was written, which is to say refused, rather than guessed.
func readMoment(written string, lang Language) string {
	upper := strings.ToUpper(written)
	for _, layout := range momentLayouts {
		t, err := time.Parse(layout, upper)
		if err != nil {
			continue
		}
		if lang == English && strings.Contains(layout, "/") && t.Day() <= 12 && t.Day() != int(t.Month()) {
			return written
		}
		return t.Format(LocalTime)
	}
	return written
}

// readZone returns the IANA name of a zone that was written in any letter case,
// or the text as it was written.
func readZone(written string) string {
	for _, name := range []string{written, strings.ToUpper(written), zoneCase(written)} {
		if _, err := time.LoadLocation(name); err == nil && name != "" && !strings.EqualFold(name, "local") {
			return name
		}
	}
	return written
}

// zoneCase writes a name as most IANA names are: capitals at the start of each
// word, but not for the little words in the middle.
func zoneCase(name string) string {
	runes := []rune(strings.ToLower(name))
	for i := range runes {
		if i == 0 || strings.ContainsRune("/_-", runes[i-1]) {
			runes[i] = unicode.ToUpper(runes[i])
		}
	}
	return littleWords.Replace(string(runes))
}

var littleWords = strings.NewReplacer("_Of_", "_of_", "_Es_", "_es_", "-Au-", "-au-")
