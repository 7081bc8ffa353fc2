package hosting

import (
	"net/netip"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Subject returns the subject of a ticket that asks for a procedure (I15):
// "Server intervention request - [DS-1042]". An empty server gives the form to
// fill in. It is in English where the language has none, and empty for a
// procedure that tickets can not ask for.
func Subject(p Procedure, lang Language, server string) string {
	title := canonical(procedureTitles, p, lang)
	if title == "" {
		return ""
	}
	if server == "" {
		form, ok := serverForms[lang]
		if !ok {
			form = serverForms[English]
		}
		server = form
	}
	return title + " - [" + server + "]"
}

// procedureTitles are the subjects that start procedures.
var procedureTitles = []phrases[Procedure]{
	{ServerIntervention, English, []string{"Server intervention request", "Request for server intervention", "Request for a server intervention"}},
	{ServerIntervention, Italian, []string{
		"Richiesta di intervento sul server", "Richiesta intervento sul server", "Richiesta di intervento server", "Richiesta intervento server",
		"Richiesta di intervento su server", "Richiesta intervento su server",
	}},
	{ServerIntervention, Polish, []string{
		"Prośba o interwencję na serwerze", "Zgłoszenie interwencji na serwerze", "Wniosek o interwencję na serwerze", "Prośba o interwencję serwerową",
		"Zlecenie interwencji na serwerze",
	}},

	{OSReinstall, English, []string{
		"OS reinstall request", "OS reinstallation request", "Operating system reinstallation request", "Operating system reinstall request",
		"Reinstallation request", "Reinstall request", "Server reinstallation request", "Server reinstall request",
		"Request for OS reinstallation", "Request for reinstallation", "Request for operating system reinstallation",
	}},
	{OSReinstall, Italian, []string{
		"Richiesta di reinstallazione del sistema operativo", "Richiesta reinstallazione del sistema operativo",
		"Richiesta di reinstallazione sistema operativo", "Richiesta reinstallazione sistema operativo", "Richiesta di reinstallazione del server",
		"Richiesta reinstallazione server", "Richiesta di reinstallazione OS", "Richiesta reinstallazione OS", "Richiesta di reinstallazione", "Richiesta reinstallazione",
	}},
	{OSReinstall, Polish, []string{
		"Prośba o reinstalację systemu operacyjnego", "Zgłoszenie reinstalacji systemu operacyjnego", "Wniosek o reinstalację systemu operacyjnego",
		"Zlecenie reinstalacji systemu operacyjnego", "Prośba o reinstalację systemu", "Zlecenie reinstalacji systemu", "Zgłoszenie reinstalacji systemu",
		"Prośba o reinstalację serwera", "Zlecenie reinstalacji serwera", "Prośba o reinstalację", "Zlecenie reinstalacji",
		"Prośba o ponowną instalację systemu operacyjnego", "Prośba o ponowną instalację systemu",
	}},
}

// serverForms stand in a subject where the customer is to name the server.
var serverForms = map[Language]string{
	English: "server id / IP",
	Italian: "id server / IP",
	Polish:  "id serwera / IP",
}

const maxSubjectBytes = 1000

// ProcedureBySubject returns what a subject asks for and how it names the
// server, which is empty if it does not (I15). Prefixes of replies and forwarded
// mail and tags of ticket systems before it are passed over; dashes and brackets
// may be of any kind, or missing.
func ProcedureBySubject(subject string) (proc Procedure, server string, lang Language, ok bool) {
	text := fold(cutBytes(subject, maxSubjectBytes))
	if end := subjectPrefix.FindStringIndex(text.key); end != nil {
		text = text.slice(end[1], len(text.key))
	}
	var longest int
	for _, p := range procedureTitles {
		for _, said := range p.said {
			title := fold(said).key
			rest, found := strings.CutPrefix(text.key, title)
			if next, _ := utf8.DecodeRuneInString(rest); !found || unicode.IsLetter(next) || unicode.IsDigit(next) {
				continue
			}
			if len(title) > longest { // "Reinstallation request" begins others
				longest, proc, lang = len(title), p.meaning, p.language
			}
		}
	}
	if longest == 0 {
		return "", "", "", false
	}
	return proc, ServerReference(text.slice(longest, len(text.key)).written), lang, true
}

// subjectPrefix matches replies (Re:, R:, Odp:, AW:), forwards (Fwd:, I:, PD:),
// and tags in brackets, any number of them.
var subjectPrefix = regexp.MustCompile(
	`^(?: |(?:re|r|rif|ris|aw|sv|odp|fwd?|i|inoltra|pd|wg|tr)(?: ?\[\d+\]| ?\(\d+\))? ?:|\[[^\]]{0,80}\]|\(?(?:ticket|case|zgloszenie|richiesta)? ?#[a-z0-9-]{1,40}\)? ?[:-]?|(?:ticket|case) ?[a-z]{0,3}-?[0-9]{1,20} ?[:-])+`)

// ServerReference returns how a customer names a server in a subject or a
// field: without brackets, and without remarks that follow it. A text that names
// several is returned whole, so that it resolves to none and the question goes
// back on the ticket (I4, O9).
func ServerReference(text string) string {
	text = strings.Trim(fold(text).written, " -:=")
	if inside := bracketed.FindStringSubmatch(text); inside != nil {
		text = strings.Join(inside[1:], "") // one of them matched
	}
	text = strings.Trim(text, " -:=.,;\"'*_`")
	if !strings.ContainsAny(text, "([{<") || !strings.ContainsAny(text, ")]}>") { // half a pair
		text = strings.Trim(text, "()[]{}<> ")
	}
	for _, lang := range Languages() {
		if fold(text).key == fold(serverForms[lang]).key {
			return ""
		}
	}
	if pair := referencePair.FindStringSubmatch(text); pair != nil && referenceKind(pair[2]) != "" {
		if ReferencesConflict(pair[1], pair[2]) {
			return text
		}
		return pair[1]
	}
	if words := strings.Fields(text); len(words) > 1 && numbered(words[0]) && !numbered(strings.Join(words[1:], "")) {
		return strings.Trim(words[0], ",;:")
	}
	return text
}

var (
	// bracketed matches a text that begins with something in brackets, which may
	// hold brackets of another kind: "[DS-1042 (web-01)]".
	bracketed = regexp.MustCompile(`^(?:\[([^\]]+)\]|\(([^)]+)\)|\{([^}]+)\}|<([^>]+)>|[\[({<]([^\[\](){}<>]+)[\])}>])`)
	// referencePair matches "DS-1042 / 192.0.2.10" and "DS-1042 (192.0.2.10)".
	referencePair = regexp.MustCompile(`^([^/(]*[^/( ])(?: ?/ ?| \()([^/)]+)\)?$`)
	serviceID     = regexp.MustCompile(`^(?i:[a-z]{1,8})-?[0-9]{1,12}$`)
)

func numbered(word string) bool { return strings.ContainsAny(word, "0123456789") }

// ReferencesConflict reports whether two ways to name a server can not both be
// right: different addresses of one family, or different service ids.
func ReferencesConflict(a, b string) bool {
	kind := referenceKind(a)
	return kind != "" && kind == referenceKind(b) && fold(a).key != fold(b).key
}

// referenceKind tells which kind of name it is; empty for those of which one
// server can have several.
func referenceKind(reference string) string {
	reference = strings.TrimSpace(reference)
	if ip, err := netip.ParseAddr(reference); err == nil {
		if ip.Is4() {
			return "IPv4"
		}
		return "IPv6"
	}
	if serviceID.MatchString(reference) {
		return "service id"
	}
	return ""
}
