package netboot_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/handrail/handrail/activities/netboot"
	"github.com/handrail/handrail/activities/records"
	"github.com/handrail/handrail/hosting"
)

var _ netboot.Store = (*records.Records)(nil)

// memory keeps one boot by the rules of the records.
type memory struct {
	mu    sync.Mutex
	boot  hosting.NetworkBoot
	token [32]byte
	until time.Time // the token is worth something
	err   error     // of everything, if set
	rung  []hosting.NetworkBoot
	deaf  error // of the bell
}

var errWorthless = hosting.NewFault(hosting.FaultNotAuthorized, "", "the boot token is unknown", "")

func (m *memory) HandOutBoot(_ context.Context, mac string, token [32]byte, until time.Time) (*hosting.NetworkBoot, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.err != nil {
		return nil, m.err
	}
	if m.boot.State != hosting.BootArmed || !slices.Contains(m.boot.Plan.MACs, mac) {
		return nil, nil
	}
	m.boot.State, m.token, m.until = hosting.BootHandedOut, token, until
	b := m.boot
	return &b, nil
}

func (m *memory) known(token [32]byte) error {
	if m.err != nil {
		return m.err
	}
	if m.boot.State == hosting.BootArmed || token != m.token {
		return errWorthless
	}
	return nil
}

func (m *memory) BootByToken(_ context.Context, token [32]byte) (hosting.NetworkBoot, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.known(token); err != nil {
		return hosting.NetworkBoot{}, err
	}
	if m.boot.State.Ended() {
		return hosting.NetworkBoot{}, errWorthless
	}
	return m.boot, nil
}

func (m *memory) BeginErasing(_ context.Context, token [32]byte, disks []string) (hosting.NetworkBoot, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.known(token); err != nil {
		return hosting.NetworkBoot{}, err
	}
	if len(disks) == 0 {
		return hosting.NetworkBoot{}, hosting.Invalid("", "0 disks are none", "")
	}
	var planned []string
	for _, d := range m.boot.Plan.Disks {
		planned = append(planned, d.Serial)
	}
	disks = slices.Sorted(slices.Values(disks))
	slices.Sort(planned)
	switch {
	case m.boot.State.Ended():
		return hosting.NetworkBoot{}, errWorthless
	case m.boot.State != hosting.BootHandedOut:
		return hosting.NetworkBoot{}, hosting.NewFault(hosting.FaultConflict, "srv-1", "the installer was let erase the disks before", "")
	case planned == nil && len(disks) != m.boot.Plan.RAID.Least() || planned != nil && !slices.Equal(disks, planned):
		m.boot.State, m.boot.Error = hosting.BootFailed, "wrong disks"
		return hosting.NetworkBoot{}, hosting.NewFault(hosting.FaultConflict, "srv-1", "the installer wants to erase "+strings.Join(disks, " "), "")
	}
	m.boot.State = hosting.BootErasing
	return m.boot, nil
}

func (m *memory) ReportBoot(_ context.Context, token [32]byte, r records.BootReport) (hosting.NetworkBoot, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.known(token); err != nil {
		return hosting.NetworkBoot{}, err
	}
	b := &m.boot
	switch {
	case b.State.Ended() && b.State == r.State:
		return *b, nil
	case b.State.Ended():
		return hosting.NetworkBoot{}, errWorthless
	case r.State == hosting.BootDone && b.State != hosting.BootErasing:
		return hosting.NetworkBoot{}, hosting.NewFault(hosting.FaultConflict, "srv-1", "nothing was installed", "")
	}
	if r.Stage != "" {
		b.Stage, b.Percent = r.Stage, r.Percent
	}
	b.HostKeys = append(b.HostKeys, r.HostKeys...)
	if r.State != "" {
		b.State, b.Error = r.State, r.Error
	}
	return *b, nil
}

func (m *memory) Ring(_ context.Context, b hosting.NetworkBoot) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.deaf == nil {
		m.rung = append(m.rung, b)
	}
	return m.deaf
}

func (m *memory) now() hosting.NetworkBoot {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.boot
}

func (m *memory) last() hosting.NetworkBoot {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.rung) == 0 {
		return hosting.NetworkBoot{}
	}
	return m.rung[len(m.rung)-1]
}

func (m *memory) fail(err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.err = err
}

func (m *memory) silence(err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.deaf = err
}

var errAway = errors.New("it is away")

// place is a server with a boot that waits for the machine mac.
type place struct {
	*memory
	t       testing.TB
	url     string
	log     *locked
	folder  string
	secrets string
}

const mac = "52:54:00:12:34:56"

func serve(t testing.TB, b hosting.NetworkBoot) place {
	t.Helper()
	p := place{memory: &memory{boot: b}, t: t, log: &locked{}, folder: t.TempDir(), secrets: t.TempDir()}
	write(t, p.folder, "kernel", "a kernel")
	server := httptest.NewUnstartedServer(nil)
	handler, err := netboot.New(netboot.Config{
		Store: p.memory, Bell: p.memory, Passwords: netboot.PasswordFiles(p.secrets), Base: "http://" + server.Listener.Addr().String(),
		Files: p.folder, Log: slog.New(slog.NewTextHandler(p.log, nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	server.Config.Handler = handler
	server.Start()
	t.Cleanup(server.Close)
	p.url = server.URL
	return p
}

// locked is a log that several requests write to.
type locked struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *locked) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(b)
}

func (l *locked) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func write(t testing.TB, dir, name, text string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

type reply struct {
	status int
	body   string
	header http.Header
}

func (p place) do(method, path string, header http.Header, body string) reply {
	p.t.Helper()
	request, err := http.NewRequestWithContext(p.t.Context(), method, p.url+path, strings.NewReader(body))
	if err != nil {
		p.t.Fatal(err)
	}
	if header != nil {
		request.Header = header
	}
	response, err := http.DefaultTransport.RoundTrip(request)
	if err != nil {
		p.t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	return reply{response.StatusCode, string(text), response.Header}
}

func (p place) get(path string) reply { p.t.Helper(); return p.do(http.MethodGet, path, nil, "") }

func (p place) ask(mac string) reply {
	p.t.Helper()
	return p.do(http.MethodGet, "/boot/"+mac, http.Header{"User-Agent": {"iPXE/1.21.1"}}, "")
}

func (p place) post(path string, form url.Values) reply {
	p.t.Helper()
	return p.do(http.MethodPost, path, http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}, form.Encode())
}

// handedOut lets the machine ask, and returns where its answer is.
func (p place) handedOut() string {
	p.t.Helper()
	r := p.ask(mac)
	_, rest, _ := strings.Cut(r.body, "/t/")
	if len(rest) < 43 {
		p.t.Fatalf("no script: %+v", r)
	}
	return "/t/" + rest[:43]
}
