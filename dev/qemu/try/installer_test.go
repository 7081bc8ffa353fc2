package main

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/handrail/handrail/activities/netboot"
	"github.com/handrail/handrail/dev/qemu/login"
)

// guest makes the requests of a machine.
type guest struct {
	t    *testing.T
	base string
	s    *store
	w    *witness
}

func newGuest(t *testing.T) guest {
	t.Helper()
	files := t.TempDir()
	for _, name := range []string{"linux", "initrd.gz"} {
		if err := os.WriteFile(filepath.Join(files, name), []byte(name), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	_, key, err := login.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	tried := trial{method: debianInstaller, files: files, listen: "127.0.0.1:0", firmware: "legacy", raid: "none", from: "network", purpose: "install", parts: "default", disks: 1}
	if err := tried.settle(); err != nil {
		t.Fatal(err)
	}
	system, err := tried.installer("http://10.0.2.2:8081/none")
	if err != nil {
		t.Fatal(err)
	}
	boot, err := tried.boot(key, system)
	if err != nil {
		t.Fatal(err)
	}
	s := &store{heard: func(string) {}, mac: mac, boot: boot, ended: make(chan string, 1)}
	w := &witness{say: func(string) {}, came: map[string]bool{}, all: make(chan struct{})}
	handler, err := netboot.New(netboot.Config{Store: s, Bell: s, Passwords: s, Base: "http://10.0.2.2:8081", Files: files, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(w.watching(handler))
	t.Cleanup(server.Close)
	return guest{t, server.URL, s, w}
}

// ask returns the answer to a GET, or to a POST where there is a form.
func (g guest) ask(agent, path, form string) string {
	g.t.Helper()
	method := http.MethodGet
	if form != "" {
		method = http.MethodPost
	}
	r, err := http.NewRequestWithContext(g.t.Context(), method, g.base+path, strings.NewReader(form))
	if err != nil {
		g.t.Fatal(err)
	}
	r.Header.Set("User-Agent", agent)
	if form != "" {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		g.t.Fatal(err)
	}
	defer response.Body.Close() //nolint:errcheck // it was only read
	body, err := io.ReadAll(response.Body)
	if err != nil {
		g.t.Fatal(err)
	}
	return string(body)
}

const (
	ipxe  = "iPXE/1.21.1"
	fetch = "Wget/1.21.3"
)

var tokenPath = regexp.MustCompile(`/t/[A-Za-z0-9_-]+`)

func TestTheWitnessWaitsForEachStep(t *testing.T) {
	t.Parallel()
	g := newGuest(t)
	token := tokenPath.FindString(g.ask(ipxe, "/boot/"+mac, ""))
	g.ask(ipxe, "/files/linux", "")
	g.ask(ipxe, "/files/initrd.gz", "")
	g.ask(fetch, "/boot/"+mac, "")
	g.ask(fetch, "/t/"+strings.Repeat("A", 43)+"/answer", "") // a token that is worth nothing
	g.ask(fetch, token+"/script", "")
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	err := g.w.await(ended, g.s)
	if err == nil || !strings.Contains(err.Error(), "did not come: the installer has the answer file, the installer's first progress report") {
		t.Fatalf("what is missing: %v", err)
	}
	if answers := g.ask(fetch, token+"/answer", ""); !strings.Contains(answers, "/none") {
		t.Errorf("the answers name no mirror: %s", answers)
	}
	g.ask(fetch, token+"/progress", "stage=the+installer+has+started&percent=2")
	if err := g.w.await(t.Context(), g.s); err != nil {
		t.Fatalf("all has come: %v", err)
	}
	if got := g.w.permission(); got != "not asked for" {
		t.Errorf("permission was %s", got)
	}
	g.ask(fetch, token+"/begin", "disks=ANOTHER")
	if got := g.w.permission(); got != "asked for" {
		t.Errorf("permission was %s", got)
	}
}

func TestAnInstallerThatGivesUpIsNotWaitedFor(t *testing.T) {
	t.Parallel()
	g := newGuest(t)
	token := tokenPath.FindString(g.ask(ipxe, "/boot/"+mac, ""))
	g.ask(fetch, token+"/failed", "error=no+disk")
	if err := g.w.await(t.Context(), g.s); err == nil || !strings.Contains(err.Error(), "no disk") {
		t.Fatalf("why it ended: %v", err)
	}
}

func TestOptionsOfAnotherMethodAreRefused(t *testing.T) {
	t.Parallel()
	for _, tried := range []trial{
		{method: "none"},
		{method: debianInstaller, from: "medium", purpose: "install"},
		{method: debianInstaller, from: "network", purpose: "rescue"},
		{method: debianInstaller, from: "network", purpose: "install", spoil: "checksum"},
	} {
		if tried.settle() == nil {
			t.Errorf("taken: %+v", tried)
		}
	}
}
