package ticketdesk_test

import (
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/handrail/handrail/activities/desk"
	"github.com/handrail/handrail/activities/desk/httpdesk"
	"github.com/handrail/handrail/activities/desk/signature"
	"github.com/handrail/handrail/dev/ticketdesk"
	"github.com/handrail/handrail/hosting"
)

const secret = signature.Secret("the secret of the desk's own tests")

const (
	ann    = "ann@acme.example"
	giulia = "giulia@rossi.example"
)

func config(t *testing.T) ticketdesk.Config {
	t.Helper()
	return ticketdesk.Config{
		Address: "127.0.0.1:0", Secret: secret, DataFile: filepath.Join(t.TempDir(), "deeper", "desk.json"), Provider: "Example & Sons Hosting",
		Contacts: ticketdesk.Contacts([]hosting.Organization{
			{ID: "acme", Name: "Acme", Contacts: []hosting.Contact{
				{Name: "Ann", Email: ann, Language: hosting.English, Active: true}, {Name: "Gone", Email: "gone@acme.example"},
			}},
			{ID: "rossi", Name: "Rossi", Contacts: []hosting.Contact{{Name: "Giulia", Email: giulia, Language: hosting.Italian, Active: true}}},
		}),
		Servers: []hosting.Server{
			{ServiceID: "DS-1042", Name: "web", Organization: "acme"}, {ServiceID: "DS-2001", Name: "gestionale", Organization: "rossi"},
		},
		Logger: slog.New(slog.DiscardHandler),
	}
}

func start(t *testing.T, c ticketdesk.Config) *ticketdesk.Desk {
	t.Helper()
	d, err := ticketdesk.Start(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.Close)
	return d
}

func client(t *testing.T, d *ticketdesk.Desk) *httpdesk.Client {
	t.Helper()
	c, err := httpdesk.New(httpdesk.Config{URL: d.Endpoint(), Secret: secret})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func create(t *testing.T, d *ticketdesk.Desk, contact string) string {
	t.Helper()
	id, err := d.Create(contact, "Server intervention request", "It hangs.")
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// eventually polls until f holds.
func eventually(t *testing.T, what string, f func() bool) {
	t.Helper()
	for deadline := time.Now().Add(15 * time.Second); !f(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("never happened: %s", what)
		}
	}
}

func TestCreate_NumbersFrom1001InTheContactsLanguage(t *testing.T) {
	t.Parallel()
	d := start(t, config(t))
	for i, contact := range []string{ann, giulia, "stranger@elsewhere.example"} {
		id := create(t, d, contact)
		th, err := d.Thread(id)
		want := []hosting.Language{hosting.English, hosting.Italian, hosting.English}[i]
		if err != nil || id != fmt.Sprint(1001+i) || th.Language != want || th.State != desk.Open || th.Messages[0].Author != contact {
			t.Errorf("ticket %s is %+v, %v", id, th, err)
		}
	}
}

func TestCreate_RefusesWhatADeskCanNotTake(t *testing.T) {
	t.Parallel()
	d := start(t, config(t))
	for name, c := range map[string]struct{ contact, subject, body string }{
		"no address":    {"Ann", "s", "b"},
		"two addresses": {ann + ", " + giulia, "s", "b"},
		"no subject":    {ann, " ", "b"},
		"no body":       {ann, "s", "\n"},
		"long subject":  {ann, strings.Repeat("x", 501), "b"},
		"long body":     {ann, "s", strings.Repeat("x", httpdesk.MaxBody+1)},
		"not UTF-8":     {ann, "s", "\xff"},
	} {
		if id, err := d.Create(c.contact, c.subject, c.body); err == nil {
			t.Errorf("%s: ticket %s was opened", name, id)
		}
	}
	if _, err := d.Thread("1001"); err == nil {
		t.Error("a refused ticket is there")
	}
	if err := d.Reply("1001", ann, "x"); err == nil {
		t.Error("a reply on a ticket that is not there was taken")
	}
}

func TestStart_KeepsTicketsOverARestart(t *testing.T) {
	t.Parallel()
	c := config(t)
	d := start(t, c)
	id := create(t, d, ann)
	if _, err := client(t, d).Post(t.Context(), desk.Message{Ticket: id, Kind: desk.Question, Key: "q", Body: "May we?"}); err != nil {
		t.Fatal(err)
	}
	before, _ := d.Thread(id)
	d.Close()

	again := start(t, c)
	after, err := again.Thread(id)
	if err != nil || after.State != desk.Waiting || !slices.Equal(after.Messages, before.Messages) {
		t.Fatalf("after the restart %+v, %v; want %+v", after, err, before)
	}
	if _, found, err := client(t, again).FindByKey(t.Context(), id, "q"); !found || err != nil {
		t.Errorf("the key is forgotten: %t, %v", found, err)
	}
	if next := create(t, again, ann); next != "1002" {
		t.Errorf("the next ticket is %s, want 1002", next)
	}
	if all := again.Tickets(); len(all) != 2 || all[0].ID != "1002" {
		t.Errorf("the tickets are %+v, want two, the latest first", all)
	}
	if leftover, _ := filepath.Glob(c.DataFile + ".*"); len(leftover) > 0 {
		t.Errorf("files are left over: %v", leftover)
	}
}

// What can not be written did not happen.
func TestReply_IsUndoneWhereTheFileCanNotBeWritten(t *testing.T) {
	t.Parallel()
	c := config(t)
	d := start(t, c)
	id := create(t, d, ann)
	folder := filepath.Dir(c.DataFile)
	if err := os.Rename(folder, folder+".away"); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(folder, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := d.Reply(id, ann, "lost"); err == nil {
		t.Fatal("the reply was taken though it could not be kept")
	}
	if th, err := d.Thread(id); err != nil || len(th.Messages) != 1 {
		t.Errorf("the ticket is %+v, %v; want it without the reply", th, err)
	}
	if err := os.Remove(folder); err != nil {
		t.Fatal(err)
	}
	if err := d.Reply(id, ann, "kept"); err != nil {
		t.Errorf("after the trouble: %v", err)
	}
}

func TestStart_SaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	taken := start(t, config(t))
	cases := map[string]func(*ticketdesk.Config){
		"not on loopback": func(c *ticketdesk.Config) { c.Address = "0.0.0.0:0" },
		"host:port":       func(c *ticketdesk.Config) { c.Address = "8090" },
		"gateway's URL":   func(c *ticketdesk.Config) { c.GatewayURL = "127.0.0.1:8080" },
		"data file":       func(c *ticketdesk.Config) { c.DataFile = "" },
		"provider":        func(c *ticketdesk.Config) { c.Provider = "" },
		"secret has 5":    func(c *ticketdesk.Config) { c.Secret = "short" },
		"e-mail address":  func(c *ticketdesk.Config) { c.Contacts[0].Email = "Ann" },
		"another one running": func(c *ticketdesk.Config) {
			c.Address = strings.TrimPrefix(taken.URL(), "http://")
		},
		"is damaged": func(c *ticketdesk.Config) { spoil(t, c.DataFile, `{"version":1,"tickets":[`) },
		"version 9":  func(c *ticketdesk.Config) { spoil(t, c.DataFile, `{"version":9}`) },
	}
	for says, f := range cases {
		c := config(t)
		f(&c)
		d, err := ticketdesk.Start(t.Context(), c)
		if err == nil {
			d.Close()
		}
		if err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%v, want it to say %q", err, says)
		}
	}
}

