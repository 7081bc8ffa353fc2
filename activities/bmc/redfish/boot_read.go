package redfish

import (
	"context"
	"slices"
	"strings"

	"github.com/stmcginnis/gofish/schemas"

	"github.com/handrail/handrail/activities/bmc/board"
	"github.com/handrail/handrail/hosting"
)

// bootOverride is the override as it stands, as far as the BMC tells it.
type bootOverride struct {
	Enabled, Target, Mode string
	// Targets are those that it accepts; none where the BMC does not tell.
	Targets []string
}

// ReadBoot reads the override as it stands and what it accepts.
func (c *Client) ReadBoot(ctx context.Context) (board.BootSetup, error) {
	s, err := c.readSystem(ctx)
	if err != nil {
		return board.BootSetup{}, err
	}
	now, err := c.bootNow(ctx, s)
	if err != nil {
		return board.BootSetup{}, err
	}
	if now.Enabled == "" && now.Target == "" && len(now.Targets) == 0 {
		return board.BootSetup{}, hosting.NewFault(hosting.FaultUnsupported, c.cfg.Server,
			"the BMC at "+c.cfg.Address+" tells of no boot override over Redfish", "use IPMI or the console")
	}
	setup := board.BootSetup{Mode: now.mode(), Devices: c.bootDevices(now)}
	if now.active() {
		setup.Lasting = now.Enabled == string(schemas.ContinuousBootSourceOverrideEnabled)
		if setup.Override = c.deviceOf(now.Target); setup.Override == "" {
			setup.Other = c.quote(now.Target)
		}
	}
	return setup, nil
}

// bootNow is the override of the system. The targets that it accepts stand
// beside it; where they do not, they may stand in the resource to which changes
// are to be sent (Redfish specification, settings resource).
func (c *Client) bootNow(ctx context.Context, s *system) (bootOverride, error) {
	now := overrideOf(s)
	pending := string(s.Settings.SettingsObject)
	if len(now.Targets) > 0 || pending == "" {
		return now, nil
	}
	var settings system
	_, err := c.get(ctx, pending, &settings)
	if hosting.KindOf(err) == hosting.FaultUnsupported {
		return now, nil
	}
	now.Targets = overrideOf(&settings).Targets
	return now, err
}

func overrideOf(s *system) bootOverride {
	boot, err := decodeAs[schemas.Boot](s.Boot, "BootSourceOverrideEnabled", "BootSourceOverrideTarget", "BootSourceOverrideMode", "BootSourceOverrideTarget@Redfish.AllowableValues")
	if err != nil {
		return bootOverride{}
	}
	o := bootOverride{
		Enabled: string(boot.BootSourceOverrideEnabled),
		Target:  string(boot.BootSourceOverrideTarget),
		Mode:    string(boot.BootSourceOverrideMode),
	}
	for _, t := range boot.AllowableBootSourceOverrideTargetValues {
		o.Targets = append(o.Targets, string(t))
	}
	if len(o.Targets) == 0 {
		o.Targets = supportedTargets(s.Boot)
	}
	return o
}

// supportedTargets is the list under the name that it had before Redfish 1.0,
// which HPE iLO 4 still uses.
func supportedTargets(boot []byte) []string {
	var old struct{ BootSourceOverrideSupported []string }
	if decode(boot, &old) != nil {
		return nil
	}
	return old.BootSourceOverrideSupported
}

// active reports whether the override changes the next boot. Some BMCs leave
// the target in place when it is disabled, some the other way round.
func (o bootOverride) active() bool {
	off := []string{"", string(schemas.DisabledBootSourceOverrideEnabled)}
	none := []string{"", string(schemas.NoneBootSource)}
	return !slices.Contains(off, o.Enabled) && !slices.Contains(none, o.Target)
}

func (o bootOverride) mode() board.Mode {
	for mode, word := range bootMode {
		if word == o.Mode {
			return mode
		}
	}
	return board.ModeAny
}

// targetFor is the override target to send for a device, in the BMC's own
// spelling; false where the BMC does not accept it. One that does not tell what
// it accepts is tried.
func (c *Client) targetFor(now bootOverride, d board.Device) (string, bool) {
	for _, t := range c.bootTargets(d) {
		if len(now.Targets) == 0 {
			return t, true
		}
		if i := slices.IndexFunc(now.Targets, func(listed string) bool { return strings.EqualFold(listed, t) }); i >= 0 {
			return now.Targets[i], true
		}
	}
	return "", false
}

// bootDevices are the devices that the override accepts. HTTP boot counts only
// where it is listed: the first version of the schema does not have it, nor do
// many machines of today.
func (c *Client) bootDevices(now bootOverride) []board.Device {
	return slices.DeleteFunc(board.Devices(), func(d board.Device) bool {
		_, ok := c.targetFor(now, d)
		return !ok || len(now.Targets) == 0 && d == board.BootHTTP
	})
}

// deviceOf is the device that a target means on this machine; empty for others.
func (c *Client) deviceOf(target string) board.Device {
	for _, d := range board.Devices() {
		if slices.ContainsFunc(c.bootTargets(d), func(t string) bool { return strings.EqualFold(t, target) }) {
			return d
		}
	}
	return ""
}
