package redfish

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/stmcginnis/gofish/schemas"

	"github.com/handrail/handrail/activities/bmc/board"
	"github.com/handrail/handrail/hosting"
)

// powerStates are Redfish's power states as Handrail tells them apart
// (Resource.PowerState). Anything else is unknown.
var powerStates = map[schemas.PowerState]hosting.PowerState{
	schemas.OnPowerState:          hosting.PowerOn,
	schemas.OffPowerState:         hosting.PowerOff,
	schemas.PoweringOnPowerState:  hosting.PoweringOn,
	schemas.PoweringOffPowerState: hosting.PoweringOff,
}

// resetTypes are the reset types that carry out an action, the preferred one
// first. A graceful off has one only, so that it never becomes a forced one.
// "Off" is no standard type, and where it exists it may cut the power: it
// counts as forced. PushPowerButton is left out: what it does depends on the
// state in which the machine is by then.
var resetTypes = map[hosting.PowerAction][]string{
	hosting.ActOn:          {string(schemas.OnResetType), string(schemas.ForceOnResetType)},
	hosting.ActGracefulOff: {string(schemas.GracefulShutdownResetType)},
	hosting.ActForcedOff:   {string(schemas.ForceOffResetType), "Off"},
	hosting.ActWarmReset:   {string(schemas.GracefulRestartResetType), string(schemas.ForceRestartResetType)},
}

// ReadPower reads the system's power state.
func (c *Client) ReadPower(ctx context.Context) (board.Power, error) {
	s, err := c.readSystem(ctx)
	if err != nil {
		return board.Power{}, err
	}
	if s.PowerState == "" {
		return board.Power{}, hosting.NewFault(hosting.FaultUnsupported, c.cfg.Server,
			"the BMC at "+c.cfg.Address+" does not tell the power state of "+c.quote(s.path), "use IPMI, or update the BMC's firmware")
	}
	state, ok := powerStates[s.PowerState]
	if !ok {
		state = hosting.PowerUnknown
	}
	return board.Power{
		State: state,
		Said:  c.quote(string(s.PowerState)),
		Marks: board.Marks{LastReset: c.quote(s.LastResetTime), Boot: c.quote(s.BootProgress.LastState)},
	}, nil
}

// PlanReset resolves the action to a reset type that the system takes.
func (c *Client) PlanReset(ctx context.Context, action hosting.PowerAction) (string, error) {
	s, err := c.lastSystem(ctx)
	if err != nil {
		return "", err
	}
	if s.Actions.Reset.Target == "" {
		return "", hosting.NewFault(hosting.FaultUnsupported, c.cfg.Server, "the BMC at "+c.cfg.Address+" offers no power actions over Redfish", "use IPMI or the console")
	}
	takes, err := c.takenResetTypes(ctx, s)
	if err != nil {
		return "", err
	}
	for _, t := range resetTypes[action] {
		if slices.Contains(takes, t) {
			return t, nil
		}
	}
	return "", hosting.NewFault(hosting.FaultUnsupported, c.cfg.Server,
		fmt.Sprintf("the BMC at %s has no reset type for %s; it has %s", c.cfg.Address, action, c.quote(strings.Join(takes, ", "))),
		"choose another power action that is authorized, or use the console")
}

// SendReset posts the reset, once.
func (c *Client) SendReset(ctx context.Context, request string) error {
	s, err := c.lastSystem(ctx)
	if err != nil {
		return sendError(board.NotSent, err)
	}
	target := s.Actions.Reset.Target
	r, err := c.http.do(ctx, http.MethodPost, target, map[string]string{"ResetType": request}, nil)
	if failed, ok := errors.AsType[*requestError](err); ok {
		fate := board.NotSent
		if failed.wrote {
			fate = board.Unclear
		}
		return sendError(fate, c.unanswered(err))
	}
	if r.status >= 200 && r.status <= 299 {
		return nil
	}
	refused := c.refused(http.MethodPost, target, r)
	switch {
	case c.busyReset(request, r.status):
		return sendError(board.Busy, refused)
	case r.status >= 500 && r.status != http.StatusNotImplemented:
		// A gateway in front of a BMC gives up before the BMC does.
		return sendError(board.Unclear, refused)
	}
	return sendError(board.Refused, refused)
}

func sendError(fate board.Fate, err error) error {
	fault, ok := errors.AsType[*hosting.Fault](err)
	if !ok {
		fault = hosting.NewFault(hosting.FaultUnreachable, "", "sending a reset", "").Because(err)
	}
	return &board.SendError{Fate: fate, Fault: fault}
}

// lastSystem is the system as last read, read now if it was not yet.
func (c *Client) lastSystem(ctx context.Context) (*system, error) {
	if c.last != nil {
		return c.last, nil
	}
	return c.readSystem(ctx)
}

// takenResetTypes are the reset types that the system takes: listed with the
// action, else in its ActionInfo (Redfish specification, ActionInfo), else
// those that the schema makes likely are not guessed.
func (c *Client) takenResetTypes(ctx context.Context, s *system) ([]string, error) {
	reset := s.Actions.Reset
	if len(reset.Types) > 0 {
		return reset.Types, nil
	}
	if reset.ActionInfo == "" {
		return nil, hosting.NewFault(hosting.FaultUnsupported, c.cfg.Server, "the BMC at "+c.cfg.Address+" does not list the reset types it takes", "use IPMI or the console")
	}
	known, ok := c.cfg.Memory.recall(c.key())
	if ok && known.identity == s.identity() && known.actionInfo == reset.ActionInfo && len(known.resetTypes) > 0 {
		return known.resetTypes, nil
	}
	var raw rawResource
	if _, err := c.get(ctx, reset.ActionInfo, &raw); err != nil {
		return nil, err
	}
	info, err := decodeAs[schemas.ActionInfo](raw, "Parameters")
	if err != nil {
		return nil, c.nonsense(reset.ActionInfo, err)
	}
	types, err := info.GetParamValues("ResetType", schemas.StringParameterTypes)
	if err != nil {
		return nil, c.nonsense(reset.ActionInfo, err)
	}
	c.cfg.Memory.keepResetTypes(c.key(), s.identity(), reset.ActionInfo, types)
	return types, nil
}

// rawResource is a resource kept as it came, to be decoded by property.
type rawResource []byte

// UnmarshalJSON keeps a JSON object and refuses everything else.
func (r *rawResource) UnmarshalJSON(b []byte) error {
	if len(b) == 0 || b[0] != '{' {
		return errNotTheThing
	}
	*r = slices.Clone(b)
	return nil
}
