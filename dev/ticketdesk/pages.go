package ticketdesk

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"html/template"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/handrail/handrail/activities/desk"
	"github.com/handrail/handrail/activities/desk/httpdesk"
	"github.com/handrail/handrail/hosting"
)

//go:embed web
var web embed.FS

// maxForm bounds a form: a body of the longest kind, percent-encoded.
const maxForm = 3*httpdesk.MaxBody + 16<<10

// refresh is how often a page that waits for something loads itself, seconds.
const refresh = 4

var pages = template.Must(template.New("").Funcs(template.FuncMap{
	"state":    func(s desk.State) string { return stateNames[s] },
	"kind":     func(k desk.MessageKind) string { return kindNames[k] },
	"language": func(l hosting.Language) string { return languageNames[l] },
	"clock":    func(t time.Time) string { return t.UTC().Format("2 Jan 2006, 15:04:05") },
	"last":     func(m []httpdesk.Message) []httpdesk.Message { return m[max(0, len(m)-1):] },
	"machine":  func(t time.Time) string { return t.UTC().Format(time.RFC3339) },
}).ParseFS(web, "web/*.html"))

var (
	stateNames = map[desk.State]string{
		desk.Open: "Open", desk.Waiting: "Waiting for customer", desk.Closed: "Closed",
	}
	kindNames = map[desk.MessageKind]string{
		desk.Answer: "answered", desk.Question: "asks", desk.Summary: "sums up", desk.Note: "notes",
	}
	languageNames = map[hosting.Language]string{
		hosting.English: "English", hosting.Italian: "Italiano", hosting.Polish: "Polski",
	}
)

// page is what every template gets.
type page struct {
	Title    string
	Provider string
	Refresh  int // seconds; 0 stays
	Error    string
	Content  any
}

func (d *Desk) routes() http.Handler {
	forms := http.NewServeMux()
	forms.HandleFunc("GET /{$}", d.showTickets)
	forms.HandleFunc("GET /tickets/{id}", d.showTicket)
	forms.HandleFunc("POST /tickets/{id}/reply", d.takeReply)
	forms.HandleFunc("POST /tickets/{id}/close", d.takeClose)
	forms.HandleFunc("GET /new", d.showForm)
	forms.HandleFunc("POST /tickets", d.takeTicket)
	forms.HandleFunc("GET /style.css", serveAsset("web/style.css", "text/css; charset=utf-8"))
	forms.HandleFunc("GET /icon.svg", serveAsset("web/icon.svg", "image/svg+xml"))
	mux := http.NewServeMux()
	mux.Handle("/", http.NewCrossOriginProtection().Handler(guardPages(forms)))
	mux.Handle(EndpointPath, d.endpoint())
	return onlyLocalNames(mux)
}

// guardPages bounds forms and keeps other sites from using the pages.
func guardPages(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "same-origin")
		h.Set("Cache-Control", "no-store")
		r.Body = http.MaxBytesReader(w, r.Body, maxForm)
		next.ServeHTTP(w, r)
	})
}

// onlyLocalNames refuses requests under a name that is not this machine's own:
// a site could have its name resolve to 127.0.0.1 and so pass as this one.
func onlyLocalNames(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host := r.Host
		if name, _, err := net.SplitHostPort(host); err == nil {
			host = name
		}
		host = strings.Trim(host, "[]")
		if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
			http.Error(w, "this desk answers under the name localhost only", http.StatusMisdirectedRequest)
			return
		}
		next.ServeHTTP(w, r)
	})
}

func serveAsset(name, contentType string) http.HandlerFunc {
	data, err := web.ReadFile(name)
	if err != nil {
		panic(err) // it is embedded by this package
	}
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", contentType)
		_, _ = w.Write(data) // the client may be gone
	}
}

