package ticket_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/handrail/handrail/activities/desk/ticket"
	"github.com/handrail/handrail/hosting"
)

var at = time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)

func parse(body string) hosting.TicketEvent {
	return ticket.Parse(ticket.Incoming{ID: "m-1", Ticket: "T-1", Author: "john@example.com", At: at, Body: body}, provider)
}

func parseHTML(body string) hosting.TicketEvent {
	return ticket.Parse(ticket.Incoming{ID: "m-1", Ticket: "T-1", Author: "john@example.com", At: at, ContentType: "text/html; charset=utf-8", Body: body}, provider)
}

func statement(kind hosting.StatementKind, lang hosting.Language) string {
	return strings.NewReplacer("YYYY-MM-DD HH:MM", "2026-11-22 02:00", "Continent/City", "Europe/Rome", "Continente/Città", "Europe/Rome", "Kontynent/Miasto", "Europe/Warsaw").
		Replace(hosting.StatementText(kind, lang, provider))
}

var (
	allowed = statement(hosting.PowerAllowed, hosting.English)
	refused = statement(hosting.PowerRefused, hosting.English)
	backup  = statement(hosting.BackupExists, hosting.English)
	loss    = statement(hosting.LossAccepted, hosting.English)
)

func grant(e hosting.TicketEvent) hosting.PowerGrant {
	if e.Fields.Power == nil {
		return hosting.GrantNone
	}
	return e.Fields.Power.Permission.Grant
}

func unclear(e hosting.TicketEvent, f hosting.Field) bool {
	return slices.ContainsFunc(e.Fields.Unclear, func(u hosting.UnclearField) bool { return u.Field == f && u.Why != "" })
}

