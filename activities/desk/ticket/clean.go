package ticket

import (
	"mime"
	"strings"
	"unicode"
	"unicode/utf8"
)

// bodyLines returns the lines of a message, as plain text.
func bodyLines(contentType, body string) []string {
	body = cut(body, maxBody)
	if isHTML(contentType, body) {
		body = htmlText(body)
	}
	return cleanLines(body)
}

// isHTML also looks at the body: desks label HTML as plain text, or not at all.
func isHTML(contentType, body string) bool {
	if kind, _, err := mime.ParseMediaType(contentType); err == nil && (kind == "text/html" || kind == "application/xhtml+xml") {
		return true
	}
	start := strings.ToLower(cut(strings.TrimLeft(body, "\ufeff \t\r\n"), 32))
	for _, opening := range []string{"<!doctype html", "<html", "<head", "<body", "<div"} {
		if strings.HasPrefix(start, opening) {
			return true
		}
	}
	return false
}

// cleanLines splits a text into lines without the white space that differs from
// one mail program to the next. Tabs stay: they separate the cells of a table.
func cleanLines(text string) []string {
	text = strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(strings.ToValidUTF8(text, "\uFFFD"))
	lines := strings.Split(strings.Map(visible, text), "\n")
	for i := range lines {
		cells := strings.Split(lines[i], "\t")
		for j := range cells {
			cells[j] = strings.Join(strings.Fields(cells[j]), " ")
		}
		lines[i] = strings.TrimSpace(strings.Join(cells, "\t"))
	}
	return lines
}

// cleanLine is cleanLines for what is one line.
func cleanLine(text string, limit int) string {
	return cut(strings.Join(strings.Fields(strings.Join(cleanLines(cut(text, 4*limit)), " ")), " "), limit)
}

// visible maps kinds of white space to the plain one, and drops what can not be
// seen: zero-width characters, marks of writing direction, control characters.
func visible(r rune) rune {
	switch {
	case r >= ' ' && r <= '~', r == '\n', r == '\t':
		return r
	case strings.ContainsRune("\v\f\u0085\u2028\u2029", r):
		return '\n'
	case unicode.IsSpace(r):
		return ' '
	case unicode.Is(unicode.Cf, r), unicode.IsControl(r):
		return -1
	}
	return r
}

// cut returns at most n bytes of a text, whole characters only.
func cut(text string, n int) string {
	if len(text) <= n {
		return text
	}
	for n > 0 && !utf8.RuneStart(text[n]) {
		n--
	}
	return text[:n]
}
