package hosting

import (
	"slices"
	"strings"
)

// Label returns the canonical label of a field (I16), in English where the
// language has none; empty for an unknown field.
func Label(f Field, lang Language) string { return canonical(fieldLabels, f, lang) }

// ReasonText returns the canonical words for a reason (I3), in English where the
// language has none; empty for an unknown reason.
func ReasonText(r Reason, lang Language) string { return canonical(reasonPhrases, r, lang) }

// FieldByLabel returns the field that a label names, in any of the languages:
// the label alone, with or without a colon, markup or an explanation in
// parentheses. The language is empty for a label that several languages share.
func FieldByLabel(text string) (Field, Language, bool) {
	if len(text) > maxLabelBytes {
		return "", "", false
	}
	key := strings.Trim(fold(text).key, labelMarks)
	if entry, ok := labelIndex[key]; ok {
		return entry.meaning, entry.language, true
	}
	before, _, found := strings.Cut(key, "(")
	if !found {
		before, _, _ = strings.Cut(key, "[")
	}
	entry, ok := labelIndex[strings.Trim(before, labelMarks)]
	return entry.meaning, entry.language, ok
}

// OfInstallation reports whether a field belongs to a reinstallation and to
// nothing else (I17): in other requests its labels are words like any other.
func (f Field) OfInstallation() bool {
	return slices.ContainsFunc(installLabels, func(p phrases[Field]) bool { return p.meaning == f })
}

const (
	maxLabelBytes = 200
	labelMarks    = " \"'*_#~:=.?!()[]<>-"
)

// ReasonByText returns the reason that a customer gives in their own words: one
// of the known phrases, or a text that holds phrases of one reason only.
func ReasonByText(text string) (Reason, bool) {
	found := mentions(reasonPhrases, text)
	if len(found) != 1 {
		return "", false
	}
	return found[0], true
}

// RemoteToolsByText returns the remote tools that a text mentions (I2), in the
// order of RemoteTools; nil if it mentions none.
func RemoteToolsByText(text string) []RemoteTool { return mentions(toolPhrases, text) }

// phrases are the ways to say one thing in one language, the canonical first.
// The language is empty for what all languages share.
type phrases[T ~string] struct {
	meaning  T
	language Language
	said     []string
}

func canonical[T ~string](table []phrases[T], meaning T, lang Language) string {
	for _, l := range []Language{lang, English} {
		i := slices.IndexFunc(table, func(p phrases[T]) bool { return p.meaning == meaning && p.language == l })
		if i >= 0 {
			return table[i].said[0]
		}
	}
	return ""
}

// maxPhraseBytes bounds the text in which phrases are looked for.
const maxPhraseBytes = 2048

// mentions returns the meanings of which a phrase stands in the text as whole
// words, in the order of the table. A text that is one phrase means just that,
// whatever other phrases are part of it.
func mentions[T ~string](table []phrases[T], text string) []T {
	key := spaced(cutBytes(text, maxPhraseBytes))
	var found []T
	for _, p := range table {
		for _, phrase := range p.said {
			phrase = spaced(phrase)
			if phrase == key {
				return []T{p.meaning}
			}
			if strings.Contains(key, phrase) && !slices.Contains(found, p.meaning) {
				found = append(found, p.meaning)
			}
		}
	}
	return found
}

// spaced returns the folded words of a text, each between single spaces.
func spaced(text string) string {
	words := strings.FieldsFunc(fold(text).key, func(r rune) bool { return strings.ContainsRune(" .,;:!?/()[]{}<>\"*_-+&", r) })
	return " " + strings.Join(words, " ") + " "
}

// cutBytes returns at most n bytes of a text, and no part of a character.
func cutBytes(text string, n int) string {
	if len(text) <= n {
		return text
	}
	return strings.ToValidUTF8(text[:n], "")
}

// labelEntry is what a label means.
type labelEntry struct {
	meaning  Field
	language Language
}

var labelIndex = indexLabels()

func indexLabels() map[string]labelEntry {
	index := map[string]labelEntry{}
	for _, p := range fieldLabels {
		for _, said := range p.said {
			key := strings.Trim(fold(said).key, labelMarks)
			entry := labelEntry{p.meaning, p.language}
			if other, ok := index[key]; ok && other.language != p.language {
				entry.language = ""
			}
			index[key] = entry
		}
	}
	return index
}