// What counts as the customer's answer, and what does not (I6, I8, O20).
func TestParse_WhoseWordsCount_I6_I8(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		body    string
		want    hosting.PowerGrant
		unclear bool
	}{
		"labelled":                          {"Authorization: " + allowed, hosting.GrantAllowed, false},
		"below its label":                   {"Authorization:\n\n  " + allowed, hosting.GrantAllowed, false},
		"alone":                             {allowed, hosting.GrantAllowed, false},
		"alone in a letter":                 {"Hello,\n\nthe server hangs.\n\n" + allowed + "\n\nBest regards\nJohn", hosting.GrantAllowed, false},
		"after a greeting":                  {"Hello John,\n" + allowed + "\nThank you", hosting.GrantAllowed, false},
		"wrapped":                           {"> Hi\n\nI authorize Handrail Hosting to power off,\r\npower on and restart this server\r\nat any time.", hosting.GrantAllowed, false},
		"emphasized, in a list":             {"- **" + allowed + "**", hosting.GrantAllowed, false},
		"odd white space":                   {"\u200bAuthorization\u00a0:\t" + strings.ReplaceAll(allowed, " ", "\u00a0"), hosting.GrantAllowed, false},
		"both refused and backup":           {refused + "\n" + backup, hosting.GrantRefused, false},
		"said twice":                        {"Authorization: " + allowed + "\n\n" + strings.ToUpper(allowed), hosting.GrantAllowed, false},
		"an empty label and a full one":     {"Authorization: ...\nAuthorization: " + allowed, hosting.GrantAllowed, false},
		"an unknown label after it":         {"Authorization: " + strings.TrimSuffix(allowed, ".") + "\nUrgency: high", hosting.GrantAllowed, false},
		"nothing":                           {"The server hangs.", hosting.GrantNone, false},
		"yes":                               {"yes", hosting.GrantNone, false},
		"labelled yes":                      {"Authorization: yes", hosting.GrantNone, true},
		"allowed and refused":               {allowed + "\n\n" + refused, hosting.GrantNone, true},
		"allowed and a window":              {"Authorization: " + allowed + "\nAuthorization: " + statement(hosting.PowerWindow, hosting.English), hosting.GrantNone, true},
		"a differing duplicate":             {"Authorization: " + allowed + "\nAuthorization: only at night", hosting.GrantNone, true},
		"a differing duplicate before":      {"Authorization: ask me first\n\n" + allowed, hosting.GrantNone, true},
		"inside a sentence":                 {"I do not say that " + allowed, hosting.GrantNone, false},
		"the end of a sentence":             {"I do not say that\n" + allowed, hosting.GrantNone, true},
		"announced":                         {"I will never sign this:\n\n" + allowed, hosting.GrantNone, true},
		"under a condition":                 {"If you call me first,\n" + allowed, hosting.GrantNone, true},
		"continued":                         {strings.TrimSuffix(allowed, ".") + "\nprovided that you call me first", hosting.GrantNone, true},
		"restricted":                        {allowed + "\n\nBut please not before 20:00.", hosting.GrantNone, true},
		"restricted in Italian":             {statement(hosting.PowerAllowed, hosting.Italian) + "\nMa solo di notte.", hosting.GrantNone, true},
		"restricted in Polish":              {statement(hosting.PowerAllowed, hosting.Polish) + "\nProszę nie restartować przed 20.", hosting.GrantNone, true},
		"restricted below its label":        {"Authorization: " + allowed + "\nOnly tonight.", hosting.GrantNone, true},
		"a statement for another label":     {"Authorization: " + backup, hosting.GrantNone, true},
		"another provider":                  {"Authorization: " + strings.ReplaceAll(allowed, "Handrail", "Other"), hosting.GrantNone, true},
		"not ticked":                        {"[ ] " + allowed, hosting.GrantNone, false},
		"crossed out":                       {"~~" + allowed + "~~", hosting.GrantNone, false},
		"in our question":                   {"> " + allowed, hosting.GrantNone, false},
		"in our question, deeper":           {">> > " + allowed, hosting.GrantNone, false},
		"with the writer's initials":        {"HH> " + allowed, hosting.GrantNone, false},
		"below On ... wrote":                {"ok\n\nOn Sat, Nov 21, 2026 at 9:15 AM Support <s@handrail.example> wrote:\n\n" + allowed, hosting.GrantNone, false},
		"below Il ... ha scritto":           {"ok\n\nIl giorno sab 21 nov 2026 alle 9:15 Support ha scritto:\n" + allowed, hosting.GrantNone, false},
		"below W dniu ... pisze":            {"ok\n\nW dniu 21.11.2026 o 09:15, Support pisze:\n" + allowed, hosting.GrantNone, false},
		"below a broken attribution":        {"ok\n\nsob., 21 lis 2026 o 09:15 Support Handrail Hosting\n<support@handrail.example> napisał(a):\n" + allowed, hosting.GrantNone, false},
		"below Outlook's header":            {"ok\n\nFrom: Support\nSent: Saturday\nTo: John\nSubject: x\n\n" + allowed, hosting.GrantNone, false},
		"below Outlook's, in Italian":       {"ok\n\nDa: Support\nInviato: sabato\nA: John\nOggetto: x\n\n" + allowed, hosting.GrantNone, false},
		"below Outlook's, in Polish":        {"ok\n\n*Od:* Support\n*Wysłano:* sobota\n*Do:* John\n*Temat:* x\n\n" + allowed, hosting.GrantNone, false},
		"below Original Message":            {"ok\n\n-----Original Message-----\n" + allowed, hosting.GrantNone, false},
		"below Messaggio originale":         {"ok\n\n----- Messaggio originale -----\n" + allowed, hosting.GrantNone, false},
		"below Wiadomość oryginalna":        {"ok\n\n-----Wiadomość oryginalna-----\n" + allowed, hosting.GrantNone, false},
		"forwarded":                         {"---------- Forwarded message ---------\n" + allowed, hosting.GrantNone, false},
		"below the desk's line":             {"ok\n##- Please type your reply above this line -##\n" + allowed, hosting.GrantNone, false},
		"in a signature":                    {"ok\n-- \n" + allowed, hosting.GrantNone, false},
		"below a quotation with an answer":  {"On Saturday Support <s@handrail.example> wrote:\n> May we?\n\n" + allowed, hosting.GrantAllowed, false},
		"between quotations":                {"> May we?\n" + allowed + "\n> Thank you", hosting.GrantAllowed, false},
		"a window that looks like a header": {"From: 02:00\nTo: 05:00\n\n" + allowed, hosting.GrantAllowed, false},
	} {
		e := parse(test.body)
		if grant(e) != test.want || unclear(e, hosting.FieldPower) != test.unclear {
			t.Errorf("%s: grant %q, unclear %+v, text %q", name, grant(e), e.Fields.Unclear, e.Text)
		}
	}
}

