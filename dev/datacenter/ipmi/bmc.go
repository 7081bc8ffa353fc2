// Package ipmi is the IPMI 2.0 side of a simulated BMC: RMCP+ over UDP on
// go-ipmi's server, with the chassis behind it that Redfish shows as well.
package ipmi

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"time"

	"github.com/bougou/go-ipmi/pkg/bmc"
	"github.com/bougou/go-ipmi/pkg/clock"
	"github.com/bougou/go-ipmi/pkg/handlers"
	"github.com/bougou/go-ipmi/pkg/server"
	"github.com/bougou/go-ipmi/pkg/types"

	"github.com/handrail/handrail/dev/datacenter/chassis"
	"github.com/handrail/handrail/dev/datacenter/fault"
	"github.com/handrail/handrail/dev/datacenter/vendor"
)

// Config is what a BMC is made of. All of it is needed.
type Config struct {
	Hardware vendor.Hardware
	Chassis  *chassis.Chassis
	Faults   *fault.Set
	User     string // at most 16 bytes
	Password string // at most 20 bytes
	Log      *slog.Logger
}

// BMC is a BMC that serves.
type BMC struct {
	server *server.Server
	wire   *wire
	done   chan struct{}
}

const (
	adminSlot  = 2 // slot 1 is the anonymous user
	lanChannel = 1
	// sessions is more than real ones have: a client that was killed holds its
	// session for a minute, and tests kill clients.
	sessions = 32
)

// Serve starts a BMC on conn, which it owns from then on.
func Serve(conn *net.UDPConn, c Config) (*BMC, error) {
	fru, err := inventory(c.Hardware)
	if err != nil {
		_ = conn.Close()
		return nil, fmt.Errorf("FRU inventory of %s: %w", c.Hardware.Host, err)
	}
	b := bmc.New(deviceInfo(c.Hardware), guid(c.Hardware.UUID), &board{config: c, fru: fru}, bmc.WithV15Disabled(),
		bmc.WithCipherSuites([]types.CipherSuiteID{types.CipherSuiteID3, types.CipherSuiteID17}))
	if err := addAdministrator(b, c.User, c.Password); err != nil {
		_ = conn.Close()
		return nil, fmt.Errorf("IPMI user %s of %s: %w", c.User, c.Hardware.Host, err)
	}
	b.Sessions = bmc.NewSessionStoreWithOptions(clock.Real, bmc.WithMaxSessions(sessions))
	b.Sessions.SetOnRemove(b.SOL.DeactivateBySession)

	w := newWire(conn, c.Faults)
	s := &BMC{server: server.NewServer(b, w, server.WithHandlerRegistry(registry(c))), wire: w, done: make(chan struct{})}
	go func() {
		defer close(s.done)
		_ = s.server.Serve(context.Background()) // ends when the wire is closed
	}()
	return s, nil
}

// Close stops the BMC and waits for what it was doing.
func (b *BMC) Close() error {
	err := b.server.Close()
	<-b.done
	b.wire.wait()
	return err
}

func addAdministrator(b *bmc.BMC, user, password string) error {
	if len(user) > bmc.MaxUserNameLen || len(password) > bmc.MaxPasswordLen {
		return fmt.Errorf("user or password too long for IPMI (%d and %d bytes)", bmc.MaxUserNameLen, bmc.MaxPasswordLen)
	}
	if err := b.Users.Update(1, func(u *bmc.User) error { u.Enabled = false; return nil }); err != nil {
		return err
	}
	admin, err := b.Users.Add(adminSlot, user)
	if err != nil {
		return err
	}
	admin.SetPassword([]byte(password))
	admin.Enabled = true
	admin.ChannelAccess[lanChannel] = bmc.UserChannelAccess{MaxPrivilege: bmc.PrivilegeLevelAdministrator, Enabled: true}
	return nil
}

func deviceInfo(h vendor.Hardware) bmc.DeviceInfo {
	return bmc.DeviceInfo{
		DeviceID: 0x20, DeviceRevision: 1, FirmwareMajor: 2, FirmwareMinor: 0x10, IPMIVersion: 0x20,
		ManufacturerID: h.EnterpriseID, ProductID: h.ProductID,
		AdditionalDeviceSupport: 0x80, // chassis device (IPMI 2.0, table 20-2)
	}
}

// guid turns a UUID around, for IPMI sends the least significant byte first
// (IPMI 2.0, section 20.8).
func guid(uuid [16]byte) (g [16]byte) {
	for i, b := range uuid {
		g[len(g)-1-i] = b
	}
	return g
}

// inventory is the FRU area of the machine (Platform Management FRU v1.0).
func inventory(h vendor.Hardware) ([]byte, error) {
	return types.PackFRU(types.FRUPackConfig{
		Chassis: &types.FRUPackChassis{Type: 0x17, PartNumber: h.Model, Serial: h.Serial}, // rack mount chassis
		Board: &types.FRUPackBoard{
			MfgDate: time.Date(2024, 3, 1, 0, 0, 0, 0, time.UTC), Mfg: h.Manufacturer, Product: h.Model, Serial: h.Serial, PartNumber: h.Model,
		},
		Product: &types.FRUPackProduct{Manufacturer: h.Manufacturer, Name: h.Model, PartModel: h.Model, Version: h.BIOS, Serial: h.Serial},
	})
}

// registry is go-ipmi's commands with those replaced that touch the chassis:
// go-ipmi's own send a reset of the BMC to the machine, and keep no boot flags
// that expire.
func registry(c Config) *handlers.Registry {
	r := handlers.NewRegistry()
	handlers.RegisterAllHandlers(r)
	ctl := &control{chassis: c.Chassis, log: c.Log}
	r.RegisterFunc(types.CommandChassisControl, ctl.chassisControl)
	r.RegisterFunc(types.CommandSetSystemBootOptions, ctl.setBootOptions)
	r.RegisterFunc(types.CommandGetSystemBootOptions, ctl.getBootOptions)
	r.RegisterFunc(types.CommandColdReset, resetBMC)
	r.RegisterFunc(types.CommandWarmReset, resetBMC)
	return r
}

// resetBMC restarts the BMC, which is over at once and does not touch the machine.
func resetBMC(context.Context, *handlers.HandlerContext, []byte) ([]byte, types.CompletionCode, error) {
	return nil, types.CodeOK, nil
}
