package qemu

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"github.com/handrail/handrail/hosting"
)

// The programs, and the firmware of machines with UEFI (Debian: ovmf).
const (
	emulator     = "qemu-system-x86_64"
	imager       = "qemu-img"
	uefiCode     = "/usr/share/OVMF/OVMF_CODE_4M.fd"
	uefiDefaults = "/usr/share/OVMF/OVMF_VARS_4M.fd"
)

// Installed reports as ErrMissing what a machine with this firmware would need
// and is not there.
func Installed(f hosting.Firmware) error {
	for _, program := range []string{emulator, imager} {
		if _, err := exec.LookPath(program); err != nil {
			return fmt.Errorf("%s (Debian: qemu-system-x86, qemu-utils): %w", program, ErrMissing)
		}
	}
	if f != hosting.FirmwareUEFI {
		return nil
	}
	for _, file := range []string{uefiCode, uefiDefaults} {
		if _, err := os.Stat(file); err != nil {
			return fmt.Errorf("%s (Debian: ovmf): %w", file, ErrMissing)
		}
	}
	return nil
}

// What ends up in QEMU's options, where a comma begins the next one.
var (
	nameShape   = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,40}$`)
	serialShape = regexp.MustCompile(`^[A-Za-z0-9._-]{1,20}$`) // virtio's are cut at 20
	macShape    = regexp.MustCompile(`^[0-9a-f]{2}(:[0-9a-f]{2}){5}$`)
	urlShape    = regexp.MustCompile(`^https?://[A-Za-z0-9./:_~-]+$`)
)

func (c Config) validate() error {
	switch {
	case !nameShape.MatchString(c.Name):
		return fmt.Errorf("the name is none of lower-case letters, digits and dashes")
	case c.Folder == "" || strings.Contains(c.Folder, ","):
		return fmt.Errorf("the folder %q can not be used", c.Folder)
	case !macShape.MatchString(c.MAC):
		return fmt.Errorf("%q is no MAC address in lower case", c.MAC)
	case c.BootFile != "" && !urlShape.MatchString(c.BootFile):
		return fmt.Errorf("%q is no plain URL", c.BootFile)
	case c.Firmware != hosting.FirmwareUEFI && c.Firmware != hosting.FirmwareLegacy:
		return fmt.Errorf("the firmware %q is not known", c.Firmware)
	}
	for _, d := range c.Disks {
		if !serialShape.MatchString(d.Serial) || d.GiB < 1 {
			return fmt.Errorf("the disk %q of %d GiB can not be made", d.Serial, d.GiB)
		}
	}
	return nil
}

func (c Config) diskImage(d Disk) string {
	return filepath.Join(c.Folder, "disk-"+d.Serial+".qcow2")
}

func (c Config) variables() string { return filepath.Join(c.Folder, "uefi-variables.fd") }

// makeDisks makes the images that are missing, and the UEFI's memory.
func (c Config) makeDisks(ctx context.Context) error {
	for _, d := range c.Disks {
		if _, err := os.Stat(c.diskImage(d)); err == nil {
			continue
		}
		out, err := exec.CommandContext(ctx, imager, "create", "-q", "-f", "qcow2", c.diskImage(d), strconv.Itoa(d.GiB)+"G").CombinedOutput()
		if err != nil {
			return fmt.Errorf("making the disk %s: %w: %s", d.Serial, err, out)
		}
	}
	if _, err := os.Stat(c.variables()); c.Firmware != hosting.FirmwareUEFI || err == nil {
		return nil
	}
	defaults, err := os.ReadFile(uefiDefaults)
	if err != nil {
		return err
	}
	return os.WriteFile(c.variables(), defaults, 0o600)
}

// arguments are QEMU's. What may be booted from has an index, and nothing else
// is tried.
func (c Config) arguments(b Boot) []string {
	args := []string{
		"-name", c.Name, "-nodefaults", "-no-user-config", "-display", "none", "-vga", "std",
		"-machine", "q35", "-accel", "tcg,thread=multi", "-cpu", "max",
		"-smp", strconv.Itoa(c.CPUs), "-m", strconv.Itoa(c.MemoryMiB),
		"-boot", "strict=on", "-action", "reboot=shutdown", "-device", "virtio-rng-pci",
		"-chardev", "socket,id=monitor,fd=3", "-mon", "chardev=monitor,mode=control",
		"-chardev", "file,id=console,append=on,path=" + filepath.Join(c.Folder, "console.log"), "-serial", "chardev:console",
	}
	if c.Firmware == hosting.FirmwareUEFI {
		args = append(args,
			"-drive", "if=pflash,format=raw,unit=0,readonly=on,file="+uefiCode,
			"-drive", "if=pflash,format=raw,unit=1,file="+c.variables())
	}
	for i, d := range c.Disks {
		// A disk that was pulled from under a machine is as it was cut off, so
		// there is nothing that a host's crash could make worse: no syncing.
		args = append(args,
			"-drive", fmt.Sprintf("if=none,id=disk%d,format=qcow2,cache=unsafe,discard=unmap,file=%s", i, c.diskImage(d)),
			"-device", fmt.Sprintf("virtio-blk-pci,drive=disk%d,serial=%s,bootindex=%d", i, d.Serial, i+2))
	}
	return append(args, c.bootArguments(b)...)
}

// bootArguments are the network card and the medium. QEMU ends where the guest
// restarts itself, so that the next boot can be from something else.
func (c Config) bootArguments(b Boot) []string {
	network := fmt.Sprintf("user,id=net0,hostfwd=tcp:127.0.0.1:%d-:22", c.SSH)
	card := "virtio-net-pci,netdev=net0,mac=" + c.MAC
	var args []string
	switch b.From {
	case FromNetwork:
		network += ",bootfile=" + c.BootFile
		card += ",bootindex=1"
	case FromMedium:
		card += ",romfile="
		args = append(args,
			"-drive", "if=none,id=medium,media=cdrom,format=raw,readonly=on,file="+b.Image,
			"-device", "ide-cd,drive=medium,bootindex=1")
	case FromDisk:
		card += ",romfile="
	}
	return append(args, "-netdev", network, "-device", card)
}
