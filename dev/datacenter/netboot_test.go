package datacenter_test

import (
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"github.com/handrail/handrail/dev/datacenter"
	"github.com/handrail/handrail/dev/datacenter/computer"
	"github.com/handrail/handrail/dev/datacenter/fault"
	"github.com/handrail/handrail/hosting"
)

// one is a machine in a center of its own that boots at a gateway.
func one(t *testing.T, bootURL string) *datacenter.Machine {
	t.Helper()
	return start(t, datacenter.Config{Servers: 1, BootURL: bootURL, Timing: &instant}).Machines()[0]
}

// bootsInstead has a machine boot and checks that it ends at the system that was
// there before, for a reason.
func bootsInstead(t *testing.T, m *datacenter.Machine, target, why string) {
	t.Helper()
	key, boots := m.HostKey(), m.View().Boots
	bootFrom(t, m, target)
	await(t, "it runs", func() bool { return m.View().Boots == boots+1 && m.Run().Phase == computer.Running })
	if got, err := greet(m); err != nil || got != key || len(m.Wipes()) != 0 {
		t.Errorf("it answers with %s (%v) after %d wipes", got, err, len(m.Wipes()))
	}
	if b := m.Boots(); !strings.Contains(b[len(b)-1].Failed, why) {
		t.Errorf("the boot reads %+v, should fail with %q", b[len(b)-1], why)
	}
}

func TestFailedNetworkBootsEndAtTheDisk(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ script, why string }{
		"unknown command": {"#!ipxe\nkernle http://192.0.2.1/t/AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8/x\n", "kernle: command not found"},
		"missing kernel":  {"#!ipxe\nkernel /t/AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8/gone\nboot\n", "/t/(token)/gone"},
		"no script":       {"", "404"},
		"a page":          {"<html>", "no iPXE script"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if tt.script == "" || !strings.HasPrefix(r.URL.Path, "/boot/") {
					http.NotFound(w, r)
				}
				_, _ = w.Write([]byte(tt.script))
			}))
			defer web.Close()
			m := one(t, web.URL)
			bootsInstead(t, m, "Pxe", tt.why)
			if strings.Contains(m.Boots()[0].Failed, "AAECAwQF") {
				t.Error("the log of boots shows a token")
			}
		})
	}
}

func TestNetworkBootWithoutServer(t *testing.T) {
	t.Parallel()
	bootsInstead(t, one(t, ""), "Pxe", "no boot server")
	gone := httptest.NewServer(nil)
	gone.Close()
	bootsInstead(t, one(t, gone.URL), "Pxe", "refused")
}

func TestMediumHasToBeThere(t *testing.T) {
	t.Parallel()
	g := newGateway(t)
	m := one(t, g.URL)
	bootsInstead(t, m, "Cd", "") // no medium at all: on to the disk
	if m.Boots()[0].Network {
		t.Error("it booted from a medium that is not there")
	}
	insert(t, m, g.URL+"/files/system/gone.iso")
	bootsInstead(t, m, "Cd", "404")
}

// What can not be carried out is reported, and nothing is lost.
func TestRefusedInstallations(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		format hosting.AnswerFormat
		spoil  func(*hosting.NetworkBoot)
		why    string
	}{
		"wrong image":   {hosting.AnswerOrder, func(b *hosting.NetworkBoot) { b.Plan.System.Image.SHA256 = strings.Repeat("0", 64) }, "not the one of the order"},
		"missing image": {hosting.AnswerOrder, func(b *hosting.NetworkBoot) { b.Plan.System.Image.Path = "system/gone" }, "404"},
		"foreign disk":  {hosting.AnswerKickstart, func(b *hosting.NetworkBoot) { b.Plan.Disks[0].Serial = "ELSEWHERE" }, "no disk has the serial number ELSEWHERE"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g, who := newGateway(t), newPerson(t)
			m := one(t, g.URL)
			b := installation(m, tt.format, hosting.RAIDNone, who)
			tt.spoil(&b)
			g.arm(m, b)
			bootFrom(t, m, "Pxe")
			awaitPhase(t, m, computer.Nothing)
			if got := g.boot(m); got.State != hosting.BootFailed || !strings.Contains(got.Error, tt.why) || g.count("POST begin") != 0 || len(m.Wipes()) != 0 {
				t.Errorf("the gateway has it as %s: %q", got.State, got.Error)
			}
			m.SetPower(false)
			m.SetPower(true)
			awaitPhase(t, m, computer.Running)
		})
	}
}

