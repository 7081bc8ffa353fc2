// Package qemu runs a QEMU guest as a real machine: it has firmware, disks with
// serial numbers, a network card and a power button, it boots over the network
// or from a virtual medium, and nothing in it is simulated but the hardware.
// It runs without hardware virtualization, which not every host has: a boot
// takes a minute rather than seconds.
package qemu

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"sync"

	"github.com/handrail/handrail/hosting"
)

// Device is what a machine boots from.
type Device string

// The devices.
const (
	FromDisk    Device = "disk"
	FromNetwork Device = "network"
	FromMedium  Device = "medium"
)

// Boot is one start of a machine. A restart from inside the guest is another,
// and from the disk.
type Boot struct {
	From Device
	// Image is the ISO image that FromMedium needs.
	Image string
}

// Disk is a disk of a machine.
type Disk struct {
	Serial string
	GiB    int
}

// Config is a machine.
type Config struct {
	Name string
	// Folder holds what stays when the machine is off: the images of the disks,
	// the firmware's variables and console.log. It is made where it is missing.
	Folder   string
	Disks    []Disk
	MAC      string
	Firmware hosting.Firmware
	// MemoryMiB and CPUs; zero are 2048 and 2.
	MemoryMiB, CPUs int
	// BootFile is the URL that the network tells a booting machine (DHCP option
	// 67). The guest reaches the host's loopback at 10.0.2.2.
	BootFile string
	// SSH is the port of the host's loopback that leads to the guest's port 22;
	// zero is one that is free now.
	SSH int
	// Hold leaves the machine off where the guest restarts itself: somebody else
	// decides what it boots from then. See Restarting.
	Hold bool
	// Changed is called after the power has changed, whoever did it, without a
	// lock held.
	Changed func(on bool)
}

// ErrMissing says that a program or a firmware that the machine needs is not
// installed.
var ErrMissing = errors.New("not installed")

// ErrPower is returned by what can not be done with the power as it is.
var ErrPower = errors.New("the power is not as it needs to be")

// Machine is a machine. It is safe for concurrent use.
type Machine struct {
	config Config

	mu    sync.Mutex
	run   *run // nil is off
	boots int
	// restarting: the guest has restarted itself, and the machine was not started.
	restarting bool
}

// New returns a machine that is off. Its disks are made where they are missing
// and kept where they are there.
func New(ctx context.Context, c Config) (*Machine, error) {
	if c.Changed == nil {
		c.Changed = func(bool) {}
	}
	if c.MemoryMiB == 0 {
		c.MemoryMiB = 2048
	}
	if c.CPUs == 0 {
		c.CPUs = 2
	}
	if err := c.validate(); err != nil {
		return nil, fmt.Errorf("machine %q: %w", c.Name, err)
	}
	if err := Installed(c.Firmware); err != nil {
		return nil, err
	}
	if c.SSH == 0 {
		port, err := freePort(ctx)
		if err != nil {
			return nil, err
		}
		c.SSH = port
	}
	if err := os.MkdirAll(c.Folder, 0o700); err != nil {
		return nil, err
	}
	if err := c.makeDisks(ctx); err != nil {
		return nil, err
	}
	return &Machine{config: c}, nil
}

// freePort finds a port that nobody listens on. QEMU says so when it starts if
// somebody has come in between.
func freePort(ctx context.Context) (int, error) {
	var l net.ListenConfig
	listener, err := l.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer listener.Close() //nolint:errcheck // nothing was received
	return listener.Addr().(*net.TCPAddr).Port, nil
}

// On reports whether the power is on.
func (m *Machine) On() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.run != nil
}

// Restarting reports whether the machine is off because the guest has restarted
// itself and Config.Hold is set.
func (m *Machine) Restarting() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.restarting
}

// Boots is how often the machine has started, the guest's own restarts included.
func (m *Machine) Boots() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.boots
}

// SSHAddress is where the guest's SSH server is reached.
func (m *Machine) SSHAddress() string {
	return net.JoinHostPort("127.0.0.1", strconv.Itoa(m.config.SSH))
}

// Console is the file that the serial console is written to. It grows over all
// boots.
func (m *Machine) Console() string { return filepath.Join(m.config.Folder, "console.log") }

// DiskImage is the file that holds a disk. A write to the disk is one to it.
func (m *Machine) DiskImage(serial string) string {
	return m.config.diskImage(Disk{Serial: serial})
}

// PowerOn starts the machine. One that is on stays as it is: ErrPower.
func (m *Machine) PowerOn(b Boot) error {
	m.mu.Lock()
	if m.run != nil {
		m.mu.Unlock()
		return fmt.Errorf("%w: %s is on", ErrPower, m.config.Name)
	}
	err := m.start(b)
	m.mu.Unlock()
	if err == nil {
		m.config.Changed(true)
	}
	return err
}

// PowerOff takes the power away and returns when the machine is off. One that is
// off stays so.
func (m *Machine) PowerOff() {
	m.mu.Lock()
	r := m.run
	if r != nil {
		r.unplugged = true
	}
	m.mu.Unlock()
	if r != nil {
		r.unplug()
	}
}

// PressButton presses the power button, which the operating system may follow by
// shutting down, or not. ErrPower where the machine is off.
func (m *Machine) PressButton(ctx context.Context) error {
	return m.tell(ctx, "system_powerdown")
}

// Status is what QEMU says of the machine: "running", or "off".
func (m *Machine) Status(ctx context.Context) (string, error) {
	m.mu.Lock()
	r := m.run
	m.mu.Unlock()
	if r == nil {
		return "off", nil
	}
	var status struct {
		Status string `json:"status"`
	}
	err := r.monitor.execute(ctx, "query-status", &status)
	return status.Status, err
}

func (m *Machine) tell(ctx context.Context, command string) error {
	m.mu.Lock()
	r := m.run
	m.mu.Unlock()
	if r == nil {
		return fmt.Errorf("%w: %s is off", ErrPower, m.config.Name)
	}
	return r.monitor.execute(ctx, command, nil)
}

// start needs the lock.
func (m *Machine) start(b Boot) error {
	r, err := m.config.launch(b)
	if err != nil {
		return err
	}
	m.run, m.restarting = r, false
	m.boots++
	go m.watch(r)
	return nil
}

// watch waits for the end of a run, and starts the machine again where the guest
// has restarted itself.
func (m *Machine) watch(r *run) {
	restarted := r.wait()
	m.mu.Lock()
	m.run = nil
	m.restarting = restarted && !r.unplugged
	again := m.restarting && !m.config.Hold && m.start(Boot{From: FromDisk}) == nil
	m.mu.Unlock()
	close(r.over)
	if !again {
		m.config.Changed(false)
	}
}
