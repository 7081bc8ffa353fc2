package datacenter

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/handrail/handrail/dev/datacenter/chassis"
	"github.com/handrail/handrail/dev/datacenter/computer"
	"github.com/handrail/handrail/dev/datacenter/vendor"
	"github.com/handrail/handrail/hosting"
)

// Guest is a machine behind the BMC of a server that is not simulated. It
// follows the chassis that it was made with: it is on when the chassis is, boots
// from what the chassis says, and tells the chassis what it does by itself.
type Guest interface {
	// Run follows the chassis until ctx ends, and leaves the machine off.
	Run(ctx context.Context)
	// Wake tells that the chassis has changed. It does not block.
	Wake()
	// SSHAddress is host:port where the installed system answers SSH, the same
	// for as long as the guest is there.
	SSHAddress() string
}

// Real puts a guest behind the BMC of a server, in place of a simulated machine.
// The faults of machines do not reach it, those of BMCs do.
type Real struct {
	// Server is the service id. The server has a BMC.
	Server string
	// Protocols are what its BMC speaks; empty is what it speaks otherwise.
	Protocols []hosting.Protocol
	// DriveBytes is the size of each of its drives, as its BMC tells it.
	DriveBytes int64
	// Make makes the guest, which is off: with the drives and the network card
	// that are built in, for its BMC lists just those. ctx bounds the making.
	Make func(ctx context.Context, built vendor.Hardware, bmc *chassis.Chassis, log *slog.Logger) (Guest, error)
}

// untilItDoes is how long a graceful off of a guest takes unless the guest obeys:
// longer than anybody waits.
const untilItDoes = 24 * time.Hour

// realMachine returns what is behind the BMC of a server, or nil where it is
// simulated.
func (config Config) realMachine(id string) *Real {
	if config.Real == nil || config.Real.Server != id {
		return nil
	}
	return config.Real
}

// checkReal reports a guest without a server for it.
func (config Config) checkReal(plans []plan) error {
	if config.Real == nil {
		return nil
	}
	id := config.Real.Server
	if !slices.ContainsFunc(plans, func(p plan) bool { return p.id == id && p.profile != nil }) {
		return fmt.Errorf("a real machine behind the BMC of %s: there is no such BMC in a data centre of %d servers", id, len(plans))
	}
	return nil
}

// timingOf is how long a machine takes. A real one shuts down when its operating
// system does, not by the clock.
func (config Config) timingOf(id string) chassis.Timing {
	timing := *config.Timing
	if config.realMachine(id) != nil {
		timing.GracefulOff = untilItDoes
	}
	return timing
}

// adapt makes a plan that of a real machine, where it is to be one: a real one has
// one network card.
func (config Config) adapt(p plan) plan {
	real := config.realMachine(p.id)
	if real == nil {
		return p
	}
	p.parts.nics, p.parts.drive.Bytes = 1, real.DriveBytes
	if len(real.Protocols) > 0 {
		p.protocols = real.Protocols
	}
	return p
}

// insides are what runs behind the BMC of a machine.
type insides interface {
	Start()
	Close() error
	Wake()
	Address() string
	State() computer.State
	Run() computer.Run
}

// guest runs a Guest as the insides of a machine.
type guest struct {
	Guest
	stop    context.CancelFunc
	running sync.WaitGroup
}

func newGuest(ctx context.Context, m *Machine, real *Real) (*guest, error) {
	inside, err := real.Make(ctx, m.hardware, m.chassis, m.log)
	if err != nil {
		return nil, fmt.Errorf("the real machine behind the BMC of %s: %w", m.ID(), err)
	}
	return &guest{Guest: inside, stop: func() {}}, nil
}

// Start lets the guest follow its chassis, until Close.
func (g *guest) Start() {
	ctx, stop := context.WithCancel(context.Background())
	g.stop = stop
	g.running.Go(func() { g.Guest.Run(ctx) })
}

// Close returns when the guest is off.
func (g *guest) Close() error {
	g.stop()
	g.running.Wait()
	return nil
}

// Address is host:port where the guest answers SSH.
func (g *guest) Address() string { return g.SSHAddress() }

// State is empty: what is on a real disk is there, and nowhere else.
func (*guest) State() computer.State { return computer.State{} }

// Run is empty: what a real machine does shows on its console.
func (*guest) Run() computer.Run { return computer.Run{} }
