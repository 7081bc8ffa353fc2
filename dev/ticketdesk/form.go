package ticketdesk

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/handrail/handrail/hosting"
)

// request is what a newcomer chooses for a new ticket before its text is
// prepared.
type request struct {
	Contact   string // e-mail address
	Procedure hosting.Procedure
	Language  hosting.Language
	Server    string // service id
	Power     string // a statement's kind; empty leaves the question open
	Backup    string
	// The rest is for a reinstallation. System is a title, RAID in the customer's
	// words; empty leaves them open.
	System, RAID string
	Key, Erase   bool
}

// requestTexts is what the customers of each language say of their trouble, and
// which of their ways in have failed.
var requestTexts = map[hosting.Language]struct{ details, tools string }{
	hosting.English: {
		details: "The server has not answered since this morning. Please restart it and check that it comes up again.",
		tools:   "SSH, control panel",
	},
	hosting.Italian: {
		details: "Il server non risponde da questa mattina. Vi prego di riavviarlo e di verificare che riparta.",
		tools:   "SSH, pannello di controllo",
	},
	hosting.Polish: {
		details: "Serwer nie odpowiada od dzisiejszego rana. Proszę o ponowne uruchomienie i sprawdzenie, czy działa.",
		tools:   "SSH, panel klienta",
	},
}

// RequestText is a request for an intervention as a customer of that language
// would write it, with the answers to the questions for power and backup that
// are given; empty leaves a question open.
func RequestText(l hosting.Language, server, provider string, power, backup hosting.StatementKind) (subject, body string) {
	return request{Language: l, Server: server, Power: string(power), Backup: string(backup)}.text(provider, time.Now())
}

// text prepares subject and body of a ticket.
func (q request) text(provider string, now time.Time) (subject, body string) {
	if q.Procedure == hosting.OSReinstall {
		r := Reinstallation{System: q.System, RAID: q.RAID, Power: hosting.StatementKind(q.Power), Backup: hosting.StatementKind(q.Backup), Erase: q.Erase}
		if q.Key {
			r.SSHKeys = []string{SampleKey}
		}
		return r.text(q.Language, q.Server, provider, now)
	}
	lines := []string{
		labelled(hosting.FieldServer, q.Language, q.Server),
		labelled(hosting.FieldReason, q.Language, hosting.ReasonText(hosting.ReasonUnresponsive, q.Language)),
		labelled(hosting.FieldFailedTools, q.Language, requestTexts[q.Language].tools),
		labelled(hosting.FieldDetails, q.Language, requestTexts[q.Language].details),
	}
	lines = append(lines, statementLines(q.Language, provider, now, hosting.StatementKind(q.Power), hosting.StatementKind(q.Backup))...)
	return hosting.Subject(hosting.ServerIntervention, q.Language, q.Server), strings.Join(lines, "\n\n") + "\n"
}

// statementLines are those of the statements that are chosen.
func statementLines(l hosting.Language, provider string, now time.Time, power, backup hosting.StatementKind) (lines []string) {
	for _, s := range statementChoices {
		if s.kind == power || s.kind == backup {
			lines = append(lines, s.line(l, provider, now))
		}
	}
	return lines
}

func labelled(f hosting.Field, l hosting.Language, value string) string {
	return hosting.Label(f, l) + ": " + value
}

// newTicket is what the page for a new ticket shows.
type newTicket struct {
	request
	Subject, Body   string
	Contacts        []Contact
	Languages       []hosting.Language
	Own, Others     []hosting.Server // those of the contact's organization, and all others
	Powers, Backups []statementChoice
	Kinds           []kindChoice
	Systems, Levels []string
}

// kindChoice is something that a ticket can ask for.
type kindChoice struct {
	Procedure hosting.Procedure
	Title     string
	Link      string // to the form for it
}

// kinds are the choices, with what has been chosen so far.
func (q request) kinds() []kindChoice {
	all := []kindChoice{{Procedure: hosting.ServerIntervention, Title: "Server intervention"}, {Procedure: hosting.OSReinstall, Title: "OS reinstallation"}}
	for i, k := range all {
		v := url.Values{"for": {string(k.Procedure)}, "contact": {q.Contact}, "language": {string(q.Language)}, "server": {q.Server}}
		all[i].Link = "/new?" + v.Encode()
	}
	return all
}

func (d *Desk) showForm(w http.ResponseWriter, r *http.Request) {
	q := d.chosen(r.URL.Query())
	content := newTicket{
		request: q, Contacts: d.config.Contacts, Languages: hosting.Languages(), Kinds: q.kinds(), Systems: d.config.Systems, Levels: levels(q.Language),
	}
	content.Own, content.Others = d.serversFor(q.Contact)
	for _, s := range statementChoices {
		if s.field == hosting.FieldPower {
			content.Powers = append(content.Powers, s)
		} else {
			content.Backups = append(content.Backups, s)
		}
	}
	content.Subject, content.Body = q.text(d.config.Provider, time.Now())
	d.show(w, http.StatusOK, "new.html", page{Title: "New ticket", Content: content})
}

// chosen reads the choices; what is not chosen or not known is set to what
// suits: the first contact, this contact's language and first server.
func (d *Desk) chosen(query url.Values) request {
	q := request{
		Contact: query.Get("contact"), Language: hosting.Language(query.Get("language")), Server: query.Get("server"),
		Power: query.Get("power"), Backup: query.Get("backup"), Procedure: hosting.ServerIntervention,
	}
	if query.Get("for") == string(hosting.OSReinstall) {
		q.Procedure = hosting.OSReinstall
		q.Key, q.Erase = query.Get("key") == "sample", query.Get("erase") == "accepted"
	}
	if d.organizationOf(q.Contact) == "" && len(d.config.Contacts) > 0 {
		q.Contact = d.config.Contacts[0].Email
	}
	if !q.Language.Known() {
		q.Language = d.languageOf(q.Contact)
	}
	q.System, q.RAID = oneOf(d.config.Systems, query.Get("system")), oneOf(levels(q.Language), query.Get("raid"))
	own, others := d.serversFor(q.Contact)
	for _, s := range append(own, others...) {
		if s.ServiceID == q.Server {
			return q
		}
	}
	q.Server = ""
	if len(own) > 0 {
		q.Server = own[0].ServiceID
	}
	return q
}

// oneOf returns the choice if it is one, and nothing else.
func oneOf(choices []string, choice string) string {
	if slices.Contains(choices, choice) {
		return choice
	}
	return ""
}

func (d *Desk) organizationOf(contact string) string {
	for _, c := range d.config.Contacts {
		if c.Email == contact {
			return c.Organization
		}
	}
	return ""
}

func (d *Desk) serversFor(contact string) (own, others []hosting.Server) {
	organization := d.organizationOf(contact)
	for _, s := range d.config.Servers {
		if s.Organization == organization {
			own = append(own, s)
		} else {
			others = append(others, s)
		}
	}
	return own, others
}

func (d *Desk) takeTicket(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil {
		d.showError(w, fmt.Errorf("the form could not be read: %w", err))
		return
	}
	language := hosting.Language(r.PostForm.Get("language"))
	if !language.Known() {
		language = d.languageOf(r.PostForm.Get("contact"))
	}
	id, err := d.create(r.PostForm.Get("contact"), language, r.PostForm.Get("subject"), r.PostForm.Get("body"))
	if err != nil {
		d.showError(w, err)
		return
	}
	http.Redirect(w, r, "/tickets/"+id, http.StatusSeeOther)
}
