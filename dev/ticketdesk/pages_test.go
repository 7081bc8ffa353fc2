package ticketdesk_test

import (
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"github.com/handrail/handrail/activities/desk"
	"github.com/handrail/handrail/activities/desk/ticket"
	"github.com/handrail/handrail/dev/ticketdesk"
	"github.com/handrail/handrail/hosting"
)

// document is a page as a browser understands it.
type document struct {
	status int
	header http.Header
	root   *html.Node
}

func ask(t *testing.T, r *http.Request) document {
	t.Helper()
	browser := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	response, err := browser.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	root, err := html.Parse(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return document{response.StatusCode, response.Header, root}
}

func get(t *testing.T, address string) document {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	return ask(t, r)
}

func submit(t *testing.T, address string, form url.Values, headers ...string) document {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, address, strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	for pair := range slices.Chunk(headers, 2) {
		r.Header.Set(pair[0], pair[1])
	}
	return ask(t, r)
}

// all returns the elements of a name.
func (d document) all(name string) []*html.Node {
	var found []*html.Node
	for n := range d.root.Descendants() {
		if n.Type == html.ElementNode && n.Data == name {
			found = append(found, n)
		}
	}
	return found
}

func attribute(n *html.Node, name string) (string, bool) {
	i := slices.IndexFunc(n.Attr, func(a html.Attribute) bool { return a.Key == name })
	if i < 0 {
		return "", false
	}
	return n.Attr[i].Val, true
}

func text(n *html.Node) string {
	var b strings.Builder
	for d := range n.Descendants() {
		if d.Type == html.TextNode {
			b.WriteString(d.Data)
		}
	}
	return b.String()
}

func (d document) refreshes() bool {
	return slices.ContainsFunc(d.all("meta"), func(n *html.Node) bool {
		v, _ := attribute(n, "http-equiv")
		return v == "refresh"
	})
}

// field returns the value of a control of a form.
func (d document) field(t *testing.T, id string) string {
	t.Helper()
	for _, n := range slices.Concat(d.all("input"), d.all("textarea")) {
		if got, _ := attribute(n, "id"); got == id {
			if n.Data == "textarea" {
				return text(n)
			}
			value, _ := attribute(n, "value")
			return value
		}
	}
	t.Fatalf("the page has no control %s", id)
	return ""
}

// hostile breaks out of text, of attributes and of a textarea where escaping is
// forgotten.
const hostile = `</textarea></title>"'><script>alert(1)</script><img src=x onerror=alert(2)><a href="javascript:alert(3)">x</a>{{.Provider}}<meta http-equiv=refresh content=0>`

func TestPages_EscapeHostileContent(t *testing.T) {
	t.Parallel()
	c := config(t)
	c.Provider = `Evil "Hosting" <script>alert(4)</script>`
	c.Contacts[0].Name = hostile
	c.Servers[0].Name = hostile
	d := start(t, c)
	if _, err := d.Create(ann, hostile, hostile); err != nil {
		t.Fatal(err)
	}
	for _, kind := range []desk.MessageKind{desk.Answer, desk.Note} {
		if _, err := client(t, d).Post(t.Context(), desk.Message{Ticket: "1001", Kind: kind, Key: string(kind), Body: hostile}); err != nil {
			t.Fatal(err)
		}
	}
	for _, path := range []string{"/", "/tickets/1001", "/tickets/1001?write", "/new", "/tickets/" + url.PathEscape(hostile), "/new?contact=" + url.QueryEscape(hostile) + "&server=" + url.QueryEscape(hostile), "/tickets/1001?write=" + url.QueryEscape(hostile)} {
		page := get(t, d.URL()+path)
		if n := len(page.all("script")) + len(page.all("style")) + len(page.all("iframe")); n > 0 {
			t.Errorf("%s: %d elements broke out", path, n)
		}
		for n := range page.root.Descendants() {
			for _, a := range n.Attr {
				if strings.HasPrefix(a.Key, "on") || strings.HasPrefix(strings.ToLower(a.Val), "javascript:") {
					t.Errorf("%s: attribute %s=%q", path, a.Key, a.Val)
				}
			}
		}
		if len(page.all("img")) != 1 || len(page.all("meta")) > 3 {
			t.Errorf("%s: %d images and %d meta elements", path, len(page.all("img")), len(page.all("meta")))
		}
		if csp := page.header.Get("Content-Security-Policy"); !strings.HasPrefix(csp, "default-src 'none'") || strings.Contains(csp, "unsafe") {
			t.Errorf("%s: Content-Security-Policy %q", path, csp)
		}
	}
	if body := text(get(t, d.URL()+"/tickets/1001").root); !strings.Contains(body, hostile) {
		t.Error("the text does not stand on the page as it was written")
	}
}

func TestPages_RefuseFormsOfOtherSites(t *testing.T) {
	t.Parallel()
	d := start(t, config(t))
	id := create(t, d, ann)
	form := url.Values{"contact": {ann}, "body": {"forged"}, "subject": {"forged"}}
	for _, path := range []string{"/tickets", "/tickets/" + id + "/reply", "/tickets/" + id + "/close"} {
		for _, headers := range [][]string{
			{"Sec-Fetch-Site", "cross-site"},
			{"Sec-Fetch-Site", "same-site"},
			{"Origin", "https://evil.example"},
			{"Origin", "null"},
			{"Origin", "http://127.0.0.1:1"},
		} {
			if page := submit(t, d.URL()+path, form, headers...); page.status != http.StatusForbidden {
				t.Errorf("%s with %v: status %d, want 403", path, headers, page.status)
			}
		}
	}
	if th, _ := d.Thread(id); len(th.Messages) != 1 || th.State != desk.Open {
		t.Errorf("the ticket is %+v", th)
	}
	if page := submit(t, d.URL()+"/tickets/"+id+"/reply", form, "Sec-Fetch-Site", "same-origin", "Origin", d.URL()); page.status != http.StatusSeeOther {
		t.Errorf("the desk's own form: status %d, want 303", page.status)
	}
}

// A name of somebody else's that resolves to this machine must not open it.
func TestPages_AnswerUnderLocalNamesOnly(t *testing.T) {
	t.Parallel()
	d := start(t, config(t))
	for host, want := range map[string]int{
		"evil.example": http.StatusMisdirectedRequest, "localhost.evil.example:80": http.StatusMisdirectedRequest, "192.0.2.1": http.StatusMisdirectedRequest,
		"localhost:8090": http.StatusOK, "127.0.0.1": http.StatusOK, "[::1]:8090": http.StatusOK,
	} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, d.URL(), nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Host = host
		if page := ask(t, r); page.status != want {
			t.Errorf("under the name %s: status %d, want %d", host, page.status, want)
		}
	}
}

