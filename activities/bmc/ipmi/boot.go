package ipmi

import (
	"context"
	"errors"
	"fmt"

	"github.com/bougou/go-ipmi/pkg/client"
	"github.com/bougou/go-ipmi/pkg/types"

	"github.com/handrail/handrail/activities/bmc/board"
	"github.com/handrail/handrail/hosting"
)

// selectors are the boot device selectors (IPMI v2.0, table 28-14, parameter
// 5). There is none for HTTP boot.
var selectors = map[board.Device]types.BootDeviceSelector{
	board.BootPXE:  types.BootDeviceSelectorForcePXE,
	board.BootCD:   types.BootDeviceSelectorForceCDROM,
	board.BootDisk: types.BootDeviceSelectorForceHardDrive,
	board.BootBIOS: types.BootDeviceSelectorForceBIOSSetup,
}

// keepFlags tells the BMC to keep the boot flags until the next boot: many
// clear them 60 s after they were set, before a slow machine gets there.
var keepFlags = &types.BootOptionParam_BMCBootFlagValidBitClear{DontClearOnCommandReceivedTimeout: true}

// remoteCD is the virtual CD where a BMC tells it from a real one; it is not
// set, as fewer machines know it.
const remoteCD = types.BootDeviceSelectorForceRemoteCDROM

// errNotReadBack is a change that was taken but does not show.
var errNotReadBack = errors.New("not read back")

// SetBootOnce sets the boot flags for the next boot and reads them back.
func (c *Client) SetBootOnce(ctx context.Context, boot board.Boot) (board.BootState, error) {
	selector, ok := selectors[boot.Device]
	if !ok {
		return board.BootState{}, hosting.NewFault(hosting.FaultUnsupported, c.cfg.Server, "IPMI can not override the boot to "+string(boot.Device), "use Redfish, or choose another device")
	}
	flags, err := c.setFlags(ctx, selector, boot.Mode)
	if err != nil {
		return board.BootState{}, err
	}
	state := board.BootState{Target: flags.BootDeviceSelector.String(), Mode: modeOf(flags)}
	if !flags.BootFlagsValid {
		state.Note = "the BMC does not show the boot flags as valid; look whether the machine boots from " + string(boot.Device)
	}
	return state, nil
}

// ReadBoot reads the boot flags (parameter 5).
func (c *Client) ReadBoot(ctx context.Context) (board.BootSetup, error) {
	flags, err := c.readFlags(ctx)
	if err != nil {
		return board.BootSetup{}, c.fault("reading the boot device", err)
	}
	return setupOf(flags), nil
}

// setupOf says what boot flags mean. Those that are not valid are no override:
// the bit is cleared when they have been used, and the device stays in place. As
// some BMCs never show it, that is noted.
func setupOf(flags *types.BootOptionParam_BootFlags) board.BootSetup {
	var setup board.BootSetup
	for _, d := range board.Devices() {
		if _, ok := selectors[d]; ok {
			setup.Devices = append(setup.Devices, d)
		}
	}
	selector := fmt.Sprintf("%s (selector %Xh)", flags.BootDeviceSelector, uint8(flags.BootDeviceSelector))
	switch {
	case flags.BootDeviceSelector == types.BootDeviceSelectorNoOverride:
		return setup
	case !flags.BootFlagsValid:
		setup.Note = "the boot flags still name " + selector + ", but not as valid"
		return setup
	}
	setup.Mode, setup.Lasting = modeOf(flags), flags.Persist
	if setup.Override = deviceOf(flags.BootDeviceSelector); setup.Override == "" {
		setup.Other = selector
	}
	return setup
}

func deviceOf(selector types.BootDeviceSelector) board.Device {
	if selector == remoteCD {
		return board.BootCD
	}
	for device, s := range selectors {
		if s == selector {
			return device
		}
	}
	return ""
}

func (c *Client) readFlags(ctx context.Context) (*types.BootOptionParam_BootFlags, error) {
	flags := &types.BootOptionParam_BootFlags{}
	return flags, c.call(ctx, func(ctx context.Context, s *client.Client) error {
		return s.GetSystemBootOptionsParamFor(ctx, flags)
	})
}

// ClearBoot sets the boot flags to no override, unless they name no device
// anyway: written flags are valid ones, whose firmware mode a machine may obey.
// It is safe to repeat.
func (c *Client) ClearBoot(ctx context.Context) error {
	flags, err := c.readFlags(ctx)
	if err != nil && !isRefused(err) {
		return c.fault("reading the boot device", err)
	}
	if err == nil && flags.BootDeviceSelector == types.BootDeviceSelectorNoOverride {
		return nil
	}
	_, err = c.setFlags(ctx, types.BootDeviceSelectorNoOverride, board.ModeAny)
	return err
}

func modeOf(f *types.BootOptionParam_BootFlags) board.Mode {
	if f.BIOSBootType == types.BIOSBootTypeEFI {
		return board.ModeUEFI
	}
	return board.ModeLegacy
}

// setFlags writes parameter 3, then 5, and reads 5 back.
func (c *Client) setFlags(ctx context.Context, selector types.BootDeviceSelector, mode board.Mode) (*types.BootOptionParam_BootFlags, error) {
	got := &types.BootOptionParam_BootFlags{}
	err := c.call(ctx, func(ctx context.Context, s *client.Client) error {
		was := &types.BootOptionParam_BootFlags{}
		if err := s.GetSystemBootOptionsParamFor(ctx, was); err != nil && !isRefused(err) {
			return err
		}
		want := &types.BootOptionParam_BootFlags{BootFlagsValid: true, BootDeviceSelector: selector, BIOSBootType: was.BIOSBootType}
		if mode != board.ModeAny {
			want.BIOSBootType = types.BIOSBootType(mode == board.ModeUEFI)
		}
		// A BMC without parameter 3 has no time-out to switch off.
		if err := s.SetSystemBootOptionsParamFor(ctx, keepFlags); err != nil && !isRefused(err) {
			return err
		}
		if err := s.SetSystemBootOptionsParamFor(ctx, want); err != nil {
			return err
		}
		if err := s.GetSystemBootOptionsParamFor(ctx, got); err != nil {
			return err
		}
		if got.BootDeviceSelector != selector || mode != board.ModeAny && modeOf(got) != mode {
			return errNotReadBack
		}
		return nil
	})
	if errors.Is(err, errNotReadBack) {
		return nil, hosting.NewFault(hosting.FaultUnmoved, c.cfg.Server,
			fmt.Sprintf("the BMC at %s took the boot flags over IPMI but reads back %s, %s", c.cfg.Address, got.BootDeviceSelector, modeOf(got)),
			"set the boot device over Redfish or at the console")
	}
	if err != nil {
		return nil, c.fault("setting the boot device", err)
	}
	return got, nil
}
