package datacenter_test

import (
	"errors"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/handrail/handrail/dev/datacenter"
	"github.com/handrail/handrail/dev/datacenter/chassis"
	"github.com/handrail/handrail/dev/datacenter/computer"
	"github.com/handrail/handrail/dev/datacenter/vendor"
	"github.com/handrail/handrail/hosting"
)

// bootFrom sets an override for once and restarts the machine, as its vendor
// lets it.
func bootFrom(t *testing.T, m *datacenter.Machine, target string) {
	t.Helper()
	if m.Address(hosting.Redfish) == "" {
		device := map[string]string{"Pxe": "pxe", "Cd": "cdrom"}[target]
		ipmitool(t, m, "17", "chassis", "bootdev", device)
		ipmitool(t, m, "17", "power", "off")
		awaitPower(t, m, hosting.PowerOff)
		ipmitool(t, m, "17", "power", "on")
		return
	}
	c := newClient(t, m)
	if a := c.boot(map[string]string{"BootSourceOverrideTarget": target, "BootSourceOverrideEnabled": "Once"}); a.status >= 300 {
		t.Fatalf("override: %d %s", a.status, a.raw)
	}
	if m.Power() == hosting.PowerOn {
		if a := c.reset("ForceOff"); a.status >= 300 {
			t.Fatalf("off: %d %s", a.status, a.raw)
		}
		awaitPower(t, m, hosting.PowerOff)
	}
	await(t, "it can be switched on", func() bool { return c.reset("On").status < 300 })
}

func awaitPhase(t *testing.T, m *datacenter.Machine, want computer.Phase) {
	t.Helper()
	await(t, m.ID()+" is "+string(want), func() bool { return m.Run().Phase == want })
}

// greet shakes hands with what answers and returns its host key as known_hosts
// holds it.
func greet(m *datacenter.Machine) (string, error) {
	key := ""
	config := &ssh.ClientConfig{Timeout: 5 * time.Second, HostKeyCallback: func(_ string, _ net.Addr, k ssh.PublicKey) error {
		key = strings.TrimSpace(string(ssh.MarshalAuthorizedKey(k)))
		return errors.New("seen")
	}}
	_, err := ssh.Dial("tcp", m.SSHAddress(), config)
	if key != "" {
		return key, nil
	}
	return "", err
}

func ask(t *testing.T, m *datacenter.Machine, who person, command string) (string, error) {
	t.Helper()
	c, err := ssh.Dial("tcp", m.SSHAddress(), &ssh.ClientConfig{
		User: "root", Auth: []ssh.AuthMethod{ssh.PublicKeys(who.Signer)}, HostKeyCallback: ssh.InsecureIgnoreHostKey(), Timeout: 5 * time.Second,
	})
	if err != nil {
		return "", err
	}
	defer c.Close()
	s, err := c.NewSession()
	if err != nil {
		return "", err
	}
	defer s.Close()
	out, err := s.CombinedOutput(command)
	return string(out), err
}

// checkInstalled looks at a machine after a reinstallation as a customer and as
// the owner of the disks do.
func checkInstalled(t *testing.T, g *gateway, m *datacenter.Machine, who person, before []computer.Disk) {
	t.Helper()
	b := g.boot(m)
	if b.State != hosting.BootDone || len(b.HostKeys) != 1 || b.Percent != 95 {
		t.Errorf("%s: the gateway has it as %s, %d %%, keys %q, error %q", m.ID(), b.State, b.Percent, b.HostKeys, b.Error)
	}
	if key, err := greet(m); err != nil || key != b.HostKeys[0] || key != m.HostKey() {
		t.Errorf("%s answers with %s (%v), reported was %q", m.ID(), key, err, b.HostKeys)
	}
	if name, err := ask(t, m, who, "hostname -f"); err != nil || name != "fresh.example\n" {
		t.Errorf("%s: hostname: %q, %v", m.ID(), name, err)
	}
	wipes, erased := m.Wipes(), b.Plan.RAID.Least()
	if len(wipes) != erased {
		t.Fatalf("%s: %d wipes of %d disks", m.ID(), len(wipes), erased)
	}
	for i, d := range m.Disks() {
		was := before[i].Content
		switch {
		case i >= erased && d.Content != was:
			t.Errorf("%s: disk %d was written to: %+v", m.ID(), i, d.Content)
		case i < erased && (d.Content.Generation != was.Generation+1 || d.Content.Half || d.Content.HostName != "fresh.example" || d.Content.ID != m.Disks()[0].Content.ID):
			t.Errorf("%s: disk %d holds %+v", m.ID(), i, d.Content)
		case i < erased && (wipes[i].Disk != d.Serial || wipes[i].Lost != was.ID || wipes[i].Written != d.Content.ID || wipes[i].Token != g.token(m)):
			t.Errorf("%s: disk %d was wiped as %+v", m.ID(), i, wipes[i])
		}
	}
}