// show renders a page whole before any of it is sent.
func (d *Desk) show(w http.ResponseWriter, status int, name string, p page) {
	p.Provider = d.config.Provider
	var body bytes.Buffer
	if err := pages.ExecuteTemplate(&body, name, p); err != nil {
		d.config.Logger.Error("a page of the ticket desk could not be made", "page", name, "error", err)
		http.Error(w, "The page could not be made; the log says why.", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = body.WriteTo(w) // the client may be gone
}

func (d *Desk) showError(w http.ResponseWriter, err error) {
	status := http.StatusInternalServerError
	switch {
	case errors.Is(err, errNoTicket):
		status = http.StatusNotFound
	case errors.Is(err, errText), errors.Is(err, errContact):
		status = http.StatusUnprocessableEntity
	case errors.Is(err, errFull):
		status = http.StatusInsufficientStorage
	}
	if _, large := errors.AsType[*http.MaxBytesError](err); large {
		status = http.StatusRequestEntityTooLarge
	}
	d.show(w, status, "error.html", page{Title: http.StatusText(status), Error: sentence(err.Error())})
}

func sentence(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:] + "."
}

func (d *Desk) showTickets(w http.ResponseWriter, r *http.Request) {
	d.show(w, http.StatusOK, "tickets.html", page{Title: "Tickets", Refresh: refresh, Content: struct {
		Tickets []Ticket
		Names   map[string]string
	}{d.Tickets(), d.names()}})
}

// names are the contacts' names by their addresses.
func (d *Desk) names() map[string]string {
	names := make(map[string]string, len(d.config.Contacts))
	for _, c := range d.config.Contacts {
		names[c.Email] = c.Name
	}
	return names
}

// thread is what the page of a ticket shows.
type thread struct {
	Ticket
	Names    map[string]string
	Contacts []Contact
	Trouble  string // with the delivery to Handrail
	Answers  []answerChoice
	Writing  bool   // the customer is writing: the page must not load itself
	Draft    string // what the box for the reply starts with
	Still    bool   // the reader asked that the page stay as it is
	Watching string // the address of the page without any of that
}

func (d *Desk) showTicket(w http.ResponseWriter, r *http.Request) {
	t, err := d.tickets.ticket(r.PathValue("id"))
	if err != nil {
		d.showError(w, err)
		return
	}
	content := thread{
		Ticket: t, Names: d.names(), Contacts: d.contactsOf(t), Trouble: d.courier.trouble(t.ID),
		Answers: append(answers(t.Language, d.config.Provider, time.Now()), d.installAnswers(t)...), Watching: "/tickets/" + t.ID,
	}
	query := r.URL.Query()
	content.Still = query.Has("still")
	content.Writing = query.Has("write")
	for _, a := range content.Answers {
		if query.Get("write") == a.Name {
			content.Draft = a.Text
		}
	}
	p := page{Title: "Ticket " + t.ID, Content: content}
	if !content.Still && !content.Writing {
		p.Refresh = refresh
	}
	d.show(w, http.StatusOK, "ticket.html", p)
}

// contactsOf lists who can write on a ticket, its own contact first. Everybody
// can: what Handrail makes of a stranger's word is worth a try.
func (d *Desk) contactsOf(t Ticket) []Contact {
	own := Contact{Contact: hosting.Contact{Name: t.Contact, Email: t.Contact}}
	var others []Contact
	for _, c := range d.config.Contacts {
		if c.Email == t.Contact {
			own = c
		} else {
			others = append(others, c)
		}
	}
	return slices.Insert(others, 0, own)
}

func (d *Desk) takeReply(w http.ResponseWriter, r *http.Request) {
	id := r.PathValue("id")
	if err := r.ParseForm(); err != nil {
		d.showError(w, fmt.Errorf("the form could not be read: %w", err))
		return
	}
	if err := d.Reply(id, r.PostFormValue("contact"), r.PostFormValue("body")); err != nil {
		d.showError(w, err)
		return
	}
	http.Redirect(w, r, "/tickets/"+id+"#end", http.StatusSeeOther)
}

func (d *Desk) takeClose(w http.ResponseWriter, r *http.Request) {
	id := r.PathValue("id")
	if err := d.CloseTicket(id, r.PostFormValue("contact")); err != nil {
		d.showError(w, err)
		return
	}
	http.Redirect(w, r, "/tickets/"+id+"#end", http.StatusSeeOther)
}
