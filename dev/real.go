package main

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strconv"

	"github.com/handrail/handrail/dev/datacenter"
	"github.com/handrail/handrail/dev/datacenter/chassis"
	"github.com/handrail/handrail/dev/datacenter/vendor"
	"github.com/handrail/handrail/dev/qemu"
	"github.com/handrail/handrail/hosting"
)

// realMachine is a QEMU guest behind the simulated BMC of one server. The other
// servers' machines stay simulated, and can not boot over the network then: the
// boot server's URL is the guest's.
type realMachine struct {
	firmware hosting.Firmware
	// files is what rescue/build and rescue/image have built.
	files string
	// folder holds the guest's disks and console.log.
	folder   string
	bootPort int // of the boot listener, on loopback
	// medium: its BMC offers no boot over the network, so the boot medium has to do
	// it.
	medium bool
	front  *qemu.Front
}

// realServers are the servers of the data centre whose machine can be real, by
// the firmware that their vendor delivers: all speak Redfish and IPMI, and their
// customers write English. realFleet is the smallest data centre that has them.
var realServers = map[hosting.Firmware]string{hosting.FirmwareUEFI: "srv-1003", hosting.FirmwareLegacy: "srv-1005"}

const (
	realFleet    = 5
	realDriveGiB = 12
)

// realPolicy gives an emulated machine the time that it needs.
const realPolicy = `# Policy of this dev, with a machine that QEMU emulates.
provider = "Handrail Hosting"
duty = "duty@handrail.example"
queue_poll = "2s"

[power]
off_wait = "20s"
act_wait = "2m"
poll = "1s"

[install]
boot = "5m"
stall = "10m"
answer = "10m"
look = "5s"
whole = "1h"
`

// base is the boot listener's URL as the guest reaches it, or empty without one.
func (r *realMachine) base() string {
	if r == nil {
		return ""
	}
	return "http://" + net.JoinHostPort(qemu.HostSeenFromGuest, strconv.Itoa(r.bootPort))
}

// behind is what the data centre needs to know; nil without a real machine.
func (r *realMachine) behind() *datacenter.Real {
	if r == nil {
		return nil
	}
	behind := &datacenter.Real{Server: realServers[r.firmware], DriveBytes: realDriveGiB << 30, Make: r.build}
	if r.medium { // IPMI would boot it over the network all the same
		behind.Protocols = []hosting.Protocol{hosting.Redfish}
	}
	return behind
}

// build makes the guest with what its BMC says is built in.
func (r *realMachine) build(ctx context.Context, built vendor.Hardware, bmc *chassis.Chassis, log *slog.Logger) (datacenter.Guest, error) {
	c := qemu.Config{
		Name: "real", Folder: r.folder, MAC: built.MACs[0], Firmware: built.Starts, BootFile: r.base() + "/boot/" + built.MACs[0],
	}
	for _, d := range built.Drives {
		c.Disks = append(c.Disks, qemu.Disk{Serial: d.Serial, GiB: int(d.Bytes >> 30)})
	}
	front, err := qemu.NewFront(ctx, c, bmc, log)
	if err != nil {
		return nil, err
	}
	r.front = front
	return front, nil
}

// console is the file with what the guest wrote to its serial console.
func (r *realMachine) console() string { return r.front.Machine().Console() }

// whereConsole points to the console's file, if there is one yet.
func (r *realMachine) whereConsole() string {
	if r.front == nil {
		return ""
	}
	return "the machine's serial console is in " + r.console() + ", "
}

// The files that rescue/build and rescue/image make.
const (
	rescueKernel = "vmlinuz"
	rescueInitrd = "initrd.zst"
	debianImage  = "debian-12-amd64.tar.zst"
)

// catalogue is what a real machine can boot: the files that were built, with
// their checksums.
func (r *realMachine) catalogue() ([]hosting.OperatingSystem, error) {
	debian := hosting.OperatingSystem{
		ID: "debian-12", Distribution: "Debian", Version: "12", Architecture: "x86_64",
		Firmware: []hosting.Firmware{hosting.FirmwareUEFI, hosting.FirmwareLegacy}, Method: hosting.MethodImage, Answer: hosting.AnswerOrder,
		Arguments: "console=tty0 console=ttyS0,115200",
	}
	for _, f := range []struct {
		name string
		into *hosting.BootFile
	}{{rescueKernel, &debian.Kernel}, {rescueInitrd, &debian.Initrd}, {debianImage, &debian.Image}} {
		sum, err := checksum(filepath.Join(r.files, f.name))
		if err != nil {
			return nil, err
		}
		*f.into = hosting.BootFile{Path: f.name, SHA256: sum}
	}
	rescue := debian
	rescue.ID, rescue.Distribution, rescue.Version, rescue.Method, rescue.Image = "rescue", "Rescue", "1", hosting.MethodRescue, hosting.BootFile{}
	return []hosting.OperatingSystem{debian, rescue}, nil
}

// checksum is the SHA-256 of a file, in hex.
func checksum(file string) (string, error) {
	f, err := os.Open(file)
	if err != nil {
		return "", err
	}
	h := sha256.New()
	_, err = io.Copy(h, f)
	if err := cmp.Or(err, f.Close()); err != nil {
		return "", fmt.Errorf("checksum of %s: %w", file, err)
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}
