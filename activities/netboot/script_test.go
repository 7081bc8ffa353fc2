package netboot_test

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/handrail/handrail/activities/netboot"
	"github.com/handrail/handrail/hosting"
)

var scriptLine = regexp.MustCompile(`^(echo Handrail: [a-z0-9. ,A-Z-]+|kernel http[^ ]+( [^ ]+)*|initrd --name initrd http[^ ]+|boot)$`)

// Whatever a plan holds, nothing is rendered or the script has its four lines,
// none of which holds anything that iPXE would take for more than a word.
func TestScript_neverEscapes(t *testing.T) {
	t.Parallel()
	hostile := rapid.OneOf(
		rapid.StringMatching("[a-z$ {}|&\"'\\\\#;\n-]{0,20}"), rapid.String(),
		rapid.SampledFrom([]string{"${net0/mac}", "a || chain http://x/", "a\nchain http://x/", "a && shell", `"`, "http://x/ || shell", "-n", ""}),
	)
	rapid.Check(t, func(r *rapid.T) {
		formats := []hosting.AnswerFormat{hosting.AnswerPreseed, hosting.AnswerAutoinstall, hosting.AnswerKickstart, hosting.AnswerOrder}
		b := written(planned(rapid.SampledFrom(formats).Draw(r, "format"), hosting.RAID1, hosting.LayoutDefault))
		p := &b.Plan
		fields := []*string{
			&p.System.ID, &p.System.Arguments, &p.System.Kernel.Path, &p.System.Initrd.Path, &p.System.Mirror, &p.HostName, &b.Base, &b.Token, &b.ID,
			&p.Disks[0].Serial, &p.SSHKeys[0], &p.MACs[0], &p.Partitions[0].Mount, &b.PasswordHash,
		}
		field := rapid.IntRange(0, len(fields)-1).Draw(r, "field")
		*fields[field] = hostile.Draw(r, "value")
		card := mac
		if rapid.Bool().Draw(r, "card") {
			card = hostile.Draw(r, "mac")
		}
		script, err := b.Script(card)
		if err != nil {
			return
		}
		lines := strings.Split(strings.TrimSuffix(script, "\n"), "\n")
		if len(lines) != 5 || lines[0] != "#!ipxe" || strings.ContainsAny(script[2:], "#$&|'\"\\`") {
			r.Fatalf("field %d: %q", field, script)
		}
		for _, line := range lines[1:] {
			if !scriptLine.MatchString(line) {
				r.Fatalf("field %d: %q", field, line)
			}
		}
	})
}

