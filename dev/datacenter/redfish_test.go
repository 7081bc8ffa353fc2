package datacenter_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/handrail/handrail/dev/datacenter"
	"github.com/handrail/handrail/dev/datacenter/chassis"
	"github.com/handrail/handrail/dev/datacenter/vendor"
	"github.com/handrail/handrail/hosting"
)

// walk follows every link of a service and returns what it met.
func walk(c *client, path string, met map[string]map[string]any) {
	c.t.Helper()
	path, _, _ = strings.Cut(strings.TrimSuffix(path, "/"), "#")
	if _, been := met[path]; been {
		return
	}
	a := c.do("GET", path, nil)
	met[path] = a.body
	if a.status != http.StatusOK || a.body["@odata.id"] != path && strings.HasPrefix(path, "/redfish/v1/") {
		c.t.Errorf("%s %s: %d %s", c.m.Vendor(), path, a.status, a.raw)
	}
	var follow func(v any)
	follow = func(v any) {
		switch v := v.(type) {
		case map[string]any:
			for k, inner := range v {
				if link, ok := inner.(string); ok && (k == "@odata.id" || k == "@Redfish.ActionInfo") {
					walk(c, link, met)
				}
				follow(inner)
			}
		case []any:
			for _, inner := range v {
				follow(inner)
			}
		}
	}
	follow(a.body)
}

func TestEveryLinkLeadsSomewhere(t *testing.T) {
	t.Parallel()
	c := start(t, datacenter.Config{Servers: 5, Timing: &instant})
	for _, name := range vendor.Profiles() {
		met := map[string]map[string]any{}
		walk(newClient(t, vendorOf(t, c, name, hosting.Redfish)), "/redfish/v1", met)
		if len(met) < 20 {
			t.Errorf("%s has %d resources only", name, len(met))
		}
		for path, body := range met {
			if strings.HasPrefix(path, "/redfish/v1/") && (body["@odata.type"] == nil || body["Name"] == nil) {
				t.Errorf("%s %s lacks @odata.type or Name: %v", name, path, body)
			}
		}
	}
}

func TestAuthentication(t *testing.T) {
	t.Parallel()
	c := newClient(t, start(t, datacenter.Config{Servers: 1}).Machines()[0])
	c.head = map[string]string{"Authorization": "none"}
	for path, want := range map[string]int{
		"/redfish": 200, "/redfish/v1": 200, "/redfish/v1/": 200, "/redfish/v1/odata": 200, "/redfish/v1/$metadata": 200,
		"/redfish/v1/Systems": 401, "/redfish/v1/SessionService/Sessions": 401, "/redfish/v1/Nowhere": 401,
	} {
		if a := c.do("GET", path, nil); a.status != want {
			t.Errorf("GET %s without credentials: %d, want %d", path, a.status, want)
		}
	}
	if a := c.reset("ForceOff"); a.status != 401 || a.header.Get("WWW-Authenticate") == "" || !strings.HasSuffix(a.messageID(), ".NoValidSession") {
		t.Errorf("a reset without credentials: %d %s", a.status, a.raw)
	}
	c.head = map[string]string{"X-Auth-Token": "guess"}
	if a := c.reset("ForceOff"); a.status != 401 {
		t.Errorf("a reset with an invented token: %d", a.status)
	}
	if n := len(c.m.Resets()); n != 0 {
		t.Errorf("%d resets got through", n)
	}
}

func (c *client) login() answer {
	user, password := c.m.Credentials()
	return c.do("POST", "/redfish/v1/SessionService/Sessions", map[string]string{"UserName": user, "Password": password})
}

