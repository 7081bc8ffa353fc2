package installer

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

const goodOrder = `# comment
PURPOSE='install'
HOSTNAME='a.example'
DISKS='S1 S2'
RAID='1'
RAID_DISKS='2'
PARTITIONS='/boot 1024 ext4
swap 4096 swap
/ 0 ext4'
FIRMWARE='uefi'
IMAGE='http://192.0.2.1/files/debian-12/root.tar.zst'
IMAGE_SHA256='` + "0123456789012345678901234567890123456789012345678901234567890123" + `'
SSH_KEYS='ssh-ed25519 AAAA a'\''s key
ssh-ed25519 BBBB'
PASSWORD_HASH=''
MACS='02:00:00:00:00:01 02:00:00:00:00:02'
FUTURE='whatever'
`

func TestReadOrder(t *testing.T) {
	t.Parallel()
	a, err := readOrder(goodOrder)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(a.Disks, []string{"S1", "S2"}) || a.Count != 2 || a.HostName != "a.example" || a.System != "root" || a.Rescue ||
		!slices.Equal(a.Keys, []string{"ssh-ed25519 AAAA a's key", "ssh-ed25519 BBBB"}) || len(a.MACs) != 2 {
		t.Errorf("%+v", a)
	}
}

func TestOrdersThatCanNotBeMeant(t *testing.T) {
	t.Parallel()
	for name, change := range map[string][2]string{
		"no purpose": {"PURPOSE='install'\n", ""}, "another purpose": {"'install'", "'wipe'"}, "no image": {"IMAGE='http://192.0.2.1/files/debian-12/root.tar.zst'\n", ""},
		"no quotes": {"'1'", "1"}, "a command": {"'1'", "'1'; reboot"}, "an open quote": {"'whatever'", "'whatever"}, "a wrong count": {"RAID_DISKS='2'", "RAID_DISKS='3'"},
		"no disks at all": {"RAID_DISKS='2'", "RAID_DISKS='0'"}, "a wrong level": {"RAID='1'", "RAID='7'"}, "a wrong file system": {"/ 0 ext4", "/ 0 fat"},
		"nobody could log in": {"SSH_KEYS='ssh-ed25519 AAAA a'\\''s key\nssh-ed25519 BBBB'", "SSH_KEYS=''"}, "a wrong checksum": {"IMAGE_SHA256='01", "IMAGE_SHA256='zz"},
	} {
		if a, err := readOrder(strings.Replace(goodOrder, change[0], change[1], 1)); err == nil {
			t.Errorf("%s: read as %+v", name, a)
		}
	}
}

// What a shell would read out of quoted values is read here as well.
func TestQuotedValues(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		want := rapid.MapOf(rapid.StringMatching(`[A-Z][A-Z0-9_]{0,5}`), rapid.StringMatching(`[ -~\n]{0,20}[!-~]`)).Draw(rt, "values")
		var text strings.Builder
		for key, value := range want {
			text.WriteString(key + "='" + strings.ReplaceAll(value, "'", `'\''`) + "'\n")
		}
		if got, err := takeApart(text.String()); err != nil || !maps.Equal(got, want) {
			rt.Fatalf("%q was read as %q, %v", text.String(), got, err)
		}
	})
}

func FuzzOrder(f *testing.F) {
	f.Add(goodOrder)
	f.Add("A='\n'\\''")
	f.Fuzz(func(t *testing.T, text string) {
		if a, err := readOrder(text); err == nil && !a.Rescue && (a.Count < 1 || len(a.Disks) > 0 && len(a.Disks) != a.Count) {
			t.Errorf("%q is an order for %d disks %q", text, a.Count, a.Disks)
		}
	})
}

func TestCommandLines(t *testing.T) {
	t.Parallel()
	line := parseCommandLine(`initrd=i "ds=nocloud;s=http://a b/" url=1 url=2 autoinstall x="y z"`)
	for word, want := range map[string]string{"ds": "nocloud;s=http://a b/", "url": "2", "x": "y z", "initrd": "i"} {
		if got, given := line.value(word); got != want || !given {
			t.Errorf("%s is %q", word, got)
		}
	}
	if _, given := line.value("autoinstall"); given || !line.has("autoinstall") || line.has("auto") {
		t.Error("a word without a value")
	}
}
