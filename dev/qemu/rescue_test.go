package qemu_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

const rescueInit = "../../rescue/init"

// program finds a program that CI has and a developer may not have.
func program(t testing.TB, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil && os.Getenv("CI") != "" {
		t.Fatal(err)
	}
	if err != nil {
		t.Skip(err)
	}
	return path
}

// rescueScripts are all files of the rescue system that a shell reads.
func rescueScripts(t *testing.T) (scripts []string) {
	t.Helper()
	for _, pattern := range []string{"*", "bin/*"} {
		found, err := filepath.Glob(filepath.Join(rescueInit, pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range found {
			if info, err := os.Stat(name); err == nil && info.Mode().IsRegular() {
				scripts = append(scripts, name)
			}
		}
	}
	if len(scripts) < 10 {
		t.Fatalf("only %q were found", scripts)
	}
	return scripts
}

func TestRescueScripts(t *testing.T) {
	t.Parallel()
	busybox, shellcheck := program(t, "busybox"), program(t, "shellcheck")
	for _, name := range rescueScripts(t) {
		if out, err := exec.CommandContext(t.Context(), busybox, "sh", "-n", name).CombinedOutput(); err != nil {
			t.Errorf("%s: %s", name, out)
		}
	}
	// course reads the others, which use one another's functions and variables.
	checks := [][]string{
		{"--external-sources", "--check-sourced", rescueInit + "/course"},
		{"--external-sources", rescueInit + "/init", rescueInit + "/udhcpc", rescueInit + "/bin/repair"},
		{rescueInit + "/../build", rescueInit + "/../image", rescueInit + "/../try"},
	}
	for _, args := range checks {
		if out, err := exec.CommandContext(t.Context(), shellcheck, args...).CombinedOutput(); err != nil {
			t.Errorf("shellcheck %q: %s", args, out)
		}
	}
}

// rescue runs a script in the rescue system's shell with its functions at hand.
// fail ends it, as there.
func rescue(t testing.TB, folder, script string) (string, error) {
	t.Helper()
	text := `set -eu
fail() { echo "FAIL: $*"; exit 1; }
say() { :; }
folder=$1
for part in order gateway hardware disks partition; do . "$2/$part.sh"; done
orders=$folder/order layout=$folder/layout sys=$folder/sys
` + script
	out, err := exec.CommandContext(t.Context(), program(t, "busybox"), "sh", "-c", text, "sh", folder, rescueInit).CombinedOutput()
	return string(out), err
}

func write(t testing.TB, name, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// readOrder has the rescue system read an order and returns its values.
func readOrder(t testing.TB, folder, text string) (values map[string]string, err error) {
	t.Helper()
	write(t, filepath.Join(folder, "text"), text)
	if out, err := rescue(t, folder, `read_order "$folder/text"`); err != nil {
		return nil, &exec.Error{Name: out, Err: err}
	}
	values = make(map[string]string)
	files, err := os.ReadDir(filepath.Join(folder, "order"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		value, err := os.ReadFile(filepath.Join(folder, "order", f.Name()))
		if err != nil {
			t.Fatal(err)
		}
		values[f.Name()] = string(value)
	}
	return values, nil
}

func quoted(value string) string { return "'" + strings.ReplaceAll(value, "'", `'\''`) + "'" }

// TestOrder_anyValue: whatever a value holds is read as it was written, and runs
// nothing.
func TestOrder_anyValue(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	value := rapid.StringOf(rapid.OneOf(
		rapid.RuneFrom([]rune("'\\\"`$()|&;<>#= \n\t%")), rapid.RuneFrom([]rune("abcXYZ019ąè"))))
	rapid.Check(t, func(rt *rapid.T) {
		host, keys := value.Draw(rt, "HOSTNAME"), value.Draw(rt, "SSH_KEYS")
		got, err := readOrder(t, folder, "# an order\n\nHOSTNAME="+quoted(host)+"\nSSH_KEYS="+quoted(keys)+"\nUNKNOWN='x'\n")
		if err != nil {
			rt.Fatal(err)
		}
		if got["HOSTNAME"] != host || got["SSH_KEYS"] != keys || len(got) != 2 {
			rt.Fatalf("read %q", got)
		}
	})
}

func TestOrder_nothingButValues(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"HOSTNAME=web1\n", "HOSTNAME='web1\n", "HOSTNAME='web1' \n", "HOSTNAME='a'; reboot\n", "reboot\n", "HOSTNAME='a'b'\n",
		"HOSTNAME=$(reboot)\n", "HOSTNAME=\"a\"\n", "export HOSTNAME='a'\n", " HOSTNAME='a'\n", "HOSTNAME='\x01'\n", "../x='a'\n",
	} {
		if got, err := readOrder(t, t.TempDir(), text); err == nil {
			t.Errorf("%q was read as %q", text, got)
		}
	}
}

// goodOrder is an installation.
func goodOrder() map[string]string {
	return map[string]string{
		"PURPOSE": "install", "HOSTNAME": "web1.example.net", "DISKS": "S3Z8NB0K WD-WCC:7", "RAID": "1", "RAID_DISKS": "2",
		"PARTITIONS": "/boot 1024 ext4\nswap 4096 swap\n/srv 0 xfs\n/ 8192 ext4", "FIRMWARE": "uefi",
		"IMAGE": "http://192.0.2.1:8081/files/debian-12.tar.zst", "IMAGE_SHA256": strings.Repeat("ab", 32),
		"SSH_KEYS": "ssh-ed25519 AAAAC3Nza it's me\nsk-ssh-ed25519@openssh.com AAAA+/==", "PASSWORD_HASH": "", "MACS": "52:54:00:48:52:01",
	}
}

func checkOrder(t *testing.T, order map[string]string) (string, error) {
	t.Helper()
	folder := t.TempDir()
	for key, value := range order {
		write(t, filepath.Join(folder, "order", key), value)
	}
	return rescue(t, folder, "check_order")
}

func TestCheckOrder(t *testing.T) {
	t.Parallel()
	if out, err := checkOrder(t, goodOrder()); err != nil {
		t.Fatalf("a good order: %v: %s", err, out)
	}
	for _, wrong := range []struct{ key, value string }{
		{"PURPOSE", "erase"},
		{"PURPOSE", ""},
		{"PURPOSE", "install\nrescue"},
		{"HOSTNAME", "web1;reboot"},
		{"HOSTNAME", "Web"},
		{"HOSTNAME", ""},
		{"DISKS", "a;b"},
		{"DISKS", "a  b"},
		{"RAID", "7"},
		{"RAID", ""},
		{"RAID_DISKS", "two"},
		{"FIRMWARE", "coreboot"},
		{"IMAGE", "file:///etc/passwd"},
		{"IMAGE", "http://a/b c"},
		{"IMAGE_SHA256", "abc"},
		{"PASSWORD_HASH", "secret"},
		{"PASSWORD_HASH", "$6$a:b\nroot2:x"},
		{"PARTITIONS", ""},
		{"PARTITIONS", "/srv 0 ext4"},
		{"PARTITIONS", "/ 0 ext4\n/srv 0 ext4"},
		{"PARTITIONS", "/ 1 ext4\n/ 2 ext4"},
		{"PARTITIONS", "/ 0 btrfs"},
		{"PARTITIONS", "/../x 1 ext4\n/ 0 ext4"},
		{"PARTITIONS", "/boot/efi 512 ext4\n/ 0 ext4"},
		{"SSH_KEYS", ""},
		{"SSH_KEYS", "no key"},
		{"SSH_KEYS", "ssh-ed25519 AAAA\n\tcommand"},
		{"MACS", "all"},
	} {
		order := goodOrder()
		order[wrong.key] = wrong.value
		if out, err := checkOrder(t, order); err == nil || !strings.Contains(out, "FAIL: ") {
			t.Errorf("%s=%q was accepted (%v: %s)", wrong.key, wrong.value, err, out)
		}
	}
}

// TestDisks resolves serial numbers as each kind of disk shows them.
func TestDisks(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	disk := func(name, file, serial string) {
		base := filepath.Join(folder, "sys/block", name)
		for f, text := range map[string]string{"size": "1953125\n", "ro": "0\n", "removable": "0\n", file: serial} {
			write(t, filepath.Join(base, f), text)
		}
	}
	disk("vdq", "serial", "VIRTIO1")
	disk("nvme0n1", "device/serial", "S4EV NF0M 1 \n")
	disk("nvme1n1", "device/serial", "PHLJ1              \n")
	disk("sdq", "device/vpd_pg80", "\x00\x80\x00\x14            WD-WCC7")
	disk("sdr", "device/wwid", "naa.5000c500\n")
	disk("sds", "device/vpd_pg80", "\x00\x80\x00\x04TWIN")
	disk("sdt", "device/vpd_pg80", "\x00\x80\x00\x04TWIN")
	disk("sr0", "serial", "CD")
	for _, test := range []struct{ disks, raid, want string }{
		{"VIRTIO1", "none", "vdq"},
		{"PHLJ1", "none", "nvme1n1"},
		{"WD-WCC7", "none", "sdq"},
		{"naa.5000c500", "none", "sdr"},
		{"WD-WCC7 VIRTIO1", "1", "sdq vdq"}, // in the order of their use
		{"", "1", "nvme0n1 nvme1n1"},
		{"VIRTIO", "none", "FAIL"},
		{"virtio1", "none", "vdq"},
		{"S4EVNF0M1", "none", "nvme0n1"},
		{"TWIN", "none", "FAIL"},
		{"CD", "none", "FAIL"},
		{"VIRTIO1 VIRTIO1", "1", "FAIL"},
		{"VIRTIO1 WD-WCC7", "none", "FAIL"},
		{"VIRTIO1 WD-WCC7", "5", "FAIL"},
	} {
		count := map[string]string{"none": "1", "1": "2", "5": "3"}[test.raid]
		for key, value := range map[string]string{"DISKS": test.disks, "RAID": test.raid, "RAID_DISKS": count} {
			write(t, filepath.Join(folder, "order", key), value)
		}
		out, err := rescue(t, folder, "sleep() { :; }\nchoose_disks\necho $disks")
		if (err != nil) != (test.want == "FAIL") || !strings.HasPrefix(out, test.want) {
			t.Errorf("%q with RAID %s: %s (%v), want %s", test.disks, test.raid, out, err, test.want)
		}
	}
}

// TestLayout: what each disk is divided into.
func TestLayout(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		disks, raid, firmware string
		want                  []string
	}{
		"one disk": {"vda", "none", "legacy", []string{
			"1 - 1 bios none -", "2 /boot 1024 ext4 none vda2", "3 swap 4096 swap none vda3", "4 / 8192 ext4 none vda4", "5 /srv 0 xfs none vda5",
		}},
		"one NVMe disk with UEFI": {"nvme0n1", "none", "uefi", []string{
			"1 - 1 bios none -", "2 /boot/efi 512 vfat none nvme0n1p2", "3 /boot 1024 ext4 none nvme0n1p3", "4 swap 4096 swap none nvme0n1p4",
			"5 / 8192 ext4 none nvme0n1p5", "6 /srv 0 xfs none nvme0n1p6",
		}},
		"RAID 5 over three": {"sda sdb sdc", "5", "uefi", []string{
			"1 - 1 bios none -", "2 /boot/efi 512 vfat 1 md0", "3 /boot 1024 ext4 1 md1", "4 swap 2048 swap 5 md2", "5 / 4096 ext4 5 md3", "6 /srv 0 xfs 5 md4",
		}},
		"RAID 10 over four": {"sda sdb sdc sdd", "10", "legacy", []string{
			"1 - 1 bios none -", "2 /boot 1024 ext4 1 md0", "3 swap 2048 swap 10 md1", "4 / 4096 ext4 10 md2", "5 /srv 0 xfs 10 md3",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			folder := t.TempDir()
			order := goodOrder()
			order["RAID"], order["FIRMWARE"] = test.raid, test.firmware
			for key, value := range order {
				write(t, filepath.Join(folder, "order", key), value)
			}
			out, err := rescue(t, folder, `disks=" `+test.disks+`"
parts=$folder/parts
wants_efi() { [ "$(order FIRMWARE)" = uefi ]; }
lay_out
cat "$layout"
table >"$folder/table"`)
			if got := strings.Split(strings.TrimSpace(out), "\n"); err != nil || !slices.Equal(got, test.want) {
				t.Errorf("%v\n got %q\nwant %q", err, got, test.want)
			}
			table, err := os.ReadFile(filepath.Join(folder, "table"))
			lines := strings.Split(strings.TrimSpace(string(table)), "\n")
			if err != nil || len(lines) != len(test.want)+1 || lines[0] != "label: gpt" || strings.Contains(lines[len(lines)-1], "size") {
				t.Errorf("the table is %q (%v)", lines, err)
			}
		})
	}
}