func TestParse_HTML_I8(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		body    string
		want    hosting.PowerGrant
		unclear bool
	}{
		"paragraph":            {"<p>Hello</p><p>" + allowed + "</p>", hosting.GrantAllowed, false},
		"line breaks":          {"Hello,<br>" + allowed + "<br/>Thanks", hosting.GrantAllowed, false},
		"label in bold":        {"<b>Authorization:</b>&nbsp;" + allowed, hosting.GrantAllowed, false},
		"table":                {"<table><tr><th>Server</th><td>DS-1</td></tr><tr><td>Authorization</td><td><p>" + allowed + "</p></td></tr></table>", hosting.GrantAllowed, false},
		"list":                 {"<ul><li>" + allowed + "</li><li>" + backup + "</li></ul>", hosting.GrantAllowed, false},
		"preformatted":         {"<pre>Authorization:\n" + allowed + "\n</pre>", hosting.GrantAllowed, false},
		"broken by markup":     {"<p>I auth<i>or</i>ize Handrail\nHosting to <span>power off</span>, power on and restart this server at any time.</p>", hosting.GrantAllowed, false},
		"blockquote":           {"<p>ok</p><blockquote><p>x</p><blockquote>" + allowed + "</blockquote></blockquote>", hosting.GrantNone, false},
		"unclosed blockquote":  {"<p>ok</p><blockquote type=cite>" + allowed, hosting.GrantNone, false},
		"answer below one":     {"<div>On Saturday Support &lt;s@h.example&gt; wrote:</div><blockquote>May we?</blockquote><p>" + allowed + "</p>", hosting.GrantAllowed, false},
		"escaped quote mark":   {"<div>&gt; " + allowed + "</div>", hosting.GrantNone, false},
		"below Outlook's":      {"<p>ok</p><div id=\"x_divRplyFwdMsg\"><b>From:</b> us</div><p>" + allowed + "</p>", hosting.GrantNone, false},
		"crossed out":          {"<p><s>" + allowed + "</s></p>", hosting.GrantNone, false},
		"crossed out by style": {`<p><span style="color:red; text-decoration:line-through">` + allowed + "</span></p>", hosting.GrantNone, false},
		"a part crossed out":   {"<p>Authorization: I <del>do not</del> authorize Handrail Hosting to power off, power on and restart this server at any time.</p>", hosting.GrantNone, true},
		"hidden":               {`<div style="display:none">` + allowed + "</div>", hosting.GrantNone, false},
		"in a script":          {"<script>" + allowed + "</script>", hosting.GrantNone, false},
		"in a style":           {"<style>\n" + allowed + "\n</style>", hosting.GrantNone, false},
		"in a comment":         {"<!--\n" + allowed + "\n-->", hosting.GrantNone, false},
		"in an attribute":      {`<img alt="` + allowed + `">`, hosting.GrantNone, false},
		"in a signature":       {`<div class="gmail_signature">` + allowed + "</div>", hosting.GrantNone, false},
	} {
		e := parseHTML(test.body)
		if grant(e) != test.want || unclear(e, hosting.FieldPower) != test.unclear {
			t.Errorf("%s: grant %q, unclear %+v, text %q", name, grant(e), e.Fields.Unclear, e.Text)
		}
	}
}

func TestParse_HTMLIsRecognized(t *testing.T) {
	t.Parallel()
	for _, contentType := range []string{"", "text/plain", "text/html", "TEXT/HTML; charset=utf-8", "broken; ;"} {
		e := ticket.Parse(ticket.Incoming{ContentType: contentType, Body: " <html><body><p>Server: DS-1</p></body></html>"}, provider)
		if e.Fields.Server != "DS-1" || e.Text != "Server: DS-1" {
			t.Errorf("%q: server %q, text %q", contentType, e.Fields.Server, e.Text)
		}
	}
	if e := parse("Details: a < b and <tag> stay"); e.Fields.Details != "a < b and <tag> stay" {
		t.Errorf("details %q", e.Fields.Details)
	}
}

