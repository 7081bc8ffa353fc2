// Package board says what a baseboard management controller (BMC) can do,
// split by capability, and in which types it tells about it. The packages
// redfish and ipmi implement as much of it as their protocol carries; callers
// accept the narrowest interface that serves them.
package board

import (
	"context"

	"github.com/handrail/handrail/hosting"
)

// Board is an open line to one BMC over one protocol. What it can do beyond
// being closed is found out by asserting the capability interfaces; use As,
// which gives the typed refusal where one is missing.
type Board interface {
	// Protocol is the protocol that is spoken.
	Protocol() hosting.Protocol
	// Close ends sessions and connections. It may be called once.
	Close()
}

// PowerReader reads the power state.
type PowerReader interface {
	Board
	// ReadPower asks the BMC now; nothing is remembered.
	ReadPower(ctx context.Context) (Power, error)
}

// PowerActor resets the machine. A plan and its sending are apart, so that the
// caller can write down what it is about to send before it does.
type PowerActor interface {
	PowerReader
	// PlanReset names the request that carries out the action (any but a
	// cycle), in the protocol's own words. Unsupported where there is none:
	// graceful is never answered with forced.
	PlanReset(ctx context.Context, action hosting.PowerAction) (request string, err error)
	// SendReset sends a planned request, once. Nil is accepted, which is not
	// done. Any error is a *SendError.
	SendReset(ctx context.Context, request string) error
}

// BootReader reads from what the machine boots next time.
type BootReader interface {
	Board
	// ReadBoot reads the override as it stands and what it accepts. It changes
	// nothing.
	ReadBoot(ctx context.Context) (BootSetup, error)
}

// BootOverrider sets from what the machine boots next time.
type BootOverrider interface {
	Board
	// SetBootOnce sets the override for the next boot and reads it back.
	SetBootOnce(ctx context.Context, boot Boot) (BootState, error)
	// ClearBoot takes the override away and reads back that it is gone.
	ClearBoot(ctx context.Context) error
}

// MediaDrive is the virtual CD drive.
type MediaDrive interface {
	Board
	// HasDrive tells whether there is a drive that takes an image by URL, as far
	// as the BMC tells: what a missing license forbids shows only on insertion.
	HasDrive(ctx context.Context) (bool, error)
	// InsertMedia inserts an image by URL and reads back that it is in.
	InsertMedia(ctx context.Context, image string) (Media, error)
	// EjectMedia ejects every image that is inserted by URL.
	EjectMedia(ctx context.Context) error
}

// InventoryReader lists the parts that can be replaced.
type InventoryReader interface {
	Board
	ReadInventory(ctx context.Context) (Inventory, error)
}

// As returns the board as one of the capability interfaces, or Unsupported
// saying that this protocol does not carry the capability.
func As[C Board](b Board, server, capability string) (C, error) {
	c, ok := b.(C)
	if !ok {
		return c, hosting.NewFault(hosting.FaultUnsupported, server,
			string(b.Protocol())+" does not carry "+capability,
			"give the server's record an endpoint of a protocol that does")
	}
	return c, nil
}

// Fate is what is known of a reset that was not plainly accepted.
type Fate string

// The fates of a request.
const (
	// NotSent: no byte of it left us.
	NotSent Fate = "not sent"
	// Refused: the BMC answered that it did not carry it out.
	Refused Fate = "refused"
	// Busy: refused because of an earlier request that is still under way; the
	// same request is expected to be accepted soon.
	Busy Fate = "busy"
	// Unclear: it left us and no usable answer came back.
	Unclear Fate = "unclear"
)

// SendError is a reset that was not plainly accepted.
type SendError struct {
	Fate  Fate
	Fault *hosting.Fault
}

// Error tells the fault, which names the server.
func (e *SendError) Error() string { return e.Fault.Error() }

// Unwrap returns the fault.
func (e *SendError) Unwrap() error { return e.Fault }
