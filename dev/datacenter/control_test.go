package datacenter_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/handrail/handrail/dev/datacenter"
	"github.com/handrail/handrail/dev/datacenter/fault"
	"github.com/handrail/handrail/hosting"
)

// local is a request as it comes over loopback.
func local(method, path string) *http.Request {
	r := httptest.NewRequest(method, "http://127.0.0.1:9999"+path, nil)
	r.RemoteAddr = "127.0.0.1:40000"
	return r
}

func control(t *testing.T, c *datacenter.Center, r *http.Request, want int) map[string]any {
	t.Helper()
	w := httptest.NewRecorder()
	c.ControlHandler().ServeHTTP(w, r)
	if w.Code != want {
		t.Errorf("%s %s: %d %s, want %d", r.Method, r.URL.Path, w.Code, w.Body, want)
	}
	var d map[string]any
	_ = json.Unmarshal(w.Body.Bytes(), &d) // lists stay nil
	return d
}

func TestControlSwitchesFaultsAndPower(t *testing.T) {
	t.Parallel()
	c := start(t, datacenter.Config{Servers: 5, Timing: &instant})
	m := c.Machine("srv-1001")
	control(t, c, local("POST", "/servers/srv-1001/faults/slow?duration=3s&times=2&protocol=ipmi"), 200)
	control(t, c, local("POST", "/servers/srv-1001/faults/stuck-power"), 200)
	if got := m.Faults(); len(got) != 2 || got[0].Duration.Seconds() != 3 || got[0].Times != 2 || got[0].Protocol != hosting.IPMI {
		t.Errorf("the faults are %+v", got)
	}
	d := control(t, c, local("GET", "/servers/srv-1001"), 200)
	if shown, _ := d["faults"].([]any); len(shown) != 2 || d["power"] != "on" || d["vendor"] != "dell" {
		t.Errorf("shown as %v", d)
	}
	control(t, c, local("DELETE", "/servers/srv-1001/faults/slow"), 200)
	if got := m.Faults(); len(got) != 1 || got[0].Name != fault.StuckPower {
		t.Errorf("left are %+v", got)
	}
	control(t, c, local("DELETE", "/servers/srv-1001/faults"), 200)
	if len(m.Faults()) != 0 {
		t.Error("faults are left")
	}
	control(t, c, local("POST", "/servers/srv-1001/power/off"), 200)
	if m.Power() != hosting.PowerOff {
		t.Error("the machine is on after the customer switched it off")
	}
	control(t, c, local("POST", "/servers/srv-1001/power/on"), 200)
	if m.Power() != hosting.PowerOn || len(m.Resets()) != 0 {
		t.Errorf("%s, resets %+v: the customer's hand is no reset", m.Power(), m.Resets())
	}
}

func TestControlShowsResetsAndServers(t *testing.T) {
	t.Parallel()
	c := start(t, datacenter.Config{Timing: &instant})
	newClient(t, c.Machine("srv-1001")).reset("ForceOff")
	w := httptest.NewRecorder()
	c.ControlHandler().ServeHTTP(w, local("GET", "/servers/srv-1001/resets"))
	var resets []map[string]any
	if err := json.Unmarshal(w.Body.Bytes(), &resets); err != nil || len(resets) != 1 || resets[0]["kind"] != "ForceOff" || resets[0]["via"] != "redfish" {
		t.Errorf("%v: %s", err, w.Body)
	}
	w = httptest.NewRecorder()
	c.ControlHandler().ServeHTTP(w, local("GET", "/servers"))
	var servers []map[string]any
	if err := json.Unmarshal(w.Body.Bytes(), &servers); err != nil || len(servers) != datacenter.DefaultServers {
		t.Errorf("%v: %d servers", err, len(servers))
	}
	for _, m := range c.Machines() {
		if _, password := m.Credentials(); strings.Contains(w.Body.String(), password) {
			t.Error("the control API shows a password")
		}
	}
	w = httptest.NewRecorder()
	c.ControlHandler().ServeHTTP(w, local("GET", "/faults"))
	for _, k := range fault.Kinds() {
		if !strings.Contains(w.Body.String(), `"`+string(k.Name)+`"`) {
			t.Errorf("%s is not documented", k.Name)
		}
	}
}

func TestControlRefuses(t *testing.T) {
	t.Parallel()
	c := start(t, datacenter.Config{})
	for path, want := range map[string]int{
		"/servers/srv-9999/faults/slow": 404, "/servers/srv-1011/faults/slow": 404, // a VPS
		"/servers/srv-1001/faults/flood": 400, "/servers/srv-1001/faults/slow?duration=soon": 400,
		"/servers/srv-1001/faults/slow?duration=1h": 400, "/servers/srv-1001/faults/slow?speed=1": 400,
		"/servers/srv-1001/power/sideways": 404,
	} {
		if d := control(t, c, local("POST", path), want); d["error"] == "" {
			t.Errorf("%s: no word about why", path)
		}
	}
	control(t, c, local("DELETE", "/servers/srv-1001/faults/flood"), 404)

	far := local("GET", "/servers")
	far.RemoteAddr = "192.0.2.1:40000"
	control(t, c, far, 403)
	renamed := local("GET", "/servers")
	renamed.Host = "rebound.example:9999"
	control(t, c, renamed, 403)
	foreign := local("POST", "/servers/srv-1001/power/off")
	foreign.Header.Set("Sec-Fetch-Site", "cross-site")
	control(t, c, foreign, 403)
	if c.Machine("srv-1001").Power() != hosting.PowerOn {
		t.Error("a foreign page switched the machine off")
	}
}

func TestControlIsServedOnLoopbackOnly(t *testing.T) {
	t.Parallel()
	c := start(t, datacenter.Config{Servers: 1, Control: "127.0.0.1:0"})
	resp, err := http.Get(c.ControlURL() + "/servers")
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != 200 {
		t.Errorf("%d", resp.StatusCode)
	}
	if c, err := datacenter.Start(t.Context(), datacenter.Config{Servers: 1, Control: "0.0.0.0:0"}); err == nil {
		c.Close()
		t.Error("served on every address")
	} else if !strings.Contains(err.Error(), "loopback") {
		t.Error(err)
	}
}
