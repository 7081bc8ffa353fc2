// The program try installs a QEMU guest over the network with the rescue system
// that rescue/build and rescue/image have built, lets it start from its disk and
// logs in to it with the host key that it reported. It is what rescue/try runs.
// With -method debian-installer it tries how far Debian's own installer comes
// without a mirror.
package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/handrail/handrail/activities/netboot"
	"github.com/handrail/handrail/dev/qemu"
	"github.com/handrail/handrail/dev/qemu/login"
	"github.com/handrail/handrail/hosting"
)

const (
	mac   = "52:54:00:48:52:01"
	image = "debian-12-amd64.tar.zst"
)

// trial is what is tried.
type trial struct {
	method                      string
	files, folder, listen       string
	firmware, raid, from, spoil string
	purpose, parts              string
	disks, memory               int
	within                      time.Duration
}

func main() {
	var t trial
	flag.StringVar(&t.method, "method", "image", "image, or debian-installer: until it has told that it goes by our answers")
	flag.StringVar(&t.files, "files", "", "folder with what rescue/build and rescue/image have built, or with Debian's installer (where its package puts it)")
	flag.StringVar(&t.folder, "folder", "", "folder for disks and console.log (one that is removed afterwards; of an installer that failed it stays)")
	flag.StringVar(&t.listen, "listen", "127.0.0.1:0", "where the boot listener listens")
	flag.StringVar(&t.firmware, "firmware", "legacy", "legacy or uefi")
	flag.StringVar(&t.raid, "raid", "none", "none, 0, 1, 5, 6 or 10")
	flag.StringVar(&t.from, "from", "network", "network, or medium: boot.iso, made for http://10.0.2.2 and the port of -listen")
	flag.StringVar(&t.purpose, "purpose", "install", "install or rescue")
	flag.StringVar(&t.parts, "partitions", "default", "default, single, or a list such as \"/boot 1G, / rest xfs\"")
	flag.StringVar(&t.spoil, "spoil", "", "what goes wrong: refused, wrong-disk, checksum, other-machine; the disks must then stay as they were")
	flag.IntVar(&t.disks, "disks", 1, "number of disks, of 12 GiB")
	flag.IntVar(&t.memory, "memory", 0, "of the machine, in MiB (2048, of Debian's installer 1024)")
	flag.DurationVar(&t.within, "within", 0, "how long it may take (30m, Debian's installer 10m)")
	flag.Parse()
	if err := t.settle(); err != nil {
		fmt.Fprintln(os.Stderr, "try:", err)
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	ctx, cancel := context.WithTimeout(ctx, t.within)
	run := t.run
	if t.method == debianInstaller {
		run = t.runInstaller
	}
	err := run(ctx)
	cancel()
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "try:", err)
		os.Exit(1)
	}
}

func (t trial) run(ctx context.Context) error {
	for _, name := range []string{"vmlinuz", "initrd.zst", image} {
		if _, err := os.Stat(filepath.Join(t.files, name)); err != nil {
			return fmt.Errorf("%w: run rescue/build and rescue/image", err)
		}
	}
	if t.folder == "" {
		folder, err := os.MkdirTemp("", "rescue-try-")
		if err != nil {
			return err
		}
		defer os.RemoveAll(folder) //nolint:errcheck // nobody looks at it again
		t.folder = folder
	}
	say := clock(time.Now())
	signer, key, err := login.NewKey()
	if err != nil {
		return err
	}
	system, err := t.rescued()
	if err != nil {
		return err
	}
	boot, err := t.boot(key, system)
	if err != nil {
		return err
	}
	listener, base, err := t.open(ctx)
	if err != nil {
		return err
	}
	s := &store{heard: say, refuse: t.spoil == "refused", mac: mac, boot: boot, ended: make(chan string, 1)}
	if err := t.serve(listener, base, s, func(h http.Handler) http.Handler { return h }); err != nil {
		return err
	}
	m, err := t.machine(ctx, base)
	if err != nil {
		return err
	}
	defer m.PowerOff()
	before := t.fingerprints()
	say(fmt.Sprintf("power on, from %s (%s, RAID %s, disks: %d)", t.from, t.firmware, t.raid, t.disks))
	if err := m.PowerOn(qemu.Boot{From: qemu.Device(t.from), Image: filepath.Join(t.files, "boot.iso")}); err != nil {
		return err
	}
	switch {
	case t.spoil != "":
		return t.mustFail(ctx, s, say, before)
	case t.purpose == "rescue":
		return t.proveRescue(ctx, m, s, say, signer)
	default:
		return t.proveInstallation(ctx, m, s, say, signer)
	}
}

