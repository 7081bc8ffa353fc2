package main

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/handrail/handrail/dev/datacenter"
	"github.com/handrail/handrail/dev/datacenter/fault"
	"github.com/handrail/handrail/dev/ticketdesk"
	"github.com/handrail/handrail/hosting"
)

func place(t *testing.T, name, content string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

// Just what is missing is built; a boot medium for another boot listener is none.
func TestRealMachine_builds(t *testing.T) {
	t.Parallel()
	r := &realMachine{files: t.TempDir(), bootPort: 8081}
	wants := func(medium bool, want ...string) {
		t.Helper()
		r.medium = medium
		scripts, err := r.scripts()
		var got []string
		for _, s := range scripts {
			got = append(got, s.path)
		}
		if err != nil || strings.Join(got, " ") != strings.Join(want, " ") {
			t.Errorf("runs %v (%v), want %v", got, err, want)
		}
	}
	wants(false, "rescue/build", "rescue/image")
	place(t, filepath.Join(r.files, rescueKernel), "kernel")
	wants(true, "rescue/build", "rescue/image")
	place(t, filepath.Join(r.files, rescueInitrd), "initrd")
	wants(false, "rescue/image")
	wants(true, "rescue/build", "rescue/image")
	place(t, filepath.Join(r.files, debianImage), "image")
	wants(false)
	place(t, filepath.Join(r.files, bootMedium), "\nchain --autofree http://10.0.2.2:80812/boot/${netX/mac}")
	wants(true, "rescue/build")
	place(t, filepath.Join(r.files, bootMedium), "\nchain --autofree http://10.0.2.2:8081/boot/${netX/mac}")
	wants(true)
	err := (&realMachine{files: filepath.Join(t.TempDir(), "none")}).prepare(t.Context(), t.Output())
	if err == nil || !strings.Contains(err.Error(), "rescue/build "+os.TempDir()) {
		t.Errorf("away from the source: %v", err)
	}
}

// A script that fails is shown, with what it needs and how to run it by hand.
func TestRealMachine_scriptFails(t *testing.T) {
	t.Parallel()
	script, err := filepath.Abs("testdata/failing-build")
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	err = buildScript{path: script, args: []string{"http://x"}, needs: "root"}.run(t.Context(), &out, "/out")
	for _, want := range []string{"exit status 3", "apt-get install one two, root", script + " /out http://x"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not in: %v", want, err)
		}
	}
	if !strings.HasSuffix(out.String(), "\n    | building in /out\n") {
		t.Errorf("%q", out.String())
	}
}

func TestRealMachine_catalogue(t *testing.T) {
	t.Parallel()
	r := &realMachine{files: t.TempDir()}
	if _, err := r.catalogue(); err == nil {
		t.Error("a catalogue of files that are not there")
	}
	for _, name := range []string{rescueKernel, rescueInitrd, debianImage} {
		place(t, filepath.Join(r.files, name), "abc")
	}
	systems, err := r.catalogue()
	if err != nil || len(systems) != 2 {
		t.Fatalf("%v, %v", systems, err)
	}
	for _, s := range systems {
		if err := s.Validate(); err != nil {
			t.Error(err)
		}
	}
	if got := systems[0].Image; got.Path != debianImage || got.SHA256 != "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" {
		t.Errorf("%+v", got)
	}
}

// The servers that can be real are what is said of them.
func TestRealMachine_servers(t *testing.T) {
	t.Parallel()
	c, err := datacenter.Start(t.Context(), datacenter.Config{Servers: realFleet, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close() //nolint:errcheck // nothing is kept
	for firmware, id := range realServers {
		r := &realRun{system: &system{center: c}, machine: c.Machine(id)}
		if got := r.machine.Hardware().Starts; got != firmware || r.machine.Address(hosting.Redfish) == "" || r.machine.Address(hosting.IPMI) == "" {
			t.Errorf("%s starts with %s", id, got)
		}
		if who, err := r.owner(); err != nil || who.Language != hosting.English {
			t.Errorf("%s: %+v, %v", id, who, err)
		}
		if err := r.machine.SetFault(fault.Fault{Name: fault.NoNetworkBoot}); err != nil {
			t.Error(err)
		}
		subject, body := ticketdesk.ReinstallText(hosting.English, id, "x", ticketdesk.Reinstallation{HostName: realHost})
		if !strings.Contains(subject, id) || !strings.Contains(body, realHost) || !hosting.HostNameValid(realHost) {
			t.Errorf("%s: %s", subject, body)
		}
	}
}

// Only a host key that the ticket vouches for is let in.
func TestVouched(t *testing.T) {
	t.Parallel()
	_, one := newKey(t)
	_, other := newKey(t)
	summary := "Fingerprints:\n  - " + hosting.Fingerprints([]string{one})[0] + "\n"
	if got := vouched([]string{other, one, "no key"}, summary); len(got) != 1 || got[0] != one {
		t.Errorf("%q", got)
	}
	if got := vouched([]string{other}, summary); len(got) != 0 {
		t.Errorf("%q", got)
	}
}

func TestReporter(t *testing.T) {
	t.Parallel()
	began := time.Date(2026, 11, 22, 2, 0, 0, 0, time.UTC)
	for terminal, want := range map[bool]string{
		false: "    1.5 s  begun\n    1.5 s  10 %\n    1.5 s  20 %\n",
		true:  "\r\x1b[K    1.5 s  begun\n\r\x1b[K    1.5 s  10 %\r\x1b[K    1.5 s  10 %\r\x1b[K    1.5 s  20 %",
	} {
		var out bytes.Buffer
		r := &reporter{w: &out, terminal: terminal, began: began, now: func() time.Time { return began.Add(1500 * time.Millisecond) }}
		r.event("begun")
		for _, s := range []string{"10 %", "10 %", "20 %"} {
			r.standing(s)
		}
		if out.String() != want {
			t.Errorf("terminal %t: %q", terminal, out.String())
		}
	}
}

func TestMilestones(t *testing.T) {
	t.Parallel()
	began := time.Date(2026, 11, 22, 2, 0, 0, 0, time.UTC)
	at := func(s int) *time.Time { return new(began.Add(time.Duration(s) * time.Second)) }
	var m milestones
	for _, x := range []struct {
		name string
		at   *time.Time
		want bool
	}{{"later", at(30), true}, {"first", at(10), true}, {"later", at(40), false}, {"never", nil, false}} {
		if m.mark(x.name, x.at) != x.want {
			t.Errorf("%s at %v: %t", x.name, x.at, !x.want)
		}
	}
	var out bytes.Buffer
	m.table(&out, began)
	want := "since the ticket  since the line before\n          10.0 s                 10.0 s  first\n          30.0 s                 20.0 s  later\n"
	if out.String() != want {
		t.Errorf("%s", out.String())
	}
}
