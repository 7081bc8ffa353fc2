package main

import (
	"crypto/ed25519"
	"crypto/rand"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/handrail/handrail/activities/desk"
	"github.com/handrail/handrail/dev/datacenter"
	"github.com/handrail/handrail/dev/datacenter/computer"
	"github.com/handrail/handrail/dev/datacenter/fault"
	"github.com/handrail/handrail/dev/ticketdesk"
	"github.com/handrail/handrail/hosting"
	"github.com/handrail/handrail/workflows"
)

// reinstallation opens a ticket that leaves nothing to ask, and returns its number
// and its workflow's id.
func (b *bench) reinstallation(c subject, r ticketdesk.Reinstallation) (ticket, workflow string) {
	b.t.Helper()
	if r.SSHKeys == nil {
		r.SSHKeys = []string{ticketdesk.SampleKey}
	}
	if r.System == "" {
		r.System = "Debian 12"
	}
	r.Power, r.Backup, r.Erase = hosting.PowerAllowed, hosting.BackupExists, true
	title, body := ticketdesk.ReinstallText(c.contact.Language, c.server.ServiceID, b.provider, r)
	ticket, err := b.desk.Create(c.contact.Email, title, body)
	if err != nil {
		b.t.Fatal(err)
	}
	workflow = workflows.IDPrefix(hosting.OSReinstall) + "/" + ticket
	b.until(workflow+" to start", func() bool { return b.phaseOf(workflow) != "" })
	return ticket, workflow
}

// wiped lists the serial numbers of the disks that a machine lost, in order.
func wiped(m *datacenter.Machine) (serials []string) {
	for _, w := range m.Wipes() {
		serials = append(serials, w.Disk)
	}
	return serials
}

// installed checks that the machine runs the system, with one wipe of just these
// disks, and that nothing is left of the boot.
func (b *bench) installed(c subject, workflow, system string, disks int) {
	b.t.Helper()
	want := make([]string, disks)
	for i, d := range c.machine.Disks()[:disks] {
		want[i] = d.Serial
		if d.Content.Half || d.Content.System == "original" || system != "" && d.Content.System != system {
			b.t.Errorf("disk %s holds %+v", d.Serial, d.Content)
		}
	}
	if got := wiped(c.machine); !slices.Equal(got, want) {
		b.t.Errorf("wiped %v, want %v", got, want)
	}
	if v := c.machine.View(); v.Override.Active() || len(v.Media) != 0 || c.machine.Power() != hosting.PowerOn {
		b.t.Errorf("left %+v, media %v, %s", v.Override, v.Media, c.machine.Power())
	}
	op := b.status(workflow)
	var spent int
	for _, e := range op.Consents {
		if e.Statement == hosting.EraseDisks {
			spent++
		}
	}
	if spent != 1 {
		b.t.Errorf("%d consents to erase in %+v", spent, op.Consents)
	}
}

// A complete ticket in each language passes all gates with no staff action, to
// the proved system (I17).
func TestReinstallTicketToProvedSystem_I17(t *testing.T) {
	t.Parallel()
	for _, l := range hosting.Languages() {
		t.Run(string(l), func(t *testing.T) {
			t.Parallel()
			b := share(t)
			b.t = t
			c := b.customer(l)
			before := c.machine.HostKey()
			ticket, id := b.reinstallation(c, ticketdesk.Reinstallation{})
			result := b.result(id)
			if result.Phase != hosting.PhaseDone {
				t.Errorf("result %+v", result)
			}
			b.installed(c, id, "debian-12", 1)
			thread, err := b.desk.Thread(ticket)
			if err != nil || thread.State != desk.Closed {
				t.Errorf("the ticket is %s, %v", thread.State, err)
			}
			posts := b.posts(ticket)
			if len(posts) != 3 {
				t.Fatalf("%d posts on the ticket: %q", len(posts), posts)
			}
			key := c.machine.HostKey()
			if key == before {
				t.Error("the host key is the old system's")
			}
			wantText(t, posts[2], hosting.Fingerprints([]string{key})[0], c.server.PrimaryIP, "Debian 12")
			if l == hosting.English {
				b.keep(id, "reinstalled")
			}
		})
	}
}

