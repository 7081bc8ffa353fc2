package datacenter_test

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/handrail/handrail/activities/reach"
	"github.com/handrail/handrail/dev/datacenter"
	"github.com/handrail/handrail/dev/datacenter/computer"
	"github.com/handrail/handrail/hosting"
)

// Redfish shows the cards of the record, as the vendor writes them.
func TestNetworkCards(t *testing.T) {
	t.Parallel()
	c := start(t, datacenter.Config{})
	seen := map[string]string{}
	for _, m := range c.Machines() {
		macs := m.Server().MACs
		if len(macs) < 1 || len(macs) > 2 {
			t.Errorf("%s has the cards %q", m.ID(), macs)
		}
		for _, text := range macs {
			mac, err := net.ParseMAC(text)
			if err != nil || mac[0]&3 != 2 || text != strings.ToLower(text) || seen[text] != "" {
				t.Errorf("%s has the address %q (%v), as %s", m.ID(), text, err, seen[text])
			}
			seen[text] = m.ID()
		}
		if m.Address(hosting.Redfish) == "" {
			continue
		}
		r := newClient(t, m)
		list, _ := r.do("GET", r.system()+"/EthernetInterfaces", nil).body["Members"].([]any)
		var shown []string
		for _, member := range list {
			at, _ := member.(map[string]any)["@odata.id"].(string)
			address, _ := r.do("GET", at, nil).body["MACAddress"].(string)
			if !strings.HasSuffix(at, "/ToManager") {
				shown = append(shown, strings.ToLower(address))
			}
		}
		if !slices.Equal(shown, macs) {
			t.Errorf("%s: Redfish shows %q, the record has %q", m.ID(), shown, macs)
		}
	}
	again := start(t, datacenter.Config{Servers: 1}).Machines()[0]
	if !slices.Equal(again.Server().MACs, c.Machine(again.ID()).Server().MACs) {
		t.Error("the addresses change from run to run")
	}
}

// The firmware's own mode is what Redfish shows while no override is set.
func TestFirmwareModes(t *testing.T) {
	t.Parallel()
	c := start(t, datacenter.Config{Servers: 5, Timing: &instant})
	for _, m := range c.Machines() {
		want := map[hosting.Firmware]string{hosting.FirmwareUEFI: "UEFI", hosting.FirmwareLegacy: "Legacy"}[m.Hardware().Starts]
		bootFrom(t, m, "Pxe")
		boot, _ := newClient(t, m).do("GET", newClient(t, m).system(), nil).body["Boot"].(map[string]any)
		if boot["BootSourceOverrideMode"] != want || want == "" {
			t.Errorf("%s shows %v, its firmware is %q", m.ID(), boot["BootSourceOverrideMode"], want)
		}
	}
}

func TestReachIsAsTheWorkerReadsIt(t *testing.T) {
	t.Parallel()
	c := start(t, datacenter.Config{})
	file := filepath.Join(t.TempDir(), "reach.json")
	if err := c.WriteReach(file); err != nil {
		t.Fatal(err)
	}
	table, err := reach.ReadTable(file)
	if err != nil || len(table) != len(c.Machines()) {
		t.Fatalf("%d entries for %d machines: %v", len(table), len(c.Machines()), err)
	}
	for _, m := range c.Machines() {
		if got := table[m.Server().PrimaryIP+":22"]; got != m.SSHAddress() || !strings.HasPrefix(got, "127.0.0.1:") {
			t.Errorf("%s is reached at %q, it answers at %s", m.ID(), got, m.SSHAddress())
		}
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
}

// A machine has one port over restarts.
func TestSSHPortIsFixed(t *testing.T) {
	t.Parallel()
	const host = "127.0.0.1"
	port := 20000 + os.Getpid()%8000 // below those that the system gives out
	config := datacenter.Config{Servers: 1, SSHPort: port, StateFile: filepath.Join(t.TempDir(), "center.json")}
	first := start(t, config)
	key := first.Machines()[0].HostKey()
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	m := start(t, config).Machines()[0]
	if got, err := greet(m); err != nil || got != key || m.SSHAddress() != fmt.Sprintf("%s:%d", host, port) {
		t.Errorf("%s answers with %s, %v", m.SSHAddress(), got, err)
	}
}

func TestControlShowsDisksAndBoots(t *testing.T) {
	t.Parallel()
	g, who := newGateway(t), newPerson(t)
	c := start(t, datacenter.Config{Servers: 1, BootURL: g.URL, Timing: &instant})
	m := c.Machines()[0]
	g.arm(m, installation(m, hosting.AnswerOrder, hosting.RAIDNone, who))
	control(t, c, local("POST", "/servers/srv-1001/faults/installer-hangs?percent=33"), 200)
	control(t, c, local("POST", "/servers/srv-1001/faults/installer-hangs?percent=some"), 400)
	bootFrom(t, m, "Pxe")
	await(t, "it hangs", func() bool { return g.boot(m).Percent == 33 })
	d := control(t, c, local("GET", "/servers/srv-1001"), 200)
	run, _ := d["run"].(map[string]any)
	if run["phase"] != "installing" || run["percent"] != 33.0 || d["firmware"] != "uefi" || d["ssh"] != m.SSHAddress() || d["wipes"] != 1.0 {
		t.Errorf("shown as %v", d)
	}
	disks, _ := d["disks"].([]any)
	first, _ := disks[0].(map[string]any)
	content, _ := first["content"].(map[string]any)
	if len(disks) != 2 || first["serial"] != m.Disks()[0].Serial || content["half"] != true || content["generation"] != 1.0 {
		t.Errorf("the disks are shown as %v", disks)
	}
	for path, want := range map[string]string{"/boots": `"from":"Pxe"`, "/wipes": `"token":"` + g.token(m)} {
		w := httptest.NewRecorder()
		c.ControlHandler().ServeHTTP(w, local("GET", "/servers/srv-1001"+path))
		var list []map[string]any
		if err := json.Unmarshal(w.Body.Bytes(), &list); err != nil || len(list) != 1 || !strings.Contains(w.Body.String(), want) {
			t.Errorf("%s: %v %s", path, err, w.Body)
		}
	}
	for _, path := range []string{"/servers", "/servers/srv-1001", "/servers/srv-1001/boots"} {
		w := httptest.NewRecorder()
		c.ControlHandler().ServeHTTP(w, local("GET", path))
		for _, secret := range []string{`"access"`, `"seed"`, "/t/"} {
			if strings.Contains(w.Body.String(), secret) {
				t.Errorf("%s shows %s", path, secret)
			}
		}
	}
	if m.Run().Phase != computer.Installing {
		t.Errorf("it is %+v", m.Run())
	}
}
