package chassis

import (
	"slices"
	"time"

	"github.com/handrail/handrail/dev/datacenter/fault"
	"github.com/handrail/handrail/hosting"
)

// Action is what a reset does to a machine, whatever a protocol calls it.
type Action string

// The actions.
const (
	On              Action = "on"
	GracefulOff     Action = "graceful-off"
	ForcedOff       Action = "forced-off"
	GracefulRestart Action = "graceful-restart"
	ForcedRestart   Action = "forced-restart"
	Cycle           Action = "cycle"
	Button          Action = "button"   // the front panel's: on when off, graceful off when on
	Diagnose        Action = "diagnose" // a non-maskable interrupt; the power does not move
)

// Transition is a change of power that is still to come.
type Transition struct {
	At time.Time `json:"at"`
	Do change    `json:"do"`
}

type change string

const (
	turnOff change = "off"
	turnOn  change = "on"
	restart change = "restart"
)

type step struct {
	after func(Timing) time.Duration
	do    change
}

func gracefulOff(t Timing) time.Duration { return t.GracefulOff }
func forcedOff(t Timing) time.Duration   { return t.ForcedOff }
func powerOn(t Timing) time.Duration     { return t.PowerOn }
func cycleOff(t Timing) time.Duration    { return t.CycleOff }

// courses says what each action leads to on a machine that is on and on one
// that is off, and whether it needs the operating system to play along.
var courses = map[Action]struct {
	on, off  []step
	graceful bool
}{
	On:              {off: []step{{powerOn, turnOn}}},
	GracefulOff:     {on: []step{{gracefulOff, turnOff}}, graceful: true},
	ForcedOff:       {on: []step{{forcedOff, turnOff}}},
	GracefulRestart: {on: []step{{gracefulOff, restart}}, graceful: true},
	ForcedRestart:   {on: []step{{forcedOff, restart}}},
	Cycle:           {on: []step{{forcedOff, turnOff}, {cycleOff, turnOn}}},
	Button:          {on: []step{{gracefulOff, turnOff}}, off: []step{{powerOn, turnOn}}, graceful: true},
	Diagnose:        {},
}

// Moves reports whether an action would do anything to the machine as it is.
func (v View) Moves(a Action) bool {
	course := courses[a].off
	if v.On {
		course = courses[a].on
	}
	return len(course) > 0 || v.cancels(a)
}

// cancels tells that forcing off a machine that is just being powered on
// leaves it off.
func (s State) cancels(a Action) bool {
	return a == ForcedOff && !s.On && len(s.Pending) > 0
}

// Effect is what became of a reset.
type Effect string

// The effects.
const (
	Done     Effect = "done"      // the machine moves
	NoEffect Effect = "no-effect" // accepted, but the machine was there already, or on its way
	Ignored  Effect = "ignored"   // accepted, and a fault kept the machine from moving
	Refused  Effect = "refused"   // the BMC said no
)

// Reset is a reset that a BMC received, refused ones included.
type Reset struct {
	N   int              `json:"n"` // 1 for the first since the start
	At  time.Time        `json:"at"`
	Via hosting.Protocol `json:"via"`
	// Kind is in the words of the protocol: "ForceOff", "chassis power down".
	Kind string `json:"kind"`
	// System is the Redfish id of the system that it was sent to.
	System string `json:"system,omitempty"`
	Action Action `json:"action,omitempty"`
	Effect Effect `json:"effect"`
	Why    string `json:"why,omitempty"` // of a refusal
}

// maxResets bounds the log; older resets are forgotten, not their numbers.
const maxResets = 1000

// Reset carries out a reset and logs it. r needs Via, Kind and Action.
func (c *Chassis) Reset(r Reset) Effect {
	c.change(func(now time.Time) {
		r.Effect = c.begin(r, now)
		if r.Effect == Done && r.Action != Diagnose {
			c.state.LastReset = now
		}
		c.log(r, now)
	})
	return r.Effect
}

// Refuse logs a reset that the BMC refused. r needs Via, Kind and Why.
func (c *Chassis) Refuse(r Reset) {
	c.change(func(now time.Time) {
		r.Effect = Refused
		c.log(r, now)
	})
}

// Resets returns the resets since the start, oldest first.
func (c *Chassis) Resets() []Reset {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.resets)
}

func (c *Chassis) log(r Reset, now time.Time) {
	c.count++
	r.N, r.At = c.count, now
	if len(c.resets) == maxResets {
		c.resets = slices.Delete(c.resets, 0, 1)
	}
	c.resets = append(c.resets, r)
}

func (c *Chassis) begin(r Reset, now time.Time) Effect {
	if _, stuck := c.faults.Hit(fault.StuckPower, r.Via); stuck {
		return Ignored
	}
	course := courses[r.Action]
	steps := course.off
	if c.state.On {
		steps = course.on
		if course.graceful {
			if _, deaf := c.faults.Hit(fault.GracefulIgnored, r.Via); deaf {
				return Ignored
			}
		}
	}
	switch {
	case c.state.cancels(r.Action):
		c.state.Pending = nil
		return Done
	case len(steps) == 0 && r.Action == Diagnose:
		return Done
	case len(steps) == 0:
		return NoEffect
	}
	return c.pursue(c.schedule(steps, now))
}

func (c *Chassis) schedule(steps []step, at time.Time) []Transition {
	plan := make([]Transition, 0, len(steps))
	for _, s := range steps {
		at = at.Add(s.after(c.timing))
		plan = append(plan, Transition{At: at, Do: s.do})
	}
	return plan
}

// pursue takes a plan up, unless the same is under way and will be over sooner.
func (c *Chassis) pursue(plan []Transition) Effect {
	same := slices.EqualFunc(plan, c.state.Pending, func(a, b Transition) bool { return a.Do == b.Do })
	if same && !c.state.Pending[0].At.After(plan[0].At) {
		return NoEffect
	}
	c.state.Pending = plan
	c.settle()
	return Done
}
