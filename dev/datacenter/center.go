// Package datacenter is a simulated data centre: servers on two sites, each a
// chassis with a Redfish and an IPMI side on loopback and disks that are really
// reinstalled over the network, and the records that say so. It stands in for
// hardware in dev and in end-to-end tests.
package datacenter

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/handrail/handrail/dev/datacenter/chassis"
	"github.com/handrail/handrail/hosting"
)

// DefaultServers is how many servers a center has unless told otherwise: twelve
// on each site, of all vendors.
const DefaultServers = 24

const maxServers = 200

// Config describes a center. The zero value is a center of DefaultServers on
// ports of the system's choice that forgets everything when it is closed.
type Config struct {
	Log *slog.Logger // nil is slog.Default
	// Servers is how many there are: the first so many of the fleet, which
	// begins with a dell, an hpe, a lenovo, a supermicro and a plain one.
	Servers int
	// RedfishPort and IPMIPort are the ports of the first server's BMC on
	// 127.0.0.1 (TCP, UDP); the next server takes the next. 0 lets the system
	// choose.
	RedfishPort, IPMIPort int
	// SSHPort is the port on 127.0.0.1 where the system on the first server's
	// disks answers SSH; the next server takes the next. 0 lets the system choose.
	SSHPort int
	// BootURL is where machines that boot over the network find their boot
	// server: a URL without a path. Empty is none; SetBootURL can give it later.
	BootURL string
	// StateFile keeps chassis states, disks, passwords and certificates over a
	// restart. Empty keeps nothing.
	StateFile string
	// Control is host:port of the control API, on a loopback address. Empty is
	// none; port 0 lets the system choose.
	Control string
	// Timing is how long machines take; nil is chassis.DefaultTiming.
	Timing *chassis.Timing
	// Real is a machine that is not simulated; nil is none.
	Real *Real
	// Now is the clock of the machines; nil is time.Now. Network timeouts and
	// late answers follow real time.
	Now func() time.Time
}

// Center is a data centre that runs.
type Center struct {
	config    Config
	ca        identity
	machines  []*Machine
	customers []hosting.Organization
	bootURL   atomic.Pointer[string]
	keeper    *keeper
	control   *controlServer // nil for none
	stop      context.CancelFunc
	closing   sync.Once
	closed    error
}

// Start starts a center; ctx bounds the starting only. A port in use or a
// broken state file is an error that says which.
func Start(ctx context.Context, config Config) (*Center, error) {
	config, err := config.complete()
	if err != nil {
		return nil, err
	}
	kept, err := readState(config.StateFile)
	if err != nil {
		return nil, err
	}
	life, stop := context.WithCancel(context.Background())
	c := &Center{config: config, customers: organizations(), stop: stop}
	c.SetBootURL(config.BootURL)
	c.keeper = newKeeper(config.StateFile, config.Log, c.state)
	if err := c.build(ctx, life, kept); err != nil {
		c.keeper.abandon()
		return nil, errors.Join(err, c.Close())
	}
	c.keeper.start()
	config.Log.Info("the data centre runs", "servers", len(c.machines))
	return c, nil
}

func (config Config) complete() (Config, error) {
	if config.Servers == 0 {
		config.Servers = DefaultServers
	}
	if config.Servers < 1 || config.Servers > maxServers {
		return config, fmt.Errorf("a data centre of %d servers: between 1 and %d are possible", config.Servers, maxServers)
	}
	if config.Log == nil {
		config.Log = slog.Default()
	}
	if config.Timing == nil {
		config.Timing = new(chassis.DefaultTiming())
	}
	if config.Now == nil {
		config.Now = time.Now
	}
	return config, nil
}

// build makes the machines and switches their BMCs on.
func (c *Center) build(ctx, life context.Context, kept state) (err error) {
	if c.ca, err = kept.CA.orNew(newAuthority); err != nil {
		return fmt.Errorf("certificate authority of the data centre: %w", err)
	}
	plans := fleet(c.config.Servers)
	if err := c.config.checkReal(plans); err != nil {
		return err
	}
	for i, plan := range plans {
		m, err := c.assemble(c.config.adapt(plan), kept.Machines[plan.id])
		if err != nil {
			return err
		}
		c.machines = append(c.machines, m)
		if err := c.startComputer(ctx, m, kept.Machines[plan.id], i); err != nil {
			return err
		}
		if err := m.switchOn(ctx, life, c.config, c.ca, i); err != nil {
			return err
		}
	}
	if c.config.Control != "" {
		c.control, err = serveControl(ctx, life, c.config.Control, c.ControlHandler(), c.config.Log)
	}
	return err
}

// Close stops every BMC, waits until nothing of them runs, and writes the
// state. A second call does nothing.
func (c *Center) Close() error {
	c.closing.Do(func() {
		c.stop()
		errs := make([]error, len(c.machines)+1)
		var all sync.WaitGroup
		if c.control != nil {
			all.Go(func() { errs[len(c.machines)] = c.control.close() })
		}
		for i, m := range c.machines {
			all.Go(func() { errs[i] = m.switchOff() })
		}
		all.Wait()
		c.closed = errors.Join(append(errs, c.keeper.close())...)
	})
	return c.closed
}

// SetBootURL tells where machines find their boot server from now on: a URL
// without a path. Empty is none.
func (c *Center) SetBootURL(to string) {
	to = strings.TrimSuffix(to, "/")
	c.bootURL.Store(&to)
}

// ControlURL is where the control API is served, or empty.
func (c *Center) ControlURL() string {
	if c.control == nil {
		return ""
	}
	return c.control.url
}

// Machines lists the machines in the order of their service ids within a site.
// Virtual servers have none.
func (c *Center) Machines() []*Machine {
	return slices.DeleteFunc(slices.Clone(c.machines), func(m *Machine) bool { return m.chassis == nil })
}

// Machine returns the machine of a service id, or nil where there is none or it
// is virtual.
func (c *Center) Machine(id string) *Machine {
	for _, m := range c.machines {
		if m.server.ServiceID == id && m.chassis != nil {
			return m
		}
	}
	return nil
}

// Servers are the records of all servers, as they are to be seeded. The BMC
// addresses are those of this run.
func (c *Center) Servers() []hosting.Server {
	servers := make([]hosting.Server, len(c.machines))
	for i, m := range c.machines {
		servers[i] = m.server
	}
	return servers
}

// Organizations are the records of the customers, as they are to be seeded.
func (c *Center) Organizations() []hosting.Organization { return slices.Clone(c.customers) }

func (c *Center) state() state {
	s := state{Version: stateVersion, CA: c.ca, Machines: make(map[string]machineState)}
	for _, m := range c.Machines() {
		s.Machines[m.server.ServiceID] = machineState{
			Identity: m.identity, Password: m.password, Chassis: m.chassis.State(), Computer: new(m.computer.State()),
		}
	}
	return s
}