func TestPages_LimitForms(t *testing.T) {
	t.Parallel()
	d := start(t, config(t))
	create(t, d, ann)
	for size, want := range map[int]int{300 << 10: http.StatusUnprocessableEntity, 2 << 20: http.StatusRequestEntityTooLarge} {
		page := submit(t, d.URL()+"/tickets/1001/reply", url.Values{"contact": {ann}, "body": {strings.Repeat("x", size)}})
		if page.status != want {
			t.Errorf("a reply of %d bytes: status %d, want %d", size, page.status, want)
		}
	}
	for path, want := range map[string]int{"/tickets/7": http.StatusNotFound, "/tickets/01001": http.StatusNotFound, "/nothing": http.StatusNotFound} {
		if page := get(t, d.URL()+path); page.status != want {
			t.Errorf("%s: status %d, want %d", path, page.status, want)
		}
	}
}

// From the empty desk to the closed ticket, with forms only.
func TestPages_LetANewcomerBeTheCustomer(t *testing.T) {
	t.Parallel()
	d := start(t, config(t))
	form := get(t, d.URL()+"/new?contact="+giulia)
	sent := submit(t, d.URL()+"/tickets", url.Values{
		"contact": {giulia}, "language": {"it"}, "subject": {form.field(t, "subject")}, "body": {form.field(t, "body")},
	})
	if sent.status != http.StatusSeeOther || sent.header.Get("Location") != "/tickets/1001" {
		t.Fatalf("status %d to %s", sent.status, sent.header.Get("Location"))
	}
	if _, err := client(t, d).Post(t.Context(), desk.Message{Ticket: "1001", Kind: desk.Question, Key: "q", Body: "Possiamo?"}); err != nil {
		t.Fatal(err)
	}
	page := get(t, d.URL()+"/tickets/1001")
	if !strings.Contains(text(page.root), "Waiting for customer") || !strings.Contains(text(page.root), "Possiamo?") || !page.refreshes() {
		t.Errorf("the page of the waiting ticket reads %s", text(page.root))
	}
	for _, still := range []string{"?write", "?write=power-window", "?still"} {
		if get(t, d.URL()+"/tickets/1001"+still).refreshes() {
			t.Errorf("the page loads itself under somebody's hands with %s", still)
		}
	}
	if draft := get(t, d.URL()+"/tickets/1001?write=loss-accepted").field(t, "body"); !strings.Contains(draft, hosting.StatementText(hosting.LossAccepted, hosting.Italian, "Example & Sons Hosting")) {
		t.Errorf("the draft is %q", draft)
	}
	submit(t, d.URL()+"/tickets/1001/reply", url.Values{"contact": {giulia}, "body": {"Sì"}})
	submit(t, d.URL()+"/tickets/1001/close", url.Values{"contact": {giulia}})
	th, err := d.Thread("1001")
	if err != nil || th.State != desk.Closed || th.Language != hosting.Italian || len(th.Messages) != 3 || th.Messages[2].Body != "Sì" {
		t.Errorf("the ticket is %+v, %v", th, err)
	}
}

