package bmc

import (
	"context"

	"github.com/handrail/handrail/activities/bmc/board"
	"github.com/handrail/handrail/hosting"
)

// BootSetup is from what a machine boots next time and what may be chosen.
type BootSetup struct {
	// Override is the device of the next boot; empty where there is no override,
	// or where it is none that we know: then Other tells it in the protocol's
	// own words ("UefiTarget"). See Overridden.
	Override Device `json:"override,omitempty"`
	Other    string `json:"other,omitempty"`
	// Lasting tells that the override holds for more than the next boot.
	Lasting bool `json:"lasting,omitempty"`
	// Mode is that of the override; empty where the BMC does not tell. Over
	// Redfish it is told without an override as well.
	Mode Mode `json:"mode,omitempty"`
	// Devices are those that the override accepts, as far as the BMC tells; http
	// only where it is told.
	Devices []Device `json:"devices"`
	// Media tells that an image can be inserted by URL, as far as the BMC tells:
	// what a missing license forbids shows only on insertion.
	Media bool             `json:"media,omitempty"`
	Via   hosting.Protocol `json:"via"`
	// Note says what leaves a doubt about the override, if anything. After
	// ClearBoot there is none.
	Note string `json:"note,omitempty"`
}

// Overridden reports whether the next boot is not the usual one.
func (b BootSetup) Overridden() bool { return b.Override != "" || b.Other != "" }

// ReadBootSetup reads the boot override and what it accepts, over the first protocol
// that tells, and whether virtual media can be used. It changes nothing. It is
// InvalidRequest where the record names no BMC, Unreachable where none answers,
// and Unsupported where none has a boot override.
func (a *Activities) ReadBootSetup(ctx context.Context, t Target) (BootSetup, error) {
	const capability = "reading the boot override"
	l, err := a.line(t)
	if err != nil {
		return BootSetup{}, err
	}
	defer l.close()
	stop := a.beating(ctx, func() any { return capability })
	defer stop()
	var setup board.BootSetup
	i, err := first(ctx, l, capability, func(ctx context.Context, b board.BootReader) (err error) {
		setup, err = b.ReadBoot(ctx)
		return err
	})
	if err != nil {
		return BootSetup{}, err
	}
	media, err := l.hasDrive(ctx, i)
	if err != nil {
		return BootSetup{}, err
	}
	return BootSetup{
		Override: setup.Override, Other: setup.Other, Lasting: setup.Lasting, Mode: setup.Mode, Devices: setup.Devices,
		Media: media, Via: l.endpoint(i).Protocol, Note: setup.Note,
	}, nil
}

// hasDrive tells whether one of the endpoints from the one that answered takes
// an image by URL. Those before it could not be used a moment ago.
func (l *line) hasDrive(ctx context.Context, answered int) (bool, error) {
	for i := answered; i < len(l.target.BMC.Endpoints); i++ {
		var has bool
		err := use(ctx, l, i, "virtual media", func(ctx context.Context, b board.MediaDrive) (err error) {
			has, err = b.HasDrive(ctx)
			return err
		})
		switch {
		case has:
			return true, nil
		case ctx.Err() != nil:
			return false, ctx.Err()
		case err != nil && (!mayFallBack(err) || i == answered && hosting.KindOf(err) == hosting.FaultUnreachable):
			return false, err
		}
	}
	return false, nil
}
