package netboot_test

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/handrail/handrail/activities/netboot"
	"github.com/handrail/handrail/hosting"
)

// All that is no good token is answered alike: one that never was, a malformed
// one, one whose boot has ended.
func TestServer_unknownTokens(t *testing.T) {
	t.Parallel()
	ended := serve(t, planned(hosting.AnswerOrder, hosting.RAIDNone, hosting.LayoutDefault))
	at := ended.handedOut()
	ended.post(at+"/failed", nil)
	var first *reply
	for _, path := range []string{at, "/t/" + token, "/t/short", "/t/" + strings.Repeat("=", 43), "/t/%00", "/t/" + strings.Repeat("x", 5000)} {
		r := ended.get(path + "/answer")
		r.header.Del("Date")
		if first == nil {
			first = &r
		}
		if r.status != http.StatusNotFound || r.body != first.body || fmt.Sprint(r.header) != fmt.Sprint(first.header) {
			t.Errorf("%.50s: %+v, not %+v", path, r, *first)
		}
		if r := ended.post(path+"/begin", url.Values{"disks": {"x"}}); r.status != http.StatusNotFound {
			t.Errorf("%.50s: %+v", path, r)
		}
	}
}

// Whoever tries tokens is soon not listened to any more; another address is.
func TestServer_limitsStrangers(t *testing.T) {
	t.Parallel()
	p := serve(t, planned(hosting.AnswerOrder, hosting.RAIDNone, hosting.LayoutDefault))
	at := p.handedOut()
	refused := 0
	for i := range 40 {
		if p.get(fmt.Sprintf("/t/%043d/answer", i)).status == http.StatusTooManyRequests {
			refused++
		}
	}
	if refused < 15 {
		t.Errorf("%d of 40 were refused", refused)
	}
	if r := p.get(at + "/answer"); r.status != http.StatusTooManyRequests || r.header.Get("Retry-After") == "" {
		t.Errorf("%+v", r)
	}
	handler, err := netboot.New(netboot.Config{Store: p.memory, Bell: p.memory, Base: p.url, Files: p.folder, Log: discard})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 60 {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, fmt.Sprintf("/t/%043d/answer", i), nil)
		r.RemoteAddr = fmt.Sprintf("[2001:db8::%x]:1", i) // one network
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		if (w.Code == http.StatusTooManyRequests) != (i >= 20) {
			t.Fatalf("request %d: %d", i, w.Code)
		}
	}
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, at+"/answer", nil)
	w := httptest.NewRecorder()
	if handler.ServeHTTP(w, r); w.Code != http.StatusOK {
		t.Errorf("another address: %d", w.Code)
	}
}

// A machine that reports without end does not fill the history of its operation.
func TestServer_limitsReports(t *testing.T) {
	t.Parallel()
	p := serve(t, planned(hosting.AnswerOrder, hosting.RAIDNone, hosting.LayoutDefault))
	at := p.handedOut()
	for i := range 200 {
		if r := p.post(at+"/progress", url.Values{"stage": {"unpacking"}, "percent": {strconv.Itoa(i % 101)}}); r.status != http.StatusNoContent {
			t.Fatalf("%d: %+v", i, r)
		}
	}
	if n := len(p.rung); n > 40 || p.now().Percent != 199%101 {
		t.Errorf("rung %d times; %+v", n, p.now())
	}
}