func TestSessionsLeakUntilFull(t *testing.T) {
	t.Parallel()
	clock := newClock()
	center := start(t, datacenter.Config{Servers: 5, Now: clock.now})
	m := vendorOf(t, center, "plain", hosting.Redfish)
	c := newClient(t, m)
	if a := c.do("POST", "/redfish/v1/SessionService/Sessions", map[string]string{"UserName": "admin", "Password": "wrong"}); a.status != 401 {
		t.Errorf("a wrong password: %d", a.status)
	}
	var last answer
	for i := range m.Hardware().Sessions {
		if last = c.login(); last.status != http.StatusCreated {
			t.Fatalf("login %d: %d %s", i, last.status, last.raw)
		}
	}
	if a := c.login(); a.status != 503 || !strings.HasSuffix(a.messageID(), ".SessionLimitExceeded") {
		t.Errorf("one login too many: %d %s", a.status, a.raw)
	}
	if c.power() != "On" {
		t.Error("basic authentication does not work any more")
	}
	c.head = map[string]string{"X-Auth-Token": last.header.Get("X-Auth-Token")}
	if c.power() != "On" {
		t.Error("the session's token does not work")
	}
	if a := c.do("DELETE", last.header.Get("Location"), nil); a.status >= 300 {
		t.Errorf("closing a session: %d", a.status)
	}
	if a := c.do("GET", c.system(), nil); a.status != 401 {
		t.Errorf("a closed session's token: %d", a.status)
	}
	c.head = nil
	if a := c.login(); a.status != http.StatusCreated {
		t.Errorf("after one was closed: %d", a.status)
	}
	clock.advance(31 * time.Minute)
	if n := m.Sessions(); n != 0 {
		t.Errorf("%d sessions outlive their time", n)
	}
}

func TestResetTypesByVendor(t *testing.T) {
	t.Parallel()
	c := start(t, datacenter.Config{Servers: 5, Timing: &instant})
	for name, missing := range map[string][]string{
		"dell": {"ForceOn", "Off"}, "hpe": {"PowerCycle", "ForceOn"}, "lenovo": {"PowerCycle", "PushPowerButton"},
		"supermicro": {"PushPowerButton"}, "plain": {"GracefulShutdown", "ForceRestart", "PowerCycle"},
	} {
		cl := newClient(t, vendorOf(t, c, name, hosting.Redfish))
		for _, kind := range missing {
			if a := cl.reset(kind); a.status != 400 || !strings.HasSuffix(a.messageID(), ".ActionParameterValueNotInList") {
				t.Errorf("%s takes %s: %d %s", name, kind, a.status, a.raw)
			}
		}
		for _, kind := range cl.m.Hardware().Reset.Types {
			if kind == "On" || kind == "ForceOn" {
				continue // on already
			}
			cl.m.SetPower(true)
			if a := cl.reset(kind); a.status >= 300 {
				t.Errorf("%s refuses %s: %d %s", name, kind, a.status, a.raw)
			}
			r := cl.m.Resets()
			if last := r[len(r)-1]; last.Kind != kind || last.Effect != chassis.Done || last.Via != hosting.Redfish || last.System != cl.m.Hardware().System {
				t.Errorf("%s logged %+v for %s", name, last, kind)
			}
		}
	}
}

func TestNothingToDoByVendor(t *testing.T) {
	t.Parallel()
	c := start(t, datacenter.Config{Servers: 5, Timing: &instant})
	for name, want := range map[string]int{"dell": 409, "hpe": 400, "lenovo": 204, "supermicro": 200, "plain": 204} {
		cl := newClient(t, vendorOf(t, c, name, hosting.Redfish))
		if a := cl.reset("On"); a.status != want {
			t.Errorf("%s answers On, when on, with %d, want %d", name, a.status, want)
		}
		cl.m.SetPower(false)
		if a := cl.reset("ForceOff"); a.status != want {
			t.Errorf("%s answers ForceOff, when off, with %d, want %d", name, a.status, want)
		}
		for _, r := range cl.m.Resets() {
			if r.Effect == chassis.Done {
				t.Errorf("%s moved: %+v", name, r)
			}
		}
	}
}

