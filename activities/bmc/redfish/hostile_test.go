package redfish_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/handrail/handrail/activities/bmc/board"
	"github.com/handrail/handrail/activities/bmc/internal/redfishtest"
	"github.com/handrail/handrail/activities/bmc/redfish"
	"github.com/handrail/handrail/hosting"
)

var quick = redfish.Limits{Request: 500 * time.Millisecond, Body: 1 << 20, Requests: 60, Settle: 50 * time.Millisecond, SettlePoll: 10 * time.Millisecond}

// open serves the handler over TLS and returns a client for it.
func open(t testing.TB, h http.Handler, change ...func(*redfish.Config)) *redfish.Client {
	t.Helper()
	server := httptest.NewUnstartedServer(h)
	server.Config.ErrorLog = nil
	server.StartTLS()
	t.Cleanup(func() {
		server.CloseClientConnections()
		server.Close()
	})
	cfg := redfish.Config{
		Server: "srv-1", Secret: "file:srv-1", Address: strings.TrimPrefix(server.URL, "https://"),
		TLS:    hosting.BMCTLS{Fingerprint: redfishtest.Fingerprint(server)},
		Login:  board.Login{User: redfishtest.User, Password: redfishtest.Password},
		Limits: quick,
	}
	for _, f := range change {
		f(&cfg)
	}
	c, err := redfish.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// exchanges are all that can be done over Redfish.
var exchanges = map[string]func(context.Context, *redfish.Client) error{
	"power": func(ctx context.Context, c *redfish.Client) error { _, err := c.ReadPower(ctx); return err },
	"plan": func(ctx context.Context, c *redfish.Client) error {
		_, err := c.PlanReset(ctx, hosting.ActForcedOff)
		return err
	},
	"reset": func(ctx context.Context, c *redfish.Client) error { return c.SendReset(ctx, "ForceOff") },
	"boot": func(ctx context.Context, c *redfish.Client) error {
		_, err := c.SetBootOnce(ctx, board.Boot{Device: board.BootPXE})
		return err
	},
	"read boot": func(ctx context.Context, c *redfish.Client) error { _, err := c.ReadBoot(ctx); return err },
	"drive":     func(ctx context.Context, c *redfish.Client) error { _, err := c.HasDrive(ctx); return err },
	"clear":     func(ctx context.Context, c *redfish.Client) error { return c.ClearBoot(ctx) },
	"insert": func(ctx context.Context, c *redfish.Client) error {
		_, err := c.InsertMedia(ctx, "http://10.0.0.1/a.iso")
		return err
	},
	"eject":     func(ctx context.Context, c *redfish.Client) error { return c.EjectMedia(ctx) },
	"inventory": func(ctx context.Context, c *redfish.Client) error { _, err := c.ReadInventory(ctx); return err },
}

func status(code int, header ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		for i := 0; i < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.WriteHeader(code)
	}
}

func body(s string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, s) }
}

