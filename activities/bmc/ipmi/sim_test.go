package ipmi_test

import (
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/handrail/handrail/activities/bmc/board"
	"github.com/handrail/handrail/activities/bmc/internal/ipmisim"
	"github.com/handrail/handrail/activities/bmc/ipmi"
	"github.com/handrail/handrail/hosting"
)

func connect(t testing.TB, s *ipmisim.Sim, password string) *ipmi.Client {
	t.Helper()
	c, err := ipmi.New(ipmi.Config{Server: "srv-1", Secret: "file:srv-1", Address: s.Address, Login: board.Login{User: ipmisim.User, Password: password}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func TestSim_Power(t *testing.T) {
	t.Parallel()
	sim := ipmisim.Start(t)
	c := connect(t, sim, ipmisim.Password)
	look := func(want hosting.PowerState) {
		t.Helper()
		if got, err := c.ReadPower(t.Context()); err != nil || got.State != want {
			t.Fatalf("ReadPower = %+v, %v; want %s", got, err, want)
		}
	}
	look(hosting.PowerOn)
	for _, x := range []struct {
		action hosting.PowerAction
		after  hosting.PowerState
	}{
		{hosting.ActGracefulOff, hosting.PowerOn}, // accepted, and nothing moves
		{hosting.ActForcedOff, hosting.PowerOff},
		{hosting.ActOn, hosting.PowerOn},
		{hosting.ActWarmReset, hosting.PowerOn},
	} {
		request, err := c.PlanReset(t.Context(), x.action)
		if err != nil {
			t.Fatal(err)
		}
		if err := c.SendReset(t.Context(), request); err != nil {
			t.Fatalf("%s: %v", request, err)
		}
		look(x.after)
	}
	want := []string{"shutdown 1", "power 0", "power 1", "reset 1"}
	if got := sim.Commands(t); !slices.Equal(got, want) {
		t.Errorf("the chassis got %v, want %v", got, want)
	}
}

func TestSim_Boot(t *testing.T) {
	t.Parallel()
	sim := ipmisim.Start(t)
	c := connect(t, sim, ipmisim.Password)
	for device, file := range map[board.Device]string{board.BootPXE: "pxe", board.BootCD: "cdrom", board.BootDisk: "default", board.BootBIOS: "bios"} {
		got, err := c.SetBootOnce(t.Context(), board.Boot{Device: device})
		if kind := hosting.KindOf(err); kind == hosting.FaultUnsupported {
			t.Logf("ipmi_sim does not take %s: %v", device, err)
			continue
		}
		if err != nil || sim.Read(t, "boot") != file {
			t.Errorf("SetBootOnce(%s) = %+v, %v; the chassis boots %s", device, got, err, sim.Read(t, "boot"))
		}
	}
	for range 2 { // the second has nothing to do
		if err := c.ClearBoot(t.Context()); err != nil || sim.Read(t, "boot") != "none" {
			t.Errorf("ClearBoot = %v; the chassis boots %s", err, sim.Read(t, "boot"))
		}
	}
	if set := sim.Commands(t); slices.Index(set, "boot none") != len(set)-1 {
		t.Errorf("the chassis got %v", set)
	}
	if _, err := c.SetBootOnce(t.Context(), board.Boot{Device: board.BootHTTP}); hosting.KindOf(err) != hosting.FaultUnsupported {
		t.Errorf("HTTP boot: %v, want Unsupported", err)
	}
	// ipmi_sim does not keep the firmware mode, and says so when read back.
	if _, err := c.SetBootOnce(t.Context(), board.Boot{Device: board.BootPXE, Mode: board.ModeUEFI}); hosting.KindOf(err) != hosting.FaultUnmoved {
		t.Errorf("UEFI: %v, want Unmoved", err)
	}
}

// ipmi_sim does not show the boot flags as valid, as after they were used.
func TestSim_ReadBoot(t *testing.T) {
	t.Parallel()
	c := connect(t, ipmisim.Start(t), ipmisim.Password)
	for _, x := range []struct {
		change func() error
		note   string
	}{
		{func() error { return nil }, ""},
		{func() error { _, err := c.SetBootOnce(t.Context(), board.Boot{Device: board.BootPXE}); return err }, "the boot flags still name Force PXE (selector 1h), but not as valid"},
		{func() error { return c.ClearBoot(t.Context()) }, ""},
	} {
		if err := x.change(); err != nil {
			t.Fatal(err)
		}
		got, err := c.ReadBoot(t.Context())
		want := []board.Device{board.BootPXE, board.BootCD, board.BootDisk, board.BootBIOS}
		if err != nil || got.Override != "" || got.Other != "" || got.Mode != "" || got.Note != x.note || !slices.Equal(got.Devices, want) {
			t.Errorf("ReadBoot = %+v, %v; want the note %q", got, err, x.note)
		}
	}
}

func TestSim_LoginRefused(t *testing.T) {
	t.Parallel()
	sim := ipmisim.Start(t)
	start := time.Now()
	_, err := connect(t, sim, "wrong").ReadPower(t.Context())
	if !ipmi.LoginRefused(err) || hosting.KindOf(err) != hosting.FaultUnsupported || !strings.Contains(err.Error(), "file:srv-1") {
		t.Errorf("wrong password: %v", err)
	}
	if took := time.Since(start); took > time.Second {
		t.Errorf("a refused login took %s", took)
	}
}

func TestSim_Inventory(t *testing.T) {
	t.Parallel()
	sim := ipmisim.Start(t,
		fruDevice(1, 32, "DIMM A1", "Micron", "18ASF4G72PDZ", "DDR4-3200", "2E67A645"),
		fruDevice(2, 4, "Bay 0", "KIOXIA", "KCM6XRUL1T92", "CM6", "X0X0A0B0"),
		fruDevice(3, 10, "PSU 1", "Dell", "0PJMDN", "1400W", "CN1797"))
	got, err := connect(t, sim, ipmisim.Password).ReadInventory(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	memory := []board.Part{{Kind: board.MemoryModule, Slot: "DIMM A1", Serial: "2E67A645", Manufacturer: "Micron", Model: "DDR4-3200", PartNumber: "18ASF4G72PDZ", Health: board.HealthUnknown}}
	drives := []board.Part{{Kind: board.DiskDrive, Slot: "Bay 0", Serial: "X0X0A0B0", Manufacturer: "KIOXIA", Model: "CM6", PartNumber: "KCM6XRUL1T92", Health: board.HealthUnknown}}
	if !slices.Equal(got.Memory, memory) || !slices.Equal(got.Drives, drives) || !got.Partial {
		t.Errorf("inventory %+v", got)
	}
}

// fruDevice is a FRU record and its locator (IPMI v2.0, section 43.8; FRU
// information storage definition, section 12) as commands of ipmi_sim.
func fruDevice(id, entity byte, name, maker, part, model, serial string) string {
	area := []byte{1, 0, 25} // format, length, English
	for _, field := range []string{maker, model, part, "", serial, "", ""} {
		area = append(area, 0xc0|byte(len(field)))
		area = append(area, field...)
	}
	area = append(area, 0xc1)
	for len(area)%8 != 7 {
		area = append(area, 0)
	}
	area[1] = byte((len(area) + 1) / 8)
	area = append(area, checksum(area))
	header := []byte{1, 0, 0, 0, 1, 0, 0}
	fru := slices.Concat(header, []byte{checksum(header)}, area)

	body := []byte{0x20, id, 0x80, 0, 0, 0x10, 0, entity, 1, 0, 0xc0 | byte(len(name))}
	body = append(body, name...)
	sdr := append([]byte{id, 0, 0x51, 0x11, byte(len(body))}, body...)
	return fmt.Sprintf("mc_add_fru_data 0x20 %d %d data %s\nmain_sdr_add 0x20 %s", id, len(fru), spaced(fru), spaced(sdr))
}

func checksum(b []byte) byte {
	var sum byte
	for _, x := range b {
		sum += x
	}
	return -sum
}

func spaced(b []byte) string {
	words := make([]string, len(b))
	for i := range b {
		words[i] = "0x" + hex.EncodeToString(b[i:i+1])
	}
	return strings.Join(words, " ")
}

// Connect and power status; the goal is less than 200 ms.
func BenchmarkSim_ConnectAndPowerStatus(b *testing.B) {
	sim := ipmisim.Start(b)
	for b.Loop() {
		c, err := ipmi.New(ipmi.Config{Server: "srv-1", Address: sim.Address, Login: board.Login{User: ipmisim.User, Password: ipmisim.Password}})
		if err != nil {
			b.Fatal(err)
		}
		if _, err := c.ReadPower(b.Context()); err != nil {
			b.Fatal(err)
		}
		c.Close()
	}
}

// The same once, as a test, so that the stall of a cipher suite query fails it.
func TestSim_ConnectAndPowerStatusIsQuick(t *testing.T) {
	t.Parallel()
	sim := ipmisim.Start(t)
	best := time.Hour
	for range 5 {
		start := time.Now()
		c := connect(t, sim, ipmisim.Password)
		if _, err := c.ReadPower(t.Context()); err != nil {
			t.Fatal(err)
		}
		best = min(best, time.Since(start))
	}
	t.Logf("connect and power status: %s", best)
	if best > 200*time.Millisecond {
		t.Errorf("connect and power status took %s, the goal is 200ms", best)
	}
}