func TestDellIsBusyAfterOff(t *testing.T) {
	t.Parallel()
	clock := newClock()
	timing := chassis.DefaultTiming()
	m := start(t, datacenter.Config{Servers: 1, Timing: &timing, Now: clock.now}).Machines()[0]
	c := newClient(t, m)
	c.reset("ForceOff")
	clock.advance(time.Second)
	if c.power() != "Off" {
		t.Fatal("not off")
	}
	if a := c.reset("On"); a.status != 409 {
		t.Errorf("On right after off: %d, want 409", a.status)
	}
	clock.advance(timing.Busy)
	if a := c.reset("On"); a.status != 204 {
		t.Errorf("On later: %d, want 204", a.status)
	}
	if c.power() != "Off" {
		t.Error("the power is on before its time")
	}
	clock.advance(time.Second)
	if c.power() != "On" {
		t.Error("the power is not on in its time")
	}
	effects := []chassis.Effect{chassis.Done, chassis.Refused, chassis.Done}
	for i, r := range m.Resets() {
		if r.Effect != effects[i] {
			t.Errorf("reset %d: %+v", i, r)
		}
	}
}

func TestHPERefusesBootChangesInPOST(t *testing.T) {
	t.Parallel()
	clock := newClock()
	timing := chassis.DefaultTiming()
	c := newClient(t, vendorOf(t, start(t, datacenter.Config{Servers: 2, Timing: &timing, Now: clock.now}), "hpe", hosting.Redfish))
	pxe := map[string]string{"BootSourceOverrideTarget": "Pxe", "BootSourceOverrideEnabled": "Once"}
	c.reset("ForceRestart")
	clock.advance(time.Second)
	if a := c.boot(pxe); a.status != 400 || !strings.HasSuffix(a.messageID(), ".UnableToModifyDuringSystemPOST") {
		t.Errorf("in POST: %d %s", a.status, a.raw)
	}
	clock.advance(timing.POST)
	if a := c.boot(pxe); a.status != 200 {
		t.Errorf("after POST: %d %s", a.status, a.raw)
	}
	if got := c.m.View().Override; got.Target != "Pxe" || got.Enabled != "Once" {
		t.Errorf("the override is %+v", got)
	}
}

func TestBootOverrideIsChecked(t *testing.T) {
	t.Parallel()
	center := start(t, datacenter.Config{Servers: 5, Timing: &instant})
	tests := []struct {
		vendor, property, value string
		want                    string
	}{
		{"supermicro", "BootSourceOverrideMode", "UEFI", "PropertyNotWritable"},
		{"hpe", "BootSourceOverrideMode", "UEFI", "PropertyNotWritable"},
		{"lenovo", "BootSourceOverrideEnabled", "Continuous", "PropertyValueNotInList"},
		{"plain", "BootSourceOverrideTarget", "UsbCd", "PropertyValueNotInList"},
		{"dell", "BootOrder", "x", "PropertyNotWritable"},
	}
	for _, tt := range tests {
		c := newClient(t, vendorOf(t, center, tt.vendor, hosting.Redfish))
		if a := c.boot(map[string]string{tt.property: tt.value}); a.status != 400 || !strings.HasSuffix(a.messageID(), "."+tt.want) {
			t.Errorf("%s %s=%s: %d %s", tt.vendor, tt.property, tt.value, a.status, a.raw)
		}
	}
	c := newClient(t, vendorOf(t, center, "dell", hosting.Redfish))
	if a := c.do("PATCH", c.system(), map[string]any{"Boot": map[string]any{"BootSourceOverrideTarget": 5}}); !strings.HasSuffix(a.messageID(), ".PropertyValueTypeError") {
		t.Errorf("a number for a target: %d %s", a.status, a.raw)
	}
}

func TestBadRequests(t *testing.T) {
	t.Parallel()
	m := vendorOf(t, start(t, datacenter.Config{Servers: 3}), "lenovo", hosting.Redfish)
	c := newClient(t, m)
	if a := c.do("GET", "/redfish/v1/Nowhere", nil); a.status != 404 || a.messageID() != "Base.1.14.ResourceMissingAtURI" {
		t.Errorf("a missing resource: %d %s", a.status, a.raw)
	}
	if a := c.do("DELETE", c.system(), nil); a.status != 405 || !strings.Contains(a.header.Get("Allow"), "PATCH") {
		t.Errorf("DELETE of a system: %d, Allow %q", a.status, a.header.Get("Allow"))
	}
	if a := c.do("PATCH", c.system(), strings.Repeat("x", 100<<10)); a.status != 413 {
		t.Errorf("a huge body: %d", a.status)
	}
	if a := c.do("PATCH", c.system(), "text"); a.status != 400 || !strings.HasSuffix(a.messageID(), ".MalformedJSON") {
		t.Errorf("a string for a body: %d", a.status)
	}
	if a := c.do("GET", "/redfish/v1/Systems?$filter=x", nil); a.status != 501 {
		t.Errorf("$filter: %d", a.status)
	}
	c.head = map[string]string{"Content-Type": "text/plain"}
	if a := c.reset("On"); a.status != 415 {
		t.Errorf("text/plain: %d", a.status)
	}
}