// The zero value of an answer is none, and both answers are none (I9).
func TestParse_Backup_I9(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		body    string
		want    hosting.BackupAnswer
		unclear bool
	}{
		"exists":        {"Backup status: " + backup, hosting.BackupCurrent, false},
		"loss accepted": {"Backup: " + loss, hosting.BackupLossOkay, false},
		"both":          {backup + "\n" + loss, hosting.BackupNone, true},
		"yes":           {"Backup: yes", hosting.BackupNone, true},
		"not given":     {"Backup: n/a", hosting.BackupNone, false},
		"nothing":       {"hello", hosting.BackupNone, false},
	} {
		e := parse(test.body)
		got := hosting.BackupNone
		if e.Fields.Backup != nil {
			got = e.Fields.Backup.Answer
		}
		if got != test.want || unclear(e, hosting.FieldBackup) != test.unclear {
			t.Errorf("%s: %q, unclear %+v", name, got, e.Fields.Unclear)
		}
	}
}

func TestParse_Evidence_I8(t *testing.T) {
	t.Parallel()
	e := parse("Ciao,\n\n* Autorizzo “Handrail” no\n\n* **AUTORIZZO Handrail  Hosting a spegnere, accendere\ne riavviare questo server in qualsiasi momento**")
	if e.Fields.Power == nil {
		t.Fatalf("no permission: %+v", e.Fields)
	}
	got := e.Fields.Power.Evidence
	want := hosting.Evidence{
		Statement: hosting.PowerAllowed, Version: 1, Language: hosting.Italian,
		Text:   "AUTORIZZO Handrail Hosting a spegnere, accendere\ne riavviare questo server in qualsiasi momento",
		Author: "john@example.com", At: at, Message: "m-1",
	}
	if got != want {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	if err := got.Validate(); err != nil {
		t.Error(err)
	}
	if e.Language != hosting.Italian {
		t.Errorf("language %q", e.Language)
	}
}

func TestParse_WindowReasons_I7(t *testing.T) {
	t.Parallel()
	form := hosting.StatementText(hosting.PowerWindow, hosting.Polish, provider)
	fill := func(from, to, zone string) string {
		s := strings.Replace(form, "YYYY-MM-DD HH:MM", from, 1)
		return strings.NewReplacer("YYYY-MM-DD HH:MM", to, "Kontynent/Miasto", zone).Replace(s)
	}
	for name, test := range map[string]struct{ body, why string }{
		"good":           {fill("22.11.2026 02:00", "2026-11-22T05:00", "europe/warsaw"), ""},
		"not filled in":  {form, "is not"},
		"backwards":      {fill("2026-11-22 05:00", "2026-11-22 02:00", "Europe/Warsaw"), "is empty"},
		"no such zone":   {fill("2026-11-22 02:00", "2026-11-22 05:00", "Warszawa"), "time zone"},
		"no such day":    {fill("2026-02-30 02:00", "2026-03-22 05:00", "Europe/Warsaw"), "not a date"},
		"hour not there": {fill("2026-03-29 02:10", "2026-03-29 02:50", "Europe/Warsaw"), "is empty"},
	} {
		e := parse("Zgoda: " + test.body)
		if (e.Fields.Power != nil) != (test.why == "") {
			t.Errorf("%s: %+v", name, e.Fields)
			continue
		}
		if test.why != "" && (len(e.Fields.Unclear) != 1 || !strings.Contains(e.Fields.Unclear[0].Why, test.why)) {
			t.Errorf("%s: %+v", name, e.Fields.Unclear)
		}
	}
}

func TestParse_Labels_I16(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		body string
		want hosting.RequestFields
	}{
		"on the next lines":     {"Server:\nDS-1\n\nProblem:\n\nfirst line\nsecond line\n\nthird", hosting.RequestFields{Server: "DS-1", Details: "first line\nsecond line\n\nthird"}},
		"numbered and bold":     {"1. **Server:** DS-1\n2) __Reason__: firewall\n(3) *Details* – it is closed", hosting.RequestFields{Server: "DS-1", Reason: hosting.ReasonNetwork, Details: "it is closed"}},
		"headings":              {"## Server\nDS-1\n\n### Opis\nzawiesił się", hosting.RequestFields{Server: "DS-1", Details: "zawiesił się"}},
		"mixed languages":       {"Serwer: DS-1\nMotivo: non risponde\nDetails: x", hosting.RequestFields{Server: "DS-1", Reason: hosting.ReasonUnresponsive, Details: "x"}},
		"the first wins":        {"Server: web1.example\nServer: web2.example\nDetails: a\nDetails: b", hosting.RequestFields{Server: "web1.example", Details: "a"}},
		"details of many kinds": {"Problem: a\nError message: b\nRequested action: c", hosting.RequestFields{Details: "a\nError message: b\nRequested action: c"}},
		"our form, not filled":  {"Server: server id / IP\nDetails: ...\nRemote tools tried: ...\nReason:", hosting.RequestFields{}},
		"a colon in the text":   {"Details: error: no space left\nnote: it is urgent", hosting.RequestFields{Details: "error: no space left\nnote: it is urgent"}},
		"a closing ends":        {"Details: a\nThanks,\nServer team", hosting.RequestFields{Details: "a"}},
		"tools in one line":     {"Remote tools tried: ssh and IPMI", hosting.RequestFields{FailedTools: []hosting.RemoteTool{hosting.ToolSSH, hosting.ToolIPMI}}},
		"tools: none":           {"Remote tools tried: none", hosting.RequestFields{}},
		"a statement ends":      {"Details: a.\n" + backup + "\nb", hosting.RequestFields{Details: "a.", Backup: &hosting.BackupStatement{Answer: hosting.BackupCurrent}}},
	} {
		got := parse(test.body).Fields
		if got.Backup != nil {
			got.Backup.Evidence = hosting.Evidence{}
		}
		gotJSON, wantJSON := asJSON(t, got), asJSON(t, test.want)
		if gotJSON != wantJSON {
			t.Errorf("%s:\n got %s\nwant %s", name, gotJSON, wantJSON)
		}
	}
}

