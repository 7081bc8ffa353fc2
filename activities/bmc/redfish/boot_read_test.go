package redfish_test

import (
	"net/http"
	"slices"
	"testing"

	"github.com/handrail/handrail/activities/bmc/board"
	"github.com/handrail/handrail/activities/bmc/internal/redfishtest"
	"github.com/handrail/handrail/hosting"
)

// Where BMCs list what the override accepts, and what they call it.
func TestReadBoot(t *testing.T) {
	t.Parallel()
	const allowed = "BootSourceOverrideTarget@Redfish.AllowableValues"
	type boot = redfishtest.Resource
	usual := []board.Device{board.BootPXE, board.BootCD, board.BootDisk, board.BootBIOS}
	for name, x := range map[string]struct {
		boot, settings boot
		want           board.BootSetup
		fault          hosting.FaultKind
	}{
		"listed beside it":      {boot: boot{"BootSourceOverrideTarget": "None", allowed: []any{"None", "Pxe", "UefiHttp"}}, want: board.BootSetup{Devices: []board.Device{board.BootPXE, board.BootHTTP}}},
		"spelled in its way":    {boot: boot{"BootSourceOverrideTarget": "UEFIHTTP", "BootSourceOverrideEnabled": "Once", allowed: []any{"UEFIHTTP"}}, want: board.BootSetup{Override: board.BootHTTP, Devices: []board.Device{board.BootHTTP}}},
		"under the old name":    {boot: boot{"BootSourceOverrideTarget": "None", "BootSourceOverrideSupported": []any{"Cd", "Pxe"}}, want: board.BootSetup{Devices: []board.Device{board.BootPXE, board.BootCD}}},
		"with the settings":     {boot: boot{"BootSourceOverrideTarget": "None"}, settings: boot{allowed: []any{"Hdd", "UefiHttp"}}, want: board.BootSetup{Devices: []board.Device{board.BootHTTP, board.BootDisk}}},
		"nowhere":               {boot: boot{"BootSourceOverrideTarget": "None"}, want: board.BootSetup{Devices: usual}},
		"nowhere in either":     {boot: boot{"BootSourceOverrideTarget": "None"}, settings: boot{}, want: board.BootSetup{Devices: usual}},
		"nothing that we know":  {boot: boot{"BootSourceOverrideTarget": "None", allowed: []any{"RemoteDrive", 7}}, want: board.BootSetup{Devices: usual}}, // an unreadable list is none
		"a drive elsewhere":     {boot: boot{"BootSourceOverrideTarget": "RemoteDrive", "BootSourceOverrideEnabled": "Once", allowed: []any{"RemoteDrive", "Pxe"}}, want: board.BootSetup{Other: "RemoteDrive", Devices: []board.Device{board.BootPXE}}},
		"for good":              {boot: boot{"BootSourceOverrideTarget": "Pxe", "BootSourceOverrideEnabled": "Continuous", "BootSourceOverrideMode": "Legacy"}, want: board.BootSetup{Override: board.BootPXE, Lasting: true, Mode: board.ModeLegacy, Devices: usual}},
		"disabled, with target": {boot: boot{"BootSourceOverrideTarget": "Pxe", "BootSourceOverrideEnabled": "Disabled"}, want: board.BootSetup{Devices: usual}},
		"once, without target":  {boot: boot{"BootSourceOverrideTarget": "None", "BootSourceOverrideEnabled": "Once"}, want: board.BootSetup{Devices: usual}},
		"no override at all":    {boot: boot{"BootOrder": []any{"Boot0001"}}, fault: hosting.FaultUnsupported},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := redfishtest.Sample()
			m.Change("/redfish/v1/Systems/1", func(s redfishtest.Resource) {
				s["Boot"] = x.boot
				s["@Redfish.Settings"] = redfishtest.Resource{"SettingsObject": redfishtest.Resource{"@odata.id": "/redfish/v1/Systems/1/Pending"}}
			})
			if x.settings != nil {
				m.Add("/redfish/v1/Systems/1/Pending", redfishtest.Resource{"Boot": x.settings})
			}
			c := open(t, m)
			got, err := c.ReadBoot(t.Context())
			if hosting.KindOf(err) != x.fault || got.Override != x.want.Override || got.Other != x.want.Other || got.Lasting != x.want.Lasting ||
				got.Mode != x.want.Mode || !slices.Equal(got.Devices, x.want.Devices) {
				t.Errorf("ReadBoot = %+v, %v; want %+v", got, err, x.want)
			}
			if sent := m.Sent(); len(sent) > 0 {
				t.Errorf("sent %v", sent)
			}
		})
	}
}