func TestServer_forms(t *testing.T) {
	t.Parallel()
	p := serve(t, planned(hosting.AnswerOrder, hosting.RAIDNone, hosting.LayoutDefault))
	at := p.handedOut()
	form := http.Header{"Content-Type": {"application/x-www-form-urlencoded; charset=utf-8"}}
	for name, c := range map[string]struct {
		method, path string
		header       http.Header
		body         string
		status       int
	}{
		"good":          {http.MethodPost, "/progress", form, "stage=disks&percent=5", http.StatusNoContent},
		"no percent":    {http.MethodPost, "/progress", form, "stage=disks", http.StatusBadRequest},
		"101 percent":   {http.MethodPost, "/progress", form, "stage=disks&percent=101", http.StatusBadRequest},
		"no stage":      {http.MethodPost, "/progress", form, "percent=5", http.StatusBadRequest},
		"in the query":  {http.MethodPost, "/progress?stage=disks&percent=5", form, "", http.StatusBadRequest},
		"no key":        {http.MethodPost, "/hostkey", form, "", http.StatusBadRequest},
		"JSON":          {http.MethodPost, "/progress", http.Header{"Content-Type": {"application/json"}}, "{}", http.StatusUnsupportedMediaType},
		"no type":       {http.MethodPost, "/progress", nil, "stage=disks&percent=5", http.StatusUnsupportedMediaType},
		"too large":     {http.MethodPost, "/progress", form, "stage=" + strings.Repeat("x", 17<<10), http.StatusRequestEntityTooLarge},
		"unreadable":    {http.MethodPost, "/progress", form, "stage=%zz", http.StatusBadRequest},
		"many disks":    {http.MethodPost, "/begin", form, strings.Repeat("disks=a&", 100), http.StatusBadRequest},
		"GET":           {http.MethodGet, "/begin", nil, "", http.StatusMethodNotAllowed},
		"PUT":           {http.MethodPut, "/answer", form, "x", http.StatusMethodNotAllowed},
		"something":     {http.MethodPost, "/something", form, "", http.StatusNotFound},
		"nothing":       {http.MethodGet, "/", nil, "", http.StatusNotFound},
		"files' folder": {http.MethodPost, "/../../files/kernel", form, "", http.StatusTemporaryRedirect},
	} {
		if r := p.do(c.method, at+c.path, c.header, c.body); r.status != c.status {
			t.Errorf("%s: %+v, want %d", name, r, c.status)
		}
	}
	if p.now().State != hosting.BootHandedOut {
		t.Errorf("%+v", p.now())
	}
}

// Boot files are served whole and in ranges; there is no way out of their folder
// and no list of it.
func TestServer_files(t *testing.T) {
	t.Parallel()
	p := serve(t, hosting.NetworkBoot{})
	outside := write(t, t.TempDir(), "outside", "secret")
	if err := os.MkdirAll(filepath.Join(p.folder, "debian-12"), 0o700); err != nil {
		t.Fatal(err)
	}
	write(t, p.folder, "debian-12/vmlinuz", "0123456789")
	for link, target := range map[string]string{"escape": outside, "up": "..", "inside": "kernel"} {
		if err := os.Symlink(target, filepath.Join(p.folder, link)); err != nil {
			t.Fatal(err)
		}
	}
	if r := p.get("/files/debian-12/vmlinuz"); r.status != http.StatusOK || r.body != "0123456789" || r.header.Get("Content-Type") != "application/octet-stream" {
		t.Errorf("%+v", r)
	}
	if r := p.get("/files/inside"); r.body != "a kernel" {
		t.Errorf("%+v", r)
	}
	if r := p.do(http.MethodGet, "/files/debian-12/vmlinuz", http.Header{"Range": {"bytes=2-4"}}, ""); r.status != http.StatusPartialContent || r.body != "234" {
		t.Errorf("%+v", r)
	}
	if r := p.do(http.MethodHead, "/files/kernel", nil, ""); r.status != http.StatusOK || r.header.Get("Content-Length") != "8" {
		t.Errorf("%+v", r)
	}
	for _, path := range []string{"", "debian-12", "debian-12/", "nothing", "escape", "up/x", "%2e%2e/x", "..%2f..%2fetc%2fpasswd", "%2fetc/passwd", "kernel%00", ".%2fkernel"} {
		if r := p.get("/files/" + path); r.status != http.StatusNotFound && r.status != http.StatusTemporaryRedirect && r.status != http.StatusMovedPermanently || strings.Contains(r.body, "secret") {
			t.Errorf("%q: %+v", path, r)
		}
	}
}