func TestParse_UnclearFields_I16(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		body  string
		field hosting.Field
	}{
		"reason":               {"Reason: because", hosting.FieldReason},
		"all reasons":          {"Reason: Server unresponsive\nReason: Diagnostics", hosting.FieldReason},
		"tools":                {"Remote tools tried: telepathy", hosting.FieldFailedTools},
		"two servers":          {"Server: DS-1\nServer: DS-2", hosting.FieldServer},
		"other than the title": {"Server: DS-2", hosting.FieldServer},
	} {
		in := ticket.Incoming{Body: test.body}
		if name == "other than the title" {
			in.Subject = hosting.Subject(hosting.ServerIntervention, hosting.English, "DS-1")
		}
		e := ticket.Parse(in, provider)
		if !unclear(e, test.field) || e.Fields.Reason != "" || e.Fields.Server != "" || e.Fields.FailedTools != nil {
			t.Errorf("%s: %+v", name, e.Fields)
		}
	}
}

func TestParse_Language(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		subject, body string
		want          hosting.Language
	}{
		"subject first": {"Odp: Prośba o interwencję na serwerze - [DS-1]", "Details: x", hosting.Polish},
		"labels":        {"help", "Motivo: x\nDettagli: y", hosting.Italian},
		"statement":     {"help", statement(hosting.PowerRefused, hosting.Polish), hosting.Polish},
		"most":          {"help", "Details: x\nMotivo: x\nDettagli: y", hosting.Italian},
		"shared label":  {"help", "Server: DS-1", ""},
		"nothing":       {"", "", ""},
	} {
		if e := ticket.Parse(ticket.Incoming{Subject: test.subject, Body: test.body}, provider); e.Language != test.want {
			t.Errorf("%s: %q, want %q", name, e.Language, test.want)
		}
	}
}

func TestParse_Event_H10(t *testing.T) {
	t.Parallel()
	in := ticket.Incoming{ID: " m-1\n", Ticket: "T-1", Author: "a@b.c", At: at, Kind: hosting.TicketClosed, Subject: "a\r\n b"}
	want := hosting.TicketEvent{ID: "m-1", Ticket: "T-1", Author: "a@b.c", At: at, Kind: hosting.TicketClosed, Subject: "a b"}
	if got := asJSON(t, ticket.Parse(in, provider)); got != asJSON(t, want) {
		t.Errorf("got %s", got)
	}
	if got := ticket.Parse(ticket.Incoming{}, provider).Kind; got != hosting.TicketMessage {
		t.Errorf("kind %q", got)
	}
}

func asJSON(t interface {
	Helper()
	Fatal(...any)
}, v any,
) string {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
