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

// ClearBoot sets the boot flags to no override. It is safe to repeat.
func (c *Client) ClearBoot(ctx context.Context) error {
	_, err := c.setFlags(ctx, types.BootDeviceSelectorNoOverride, board.ModeAny)
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
