package netboot_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
	"pgregory.net/rapid"

	"github.com/handrail/handrail/activities/netboot"
	"github.com/handrail/handrail/hosting"
)

// program is the path of a program that the test needs.
func program(t testing.TB, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	switch {
	case err == nil:
		return path
	case os.Getenv("CI") == "":
		t.Skipf("needs %s: %v", name, err)
	default:
		t.Fatalf("needs %s: %v", name, err)
	}
	return ""
}

// ofFormat are the samples of one format.
func ofFormat(t *testing.T, format hosting.AnswerFormat) map[string]map[string]string {
	t.Helper()
	out := map[string]map[string]string{}
	for name, b := range samples() {
		if b.Plan.System.Answer == format {
			out[name] = rendered(t, b)
		}
	}
	return out
}

// Debian's own reader of such files takes every line, of the answers and of what
// the script gives to the installer.
func TestPreseed_valid(t *testing.T) {
	t.Parallel()
	check := debconf(t)
	for name, texts := range ofFormat(t, hosting.AnswerPreseed) {
		check(name, texts["answer"])
		_, rest, _ := strings.Cut(texts["sh"], "<<CFG\n")
		lines, _, found := strings.Cut(rest, "CFG\n")
		if !found {
			t.Errorf("%s: the script gives the installer nothing", name)
		}
		check(name, strings.ReplaceAll(lines, "${devices}", " /dev/sda /dev/sdb"))
	}
	check("stub", netboot.PreseedStub)
}

