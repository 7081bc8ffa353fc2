package netboot_test

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/handrail/handrail/activities/netboot"
	"github.com/handrail/handrail/hosting"
)

var discard = slog.New(slog.NewTextHandler(io.Discard, nil))

// FuzzServer asks anything: no path, form or header gets an armed machine's
// script without being iPXE, a permission without a token, or a file that is not
// in the folder.
func FuzzServer(f *testing.F) {
	for _, seed := range []struct{ method, path, agent, body string }{
		{"GET", "/boot/52:54:00:12:34:56", "debian-installer", ""},
		{"GET", "/files/kernel", "", ""},
		{"GET", "/files/../store_test.go", "", ""},
		{"POST", "/t/" + token + "/begin", "", "disks=S3Z9NB0K1"},
		{"POST", "/t/" + token + "/progress", "", "stage=%00&percent=-1"},
		{"GET", "/t//answer", "", ""},
	} {
		f.Add(seed.method, seed.path, seed.agent, seed.body)
	}
	folder := f.TempDir()
	write(f, folder, "kernel", "a kernel")
	f.Fuzz(func(t *testing.T, method, path, agent, body string) {
		m := &memory{boot: planned(hosting.AnswerPreseed, hosting.RAIDNone, hosting.LayoutDefault)}
		handler, err := netboot.New(netboot.Config{
			Store: m, Bell: m, Passwords: netboot.PasswordFiles(""), Base: "http://192.0.2.10:8081", Files: folder, Log: discard,
		})
		if err != nil {
			t.Fatal(err)
		}
		at, err := url.ParseRequestURI(path)
		if err != nil || strings.HasPrefix(agent, "iPXE/") {
			return
		}
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", strings.NewReader(body))
		r.Method, r.URL = method, at
		r.Header.Set("User-Agent", agent)
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		if m.boot.State != hosting.BootArmed || strings.Contains(w.Body.String(), "/t/") && !strings.Contains(at.Path, "/t/") {
			t.Errorf("%s %q: %d %q", method, path, w.Code, w.Body)
		}
		if strings.HasPrefix(at.Path, "/files/") && w.Code == http.StatusOK && method == http.MethodGet && w.Body.String() != "a kernel" {
			t.Errorf("%q is served: %q", path, w.Body)
		}
	})
}

var plainMAC = regexp.MustCompile(`^([0-9a-f]{2}:){5}[0-9a-f]{2}$`)

// FuzzParseMAC finds what is read as an address and does not come out as one.
func FuzzParseMAC(f *testing.F) {
	for _, seed := range []string{"52:54:00:12:34:56", "01-52-54-00-12-34-56", "5254.0012.3456", "525400123456", "::::::::::::", ""} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, ok := netboot.ParseMAC(text)
		if !ok && got != "" || ok && !plainMAC.MatchString(got) {
			t.Errorf("%q: %q, %t", text, got, ok)
		}
		if again, same := netboot.ParseMAC(got); ok && (again != got || !same) {
			t.Errorf("%q: %q, then %q", text, got, again)
		}
	})
}
