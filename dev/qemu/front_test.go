package qemu_test

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/handrail/handrail/dev/datacenter/chassis"
	"github.com/handrail/handrail/dev/datacenter/fault"
	"github.com/handrail/handrail/dev/qemu"
	"github.com/handrail/handrail/hosting"
)

// bench is a machine behind the chassis of a BMC, and a boot server.
type bench struct {
	*chassis.Chassis
	front *qemu.Front
	asked chan string
}

func newBench(t *testing.T, script string) *bench {
	t.Helper()
	installed(t, hosting.FirmwareLegacy)
	b := &bench{asked: make(chan string, 10)}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b.asked <- r.URL.Path
		_, _ = w.Write([]byte(script))
	}))
	t.Cleanup(server.Close)
	port := strconv.Itoa(server.Listener.Addr().(*net.TCPAddr).Port)
	var front *qemu.Front
	b.Chassis = chassis.New(chassis.State{Mode: "Legacy"}, chassis.Timing{GracefulOff: 24 * time.Hour}, new(fault.Set), time.Now, func() { front.Wake() })
	front, err := qemu.NewFront(t.Context(), qemu.Config{
		Name: "bench", Folder: t.TempDir(), MAC: "52:54:00:00:00:04", Firmware: hosting.FirmwareLegacy, MemoryMiB: 128, CPUs: 1,
		Disks: []qemu.Disk{{Serial: "F-1", GiB: 1}}, BootFile: "http://10.0.2.2:" + port + "/boot/me",
	}, b.Chassis, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	b.front = front
	ctx, stop := context.WithCancel(t.Context())
	over := make(chan struct{})
	go func() { front.Run(ctx); close(over) }()
	t.Cleanup(func() {
		stop()
		<-over
		if front.Machine().On() {
			t.Error("the machine outlives its front")
		}
	})
	return b
}

func (b *bench) reset(a chassis.Action) {
	b.Reset(chassis.Reset{Via: hosting.Redfish, Kind: string(a), Action: a})
}

// until waits for what is to become of the machine.
func (b *bench) until(t *testing.T, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !is(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited in vain for %s; the chassis: %+v", what, b.View())
		}
	}
}

func TestFront_power(t *testing.T) {
	t.Parallel()
	b := newBench(t, "")
	m := b.front.Machine()
	b.reset(chassis.On)
	b.until(t, "the power to come", m.On)
	// Nobody shuts down, so the machine stays on and the BMC shows both.
	b.reset(chassis.GracefulOff)
	b.until(t, "the graceful off to be seen", func() bool { return b.View().Phase == hosting.PoweringOff })
	if !m.On() {
		t.Error("a graceful off took the power away")
	}
	b.reset(chassis.ForcedOff)
	b.until(t, "the power to go", func() bool { return !m.On() })
	b.reset(chassis.On)
	b.until(t, "the power to come again", m.On)
	boots := m.Boots()
	b.reset(chassis.Cycle)
	b.until(t, "the cycle", func() bool { return m.On() && m.Boots() == boots+1 })
	m.PowerOff() // as a guest that shuts down
	b.until(t, "the BMC to show it", func() bool { return b.View().Phase == hosting.PowerOff })
}

func TestFront_networkBootIsForOnce(t *testing.T) {
	t.Parallel()
	b := newBench(t, "#!ipxe\nreboot\n")
	b.SetOverride(hosting.Redfish, chassis.Override{Target: "Pxe", Enabled: "Once", Mode: "Legacy"})
	b.reset(chassis.On)
	if path := await(t, b.asked, "the guest's request"); path != "/boot/me" {
		t.Errorf("it asks for %s", path)
	}
	b.until(t, "the guest's restart", func() bool { return b.View().Boots == 2 && b.front.Machine().On() })
	if v := b.View(); v.LastBoot.From != "Hdd" || v.Override.Active() || len(b.asked) > 0 {
		t.Errorf("the second boot is from %s, override %+v, asked %d times more", v.LastBoot.From, v.Override, len(b.asked))
	}
}

func TestFront_medium(t *testing.T) {
	t.Parallel()
	content := make([]byte, 64<<10)
	copy(content[32<<10:], "no boot record")
	b := newBench(t, string(content))
	b.Insert("CD", chassis.Media{Image: "http://10.0.2.2:1/none.iso"})
	b.SetOverride(hosting.Redfish, chassis.Override{Target: "Cd", Enabled: "Once", Mode: "Legacy"})
	b.reset(chassis.On)
	b.until(t, "the BMC to give up on a medium that can not be had", func() bool {
		v := b.View()
		return v.Boots == 1 && v.Phase == hosting.PowerOff
	})
	if b.front.Machine().Boots() > 0 {
		t.Error("the machine started without its medium")
	}
	b.Insert("CD", chassis.Media{Image: b.front.BootFile()})
	b.SetOverride(hosting.Redfish, chassis.Override{Target: "Cd", Enabled: "Once", Mode: "Legacy"})
	b.reset(chassis.On)
	await(t, b.asked, "the medium to be fetched")
	b.until(t, "the power to come", b.front.Machine().On)
	image, err := os.ReadFile(filepath.Join(filepath.Dir(b.front.Machine().Console()), "medium.iso"))
	if err != nil || string(image) != string(content) {
		t.Errorf("the medium is of %d bytes (%v)", len(image), err)
	}
}