func TestETags(t *testing.T) {
	t.Parallel()
	c := newClient(t, vendorOf(t, start(t, datacenter.Config{Servers: 3}), "lenovo", hosting.Redfish))
	tag := c.do("GET", c.system(), nil).header.Get("ETag")
	if tag == "" {
		t.Fatal("no ETag")
	}
	c.head = map[string]string{"If-None-Match": tag}
	if a := c.do("GET", c.system(), nil); a.status != http.StatusNotModified || a.raw != "" {
		t.Errorf("unchanged: %d %q", a.status, a.raw)
	}
	c.head = map[string]string{"If-Match": tag}
	pxe := map[string]string{"BootSourceOverrideTarget": "Pxe", "BootSourceOverrideEnabled": "Once"}
	if a := c.boot(pxe); a.status != 200 {
		t.Errorf("with the right tag: %d", a.status)
	}
	if a := c.boot(pxe); a.status != http.StatusPreconditionFailed {
		t.Errorf("with the tag of before: %d, want 412", a.status)
	}
}

func TestExpand(t *testing.T) {
	t.Parallel()
	center := start(t, datacenter.Config{Servers: 5})
	m := vendorOf(t, center, "dell", hosting.Redfish)
	c := newClient(t, m)
	a := c.do("GET", c.system()+"/Memory?$expand=.($levels=1)", nil)
	members, _ := a.body["Members"].([]any)
	if len(members) != len(m.Hardware().DIMMs) {
		t.Fatalf("%d members in %s", len(members), a.raw)
	}
	if first := members[0].(map[string]any); first["SerialNumber"] != m.Hardware().DIMMs[0].Serial {
		t.Errorf("the first member is %v", first)
	}
	plain := newClient(t, vendorOf(t, center, "plain", hosting.Redfish))
	if a := plain.do("GET", plain.system()+"/Memory?$expand=.", nil); a.status != 501 {
		t.Errorf("plain knows $expand: %d", a.status)
	}
}

// A BMC with a GPU baseboard shows two systems, and what is done to the
// baseboard does not move the host.
func TestTwoSystemsBehindOneBMC(t *testing.T) {
	t.Parallel()
	m := vendorOf(t, start(t, datacenter.Config{Servers: 4}), "supermicro", hosting.Redfish)
	c := newClient(t, m)
	members, _ := c.do("GET", "/redfish/v1/Systems", nil).body["Members"].([]any)
	if len(members) != 2 || members[0].(map[string]any)["@odata.id"] == c.system() {
		t.Fatalf("the systems are %v, and the host is the first", members)
	}
	a := c.do("POST", "/redfish/v1/Systems/HGX_Baseboard_0/Actions/ComputerSystem.Reset", map[string]string{"ResetType": "ForceRestart"})
	if a.status >= 300 {
		t.Fatalf("resetting the baseboard: %d", a.status)
	}
	r := m.Resets()
	if len(r) != 1 || r[0].System != "HGX_Baseboard_0" || m.View().Boots != 0 || m.Power() != hosting.PowerOn {
		t.Errorf("the host felt it: %+v", r)
	}
	e := m.Server().BMC.Endpoints
	if i := slices.IndexFunc(e, func(e hosting.BMCEndpoint) bool { return e.Protocol == hosting.Redfish }); e[i].System != "1" {
		t.Errorf("the record names the system %q", e[i].System)
	}
}
