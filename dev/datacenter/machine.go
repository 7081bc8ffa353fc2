package datacenter

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"

	"golang.org/x/net/netutil"

	"github.com/handrail/handrail/dev/datacenter/chassis"
	"github.com/handrail/handrail/dev/datacenter/fault"
	"github.com/handrail/handrail/dev/datacenter/ipmi"
	"github.com/handrail/handrail/dev/datacenter/redfish"
	"github.com/handrail/handrail/dev/datacenter/vendor"
	"github.com/handrail/handrail/hosting"
)

// Machine is one dedicated server with its BMC.
type Machine struct {
	plan     plan
	server   hosting.Server
	hardware vendor.Hardware
	identity identity
	password string
	chassis  *chassis.Chassis
	computer insides
	faults   fault.Set
	log      *slog.Logger

	service *redfish.Service
	web     *http.Server
	serving sync.WaitGroup // the web server's Serve
	gate    gate
	bmc     *ipmi.BMC
}

// ID is the service id.
func (m *Machine) ID() string { return m.server.ServiceID }

// Server is the machine's record.
func (m *Machine) Server() hosting.Server { return m.server }

// Vendor is the name of the profile: dell, hpe, lenovo, supermicro, plain.
func (m *Machine) Vendor() string { return m.hardware.Name }

// Hardware is what is built in.
func (m *Machine) Hardware() vendor.Hardware { return m.hardware }

// Credentials are the BMC's user and password.
func (m *Machine) Credentials() (user, password string) { return m.hardware.User, m.password }

// Address is host:port of a protocol, or empty where the BMC does not speak it.
func (m *Machine) Address(p hosting.Protocol) string {
	i := slices.IndexFunc(m.server.BMC.Endpoints, func(e hosting.BMCEndpoint) bool { return e.Protocol == p })
	if i < 0 {
		return ""
	}
	return m.server.BMC.Endpoints[i].Address
}

// Power is what the machine does, whatever its BMC says.
func (m *Machine) Power() hosting.PowerState { return m.chassis.View().Phase }

// SetPower switches the machine on or off at once, as from inside its operating
// system. It is no reset of the BMC.
func (m *Machine) SetPower(on bool) { m.chassis.SetPower(on) }

// View is the whole state of the chassis.
func (m *Machine) View() chassis.View { return m.chassis.View() }

// Resets are the resets that the BMC received since the start, oldest first.
func (m *Machine) Resets() []chassis.Reset { return m.chassis.Resets() }

// SetFault switches a fault on. Unknown faults and parameters are an
// InvalidRequest.
func (m *Machine) SetFault(f fault.Fault) error {
	if err := m.faults.Put(f); err != nil {
		return err
	}
	m.log.Info("fault on", "fault", f.Name)
	return nil
}

// ClearFault switches a fault off and reports whether it was on.
func (m *Machine) ClearFault(n fault.Name) bool { return m.faults.Clear(n) }

// ClearFaults switches all faults off.
func (m *Machine) ClearFaults() { m.faults.ClearAll() }

// Faults lists the faults that are on.
func (m *Machine) Faults() []fault.Fault { return m.faults.List() }

// Requests is how many HTTP requests the Redfish service has received.
func (m *Machine) Requests() int64 {
	if m.service == nil {
		return 0
	}
	return m.service.Requests()
}

// Sessions is how many Redfish sessions are open.
func (m *Machine) Sessions() int {
	if m.service == nil {
		return 0
	}
	return m.service.OpenSessions()
}

// assemble makes a machine, as it was left where that is known.
func (c *Center) assemble(p plan, kept machineState) (m *Machine, err error) {
	m = &Machine{plan: p, server: p.record(), log: c.config.Log.With("server", p.id)}
	if p.profile == nil {
		return m, nil
	}
	m.hardware = p.profile.Build(p.order())
	if m.password = kept.Password; m.password == "" {
		m.password = rand.Text()[:16] // IPMI 2.0 takes at most 20 bytes
		kept.Chassis = chassis.State{On: !p.off, Mode: "UEFI"}
		if p.profile.Starts == hosting.FirmwareLegacy {
			kept.Chassis.Mode = "Legacy"
		}
	}
	var signer *identity
	if p.trust == authority {
		signer = &c.ca
	}
	m.identity, err = kept.Identity.orNew(func() (identity, error) { return newBMC(p.hostName(), signer) })
	if err != nil {
		return nil, fmt.Errorf("BMC of %s: %w", p.id, err)
	}
	m.server.MACs, m.server.Firmware = m.hardware.MACs, m.hardware.Starts
	m.chassis = chassis.New(kept.Chassis, c.config.timingOf(p.id), &m.faults, c.config.Now, func() {
		c.keeper.changed()
		m.computer.Wake()
	})
	return m, nil
}

// switchOn starts the BMC's protocols, the nth of the center.
func (m *Machine) switchOn(ctx, life context.Context, config Config, ca identity, nth int) error {
	for _, p := range m.plan.protocols {
		start, port := m.startRedfish, config.RedfishPort
		if p == hosting.IPMI {
			start, port = m.startIPMI, config.IPMIPort
		}
		if port != 0 {
			port += nth
		}
		address, err := start(ctx, life, config, net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
		if err != nil {
			return fmt.Errorf("%s of the BMC of %s: %w", p, m.ID(), err)
		}
		m.server.BMC.Endpoints = append(m.server.BMC.Endpoints, m.endpoint(p, address, ca))
	}
	return nil
}

const maxConnections = 64

func (m *Machine) startRedfish(ctx, life context.Context, config Config, address string) (string, error) {
	cert, err := m.identity.pair()
	if err != nil {
		return "", err
	}
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", address)
	if err != nil {
		return "", err
	}
	user, password := m.Credentials()
	m.service = redfish.New(redfish.Config{
		Hardware: m.hardware, Chassis: m.chassis, Faults: &m.faults, User: user, Password: password, Now: config.Now, Log: m.log,
	})
	var protocols http.Protocols
	protocols.SetHTTP1(true) // as BMCs
	m.web = &http.Server{
		Handler: m.gate.guard(m.service), Protocols: &protocols, MaxHeaderBytes: 16 << 10, BaseContext: func(net.Listener) context.Context { return life },
		ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 30 * time.Second, WriteTimeout: 15 * time.Minute, IdleTimeout: time.Minute,
		TLSConfig: &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12},
		ErrorLog:  slog.NewLogLogger(m.log.Handler(), slog.LevelDebug),
	}
	m.serving.Go(func() { _ = m.web.ServeTLS(netutil.LimitListener(l, maxConnections), "", "") })
	return l.Addr().String(), nil
}

func (m *Machine) startIPMI(ctx, _ context.Context, _ Config, address string) (string, error) {
	conn, err := new(net.ListenConfig).ListenPacket(ctx, "udp", address)
	if err != nil {
		return "", err
	}
	user, password := m.Credentials()
	m.bmc, err = ipmi.Serve(conn.(*net.UDPConn), ipmi.Config{
		Hardware: m.hardware, Chassis: m.chassis, Faults: &m.faults, User: user, Password: password, Log: m.log,
	})
	if err != nil {
		return "", err
	}
	return conn.LocalAddr().String(), nil
}

func (m *Machine) switchOff() error {
	var web, bmc, host error
	if m.computer != nil {
		host = m.computer.Close()
	}
	if m.web != nil {
		web = m.web.Close()
		m.serving.Wait()
		m.gate.shut()
	}
	if m.bmc != nil {
		bmc = m.bmc.Close()
	}
	return errors.Join(host, web, bmc)
}
