package datacenter_test

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/handrail/handrail/dev/datacenter"
	"github.com/handrail/handrail/dev/datacenter/chassis"
	"github.com/handrail/handrail/dev/datacenter/fault"
	"github.com/handrail/handrail/hosting"
)

func TestRecordsHoldEveryCase(t *testing.T) {
	t.Parallel()
	c := start(t, datacenter.Config{})
	sites, kinds, owners := map[string]int{}, map[hosting.ServerKind]int{}, map[string]bool{}
	var pins, cas, blind, ipmiOnly, redfishOnly, unnamed int
	swap := map[string]int{}
	seen := map[string]string{}
	for _, o := range c.Organizations() {
		owners[o.ID] = true
	}
	for _, s := range c.Servers() {
		sites[s.Site]++
		kinds[s.Kind]++
		for _, unique := range append([]string{s.ServiceID, s.Name, s.HostName, s.PrimaryIP}, s.IPs...) {
			if other, taken := seen[unique]; taken || unique == "" {
				t.Errorf("%s and %s share %q", s, other, unique)
			}
			seen[unique] = s.ServiceID
		}
		if !owners[s.Organization] || s.ClusterID == "" {
			t.Errorf("%s belongs to %q in cluster %q", s, s.Organization, s.ClusterID)
		}
		if (s.StagedAt == nil) != (s.State == hosting.ServerStaging) {
			t.Errorf("%s is %s and staged at %v", s, s.State, s.StagedAt)
		}
		if ip, err := netip.ParseAddr(s.PrimaryIP); err != nil || !documentation(ip) {
			t.Errorf("%s has the address %s", s, s.PrimaryIP)
		}
		var protocols []hosting.Protocol
		for _, e := range s.BMC.Endpoints {
			protocols = append(protocols, e.Protocol)
			if host, _, err := net.SplitHostPort(e.Address); err != nil || host != "127.0.0.1" || e.Secret != "file:"+s.ServiceID {
				t.Errorf("%s has the endpoint %+v", s, e)
			}
			if e.Protocol != hosting.Redfish {
				continue
			}
			switch {
			case e.TLS.Fingerprint != "":
				pins++
			case e.TLS.CA != "":
				cas++
			case e.TLS.Insecure:
				blind++
			default:
				t.Errorf("%s: the certificate of its BMC can not be verified", s)
			}
			if e.System == "" {
				unnamed++
			}
		}
		switch {
		case len(protocols) == 0 && s.Kind != hosting.VPS:
			t.Errorf("%s has no BMC", s)
		case slices.Equal(protocols, []hosting.Protocol{hosting.IPMI}):
			ipmiOnly++
		case slices.Equal(protocols, []hosting.Protocol{hosting.Redfish}):
			redfishOnly++
		}
		for _, b := range s.Bays {
			switch {
			case b.HotSwap == nil:
				swap["unknown"]++
			case *b.HotSwap:
				swap["yes"]++
			default:
				swap["no"]++
			}
		}
	}
	if sites["milan"] != 12 || sites["warsaw"] != 12 || kinds[hosting.VPS] != 4 {
		t.Errorf("sites %v, kinds %v", sites, kinds)
	}
	if pins == 0 || cas == 0 || blind != 1 || ipmiOnly == 0 || redfishOnly == 0 || unnamed != 1 {
		t.Errorf("%d pinned, %d by CA, %d blind; %d IPMI only, %d Redfish only, %d without a system", pins, cas, blind, ipmiOnly, redfishOnly, unnamed)
	}
	if swap["yes"] == 0 || swap["no"] == 0 || swap["unknown"] == 0 {
		t.Errorf("hot swap: %v", swap)
	}
}

func documentation(ip netip.Addr) bool {
	for _, p := range []string{"192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24"} {
		if netip.MustParsePrefix(p).Contains(ip) {
			return true
		}
	}
	return false
}

func TestOrganizationsHoldEveryCase(t *testing.T) {
	t.Parallel()
	languages, inactive, headless := map[hosting.Language]bool{}, 0, 0
	for _, o := range start(t, datacenter.Config{Servers: 1}).Organizations() {
		if _, ok := o.PrimaryContact(); !ok {
			headless++
		}
		for _, c := range o.Contacts {
			languages[c.Language] = true
			if !c.Active {
				inactive++
			}
		}
	}
	if len(languages) != 3 || inactive != 1 || headless != 1 {
		t.Errorf("languages %v, %d inactive contacts, %d organizations without a primary one", languages, inactive, headless)
	}
}

