package hosting

import "time"

// PowerState is what a BMC says of its machine. Anything but a plain on or off
// (powering on, paused, no answer) is transitional or unknown.
type PowerState string

// The power states that are told apart.
const (
	PowerOn      PowerState = "on"
	PowerOff     PowerState = "off"
	PoweringOn   PowerState = "powering-on"
	PoweringOff  PowerState = "powering-off"
	PowerUnknown PowerState = "unknown"
)

// Settled reports whether the state is plainly on or off.
func (s PowerState) Settled() bool { return s == PowerOn || s == PowerOff }

// PowerAction is something that can be done to a machine's power.
type PowerAction string

// The power actions. Cycle is a verified off (graceful, or forced where that
// is allowed) followed by a verified on; WarmReset restarts without power off.
const (
	ActOn          PowerAction = "on"
	ActGracefulOff PowerAction = "graceful-off"
	ActForcedOff   PowerAction = "forced-off"
	ActCycle       PowerAction = "cycle"
	ActWarmReset   PowerAction = "warm-reset"
)

// PowerActions lists the power actions.
func PowerActions() []PowerAction {
	return []PowerAction{ActOn, ActGracefulOff, ActForcedOff, ActCycle, ActWarmReset}
}

// PowerOutcome is how a power action ended, by observation: an accepted
// request is not an outcome.
type PowerOutcome string

// The outcomes of a power action.
const (
	// Reached: the wanted state was seen after the act.
	Reached PowerOutcome = "reached"
	// Already: the wanted state was seen before; nothing was sent.
	Already PowerOutcome = "already"
	// Unmoved: the BMC took the request, the machine did not follow in time.
	Unmoved PowerOutcome = "unmoved"
	// Contradictory: Redfish and IPMI disagree about the machine.
	Contradictory PowerOutcome = "contradictory"
	// Unknown: the request may have been carried out, nobody could look.
	Unknown PowerOutcome = "unknown"
)

// Succeeded reports whether the machine is where it was wanted.
func (o PowerOutcome) Succeeded() bool { return o == Reached || o == Already }

// PowerResult is the proof of a power action.
type PowerResult struct {
	Action  PowerAction  `json:"action"`
	Outcome PowerOutcome `json:"outcome"`
	Before  PowerState   `json:"before"`
	After   PowerState   `json:"after"`
	// Via is the protocol that carried the act, or the look if there was none.
	Via Protocol `json:"via"`
	// ResetTypes are the requests that were sent, in order, in the protocol's
	// own words ("GracefulShutdown", "chassis power down").
	ResetTypes []string `json:"resetTypes,omitempty"`
	// OffSince is when the machine was first seen off in this act, OnSince when
	// it was next seen on: the difference is measured downtime (I27).
	OffSince *time.Time `json:"offSince,omitempty"`
	OnSince  *time.Time `json:"onSince,omitempty"`
	// Forced tells that a graceful off did not work and a forced one, which was
	// authorized as well, followed.
	Forced bool `json:"forced,omitempty"`
	// Detail says in words what was seen, for the technician and the log.
	Detail string `json:"detail,omitempty"`
}

// Err is nil for a success, and otherwise the fault that the outcome amounts
// to, naming the server.
func (r PowerResult) Err(server string) error {
	what := string(r.Action) + ": " + r.Detail
	switch r.Outcome {
	case Reached, Already:
		return nil
	case Contradictory:
		return NewFault(FaultContradictory, server, what, "look at the machine, then relaunch or act again")
	case Unmoved:
		return NewFault(FaultUnmoved, server, what, "check the console; a forced action may be needed if it is authorized")
	default:
		return NewFault(FaultUnreachable, server, what, "read the power state before anything is repeated")
	}
}

// PowerPermission is the customer's word on powering off, on and restarting
// (I6). The zero value is no answer, which is never yes.
type PowerPermission struct {
	Grant PowerGrant `json:"grant,omitempty"`
	// Window is set with GrantWindow and only then.
	Window *Window `json:"window,omitempty"`
}

// PowerGrant is the kind of a power permission.
type PowerGrant string

// The answers to the question for power permission.
const (
	GrantNone    PowerGrant = ""            // not answered
	GrantAllowed PowerGrant = "allowed"     // at any time
	GrantRefused PowerGrant = "not-allowed" // explicitly no
	GrantWindow  PowerGrant = "window"      // only inside the window
)

// Answered reports whether the customer gave an answer, be it no.
func (p PowerPermission) Answered() bool { return p.Grant != GrantNone }

// Validate reports what is wrong with a permission as it was put in.
func (p PowerPermission) Validate() error {
	switch p.Grant {
	case GrantAllowed, GrantRefused:
		if p.Window != nil {
			return Invalid("", "a window goes with grant \"window\" only", "leave the window out or set grant to \"window\"")
		}
		return nil
	case GrantWindow:
		if p.Window == nil {
			return Invalid("", "grant \"window\" without a window", "give from, to and zone")
		}
		_, _, err := p.Window.Span()
		return err
	default:
		return Invalid("", "power permission "+quote(string(p.Grant))+" is not known", "use allowed, not-allowed or window")
	}
}

// Check is the guard before a power action: nil where the permission covers
// the instant, else NotAuthorized or OutsideWindow with the reason (I6, I7).
func (p PowerPermission) Check(server string, at time.Time) error {
	switch p.Grant {
	case GrantAllowed:
		if p.Window != nil { // which of the two was meant is not ours to choose
			return NewFault(FaultNotAuthorized, server, "the permission is for any time and yet names the window "+p.Window.String(),
				"ask the customer which of the two holds, and record it with authorize-power")
		}
		return nil
	case GrantWindow:
		if p.Window == nil {
			return NewFault(FaultNotAuthorized, server, "the permission names a window but holds none", "ask the customer for the window")
		}
		return p.Window.Check(server, at)
	case GrantRefused:
		return NewFault(FaultNotAuthorized, server, "the customer did not allow power actions", "work without power actions, or ask the customer on the ticket")
	default:
		return NewFault(FaultNotAuthorized, server, "the customer has not answered whether the server may be powered off and on", "wait for the answer on the ticket, or record it with authorize-power")
	}
}
