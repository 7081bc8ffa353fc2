package ipmi

import (
	"context"
	"log/slog"
	"sync"
	"time"

	command "github.com/bougou/go-ipmi/pkg/command/chassis"
	"github.com/bougou/go-ipmi/pkg/handlers"
	"github.com/bougou/go-ipmi/pkg/types"

	"github.com/handrail/handrail/dev/datacenter/chassis"
	"github.com/handrail/handrail/hosting"
)

// control answers the commands that move the chassis.
type control struct {
	chassis *chassis.Chassis
	log     *slog.Logger

	mu       sync.Mutex
	progress byte // parameter 0, set in progress
	keep     byte // parameter 3, when not to clear the valid bit
	ack      [2]byte
}

// controls is Chassis Control (IPMI 2.0, table 28-4).
var controls = map[command.ChassisControl]struct {
	action chassis.Action
	kind   string
}{
	command.ChassisControlPowerDown:           {chassis.ForcedOff, "chassis power down"},
	command.ChassisControlPowerUp:             {chassis.On, "chassis power up"},
	command.ChassisControlPowerCycle:          {chassis.Cycle, "chassis power cycle"},
	command.ChassisControlHardReset:           {chassis.ForcedRestart, "chassis hard reset"},
	command.ChassisControlDiagnosticInterrupt: {chassis.Diagnose, "chassis diagnostic interrupt"},
	command.ChassisControlSoftShutdown:        {chassis.GracefulOff, "chassis soft shutdown"},
}

// chassisControl accepts every known control: a machine that is where it is
// told to go, or can not go there, is not an error in IPMI.
func (c *control) chassisControl(_ context.Context, _ *handlers.HandlerContext, data []byte) ([]byte, types.CompletionCode, error) {
	if len(data) < 1 {
		return nil, types.CodeRequestDataTruncated, nil
	}
	what, known := controls[command.ChassisControl(data[0]&0x0f)]
	if !known {
		return nil, types.CodeParameterOutOfRange, nil
	}
	effect := c.chassis.Reset(chassis.Reset{Via: hosting.IPMI, Kind: what.kind, Action: what.action})
	c.log.Info("reset", "kind", what.kind, "via", hosting.IPMI, "effect", effect)
	return nil, types.CodeOK, nil
}

// devices are boot devices (IPMI 2.0, table 28-14, parameter 5) in Redfish's
// words. Of two with one word the first is shown.
var devices = []struct {
	device types.BootDeviceSelector
	target string
}{
	{types.BootDeviceSelectorNoOverride, "None"},
	{types.BootDeviceSelectorForcePXE, "Pxe"},
	{types.BootDeviceSelectorForceHardDrive, "Hdd"},
	{types.BootDeviceSelectorForceHardDriveSafe, "Hdd"},
	{types.BootDeviceSelectorForceDiagnosticPartition, "Diags"},
	{types.BootDeviceSelectorForceCDROM, "Cd"},
	{types.BootDeviceSelectorForceRemoteCDROM, "UsbCd"},
	{types.BootDeviceSelectorForceBIOSSetup, "BiosSetup"},
	{types.BootDeviceSelectorForceFloppy, "Usb"},
}

// keepOnTimeout is the bit of parameter 3 that keeps the boot flags valid
// although no chassis control command follows within a minute.
const keepOnTimeout = 0x08

// cannotNow is completion code D5h: not in the present state.
const cannotNow = types.CodeNotSupported

func (c *control) setBootOptions(_ context.Context, _ *handlers.HandlerContext, data []byte) ([]byte, types.CompletionCode, error) {
	if len(data) < 1 {
		return nil, types.CodeRequestDataTruncated, nil
	}
	selector, value := types.BootOptionParamSelector(data[0]&0x7f), data[1:]
	if len(value) == 0 {
		return nil, types.CodeOK, nil // only the parameter's valid bit
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	switch selector {
	case types.BootOptionParamSelector_SetInProgress:
		c.progress = value[0] & 0x03
	case types.BootOptionParamSelector_BMCBootFlagValidBitClear:
		c.keep = value[0] & 0x1f
	case types.BootOptionParamSelector_BootInfoAcknowledge:
		copy(c.ack[:], value)
	case types.BootOptionParamSelector_BootFlags:
		return nil, c.setBootFlags(value), nil
	default:
		return nil, types.CodeParameterNotSupported, nil
	}
	return nil, types.CodeOK, nil
}

func (c *control) setBootFlags(data []byte) types.CompletionCode {
	var flags types.BootOptionParam_BootFlags
	if flags.Unpack(data) != nil {
		return types.CodeRequestDataLengthInvalid
	}
	o := chassis.Override{Target: target(flags.BootDeviceSelector), Enabled: "Once", Mode: "Legacy"}
	switch {
	case o.Target == "":
		return types.CodeRequestDataFieldInvalid
	case !flags.BootFlagsValid || o.Target == "None":
		o.Target, o.Enabled = "None", "Disabled"
	case flags.Persist:
		o.Enabled = "Continuous"
	}
	if flags.BIOSBootType == types.BIOSBootTypeEFI {
		o.Mode = "UEFI"
	}
	if after := c.chassis.Timing().BootFlags; o.Enabled == "Once" && c.keep&keepOnTimeout == 0 && after > 0 {
		o.Expires = c.chassis.View().Now.Add(after)
	}
	if !c.chassis.SetOverride(hosting.IPMI, o) {
		return cannotNow
	}
	c.log.Info("boot override", "via", hosting.IPMI, "target", o.Target, "enabled", o.Enabled, "expires", expiry(o))
	return types.CodeOK
}

func expiry(o chassis.Override) string {
	if o.Expires.IsZero() {
		return "never"
	}
	return o.Expires.UTC().Format(time.RFC3339)
}

func (c *control) getBootOptions(_ context.Context, _ *handlers.HandlerContext, data []byte) ([]byte, types.CompletionCode, error) {
	if len(data) < 1 {
		return nil, types.CodeRequestDataTruncated, nil
	}
	selector := types.BootOptionParamSelector(data[0] & 0x7f)
	c.mu.Lock()
	defer c.mu.Unlock()
	var value []byte
	switch selector {
	case types.BootOptionParamSelector_SetInProgress:
		value = []byte{c.progress}
	case types.BootOptionParamSelector_BMCBootFlagValidBitClear:
		value = []byte{c.keep}
	case types.BootOptionParamSelector_BootInfoAcknowledge:
		value = c.ack[:]
	case types.BootOptionParamSelector_BootFlags:
		value = bootFlags(c.chassis.View().Override)
	default:
		return nil, types.CodeParameterNotSupported, nil
	}
	const version = 1 // of the parameters (IPMI 2.0, table 28-13)
	return append([]byte{version, byte(selector)}, value...), types.CodeOK, nil
}

func bootFlags(o chassis.Override) []byte {
	flags := types.BootOptionParam_BootFlags{
		BootFlagsValid: o.Enabled != "Disabled", Persist: o.Enabled == "Continuous", BIOSBootType: types.BIOSBootType(o.Mode == "UEFI"),
	}
	for _, d := range devices {
		if d.target == o.Target {
			flags.BootDeviceSelector = d.device
			break
		}
	}
	return flags.Pack()
}

func target(device types.BootDeviceSelector) string {
	for _, d := range devices {
		if d.device == device {
			return d.target
		}
	}
	return ""
}
