package bmc_test

import (
	"context"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/handrail/handrail/activities/bmc"
	"github.com/handrail/handrail/activities/bmc/internal/ipmisim"
	"github.com/handrail/handrail/activities/bmc/internal/redfishtest"
	"github.com/handrail/handrail/activities/bmc/ipmi"
	"github.com/handrail/handrail/hosting"
)

// simBench is ipmi_sim as the only protocol.
func simBench(t *testing.T) (*ipmisim.Sim, *bench) {
	t.Helper()
	sim := ipmisim.Start(t)
	return sim, &bench{
		Activities: bmc.New(oneLogin{ipmisim.User, ipmisim.Password}, bmc.WithBeatSettle(0)),
		target: bmc.Target{Server: "srv-1", BMC: hosting.BMC{Endpoints: []hosting.BMCEndpoint{
			{Protocol: hosting.IPMI, Address: sim.Address, Secret: "file:srv-1"},
		}}},
	}
}

// Against an IPMI BMC that nobody here wrote.
func TestIPMISim_Power(t *testing.T) {
	t.Parallel()
	sim, b := simBench(t)
	reading, err := b.ReadPower(t.Context(), b.target)
	if err != nil || reading.State != hosting.PowerOn || reading.Via != hosting.IPMI {
		t.Fatalf("ReadPower = %+v, %v", reading, err)
	}
	b.set(t, hosting.ActOn, hosting.Already)
	b.set(t, hosting.ActGracefulOff, hosting.Unmoved) // nobody reacts to the soft shutdown
	b.set(t, hosting.ActForcedOff, hosting.Reached)
	b.set(t, hosting.ActForcedOff, hosting.Already)
	b.set(t, hosting.ActCycle, hosting.Reached) // found off: turned on
	b.set(t, hosting.ActWarmReset, hosting.Unknown)
	sim.Put(t, "acpi", "")
	got := b.set(t, hosting.ActCycle, hosting.Reached)
	if !slices.Equal(got.ResetTypes, []string{"chassis soft shutdown", "chassis power up"}) {
		t.Errorf("sent %v", got.ResetTypes)
	}
	want := []string{"shutdown 1", "power 0", "power 1", "reset 1", "shutdown 1", "power 1"}
	if commands := sim.Commands(t); !slices.Equal(commands, want) {
		t.Errorf("the chassis got %v, want %v", commands, want)
	}
	sim.Put(t, "stuck", "")
	b.set(t, hosting.ActForcedOff, hosting.Unmoved)
}

func TestIPMISim_ForcedAfterGraceful(t *testing.T) {
	t.Parallel()
	_, b := simBench(t)
	o := b.order(hosting.ActCycle)
	o.AllowForced = true
	got, err := b.SetPower(t.Context(), o)
	want := []string{"chassis soft shutdown", "chassis power down", "chassis power up"}
	if err != nil || got.Outcome != hosting.Reached || !got.Forced || !slices.Equal(got.ResetTypes, want) {
		t.Errorf("SetPower = %+v, %v", got, err)
	}
}

func TestIPMISim_Boot(t *testing.T) {
	t.Parallel()
	sim, b := simBench(t)
	if _, err := b.SetBootOnce(t.Context(), bmc.BootOrder{Target: b.target, Device: bmc.BootPXE}); err != nil || sim.Read(t, "boot") != "pxe" {
		t.Errorf("SetBootOnce = %v, boots %s", err, sim.Read(t, "boot"))
	}
	if err := b.ClearBoot(t.Context(), b.target); err != nil || sim.Read(t, "boot") != "none" {
		t.Errorf("ClearBoot = %v, boots %s", err, sim.Read(t, "boot"))
	}
}

// Redfish that tells another state than the chassis behind IPMI.
func TestIPMISim_SecondOpinion(t *testing.T) {
	t.Parallel()
	sim := ipmisim.Start(t)
	m := redfishtest.Sample()
	server := httptest.NewTLSServer(m)
	t.Cleanup(server.Close)
	b := &bench{
		// An opinion that comes late is none, and this machine may be busy.
		Activities: bmc.New(perEndpoint{}, bmc.WithLimits(quickRedfish, ipmi.Limits{Request: 20 * time.Second, Datagram: 2 * time.Second}), bmc.WithBeatSettle(0)),
		target: bmc.Target{Server: "srv-1", BMC: hosting.BMC{Endpoints: []hosting.BMCEndpoint{
			{Protocol: hosting.Redfish, Address: strings.TrimPrefix(server.URL, "https://"), Secret: "redfish", TLS: hosting.BMCTLS{Insecure: true}},
			{Protocol: hosting.IPMI, Address: sim.Address, Secret: "ipmi"},
		}}},
	}
	got := b.set(t, hosting.ActForcedOff, hosting.Contradictory)
	if got.After != hosting.PowerOff || !strings.Contains(got.Detail, "ipmi says on") {
		t.Errorf("result %+v", got)
	}
	sim.Put(t, "power", "0")
	b.set(t, hosting.ActForcedOff, hosting.Already)
	if commands := sim.Commands(t); len(commands) != 0 {
		t.Errorf("IPMI was used to act: %v", commands)
	}
	server.Close() // Redfish is gone: IPMI acts
	got = b.set(t, hosting.ActOn, hosting.Reached)
	if got.Via != hosting.IPMI || !slices.Equal(sim.Commands(t), []string{"power 1"}) {
		t.Errorf("result %+v, the chassis got %v", got, sim.Commands(t))
	}
}

// perEndpoint has a login of its own for each protocol.
type perEndpoint struct{}

func (perEndpoint) BMCLogin(_ context.Context, ref string) (bmc.Login, error) {
	if ref == "ipmi" {
		return bmc.Login{User: ipmisim.User, Password: ipmisim.Password}, nil
	}
	return bmc.Login{User: redfishtest.User, Password: redfishtest.Password}, nil
}

// The machine's graceful off takes a while, and the downtime is measured (I27).
func TestDowntimeIsMeasured_I27(t *testing.T) {
	t.Parallel()
	m := redfishtest.Sample()
	m.OffDelay = 60 * time.Millisecond
	b := newBench(t, m, "1")
	got := b.set(t, hosting.ActCycle, hosting.Reached)
	if got.OffSince == nil || got.OnSince == nil || got.OnSince.Before(*got.OffSince) || got.Before != hosting.PowerOn {
		t.Errorf("result %+v", got)
	}
}

func BenchmarkRedfish_VerifiedPowerAction(b *testing.B) {
	for name, cold := range map[string]bool{"cold": true, "warm": false} {
		b.Run(name, func(b *testing.B) {
			bench := newBench(b, redfishtest.Sample(), "")
			actions := []hosting.PowerAction{hosting.ActForcedOff, hosting.ActOn}
			n := 0
			before := len(bench.machine.Requests())
			for b.Loop() {
				if cold {
					bench.Activities = bmc.New(oneLogin{redfishtest.User, redfishtest.Password}, bmc.WithLimits(quickRedfish, quickIPMI), bmc.WithBeatSettle(0))
				}
				got, err := bench.SetPower(b.Context(), bench.order(actions[n%2]))
				if err != nil || got.Outcome != hosting.Reached {
					b.Fatalf("%+v, %v", got, err)
				}
				n++
			}
			b.ReportMetric(float64(len(bench.machine.Requests())-before)/float64(n), "requests/op")
		})
	}
}