// A client that does not take what it asked for is cut off, piece by piece: it
// holds neither a connection nor a file for ever.
func TestServer_patience(t *testing.T) {
	t.Parallel()
	p := serve(t, hosting.NetworkBoot{})
	large := filepath.Join(p.folder, "image")
	write(t, p.folder, "image", "")
	if err := os.Truncate(large, 1<<30); err != nil {
		t.Fatal(err)
	}
	handler, err := netboot.New(netboot.Config{Store: p.memory, Bell: p.memory, Base: p.url, Files: p.folder, Log: discard})
	if err != nil {
		t.Fatal(err)
	}
	deadlines := make(chan time.Time, 1)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		handler.ServeHTTP(deadlineWriter{w, deadlines}, r)
	}))
	t.Cleanup(server.Close)
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprintf(conn, "GET /files/image HTTP/1.1\r\nHost: x\r\n\r\n")
	if d := time.Until(<-deadlines); d <= 0 || d > netboot.PieceTimeout {
		t.Errorf("a piece may take %v", d)
	}
	// The deadline is put forward to now: the server gives up, the client has read nothing.
	if n, _ := io.Copy(io.Discard, conn); n >= 1<<30 {
		t.Error("it was not cut off")
	}
}

// deadlineWriter shows the first deadline that is set, and ends the write there.
type deadlineWriter struct {
	http.ResponseWriter
	seen chan time.Time
}

func (w deadlineWriter) SetWriteDeadline(d time.Time) error {
	select {
	case w.seen <- d:
		return http.NewResponseController(w.ResponseWriter).SetWriteDeadline(d)
	default:
		return http.NewResponseController(w.ResponseWriter).SetWriteDeadline(time.Now().Add(-time.Second))
	}
}

func TestNew_refuses(t *testing.T) {
	t.Parallel()
	file := write(t, t.TempDir(), "file", "")
	for _, c := range []netboot.Config{
		{Base: "192.0.2.10", Files: t.TempDir()},
		{Base: "http://192.0.2.10/path", Files: t.TempDir()},
		{Base: "http://192.0.2.10 ", Files: t.TempDir()},
		{Base: "http://user@192.0.2.10", Files: t.TempDir()},
		{Base: "http://192.0.2.10:8081", Files: "/nowhere"},
		{Base: "http://192.0.2.10:8081", Files: file},
		{Base: "http://192.0.2.10:8081"},
	} {
		if _, err := netboot.New(c); hosting.KindOf(err) != hosting.FaultInvalidRequest {
			t.Errorf("%+v: %v", c, err)
		}
	}
}

// Nobody does more than his share over any time, nobody who keeps to it is
// refused, and what is remembered is bounded.
func TestLimiter(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		burst, now, taken := rapid.IntRange(1, 5).Draw(r, "burst"), time.Unix(0, 0), 0
		l := netboot.NewLimiter(burst, time.Second, func() time.Time { return now })
		for _, wait := range rapid.SliceOfN(rapid.IntRange(0, 3000), 1, 50).Draw(r, "waits") {
			now = now.Add(time.Duration(wait) * time.Millisecond)
			if l.Take("x") {
				taken++
			}
			if most := burst + int(now.Sub(time.Unix(0, 0))/time.Second); taken > most {
				r.Fatalf("%d at %v", taken, now)
			}
			if wait >= 1000 && !l.Take("y") && l.Take("y") {
				r.Fatal("refused and let in the next moment")
			}
		}
	})
	now := time.Unix(0, 0)
	l := netboot.NewLimiter(1, time.Hour, func() time.Time { return now })
	for i := range 3 * netboot.Bound {
		if !l.Take(strconv.Itoa(i)) {
			t.Fatalf("%d was refused", i)
		}
	}
	if l.Len() > netboot.Bound {
		t.Errorf("%d are remembered", l.Len())
	}
	now = now.Add(2 * time.Hour)
	if !l.Take(strconv.Itoa(3*netboot.Bound - 1)) {
		t.Error("the time does not count")
	}
}