// Every vendor's machine can be reinstalled over the network and from virtual
// media, with every kind of answer file.
func TestReinstallation(t *testing.T) {
	t.Parallel()
	formats := []hosting.AnswerFormat{hosting.AnswerOrder, hosting.AnswerPreseed, hosting.AnswerAutoinstall, hosting.AnswerKickstart}
	for i, name := range vendor.Profiles() {
		for j, format := range formats {
			t.Run(name+" "+string(format), func(t *testing.T) {
				t.Parallel()
				g, who := newGateway(t), newPerson(t)
				m := vendorOf(t, start(t, datacenter.Config{Servers: 5, BootURL: g.URL}), name, hosting.Redfish)
				raid := hosting.RAIDNone
				if i%2 == 0 && len(m.Disks()) > 1 {
					raid = hosting.RAID1
				}
				before, old := m.Disks(), m.HostKey()
				if key, err := greet(m); err != nil || key != old {
					t.Errorf("the original system answers with %s (%v), its key is %s", key, err, old)
				}
				g.arm(m, installation(m, format, raid, who))
				target := "Pxe"
				if (i+j)%2 == 1 {
					target = cdTarget(m)
					insert(t, m, g.URL+"/files/system/boot.iso")
				}
				bootFrom(t, m, target)
				await(t, "it is installed and runs", func() bool { return g.boot(m).State == hosting.BootDone && m.Run().Phase == computer.Running })
				checkInstalled(t, g, m, who, before)
				if m.HostKey() == old {
					t.Error("it has the host key of the system that was there before")
				}
				if n := g.again; n != 0 {
					t.Errorf("it asked for a script %d times more", n)
				}
				if v := m.View(); v.LastBoot.From != "Hdd" || v.Override.Active() || v.Boots != 2 {
					t.Errorf("booted %d times, last %+v, override %+v", v.Boots, v.LastBoot, v.Override)
				}
			})
		}
	}
}

// cdTarget is how a vendor calls the virtual medium.
func cdTarget(m *datacenter.Machine) string {
	if slices.Contains(m.Hardware().Boot.Targets, "UsbCd") {
		return "UsbCd"
	}
	return "Cd"
}

func insert(t *testing.T, m *datacenter.Machine, image string) {
	t.Helper()
	h := m.Hardware()
	slot := h.Media.Managers[len(h.Media.Managers)-1].ID
	at := "/redfish/v1/Managers/" + h.Manager + "/VirtualMedia/" + slot
	c, a := newClient(t, m), answer{}
	if h.Media.Patch {
		a = c.do("PATCH", at, map[string]any{"Image": image, "Inserted": true})
	} else {
		a = c.do("POST", at+"/Actions/VirtualMedia.InsertMedia", map[string]any{"Image": image})
	}
	if a.status >= 300 {
		t.Fatalf("insert: %d %s", a.status, a.raw)
	}
}

// A machine whose BMC speaks IPMI only lists no disks: the first ones are taken.
func TestReinstallationOverIPMI(t *testing.T) {
	t.Parallel()
	peer(t, "ipmitool")
	g, who := newGateway(t), newPerson(t)
	m := start(t, datacenter.Config{Servers: 6, BootURL: g.URL}).Machine("srv-1006")
	before := m.Disks()
	g.arm(m, installation(m, hosting.AnswerOrder, hosting.RAID1, who))
	bootFrom(t, m, "Pxe")
	await(t, "it is installed and runs", func() bool { return g.boot(m).State == hosting.BootDone && m.Run().Phase == computer.Running })
	checkInstalled(t, g, m, who, before)
}

// Without anything pending a network boot ends at the disk, and nothing is lost.
func TestNetworkBootWithoutAnythingPending(t *testing.T) {
	t.Parallel()
	g := newGateway(t)
	c := start(t, datacenter.Config{Servers: 5, BootURL: g.URL, Timing: &instant})
	for _, m := range c.Machines() {
		key := m.HostKey()
		bootFrom(t, m, "Pxe")
		await(t, "it runs again", func() bool { return m.View().Boots == 1 && m.Run().Phase == computer.Running })
		if got, err := greet(m); err != nil || got != key || len(m.Wipes()) != 0 {
			t.Errorf("%s answers with %s (%v) after %d wipes", m.ID(), got, err, len(m.Wipes()))
		}
		if b := m.Boots(); len(b) != 1 || !b[0].Network || b[0].Failed != "" || b[0].From != "Pxe" {
			t.Errorf("%s booted as %+v", m.ID(), b)
		}
	}
}

// The machine answers when it is up, and only then.
func TestSSHAnswersWhenTheSystemRuns(t *testing.T) {
	t.Parallel()
	clock := newClock()
	timing := chassis.Timing{POST: time.Minute}
	m := start(t, datacenter.Config{Servers: 1, Timing: &timing, Now: clock.now}).Machines()[0]
	who := newPerson(t)
	if _, err := ask(t, m, who, "hostname"); err == nil || !strings.Contains(err.Error(), "unable to authenticate") {
		t.Errorf("a stranger was let in: %v", err)
	}
	m.SetPower(false)
	if key, err := greet(m); err == nil {
		t.Errorf("it is off and answers with %s", key)
	}
	m.SetPower(true)
	if key, err := greet(m); err == nil {
		t.Errorf("it is in its self-test and answers with %s", key)
	}
	clock.advance(time.Minute)
	awaitPhase(t, m, computer.Running)
	if key, err := greet(m); err != nil || key != m.HostKey() {
		t.Errorf("it is up and answers with %s, %v", key, err)
	}
}
