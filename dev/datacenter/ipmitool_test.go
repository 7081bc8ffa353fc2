package datacenter_test

import (
	"net"
	"slices"
	"strings"
	"testing"

	"github.com/handrail/handrail/dev/datacenter"
	"github.com/handrail/handrail/dev/datacenter/chassis"
	"github.com/handrail/handrail/dev/datacenter/fault"
	"github.com/handrail/handrail/hosting"
)

// ipmitool runs the independent IPMI client against a machine.
func ipmitool(t *testing.T, m *datacenter.Machine, cipher string, args ...string) string {
	t.Helper()
	host, port, err := net.SplitHostPort(m.Address(hosting.IPMI))
	if err != nil {
		t.Fatal(err)
	}
	user, password := m.Credentials()
	return run(t, "/usr/bin/env", append([]string{"IPMI_PASSWORD=" + password, peer(t, "ipmitool"), "-I", "lanplus", "-C", cipher, "-H", host, "-p", port, "-U", user, "-E", "-N", "2", "-R", "3"}, args...)...)
}

func TestIpmitoolDrivesTheMachine(t *testing.T) {
	t.Parallel()
	peer(t, "ipmitool")
	c := start(t, datacenter.Config{})
	for i, cipher := range []string{"17", "3"} {
		t.Run("cipher suite "+cipher, func(t *testing.T) {
			t.Parallel()
			vendors := []string{"dell", "plain"}
			m := vendorOf(t, c, vendors[i], hosting.IPMI)
			tool := func(args ...string) string { return ipmitool(t, m, cipher, args...) }
			says := func(want string, args ...string) {
				t.Helper()
				if got := tool(args...); !strings.Contains(got, want) {
					t.Errorf("ipmitool %s says %q, without %q", strings.Join(args, " "), got, want)
				}
			}
			says("Chassis Power is on", "power", "status")
			tool("power", "soft")
			awaitPower(t, m, hosting.PowerOff)
			says("Chassis Power is off", "power", "status")
			tool("power", "on")
			awaitPower(t, m, hosting.PowerOn)
			boots := m.View().Boots

			tool("chassis", "bootdev", "pxe", "options=efiboot")
			says("Force PXE", "chassis", "bootparam", "get", "5")
			says("BIOS EFI boot", "chassis", "bootparam", "get", "5")
			tool("power", "cycle")
			await(t, "the cycle", func() bool { return m.View().Boots == boots+1 })
			if got := m.View().LastBoot; got.From != "Pxe" || got.Mode != "UEFI" {
				t.Errorf("booted from %+v after bootdev pxe", got)
			}
			says("No override", "chassis", "bootparam", "get", "5")

			tool("power", "off")
			awaitPower(t, m, hosting.PowerOff)
			tool("power", "cycle") // accepted, and does nothing
			if m.Power() != hosting.PowerOff {
				t.Error("a cycle switched a machine on that was off")
			}
			says(m.Hardware().Serial, "fru")
			says("Manufacturer ID", "mc", "info")
			tool("mc", "reset", "cold") // the BMC, not the machine
			var kinds []string
			for _, r := range m.Resets() {
				if r.Via != hosting.IPMI {
					t.Errorf("a reset came via %s", r.Via)
				}
				kinds = append(kinds, r.Kind+" "+string(r.Effect))
			}
			want := []string{"chassis soft shutdown done", "chassis power up done", "chassis power cycle done", "chassis power down done", "chassis power cycle no-effect"}
			if !slices.Equal(kinds, want) {
				t.Errorf("the log reads %q, want %q", kinds, want)
			}
		})
	}
}

func TestIpmitoolMeetsFaults(t *testing.T) {
	t.Parallel()
	tool := peer(t, "ipmitool")
	c := start(t, datacenter.Config{Servers: 1})
	m := c.Machines()[0]
	host, port, _ := net.SplitHostPort(m.Address(hosting.IPMI))
	user, _ := m.Credentials()
	if out, err := command(t, tool, "-I", "lanplus", "-C", "17", "-H", host, "-p", port, "-U", user, "-P", "wrong", "-N", "1", "-R", "1", "power", "status"); err == nil {
		t.Errorf("a wrong password is let in: %s", out)
	}
	if err := m.SetFault(fault.Fault{Name: fault.Hang, Protocol: hosting.IPMI}); err != nil {
		t.Fatal(err)
	}
	_, password := m.Credentials()
	if out, err := command(t, tool, "-I", "lanplus", "-C", "17", "-H", host, "-p", port, "-U", user, "-P", password, "-N", "1", "-R", "1", "power", "status"); err == nil {
		t.Errorf("a BMC that hangs answers: %s", out)
	}
	m.ClearFaults()
	if err := m.SetFault(fault.Fault{Name: fault.RefuseBoot}); err != nil {
		t.Fatal(err)
	}
	if out := ipmitool(t, m, "17", "chassis", "bootdev", "pxe"); m.View().Override.Active() { // it exits with 0 all the same
		t.Errorf("a boot override is taken in spite of the fault: %s", out)
	}
	m.ClearFaults()
	if got := ipmitool(t, m, "17", "power", "status"); !strings.Contains(got, "on") {
		t.Errorf("without faults: %s", got)
	}
	if got := m.Resets(); len(got) > 0 {
		t.Errorf("resets came out of nothing: %+v", got)
	}
}

// A boot override set over IPMI is forgotten after a minute, unless parameter 3
// said not to (IPMI 2.0, table 28-14).
func TestBootFlagsAreForgottenUnlessKept(t *testing.T) {
	t.Parallel()
	peer(t, "ipmitool")
	clock := newClock()
	timing := chassis.DefaultTiming()
	m := start(t, datacenter.Config{Servers: 1, Timing: &timing, Now: clock.now}).Machines()[0]
	tool := func(args ...string) string { return ipmitool(t, m, "17", args...) }
	for _, tt := range []struct {
		keep string
		want bool
	}{{"0x00", false}, {"0x08", true}} {
		tool("raw", "0x00", "0x08", "0x03", tt.keep)
		tool("raw", "0x00", "0x08", "0x05", "0xa0", "0x04", "0x00", "0x00", "0x00") // valid, EFI, PXE
		if o := m.View().Override; o.Target != "Pxe" || o.Enabled != "Once" || o.Mode != "UEFI" {
			t.Errorf("set, the override is %+v", o)
		}
		clock.advance(timing.BootFlags)
		if got := m.View().Override.Active(); got != tt.want {
			t.Errorf("with parameter 3 at %s the override lives after a minute: %v", tt.keep, got)
		}
		if got := strings.Contains(tool("chassis", "bootparam", "get", "5"), "Force PXE"); got != tt.want {
			t.Errorf("with parameter 3 at %s parameter 5 reads PXE after a minute: %v", tt.keep, got)
		}
	}
}
