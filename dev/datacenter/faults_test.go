package datacenter_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/handrail/handrail/dev/datacenter"
	"github.com/handrail/handrail/dev/datacenter/chassis"
	"github.com/handrail/handrail/dev/datacenter/fault"
	"github.com/handrail/handrail/hosting"
)

func set(t *testing.T, m *datacenter.Machine, f fault.Fault) {
	t.Helper()
	if err := m.SetFault(f); err != nil {
		t.Fatal(err)
	}
}

func TestFaultsShowOverRedfish(t *testing.T) {
	t.Parallel()
	tests := map[fault.Name]func(t *testing.T, c *client){
		fault.Unavailable: func(t *testing.T, c *client) {
			if a := c.do("GET", "/redfish/v1", nil); a.status != 503 || a.header.Get("Retry-After") == "" || a.messageID() == "" {
				t.Errorf("%d %s", a.status, a.raw)
			}
		},
		fault.HTML: func(t *testing.T, c *client) {
			if a := c.reset("ForceOff"); a.status != 200 || !strings.HasPrefix(a.header.Get("Content-Type"), "text/html") || !strings.Contains(a.raw, "password") {
				t.Errorf("%d %s", a.status, a.raw)
			}
			if len(c.m.Resets()) > 0 {
				t.Error("the reset got through behind the login page")
			}
		},
		fault.SessionsFull: func(t *testing.T, c *client) {
			if a := c.login(); a.status != 503 || !strings.HasSuffix(a.messageID(), ".SessionLimitExceeded") {
				t.Errorf("login: %d %s", a.status, a.raw)
			}
			if c.power() != "On" {
				t.Error("basic authentication does not work")
			}
		},
		fault.RefuseBoot: func(t *testing.T, c *client) {
			pxe := map[string]string{"BootSourceOverrideTarget": "Pxe", "BootSourceOverrideEnabled": "Once"}
			if a := c.boot(pxe); a.status != 409 || c.m.View().Override.Active() {
				t.Errorf("%d, override %+v", a.status, c.m.View().Override)
			}
		},
		fault.NoNetworkBoot: func(t *testing.T, c *client) {
			pxe := map[string]string{"BootSourceOverrideTarget": "Pxe", "BootSourceOverrideEnabled": "Once"}
			if a := c.boot(pxe); a.status != 400 || c.m.View().Override.Active() {
				t.Errorf("%d, override %+v", a.status, c.m.View().Override)
			}
			cd := map[string]string{"BootSourceOverrideTarget": "Cd", "BootSourceOverrideEnabled": "Once"}
			if a := c.boot(cd); a.status >= 300 {
				t.Errorf("from the virtual drive: %d %s", a.status, a.raw)
			}
		},
		fault.LyingPower: func(t *testing.T, c *client) {
			if got := c.power(); got != "Off" || c.m.Power() != hosting.PowerOn {
				t.Errorf("Redfish shows %s, the machine is %s", got, c.m.Power())
			}
		},
		fault.StuckPower: func(t *testing.T, c *client) {
			if a := c.reset("ForceOff"); a.status != 204 {
				t.Errorf("not accepted: %d", a.status)
			}
			if r := c.m.Resets(); c.m.Power() != hosting.PowerOn || r[0].Effect != chassis.Ignored {
				t.Errorf("%s, %+v", c.m.Power(), r)
			}
		},
		fault.GracefulIgnored: func(t *testing.T, c *client) {
			if a := c.reset("GracefulShutdown"); a.status != 204 || c.m.Power() != hosting.PowerOn {
				t.Errorf("graceful: %d, %s", a.status, c.m.Power())
			}
			if c.reset("ForceOff"); c.m.Power() != hosting.PowerOff {
				t.Errorf("forced: %s", c.m.Power())
			}
		},
		fault.ConflictAfterOff: func(t *testing.T, c *client) {
			c.reset("ForceOff")
			if a := c.reset("On"); a.status != 409 || c.m.Power() != hosting.PowerOff {
				t.Errorf("On right after off: %d, %s", a.status, c.m.Power())
			}
			c.m.ClearFaults()
			if a := c.reset("On"); a.status != 204 || c.m.Power() != hosting.PowerOn {
				t.Errorf("On without the fault: %d, %s", a.status, c.m.Power())
			}
		},
		fault.Hang: func(t *testing.T, c *client) {
			ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
			defer cancel()
			r, _ := http.NewRequestWithContext(ctx, "GET", "https://"+c.m.Address(hosting.Redfish)+"/redfish/v1", nil)
			if resp, err := c.http.Do(r); err == nil {
				resp.Body.Close()
				t.Errorf("answered with %d", resp.StatusCode)
			}
		},
	}
	for _, k := range fault.Kinds() {
		if tests[k.Name] == nil && k.Name != fault.Slow && k.Protocols[0] != fault.Machine {
			t.Errorf("nothing shows that %s works", k.Name)
		}
	}
	for name, check := range tests {
		t.Run(string(name), func(t *testing.T) {
			t.Parallel()
			m := start(t, datacenter.Config{Servers: 1, Timing: &instant}).Machines()[0]
			set(t, m, fault.Fault{Name: name})
			check(t, newClient(t, m))
			m.ClearFaults()
			if a := newClient(t, m).do("GET", "/redfish/v1", nil); a.status != 200 {
				t.Errorf("afterwards: %d", a.status)
			}
		})
	}
}

func TestSlowAnswersComeLate(t *testing.T) {
	t.Parallel()
	m := start(t, datacenter.Config{Servers: 1}).Machines()[0]
	c := newClient(t, m)
	set(t, m, fault.Fault{Name: fault.Slow, Duration: 150 * time.Millisecond, Times: 1})
	begin := time.Now()
	if c.power() != "On" || time.Since(begin) < 150*time.Millisecond {
		t.Errorf("answered after %s", time.Since(begin))
	}
	if len(m.Faults()) != 0 {
		t.Error("the fault has not worn off")
	}
}

func TestTransientUnavailabilityWearsOff(t *testing.T) {
	t.Parallel()
	m := start(t, datacenter.Config{Servers: 1}).Machines()[0]
	set(t, m, fault.Fault{Name: fault.Unavailable, Times: 2})
	c := newClient(t, m)
	for i, want := range []int{503, 503, 200} {
		if a := c.do("GET", c.system(), nil); a.status != want {
			t.Errorf("request %d: %d, want %d", i, a.status, want)
		}
	}
	if m.Requests() != 3 {
		t.Errorf("%d requests counted", m.Requests())
	}
}