// Each vendor's BMC, a machine with IPMI alone, and each way of installing.
func TestReinstallEverywhere(t *testing.T) {
	t.Parallel()
	for _, x := range []struct {
		name   string
		vendor string
		system string
		id     string
		raid   string
		disks  int
	}{
		{"dell, RAID 1", "dell", "Debian 12", "debian-12", "RAID 1", 2},
		{"hpe, Debian's installer", "hpe", "Debian 12 Installer", "", "", 1},
		{"lenovo, autoinstall", "lenovo", "Ubuntu 24.04 Server", "", "", 1},
		{"plain, kickstart", "plain", "AlmaLinux 9", "", "", 1},
		{"supermicro, kickstart", "supermicro", "Rocky Linux 9 Minimal", "", "", 1},
	} {
		t.Run(x.name, func(t *testing.T) {
			t.Parallel()
			b := share(t)
			b.t = t
			c := b.customerOf(x.vendor)
			disks := x.disks
			if disks > 1 {
				disks = len(c.machine.Disks())
			}
			_, id := b.reinstallation(c, ticketdesk.Reinstallation{System: x.system, RAID: x.raid})
			if r := b.result(id); r.Phase != hosting.PhaseDone {
				t.Errorf("%+v", r)
			}
			b.installed(c, id, x.id, disks)
		})
	}
	t.Run("IPMI only", func(t *testing.T) {
		t.Parallel()
		b := share(t)
		b.t = t
		c := b.customer("", hosting.IPMI)
		_, id := b.reinstallation(c, ticketdesk.Reinstallation{})
		if r := b.result(id); r.Phase != hosting.PhaseDone {
			t.Errorf("%+v", r)
		}
		b.installed(c, id, "debian-12", 1)
	})
}

// Where the BMC offers no boot over the network, virtual media does it.
func TestReinstallByVirtualMedia(t *testing.T) {
	t.Parallel()
	b := share(t)
	b.t = t
	c := b.customer("", hosting.Redfish)
	if err := c.machine.SetFault(fault.Fault{Name: fault.NoNetworkBoot}); err != nil {
		t.Fatal(err)
	}
	_, id := b.reinstallation(c, ticketdesk.Reinstallation{System: "AlmaLinux 9"})
	b.result(id)
	b.installed(c, id, "", 1)
	if boots := c.machine.Boots(); !slices.ContainsFunc(boots, func(x computer.Boot) bool { return strings.HasSuffix(x.Image, bootMedium) }) {
		t.Errorf("no boot from the medium: %+v", boots)
	}
}

// Each fault of a machine parks the operation where it shows, and a relaunch
// brings it to its end without asking the customer again.
func TestReinstallFaults(t *testing.T) {
	t.Parallel()
	for _, x := range []struct {
		fault  fault.Name
		step   string
		words  string
		wipes  int // in all, after the relaunch
		erased bool
	}{
		{fault.NeverBoots, "install", "has not asked for its boot script", 1, false},
		{fault.BootFromDisk, "install", "booted from its disk", 1, false},
		{fault.InstallerHangs, "install", "silent", 2, true},
		{fault.InstallerFails, "install", "the installer stopped", 2, true},
		{fault.WrongDisk, "install", "the installer stopped", 1, false},
	} {
		t.Run(string(x.fault), func(t *testing.T) {
			t.Parallel()
			b := share(t)
			b.t = t
			c := b.customer(hosting.English)
			if err := c.machine.SetFault(fault.Fault{Name: x.fault}); err != nil {
				t.Fatal(err)
			}
			ticket, id := b.reinstallation(c, ticketdesk.Reinstallation{})
			b.parks(id)
			s := b.status(id)
			if s.Step != x.step || !strings.Contains(s.Error, x.words) {
				t.Errorf("at %s: %s", s.Step, s.Error)
			}
			if erased := len(wiped(c.machine)) > 0; erased != x.erased {
				t.Errorf("wiped %v", wiped(c.machine))
			}
			c.machine.ClearFaults()
			c.machine.SetPower(true)
			if _, err := tell[string](b, id, "relaunch", workflows.Decision{Staff: workflows.Staff{By: "anna"}}); err != nil {
				t.Fatal(err)
			}
			if r := b.result(id); r.Phase != hosting.PhaseDone || len(wiped(c.machine)) != x.wipes {
				t.Errorf("%+v, wiped %v", r, wiped(c.machine))
			}
			for _, p := range b.posts(ticket) {
				if strings.Contains(p, hosting.Label(hosting.FieldErasure, hosting.English)+":") {
					t.Errorf("asked again: %s", p)
				}
			}
			if x.fault == fault.InstallerFails {
				b.keep(id, "reinstalled-after-failure")
			}
		})
	}
}