// A gateway that is not well is asked again; what it refuses is not done.
func TestReportsAreRepeated(t *testing.T) {
	t.Parallel()
	g, who := newGateway(t), newPerson(t)
	m := one(t, g.URL)
	before := m.Disks()
	g.down = 5
	g.arm(m, installation(m, hosting.AnswerOrder, hosting.RAIDNone, who))
	bootFrom(t, m, "Pxe")
	await(t, "it is installed", func() bool { return g.boot(m).State == hosting.BootDone && m.Run().Phase == computer.Running })
	checkInstalled(t, g, m, who, before)
}

func TestWithoutPermissionNothingIsWiped(t *testing.T) {
	t.Parallel()
	for _, format := range []hosting.AnswerFormat{hosting.AnswerOrder, hosting.AnswerPreseed} {
		g, who := newGateway(t), newPerson(t)
		g.refuses = true
		m := one(t, g.URL)
		before := m.Disks()
		g.arm(m, installation(m, format, hosting.RAID1, who))
		bootFrom(t, m, "Pxe")
		awaitPhase(t, m, computer.Nothing)
		if b := g.boot(m); b.State != hosting.BootFailed || !strings.Contains(b.Error, "does not permit it (409") || g.count("POST begin") != 1 {
			t.Errorf("%s: the gateway has it as %s: %q", format, b.State, b.Error)
		}
		if len(m.Wipes()) != 0 || m.Disks()[0] != before[0] {
			t.Errorf("%s: the disks hold %+v", format, m.Disks())
		}
	}
}

// The rescue system can be logged in to, and shows what its kernel was told.
func TestRescue(t *testing.T) {
	t.Parallel()
	g, who := newGateway(t), newPerson(t)
	m := one(t, g.URL)
	old := m.HostKey()
	b := installation(m, hosting.AnswerOrder, hosting.RAIDNone, who)
	b.Purpose, b.Plan.System.Method, b.Plan.System.Image = hosting.BootRescue, hosting.MethodRescue, hosting.BootFile{}
	g.arm(m, b)
	bootFrom(t, m, "Pxe")
	await(t, "it is ready", func() bool { return g.boot(m).Stage == "rescue ready" })
	key, err := greet(m)
	if err != nil || len(g.boot(m).HostKeys) != 1 || key != g.boot(m).HostKeys[0] || key == old {
		t.Errorf("it answers with %s, %v", key, err)
	}
	if name, err := ask(t, m, who, "hostname"); err != nil || name != "rescue\n" {
		t.Errorf("hostname: %q, %v", name, err)
	}
	if line, err := ask(t, m, who, "cat /proc/cmdline"); err != nil || !strings.Contains(line, "handrail.url="+g.URL+"/t/") {
		t.Errorf("command line: %q, %v", line, err)
	}
	if _, err := ask(t, m, who, "mkfs /dev/sda"); err == nil {
		t.Error("it runs what it is told")
	}
	m.SetPower(false)
	m.SetPower(true)
	awaitPhase(t, m, computer.Running)
	if len(m.Wipes()) != 0 || m.HostKey() != old {
		t.Error("the rescue changed the disks")
	}
}

// All of it survives a restart of the data centre; what was under way is lost.
func TestRestartKeepsTheDisks(t *testing.T) {
	t.Parallel()
	g, who := newGateway(t), newPerson(t)
	config := datacenter.Config{Servers: 2, BootURL: g.URL, Timing: &instant, StateFile: filepath.Join(t.TempDir(), "center.json")}
	c := start(t, config)
	whole, half := c.Machines()[0], c.Machines()[1]
	set(t, half, fault.Fault{Name: fault.InstallerHangs})
	for _, m := range c.Machines() {
		g.arm(m, installation(m, hosting.AnswerOrder, hosting.RAID1, who))
		bootFrom(t, m, "Pxe")
	}
	await(t, "one is installed, one hangs", func() bool { return whole.Run().Phase == computer.Running && g.boot(half).Percent == 40 })
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	again := start(t, config)
	for i, m := range again.Machines() {
		was := c.Machines()[i]
		if w := m.Wipes(); len(w) != 2 || !w[0].At.Equal(was.Wipes()[0].At) || m.HostKey() != was.HostKey() || len(m.Boots()) != len(was.Boots()) {
			t.Errorf("%s came back with %+v", m.ID(), w)
		}
	}
	if key, err := greet(again.Machines()[0]); err != nil || key != g.boot(whole).HostKeys[0] {
		t.Errorf("it answers with %s, %v", key, err)
	}
	awaitPhase(t, again.Machines()[1], computer.Nothing)
	if d := again.Machines()[1].Disks()[0].Content; !d.Half {
		t.Errorf("the disk under way holds %+v", d)
	}
}
