package netboot_test

import (
	"context"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/handrail/handrail/hosting"
)

// machine is a folder that a boot's script takes for the machine that it runs
// on: its disks, and the programs of its installer.
type machine struct {
	place
	dir, script string
}

// sectors is the size of each disk, in 512 bytes: 4 MiB.
const sectors = 8192

// boot starts a machine with the disks, by name and serial number, and has it
// fetch its script as its installer does.
func boot(t *testing.T, b hosting.NetworkBoot, disks map[string]string) machine {
	t.Helper()
	m := machine{place: serve(t, b), dir: t.TempDir()}
	for name, serial := range disks {
		m.disk(name, serial)
	}
	tools := map[string]string{
		"udevadm":  `case "$*" in *--name=*) n=${3##*/}; cat "` + m.dir + `/udev/$n" 2>/dev/null ;; esac`,
		"blockdev": ":", "swapoff": ":", "vgchange": ":", "mdadm": ":",
		"chroot":                 `case "$2" in ssh-keygen) echo "` + sshKey + `" >"$1/etc/ssh/ssh_host_ed25519_key.pub" ;; esac`,
		"debconf-set-selections": `cp "$1" "` + m.dir + `/selections"`,
		"sleep":                  "exit 0",
	}
	for name, text := range tools {
		if err := os.Chmod(write(t, m.folderOf("bin"), name, "#!/bin/sh\n"+text+"\n"), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	m.folderOf("target/etc/ssh")
	m.folderOf("mnt/sysroot/etc/ssh")
	m.folderOf("target/root")
	m.folderOf("tmp")
	r := m.get(m.handedOut() + "/script")
	if r.status != 200 {
		t.Fatalf("no script: %+v", r)
	}
	m.script = r.body
	for _, path := range []string{"/sys/block", "/target", "/mnt/sysroot", "/usr/lib", "/tmp/handrail", "/autoinstall.yaml"} {
		m.script = replacePath(m.script, path, m.dir+path)
	}
	m.script = strings.ReplaceAll(m.script, `"/dev/$`, `"`+m.dir+`/dev/$`)
	m.script = strings.ReplaceAll(m.script, `"/dev/${block`, `"`+m.dir+`/dev/${block`)
	m.script = strings.ReplaceAll(m.script, ">/dev/console", ">>"+m.dir+"/console")
	return m
}

// replacePath puts another path where one begins with it.
func replacePath(text, old, now string) string {
	for _, before := range []string{" ", "=", `"`, ">", "\t"} {
		text = strings.ReplaceAll(text, before+old, before+now)
	}
	return text
}

func (m machine) folderOf(name string) string {
	m.t.Helper()
	dir := filepath.Join(m.dir, name)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		m.t.Fatal(err)
	}
	return dir
}

func (m machine) disk(name, serial string) {
	m.t.Helper()
	block := m.folderOf("sys/block/" + name)
	for file, text := range map[string]string{"size": strconv.Itoa(sectors), "ro": "0", "removable": "0"} {
		write(m.t, block, file, text+"\n")
	}
	inner := m.folderOf("sys/block/" + name + "/" + name + "1")
	write(m.t, inner, "partition", "1\n")
	write(m.t, inner, "size", "4096\n")
	write(m.t, m.folderOf("udev"), name, "ID_MODEL=Disk\nID_SERIAL=Disk_"+serial+"\nID_SERIAL_SHORT="+serial+"\n")
	for _, device := range []string{name, name + "1"} {
		write(m.t, m.folderOf("dev"), device, strings.Repeat("data", sectors*512/4))
	}
}

// untouched reports whether nothing was written on a disk.
func (m machine) untouched(name string) bool {
	m.t.Helper()
	for _, device := range []string{name, name + "1"} {
		text, err := os.ReadFile(filepath.Join(m.dir, "dev", device))
		if err != nil {
			m.t.Fatal(err)
		}
		if string(text) != strings.Repeat("data", sectors*512/4) {
			return false
		}
	}
	return true
}

// run runs the script with one word; where it does not come to an end, because
// it holds the installer up, it is ended when the console says so.
func (m machine) run(word string) (console string, ended bool) {
	m.t.Helper()
	ctx, cancel := context.WithTimeout(m.t.Context(), time.Minute)
	defer cancel()
	console = filepath.Join(m.dir, "console")
	cmd := exec.CommandContext(ctx, program(m.t, "dash"), write(m.t, m.dir, "handrail.sh", m.script), word)
	cmd.Env = append(os.Environ(), "PATH="+m.dir+"/bin:"+os.Getenv("PATH"))
	if err := cmd.Start(); err != nil {
		m.t.Fatal(err)
	}
	over := make(chan error, 1)
	go func() { over <- cmd.Wait() }()
	for {
		select {
		case err := <-over:
			text, _ := os.ReadFile(console)
			return string(text), err == nil
		case <-time.After(5 * time.Millisecond):
		}
		if text, _ := os.ReadFile(console); strings.Contains(string(text), "STOPPED") {
			cancel()
			<-over
			return string(text), false
		}
	}
}

func (m machine) read(name string) string {
	m.t.Helper()
	text, err := os.ReadFile(filepath.Join(m.dir, name))
	if err != nil {
		m.t.Fatal(err)
	}
	return string(text)
}

var installers = []hosting.AnswerFormat{hosting.AnswerPreseed, hosting.AnswerAutoinstall, hosting.AnswerKickstart}

// The disks of the plan are found by their serial numbers, in whatever order the
// kernel names them, are blanked once it is permitted, and no other is touched.
// What the installer then gets names them.
func TestInstaller_erasesWhatIsPermitted(t *testing.T) {
	t.Parallel()
	for _, format := range installers {
		for _, fetch := range []string{"curl", "wget"} {
			t.Run(string(format)+" "+fetch, func(t *testing.T) {
				t.Parallel()
				program(t, fetch)
				m := boot(t, planned(format, hosting.RAID1, hosting.LayoutDefault), map[string]string{
					"sda": "KEPT-0001", "sdb": "WD-WCC4N/7:1", "nvme0n1": "S3Z9NB0K1", "loop0": "S3Z9NB0K1",
				})
				write(t, m.dir, "autoinstall.yaml", "path: /dev/handrail-disk-01\npath: /dev/handrail-disk-02\n")
				if fetch == "wget" {
					m.script = strings.ReplaceAll(m.script, "command -v curl", "command -v no-curl")
				}
				console, ended := m.run("erase")
				if b := m.now(); !ended || b.State != hosting.BootErasing || b.Stage != "partitioning" {
					t.Fatalf("%+v: %s", b, console)
				}
				if !m.untouched("sda") || m.untouched("sdb") || m.untouched("nvme0n1") {
					t.Error("other disks were written on than those of the plan")
				}
				blank := strings.Repeat("\x00", 1<<20)
				if text := m.read("dev/sdb"); len(text) != sectors*512 || !strings.HasPrefix(text, blank) || !strings.HasSuffix(text, blank) {
					t.Error("the ends of the disk are not blank")
				}
				m.gets(format)
				// Once more is refused, and the installer held up.
				console, ended = m.run("erase")
				if ended || !strings.Contains(console, "STOPPED: the gateway does not permit") {
					t.Errorf("permitted twice: %s", console)
				}
			})
		}
	}
}

// gets compares what the installer of a format is given.
func (m machine) gets(format hosting.AnswerFormat) {
	m.t.Helper()
	for file, lines := range map[hosting.AnswerFormat]map[string][]string{
		hosting.AnswerPreseed: {"selections": {
			"d-i partman-auto/disk string /dev/nvme0n1 /dev/sdb", "d-i partman-auto/method string raid", "d-i grub-installer/bootdev string /dev/nvme0n1 /dev/sdb",
		}},
		hosting.AnswerAutoinstall: {"autoinstall.yaml": {"path: /dev/nvme0n1", "path: /dev/sdb"}},
		hosting.AnswerKickstart: {"tmp/handrail.ks": {
			"ignoredisk --only-use=nvme0n1,sdb", "clearpart --all --drives=nvme0n1,sdb --initlabel --disklabel=gpt",
			"part raid.990001 --size=512 --ondisk=nvme0n1", "part raid.30002 --size=4096 --grow --ondisk=sdb",
			"raid /boot/efi --device=boot_efi --level=RAID1 --fstype=efi raid.990001 raid.990002",
			"raid / --device=array3 --level=RAID1 --fstype=ext4 raid.30001 raid.30002",
		}},
	}[format] {
		text := m.read(file)
		for _, want := range lines {
			if !slices.Contains(strings.Split(text, "\n"), want) {
				m.t.Errorf("%s lacks %q:\n%s", file, want, text)
			}
		}
		if strings.Contains(text, "sda") || strings.Contains(text, "KEPT") {
			m.t.Errorf("%s names the kept disk:\n%s", file, text)
		}
	}
}

// I14: without permission nothing is written and the installer is held up, with
// the reason on the console and in the report.
func TestInstaller_stops(t *testing.T) {
	t.Parallel()
	disks := map[string]string{"sda": "S3Z9NB0K1", "sdb": "WD-WCC4N/7:1", "sdc": "OTHER"}
	for name, c := range map[string]struct {
		change func(machine)
		disks  map[string]string
		says   string
		state  hosting.BootState
	}{
		"a disk is missing":  {nil, map[string]string{"sda": "S3Z9NB0K1"}, "no disk has the serial number wd-wcc4n/7:1; there are: sda (S3Z9NB0K1)", hosting.BootFailed},
		"a serial twice":     {nil, map[string]string{"sda": "S3Z9NB0K1", "sdb": "wd-wcc4n/7:1", "sdc": "s3z9nb0k1"}, "two disks have the serial number S3Z9NB0K1", hosting.BootFailed},
		"another plan":       {func(m machine) { m.boot.Plan.Disks = []hosting.Disk{{Serial: "OTHER"}} }, nil, "(409 the installer wants to erase", hosting.BootFailed},
		"it was withdrawn":   {func(m machine) { m.boot.State = hosting.BootWithdrawn }, nil, "(404 not found)", hosting.BootWithdrawn},
		"the gateway is out": {func(m machine) { m.err = errAway }, nil, "(503 not now; ask again)", hosting.BootHandedOut},
	} {
		for _, format := range installers {
			t.Run(name+" "+string(format), func(t *testing.T) {
				t.Parallel()
				mine := c.disks
				if mine == nil {
					mine = disks
				}
				m := boot(t, planned(format, hosting.RAID1, hosting.LayoutDefault), mine)
				if c.change != nil {
					m.mu.Lock()
					c.change(m)
					m.mu.Unlock()
				}
				console, ended := m.run("erase")
				if ended || !strings.Contains(console, c.says) {
					t.Errorf("it went on, or says something else than %q:\n%s", c.says, console)
				}
				for _, disk := range slices.Collect(maps.Keys(mine)) {
					if !m.untouched(disk) {
						t.Errorf("%s was written on", disk)
					}
				}
				if _, err := os.Stat(filepath.Join(m.dir, "selections")); err == nil {
					t.Error("the installer was given disks")
				}
				if m.now().State != c.state {
					t.Errorf("%+v", m.now())
				}
			})
		}
	}
}

// Where the BMC lists no disks the first ones are taken that are built in.
func TestInstaller_unlisted(t *testing.T) {
	t.Parallel()
	m := boot(t, unlisted(planned(hosting.AnswerKickstart, hosting.RAID1, hosting.LayoutDefault)),
		map[string]string{"sda": "USB", "sdb": "B", "sdc": "C", "sdd": "D", "sr0": "CD"})
	write(t, m.dir, "sys/block/sda/removable", "1\n")
	if console, ended := m.run("erase"); !ended || m.now().State != hosting.BootErasing {
		t.Fatal(console)
	}
	if m.untouched("sdb") || m.untouched("sdc") || !m.untouched("sda") || !m.untouched("sdd") {
		t.Error("other disks were written on than the first two")
	}
}

// The end reports the host keys, which are made where there are none, and then
// that it is done; keys and passwords are in their places.
func TestInstaller_finishes(t *testing.T) {
	t.Parallel()
	for _, format := range installers {
		for _, layout := range []hosting.Layout{hosting.LayoutDefault, hosting.LayoutCustom} {
			b := planned(format, hosting.RAIDNone, layout)
			if layout == hosting.LayoutCustom {
				b.Plan.Password = "" // read by the answer, not by the script
			}
			m := boot(t, b, map[string]string{"sda": "S3Z9NB0K1"})
			write(t, m.dir, "autoinstall.yaml", "")
			for _, word := range []string{"start", "erase", "finish"} {
				if console, ended := m.run(word); !ended {
					t.Fatalf("%s: %s", word, console)
				}
			}
			got := m.now()
			fields := strings.Fields(sshKey)
			if got.State != hosting.BootDone || !slices.Equal(got.HostKeys, []string{fields[0] + " " + fields[1]}) || m.last().State != hosting.BootDone {
				t.Errorf("%s: %+v", format, got)
			}
			if format != hosting.AnswerPreseed {
				continue
			}
			if m.read("usr/lib/pre-pkgsel.d/01handrail") == "" {
				t.Error("no hook")
			}
			if layout == hosting.LayoutDefault && m.read("target/root/.ssh/authorized_keys") != sshKey+"\n" {
				t.Error("the keys are not those of the plan")
			}
		}
	}
}
