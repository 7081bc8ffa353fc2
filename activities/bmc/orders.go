package bmc

import (
	"fmt"
	"net/url"
	"slices"
	"time"

	"github.com/handrail/handrail/activities/bmc/board"
	"github.com/handrail/handrail/hosting"
)

// Target is the server that is acted on. Server is its service id, for
// messages.
type Target struct {
	Server string      `json:"server"`
	BMC    hosting.BMC `json:"bmc"`
}

func (t Target) validate() error {
	if len(t.BMC.Endpoints) == 0 {
		return hosting.Invalid(t.Server, "the record names no BMC", "add the BMC's endpoint to the server's record, or work at the rack")
	}
	return nil
}

// Guard is what stands between an order and the machine. It is evaluated with
// the present time immediately before each request is sent (I6, I7), also when
// an attempt is repeated.
type Guard struct {
	Permission hosting.PowerPermission `json:"permission"`
	// Restore marks the putting back of the power as it was found, on clean-up.
	// It is covered by the permission under which the power was moved: that has
	// to allow power actions, but its window may have closed meanwhile, so that
	// no machine is left off because a procedure ran long. Only an on or a
	// graceful off can restore.
	Restore bool `json:"restore,omitempty"`
}

// restoring are the actions that can put the power back.
var restoring = []hosting.PowerAction{hosting.ActOn, hosting.ActGracefulOff}

func (g Guard) check(server string, action hosting.PowerAction, at time.Time) error {
	if !g.Restore {
		return g.Permission.Check(server, at)
	}
	if !slices.Contains(restoring, action) {
		return hosting.NewFault(hosting.FaultNotAuthorized, server, string(action)+" does not restore the power as it was found", "restore with on or graceful-off")
	}
	if g.Permission.Grant == hosting.GrantWindow && g.Permission.Window != nil {
		return nil
	}
	return g.Permission.Check(server, at)
}

// PowerOrder orders a power action.
type PowerOrder struct {
	Target Target              `json:"target"`
	Action hosting.PowerAction `json:"action"`
	Guard  Guard               `json:"guard"`
	// AllowForced lets a graceful off, also that of a cycle, be followed by a
	// forced one where the machine does not go off within Waits.OffWait, or
	// where its BMC has no graceful off.
	AllowForced bool                `json:"allowForced,omitempty"`
	Waits       hosting.PowerPolicy `json:"waits"`
}

func (o PowerOrder) validate() error {
	server := o.Target.Server
	switch {
	case !slices.Contains(hosting.PowerActions(), o.Action):
		return hosting.Invalid(server, fmt.Sprintf("the power action %q is not known", o.Action), "use on, graceful-off, forced-off, cycle or warm-reset")
	case o.Waits.OffWait <= 0 || o.Waits.ActWait <= 0 || o.Waits.Poll <= 0:
		return hosting.Invalid(server, "the power action has no times to wait", "give offWait, actWait and poll")
	}
	return o.Target.validate()
}

// Longest is how long SetPower may take, for the activity's start-to-close
// timeout: every step of the action with its wait, the time in which a busy BMC
// is asked again and the second opinion.
func (o PowerOrder) Longest() time.Duration {
	const slack = time.Minute // for the requests themselves
	step := 3*o.Waits.ActWait.D() + maxDisagreement
	longest := step + slack
	switch o.Action {
	case hosting.ActGracefulOff:
		longest += o.Waits.OffWait.D() + step
	case hosting.ActCycle:
		longest += o.Waits.OffWait.D() + 2*step
	}
	return longest
}

// PowerReading is one look at a machine's power.
type PowerReading struct {
	State hosting.PowerState `json:"state"`
	Via   hosting.Protocol   `json:"via"`
	At    time.Time          `json:"at"`
}

// The devices and modes of a boot override.
const (
	BootPXE  = board.BootPXE
	BootHTTP = board.BootHTTP
	BootCD   = board.BootCD
	BootDisk = board.BootDisk
	BootBIOS = board.BootBIOS

	ModeAny    = board.ModeAny
	ModeUEFI   = board.ModeUEFI
	ModeLegacy = board.ModeLegacy
)

// BootOrder orders a boot override for the next boot.
type BootOrder struct {
	Target Target `json:"target"`
	Device Device `json:"device"`
	// Mode is uefi or legacy; empty leaves the BMC's own.
	Mode Mode `json:"mode,omitempty"`
}

func (o BootOrder) validate() error {
	switch {
	case !slices.Contains(board.Devices(), o.Device):
		return hosting.Invalid(o.Target.Server, fmt.Sprintf("the boot device %q is not known", o.Device), "use pxe, http, cd, disk or bios")
	case !slices.Contains(board.Modes(), o.Mode):
		return hosting.Invalid(o.Target.Server, fmt.Sprintf("the boot mode %q is not known", o.Mode), "use uefi or legacy, or leave it out")
	}
	return o.Target.validate()
}

// BootResult is an override as it was read back.
type BootResult struct {
	Device Device           `json:"device"`
	Mode   Mode             `json:"mode,omitempty"`
	Via    hosting.Protocol `json:"via"`
	// Set is the device in the protocol's own words ("Pxe", "UsbCd").
	Set string `json:"set"`
	// Note says what the BMC does not show, if anything.
	Note string `json:"note,omitempty"`
}

// MediaOrder orders an image to be inserted, by a URL that the BMC can reach.
type MediaOrder struct {
	Target Target `json:"target"`
	Image  string `json:"image"`
}

func (o MediaOrder) validate() error {
	u, err := url.Parse(o.Image)
	switch {
	case err != nil || u.Host == "" || !slices.Contains([]string{"http", "https", "nfs", "cifs"}, u.Scheme):
		return hosting.Invalid(o.Target.Server, "the image is not given by a URL that a BMC can open", "use http, https, nfs or cifs")
	case u.User != nil:
		return hosting.Invalid(o.Target.Server, "the image's URL holds a login", "serve the image without one; secrets do not travel in orders")
	}
	return o.Target.validate()
}

// MediaResult is an image that is in.
type MediaResult struct {
	Slot  string           `json:"slot"`
	Image string           `json:"image"`
	Via   hosting.Protocol `json:"via"`
	// Already tells that it was in before and nothing was sent.
	Already bool `json:"already,omitempty"`
}
