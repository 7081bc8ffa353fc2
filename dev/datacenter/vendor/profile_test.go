package vendor_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/handrail/handrail/dev/datacenter/vendor"
)

// recording reads what a real BMC answered, from beside the repository.
func recording(t *testing.T, file string) map[string]map[string]any {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("..", "..", "..", "..", "shared", "bmc-recordings", file))
	if err != nil {
		t.Skipf("the recorded BMCs are not here, so the profile is not compared with one: %v", err)
	}
	var all map[string]any
	if err := json.Unmarshal(raw, &all); err != nil {
		t.Fatal(err)
	}
	r := make(map[string]map[string]any)
	for at, body := range all {
		if d, ok := body.(map[string]any); ok { // some are lists; none of those is needed
			r[at] = d
		}
	}
	return r
}

// dig follows names into a document.
func dig(d any, names ...string) any {
	for _, n := range names {
		m, _ := d.(map[string]any)
		d = m[n]
	}
	return d
}

func words(v any) []string {
	list, _ := v.([]any)
	out := make([]string, len(list))
	for i, w := range list {
		out[i] = fmt.Sprint(w)
	}
	return out
}

func members(d map[string]any) []string {
	list, _ := d["Members"].([]any)
	out := make([]string, len(list))
	for i, m := range list {
		out[i] = path.Base(fmt.Sprint(dig(m, "@odata.id")))
	}
	slices.Sort(out)
	return out
}

func ids(slots []vendor.Slot) []string {
	var out []string
	for _, s := range slots {
		out = append(out, s.ID)
	}
	slices.Sort(out)
	return out
}

func TestProfilesAreAsRecorded(t *testing.T) {
	t.Parallel()
	for file, p := range map[string]*vendor.Profile{
		"dell-poweredge-r750.json":              vendor.Dell,
		"hpe-proliant-dl385-gen10-plus-v2.json": vendor.HPE,
		"lenovo-thinksystem-sr670-v2.json":      vendor.Lenovo,
		"supermicro-sys-821ge.json":             vendor.Supermicro,
	} {
		t.Run(p.Name, func(t *testing.T) {
			t.Parallel()
			r := recording(t, file)
			system := r["/redfish/v1/Systems/"+p.System]
			if system == nil || r["/redfish/v1/Managers/"+p.Manager] == nil || r["/redfish/v1/Chassis/"+p.Chassis] == nil {
				t.Fatalf("no system %s, manager %s or chassis %s", p.System, p.Manager, p.Chassis)
			}
			if system["Manufacturer"] != p.Manufacturer || system["Model"] != p.Model {
				t.Errorf("recorded is a %v %v", system["Manufacturer"], system["Model"])
			}
			reset := dig(system, "Actions", "#ComputerSystem.Reset")
			inline := words(dig(reset, "ResetType@Redfish.AllowableValues"))
			if p.Reset.Inline != (len(inline) > 0) || len(inline) > 0 && !slices.Equal(inline, p.Reset.Types) {
				t.Errorf("inline reset types: recorded %q, profile %q", inline, p.Reset.Types)
			}
			info, _ := dig(reset, "@Redfish.ActionInfo").(string)
			if p.Reset.Info != (info != "") {
				t.Errorf("ActionInfo: recorded %q", info)
			}
			if info != "" {
				parameter := dig(r[info], "Parameters").([]any)[0]
				if got := words(dig(parameter, "AllowableValues")); !sameWords(got, p.Reset.Types) {
					t.Errorf("reset types in ActionInfo: recorded %q, profile %q", got, p.Reset.Types)
				}
			}
			if got := words(dig(system, "Boot", "BootSourceOverrideTarget@Redfish.AllowableValues")); !slices.Equal(got, p.Boot.Targets) {
				t.Errorf("boot targets: recorded %q, profile %q", got, p.Boot.Targets)
			}
			compareMedia(t, r, "/redfish/v1/Managers/"+p.Manager+"/VirtualMedia", p.Media.Managers, p)
			compareMedia(t, r, "/redfish/v1/Systems/"+p.System+"/VirtualMedia", p.Media.Systems, p)
		})
	}
}

func sameWords(a, b []string) bool {
	return slices.Equal(slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b)))
}

func compareMedia(t *testing.T, r map[string]map[string]any, at string, slots []vendor.Slot, p *vendor.Profile) {
	t.Helper()
	if got := members(r[at]); !slices.Equal(got, ids(slots)) {
		t.Errorf("%s: recorded %q, profile %q", at, got, ids(slots))
	}
	for _, s := range slots {
		d := r[at+"/"+s.ID]
		if got := words(d["MediaTypes"]); !slices.Equal(got, s.Types) {
			t.Errorf("%s/%s takes %q, profile %q", at, s.ID, got, s.Types)
		}
		insert := dig(d, "Actions", "#VirtualMedia.InsertMedia") != nil
		eject := dig(d, "Actions", "#VirtualMedia.EjectMedia") != nil
		if insert != p.Media.Insert || eject != p.Media.Eject {
			t.Errorf("%s/%s: recorded insert %v, eject %v", at, s.ID, insert, eject)
		}
	}
}

func TestMachinesAreTheSameInEveryRun(t *testing.T) {
	t.Parallel()
	order := vendor.Order{Service: "srv-1", Host: "a.example", Drives: 2, Drive: vendor.NVMe, DIMMs: 3, DIMM: vendor.RAM64, FailingDrive: 2, FailingDIMM: 1}
	a, b := vendor.HPE.Build(order), vendor.HPE.Build(order)
	if a.Serial != b.Serial || a.UUID != b.UUID || !slices.Equal(a.Drives, b.Drives) || !slices.Equal(a.DIMMs, b.DIMMs) {
		t.Error("two builds to one order differ")
	}
	if a.Drives[0].Health != "OK" || a.Drives[1].Health != "Critical" || a.DIMMs[0].Health != "Critical" || a.MemoryGiB() != 192 {
		t.Errorf("built %+v, %+v", a.Drives, a.DIMMs)
	}
	serials := map[string]bool{a.Serial: true, a.Drives[0].Serial: true, a.Drives[1].Serial: true, a.DIMMs[0].Serial: true, a.DIMMs[1].Serial: true}
	if len(serials) != 5 {
		t.Error("parts share a serial number")
	}
	if u := a.UUIDString(); len(u) != 36 || strings.Count(u, "-") != 4 || u[14] != '4' {
		t.Errorf("the UUID reads %s", u)
	}
}

func TestProfilesAreComplete(t *testing.T) {
	t.Parallel()
	for _, p := range []*vendor.Profile{vendor.Dell, vendor.HPE, vendor.Lenovo, vendor.Supermicro, vendor.Plain} {
		if !slices.Contains(vendor.Profiles(), p.Name) {
			t.Errorf("%s is not listed", p.Name)
		}
		if len(p.User) == 0 || len(p.User) > 16 || p.Sessions == 0 || !p.Reset.Inline && !p.Reset.Info {
			t.Errorf("%s: user %q, %d sessions, reset %+v", p.Name, p.User, p.Sessions, p.Reset)
		}
		if !p.Media.Eject && !p.Media.Patch {
			t.Errorf("%s: a medium can not be ejected", p.Name)
		}
		seen := map[string]bool{}
		for i := range 16 {
			id, label := p.DIMM(i)
			if seen[id] || label == "" {
				t.Errorf("%s: two DIMMs are %q", p.Name, id)
			}
			seen[id] = true
		}
	}
}
