package httpdesk_test

import (
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/handrail/handrail/activities/desk"
	"github.com/handrail/handrail/activities/desk/httpdesk"
	"github.com/handrail/handrail/hosting"
)

func jsonAnswer(body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, body)
	}
}

func status(code int, contentType, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", contentType)
		w.WriteHeader(code)
		_, _ = io.WriteString(w, body)
	}
}

// Whatever answers in the desk's place ends in a fault that says so.
func TestRead_SurvivesAnyAnswer(t *testing.T) {
	t.Parallel()
	message := `{"id":"1","ticket":"1001","kind":"customer","at":"2026-11-22T02:00:00Z","contentType":"text/plain","body":"x"}`
	cases := map[string]struct {
		answer http.HandlerFunc
		kind   hosting.FaultKind
		says   string
	}{
		"an HTML page with 200": {status(200, "text/html", "<h1>Log in</h1>"), hosting.FaultUnreachable, "text/html"},
		"an HTML page with 502": {status(502, "text/html", "<h1>Bad gateway</h1>"), hosting.FaultUnreachable, "502"},
		"a redirect": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://127.0.0.1:1/", http.StatusTemporaryRedirect)
		}, hosting.FaultUnreachable, "redirect"},
		"400":                    {status(400, "application/json", `{"error":"malformed"}`), hosting.FaultInvalidRequest, "malformed"},
		"401":                    {status(401, "application/json", `{}`), hosting.FaultNotAuthorized, "secret"},
		"404 without a reason":   {status(404, "text/html", "<h1>Not found</h1>"), hosting.FaultInvalidRequest, "404"},
		"409":                    {status(409, "application/json", `{"error":"locked"}`), hosting.FaultConflict, "locked"},
		"422":                    {status(422, "application/json", `{"error":"no such language"}`), hosting.FaultInvalidRequest, "no such language"},
		"429":                    {status(429, "application/json", `{}`), hosting.FaultUnreachable, "429"},
		"a reason with controls": {status(422, "application/json", `{"error":"\u001b[31mred\u0000"}`), hosting.FaultInvalidRequest, " [31mred"},
		"cut off JSON":           {jsonAnswer(`{"ticket":"10`), hosting.FaultUnsupported, "JSON"},
		"another shape":          {jsonAnswer(`[1,2,3]`), hosting.FaultUnsupported, "JSON"},
		"null":                   {jsonAnswer(`null`), hosting.FaultUnsupported, "another ticket"},
		"another ticket":         {jsonAnswer(`{"ticket":"1002"}`), hosting.FaultUnsupported, "another ticket"},
		"more, but none":         {jsonAnswer(`{"ticket":"1001","more":true}`), hosting.FaultUnsupported, "sends none"},
		"the same page for ever": {jsonAnswer(`{"ticket":"1001","more":true,"messages":[` + message + `]}`), hosting.FaultUnsupported, "twice"},
		"a message of another":   {jsonAnswer(`{"ticket":"1001","messages":[` + strings.Replace(message, "1001", "1", 1) + `]}`), hosting.FaultUnsupported, "other ticket"},
		"an endless answer":      {endless, hosting.FaultUnsupported, "longer than"},
		"endless new messages":   {newMessages(10), hosting.FaultUnsupported, "more than 1000 messages"},
		"endless long messages":  {newMessages(200_000), hosting.FaultUnsupported, "bytes"},
		"a broken connection":    {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, hosting.FaultUnreachable, "does not answer"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := httptest.NewServer(c.answer)
			t.Cleanup(server.Close)
			_, err := newClient(t, server.URL).Read(t.Context(), "1001")
			wantKind(t, err, c.kind, c.says, "1001")
			if strings.ContainsAny(err.Error(), "\x1b\x00") {
				t.Errorf("%q holds control characters", err)
			}
		})
	}
}

// endless never ends its answer; the client has to stop reading.
func endless(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	block := []byte(strings.Repeat(" ", 1<<20))
	for {
		if _, err := w.Write(block); err != nil {
			return
		}
	}
}

// newMessages answers every page with new messages of a size, and more.
func newMessages(size int) http.HandlerFunc {
	var n atomic.Int64
	return func(w http.ResponseWriter, _ *http.Request) {
		page := httpdesk.Response{Ticket: "1001", More: true}
		for range httpdesk.MaxPage {
			page.Messages = append(page.Messages, httpdesk.Message{ID: fmt.Sprint(n.Add(1)), Ticket: "1001", Kind: desk.Customer, Body: strings.Repeat("x", size)})
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(page)
	}
}

func TestClient_DoesNotBelieveAnyAnswer(t *testing.T) {
	t.Parallel()
	strange := jsonAnswer(`{"ticket":"a b","message":{"id":"1","ticket":"1002","kind":"answer","key":"other","at":"2026-11-22T02:00:00Z"}}`)
	server := httptest.NewServer(strange)
	t.Cleanup(server.Close)
	c, ctx := newClient(t, server.URL), t.Context()
	_, err := c.Post(ctx, desk.Message{Ticket: "1001", Kind: desk.Answer, Key: "k", Body: "x"})
	wantKind(t, err, hosting.FaultUnsupported, "1001")
	_, _, err = c.FindByKey(ctx, "1001", "k")
	wantKind(t, err, hosting.FaultUnsupported, "1001")
	_, err = c.Open(ctx, desk.NewTicket{Key: "k", Contact: ann, Subject: "s", Body: "b", Language: hosting.English})
	wantKind(t, err, hosting.FaultUnsupported, ann)
	wantKind(t, c.Close(ctx, "1001", "k"), hosting.FaultUnsupported, "1001")
}

func TestClient_DoesNotWaitForEver(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { <-release }))
	t.Cleanup(server.Close)
	t.Cleanup(func() { close(release) })
	c := newClient(t, server.URL, func(c *httpdesk.Config) { c.Timeout = 50 * time.Millisecond })
	_, err := c.Read(t.Context(), "1001")
	wantKind(t, err, hosting.FaultUnreachable, "1001")
}

func TestClient_VerifiesTheCertificate(t *testing.T) {
	t.Parallel()
	server := httptest.NewUnstartedServer(jsonAnswer(`{"ticket":"1001","state":"open"}`))
	server.Config.ErrorLog = discard()
	server.StartTLS()
	t.Cleanup(server.Close)
	_, err := newClient(t, server.URL).Read(t.Context(), "1001")
	wantKind(t, err, hosting.FaultUnreachable, "certificate")
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	if _, err := newClient(t, server.URL, func(c *httpdesk.Config) { c.CA = string(ca) }).Read(t.Context(), "1001"); err != nil {
		t.Errorf("with the right CA: %v", err)
	}
}

func TestNew_RefusesWhatCanNotBeMeant(t *testing.T) {
	t.Parallel()
	cases := map[string]httpdesk.Config{
		"scheme":      {URL: "http://desk.example.com/", Secret: secret},
		"URL":         {URL: "desk", Secret: secret},
		"user":        {URL: "https://user:pass@desk.example.com/", Secret: secret},
		"secret":      {URL: "https://desk.example.com/", Secret: "short"},
		"certificate": {URL: "https://desk.example.com/", Secret: secret, CA: "nonsense"},
	}
	for says, config := range cases {
		_, err := httpdesk.New(config)
		wantKind(t, err, hosting.FaultInvalidRequest, says)
		if strings.Contains(err.Error(), "pass") || strings.Contains(err.Error(), "short\"") {
			t.Errorf("%q quotes a secret", err)
		}
	}
}
