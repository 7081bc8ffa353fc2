// Package chassis is the one state of a simulated machine that its BMC's
// protocols share: power, power-on self-test, boot override, virtual media.
// It has no goroutine and no timer: what is under way is kept as moments to
// come, and every look brings the state up to the clock.
package chassis

import (
	"cmp"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/handrail/handrail/dev/datacenter/fault"
	"github.com/handrail/handrail/hosting"
)

// Timing is how long a machine takes for what. All of it may be zero.
type Timing struct {
	GracefulOff time.Duration // the operating system shutting down
	ForcedOff   time.Duration // until a forced off or restart has happened
	PowerOn     time.Duration // until the power is seen on
	CycleOff    time.Duration // how long a power cycle stays off
	POST        time.Duration // the power-on self-test
	// BootFlags is after how long a boot override set over IPMI is forgotten
	// unless the BMC was told otherwise (IPMI 2.0, table 28-14, parameter 3).
	BootFlags time.Duration
	// Busy is how long a BMC with the quirk refuses to power on after off.
	Busy time.Duration
	// Task is how long a task of the BMC takes.
	Task time.Duration
	// System is how long an operating system takes to come up, Install each
	// step of an installation. Both follow real time.
	System, Install time.Duration
}

// DefaultTiming is quick for a machine and slow for a program.
func DefaultTiming() Timing {
	return Timing{
		GracefulOff: 3 * time.Second, ForcedOff: time.Second, PowerOn: time.Second, CycleOff: 2 * time.Second,
		POST: 4 * time.Second, BootFlags: time.Minute, Busy: 2 * time.Second, Task: time.Second,
		System: 2 * time.Second, Install: 2 * time.Second,
	}
}

// State is all that a restart of the data centre keeps of a machine.
type State struct {
	On       bool         `json:"on"`
	Pending  []Transition `json:"pending,omitempty"`
	OffSince time.Time    `json:"offSince,omitzero"`
	// POSTUntil is the end of the power-on self-test; in the past after it.
	POSTUntil time.Time        `json:"postUntil,omitzero"`
	LastReset time.Time        `json:"lastReset,omitzero"`
	Mode      string           `json:"mode"` // of the firmware: UEFI, Legacy
	Override  Override         `json:"override,omitzero"`
	LastBoot  Boot             `json:"lastBoot,omitzero"`
	Boots     int              `json:"boots"` // since the machine was first powered
	Media     map[string]Media `json:"media,omitempty"`
}

// Chassis is the state of one machine. It is safe for concurrent use.
type Chassis struct {
	timing  Timing
	faults  *fault.Set
	now     func() time.Time
	changed func()

	mu     sync.Mutex
	state  State
	resets []Reset
	count  int
}

// New returns a chassis in a state; one without a mode has UEFI. The faults are looked at whenever they
// matter; changed is called after each change, without a lock held.
func New(s State, timing Timing, faults *fault.Set, now func() time.Time, changed func()) *Chassis {
	s.Mode = cmp.Or(s.Mode, NoOverride.Mode)
	s.Media = maps.Clone(s.Media)
	if s.Media == nil {
		s.Media = make(map[string]Media)
	}
	c := &Chassis{timing: timing, faults: faults, now: now, changed: changed, state: s}
	if s.Override.Enabled == "" {
		c.state.Override = c.noOverride()
	}
	return c
}

// View is a chassis at one moment.
type View struct {
	State
	// Phase is the power as a good observer inside the machine would see it.
	Phase hosting.PowerState
	// InPOST tells that the power-on self-test is running.
	InPOST bool
	Now    time.Time
	// Next is when the chassis will be another without anybody's doing; zero
	// is never.
	Next time.Time
}

// Up reports whether the nth boot is past its self-test and the power still on.
func (v View) Up(n int) bool { return v.On && !v.InPOST && v.Boots == n }

// View looks at the chassis.
func (c *Chassis) View() View {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.settle()
	s := c.snapshot()
	v := View{State: s, Phase: s.phase(), InPOST: s.On && now.Before(s.POSTUntil), Now: now}
	if v.InPOST {
		v.Next = s.POSTUntil
	}
	if len(s.Pending) > 0 && (v.Next.IsZero() || s.Pending[0].At.Before(v.Next)) {
		v.Next = s.Pending[0].At
	}
	return v
}

// State returns what a restart has to keep.
func (c *Chassis) State() State { return c.View().State }

// Timing returns how long things take.
func (c *Chassis) Timing() Timing { return c.timing }

func (c *Chassis) snapshot() State {
	s := c.state
	s.Pending = slices.Clone(s.Pending)
	s.Media = maps.Clone(s.Media)
	return s
}

func (s State) phase() hosting.PowerState {
	switch {
	case !s.On && len(s.Pending) > 0:
		return hosting.PoweringOn
	case !s.On:
		return hosting.PowerOff
	case len(s.Pending) > 0 && s.Pending[0].Do == turnOff:
		return hosting.PoweringOff
	default:
		return hosting.PowerOn
	}
}

// SetPower switches the machine at once, as the customer does from inside the
// operating system or with the button. It is not a reset and is not logged.
func (c *Chassis) SetPower(on bool) {
	c.change(func(now time.Time) {
		c.state.Pending = nil
		switch {
		case on && !c.state.On:
			c.apply(Transition{At: now, Do: turnOn})
		case !on && c.state.On:
			c.apply(Transition{At: now, Do: turnOff})
		}
	})
}

// Restart restarts the machine from inside, as the operating system of its nth
// boot does, and reports whether that was running. It is not a reset and is not
// logged.
func (c *Chassis) Restart(n int) (done bool) {
	c.change(func(now time.Time) {
		if done = c.state.On && c.state.Boots == n && !now.Before(c.state.POSTUntil); done {
			c.apply(Transition{At: now, Do: restart})
		}
	})
	return done
}

// During runs f where the nth boot is past its self-test and the power on, and
// keeps it so for as long. f must not call the chassis. It reports whether it ran.
func (c *Chassis) During(n int, f func()) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	up := !c.settle().Before(c.state.POSTUntil) && c.state.On && c.state.Boots == n
	if up {
		f()
	}
	return up
}

// change runs f on the settled state under the lock and tells of it.
func (c *Chassis) change(f func(now time.Time)) {
	c.mu.Lock()
	f(c.settle())
	c.mu.Unlock()
	c.changed()
}

// settle lets happen what was due by now.
func (c *Chassis) settle() time.Time {
	now := c.now()
	for len(c.state.Pending) > 0 && !c.state.Pending[0].At.After(now) {
		next := c.state.Pending[0]
		c.state.Pending = c.state.Pending[1:]
		c.apply(next)
	}
	if o := c.state.Override; !o.Expires.IsZero() && !now.Before(o.Expires) {
		c.state.Override = c.noOverride()
	}
	return now
}

func (c *Chassis) apply(t Transition) {
	switch t.Do {
	case turnOff:
		c.state.On, c.state.OffSince, c.state.POSTUntil = false, t.At, time.Time{}
	case turnOn, restart:
		c.state.On, c.state.OffSince = true, time.Time{}
		c.boot(t.At)
	}
}
