package ticket

import (
	"regexp"
	"slices"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// htmlText returns the text of an HTML mail in lines as a person sees them:
// cells of a table row apart by tabs, items of lists with a dash. What is quoted
// stands in lines that begin with ">", so that it is told from the customer's
// own words; what is crossed out stands between "~~" so that it counts for
// nothing.
func htmlText(body string) string {
	var w textWriter
	var skip skipped
	z := html.NewTokenizer(strings.NewReader(body))
	for {
		kind := z.Next()
		if kind == html.ErrorToken {
			return w.text.String()
		}
		token := z.Token()
		if skip.swallows(token) {
			continue
		}
		switch kind {
		case html.TextToken:
			w.write(token.Data)
		case html.StartTagToken, html.SelfClosingTagToken:
			if endsMessage(token) {
				return w.text.String()
			}
			if kind == html.StartTagToken && hides(token) {
				skip.begin(token)
				continue
			}
			w.open(token)
		case html.EndTagToken:
			w.close(token)
		}
	}
}

// skipped is an element of which nothing is read.
type skipped struct {
	name  string
	depth int
}

func (s *skipped) begin(t html.Token) { *s = skipped{name: t.Data, depth: 1} }

func (s *skipped) swallows(t html.Token) bool {
	if s.depth == 0 {
		return false
	}
	if t.Data == s.name {
		switch t.Type {
		case html.StartTagToken:
			s.depth++
		case html.EndTagToken:
			s.depth--
		}
	}
	return true
}

// unread are elements whose text is not for people.
var unread = []atom.Atom{
	atom.Script, atom.Style, atom.Title, atom.Template, atom.Textarea, atom.Iframe, atom.Noframes, atom.Noembed, atom.Xmp,
	atom.Select, atom.Svg, atom.Object,
}

// unreadClasses are marks of mail programs for signatures.
var unreadClasses = []string{"gmail_signature", "gmail_signature_prefix", "moz-signature", "protonmail_signature_block"}

// lastWords are ids and classes after which Outlook and others put the message
// that is answered.
var lastWords = []string{"appendonsend", "divrplyfwdmsg", "olk_src_body_section", "mail-editor-reference-message-container", "replysplit", "yahoo_quoted"}

var (
	invisible = regexp.MustCompile(`(?i)display\s*:\s*none|visibility\s*:\s*hidden`)
	struckOut = regexp.MustCompile(`(?i)text-decoration[a-z-]*\s*:[^;]*line-through`)
)

func hides(t html.Token) bool {
	if slices.Contains(unread, t.DataAtom) {
		return true
	}
	if slices.Contains(voids, t.DataAtom) {
		return false
	}
	return marked(t, "signature") || invisible.MatchString(attribute(t, "style")) ||
		slices.ContainsFunc(strings.Fields(attribute(t, "class")), func(c string) bool { return slices.Contains(unreadClasses, c) })
}

// voids are elements that have no end.
var voids = []atom.Atom{atom.Br, atom.Hr, atom.Img, atom.Input, atom.Meta, atom.Link, atom.Col, atom.Area, atom.Base, atom.Wbr, atom.Embed, atom.Source, atom.Param}

func endsMessage(t html.Token) bool {
	return slices.ContainsFunc(lastWords, func(id string) bool { return marked(t, id) })
}

// marked reports whether an element has an id or a class, also one that Outlook
// has prefixed because it quoted the element.
func marked(t html.Token, id string) bool {
	names := append(strings.Fields(attribute(t, "class")), attribute(t, "id"))
	return slices.ContainsFunc(names, func(name string) bool {
		name = strings.ToLower(name)
		return name == id || strings.HasSuffix(name, "_"+id)
	})
}

func attribute(t html.Token, name string) string {
	i := slices.IndexFunc(t.Attr, func(a html.Attribute) bool { return a.Key == name })
	if i < 0 {
		return ""
	}
	return t.Attr[i].Val
}

// breaks are the elements that begin and end a line, and by how much: 1 is a
// new line, 2 an empty one between.
var breaks = map[atom.Atom]int{
	atom.P: 2, atom.Div: 1, atom.Li: 1, atom.Tr: 1, atom.Ul: 1, atom.Ol: 1, atom.Table: 1, atom.Pre: 1, atom.Hr: 1, atom.Dd: 1, atom.Dt: 1,
	atom.H1: 2, atom.H2: 2, atom.H3: 2, atom.H4: 2, atom.H5: 2, atom.H6: 2, atom.Article: 1, atom.Section: 1, atom.Header: 1, atom.Footer: 1,
	atom.Body: 1, atom.Dl: 1, atom.Form: 1, atom.Fieldset: 1, atom.Blockquote: 1, atom.Address: 1, atom.Center: 1, atom.Option: 1,
}

// textWriter lays text out in lines. Breaks are written only when more text
// comes, so that elements within elements do not pile them up.
type textWriter struct {
	text    strings.Builder
	pending int    // line breaks due
	mark    string // what begins the next text: a cell's tab, an item's dash
	cells   int    // of the row so far
	pre     int
	quotes  int  // depth of quotations
	space   bool // white space is due, if anything follows on the line
	struck  []atom.Atom
}

// maxStruck bounds how deep struck-out elements are followed.
const maxStruck = 64

func (w *textWriter) open(t html.Token) {
	w.pending = max(w.pending, breaks[t.DataAtom])
	switch t.DataAtom {
	case atom.Br:
		w.pending = min(w.pending+1, 2)
	case atom.Li:
		w.mark = "- "
	case atom.Pre:
		w.pre++
	case atom.Blockquote:
		w.quotes++
	case atom.Tr:
		w.cells, w.mark, w.pending = 0, "", 1
	case atom.Td, atom.Th:
		if w.cells++; w.cells > 1 {
			w.mark = "\t"
		}
	}
	if w.strikes(t) && len(w.struck) < maxStruck && t.Type == html.StartTagToken {
		w.struck = append(w.struck, t.DataAtom)
		w.write("~~")
	}
}

func (w *textWriter) strikes(t html.Token) bool {
	switch t.DataAtom {
	case atom.S, atom.Strike, atom.Del:
		return true
	case atom.Span, atom.Font, atom.P, atom.Div, atom.U, atom.B, atom.I:
		// Elements of the same name inside a struck one are followed too, so
		// that its end is not taken for theirs.
		return struckOut.MatchString(attribute(t, "style")) || slices.Contains(w.struck, t.DataAtom)
	}
	return false
}

func (w *textWriter) close(t html.Token) {
	if i := len(w.struck) - 1; i >= 0 && w.struck[i] == t.DataAtom {
		w.struck = w.struck[:i]
		w.write("~~")
	}
	w.pending = max(w.pending, breaks[t.DataAtom])
	switch {
	case t.DataAtom == atom.Pre && w.pre > 0:
		w.pre--
	case t.DataAtom == atom.Blockquote && w.quotes > 0:
		w.quotes--
	}
}

func (w *textWriter) write(text string) {
	if w.pre > 0 {
		w.flush()
		if w.quotes > 0 {
			text = strings.ReplaceAll(text, "\n", "\n> ")
		}
		w.text.WriteString(text)
		return
	}
	words := strings.FieldsFunc(text, htmlSpace)
	if len(words) == 0 {
		w.space = w.space || text != ""
		return
	}
	spaced := w.space || htmlSpace(rune(text[0]))
	if w.flush() {
		spaced = false
	}
	if spaced && w.text.Len() > 0 {
		w.text.WriteByte(' ')
	}
	for i, word := range words {
		if i > 0 {
			w.text.WriteByte(' ')
		}
		w.text.WriteString(word)
	}
	w.space = htmlSpace(rune(text[len(text)-1]))
}

// flush writes what is due before text, and reports whether that was anything.
func (w *textWriter) flush() bool {
	pending, mark := w.pending, w.mark
	w.pending, w.mark, w.space = 0, "", false
	if mark == "\t" { // a cell goes on in the row's line, whatever it opens with
		pending = 0
	}
	if w.text.Len() > 0 {
		w.text.WriteString("\n\n"[:pending])
	}
	if w.quotes > 0 && (pending > 0 || w.text.Len() == 0) {
		w.text.WriteString("> ")
	}
	w.text.WriteString(mark)
	return pending > 0 || mark != ""
}

// htmlSpace is the white space that HTML collapses; a no-break space is none.
func htmlSpace(r rune) bool { return strings.ContainsRune(" \t\n\r\f", r) }
