package ticket

import (
	"regexp"
	"strings"
)

// ownWords returns the lines that the author of a message wrote: without what
// is quoted, without the message that is answered, and without the signature.
// A quoted part leaves an empty line behind. In doubt a line is left out: what
// is missed is asked for again, what is taken from our own question would be an
// answer that nobody gave.
func ownWords(lines []string) []string {
	own := unquoted(lines)
	for len(own) > 0 && (own[len(own)-1] == "" || rule.MatchString(own[len(own)-1])) {
		own = own[:len(own)-1]
	}
	return own
}

// rule is what programs draw above the message that is answered.
var rule = regexp.MustCompile(`^[-_–—=*]{3,}$`)

func unquoted(lines []string) []string {
	var own []string
	headers := headerNamesOf(lines)
	for i := 0; i < len(lines); i++ {
		line := lines[i]
		switch n := attribution(lines[i:]); {
		case quoteMark.MatchString(line):
			own = append(own, "")
		case n > 0 && quotesFollow(lines[i+n:]):
			i += n - 1
		case n > 0, endsOwn(line), headerBlock(headers[i:]):
			return own
		case deviceSignature.MatchString(line):
		default:
			own = append(own, line)
		}
	}
	return own
}

// quoteMark is ">", after the writer's initials in some programs.
var quoteMark = regexp.MustCompile(`^\pL{0,3}>`)

func quotesFollow(lines []string) bool {
	for _, line := range lines {
		if line != "" {
			return quoteMark.MatchString(line)
		}
	}
	return false
}

// attribution returns how many lines introduce a quoted message ("On ...
// wrote:"), or 0. Programs break it into as many as three.
func attribution(lines []string) int {
	for n := 1; n <= min(3, len(lines)); n++ {
		last := lines[n-1]
		if last == "" {
			return 0
		}
		if !strings.HasSuffix(last, ":") || len(last) > 300 {
			continue
		}
		if text := strings.Join(lines[:n], " "); len(text) <= 600 && matchesAny(attributions, text) {
			return n
		}
	}
	return 0
}

var attributions = []*regexp.Regexp{
	regexp.MustCompile(`(?i)^(?:on|il|il giorno|in data|w dniu|dnia|(?:pon|wt|śr|czw|pt|sob|niedz|nd)[.,]).*(?:wrote|ha scritto|scrive|napisał\(a\)|napisał|napisała|pisze|napisano) ?:$`),
	regexp.MustCompile(`(?i)(?:<[^<>]*@[^<>]*>|\[mailto:[^\]]*\]|\(\S+@\S+\)).{0,40}(?:wrote|ha scritto|scrive|napisał\(a\)|napisał|napisała|pisze) ?:$`),
	regexp.MustCompile(`^\d{4}-\d\d-\d\d \d\d:\d\d .*<[^<>]*@[^<>]*> ?:$`),
}

func matchesAny(patterns []*regexp.Regexp, text string) bool {
	for _, p := range patterns {
		if p.MatchString(text) {
			return true
		}
	}
	return false
}

// endsOwn reports whether nothing after the line is the author's own.
func endsOwn(line string) bool {
	return line == "--" || len(line) <= 200 && matchesAny(endings, line)
}

var endings = []*regexp.Regexp{
	// What is answered or forwarded, below a line that says so.
	regexp.MustCompile(`(?i)^[-_–—* ]{2,}(?:original message|forwarded message|reply message|messaggio originale|messaggio inoltrato|inoltrato|` +
		`wiadomość oryginalna|oryginalna wiadomość|wiadomość przekazana(?: dalej)?|przekazana wiadomość|treść przekazanej wiadomości)[-_–—*: ]*$`),
	regexp.MustCompile(`(?i)^(?:begin forwarded message|inizio messaggio inoltrato|początek przekazanej wiadomości|początek przekazywanej wiadomości) ?:$`),
	// The line that ticket systems put above their text.
	regexp.MustCompile(`(?i)(?:reply|write|type|answer) .{0,30}above this line|(?:risponder[ei]|rispondi|scriver[ei]|scrivi) .{0,30}sopra quest[ao] (?:riga|linea)|` +
		`(?:odpowied\S*|odpowiada\S*|pisz\S*|wpis\S*) .{0,30}powyżej tej linii`),
}

var deviceSignature = regexp.MustCompile(`(?i)^(?:sent (?:from|with|using) |get outlook for |inviato (?:da|dal|dallo|con) |scarica outlook per |` +
	`wysłan[eoay] (?:z|ze|przy|za) |pobierz (?:aplikację )?outlook).{0,80}$`)

// headerLine is a line of the header that Outlook puts above what is answered.
var headerLine = regexp.MustCompile(`(?i)^\*{0,2}(from|da|od|sent|date|inviato|data|wysłano|wysłane|to|a|do|cc|dw|ccn|udw|subject|oggetto|temat) ?:\*{0,2}(.*)$`)

var headerNames = map[string]string{
	"from": "from", "da": "from", "od": "from",
	"sent": "date", "date": "date", "inviato": "date", "data": "date", "wysłano": "date", "wysłane": "date",
	"to": "to", "a": "to", "do": "to",
	"cc": "cc", "dw": "cc", "ccn": "cc", "udw": "cc",
	"subject": "subject", "oggetto": "subject", "temat": "subject",
}

var letters = regexp.MustCompile(`\pL{2}`)

// maxHeaderName is more than the longest of those names with its marks, in bytes.
const maxHeaderName = 20

// headerNamesOf returns for each line which part of such a header it is: "none"
// where it is none, and nothing for an empty line.
func headerNamesOf(lines []string) []string {
	names := make([]string, len(lines))
	for i, line := range lines {
		var match []string
		if strings.ContainsRune(cut(line, maxHeaderName), ':') {
			match = headerLine.FindStringSubmatch(line)
		}
		switch {
		case match != nil && headerNames[strings.ToLower(match[1])] == "from" && !letters.MatchString(match[2]):
			names[i] = "none" // "From: 02:00"
		case match != nil:
			names[i] = headerNames[strings.ToLower(match[1])]
		case line != "":
			names[i] = "none"
		}
	}
	return names
}

// headerBlock reports whether such a header begins here: the sender and the
// date, or the sender and two others.
func headerBlock(names []string) bool {
	if names[0] == "" || names[0] == "none" {
		return false
	}
	seen := map[string]bool{}
	for _, name := range names[:min(8, len(names))] {
		if name == "none" {
			break
		}
		if name != "" {
			seen[name] = true
		}
	}
	return seen["from"] && (seen["date"] || len(seen) >= 3)
}
