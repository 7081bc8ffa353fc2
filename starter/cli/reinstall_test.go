package cli_test

import (
	"crypto/ed25519"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"go.temporal.io/api/workflowservice/v1"
	"golang.org/x/crypto/ssh"

	"github.com/handrail/handrail/hosting"
	"github.com/handrail/handrail/starter/cli"
	"github.com/handrail/handrail/starter/internal/frontend"
	"github.com/handrail/handrail/workflows"
)

// publicKey is the n-th of the tests' keys, as a .pub file holds it.
func publicKey(t *testing.T, n byte, name string) string {
	t.Helper()
	seed := make([]byte, ed25519.SeedSize)
	seed[0] = n
	key, err := ssh.NewPublicKey(ed25519.NewKeyFromSeed(seed).Public())
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(ssh.MarshalAuthorizedKey(key))) + " " + name
}

// write makes a file of lines.
func write(t *testing.T, lines ...string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "keys.pub")
	if err := os.WriteFile(name, []byte(strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// I11, I12: everything that a reinstallation can be asked for with.
func TestStartReinstall_I12(t *testing.T) {
	t.Parallel()
	f := frontend.Start(t)
	anna, marco := publicKey(t, 1, "anna@desk"), publicKey(t, 2, "marco")
	s := run(t, f, "start", "reinstall", "--ticket", "1002", "--server", "srv-1004", "--system", "Debian 12", "--partitioning", "/boot 1G, swap 8G, / rest xfs",
		"--raid", "1", "--host-name", "web.acme.example", "--ssh-key", anna, "--ssh-key", "@"+write(t, "# the team", "", marco, anna),
		"--password-ref", "vault:acme/1004", "--keep", "S4EVNX0R", "--keep", "bay 3,bay 4", "--by", "anna")
	if s.code != 0 || s.out != "started reinstall/1002\nfollow it with: starter show reinstall/1002 --watch\n" || s.err != "" {
		t.Fatalf("%+v", s)
	}
	call := frontend.Calls[*workflowservice.StartWorkflowExecutionRequest](f)[0]
	got := firstArgument[workflows.ReinstallRequest](t, call.GetInput())
	want := workflows.ReinstallRequest{
		Request: workflows.Request{Server: "srv-1004", Ticket: "1002", RequestedBy: hosting.Requester{Contact: "anna", Role: hosting.RoleStaff}},
		InstallFields: hosting.InstallFields{
			System: "Debian 12", RAID: hosting.RAID1, HostName: "web.acme.example", SSHKeys: []string{anna, marco}, Password: "vault:acme/1004",
			Keep: []string{"S4EVNX0R", "bay 3", "bay 4"},
			Partitioning: &hosting.Partitioning{Layout: hosting.LayoutCustom, Partitions: []hosting.Partition{
				{Mount: "/boot", MiB: 1024, FileSystem: "ext4"}, {Mount: "swap", MiB: 8192, FileSystem: "swap"}, {Mount: "/", FileSystem: "xfs"},
			}},
		},
	}
	if call.GetWorkflowType().GetName() != "OSReinstall" || !reflect.DeepEqual(got, want) {
		t.Errorf("%s %+v\nwant %+v", call.GetWorkflowType().GetName(), got, want)
	}
	run(t, f, "start", "reinstall", "--ticket", "1002").refuses(t, 3, "reinstall/1002 was started before")
	run(t, f, "start", "reinstall").refuses(t, 3, "neither a server nor a ticket")
	// The other procedure of the ticket is another operation.
	if s := run(t, f, "start", "intervention", "--ticket", "1002"); s.code != 0 {
		t.Errorf("%+v", s)
	}
	if got := decode[map[string]string](t, run(t, f, "start", "reinstall", "--server", "SRV-7", "--json")); got["workflow"] != "reinstall/staff-srv-7" {
		t.Errorf("%v", got)
	}
}

// What is not said is left to the ticket: it must not arrive as said.
func TestStartReinstall_saysNothing(t *testing.T) {
	t.Parallel()
	f := frontend.Start(t)
	if s := run(t, f, "start", "reinstall", "--ticket", "1002"); s.code != 0 {
		t.Fatalf("%+v", s)
	}
	in := frontend.Calls[*workflowservice.StartWorkflowExecutionRequest](f)[0].GetInput()
	if text, want := string(in.GetPayloads()[0].GetData()), `{"server":"","ticket":"1002","requestedBy":{"contact":"anna","role":"staff"}}`; text != want {
		t.Errorf("%s\nwant %s", text, want)
	}
}

// Wrong input is refused before anything is sent; a secret that was taken for a
// reference is not repeated.
func TestInstallation_usage(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	private := write(t, "-----BEGIN OPENSSH PRIVATE KEY-----", "b3BlbnNzaC1rZXktdjEA", "-----END OPENSSH PRIVATE KEY-----")
	quoted := []string{"--author", "g@example.it", "--how", "phone", "--text", "yes"}
	commands := [][]string{{"start", "reinstall", "--server", "srv-1004"}, {"specify", "1002"}}
	flags := []struct {
		args  []string
		words string
	}{
		{[]string{"--raid", "7"}, `--raid "7" is not one of none, 0, 1, 5, 6, 10`},
		{[]string{"--partitioning", "fancy"}, `--partitioning: "fancy" is no partition. To do: write mount point and size`},
		{[]string{"--partitioning", "/srv 10G"}, "--partitioning: no partition for /"},
		{[]string{"--partitioning", "/ rest, /etc 1G"}, "--partitioning: /etc on a partition of its own"},
		{[]string{"--host-name", "web 1"}, `--host-name "web 1" is no host name`},
		{[]string{"--host-name", "192.0.2.1"}, `--host-name "192.0.2.1" is no host name`},
		{[]string{"--system", strings.Repeat("x", 201)}, "--system has 201 bytes"},
		{[]string{"--password-ref", "hunter2"}, "--password-ref is not of the form scheme:name"},
		{[]string{"--password-ref", "$6$salt$hash"}, "--password-ref is not of the form scheme:name"},
		{[]string{"--keep", " "}, `--keep "" is no disk`},
		{[]string{"--keep", "none", "--keep", "S1"}, "--keep none goes without other disks"},
		{[]string{"--keep", strings.Repeat("S1,", 32) + "S1"}, "--keep names 33 disks, more than 32"},
		{[]string{"--ssh-key", "giulia.pub"}, "--ssh-key: this is no SSH public key. To do: give the line of a .pub file"},
		{[]string{"--ssh-key", "@" + folder + "/none.pub"}, "none.pub: no such file or directory"},
		{[]string{"--ssh-key", "@" + folder}, "is a directory"},
		{[]string{"--ssh-key", "@" + private}, "this is no SSH public key"},
		{[]string{"--ssh-key", "@" + write(t, "", "# nobody")}, "there is no key in "},
		{[]string{"--ssh-key", "@" + write(t, strings.Repeat("x", 64<<10))}, "is no file of keys: it has more than 64 KiB"},
		{[]string{"--nope"}, "unknown flag: --nope"},
	}
	var many []string
	for n := range byte(33) {
		many = append(many, publicKey(t, n, "x"))
	}
	for _, command := range commands {
		for _, c := range flags {
			s := run(t, nil, append(command, c.args...)...)
			s.refuses(t, 2, c.words)
			for _, secret := range []string{"hunter2", "$6$", "BEGIN", "b3BlbnNz"} {
				if strings.Contains(s.err, secret) {
					t.Errorf("%q repeats %s", s.err, secret)
				}
			}
		}
		run(t, nil, append(command, "--ssh-key", "@"+write(t, many...))...).refuses(t, 2, "--ssh-key gives 33 keys, more than 32")
	}
	for words, args := range map[string][]string{
		"nothing is specified: give at least one of the flags": {"specify", "1002"},
		"usage: starter specify OPERATION":                     {"specify", "--raid", "1"},
		"usage: starter start reinstall":                       {"start", "reinstall", "1002"},
		"--system is missing: the operating system":            append([]string{"consent", "1002"}, quoted...),
		"usage: starter consent OPERATION":                     append([]string{"consent", "--system", "Debian 12"}, quoted...),
		"--text is missing":                                    {"consent", "1002", "--system", "Debian 12"},
		"--author is missing":                                  {"consent", "1002", "--withdrawn", "--text", "no"},
		"--summary is missing: what failed":                    {"give-up", "1002"},
		"usage: starter give-up OPERATION":                     {"give-up", "--summary", "x"},
	} {
		run(t, nil, args...).refuses(t, 2, words)
	}
}

// installing is a reinstallation whose installer is at work.
func installing() workflows.Status {
	s := status()
	plan := hosting.Plan{
		System: catalogue()[1], RAID: hosting.RAID1, Layout: hosting.LayoutDefault, HostName: "web.acme.example", Firmware: hosting.FirmwareUEFI,
		Disks: []hosting.Disk{{Serial: "S1", Bay: "0"}, {Serial: "S2", Bay: "1"}}, Keep: []hosting.Disk{{Serial: "S3", Bay: "2"}},
		Partitions: hosting.Partitioning{Layout: hosting.LayoutDefault}.Plan(), MACs: []string{"02:00:00:00:00:01"},
	}
	s.Procedure, s.Phase, s.WaitingOn, s.Error, s.Step = hosting.OSReinstall, hosting.PhaseRunning, "", "", "install"
	s.Steps = []hosting.Step{
		{Name: "boot", Title: "Release the installer and restart into it", State: hosting.StepDone, Attempt: 1, Started: moment("02:00:00"), Ended: moment("02:04:00")},
		{Name: "install", Title: "Follow the installation", State: hosting.StepRunning, Attempt: 1, Started: moment("02:04:00")},
	}
	s.Plan = &plan
	s.Boot = &hosting.NetworkBoot{
		ID: "boot-1", Operation: "op-7", Server: "srv-1004", Purpose: hosting.BootInstall, Attempt: 2, Plan: plan, State: hosting.BootErasing,
		Stage: "unpacking\n\x1b[2Jthe system", Percent: 43, ArmedAt: at("02:00:00"), ReportedAt: moment("02:10:00"),
	}
	return s
}

func shownInstalling() *frontend.Workflow {
	w := shown()
	w.ID, w.Type = "reinstall/1001", "OSReinstall"
	w.Query = func() (any, error) { return installing(), nil }
	return w
}

// G12: what is installed, and how far it is.
func TestShow_installation(t *testing.T) {
	t.Parallel()
	f := frontend.Start(t, shownInstalling())
	s := run(t, f, "show", "1001")
	golden(t, "show-install.txt", s.out)
	if s.code != 0 || s.err != "" || strings.ContainsAny(s.out, "\x1b") {
		t.Errorf("%+v", s)
	}
	d := sit(f)
	d.Terminal = true
	golden(t, "show-install-terminal.txt", d.run(t, "show", "1001").out)
	v := decode[cli.View](t, run(t, f, "show", "1001", "--json"))
	if want := installing(); !reflect.DeepEqual(v.Plan, want.Plan) || !reflect.DeepEqual(v.Boot, want.Boot) {
		t.Errorf("%+v %+v", v.Plan, v.Boot)
	}
}

func TestShow_boot(t *testing.T) {
	t.Parallel()
	w := shownInstalling()
	f := frontend.Start(t, w)
	d := sit(f)
	d.Terminal = true
	for want, boot := range map[string]hosting.NetworkBoot{
		"\nnetwork boot: armed\n\n":                                                                     {State: hosting.BootArmed, Attempt: 1},
		"\nnetwork boot: erasing, partitioning [..........] 0%\n":                                       {State: hosting.BootErasing, Attempt: 1, Stage: "partitioning"},
		"\nnetwork boot: erasing, at last [##########] 250%\n":                                          {State: hosting.BootErasing, Attempt: 1, Stage: "at last", Percent: 250},
		"\nnetwork boot, attempt 3: done, finished, ended at 2026-11-22 02:30 UTC\n\n":                  {State: hosting.BootDone, Attempt: 3, Stage: "finished", Percent: 100, EndedAt: moment("02:30:00")},
		"\nnetwork boot: failed, ended at 2026-11-22 02:30 UTC\n! the installer: no space\n\n":          {State: hosting.BootFailed, Attempt: 1, Error: "no\nspace", EndedAt: moment("02:30:00")},
		"\n! the machine asked for its boot script again at 2026-11-22 02:31 UTC: it did not boot from": {State: hosting.BootDone, Attempt: 1, AskedAgainAt: moment("02:31:00")},
	} {
		w.Query = func() (any, error) {
			s := installing()
			s.Plan, s.Boot = nil, &boot
			return s, nil
		}
		d.out.b.Reset()
		if s := d.run(t, "show", "1001"); !strings.Contains(s.out, want) || strings.Contains(s.out, "plan:") {
			t.Errorf("want %q:\n%s%s", want, s.out, s.err)
		}
	}
}

// An installation that is watched is not printed for every percent.
func TestWatch_installation(t *testing.T) {
	t.Parallel()
	w := shownInstalling()
	f := frontend.Start(t, w)
	strip := &film{end: func() { f.End(w, completed, "done") }}
	for percent := range 30 {
		s := installing()
		boot := *s.Boot
		boot.Percent, boot.ReportedAt = percent, new(at("02:10:00").Add(hosting.Duration(percent).D()))
		s.Boot = &boot
		strip.frames = append(strip.frames, s)
	}
	w.Query = strip.next
	s := run(t, f, "show", "1001", "--watch")
	if n := strings.Count(s.out, "network boot"); s.code != 0 || n != 4 { // 0, 10, 20, and the end
		t.Errorf("printed %d times: %+v", n, s)
	}
}
