package datacenter_test

import (
	"context"
	"crypto/ed25519"
	crand "crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/handrail/handrail/activities/netboot"
	"github.com/handrail/handrail/activities/records"
	"github.com/handrail/handrail/dev/datacenter"
	"github.com/handrail/handrail/hosting"
)

// gateway is Handrail's boot server over a store of the test, which holds one
// boot for each machine.
type gateway struct {
	*httptest.Server
	mu     sync.Mutex
	boots  map[string]*hosting.NetworkBoot // by service id
	tokens map[[32]byte]*hosting.NetworkBoot
	asked  []string // method, path without token
	down   int      // so many requests are answered with 503
	again  int      // scripts asked for once more
	// refuses tells that no erasing is permitted; granted are the tokens with
	// which it was, in hex.
	refuses bool
	granted map[string]bool
}

const rootImage = "a root file system"

func newGateway(t *testing.T) *gateway {
	t.Helper()
	g := &gateway{boots: make(map[string]*hosting.NetworkBoot), tokens: make(map[[32]byte]*hosting.NetworkBoot), granted: make(map[string]bool)}
	files := t.TempDir()
	for _, name := range []string{"vmlinuz", "initrd.gz", "root.tar.zst", "boot.iso"} {
		content := "a " + name
		if name == "root.tar.zst" {
			content = rootImage
		}
		if err := os.MkdirAll(filepath.Join(files, "system"), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(files, "system", name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	g.Server = httptest.NewUnstartedServer(nil)
	real, err := netboot.New(netboot.Config{
		Store: g, Bell: g, Passwords: netboot.PasswordFiles(t.TempDir()), Base: "http://" + g.Listener.Addr().String(), Files: files,
		Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	g.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if g.note(r) {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		// As if from another machine each time: how many may ask how often is the
		// gateway's own tests' subject.
		r.RemoteAddr = fmt.Sprintf("127.1.%d.%d:1", rand.Uint32()%250, rand.Uint32()%250)
		real.ServeHTTP(w, r)
	})
	g.Start()
	t.Cleanup(g.Close)
	return g
}

func (g *gateway) note(r *http.Request) (down bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	parts := strings.Split(r.URL.Path, "/")
	g.asked = append(g.asked, r.Method+" "+parts[len(parts)-1])
	if down = g.down > 0 && r.Method == http.MethodPost; down {
		g.down--
	}
	return down
}

// arm lets a machine boot over the network, once.
func (g *gateway) arm(m *datacenter.Machine, b hosting.NetworkBoot) {
	g.mu.Lock()
	defer g.mu.Unlock()
	b.ID, b.Server, b.State, b.ArmedAt = "boot-"+m.ID(), m.ID(), hosting.BootArmed, time.Now()
	b.Plan.MACs = m.Server().MACs
	g.boots[m.ID()] = &b
}

func (g *gateway) boot(m *datacenter.Machine) hosting.NetworkBoot {
	g.mu.Lock()
	defer g.mu.Unlock()
	return *g.boots[m.ID()]
}

// token is the SHA-256 in hex of the token that a machine was given.
func (g *gateway) token(m *datacenter.Machine) string {
	g.mu.Lock()
	defer g.mu.Unlock()
	for sum, b := range g.tokens {
		if b == g.boots[m.ID()] {
			return hex.EncodeToString(sum[:])
		}
	}
	return ""
}

func (g *gateway) count(what string) (n int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, a := range g.asked {
		if a == what {
			n++
		}
	}
	return n
}

func worthless() error {
	return hosting.NewFault(hosting.FaultNotAuthorized, "", "the boot token is worth nothing", "")
}

func (g *gateway) HandOutBoot(_ context.Context, mac string, token [32]byte, _ time.Time) (*hosting.NetworkBoot, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, b := range g.boots {
		if !slices.Contains(b.Plan.MACs, mac) {
			continue
		}
		if b.State != hosting.BootArmed {
			g.again++
			return nil, nil
		}
		b.State, g.tokens[token] = hosting.BootHandedOut, b
		return new(*b), nil
	}
	return nil, nil
}

// known returns the boot of a token, under the lock.
func (g *gateway) known(token [32]byte) (*hosting.NetworkBoot, error) {
	b := g.tokens[token]
	if b == nil || b.State.Ended() {
		return nil, worthless()
	}
	return b, nil
}

func (g *gateway) BootByToken(_ context.Context, token [32]byte) (hosting.NetworkBoot, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	b, err := g.known(token)
	if err != nil {
		return hosting.NetworkBoot{}, err
	}
	return *b, nil
}

func (g *gateway) BeginErasing(_ context.Context, token [32]byte, disks []string) (hosting.NetworkBoot, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	b, err := g.known(token)
	if err != nil {
		return hosting.NetworkBoot{}, err
	}
	var planned []string
	for _, d := range b.Plan.Disks {
		planned = append(planned, d.Serial)
	}
	slices.Sort(disks)
	slices.Sort(planned)
	switch {
	case g.refuses || b.State != hosting.BootHandedOut:
		return *b, hosting.NewFault(hosting.FaultConflict, b.Server, "it was granted before", "")
	case len(disks) < b.Plan.RAID.Least() || planned != nil && !slices.Equal(disks, planned):
		b.State, b.Error = hosting.BootFailed, "other disks: "+strings.Join(disks, " ")
		return *b, hosting.NewFault(hosting.FaultConflict, b.Server, b.Error, "")
	}
	b.State, g.granted[hex.EncodeToString(token[:])] = hosting.BootErasing, true
	return *b, nil
}

func (g *gateway) ReportBoot(_ context.Context, token [32]byte, r records.BootReport) (hosting.NetworkBoot, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	b, err := g.known(token)
	if err != nil {
		return hosting.NetworkBoot{}, err
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

func (g *gateway) Ring(context.Context, hosting.NetworkBoot) error { return nil }

// person has a key that installed systems are to know.
type person struct{ ssh.Signer }

func newPerson(t *testing.T) person {
	t.Helper()
	_, key, err := ed25519.GenerateKey(crand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	s, err := ssh.NewSignerFromKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return person{s}
}

func (p person) authorized() string {
	return strings.TrimSpace(string(ssh.MarshalAuthorizedKey(p.PublicKey())))
}

// installation is a plan of a format for a machine, on its first disks.
func installation(m *datacenter.Machine, format hosting.AnswerFormat, raid hosting.RAIDLevel, who person) hosting.NetworkBoot {
	sum := sha256.Sum256([]byte(rootImage))
	s := hosting.OperatingSystem{
		ID: "system", Distribution: "Debian", Version: "12", Architecture: "x86_64", Method: hosting.MethodInstaller, Answer: format,
		Firmware: []hosting.Firmware{hosting.FirmwareUEFI, hosting.FirmwareLegacy}, Mirror: "http://mirror.example/debian",
		Kernel: hosting.BootFile{Path: "system/vmlinuz", SHA256: strings.Repeat("1", 64)}, Initrd: hosting.BootFile{Path: "system/initrd.gz", SHA256: strings.Repeat("2", 64)},
	}
	if format == hosting.AnswerOrder {
		s.Method, s.Mirror, s.Image = hosting.MethodImage, "", hosting.BootFile{Path: "system/root.tar.zst", SHA256: hex.EncodeToString(sum[:])}
	}
	p := hosting.Plan{
		System: s, RAID: raid, Layout: hosting.LayoutDefault, Partitions: hosting.Partitioning{Layout: hosting.LayoutDefault}.Plan(),
		HostName: "fresh.example", SSHKeys: []string{who.authorized()}, Firmware: m.Hardware().Starts,
	}
	if m.Address(hosting.Redfish) != "" { // else the BMC lists none
		for _, d := range m.Hardware().Drives[:raid.Least()] {
			p.Disks = append(p.Disks, hosting.Disk{Serial: d.Serial})
		}
	}
	return hosting.NetworkBoot{Operation: "op-1", Workflow: "reinstall/1", Purpose: hosting.BootInstall, Attempt: 1, Plan: p}
}