func spoil(t *testing.T, path, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestEndpoint_RefusesWhatIsNotSignedOrNotInTheContract(t *testing.T) {
	t.Parallel()
	d := start(t, config(t))
	post := func(h http.Header, body string) int {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, d.Endpoint(), strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header = h
		response, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		return response.StatusCode
	}
	sign := func(body string) http.Header {
		return signature.Sign(secret, time.Now(), signature.NewDelivery(), []byte(body))
	}
	for _, c := range []struct {
		header http.Header
		body   string
		status int
	}{
		{http.Header{}, `{"request":"find","key":"k"}`, http.StatusUnauthorized},
		{sign(`{"request":"find","key":"k"}`), `{"request":"find","key":"x"}`, http.StatusUnauthorized},
		{sign(`{"request":"drop"}`), `{"request":"drop"}`, http.StatusUnprocessableEntity},
		{sign(`{"request":"find"}`), `{"request":"find"}`, http.StatusUnprocessableEntity},
		{sign(`{"request":"find","key":"k","by":"me"}`), `{"request":"find","key":"k","by":"me"}`, http.StatusBadRequest},
		{sign(`<p>`), `<p>`, http.StatusBadRequest},
		{sign(`{"request":"find","key":"k"}`), `{"request":"find","key":"k"}`, http.StatusOK},
		{sign(`{"request":"read","ticket":"9999"}`), `{"request":"read","ticket":"9999"}`, http.StatusNotFound},
	} {
		if got := post(c.header, c.body); got != c.status {
			t.Errorf("%s: status %d, want %d", c.body, got, c.status)
		}
	}
}

func TestPost_ManyAtOnceWithOneKeyWriteOneMessage(t *testing.T) {
	t.Parallel()
	d := start(t, config(t))
	id, c := create(t, d, ann), client(t, d)
	var wg sync.WaitGroup
	for range 10 {
		wg.Go(func() {
			if _, err := c.Post(t.Context(), desk.Message{Ticket: id, Kind: desk.Answer, Key: "a", Body: "We begin."}); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if th, _ := d.Thread(id); len(th.Messages) != 2 {
		t.Errorf("%d messages, want the customer's and one of ours", len(th.Messages))
	}
}