// Every ready-made answer is, behind its label, a statement that counts.
func TestPages_ReadyMadeAnswersAreKnownStatements_I8(t *testing.T) {
	t.Parallel()
	c := config(t)
	d := start(t, c)
	for _, language := range hosting.Languages() {
		id := createIn(t, d, language)
		var said []hosting.StatementKind
		for _, kind := range []string{"both", "power-allowed", "power-window", "power-refused", "backup-exists", "loss-accepted"} {
			event := parse(get(t, d.URL()+"/tickets/"+id+"?write="+kind).field(t, "body"), "Re: request", c.Provider)
			if p := event.Fields.Power; p != nil {
				said = append(said, p.Evidence.Statement)
				if err := p.Permission.Validate(); err != nil {
					t.Errorf("%s in %s: %v", kind, language, err)
				}
			}
			if b := event.Fields.Backup; b != nil {
				said = append(said, b.Evidence.Statement)
			}
			if len(event.Fields.Unclear) > 0 {
				t.Errorf("%s in %s is unclear: %+v", kind, language, event.Fields.Unclear)
			}
		}
		want := []hosting.StatementKind{
			hosting.PowerAllowed, hosting.BackupExists, hosting.PowerAllowed, hosting.PowerWindow, hosting.PowerRefused, hosting.BackupExists, hosting.LossAccepted,
		}
		if !slices.Equal(said, want) {
			t.Errorf("in %s the answers say %v, want %v", language, said, want)
		}
	}
}

// The prepared ticket answers everything, in each language, if so chosen.
func TestPages_PreparedTicketIsUnderstood_I15_I16(t *testing.T) {
	t.Parallel()
	c := config(t)
	d := start(t, c)
	for _, language := range hosting.Languages() {
		form := get(t, d.URL()+"/new?contact="+ann+"&power=power-window&backup=loss-accepted&language="+string(language))
		event := parse(form.field(t, "body"), form.field(t, "subject"), c.Provider)
		f := event.Fields
		if event.Procedure != hosting.ServerIntervention || f.Server != "DS-1042" || f.Reason != hosting.ReasonUnresponsive || f.Details == "" ||
			!slices.Equal(f.FailedTools, []hosting.RemoteTool{hosting.ToolSSH, hosting.ToolPanel}) || len(f.Unclear) > 0 {
			t.Errorf("in %s: %+v", language, event)
		}
		if f.Power == nil || f.Power.Permission.Grant != hosting.GrantWindow || f.Backup == nil || f.Backup.Answer != hosting.BackupLossOkay {
			t.Errorf("in %s: power %+v, backup %+v", language, f.Power, f.Backup)
		}
		if event.Language != language {
			t.Errorf("it is taken for %s, want %s", event.Language, language)
		}
	}
}

func parse(body, subject, provider string) hosting.TicketEvent {
	return ticket.Parse(ticket.Incoming{
		ID: "1", Kind: hosting.TicketMessage, Ticket: "1001", Subject: subject, Author: ann, ContentType: "text/plain; charset=utf-8", Body: body,
	}, provider)
}

func createIn(t *testing.T, d *ticketdesk.Desk, l hosting.Language) string {
	t.Helper()
	page := submit(t, d.URL()+"/tickets", url.Values{"contact": {ann}, "language": {string(l)}, "subject": {"s"}, "body": {"b"}})
	return strings.TrimPrefix(page.header.Get("Location"), "/tickets/")
}

// Every control has a label, every page a language, a title and one first
// heading, and everything that a page loads comes from the desk.
func TestPages_AreAccessibleAndComplete(t *testing.T) {
	t.Parallel()
	d := start(t, config(t))
	create(t, d, ann)
	for _, path := range []string{"/", "/new", "/new?for=OSReinstall", "/tickets/1001", "/tickets/1001?write", "/tickets/7"} {
		page := get(t, d.URL()+path)
		if lang, _ := attribute(page.all("html")[0], "lang"); lang != "en" || len(page.all("h1")) != 1 || len(page.all("main")) != 1 || text(page.all("title")[0]) == "" {
			t.Errorf("%s lacks language, title, main or a single first heading", path)
		}
		labels := map[string]bool{}
		for _, n := range page.all("label") {
			id, _ := attribute(n, "for")
			labels[id] = true
		}
		for _, n := range slices.Concat(page.all("input"), page.all("select"), page.all("textarea")) {
			kind, _ := attribute(n, "type")
			if id, _ := attribute(n, "id"); kind != "hidden" && !labels[id] {
				t.Errorf("%s: the control %q has no label", path, id)
			}
		}
		for _, n := range page.all("link") {
			asset, _ := attribute(n, "href")
			if !strings.HasPrefix(asset, "/") || get(t, d.URL()+asset).status != http.StatusOK {
				t.Errorf("%s loads %s", path, asset)
			}
		}
	}
}

func TestPages_ShowThatHandrailDoesNotAnswer(t *testing.T) {
	t.Parallel()
	g := startGateway(t, always(http.StatusInternalServerError))
	c := config(t)
	c.GatewayURL = g.url
	d := start(t, c)
	create(t, d, ann)
	eventually(t, "the page says so", func() bool {
		return strings.Contains(text(get(t, d.URL()+"/tickets/1001").root), "Not yet delivered to Handrail")
	})
	r, err := http.Get(d.URL() + "/style.css")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	if css, _ := io.ReadAll(r.Body); r.Header.Get("Content-Type") != "text/css; charset=utf-8" || strings.Contains(string(css), "url(") {
		t.Error("the style sheet loads something, or is none")
	}
}
