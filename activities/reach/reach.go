// Package reach looks at an installed system from outside: which SSH host keys
// it shows, and proves to hold. Nobody logs in.
//
// What answers may be anybody, so a look is bounded in time, bytes and
// connections, and what the peer says is cut and cleaned before it gets into an
// error or a history.
package reach

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"time"

	"github.com/handrail/handrail/hosting"
)

// DefaultTimeout bounds a look.
const DefaultTimeout = 20 * time.Second

// maxTimeout keeps a look shorter than any activity's timeout.
const maxTimeout = time.Minute

// Longest is how long an activity may take, for its start-to-close timeout.
const Longest = maxTimeout + 10*time.Second

// sshPort is where SSH listens (RFC 4253, section 4.1).
const sshPort = 22

// Config says how systems are reached.
type Config struct {
	// Through leads to networks behind address translation; empty where the
	// worker reaches the servers' addresses themselves.
	Through Table
	// Timeout bounds one look, all of its connections together; 0 is
	// DefaultTimeout, a minute the most.
	Timeout time.Duration
}

// Activities look at systems. They are safe for concurrent use.
type Activities struct {
	config Config
	dial   func(ctx context.Context, network, address string) (net.Conn, error)
}

// New returns the activities, or says what is wrong with the configuration.
func New(c Config) (*Activities, error) {
	through, err := c.Through.normal()
	if err != nil {
		return nil, err
	}
	c.Through = through
	switch {
	case c.Timeout == 0:
		c.Timeout = DefaultTimeout
	case c.Timeout < 0 || c.Timeout > maxTimeout:
		return nil, fmt.Errorf("the time for a look at a system is %s: give up to %s", c.Timeout, maxTimeout)
	}
	return &Activities{config: c, dial: new(net.Dialer).DialContext}, nil
}

// Probe is where to look.
type Probe struct {
	// Server is the service id, for messages.
	Server string `json:"server"`
	// Address is the server's IP address, v4 or v6.
	Address string `json:"address"`
	// Port is that of its SSH server; 0 is 22.
	Port int `json:"port,omitempty"`
}

// place is an address and how it is reached.
type place struct {
	server string
	at     netip.AddrPort
	dial   string // host:port
}

// String names the place for people.
func (p place) String() string {
	s := p.at.Addr().String() + " port " + strconv.Itoa(int(p.at.Port()))
	if p.dial != p.at.String() {
		s += " (through " + p.dial + ")"
	}
	return s
}

// place checks the probe. An address that can not be a server's is refused, so
// that a wrong record never makes the worker look at itself.
func (a *Activities) place(p Probe) (place, error) {
	port := p.Port
	if port == 0 {
		port = sshPort
	}
	addr, err := netip.ParseAddr(p.Address)
	addr = addr.Unmap()
	switch {
	case err != nil:
		return place{}, hosting.Invalid(p.Server, fmt.Sprintf("%.60q is no IP address", p.Address), "correct the address in the server's record")
	case !addr.IsGlobalUnicast() || addr.Zone() != "":
		return place{}, hosting.Invalid(p.Server, addr.String()+" is no address of a server", "correct the address in the server's record")
	case port < 1 || port > 65535:
		return place{}, hosting.Invalid(p.Server, fmt.Sprintf("there is no port %d", port), "give a port from 1 to 65535, or none for 22")
	}
	at := netip.AddrPortFrom(addr, uint16(port)) //nolint:gosec // checked above
	to, ok := a.config.Through[at.String()]
	if !ok {
		to = at.String()
	}
	return place{server: p.Server, at: at, dial: to}, nil
}