// Every input ends in one of the typed faults, within its deadline.
func TestHostile_Answers(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		h    http.HandlerFunc
		want hosting.FaultKind
	}{
		"HTML":              {body("<html><body>Sign in</body></html>"), hosting.FaultUnsupported},
		"empty":             {body(""), hosting.FaultUnsupported},
		"null":              {body("null"), hosting.FaultUnsupported},
		"array":             {body("[]"), hosting.FaultUnsupported},
		"empty object":      {body("{}"), hosting.FaultUnsupported},
		"no members":        {body(`{"Members":[]}`), hosting.FaultUnsupported},
		"members no list":   {body(`{"Members":"/redfish/v1/Systems/1"}`), hosting.FaultUnsupported},
		"members no links":  {body(`{"Members":[1,null,"x",{}]}`), hosting.FaultUnsupported},
		"truncated JSON":    {body(`{"Members":[{"@odata.id":"/redfish/v1/Sys`), hosting.FaultUnsupported},
		"deep JSON":         {body(strings.Repeat(`{"Members":`, 20000)), hosting.FaultUnsupported},
		"system is itself":  {body(`{"Members":[{"@odata.id":"/redfish/v1/Systems"}]}`), hosting.FaultUnsupported},
		"ring of pages":     {body(`{"Members":[],"Members@odata.nextLink":"/redfish/v1/Systems"}`), hosting.FaultUnsupported},
		"link to elsewhere": {body(`{"Members":[{"@odata.id":"https://evil.example/redfish/v1/Systems/1"}]}`), hosting.FaultUnsupported},
		"link upward":       {body(`{"Members":[{"@odata.id":"/redfish/v1/../../etc"}]}`), hosting.FaultUnsupported},
		"link without end":  {body(`{"Members":[{"@odata.id":"/` + strings.Repeat("a", 100000) + `"}]}`), hosting.FaultUnsupported},
		"wrong types":       {body(`{"Members":[{"@odata.id":"/a"}],"Id":{},"PowerState":7,"Actions":[],"Boot":3,"UUID":[],"Links":"x","Memory":5}`), hosting.FaultUnsupported},
		"400":               {status(400), hosting.FaultUnsupported},
		"401":               {status(401, "WWW-Authenticate", "Basic"), hosting.FaultUnsupported},
		"403":               {status(403), hosting.FaultUnsupported},
		"404":               {status(404), hosting.FaultUnsupported},
		"409":               {status(409), hosting.FaultUnreachable},
		"429":               {status(429), hosting.FaultUnreachable},
		"500":               {status(500), hosting.FaultUnreachable},
		"501":               {status(501), hosting.FaultUnsupported},
		"503":               {status(503, "Retry-After", "3600"), hosting.FaultUnreachable},
		"999":               {status(999), hosting.FaultUnsupported},
		"202 for a GET":     {status(202), hosting.FaultUnsupported},
		"redirect loop":     {func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, r.URL.Path+"x", http.StatusFound) }, hosting.FaultUnsupported},
		"redirect away":     {status(302, "Location", "https://127.0.0.2:1/redfish/v1"), hosting.FaultUnsupported},
		"redirect to http": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://"+r.Host+"/", http.StatusMovedPermanently)
		}, hosting.FaultUnsupported},
		"redirect nowhere": {status(302), hosting.FaultUnsupported},
		"hangs":            {func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, hosting.FaultUnreachable},
		"hangs in the body": {func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.WriteString(w, `{"Members":`)
			w.(http.Flusher).Flush()
			<-r.Context().Done()
		}, hosting.FaultUnreachable},
		"breaks off": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "500")
			_, _ = io.WriteString(w, `{"Members":`)
		}, hosting.FaultUnreachable},
		"closes": {func(w http.ResponseWriter, _ *http.Request) {
			conn, _, _ := w.(http.Hijacker).Hijack()
			conn.Close()
		}, hosting.FaultUnreachable},
		"not HTTP": {func(w http.ResponseWriter, _ *http.Request) {
			conn, _, _ := w.(http.Hijacker).Hijack()
			_, _ = io.WriteString(conn, "220 ready\r\n\r\n")
			conn.Close()
		}, hosting.FaultUnreachable},
		"endless header": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("X", strings.Repeat("x", 1<<20))
		}, hosting.FaultUnreachable},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for what, exchange := range exchanges {
				start := time.Now()
				err := exchange(t.Context(), open(t, c.h))
				fault, ok := errors.AsType[*hosting.Fault](err)
				if !ok || fault.Kind != c.want {
					t.Errorf("%s: %v, want %s", what, err, c.want)
					continue
				}
				if fault.Server != "srv-1" || fault.Do == "" {
					t.Errorf("%s: %q does not tell the server or what to do", what, fault)
				}
				if len(fault.Error()) > 2000 || strings.Contains(fault.Error(), redfishtest.Password) {
					t.Errorf("%s: an error that nobody should read: %.200s", what, fault)
				}
				if took := time.Since(start); took > 5*time.Second {
					t.Errorf("%s: took %s", what, took)
				}
			}
		})
	}
}

// A body is read up to its limit and no further.
func TestHostile_LongBody(t *testing.T) {
	t.Parallel()
	var written atomic.Int64
	h := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		block := []byte(strings.Repeat(" ", 64<<10))
		for range 50 << 20 / len(block) {
			n, err := w.Write(block)
			written.Add(int64(n))
			if err != nil {
				return
			}
		}
	})
	_, err := open(t, h, func(c *redfish.Config) { c.Limits = redfish.DefaultLimits }).ReadPower(t.Context())
	if hosting.KindOf(err) != hosting.FaultUnsupported || !strings.Contains(err.Error(), "8 MB") {
		t.Errorf("ReadPower = %v", err)
	}
	if got := written.Load(); got > 20<<20 {
		t.Errorf("%d MB of the body were taken", got>>20)
	}
}

