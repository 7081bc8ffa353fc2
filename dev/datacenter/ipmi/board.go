package ipmi

import (
	"context"

	"github.com/bougou/go-ipmi/pkg/hal"
	"github.com/bougou/go-ipmi/pkg/types"
)

// board is the machine as go-ipmi's server sees it. Power is read here; what
// moves the chassis is answered by control, so those methods refuse.
type board struct {
	config Config
	fru    []byte
}

func (b *board) Chassis() hal.ChassisHAL { return b }
func (b *board) Sensors() hal.SensorHAL  { return nil }
func (b *board) Storage() hal.StorageHAL { return b }
func (b *board) Network() hal.NetworkHAL { return nil }
func (b *board) GPIO() hal.GPIOHAL       { return nil }
func (b *board) I2C() hal.I2CHAL         { return nil }
func (b *board) Console() hal.ConsoleHAL { return nil }
func (b *board) Close() error            { return nil }

// PowerState is on or off: IPMI knows nothing between.
func (b *board) PowerState(context.Context) (bool, error) { return b.config.Chassis.View().On, nil }

// Identify takes the request and has no light to show.
func (b *board) Identify(context.Context, uint8) error { return nil }

func (b *board) SetPower(context.Context, bool) error               { return hal.ErrNotSupported }
func (b *board) PowerCycle(context.Context) error                   { return hal.ErrNotSupported }
func (b *board) ColdReset(context.Context) error                    { return hal.ErrNotSupported }
func (b *board) WarmReset(context.Context) error                    { return hal.ErrNotSupported }
func (b *board) IntrusionState(context.Context) (bool, error)       { return false, hal.ErrNotSupported }
func (b *board) SetBootFlags(context.Context, *flags) error         { return hal.ErrNotSupported }
func (b *board) GetBootFlags(context.Context) (*flags, error)       { return nil, hal.ErrNotSupported }
func (b *board) SetBootInfoAcknowledge(context.Context, *ack) error { return hal.ErrNotSupported }
func (b *board) GetBootInfoAcknowledge(context.Context) (*ack, error) {
	return nil, hal.ErrNotSupported
}

type (
	flags = types.BootOptionParam_BootFlags
	ack   = types.BootOptionParam_BootInfoAcknowledge
)

// FRU and SDR are the stores of the machine's inventory and of its sensors. It
// has no sensor, but an empty repository is what ipmitool tries to fill.
func (b *board) FRU() hal.FRUStore { return fruStore(b.fru) }
func (b *board) SDR() hal.SDRStore { return sdrStore{} }

// fruStore holds the one built-in FRU, and can not be written.
type fruStore []byte

func (f fruStore) Read(_ context.Context, id uint8) ([]byte, error) {
	if id != 0 {
		return nil, hal.ErrNotFound
	}
	return f, nil
}
func (f fruStore) Write(context.Context, uint8, []byte) error { return hal.ErrNotSupported }
func (f fruStore) Delete(context.Context, uint8) error        { return hal.ErrNotSupported }
func (f fruStore) DeviceIDs(context.Context) ([]uint8, error) { return []uint8{0}, nil }

// sdrStore holds one record: where the BMC itself is.
type sdrStore struct{}

const locatorID = 1

func (sdrStore) Read(_ context.Context, id uint16) ([]byte, error) {
	if id != locatorID {
		return nil, hal.ErrNotFound
	}
	return locator(), nil
}
func (sdrStore) Write(context.Context, uint16, []byte) error { return hal.ErrNotSupported }
func (sdrStore) Delete(context.Context, uint16) error        { return hal.ErrNotSupported }
func (sdrStore) RecordIDs(context.Context) ([]uint16, error) { return []uint16{locatorID}, nil }

// locator is a management controller device locator record (IPMI 2.0, section 43.9).
func locator() []byte {
	const (
		version, recordType = 0x51, 0x12
		slaveAddress        = 0x20
		isChassisDevice     = 0x80
		systemBoard         = 0x07
		ascii8              = 0xc0
	)
	name := "BMC"
	body := append([]byte{slaveAddress, 0, 0, isChassisDevice, 0, 0, 0, systemBoard, 1, 0, ascii8 | byte(len(name))}, name...)
	return append([]byte{locatorID, 0, version, recordType, byte(len(body))}, body...)
}
