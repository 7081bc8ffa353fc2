package mailbox

import (
	"bytes"
	"embed"
	"html/template"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"time"
)

//go:embed pages
var pages embed.FS

var templates = template.Must(template.ParseFS(pages, "pages/*.html"))

// The content security policies. A page of ours loads nothing but its style and
// the frame with a mail. The mail is what somebody else wrote: it may be styled
// and hold pictures of its own, and may do nothing at all.
const (
	pagePolicy = "default-src 'none'; style-src 'self'; frame-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
	mailPolicy = "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
)

// web shows the mails of a store.
type web struct {
	store *store
	smtp  string
}

func newWebServer(s *store, smtpAddr string, logger *slog.Logger) *http.Server {
	w := &web{store: s, smtp: smtpAddr}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", w.list)
	mux.HandleFunc("GET /message/{id}", w.message)
	mux.HandleFunc("GET /message/{id}/html", w.html)
	mux.HandleFunc("GET /message/{id}/raw", w.raw)
	mux.HandleFunc("GET /style.css", style)
	return &http.Server{
		Handler:           guard(mux),
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       10 * time.Second,
		WriteTimeout:      30 * time.Second,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    16 << 10,
		ErrorLog:          slog.NewLogLogger(logger.Handler(), slog.LevelWarn),
	}
}

// guard sets what holds for every answer, and refuses requests under another
// name than loopback's: a page elsewhere could otherwise have its own name
// resolve to loopback and read the mails.
func guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host, _, err := net.SplitHostPort(r.Host)
		if err != nil {
			host = r.Host
		}
		if ip, err := netip.ParseAddr(host); host != "localhost" && (err != nil || !ip.IsLoopback()) {
			http.Error(w, "the mailbox answers on loopback only", http.StatusMisdirectedRequest)
			return
		}
		h := w.Header()
		h.Set("Content-Security-Policy", pagePolicy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cache-Control", "no-store")
		next.ServeHTTP(w, r)
	})
}

func (p *web) list(w http.ResponseWriter, _ *http.Request) {
	render(w, "list.html", struct {
		SMTP     string
		Kept     int
		Messages []Message
	}{p.smtp, keepMessages, p.store.list()})
}

func (p *web) message(w http.ResponseWriter, r *http.Request) {
	if m, ok := p.find(w, r); ok {
		render(w, "message.html", m)
	}
}

func (p *web) html(w http.ResponseWriter, r *http.Request) {
	if m, ok := p.find(w, r); ok {
		w.Header().Set("Content-Security-Policy", mailPolicy)
		send(w, "text/html; charset=utf-8", []byte(m.HTML))
	}
}

func (p *web) raw(w http.ResponseWriter, r *http.Request) {
	if m, ok := p.find(w, r); ok {
		send(w, "text/plain; charset=utf-8", m.Raw)
	}
}

// find returns the mail that the address names, or answers that there is none.
func (p *web) find(w http.ResponseWriter, r *http.Request) (Message, bool) {
	id, err := strconv.Atoi(r.PathValue("id"))
	m, ok := p.store.find(id)
	if err != nil || !ok {
		http.Error(w, "there is no such mail, or no longer", http.StatusNotFound)
		return Message{}, false
	}
	return m, true
}

func style(w http.ResponseWriter, _ *http.Request) {
	text, err := pages.ReadFile("pages/style.css")
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	send(w, "text/css; charset=utf-8", text)
}

// render writes a page once it is complete.
func render(w http.ResponseWriter, name string, data any) {
	var page bytes.Buffer
	if err := templates.ExecuteTemplate(&page, name, data); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	send(w, "text/html; charset=utf-8", page.Bytes())
}

func send(w http.ResponseWriter, kind string, body []byte) {
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.Write(body)
}