// rescued is the system that the rescue system installs.
func (t trial) rescued() (hosting.OperatingSystem, error) {
	sum, err := fingerprint(filepath.Join(t.files, image))
	if err != nil {
		return hosting.OperatingSystem{}, err
	}
	return hosting.OperatingSystem{
		ID: "debian-12", Distribution: "Debian", Version: "12", Architecture: "x86_64",
		Firmware: []hosting.Firmware{hosting.FirmwareUEFI, hosting.FirmwareLegacy},
		Method:   hosting.MethodImage, Answer: hosting.AnswerOrder, Arguments: "console=tty0 console=ttyS0,115200",
		Kernel: hosting.BootFile{Path: "vmlinuz", SHA256: sum}, Initrd: hosting.BootFile{Path: "initrd.zst", SHA256: sum},
		Image: hosting.BootFile{Path: image, SHA256: sum},
	}, nil
}

// boot is what the machine is to do, as the records would hold it.
func (t trial) boot(key string, system hosting.OperatingSystem) (hosting.NetworkBoot, error) {
	layout, err := hosting.ParsePartitioning(t.parts)
	if err != nil {
		return hosting.NetworkBoot{}, err
	}
	plan := hosting.Plan{
		System: system, RAID: hosting.RAIDLevel(t.raid), Layout: layout.Layout, Partitions: layout.Plan(), HostName: "web1.example.net",
		SSHKeys: []string{key}, Firmware: hosting.Firmware(t.firmware), MACs: []string{mac},
	}
	for i := range t.disks {
		plan.Disks = append(plan.Disks, hosting.Disk{Serial: serial(i)})
	}
	switch t.spoil {
	case "wrong-disk":
		plan.Disks[0].Serial = "NOT-THIS-ONE"
	case "checksum":
		plan.System.Image.SHA256 = strings.Repeat("0", 64)
	case "other-machine":
		plan.MACs = []string{"52:54:00:48:52:99"}
	}
	return hosting.NetworkBoot{
		ID: "boot-1", Operation: "try", Workflow: "try", Server: "try", Purpose: hosting.BootPurpose(t.purpose), Attempt: 1,
		Plan: plan, State: hosting.BootArmed,
	}, nil
}

// open listens, and returns the URL of the listener as the guest reaches it.
func (t trial) open(ctx context.Context) (net.Listener, string, error) {
	var l net.ListenConfig
	listener, err := l.Listen(ctx, "tcp", t.listen)
	if err != nil {
		return nil, "", err
	}
	return listener, "http://10.0.2.2:" + strconv.Itoa(listener.Addr().(*net.TCPAddr).Port), nil
}

// serve runs the gateway's boot listener until the program ends.
func (t trial) serve(listener net.Listener, base string, s *store, watching func(http.Handler) http.Handler) error {
	handler, err := netboot.New(netboot.Config{Store: s, Bell: s, Passwords: s, Base: base, Files: t.files, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		return err
	}
	server := &http.Server{Handler: watching(handler), ReadHeaderTimeout: 10 * time.Second}
	go server.Serve(listener) //nolint:errcheck // it ends with the program
	return nil
}

func serial(i int) string { return fmt.Sprintf("HRQ%04d", i+1) }

func (t trial) machine(ctx context.Context, base string) (*qemu.Machine, error) {
	c := qemu.Config{
		Name: "try", Folder: t.folder, MAC: mac, Firmware: hosting.Firmware(t.firmware), MemoryMiB: t.memory,
		BootFile: base + "/boot/" + mac,
	}
	for i := range t.disks {
		c.Disks = append(c.Disks, qemu.Disk{Serial: serial(i), GiB: 12})
	}
	return qemu.New(ctx, c)
}

// fingerprints are those of the disks' images, in which each write shows.
func (t trial) fingerprints() string {
	var sums []string
	for i := range t.disks {
		sum, err := fingerprint(filepath.Join(t.folder, "disk-"+serial(i)+".qcow2"))
		if err != nil {
			sum = err.Error()
		}
		sums = append(sums, sum)
	}
	return strings.Join(sums, " ")
}

func fingerprint(file string) (string, error) {
	f, err := os.Open(file)
	if err != nil {
		return "", err
	}
	defer f.Close() //nolint:errcheck // it was only read
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// ending waits for the machine's last word.
func (s *store) ending(ctx context.Context) (string, error) {
	select {
	case how := <-s.ended:
		return how, nil
	case <-ctx.Done():
		return "", errors.Join(errors.New("the machine has not come to an end"), ctx.Err())
	}
}

// clock prints what happens with the seconds since the start.
func clock(start time.Time) func(string) {
	return func(what string) {
		fmt.Printf("%6.1f s  %s\n", time.Since(start).Seconds(), what)
	}
}
