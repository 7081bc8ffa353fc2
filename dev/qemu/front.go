package qemu

import (
	"context"
	"log/slog"
	"time"

	"github.com/handrail/handrail/dev/datacenter/chassis"
)

// Front puts the chassis of a simulated BMC in front of a machine: what the BMC
// is told happens to the machine, and what the machine does the BMC shows. The
// chassis must leave a graceful off to the machine, so its Timing.GracefulOff is
// longer than anybody waits.
type Front struct {
	chassis *chassis.Chassis
	machine *Machine
	medium  medium
	log     *slog.Logger
	wake    chan struct{}

	boot    int  // of the chassis, which the machine runs; none is a negative one
	asked   int  // the number of the last reset that was looked at
	restart bool // the button was pressed for a restart
}

// none is no boot.
const none = -1

// look is after what time at most the chassis is looked at.
const look = 250 * time.Millisecond

// NewFront makes the machine of a configuration, of which Hold and Changed are
// the front's own.
func NewFront(ctx context.Context, c Config, bmc *chassis.Chassis, log *slog.Logger) (*Front, error) {
	f := &Front{chassis: bmc, medium: medium{folder: c.Folder}, log: log.With("machine", c.Name), wake: make(chan struct{}, 1), boot: none}
	c.Hold, c.Changed = true, func(bool) { f.Wake() }
	var err error
	f.machine, err = New(ctx, c)
	return f, err
}

// Machine returns the machine behind the BMC.
func (f *Front) Machine() *Machine { return f.machine }

// SSHAddress is where the machine's SSH server is reached.
func (f *Front) SSHAddress() string { return f.machine.SSHAddress() }

// BootFile is the URL that the network tells the machine when it boots.
func (f *Front) BootFile() string { return f.machine.config.BootFile }

// Wake tells the front that its chassis has changed.
func (f *Front) Wake() {
	select {
	case f.wake <- struct{}{}:
	default:
	}
}

// Run follows the chassis until the context ends, and leaves the machine off.
func (f *Front) Run(ctx context.Context) {
	defer f.machine.PowerOff()
	ticker := time.NewTicker(look)
	defer ticker.Stop()
	for ctx.Err() == nil {
		if err := f.follow(ctx); err != nil && ctx.Err() == nil {
			f.log.Error("the machine does not do what its BMC shows", "error", err)
		}
		select {
		case <-ctx.Done():
		case <-f.wake:
		case <-ticker.C:
		}
	}
}

// follow brings machine and chassis together once.
func (f *Front) follow(ctx context.Context) error {
	v := f.chassis.View()
	switch {
	case !v.On:
		f.boot = none
		f.machine.PowerOff()
	case f.boot != v.Boots:
		f.machine.PowerOff()
		return f.powerOn(ctx, v)
	case f.machine.On():
		return f.pressButton(ctx)
	case f.machine.Restarting():
		// During the self-test it does not, and is asked again.
		f.chassis.Restart(f.boot)
	default: // it shut down
		f.chassis.SetPower(false)
		if f.restart {
			f.chassis.SetPower(true)
		}
	}
	return nil
}

// powerOn starts the machine for the chassis's last boot. A machine that can not
// be started stays dark, and its BMC shows so.
func (f *Front) powerOn(ctx context.Context, v chassis.View) error {
	f.boot, f.restart = v.Boots, false
	for _, r := range f.chassis.Resets() {
		f.asked = r.N
	}
	b, err := f.from(ctx, v.LastBoot)
	if err == nil {
		err = f.machine.PowerOn(b)
	}
	if err != nil {
		f.chassis.SetPower(false)
	}
	return err
}

// devices are what the override's targets mean; any other is the disk.
var devices = map[string]Device{
	"Pxe": FromNetwork, "UefiHttp": FromNetwork, "Cd": FromMedium, "UsbCd": FromMedium,
}

// from is what a boot of the chassis is from. Without a medium that is ready the
// firmware goes on to the disk.
func (f *Front) from(ctx context.Context, b chassis.Boot) (Boot, error) {
	switch device := devices[b.From]; {
	case device == FromNetwork:
		return Boot{From: FromNetwork}, nil
	case device == FromMedium && b.Image != "":
		image, err := f.medium.fetch(ctx, b.Image)
		return Boot{From: FromMedium, Image: image}, err
	default:
		return Boot{From: FromDisk}, nil
	}
}

// graceful are the resets that the operating system is asked for.
var graceful = map[chassis.Action]bool{chassis.GracefulOff: true, chassis.GracefulRestart: true, chassis.Button: true}

// pressButton passes on what the BMC was asked for since the machine runs.
func (f *Front) pressButton(ctx context.Context) error {
	for _, r := range f.chassis.Resets() {
		if r.N <= f.asked {
			continue
		}
		f.asked = r.N
		if !graceful[r.Action] || r.Effect != chassis.Done {
			continue
		}
		f.restart = r.Action == chassis.GracefulRestart
		if err := f.machine.PressButton(ctx); err != nil {
			return err
		}
	}
	return nil
}