// debconf returns a check by debconf-set-selections with a database of its own.
func debconf(t *testing.T) func(name, text string) {
	t.Helper()
	dir, path := t.TempDir(), program(t, "debconf-set-selections")
	rc := "Config: c\nTemplates: t\n\nName: c\nDriver: File\nFilename: " + dir + "/c.dat\n\nName: t\nDriver: File\nFilename: " + dir + "/t.dat\n"
	env := append(os.Environ(), "DEBCONF_SYSTEMRC="+write(t, dir, "debconf.conf", rc))
	run := func(text string) (string, error) {
		cmd := exec.CommandContext(t.Context(), path, "--checkonly", write(t, dir, "preseed.cfg", text))
		cmd.Env = env
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	if _, err := run("d-i something\n"); err == nil {
		t.Fatal("debconf-set-selections takes anything")
	}
	return func(name, text string) {
		t.Helper()
		if out, err := run(text); err != nil || out != "" {
			t.Errorf("%s: %v: %s\n%s", name, err, out, text)
		}
	}
}

// Cloud-init's schema takes what Ubuntu's installer is given, and what that
// gives to cloud-init on the installed system.
func TestAutoinstall_valid(t *testing.T) {
	t.Parallel()
	path, dir := program(t, "cloud-init"), t.TempDir()
	check := func(name, text string) error {
		cmd := exec.CommandContext(t.Context(), path, "schema", "--config-file", write(t, dir, name+".yaml", text))
		out, err := cmd.CombinedOutput()
		if err != nil {
			return &refusedBy{string(out)}
		}
		return nil
	}
	if check("wrong", "#cloud-config\nusers: 7\n") == nil {
		t.Fatal("cloud-init's schema takes anything")
	}
	all := ofFormat(t, hosting.AnswerAutoinstall)
	for _, name := range []string{"autoinstall-raid-1-default", "autoinstall-raid-none-custom"} { // it takes seconds
		texts := all[name]
		if err := check(name, texts["answer"]); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		var doc struct {
			Autoinstall struct {
				UserData map[string]any `yaml:"user-data"`
			}
		}
		if err := yaml.Unmarshal([]byte(texts["answer"]), &doc); err != nil {
			t.Fatal(err)
		}
		inner, err := yaml.Marshal(doc.Autoinstall.UserData)
		if err != nil {
			t.Fatal(err)
		}
		if err := check(name+"-installed", "#cloud-config\n"+string(inner)); err != nil {
			t.Errorf("%s, installed: %v", name, err)
		}
		if err := yaml.Unmarshal([]byte(texts["meta-data"]), &map[string]string{}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

type refusedBy struct{ out string }

func (r *refusedBy) Error() string { return r.out }

// The rules of Ubuntu's installer that no schema holds: what is referred to was
// made before, and the partition that takes the rest is its disk's last.
func TestAutoinstall_storage(t *testing.T) {
	t.Parallel()
	for name, texts := range ofFormat(t, hosting.AnswerAutoinstall) {
		var doc struct {
			Autoinstall struct {
				Storage struct{ Config []map[string]any }
			}
		}
		if err := yaml.Unmarshal([]byte(texts["answer"]), &doc); err != nil {
			t.Fatal(err)
		}
		made, full := map[any]bool{}, map[any]bool{}
		for _, a := range doc.Autoinstall.Storage.Config {
			refs := []any{a["device"], a["volume"]}
			if members, ok := a["devices"].([]any); ok {
				refs = append(refs, members...)
			}
			for _, ref := range refs {
				if ref != nil && !made[ref] {
					t.Errorf("%s: %v refers to %v", name, a, ref)
				}
			}
			if a["type"] == "partition" {
				if full[a["device"]] {
					t.Errorf("%s: %v comes after the rest of its disk", name, a)
				}
				full[a["device"]] = a["size"] == -1
			}
			if made[a["id"]] {
				t.Errorf("%s: two of %v", name, a["id"])
			}
			made[a["id"]] = true
		}
	}
}

var section = regexp.MustCompile(`(?ms)^%(?:pre|post|pre-install|onerror)\b.*?\n(.*?)^%end$`)

// Every shell that runs somewhere parses.
func TestShell_parses(t *testing.T) {
	t.Parallel()
	dash, dir := program(t, "dash"), t.TempDir()
	parse := func(name, text string) {
		t.Helper()
		if out, err := exec.CommandContext(t.Context(), dash, "-n", write(t, dir, "script", text)).CombinedOutput(); err != nil || len(out) > 0 {
			t.Errorf("%s: %v: %s", name, err, out)
		}
	}
	for name, b := range samples() {
		texts := rendered(t, b)
		parse(name, texts["sh"])
		switch b.Plan.System.Answer {
		case hosting.AnswerOrder:
			parse(name, texts["answer"])
		case hosting.AnswerKickstart:
			sections := section.FindAllStringSubmatch(texts["answer"], -1)
			if len(sections) != 4 {
				t.Errorf("%s: %d sections", name, len(sections))
			}
			for _, s := range sections {
				parse(name, s[1])
			}
		case hosting.AnswerPreseed:
			commands := regexp.MustCompile(`(?m)_command string (.*)$`).FindAllStringSubmatch(texts["answer"], -1)
			if len(commands) != 3 {
				t.Errorf("%s: %d commands", name, len(commands))
			}
			for _, c := range commands {
				parse(name, c[1])
			}
		}
	}
}

// The stub finds the address on a kernel's command line, as Debian's installer
// evaluates it, and nothing where there is none.
func TestStub_includes(t *testing.T) {
	t.Parallel()
	dash, dir := program(t, "dash"), t.TempDir()
	_, command, _ := strings.Cut(netboot.PreseedStub, "include_command string ")
	for line, want := range map[string]string{
		"auto=true handrail.answer=http://192.0.2.10/t/x/answer console=ttyS0\n": "http://192.0.2.10/t/x/answer",
		"url=http://other/ handrail.answer=http://192.0.2.10/t/x/answer\n":       "http://192.0.2.10/t/x/answer",
		"auto=true url=http://other/\n":                                          "",
	} {
		script := "RET=$(cat " + write(t, dir, "command", strings.ReplaceAll(command, "/proc/cmdline", write(t, dir, "cmdline", line))) + ")\necho \"$(eval $RET)\"\n"
		out, err := exec.CommandContext(t.Context(), dash, "-c", script).CombinedOutput()
		if err != nil || strings.TrimSpace(string(out)) != want {
			t.Errorf("%q: %q, %v; want %q", line, out, err, want)
		}
	}
}

// Whatever is in the values of an order, a shell reads exactly them and runs
// nothing of it.
func TestOrder_quoting(t *testing.T) {
	t.Parallel()
	dash, dir := program(t, "dash"), t.TempDir()
	text := rapid.OneOf(rapid.StringMatching("[a-z' \"$`\\\\;&|(){}#\n*~=-]{0,30}"), rapid.Map(rapid.String(), func(s string) string {
		return strings.ReplaceAll(strings.ToValidUTF8(s, "?"), "\x00", "")
	}))
	rapid.Check(t, func(r *rapid.T) {
		b := written(planned(hosting.AnswerOrder, hosting.RAID1, hosting.LayoutDefault))
		p := &b.Plan
		p.HostName, p.Disks[0].Serial, p.SSHKeys[0] = text.Draw(r, "host"), text.Draw(r, "serial"), text.Draw(r, "key")
		b.PasswordHash, p.System.Image.SHA256 = text.Draw(r, "hash"), text.Draw(r, "sum")
		order, err := b.Unchecked()
		if err != nil {
			r.Fatal(err)
		}
		file := filepath.Join(dir, "order")
		if err := os.WriteFile(file, []byte(order), 0o600); err != nil {
			r.Fatal(err)
		}
		want := []string{p.HostName, p.Disks[0].Serial + " " + p.Disks[1].Serial, p.SSHKeys[0], b.PasswordHash, p.System.Image.SHA256}
		cmd := exec.CommandContext(t.Context(), dash, "-c", `. "$1"; printf '%s\0' "$HOSTNAME" "$DISKS" "$SSH_KEYS" "$PASSWORD_HASH" "$IMAGE_SHA256"`, "dash", file)
		out, err := cmd.CombinedOutput()
		if got := strings.Split(strings.TrimSuffix(string(out), "\x00"), "\x00"); err != nil || !slices.Equal(got, want) {
			r.Fatalf("%q, %v; want %q", got, err, want)
		}
	})
}