// Every BMC shows the certificate that its record verifies.
func TestCertificatesAreThoseOfTheRecords(t *testing.T) {
	t.Parallel()
	for _, s := range start(t, datacenter.Config{}).Servers() {
		for _, e := range s.BMC.Endpoints {
			if e.Protocol != hosting.Redfish {
				continue
			}
			config := &tls.Config{InsecureSkipVerify: e.TLS.CA == ""}
			if e.TLS.CA != "" {
				config.RootCAs = x509.NewCertPool()
				config.RootCAs.AppendCertsFromPEM([]byte(e.TLS.CA))
			}
			conn, err := tls.Dial("tcp", e.Address, config)
			if err != nil {
				t.Errorf("%s: %v", s, err)
				continue
			}
			sum := sha256.Sum256(conn.ConnectionState().PeerCertificates[0].Raw)
			if pin := e.TLS.Fingerprint; pin != "" && pin != hex.EncodeToString(sum[:]) {
				t.Errorf("%s shows another certificate than the pinned one", s)
			}
			conn.Close()
		}
	}
}

func TestSecretsAreWritten(t *testing.T) {
	t.Parallel()
	c := start(t, datacenter.Config{})
	dir := filepath.Join(t.TempDir(), "secrets")
	if err := c.WriteSecrets(dir); err != nil {
		t.Fatal(err)
	}
	files, err := os.ReadDir(dir)
	if err != nil || len(files) != len(c.Machines()) {
		t.Fatalf("%d files for %d machines: %v", len(files), len(c.Machines()), err)
	}
	for _, m := range c.Machines() {
		name := strings.TrimPrefix(m.Server().BMC.Endpoints[0].Secret, "file:") + ".json"
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Fatalf("%s: %v, %v", name, info, err)
		}
		raw, _ := os.ReadFile(filepath.Join(dir, name))
		var got struct{ User, Password string }
		user, password := m.Credentials()
		if err := json.Unmarshal(raw, &got); err != nil || got.User != user || got.Password != password {
			t.Errorf("%s does not hold the credentials: %v", name, err)
		}
	}
}

func TestRestartKeepsTheMachines(t *testing.T) {
	t.Parallel()
	config := datacenter.Config{Servers: 2, StateFile: filepath.Join(t.TempDir(), "center.json"), Timing: &instant}
	first := start(t, config)
	a, b := first.Machines()[0], first.Machines()[1]
	newClient(t, a).boot(map[string]string{"BootSourceOverrideTarget": "Pxe", "BootSourceOverrideEnabled": "Once"})
	a.SetPower(false)
	_, password := a.Credentials()
	pin, ca := a.Server().BMC.Endpoints[0].TLS.Fingerprint, b.Server().BMC.Endpoints[0].TLS.CA
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(config.StateFile); err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("the state file: %v, %v", info, err)
	}

	second := start(t, config)
	a, b = second.Machines()[0], second.Machines()[1]
	if v := a.View(); v.On || v.Override.Target != "Pxe" {
		t.Errorf("the chassis came back as %+v", v)
	}
	if b.Power() != hosting.PowerOn {
		t.Error("the other machine went off")
	}
	if _, again := a.Credentials(); again != password {
		t.Error("the password changed")
	}
	if a.Server().BMC.Endpoints[0].TLS.Fingerprint != pin || b.Server().BMC.Endpoints[0].TLS.CA != ca {
		t.Error("the certificates changed")
	}
}

// A killed process loses at most the last moment.
func TestStateIsWrittenWhileItRuns(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "center.json")
	c := start(t, datacenter.Config{Servers: 1, StateFile: file})
	c.Machines()[0].SetPower(false)
	await(t, "the state is written", func() bool {
		raw, err := os.ReadFile(file)
		return err == nil && strings.Contains(string(raw), `"on": false`)
	})
}

