// Package bmc holds the activities that act on a server's baseboard management
// controller: power, boot override, virtual media and inventory, over Redfish
// and IPMI.
//
// Each activity may be attempted any number of times. Power actions are
// guarded by the customer's permission immediately before every request that
// is sent, end in what was observed, and never repeat a request that may have
// been carried out: see SetPower. The activities heartbeat every BeatInterval
// while they work, so a heartbeat timeout of a few times that is right; the
// worker's MaxHeartbeatThrottleInterval has to be shorter than BeatSettle.
package bmc

import (
	"context"
	"time"

	"github.com/handrail/handrail/activities/bmc/board"
	"github.com/handrail/handrail/activities/bmc/ipmi"
	"github.com/handrail/handrail/activities/bmc/redfish"
	"github.com/handrail/handrail/hosting"
)

// Times of the heartbeats.
const (
	// BeatInterval is the time between two heartbeats of a working activity.
	BeatInterval = 2 * time.Second
	// BeatSettle is how long a power action pauses between the heartbeat that
	// announces a request and the request, so that the heartbeat is out: the
	// SDK may hold it back for the worker's MaxHeartbeatThrottleInterval.
	BeatSettle = 50 * time.Millisecond
)

// What the protocols exchange, under the names by which workflows know it.
type (
	// Inventory lists the parts that are fitted.
	Inventory = board.Inventory
	// Part is one memory module or drive.
	Part = board.Part
	// PartKind is memory or drive.
	PartKind = board.PartKind
	// Health is a part's health as the BMC judges it.
	Health = board.Health
	// Device is something to boot from.
	Device = board.Device
	// Mode is the firmware mode of a boot override.
	Mode = board.Mode
)

// Dialer prepares the line to one endpoint of a BMC. It sends nothing yet; an
// error is a *hosting.Fault about the record or the secret.
type Dialer func(server string, endpoint hosting.BMCEndpoint, login Login) (board.Board, error)

// Activities are the BMC activities of one worker. They are safe for
// concurrent use.
type Activities struct {
	Secrets Secrets

	dial   Dialer
	beats  heartbeats
	locked *lockouts
	settle time.Duration // BeatSettle
	every  time.Duration // BeatInterval
}

// Option changes how the activities work.
type Option func(*Activities)

// WithDialer takes the place of the network in tests.
func WithDialer(d Dialer) Option { return func(a *Activities) { a.dial = d } }

// WithLimits bounds what an attempt may cost, over each protocol.
func WithLimits(r redfish.Limits, i ipmi.Limits) Option {
	return func(a *Activities) { a.dial = dialWith(r, i) }
}

// WithBeatSettle replaces BeatSettle, for workers whose heartbeat throttle is
// known and for tests.
func WithBeatSettle(d time.Duration) Option { return func(a *Activities) { a.settle = d } }

// New returns the activities. Options apply in order.
func New(secrets Secrets, opts ...Option) *Activities {
	a := &Activities{
		Secrets: secrets,
		dial:    dialWith(redfish.DefaultLimits, ipmi.DefaultLimits),
		beats:   temporalHeartbeats{},
		locked:  newLockouts(),
		settle:  BeatSettle,
		every:   BeatInterval,
	}
	for _, o := range opts {
		o(a)
	}
	return a
}

// dialWith is the dialer of both protocols. What Redfish remembers of the BMCs
// lives as long as the activities.
func dialWith(r redfish.Limits, i ipmi.Limits) Dialer {
	memory := redfish.NewMemory()
	return func(server string, e hosting.BMCEndpoint, login Login) (board.Board, error) {
		switch e.Protocol {
		case hosting.Redfish:
			return redfish.New(redfish.Config{
				Server: server, Secret: e.Secret, Address: e.Address, System: e.System,
				TLS: e.TLS, Login: login, Memory: memory, Limits: r,
			})
		case hosting.IPMI:
			return ipmi.New(ipmi.Config{Server: server, Secret: e.Secret, Address: e.Address, Login: login, Limits: i})
		}
		return nil, hosting.Invalid(server, "the BMC's protocol "+string(e.Protocol)+" is not known", "use redfish or ipmi in the server's record")
	}
}

// ReadPower reads the machine's power state over the first protocol that
// answers. It is Unreachable where none does.
func (a *Activities) ReadPower(ctx context.Context, t Target) (PowerReading, error) {
	var reading PowerReading
	via, err := attempt(ctx, a, t, "reading the power state", func(ctx context.Context, b board.PowerReader) error {
		power, err := b.ReadPower(ctx)
		reading.State, reading.At = power.State, time.Now().UTC()
		return err
	})
	reading.Via = via
	return reading, err
}

// SetBootOnce overrides from what the machine boots next time and reads the
// override back; Unmoved where it does not show. It is safe to repeat.
func (a *Activities) SetBootOnce(ctx context.Context, o BootOrder) (BootResult, error) {
	if err := o.validate(); err != nil {
		return BootResult{}, err
	}
	result := BootResult{Device: o.Device}
	via, err := attempt(ctx, a, o.Target, "the boot override", func(ctx context.Context, b board.BootOverrider) error {
		state, err := b.SetBootOnce(ctx, board.Boot{Device: o.Device, Mode: o.Mode})
		result.Mode, result.Set, result.Note = state.Mode, state.Target, state.Note
		return err
	})
	result.Via = via
	return result, err
}

// ClearBoot takes the boot override away. It is safe to repeat.
func (a *Activities) ClearBoot(ctx context.Context, t Target) error {
	_, err := attempt(ctx, a, t, "the boot override", func(ctx context.Context, b board.BootOverrider) error {
		return b.ClearBoot(ctx)
	})
	return err
}

// InsertMedia inserts an image into a virtual CD drive and reads back that it
// is in; Unmoved where it does not show. An image that is in already is left.
func (a *Activities) InsertMedia(ctx context.Context, o MediaOrder) (MediaResult, error) {
	if err := o.validate(); err != nil {
		return MediaResult{}, err
	}
	var result MediaResult
	via, err := attempt(ctx, a, o.Target, "virtual media", func(ctx context.Context, b board.MediaDrive) error {
		media, err := b.InsertMedia(ctx, o.Image)
		result.Slot, result.Image, result.Already = media.Slot, media.Image, media.Already
		return err
	})
	result.Via = via
	return result, err
}

// EjectMedia ejects every image that was inserted by URL. It is safe to repeat.
func (a *Activities) EjectMedia(ctx context.Context, t Target) error {
	_, err := attempt(ctx, a, t, "virtual media", func(ctx context.Context, b board.MediaDrive) error {
		return b.EjectMedia(ctx)
	})
	return err
}

// ReadInventory lists the memory modules and drives that are fitted (I19, I28).
func (a *Activities) ReadInventory(ctx context.Context, t Target) (Inventory, error) {
	var inventory Inventory
	_, err := attempt(ctx, a, t, "an inventory", func(ctx context.Context, b board.InventoryReader) (err error) {
		inventory, err = b.ReadInventory(ctx)
		return err
	})
	return inventory, err
}