// Collections without an end and links in a ring cost no more than the limit.
func TestHostile_EndlessPages(t *testing.T) {
	t.Parallel()
	var n atomic.Int64
	c := open(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(w, `{"Members":[],"Members@odata.nextLink":"/redfish/v1/Systems?page=%d"}`, n.Add(1))
	}))
	if _, err := c.ReadPower(t.Context()); hosting.KindOf(err) != hosting.FaultUnsupported {
		t.Errorf("ReadPower = %v", err)
	}
	if n.Load() > int64(quick.Requests) {
		t.Errorf("%d requests", n.Load())
	}
	many := open(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"Members":[`)
		for i := range 10000 {
			fmt.Fprintf(w, `{"@odata.id":"/redfish/v1/Systems/%d"},`, i)
		}
		_, _ = io.WriteString(w, `{}]}`)
	}))
	if _, err := many.ReadPower(t.Context()); hosting.KindOf(err) != hosting.FaultUnsupported {
		t.Errorf("ReadPower = %v", err)
	}
}

// What became of a reset: nothing was sent, it was refused, or nobody knows.
func TestSendReset_Fates(t *testing.T) {
	t.Parallel()
	onPost := func(h http.HandlerFunc) *redfishtest.Machine {
		m := redfishtest.Sample()
		m.Fault = func(w http.ResponseWriter, r *http.Request) bool {
			if r.Method == http.MethodPost {
				h(w, r)
			}
			return r.Method == http.MethodPost
		}
		return m
	}
	cases := map[string]struct {
		h    http.HandlerFunc
		want board.Fate // empty is accepted
	}{
		"accepted":          {status(204), ""},
		"task":              {status(202, "Location", "/redfish/v1/TaskService/Tasks/1"), ""},
		"accepted, HTML":    {body("<html>"), ""},
		"accepted, endless": {body(strings.Repeat("x", 3<<20)), ""},
		"refused":           {status(400), board.Refused},
		"login":             {status(401), board.Refused},
		"conflict":          {status(409), board.Refused},
		"redirect":          {status(307, "Location", "/redfish/v1/x"), board.Refused},
		"busy":              {status(503), board.Unclear},
		"failed":            {status(500), board.Unclear},
		"gateway gave up":   {status(504), board.Unclear},
		"hangs":             {func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, board.Unclear},
		"closes":            {func(w http.ResponseWriter, _ *http.Request) { c, _, _ := w.(http.Hijacker).Hijack(); c.Close() }, board.Unclear},
	}
	for name, x := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := onPost(x.h)
			c := open(t, m)
			if _, err := c.ReadPower(t.Context()); err != nil {
				t.Fatal(err)
			}
			err := c.SendReset(t.Context(), "ForceOff")
			sent, _ := errors.AsType[*board.SendError](err)
			switch {
			case x.want == "" && err != nil, x.want != "" && (sent == nil || sent.Fate != x.want):
				t.Errorf("SendReset = %v (%+v), want %q", err, sent, x.want)
			}
			if n := len(m.Sent()); n != 1 {
				t.Errorf("%d requests were sent", n)
			}
		})
	}
	t.Run("not sent", func(t *testing.T) {
		t.Parallel()
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		address := listener.Addr().String()
		listener.Close()
		c, err := redfish.New(redfish.Config{Server: "srv-1", Address: address, Limits: quick, TLS: hosting.BMCTLS{Insecure: true}})
		if err != nil {
			t.Fatal(err)
		}
		sent, ok := errors.AsType[*board.SendError](c.SendReset(t.Context(), "On"))
		if !ok || sent.Fate != board.NotSent || sent.Fault.Kind != hosting.FaultUnreachable {
			t.Errorf("SendReset = %v", sent)
		}
	})
}

func TestLoginRefused(t *testing.T) {
	t.Parallel()
	c := open(t, redfishtest.Sample(), func(c *redfish.Config) { c.Login.Password = "wrong" })
	_, err := c.ReadPower(t.Context())
	if !redfish.LoginRefused(err) || !strings.Contains(err.Error(), "check the secret file:srv-1") || strings.Contains(err.Error(), "wrong") {
		t.Errorf("ReadPower = %v", err)
	}
}

// A BMC that repeats our password does not get it into an error.
func TestErrorsHoldNoPassword(t *testing.T) {
	t.Parallel()
	c := open(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		user, password, _ := r.BasicAuth()
		w.WriteHeader(http.StatusBadRequest)
		fmt.Fprintf(w, `{"error":{"code":"x","message":"%s:%s\u0007 is no good"}}`, user, password)
	}))
	_, err := c.ReadPower(t.Context())
	if err == nil || strings.Contains(err.Error(), redfishtest.Password) || !strings.Contains(err.Error(), "is no good") || strings.ContainsRune(err.Error(), 7) {
		t.Errorf("ReadPower = %v", err)
	}
}
