package bmc_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/handrail/handrail/activities/bmc"
	"github.com/handrail/handrail/activities/bmc/board"
	"github.com/handrail/handrail/activities/bmc/internal/redfishtest"
	"github.com/handrail/handrail/hosting"
)

// Each recorded BMC tells what it takes, and what somebody has set.
func TestRecordings_ReadBoot(t *testing.T) {
	t.Parallel()
	for _, r := range recorded {
		t.Run(r.file, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, redfishtest.FromRecording(t, r.file), r.system)
			devices := board.Devices()
			if !r.http {
				devices = slices.DeleteFunc(devices, func(d bmc.Device) bool { return d == bmc.BootHTTP })
			}
			b.reads(t, bmc.BootSetup{Mode: bmc.ModeUEFI, Devices: devices, Media: true, Via: hosting.Redfish})
			if made := b.machine.Requests(); len(made) > 6 {
				t.Errorf("%d requests: %v", len(made), made)
			}
			for _, d := range devices {
				if _, err := b.SetBootOnce(t.Context(), bmc.BootOrder{Target: b.target, Device: d}); err != nil {
					t.Fatalf("%s: %v", d, err)
				}
				b.reads(t, bmc.BootSetup{Override: d, Mode: bmc.ModeUEFI, Devices: devices, Media: true, Via: hosting.Redfish})
			}
			b.overrides(r.system, "Continuous", "UefiTarget")
			b.reads(t, bmc.BootSetup{Other: "UefiTarget", Lasting: true, Mode: bmc.ModeUEFI, Devices: devices, Media: true, Via: hosting.Redfish})
		})
	}
}

// reads expects a boot setup.
func (b *bench) reads(t *testing.T, want bmc.BootSetup) {
	t.Helper()
	got, err := b.ReadBootSetup(t.Context(), b.target)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(got.Devices, want.Devices) {
		t.Errorf("devices %v, want %v", got.Devices, want.Devices)
	}
	if got.Override != want.Override || got.Other != want.Other || got.Lasting != want.Lasting || got.Mode != want.Mode || got.Media != want.Media || got.Via != want.Via || got.Note != want.Note {
		t.Errorf("ReadBoot = %+v, want %+v", got, want)
	}
	if got.Overridden() != (want.Override != "" || want.Other != "") {
		t.Errorf("overridden: %t", got.Overridden())
	}
}

// overrides changes the boot override as somebody else would, or the machine
// that has used it up.
func (b *bench) overrides(system, enabled, target string) {
	b.machine.Change("/redfish/v1/Systems/"+system, func(s redfishtest.Resource) {
		boot := s["Boot"].(redfishtest.Resource)
		boot["BootSourceOverrideEnabled"], boot["BootSourceOverrideTarget"] = enabled, target
	})
}

// Cleaning up after the machine has used its override, and after nothing at
// all, sends nothing; what is left is taken away once.
func TestRecordings_CleanUp(t *testing.T) {
	t.Parallel()
	for _, r := range recorded {
		t.Run(r.file, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, redfishtest.FromRecording(t, r.file), r.system)
			cleanUp := func(most int) {
				t.Helper()
				before := len(b.machine.Sent())
				for range 2 {
					if err := b.ClearBoot(t.Context(), b.target); err != nil {
						t.Fatal(err)
					}
					if err := b.EjectMedia(t.Context(), b.target); err != nil {
						t.Fatal(err)
					}
				}
				if sent := b.machine.Sent()[before:]; len(sent) != most {
					t.Errorf("sent %v, want %d requests", sent, most)
				}
			}
			cleanUp(0)
			if _, err := b.InsertMedia(t.Context(), bmc.MediaOrder{Target: b.target, Image: "http://10.0.0.1/boot.iso"}); err != nil {
				t.Fatal(err)
			}
			if _, err := b.SetBootOnce(t.Context(), bmc.BootOrder{Target: b.target, Device: bmc.BootCD}); err != nil {
				t.Fatal(err)
			}
			b.overrides(r.system, "Disabled", "None") // it has booted from it
			cleanUp(1)                                // the medium
			b.overrides(r.system, "Disabled", "Pxe")  // as others leave it
			cleanUp(0)
			b.overrides(r.system, "Once", "Pxe")
			cleanUp(1)
			b.overrides(r.system, "Continuous", "Pxe")
			cleanUp(1)
		})
	}
}

// Who can not boot over HTTP says so, and what it can; PXE is then the choice.
func TestHTTPBootIsUnsupported(t *testing.T) {
	t.Parallel()
	b := newBench(t, redfishtest.FromRecording(t, "lenovo-thinksystem-sr670-v2.json"), "1")
	sim, both := simBench(t)
	both.target.BMC.Endpoints = append([]hosting.BMCEndpoint{b.target.BMC.Endpoints[0]}, both.target.BMC.Endpoints...)
	both.Activities = bmc.New(perEndpoint{}, bmc.WithLimits(quickRedfish, quickIPMI), bmc.WithBeatSettle(0))
	both.target.BMC.Endpoints[1].Secret = "ipmi"
	for name, b := range map[string]*bench{"Redfish": b, "Redfish and IPMI": both} {
		_, err := b.SetBootOnce(t.Context(), bmc.BootOrder{Target: b.target, Device: bmc.BootHTTP})
		if hosting.KindOf(err) != hosting.FaultUnsupported || !strings.Contains(err.Error(), "it can None, Pxe, Cd") {
			t.Errorf("%s: HTTP boot: %v", name, err)
		}
		if got, err := b.SetBootOnce(t.Context(), bmc.BootOrder{Target: b.target, Device: bmc.BootPXE}); err != nil || got.Via != hosting.Redfish || got.Set != "Pxe" {
			t.Errorf("%s: PXE: %+v, %v", name, got, err)
		}
	}
	if got := sim.Commands(t); len(got) > 0 {
		t.Errorf("IPMI was told %v", got)
	}
}
