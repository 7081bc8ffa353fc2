package ticket

import (
	"regexp"
	"slices"
	"strings"

	"github.com/handrail/handrail/hosting"
)

// line is a line of the author's own words.
type line struct {
	// field is what the line's label names; empty where it has no label.
	field    hosting.Field
	label    string // the label's words
	language hosting.Language
	// head is the label as written with all that stands before and after it, up
	// to the value; text is the rest of the line.
	head, text string
	// closing is "Kind regards" and the like: what follows belongs to no field.
	closing bool
}

func (l line) whole() string { return strings.TrimSpace(l.head + l.text) }

// splitLines reads the lines of a message about a procedure; empty is not known.
func splitLines(texts []string, about hosting.Procedure) []line {
	lines := make([]line, len(texts))
	for i, t := range texts {
		opens := i == 0 || texts[i-1] == "" || lines[i-1].field != ""
		lines[i] = newLine(t, opens, about)
	}
	return lines
}

// bullet is what stands before items of lists and headings.
var bullet = regexp.MustCompile(`^(?:[-–—*•·●▪‣◦+#]{1,6}[ \t]+|\(?\d{1,2}[.)][ \t]+|\(?[a-zA-Z]\)[ \t]+)+`)

// separator ends a label.
var separator = regexp.MustCompile(`[*_]{0,2}[ ]?(?::|：|=|\t| [-–—] )[*_]{0,2}[ \t]*`)

// maxLabel is the longest label, in bytes.
const maxLabel = 100

// newLine reads a line; opens tells that it is the first of a paragraph, where a
// label may stand alone and without a colon, as headings do.
func newLine(text string, opens bool, about hosting.Procedure) line {
	at := len(bullet.FindString(text))
	rest := text[at:]
	if span := separator.FindStringIndex(cut(rest, maxLabel)); span != nil && span[0] > 0 {
		if l, ok := labelled(rest[:span[0]], about); ok {
			l.head, l.text = text[:at+span[1]], rest[span[1]:]
			return l
		}
	}
	if l, ok := labelled(rest, about); ok && (opens || l.field == hosting.FieldCredentials) {
		l.head = text
		return l
	}
	return line{text: text, closing: closes(text)}
}

func labelled(label string, about hosting.Procedure) (line, bool) {
	if label == "" || len(label) > maxLabel || strings.Count(label, "(") != strings.Count(label, ")") {
		return line{}, false
	}
	field, lang, ok := hosting.FieldByLabel(label)
	if field.OfInstallation() && about != "" && about != hosting.OSReinstall {
		return line{}, false // "RAID: degraded" is part of what happened
	}
	name, _, _ := strings.Cut(label, "(")
	return line{field: field, language: lang, label: strings.Trim(name, " *_#\t")}, ok
}

// closings end a message; greetings open one. Both are folded.
var (
	closings = []string{
		"thanks", "thank you", "many thanks", "thx", "regards", "best regards", "kind regards", "warm regards", "best wishes", "cheers",
		"sincerely", "yours sincerely", "yours faithfully",
		"grazie", "grazie mille", "vi ringrazio", "la ringrazio", "cordiali saluti", "distinti saluti", "cordialmente", "saluti", "un saluto",
		"buona giornata", "buon lavoro", "in attesa di un riscontro", "in attesa di riscontro",
		"dziekuje", "dziekujemy", "z gory dziekuje", "pozdrawiam", "pozdrawiamy", "pozdrowienia", "z powazaniem", "z wyrazami szacunku", "milego dnia", "dzieki",
	}
	greetings = []string{
		"hello", "hi", "hey", "dear", "good morning", "good afternoon", "good evening", "good day", "greetings",
		"buongiorno", "buon giorno", "buonasera", "buona sera", "salve", "ciao", "gentile", "gentili", "egregio", "egregi", "spett.le", "spettabile",
		"dzien dobry", "dobry wieczor", "witam", "witajcie", "czesc", "szanowni", "szanowny", "szanowna", "drodzy",
	}
)

func closes(text string) bool { return opensWith(text, closings) }
func greets(text string) bool { return opensWith(text, greetings) }

// opensWith reports whether a line is one of the phrases, with few words after
// it.
func opensWith(text string, phrases []string) bool {
	if text == "" || len(text) > 100 || len(strings.Fields(text)) > 6 {
		return false
	}
	key := strings.Trim(hosting.Fold(text), " ,.!;:-")
	return slices.ContainsFunc(phrases, func(p string) bool {
		rest, ok := strings.CutPrefix(key, p)
		return ok && (rest == "" || strings.ContainsRune(" ,.!", rune(rest[0])))
	})
}
