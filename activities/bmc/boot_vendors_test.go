package bmc_test

import (
	"context"
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/handrail/handrail/activities/bmc"
	"github.com/handrail/handrail/activities/bmc/board"
	"github.com/handrail/handrail/activities/bmc/redfish"
	"github.com/handrail/handrail/dev/datacenter"
	"github.com/handrail/handrail/dev/datacenter/chassis"
	"github.com/handrail/handrail/hosting"
)

// fleet has a machine of each vendor with Redfish and IPMI, then one with IPMI
// only, all of which boot at once.
func fleet(t *testing.T) []*datacenter.Machine {
	t.Helper()
	c, err := datacenter.Start(t.Context(), datacenter.Config{Servers: 6, Timing: &chassis.Timing{BootFlags: time.Minute}, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	return c.Machines()
}

// on is a bench at a machine of the fleet.
func on(m *datacenter.Machine) *bench {
	user, password := m.Credentials()
	return &bench{
		Activities: bmc.New(oneLogin{user, password}, bmc.WithLimits(redfish.Limits{
			Request: 5 * time.Second, Body: 8 << 20, Requests: 500, Settle: 2 * time.Second, SettlePoll: 10 * time.Millisecond,
		}, quickIPMI), bmc.WithBeatSettle(0)),
		target: bmc.Target{Server: m.ID(), BMC: m.Server().BMC},
	}
}

var overHTTP = []string{"dell", "hpe", "supermicro"}

// What a reinstallation does with the boot of a machine, for each vendor: ask,
// choose, boot once, and find the override gone.
func TestVendors_BootOnce(t *testing.T) {
	t.Parallel()
	for _, m := range fleet(t) {
		ipmiOnly := m.Address(hosting.Redfish) == ""
		name := m.Vendor()
		if ipmiOnly {
			name += " by IPMI"
		}
		t.Run(name, func(t *testing.T) {
			b := on(m)
			mode := bmc.ModeUEFI
			if m.View().Override.Mode == "Legacy" {
				mode = bmc.ModeLegacy
			}
			want := bmc.BootSetup{Mode: mode, Devices: board.Devices(), Media: true, Via: hosting.Redfish}
			switch {
			case ipmiOnly:
				want = bmc.BootSetup{Devices: []bmc.Device{bmc.BootPXE, bmc.BootCD, bmc.BootDisk, bmc.BootBIOS}, Via: hosting.IPMI}
			case name == "plain":
				want.Devices = []bmc.Device{bmc.BootPXE, bmc.BootCD, bmc.BootDisk}
			case !slices.Contains(overHTTP, name):
				want.Devices = []bmc.Device{bmc.BootPXE, bmc.BootCD, bmc.BootDisk, bmc.BootBIOS}
			}
			b.reads(t, want)
			boots := func(d bmc.Device) {
				t.Helper()
				if _, err := b.SetBootOnce(t.Context(), bmc.BootOrder{Target: b.target, Device: d}); err != nil {
					t.Fatalf("%s: %v", d, err)
				}
				set := want
				set.Override, set.Mode = d, mode
				b.reads(t, set)
				b.set(t, hosting.ActForcedOff, hosting.Reached)
				b.set(t, hosting.ActOn, hosting.Reached)
				b.reads(t, want) // used up
				b.cleansUp(t, !ipmiOnly)
				b.reads(t, want)
			}
			for _, d := range want.Devices {
				if d != bmc.BootBIOS {
					boots(d)
				}
			}
			if _, err := b.SetBootOnce(t.Context(), bmc.BootOrder{Target: b.target, Device: bmc.BootHTTP}); err == nil != slices.Contains(want.Devices, bmc.BootHTTP) ||
				err != nil && hosting.KindOf(err) != hosting.FaultUnsupported {
				t.Errorf("HTTP boot: %v", err)
			}
		})
	}
}

// cleansUp clears the override and ejects, twice.
func (b *bench) cleansUp(t *testing.T, media bool) {
	t.Helper()
	for range 2 {
		if err := b.ClearBoot(t.Context(), b.target); err != nil {
			t.Errorf("ClearBoot: %v", err)
		}
		err := b.EjectMedia(t.Context(), b.target)
		if media && err != nil || !media && hosting.KindOf(err) != hosting.FaultUnsupported {
			t.Errorf("EjectMedia: %v", err)
		}
	}
}

// The way of machines that do not boot over the network: an image by URL.
func TestVendors_BootFromMedia(t *testing.T) {
	t.Parallel()
	const image = "http://10.0.0.1/files/boot.iso"
	for _, m := range fleet(t) {
		if m.Address(hosting.Redfish) == "" {
			continue
		}
		t.Run(m.Vendor(), func(t *testing.T) {
			b := on(m)
			if _, err := b.InsertMedia(t.Context(), bmc.MediaOrder{Target: b.target, Image: image}); err != nil {
				t.Fatal(err)
			}
			if _, err := b.SetBootOnce(t.Context(), bmc.BootOrder{Target: b.target, Device: bmc.BootCD}); err != nil {
				t.Fatal(err)
			}
			b.set(t, hosting.ActForcedOff, hosting.Reached)
			b.set(t, hosting.ActOn, hosting.Reached)
			if booted := m.View().LastBoot; booted.Image != image {
				t.Errorf("it booted %+v", booted)
			}
			b.cleansUp(t, true)
			if got, err := b.ReadBootSetup(t.Context(), b.target); err != nil || got.Overridden() || !got.Media {
				t.Errorf("ReadBoot = %+v, %v", got, err)
			}
		})
	}
}

// The disks of a machine are told with all that a plan names them by.
func TestVendors_Drives(t *testing.T) {
	t.Parallel()
	for _, m := range fleet(t) {
		t.Run(m.Vendor(), func(t *testing.T) {
			b := on(m)
			got, err := b.ReadInventory(t.Context(), b.target)
			if err != nil {
				t.Fatal(err)
			}
			redfish := m.Address(hosting.Redfish) != ""
			if n := len(m.Hardware().Drives); redfish && len(got.Drives) != n {
				t.Errorf("%d drives, want %d", len(got.Drives), n)
			}
			for _, d := range got.Drives {
				if d.Serial == "" || d.Slot == "" || d.Model == "" || redfish && d.SizeBytes == 0 {
					t.Errorf("drive %+v", d)
				}
			}
		})
	}
}

func TestReadBootSetup_whichProtocol(t *testing.T) {
	t.Parallel()
	machines := fleet(t)
	dell, archive := machines[0], machines[5]
	redfishGone := func(endpoints []hosting.BMCEndpoint) []hosting.BMCEndpoint {
		gone := slices.Clone(endpoints)
		gone[0].Address = "127.0.0.1:1"
		return gone
	}
	turned := slices.Clone(dell.Server().BMC.Endpoints)
	slices.Reverse(turned)
	wrongPin := slices.Clone(dell.Server().BMC.Endpoints)
	wrongPin[0].TLS = hosting.BMCTLS{}
	for name, c := range map[string]struct {
		machine   *datacenter.Machine
		endpoints []hosting.BMCEndpoint
		via       hosting.Protocol
		media     bool
		fault     hosting.FaultKind
	}{
		"no BMC":                   {dell, nil, "", false, hosting.FaultInvalidRequest},
		"IPMI only":                {archive, archive.Server().BMC.Endpoints, hosting.IPMI, false, ""},
		"Redfish does not answer":  {dell, redfishGone(dell.Server().BMC.Endpoints), hosting.IPMI, false, ""},
		"only Redfish, away":       {dell, redfishGone(dell.Server().BMC.Endpoints)[:1], "", false, hosting.FaultUnreachable},
		"IPMI first":               {dell, turned, hosting.IPMI, true, ""},
		"not the one it should be": {dell, wrongPin, "", false, hosting.FaultInvalidRequest},
	} {
		t.Run(name, func(t *testing.T) {
			b := on(c.machine)
			b.target.BMC.Endpoints = c.endpoints
			got, err := b.ReadBootSetup(t.Context(), b.target)
			if hosting.KindOf(err) != c.fault || got.Via != c.via || got.Media != c.media {
				t.Errorf("ReadBoot = %+v, %v", got, err)
			}
		})
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	b := on(dell)
	if _, err := b.ReadBootSetup(ctx, b.target); err == nil {
		t.Error("a cancelled look succeeds")
	}
}

// The mode of the firmware can be asked for on every vendor's BMC, also where it
// can not be written: then it is as wanted, or the answer is no.
func TestVendors_bootMode(t *testing.T) {
	t.Parallel()
	for _, m := range fleet(t) {
		t.Run(m.ID()+" "+m.Vendor(), func(t *testing.T) {
			b := on(m)
			mode := bmc.ModeUEFI
			if m.View().Override.Mode == "Legacy" {
				mode = bmc.ModeLegacy
			}
			got, err := b.SetBootOnce(t.Context(), bmc.BootOrder{Target: b.target, Device: bmc.BootPXE, Mode: mode})
			if err != nil || got.Mode != mode {
				t.Errorf("%+v, %v", got, err)
			}
		})
	}
}
