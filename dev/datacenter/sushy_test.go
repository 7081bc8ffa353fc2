package datacenter_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"github.com/handrail/handrail/dev/datacenter"
	"github.com/handrail/handrail/dev/datacenter/vendor"
	"github.com/handrail/handrail/hosting"
)

const debianPython = "/usr/bin/python3"

func needSushy(t *testing.T) {
	t.Helper()
	if exec.Command(debianPython, "-c", "import sushy").Run() != nil {
		missing(t, "python3-sushy is not installed, so the simulated BMCs are not tried with it")
	}
}

// sushySaw is what testdata/sushy_peer.py prints.
type sushySaw struct {
	Systems            []string            `json:"systems"`
	Vendor             string              `json:"vendor"`
	Power              string              `json:"power"`
	Resets             []string            `json:"resets"`
	Override           []string            `json:"override"`
	OverrideAfterBoot  string              `json:"override_after_boot"`
	Slots              map[string][]string `json:"slots"`
	Image              string              `json:"image"`
	InsertedAfterEject bool                `json:"inserted_after_eject"`
	Drives             [][]any             `json:"drives"`
	Simple             []string            `json:"simple"`
	MemoryGiB          int                 `json:"memory_gib"`
	Chassis            []string            `json:"chassis"`
	Tasks              bool                `json:"tasks"`
	Conflicts          int                 `json:"conflicts"`
}

func TestSushyDrivesTheMachine(t *testing.T) {
	t.Parallel()
	needSushy(t)
	c := start(t, datacenter.Config{})
	slots := map[string]string{"dell": "CD", "hpe": "2", "lenovo": "EXT1", "supermicro": "VirtualMedia1", "plain": "Cd"}
	for _, name := range vendor.Profiles() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for auth, m := range map[string]*datacenter.Machine{"basic": vendorOf(t, c, name, hosting.Redfish), "session": lastOf(c, name)} {
				before := m.View()
				saw := sushy(t, c, m, auth, slots[name])
				checkSushy(t, m, saw, slots[name])
				v := m.View()
				if v.Boots != before.Boots+1 || v.LastBoot.From != "Pxe" || v.Phase != hosting.PowerOn {
					t.Errorf("the machine booted %d times, last from %s, and is %s", v.Boots-before.Boots, v.LastBoot.From, v.Phase)
				}
				if n := m.Sessions(); n != 0 {
					t.Errorf("%d sessions are left open", n)
				}
			}
		})
	}
}

// lastOf is another machine of the vendor that is on, where there is one.
func lastOf(c *datacenter.Center, name string) *datacenter.Machine {
	all := slices.DeleteFunc(c.Machines(), func(m *datacenter.Machine) bool {
		return m.Vendor() != name || m.Address(hosting.Redfish) == "" || m.Power() != hosting.PowerOn
	})
	return all[len(all)-1]
}

func sushy(t *testing.T, c *datacenter.Center, m *datacenter.Machine, auth, slot string) sushySaw {
	t.Helper()
	user, password := m.Credentials()
	h := m.Hardware()
	ca := ""
	if pem := m.Server().BMC.Endpoints[0].TLS.CA; pem != "" {
		ca = filepath.Join(t.TempDir(), "ca.pem")
		if err := os.WriteFile(ca, []byte(pem), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	in, err := json.Marshal(map[string]any{
		"url": "https://" + m.Address(hosting.Redfish), "user": user, "password": password, "auth": auth, "ca": ca,
		"system": "/redfish/v1/Systems/" + h.System, "slot": slot, "mode": h.Boot.Mode, "simple": h.Storage.Simple,
		"every_system": h.Baseboard == "", // sushy demands a Reset type list of every one
	})
	if err != nil {
		t.Fatal(err)
	}
	var saw sushySaw
	out := run(t, debianPython, "testdata/sushy_peer.py", string(in))
	if err := json.Unmarshal([]byte(out), &saw); err != nil {
		t.Fatalf("%v in %s", err, out)
	}
	return saw
}

func checkSushy(t *testing.T, m *datacenter.Machine, saw sushySaw, slot string) {
	t.Helper()
	h := m.Hardware()
	if saw.Vendor != h.Manufacturer || saw.Power != "On" || saw.MemoryGiB != h.MemoryGiB() {
		t.Errorf("sushy saw %s, power %s, %d GiB", saw.Vendor, saw.Power, saw.MemoryGiB)
	}
	known := slices.DeleteFunc(slices.Clone(h.Reset.Types), func(k string) bool { return k == "Off" }) // not in the standard
	slices.Sort(known)
	// sushy reads no ActionInfo: it takes every type for possible then.
	if h.Reset.Inline && !slices.Equal(saw.Resets, known) {
		t.Errorf("sushy saw the reset types %q, want %q", saw.Resets, known)
	}
	if !slices.Equal(saw.Override, []string{"Pxe", "Once"}) || saw.OverrideAfterBoot != "Disabled" {
		t.Errorf("the override was %q, and %q after the boot", saw.Override, saw.OverrideAfterBoot)
	}
	if saw.Image != "https://192.0.2.9/rescue.iso" || saw.InsertedAfterEject {
		t.Errorf("in slot %s of %v: %q; still in after the ejection: %v", slot, saw.Slots, saw.Image, saw.InsertedAfterEject)
	}
	if len(saw.Slots) != len(h.Media.Managers) {
		t.Errorf("sushy saw the slots %v", saw.Slots)
	}
	if len(saw.Drives) != len(h.Drives) {
		t.Fatalf("sushy saw %d drives of %d", len(saw.Drives), len(h.Drives))
	}
	for i, d := range h.Drives {
		if got := saw.Drives[i]; got[0] != d.Serial || int64(got[1].(float64)) != d.Bytes || got[2] != d.Health {
			t.Errorf("drive %d is %v for sushy, and really %+v", i, got, d)
		}
	}
	if h.Storage.Simple && len(saw.Simple) != len(h.Drives) {
		t.Errorf("sushy saw %d devices in simple storage", len(saw.Simple))
	}
	if !slices.Contains(saw.Chassis, h.Chassis) {
		t.Errorf("sushy saw the chassis %q", saw.Chassis)
	}
}
