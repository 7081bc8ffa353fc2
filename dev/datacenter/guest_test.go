package datacenter_test

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/handrail/handrail/dev/datacenter"
	"github.com/handrail/handrail/dev/datacenter/chassis"
	"github.com/handrail/handrail/dev/datacenter/vendor"
	"github.com/handrail/handrail/hosting"
)

// stub is a guest that obeys no graceful off, and counts what it is told.
type stub struct {
	built vendor.Hardware
	bmc   *chassis.Chassis
	wakes atomic.Int64
	over  chan struct{}
}

const stubSSH = "127.0.0.1:2222"

func (s *stub) Run(ctx context.Context) { <-ctx.Done(); close(s.over) }
func (s *stub) Wake()                   { s.wakes.Add(1) }
func (s *stub) SSHAddress() string      { return stubSSH }

const gib = 1 << 30

// withStub is a center in which one machine is a stub.
func withStub(t *testing.T, config datacenter.Config) (*datacenter.Center, *stub, *datacenter.Machine) {
	t.Helper()
	s := &stub{over: make(chan struct{})}
	config.Servers, config.Timing = 3, &instant
	config.Real = &datacenter.Real{
		Server: "srv-1003", DriveBytes: 12 * gib, Protocols: []hosting.Protocol{hosting.Redfish},
		Make: func(_ context.Context, built vendor.Hardware, bmc *chassis.Chassis, _ *slog.Logger) (datacenter.Guest, error) {
			s.built, s.bmc = built, bmc
			return s, nil
		},
	}
	c := start(t, config)
	return c, s, c.Machine("srv-1003")
}

// What the BMC shows is what the guest was built with.
func TestGuest_isWhatItsBMCShows(t *testing.T) {
	t.Parallel()
	c, s, m := withStub(t, datacenter.Config{})
	h := m.Hardware()
	if len(h.MACs) != 1 || h.MACs[0] != s.built.MACs[0] || len(m.Server().MACs) != 1 {
		t.Errorf("cards %v, the guest has %v", h.MACs, s.built.MACs)
	}
	for i, d := range h.Drives {
		if d.Bytes != 12*gib || d.Serial != s.built.Drives[i].Serial {
			t.Errorf("drive %+v", d)
		}
	}
	if got := c.Reach()[m.Server().PrimaryIP+":22"]; got != stubSSH || m.SSHAddress() != stubSSH {
		t.Errorf("it is reached at %s", got)
	}
	if m.Address(hosting.IPMI) != "" || len(m.Server().BMC.Endpoints) != 1 {
		t.Errorf("its BMC speaks %+v", m.Server().BMC.Endpoints)
	}
	drives := newClient(t, m).do("GET", "/redfish/v1/Systems/"+h.System+"/Storage", nil)
	if drives.status != 200 {
		t.Errorf("its Redfish answers %d", drives.status)
	}
	other := c.Machine("srv-1001")
	if other.Address(hosting.IPMI) == "" || len(other.Hardware().MACs) != 2 || other.Hardware().Drives[0].Bytes == 12*gib || len(other.Disks()) == 0 {
		t.Errorf("a simulated machine is %+v", other.Hardware())
	}
	if len(m.Disks()) != 0 || m.Run().Phase != "" || m.HostKey() != "" {
		t.Error("the center makes up what is on a real machine")
	}
}

// A graceful off is the guest's to obey: the clock does not do it.
func TestGuest_shutsDownWhenItDoes(t *testing.T) {
	t.Parallel()
	c, s, m := withStub(t, datacenter.Config{})
	before := s.wakes.Load()
	if a := newClient(t, m).reset("GracefulShutdown"); a.status >= 300 {
		t.Fatalf("%d: %s", a.status, a.raw)
	}
	if s.wakes.Load() == before {
		t.Error("the guest was not told")
	}
	if v := m.View(); !v.On || v.Phase != hosting.PoweringOff {
		t.Errorf("it went off by itself: %+v", v)
	}
	s.bmc.SetPower(false) // it has shut down
	if m.Power() != hosting.PowerOff {
		t.Error("its BMC shows another power")
	}
	other := c.Machine("srv-1002")
	newClient(t, other).reset("GracefulShutdown")
	awaitPower(t, other, hosting.PowerOff)
}

func TestGuest_endsWithTheCenter(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "state.json")
	c, s, _ := withStub(t, datacenter.Config{StateFile: file})
	if err := c.Close(); err != nil {
		t.Error(err)
	}
	select {
	case <-s.over:
	default:
		t.Error("it runs on")
	}
	// Its server is simulated again, with disks as delivered.
	again := start(t, datacenter.Config{Servers: 3, StateFile: file, Timing: &instant})
	if len(again.Machine("srv-1003").Disks()) == 0 {
		t.Error("a simulated machine has no disks")
	}
}

func TestGuest_refusals(t *testing.T) {
	t.Parallel()
	broken := func(context.Context, vendor.Hardware, *chassis.Chassis, *slog.Logger) (datacenter.Guest, error) {
		return nil, errors.New("no emulator")
	}
	for server, want := range map[string]string{
		"srv-1001": "the BMC of srv-1001: no emulator",
		"srv-1003": "there is no such BMC in a data centre of 2 servers",
	} {
		_, err := datacenter.Start(t.Context(), datacenter.Config{
			Servers: 2, Log: slog.New(slog.DiscardHandler), Real: &datacenter.Real{Server: server, DriveBytes: gib, Make: broken},
		})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", server, err, want)
		}
	}
}
