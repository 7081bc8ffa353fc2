package datacenter_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/handrail/handrail/dev/datacenter"
	"github.com/handrail/handrail/dev/datacenter/vendor"
	"github.com/handrail/handrail/hosting"
)

func TestRedfishtoolDrivesTheMachine(t *testing.T) {
	t.Parallel()
	tool := peer(t, "redfishtool")
	c := start(t, datacenter.Config{Servers: 5})
	for _, name := range vendor.Profiles() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := vendorOf(t, c, name, hosting.Redfish)
			user, password := m.Credentials()
			ask := func(auth string, args ...string) map[string]any {
				t.Helper()
				out := run(t, "/usr/bin/env", append([]string{
					"-u", "REQUESTS_CA_BUNDLE", "-u", "CURL_CA_BUNDLE",
					tool, "-n", "-S", "Always", "-A", auth, "-u", user, "-p", password, "-r", m.Address(hosting.Redfish),
				}, args...)...)
				var d map[string]any
				if out = strings.TrimSpace(out); out != "" {
					if err := json.Unmarshal([]byte(out), &d); err != nil {
						t.Fatalf("%v in %s", err, out)
					}
				}
				return d
			}
			id := m.Hardware().System
			if d := ask("Basic", "root"); d["@odata.id"] != "/redfish/v1" {
				t.Errorf("the root is %v", d)
			}
			if d := ask("Basic", "Systems"); d["Members@odata.count"] == nil {
				t.Errorf("the systems are %v", d)
			}
			if d := ask("Session", "Systems", "-I", id); d["PowerState"] != "On" {
				t.Errorf("the system is %v", d)
			}
			ask("Basic", "Systems", "-I", id, "reset", "ForceOff")
			awaitPower(t, m, hosting.PowerOff)
			await(t, "no longer busy", func() bool { v := m.View(); return v.Now.Sub(v.OffSince) > brisk.Busy })
			ask("Session", "Systems", "-I", id, "reset", "On")
			awaitPower(t, m, hosting.PowerOn)
			if n := len(m.Resets()); n != 2 {
				t.Errorf("%d resets were received, 2 sent: %+v", n, m.Resets())
			}
			if n := m.Sessions(); n != 0 {
				t.Errorf("%d sessions are left open", n)
			}
		})
	}
}