// What an installer can not carry is refused before a machine has it.
func TestBoot_refuses(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*netboot.Boot){
		"a serial with a space":    func(b *netboot.Boot) { b.Plan.Disks[0].Serial = "A B" },
		"a serial like an option":  func(b *netboot.Boot) { b.Plan.Disks[0].Serial = "-n" },
		"a serial with a dollar":   func(b *netboot.Boot) { b.Plan.Disks[0].Serial = "$(id)" },
		"no serial":                func(b *netboot.Boot) { b.Plan.Disks[0].Serial = "" },
		"too few disks":            func(b *netboot.Boot) { b.Plan.Disks = b.Plan.Disks[:1] },
		"several disks for none":   func(b *netboot.Boot) { b.Plan.RAID = hosting.RAIDNone },
		"no level":                 func(b *netboot.Boot) { b.Plan.RAID = "" },
		"a host name with a quote": func(b *netboot.Boot) { b.Plan.HostName = "a'b" },
		"no host name":             func(b *netboot.Boot) { b.Plan.HostName = "" },
		"a key with options":       func(b *netboot.Boot) { b.Plan.SSHKeys[0] = `command="id" ` + sshKey },
		"two keys in one":          func(b *netboot.Boot) { b.Plan.SSHKeys[0] += "\n" + sshKey },
		"no key":                   func(b *netboot.Boot) { b.Plan.SSHKeys[0] = "KEYS" },
		"a password":               func(b *netboot.Boot) { b.PasswordHash = "hunter2" },
		"a weak hash":              func(b *netboot.Boot) { b.PasswordHash = "$1$abcdefgh$0123456789012345678901" },
		"another MAC":              func(b *netboot.Boot) { b.Plan.MACs[0] = "52:54:00:12:34:5G" },
		"a partition for UEFI":     func(b *netboot.Boot) { b.Plan.Partitions[0].Mount = "/boot/efi" },
		"no root":                  func(b *netboot.Boot) { b.Plan.Partitions = b.Plan.Partitions[:1] },
		"no firmware":              func(b *netboot.Boot) { b.Plan.Firmware = "" },
		"no purpose":               func(b *netboot.Boot) { b.Purpose = "" },
		"no token":                 func(b *netboot.Boot) { b.Token = "" },
		"a base with a path":       func(b *netboot.Boot) { b.Base += "/x" },
		"an installer to rescue":   func(b *netboot.Boot) { b.Purpose = hosting.BootRescue },
		"the rescue system":        func(b *netboot.Boot) { b.Plan.System = rescued().Plan.System },
	} {
		b := written(planned(hosting.AnswerPreseed, hosting.RAID1, hosting.LayoutDefault))
		if _, err := b.Answer(); err != nil {
			t.Fatal(err)
		}
		change(&b)
		for kind, render := range map[string]func() (string, error){
			"script": func() (string, error) { return b.Script(mac) }, "answer": b.Answer, "installer": b.InstallerScript, "meta-data": b.MetaData,
		} {
			if text, err := render(); hosting.KindOf(err) != hosting.FaultInvalidRequest || text != "" || strings.Contains(err.Error(), "hunter2") {
				t.Errorf("%s, %s: %v", name, kind, err)
			}
		}
	}
}

// Kept disks are in nothing that a machine is told.
func TestBoot_keptDisksAreNeverNamed(t *testing.T) {
	t.Parallel()
	for name, b := range samples() {
		for ending, text := range rendered(t, b) {
			if strings.Contains(text, "KEPT") {
				t.Errorf("%s.%s names a kept disk", name, ending)
			}
		}
	}
}

func TestPasswordFiles(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	files := netboot.PasswordFiles(dir)
	good := map[string]string{
		"yescrypt": hash, "sha512": "$6$rounds=5000$abcdefgh$" + strings.Repeat("a/.Z", 21) + "ab\n", "sha256": "$5$abcdefgh$" + strings.Repeat("x", 43),
		"bcrypt": "$2b$12$" + strings.Repeat("A", 53) + "\r\n",
	}
	for name, text := range good {
		write(t, dir, name, text)
		if got, err := files.PasswordHash(t.Context(), "file:"+name); err != nil || got != strings.TrimRight(text, "\r\n") {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
	const planted = "hunter2"
	for name, text := range map[string]string{
		"plain": planted, "md5": "$1$abcdefgh$" + planted, "two": hash + "\n" + planted, "user": "root:" + hash + planted, "none": "", "spaced": hash + " " + planted,
		"large": "$6$" + strings.Repeat(planted, 200),
	} {
		write(t, dir, name, text)
		if got, err := files.PasswordHash(t.Context(), "file:"+name); hosting.KindOf(err) != hosting.FaultInvalidRequest || got != "" || strings.Contains(err.Error(), planted) {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
	open := write(t, dir, "open", hash)
	if err := os.Chmod(open, 0o644); err != nil {
		t.Fatal(err)
	}
	for _, ref := range []string{"file:open", "file:absent", "file:", "env:web", "web", "", "file:../x", "file:/etc/passwd", "file:."} {
		if got, err := files.PasswordHash(t.Context(), ref); err == nil || got != "" || strings.Contains(err.Error(), dir) {
			t.Errorf("%q: %q, %v", ref, got, err)
		}
	}
	if _, err := netboot.PasswordFiles("").PasswordHash(t.Context(), "file:yescrypt"); err == nil {
		t.Error("no folder, but a hash")
	}
}