// A last word that is lost is found out by looking; a system with another host
// key than it reported is not proved.
func TestReinstallProof(t *testing.T) {
	t.Parallel()
	t.Run("callback lost", func(t *testing.T) {
		t.Parallel()
		b := share(t)
		b.t = t
		c := b.customer(hosting.English)
		if err := c.machine.SetFault(fault.Fault{Name: fault.CallbackLost}); err != nil {
			t.Fatal(err)
		}
		_, id := b.reinstallation(c, ticketdesk.Reinstallation{})
		if r := b.result(id); r.Phase != hosting.PhaseDone {
			t.Errorf("%+v", r)
		}
		b.installed(c, id, "debian-12", 1)
	})
	t.Run("wrong host key", func(t *testing.T) {
		t.Parallel()
		b := share(t)
		b.t = t
		c := b.customer(hosting.English)
		if err := c.machine.SetFault(fault.Fault{Name: fault.WrongHostKey}); err != nil {
			t.Fatal(err)
		}
		_, id := b.reinstallation(c, ticketdesk.Reinstallation{})
		b.parks(id)
		if s := b.status(id); s.Step != "prove" || !strings.Contains(s.Error, "SHA256:") {
			t.Errorf("at %s: %s", s.Step, s.Error)
		}
	})
}

// parks waits until an operation needs staff.
func (b *bench) parks(workflow string) {
	b.t.Helper()
	deadline := time.Now().Add(3 * patience)
	for b.phaseOf(workflow) != hosting.PhaseAttention {
		if time.Now().After(deadline) {
			b.t.Fatalf("%s did not park: %+v", workflow, b.status(workflow))
		}
		time.Sleep(200 * time.Millisecond)
	}
}

// A customer logs in to the installed system with the key of the ticket, and
// finds the host key of the summary.
func TestReinstallLogin(t *testing.T) {
	t.Parallel()
	b := share(t)
	b.t = t
	c := b.customer(hosting.English)
	signer, public := newKey(t)
	_, id := b.reinstallation(c, ticketdesk.Reinstallation{HostName: "db1.example", SSHKeys: []string{public}})
	b.result(id)
	want, _, _, _, err := ssh.ParseAuthorizedKey([]byte(c.machine.HostKey()))
	if err != nil {
		t.Fatal(err)
	}
	conn, err := ssh.Dial("tcp", c.machine.SSHAddress(), &ssh.ClientConfig{
		User: "root", Auth: []ssh.AuthMethod{ssh.PublicKeys(signer)}, HostKeyCallback: ssh.FixedHostKey(want), Timeout: 10 * time.Second,
	})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close() //nolint:errcheck // the test is over
	session, err := conn.NewSession()
	if err != nil {
		t.Fatal(err)
	}
	if out, err := session.Output("hostname"); err != nil || strings.TrimSpace(string(out)) != "db1" {
		t.Errorf("%q, %v", out, err)
	}
}

// newKey is an SSH key pair of a customer's.
func newKey(t *testing.T) (ssh.Signer, string) {
	t.Helper()
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := ssh.NewSignerFromKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return signer, strings.TrimSpace(string(ssh.MarshalAuthorizedKey(signer.PublicKey())))
}