func TestStartFailsInOneSentence(t *testing.T) {
	t.Parallel()
	broken := filepath.Join(t.TempDir(), "broken.json")
	if err := os.WriteFile(broken, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	old := filepath.Join(t.TempDir(), "old.json")
	if err := os.WriteFile(old, []byte(`{"version":99}`), 0o600); err != nil {
		t.Fatal(err)
	}
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	kept := filepath.Join(t.TempDir(), "kept.json")
	for want, config := range map[string]datacenter.Config{
		broken:     {StateFile: broken},
		old:        {StateFile: old},
		"between":  {Servers: 100000},
		"srv-1001": {RedfishPort: taken.Addr().(*net.TCPAddr).Port, StateFile: kept},
	} {
		c, err := datacenter.Start(t.Context(), config)
		if err == nil {
			c.Close()
			t.Errorf("%s: it started", want)
		} else if !strings.Contains(err.Error(), want) {
			t.Errorf("%v does not name %s", err, want)
		}
	}
	if raw, _ := os.ReadFile(broken); string(raw) != "{" {
		t.Error("the damaged state was overwritten")
	}
	if _, err := os.Stat(kept); err == nil {
		t.Error("a start that failed wrote a state")
	}
}

// Close ends what hangs, what is late and every listener; a second Close is
// harmless.
func TestCloseLeavesNothingBehind(t *testing.T) {
	before := runtime.NumGoroutine()
	begin := time.Now()
	c, err := datacenter.Start(t.Context(), datacenter.Config{Control: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	if took := time.Since(begin); took > 2*time.Second {
		t.Errorf("starting took %s", took)
	}
	m := c.Machines()[0]
	for _, f := range []fault.Fault{{Name: fault.Hang, Protocol: hosting.Redfish}, {Name: fault.Slow, Protocol: hosting.IPMI, Duration: time.Minute}} {
		set(t, m, f)
	}
	hanging := newClient(t, m)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if a, err := hanging.try("GET", "/redfish/v1", nil); err == nil {
			t.Errorf("a request that hangs was answered with %d", a.status)
		}
	}()
	ping(t, m.Address(hosting.IPMI))
	await(t, "the request hangs", func() bool { return m.Requests() == 1 })
	begin = time.Now()
	if err := c.Close(); err != nil {
		t.Error(err)
	}
	if err := c.Close(); err != nil {
		t.Error(err)
	}
	if took := time.Since(begin); took > 2*time.Second {
		t.Errorf("closing took %s", took)
	}
	<-ended
	hanging.http.CloseIdleConnections()
	await(t, "the goroutines are gone", func() bool { return runtime.NumGoroutine() <= before })
	for _, m := range c.Machines() {
		for _, e := range m.Server().BMC.Endpoints {
			listens(t, e)
		}
	}
}

// ping sends an RMCP/ASF presence ping.
func ping(t *testing.T, address string) {
	t.Helper()
	conn, err := net.Dial("udp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.Write([]byte{0x06, 0, 0xff, 0x06, 0, 0, 0x11, 0xbe, 0x80, 0, 0, 0}); err != nil {
		t.Fatal(err)
	}
}

// listens fails where somebody still listens.
func listens(t *testing.T, e hosting.BMCEndpoint) {
	t.Helper()
	if e.Protocol == hosting.IPMI {
		conn, err := net.ListenPacket("udp", e.Address)
		if err != nil {
			t.Error(err)
			return
		}
		conn.Close()
		return
	}
	if conn, err := net.DialTimeout("tcp", e.Address, time.Second); err == nil {
		conn.Close()
		t.Errorf("%s still listens", e.Address)
	}
}

// The two protocols show one machine.
func TestProtocolsShareTheChassis(t *testing.T) {
	t.Parallel()
	peer(t, "ipmitool")
	m := start(t, datacenter.Config{Servers: 1, Timing: &instant}).Machines()[0]
	c := newClient(t, m)
	ipmitool(t, m, "17", "chassis", "bootdev", "cdrom", "options=efiboot")
	boot, _ := c.do("GET", c.system(), nil).body["Boot"].(map[string]any)
	if boot["BootSourceOverrideTarget"] != "Cd" || boot["BootSourceOverrideEnabled"] != "Once" || boot["BootSourceOverrideMode"] != "UEFI" {
		t.Errorf("set over IPMI, Redfish shows %v", boot)
	}
	c.reset("ForceOff")
	if got := ipmitool(t, m, "3", "power", "status"); !strings.Contains(got, "off") {
		t.Errorf("switched off over Redfish, IPMI says %s", got)
	}
	set(t, m, fault.Fault{Name: fault.LyingPower})
	if got := ipmitool(t, m, "17", "power", "status"); !strings.Contains(got, "off") || c.power() != "On" {
		t.Errorf("lying: IPMI says %s, Redfish %s", got, c.power())
	}
	ipmitool(t, m, "17", "power", "on")
	var via []hosting.Protocol
	for _, r := range m.Resets() {
		if r.Effect == chassis.Done {
			via = append(via, r.Via)
		}
	}
	if !slices.Equal(via, []hosting.Protocol{hosting.Redfish, hosting.IPMI}) {
		t.Errorf("the resets came via %v", via)
	}
}