// What is listed in a spelling of its own is set in it.
func TestSetBootOnce_asItIsSpelled(t *testing.T) {
	t.Parallel()
	m := redfishtest.Sample()
	m.Change("/redfish/v1/Systems/1", func(s redfishtest.Resource) {
		s["Boot"].(redfishtest.Resource)["BootSourceOverrideTarget@Redfish.AllowableValues"] = []any{"None", "UEFIHTTP"}
	})
	c := open(t, m)
	if got, err := c.SetBootOnce(t.Context(), board.Boot{Device: board.BootHTTP}); err != nil || got.Target != "UEFIHTTP" {
		t.Errorf("SetBootOnce = %+v, %v", got, err)
	}
	if _, err := c.SetBootOnce(t.Context(), board.Boot{Device: board.BootPXE}); hosting.KindOf(err) != hosting.FaultUnsupported {
		t.Errorf("PXE: %v", err)
	}
}

// A BMC that lists nothing and refuses HTTP boot says Unsupported as well.
func TestSetBootOnce_refused(t *testing.T) {
	t.Parallel()
	m := redfishtest.Sample()
	m.Fault = func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method != http.MethodPatch {
			return false
		}
		w.WriteHeader(http.StatusBadRequest)
		return true
	}
	if _, err := open(t, m).SetBootOnce(t.Context(), board.Boot{Device: board.BootHTTP}); hosting.KindOf(err) != hosting.FaultUnsupported {
		t.Errorf("SetBootOnce = %v", err)
	}
}

// Which drives count, and that a BMC that stops answering is not one without.
func TestHasDrive(t *testing.T) {
	t.Parallel()
	const slots = `{"Members":[{"@odata.id":"/media/1"},{"@odata.id":"/media/2"}]}`
	for name, x := range map[string]struct {
		first, second string
		status        int // of the second, where it is not 200
		has           bool
		fault         hosting.FaultKind
	}{
		"second of two":      {`{"MediaTypes":["USBStick"]}`, `{"MediaTypes":["DVD"]}`, 0, true, ""},
		"does not say":       {`{"MediaTypes":null}`, `{}`, 0, true, ""},
		"none for CDs":       {`{"MediaTypes":["Floppy"]}`, `{"MediaTypes":["USBStick"]}`, 0, false, ""},
		"stops answering":    {`{"MediaTypes":["Floppy"]}`, ``, 503, false, hosting.FaultUnreachable},
		"forbidden":          {`{"MediaTypes":["Floppy"]}`, ``, 403, false, ""},
		"login is forgotten": {`{"MediaTypes":["Floppy"]}`, ``, 401, false, hosting.FaultUnsupported},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := redfishtest.Sample()
			m.Change("/redfish/v1/Systems/1", func(s redfishtest.Resource) {
				s["VirtualMedia"] = redfishtest.Resource{"@odata.id": "/media"}
			})
			c := open(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				switch r.URL.Path {
				case "/media":
					body(slots)(w, r)
				case "/media/1":
					body(x.first)(w, r)
				case "/media/2":
					if x.status != 0 {
						w.WriteHeader(x.status)
					}
					body(x.second)(w, r)
				default:
					m.ServeHTTP(w, r)
				}
			}))
			if has, err := c.HasDrive(t.Context()); has != x.has || hosting.KindOf(err) != x.fault {
				t.Errorf("HasDrive = %t, %v", has, err)
			}
		})
	}
	if has, err := open(t, redfishtest.Sample()).HasDrive(t.Context()); has || err != nil {
		t.Errorf("no virtual media at all: %t, %v", has, err)
	}
}
