package ticket

import (
	"cmp"
	"maps"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"github.com/handrail/handrail/hosting"
)

// removed stands where a secret was.
const removed = "[removed]"

// redactor takes secrets out of a message. In doubt it takes out too much: what
// it leaves goes into histories and letters that can not be recalled.
type redactor struct {
	labels []string // of what was removed, as written; never more than known words
	tokens map[string]bool
}

// secretsIn returns the secrets of a whole message, quoted parts included: what
// a customer quotes may stand in their own words as well.
func secretsIn(texts []string, about hosting.Procedure, provider string) map[string]bool {
	var r redactor
	unmarked := make([]string, len(texts))
	for i, t := range texts {
		unmarked[i] = strings.TrimLeft(t, "> ")
	}
	lines := splitLines(joinKeys(unmarked), about)
	r.credentials(lines, findRuns(lines, provider))
	r.inline(lines)
	return r.tokens
}

func (r *redactor) note(label string) {
	label = strings.TrimSpace(label)
	known := slices.ContainsFunc(r.labels, func(l string) bool { return strings.EqualFold(l, label) })
	if !known && len(r.labels) < maxRedacted {
		r.labels = append(r.labels, label)
	}
}

var (
	keyBegin = regexp.MustCompile(`(?i)[-–—]{2,} ?BEGIN [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)? ?[-–—]{2,}|PuTTY-User-Key-File-\d`)
	keyEnd   = regexp.MustCompile(`(?i)[-–—]{2,} ?END [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)? ?[-–—]{2,}|Private-MAC: ?[0-9a-f]*`)
)

// privateKeys removes private keys. One without an end goes on to the end of
// the message.
func (r *redactor) privateKeys(texts []string) []string {
	var kept []string
	inside := false
	for _, t := range texts {
		var out strings.Builder
		for t != "" {
			if inside {
				end := keyEnd.FindStringIndex(t)
				if end == nil {
					break
				}
				t, inside = t[end[1]:], false
				continue
			}
			begin := keyBegin.FindStringIndex(t)
			if begin == nil {
				out.WriteString(t)
				break
			}
			out.WriteString(t[:begin[0]] + removed)
			r.note("private key")
			t, inside = t[begin[1]:], true
		}
		if t == "" || !inside || out.Len() > 0 {
			kept = append(kept, out.String())
		}
	}
	return kept
}

// credentials removes the values of labels for credentials, on the label's line
// and in the lines after it, and the lines after one that announces a secret.
func (r *redactor) credentials(lines []line, runs []run) {
	said := map[int]bool{}
	for _, s := range runs {
		for i := s.first; i <= s.last; i++ {
			said[i] = true
		}
	}
	var s secretLines
	for i := range lines {
		l := &lines[i]
		s.next(*l, said[i])
		if s.label != "" && l.text != "" {
			if s.spares(l.text) {
				continue
			}
			r.note(s.label)
			r.remember(l.text)
			l.text = removed
		} else if words := asksForSecret.FindStringSubmatch(l.text); words != nil {
			s = secretLines{label: words[1]}
		}
	}
}

// secretLines tells which lines are values of credentials. A value that begins
// on its label's line, or after a line that announces it, ends with its
// paragraph, but for single words after that. One that begins below its label
// goes on to the next label, closing or statement.
type secretLines struct {
	label string // empty outside
	// public tells that the label is for public keys.
	public bool
	whole  bool // to the next label
	seen   bool // some of the value
	gap    bool // an empty line after that
}

func (s *secretLines) next(l line, said bool) {
	switch {
	case l.field == hosting.FieldCredentials && !said:
		*s = secretLines{label: l.label, whole: l.text == "", seen: l.text != ""}
		if nothing(l.text) && strings.ContainsFunc(l.text, unicode.IsLetter) {
			s.label = ""
		}
	case l.field == hosting.FieldSSHKeys && !said:
		*s = secretLines{label: l.label, public: true, whole: l.text == "", seen: l.text != ""}
	case said, l.closing, l.field != "":
		*s = secretLines{}
	case l.text == "":
		s.gap = s.seen
	case s.gap && !s.whole && strings.ContainsAny(l.text, " \t"):
		*s = secretLines{}
	default:
		s.seen = true
	}
}

// remember keeps a removed text for scrub: the whole, and those of its words
// that look like secrets.
func (r *redactor) remember(text string) {
	const around = ".,;:!?\"'“”„«»()[]<>{}*_~`"
	words := strings.FieldsFunc(text, func(c rune) bool { return strings.ContainsRune(" \t/|,;", c) })
	for _, w := range append(words, text) {
		for _, w := range []string{w, strings.Trim(w, around)} {
			whole := w == text && len(words) == 1 && len(w) >= 5 && !ordinary[hosting.Fold(w)]
			if len(w) <= maxToken && (whole || looksSecret(w)) {
				if r.tokens == nil {
					r.tokens = map[string]bool{}
				}
				r.tokens[w] = true
			}
		}
	}
}

// maxToken bounds what is looked for elsewhere in the message, in bytes.
const maxToken = 128

// ordinary are words that stand in fields for credentials and are none.
var ordinary = map[string]bool{
	"admin": true, "administrator": true, "administratore": true, "amministratore": true, "server": true, "password": true, "utente": true,
	"login": true, "ubuntu": true, "debian": true, "haslo": true, "authorization": true, "backup": true,
}

// looksSecret reports whether a word looks like a password: long enough, with
// letters and digits or signs, or capitals within.
func looksSecret(w string) bool {
	var letter, digit, sign, inner bool
	for i, c := range w {
		switch {
		case c >= '0' && c <= '9':
			digit = true
		case strings.ContainsRune("!@#$%^&*+=?~|\\<>", c):
			sign = true
		case c >= 'A' && c <= 'Z':
			letter, inner = true, inner || i > 0
		default:
			letter = letter || c != '.' && c != '-' && c != ':' && c != '/' && c != ','
		}
	}
	return len(w) >= 6 && letter && (digit || sign || inner && len(w) >= 8 && strings.ToUpper(w) != w)
}

// scrub removes what was removed in one place wherever else it stands.
func (r *redactor) scrub(text string) string {
	if len(r.tokens) == 0 {
		return text
	}
	return r.replacer().Replace(text)
}

func (r *redactor) replacer() *strings.Replacer {
	longestFirst := slices.SortedFunc(maps.Keys(r.tokens), func(a, b string) int {
		return cmp.Or(cmp.Compare(len(b), len(a)), strings.Compare(a, b))
	})
	pairs := []string{removed, removed}
	for _, w := range longestFirst {
		pairs = append(pairs, w, removed)
	}
	return strings.NewReplacer(pairs...)
}

func (r *redactor) scrubLines(lines []line) {
	if len(r.tokens) == 0 {
		return
	}
	replacer := r.replacer()
	for i := range lines {
		l := &lines[i]
		l.head, l.text, l.label = replacer.Replace(l.head), replacer.Replace(l.text), replacer.Replace(l.label)
	}
}
