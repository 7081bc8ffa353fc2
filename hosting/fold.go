package hosting

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// folded is a text as people compare it, beside the text as it was written:
// both in Unicode NFKC with white space collapsed and with plain quotes, dashes
// and apostrophes. They have equally many runes, so that a place in the one is
// a place in the other.
type folded struct {
	written string
	key     string // in lower case, without Polish and Italian diacritics
}

// Fold returns a text as labels, statements and phrases are compared: in Unicode
// NFKC and lower case, with single spaces, plain quotes, dashes and apostrophes,
// and without the diacritics of Polish and Italian.
func Fold(text string) string { return fold(text).key }

// fold returns text for comparison.
func fold(text string) folded {
	text = norm.NFKC.String(strings.Map(plain, strings.ToValidUTF8(text, "\uFFFD")))
	text = strings.Join(strings.Fields(text), " ")
	return folded{written: text, key: strings.Map(foldRune, text)}
}

// plain unifies what keyboards and mail programs turn into typographic signs,
// and drops what can not be seen. It precedes NFKC, which would take some of
// these apart.
func plain(r rune) rune {
	switch {
	case r > ' ' && r <= '~' && r != '`':
		return r
	case strings.ContainsRune("'‘’‚‛′ʹʼ´`＇", r):
		return '\''
	case strings.ContainsRune("\"“”„‟«»″＂", r):
		return '"'
	case unicode.Is(unicode.Pd, r) || r == '−':
		return '-'
	case unicode.IsSpace(r):
		return ' '
	case unicode.Is(unicode.Cf, r):
		return -1
	}
	return r
}

// diacritics are those of Polish and Italian. Marks of other kinds stay, such
// as the stroke that crosses a text out.
var diacritics = map[rune]rune{
	'ą': 'a', 'ć': 'c', 'ę': 'e', 'ł': 'l', 'ń': 'n', 'ó': 'o', 'ś': 's', 'ź': 'z', 'ż': 'z',
	'à': 'a', 'á': 'a', 'è': 'e', 'é': 'e', 'ì': 'i', 'í': 'i', 'î': 'i', 'ò': 'o', 'ù': 'u', 'ú': 'u',
}

func foldRune(r rune) rune {
	r = unicode.ToLower(r)
	if r < unicode.MaxASCII {
		return r
	}
	if base, ok := diacritics[r]; ok {
		return base
	}
	return r
}

// slice returns the part between two byte offsets of the key.
func (f folded) slice(from, to int) folded {
	first := utf8.RuneCountInString(f.key[:from])
	count := utf8.RuneCountInString(f.key[from:to])
	runes := []rune(f.written)
	return folded{written: string(runes[first : first+count]), key: f.key[from:to]}
}

// bare drops one pair of quotes around the text, and one mark that ends a
// sentence. A question mark is not one of them, and neither is an ellipsis: they
// take back what the sentence says.
func (f folded) bare() folded {
	f, ended := f.withoutEnd()
	if n := len(f.key); n >= 2 && f.key[0] == f.key[n-1] && strings.ContainsRune(`"'`, rune(f.key[0])) {
		f = f.slice(1, n-1).trim()
	}
	if !ended {
		f, _ = f.withoutEnd()
	}
	return f
}

func (f folded) withoutEnd() (folded, bool) {
	n := len(f.key)
	if n == 0 || !strings.ContainsRune(".!,;", rune(f.key[n-1])) || strings.HasSuffix(f.key, "..") {
		return f, false
	}
	return f.slice(0, n-1).trim(), true
}

func (f folded) trim() folded {
	return folded{written: strings.TrimSpace(f.written), key: strings.TrimSpace(f.key)}
}
