package netboot_test

import (
	"strings"

	"github.com/handrail/handrail/activities/netboot"
	"github.com/handrail/handrail/hosting"
)

const (
	sshKey = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGb1l5Yw0M0m7vJw1uY8z4oY6f0n0tQwQqk3l2b3mV9w ann@acme.example"
	hash   = "$y$j9T$c0mpl3t3ly.Rand0m$Zk5cQd1x7m2o8dJ0eJmZ5cQd1x7m2o8dJ0eJmZ5cQd1"
	token  = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"
)

// systems is one of each format.
var systems = map[hosting.AnswerFormat]hosting.OperatingSystem{
	hosting.AnswerPreseed: {
		ID: "debian-12", Distribution: "Debian", Version: "12", Architecture: "x86_64", Method: hosting.MethodInstaller, Answer: hosting.AnswerPreseed,
		Mirror: "http://deb.debian.org/debian", Arguments: "console=tty0",
	},
	hosting.AnswerAutoinstall: {
		ID: "ubuntu-24.04", Distribution: "Ubuntu", Version: "24.04", Edition: "Server", Architecture: "x86_64", Method: hosting.MethodInstaller,
		Answer: hosting.AnswerAutoinstall, Mirror: "http://archive.ubuntu.com/ubuntu", Arguments: "url=http://192.0.2.10/ubuntu-24.04.iso",
	},
	hosting.AnswerKickstart: {
		ID: "rocky-9", Distribution: "Rocky Linux", Version: "9", Architecture: "x86_64", Method: hosting.MethodInstaller, Answer: hosting.AnswerKickstart,
		Mirror: "http://dl.rockylinux.org/pub/rocky/9/BaseOS/x86_64/os",
	},
	hosting.AnswerOrder: {
		ID: "debian-12-image", Distribution: "Debian", Version: "12", Edition: "Image", Architecture: "x86_64", Method: hosting.MethodImage,
		Answer: hosting.AnswerOrder, Image: hosting.BootFile{Path: "debian-12/root.tar.zst", SHA256: strings.Repeat("3", 64)},
	},
}

// planned is a boot of the format: RAID 1 over two listed disks, or one disk.
func planned(format hosting.AnswerFormat, raid hosting.RAIDLevel, layout hosting.Layout) hosting.NetworkBoot {
	s := systems[format]
	s.Firmware = []hosting.Firmware{hosting.FirmwareUEFI, hosting.FirmwareLegacy}
	s.Kernel = hosting.BootFile{Path: s.ID + "/vmlinuz", SHA256: strings.Repeat("1", 64)}
	s.Initrd = hosting.BootFile{Path: s.ID + "/initrd.gz", SHA256: strings.Repeat("2", 64)}
	p := hosting.Plan{
		System: s, RAID: raid, Layout: layout, HostName: "web.acme.example", SSHKeys: []string{sshKey}, Firmware: hosting.FirmwareUEFI,
		MACs: []string{mac, "52:54:00:12:34:57"}, Disks: []hosting.Disk{{Serial: "S3Z9NB0K1"}, {Serial: "wd-wcc4n/7:1"}},
		Keep: []hosting.Disk{{Serial: "KEPT-0001"}},
	}
	p.Partitions = hosting.Partitioning{Layout: layout}.Plan()
	if layout == hosting.LayoutCustom {
		p.Firmware, p.HostName, p.SSHKeys, p.Password = hosting.FirmwareLegacy, "web", nil, "file:web"
		p.Partitions = []hosting.Partition{
			{Mount: "/", FileSystem: "ext4"},
			{Mount: "/boot", MiB: 1024, FileSystem: "ext4"},
			{Mount: "swap", MiB: 8192, FileSystem: "swap"},
			{Mount: "/srv/data", MiB: 102400, FileSystem: "xfs"},
		}
	}
	if raid == hosting.RAIDNone {
		p.Disks = p.Disks[:1]
	}
	return hosting.NetworkBoot{
		ID: "5f0c7a52-0f1e-8c3a-9d55-2a1b6f3c4d5e", Operation: "op-1", Workflow: "reinstall/1001", Server: "srv-1", Purpose: hosting.BootInstall,
		Attempt: 1, Plan: p, State: hosting.BootArmed,
	}
}

func written(b hosting.NetworkBoot) netboot.Boot {
	w := netboot.Boot{NetworkBoot: b, Base: "http://192.0.2.10:8081", Token: token}
	if b.Plan.Password != "" {
		w.PasswordHash = hash
	}
	return w
}

// unlisted is a boot of a machine whose BMC lists no disks.
func unlisted(b hosting.NetworkBoot) hosting.NetworkBoot {
	b.Plan.Disks, b.Plan.Keep = nil, nil
	return b
}

func rescued() hosting.NetworkBoot {
	b := planned(hosting.AnswerOrder, hosting.RAIDNone, hosting.LayoutDefault)
	b.Purpose = hosting.BootRescue
	b.Plan.System.Method, b.Plan.System.Image, b.Plan.System.ID = hosting.MethodRescue, hosting.BootFile{}, "rescue"
	b.Plan.Disks, b.Plan.Keep, b.Plan.Partitions, b.Plan.RAID, b.Plan.Firmware = nil, nil, nil, "", ""
	return b
}
