package qemu_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/handrail/handrail/dev/qemu"
	"github.com/handrail/handrail/hosting"
)

// patience is what a guest gets on a host that is busy with other things.
const patience = 2 * time.Minute

// installed keeps a test from running where QEMU is not there; CI has it.
func installed(t *testing.T, f hosting.Firmware) {
	t.Helper()
	err := qemu.Installed(f)
	if err != nil && os.Getenv("CI") != "" {
		t.Fatal(err)
	}
	if err != nil {
		t.Skip(err)
	}
}

// newMachine returns a machine, and what becomes of its power.
func newMachine(t *testing.T, c qemu.Config) (*qemu.Machine, <-chan bool) {
	t.Helper()
	installed(t, c.Firmware)
	changes := make(chan bool, 100)
	c.Name, c.Folder, c.MAC, c.MemoryMiB, c.CPUs = "test", t.TempDir(), "52:54:00:00:00:01", 128, 1
	c.Disks = []qemu.Disk{{Serial: "T-1", GiB: 1}}
	c.Changed = func(on bool) { changes <- on }
	m, err := qemu.New(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.PowerOff)
	return m, changes
}

func await[T any](t *testing.T, from <-chan T, what string) (got T) {
	t.Helper()
	select {
	case got = <-from:
	case <-time.After(patience):
		t.Fatalf("waited in vain for %s", what)
	}
	return got
}

func status(t *testing.T, m *qemu.Machine) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	s, err := m.Status(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestPower(t *testing.T) {
	t.Parallel()
	m, changes := newMachine(t, qemu.Config{Firmware: hosting.FirmwareLegacy})
	if m.On() || status(t, m) != "off" {
		t.Fatal("a new machine is on")
	}
	if err := m.PressButton(t.Context()); !errors.Is(err, qemu.ErrPower) {
		t.Errorf("the button of a machine that is off: %v", err)
	}
	for n := range 2 {
		if err := m.PowerOn(qemu.Boot{From: qemu.FromDisk}); err != nil {
			t.Fatal(err)
		}
		if !await(t, changes, "the power to come") || !m.On() || status(t, m) != "running" || m.Boots() != n+1 {
			t.Fatalf("on %v, status %s, boots %d", m.On(), status(t, m), m.Boots())
		}
		if err := m.PowerOn(qemu.Boot{From: qemu.FromDisk}); !errors.Is(err, qemu.ErrPower) {
			t.Errorf("powered on twice: %v", err)
		}
		// There is no operating system that would follow it.
		if err := m.PressButton(t.Context()); err != nil || !m.On() {
			t.Errorf("the button: %v, on %v", err, m.On())
		}
		m.PowerOff()
		if await(t, changes, "the power to go") || m.On() || status(t, m) != "off" {
			t.Fatalf("after power off: on %v, status %s", m.On(), status(t, m))
		}
		m.PowerOff()
	}
}

// TestNetworkBoot_isForOnce has a guest fetch a script that restarts it: the
// machine stays on and does not come back to the network.
func TestNetworkBoot_isForOnce(t *testing.T) {
	t.Parallel()
	for _, firmware := range []hosting.Firmware{hosting.FirmwareLegacy, hosting.FirmwareUEFI} {
		t.Run(string(firmware), func(t *testing.T) {
			t.Parallel()
			asked := make(chan string, 10)
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				asked <- r.URL.Path
				_, _ = w.Write([]byte("#!ipxe\nreboot\n"))
			}))
			t.Cleanup(server.Close)
			port := server.Listener.Addr().(*net.TCPAddr).Port
			m, changes := newMachine(t, qemu.Config{Firmware: firmware, BootFile: "http://10.0.2.2:" + strconv.Itoa(port) + "/boot/me"})
			if err := m.PowerOn(qemu.Boot{From: qemu.FromNetwork}); err != nil {
				t.Fatal(err)
			}
			await(t, changes, "the power to come")
			if path := await(t, asked, "the guest's request"); path != "/boot/me" {
				t.Errorf("it asks for %s", path)
			}
			for end := time.Now().Add(patience); m.Boots() < 2; time.Sleep(50 * time.Millisecond) {
				if time.Now().After(end) {
					t.Fatal("the guest does not restart")
				}
			}
			if !m.On() || status(t, m) != "running" {
				t.Error("the machine is not on after the guest's restart")
			}
			m.PowerOff()
			if await(t, changes, "the power to go") || m.Boots() != 2 || len(asked) > 0 {
				t.Errorf("%d boots, asked %d times more", m.Boots(), len(asked))
			}
		})
	}
}

func TestDisksStay(t *testing.T) {
	t.Parallel()
	installed(t, hosting.FirmwareLegacy)
	c := qemu.Config{Name: "stay", Folder: t.TempDir(), MAC: "52:54:00:00:00:02", Firmware: hosting.FirmwareLegacy, Disks: []qemu.Disk{{Serial: "S1", GiB: 1}}}
	if _, err := qemu.New(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	image := filepath.Join(c.Folder, "disk-S1.qcow2")
	if err := os.WriteFile(image, []byte("what is on it"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := qemu.New(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(image); err != nil || string(got) != "what is on it" {
		t.Errorf("the disk holds %q (%v)", got, err)
	}
}

func TestPowerOn_saysWhatQEMUSays(t *testing.T) {
	t.Parallel()
	m, changes := newMachine(t, qemu.Config{Firmware: hosting.FirmwareLegacy})
	err := m.PowerOn(qemu.Boot{From: qemu.FromMedium, Image: filepath.Join(t.TempDir(), "none.iso")})
	if err == nil || m.On() || len(changes) > 0 {
		t.Fatalf("started without its medium: %v, on %v", err, m.On())
	}
	if err := m.PowerOn(qemu.Boot{From: qemu.FromMedium, Image: "a,format=b"}); err == nil {
		t.Error("an image's name brought its own options")
	}
}

func TestNew_refuses(t *testing.T) {
	t.Parallel()
	good := qemu.Config{Name: "good", MAC: "52:54:00:00:00:03", Firmware: hosting.FirmwareLegacy}
	for name, spoil := range map[string]func(*qemu.Config){
		"no folder":       func(c *qemu.Config) { c.Folder = "" },
		"comma in folder": func(c *qemu.Config) { c.Folder += ",x=y" },
		"name":            func(c *qemu.Config) { c.Name = "a,b" },
		"MAC":             func(c *qemu.Config) { c.MAC = "52:54:00:00:00" },
		"boot file":       func(c *qemu.Config) { c.BootFile = "http://10.0.2.2/,hostfwd=tcp::1-:22" },
		"firmware":        func(c *qemu.Config) { c.Firmware = "bios" },
		"serial":          func(c *qemu.Config) { c.Disks = []qemu.Disk{{Serial: "a,b", GiB: 1}} },
		"no size":         func(c *qemu.Config) { c.Disks = []qemu.Disk{{Serial: "a"}} },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := good
			c.Folder = t.TempDir()
			spoil(&c)
			if _, err := qemu.New(t.Context(), c); err == nil || errors.Is(err, qemu.ErrMissing) {
				t.Errorf("accepted, or refused for another reason: %v", err)
			}
		})
	}
}
