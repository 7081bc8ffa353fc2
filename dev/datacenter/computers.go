package datacenter

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"path/filepath"
	"strconv"

	"github.com/handrail/handrail/dev/datacenter/computer"
)

// startComputer makes what is behind the machine's BMC run, as it was left where
// that is known.
func (c *Center) startComputer(ctx context.Context, m *Machine, kept machineState, nth int) error {
	if m.chassis == nil {
		return nil
	}
	inside, err := c.insidesOf(ctx, m, kept, nth)
	if err != nil {
		return err
	}
	m.computer = inside
	m.computer.Start()
	return nil
}

func (c *Center) insidesOf(ctx context.Context, m *Machine, kept machineState, nth int) (insides, error) {
	if real := c.config.realMachine(m.ID()); real != nil {
		return newGuest(ctx, m, real)
	}
	port := c.config.SSHPort
	if port != 0 {
		port += nth
	}
	state, err := m.disks(kept)
	if err != nil {
		return nil, fmt.Errorf("disks of %s: %w", m.ID(), err)
	}
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	if err != nil {
		return nil, fmt.Errorf("SSH of %s: %w", m.ID(), err)
	}
	return computer.New(state, computer.Config{
		MACs: m.hardware.MACs, Firmware: m.hardware.Starts, Chassis: m.chassis, Faults: &m.faults,
		BootURL: func() string { return *c.bootURL.Load() }, SSH: l, Now: c.config.Now, Log: m.log, Changed: c.keeper.changed,
	}), nil
}

// disks are those of the machine with what is on them; as delivered where that
// is not known, or where other disks are built in now.
func (m *Machine) disks(kept machineState) (computer.State, error) {
	serials := make([]string, len(m.hardware.Drives))
	for i, d := range m.hardware.Drives {
		serials[i] = d.Serial
	}
	if s := kept.Computer; s != nil && s.Has(serials) {
		return *s, nil
	}
	return computer.Delivered(serials, m.server.HostName, handedOver.AddDate(0, 0, m.plan.nth), m.View().Boots)
}

// SSHAddress is host:port where the system on the machine's disks answers SSH.
// It is the same for as long as the center runs.
func (m *Machine) SSHAddress() string { return m.computer.Address() }

// HostKey is the public SSH host key of the system on the disks, as known_hosts
// holds it ("ssh-ed25519 AAAA..."); empty where none boots.
func (m *Machine) HostKey() string { return m.computer.State().HostKey() }

// Disks lists the disks with what is on them, in the order of the bays.
func (m *Machine) Disks() []computer.Disk { return m.computer.State().Disks }

// Wipes lists every disk that lost its content, oldest first.
func (m *Machine) Wipes() []computer.Wipe { return m.computer.State().Wipes }

// Boots lists the last boots that came past the self-test, oldest first.
func (m *Machine) Boots() []computer.Boot { return m.computer.State().Boots }

// Run is what the machine does since its last boot. Its phase is empty while
// the machine is off or in its self-test.
func (m *Machine) Run() computer.Run { return m.computer.Run() }

// Reach says where the addresses of the customers' machines are on this one:
// "192.0.2.1:22" to "127.0.0.1:40001".
func (c *Center) Reach() map[string]string {
	table := make(map[string]string)
	for _, m := range c.Machines() {
		table[net.JoinHostPort(m.server.PrimaryIP, "22")] = m.SSHAddress()
	}
	return table
}

// WriteReach writes Reach as a JSON object into a file that only its owner may
// read.
func (c *Center) WriteReach(file string) error {
	raw, err := json.MarshalIndent(c.Reach(), "", "\t")
	if err == nil {
		err = replaceFile(filepath.Clean(file), raw)
	}
	if err != nil {
		return fmt.Errorf("write where the machines are reached: %w", err)
	}
	return nil
}
