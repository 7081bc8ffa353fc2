// Package ipmi speaks IPMI 2.0 over LAN to a BMC: power, boot override and
// what its FRU records tell of the inventory. It is go-ipmi with the session
// set up step by step (so that a refused login is told from a missing cipher
// suite and is not tried twice) and with a guarded connection. Whatever comes
// in, a call ends in a *hosting.Fault or a *board.SendError within its
// deadline.
package ipmi

import (
	"context"
	"fmt"
	"net"
	"strconv"
	"time"

	"github.com/bougou/go-ipmi/pkg/client"
	"github.com/bougou/go-ipmi/pkg/command/chassis"
	"github.com/bougou/go-ipmi/pkg/types"

	"github.com/handrail/handrail/activities/bmc/board"
	"github.com/handrail/handrail/hosting"
)

// Config says which BMC is spoken to and how.
type Config struct {
	// Server is the service id, for messages; Secret the reference of the
	// login, likewise.
	Server, Secret string
	// Address is host:port.
	Address string
	Login   board.Login
	// Limits are DefaultLimits where zero.
	Limits Limits
}

// Limits bound what a call may cost.
type Limits struct {
	// Request is the total time of a call, connecting and repeats included.
	Request time.Duration
	// Datagram is how long an answer to one datagram is awaited.
	Datagram time.Duration
	// Repeats is how often a lost request that changes nothing is sent again.
	Repeats int
}

// DefaultLimits suit real BMCs, which may take a second to answer.
var DefaultLimits = Limits{Request: 15 * time.Second, Datagram: 2 * time.Second, Repeats: 2}

func (c Config) limits() Limits {
	if c.Limits == (Limits{}) {
		return DefaultLimits
	}
	return c.Limits
}

// The sizes that IPMI v2.0 gives user names and passwords (section 22.29).
const (
	maxUser     = 16
	maxPassword = 20
)

// cipherSuites are the suites that are used, in order: HMAC-SHA256 with AES,
// then HMAC-SHA1 with AES, which is all that older BMCs have. Asking a BMC for
// its list costs seconds where it does not answer.
var cipherSuites = []types.CipherSuiteID{types.CipherSuiteID17, types.CipherSuiteID3}

// Client is a line to one BMC, good for one attempt and one goroutine. The
// session is opened by the first call and again after one that failed.
type Client struct {
	cfg     Config
	host    string
	port    int
	session *client.Client
}

var (
	_ board.PowerActor      = (*Client)(nil)
	_ board.BootReader      = (*Client)(nil)
	_ board.BootOverrider   = (*Client)(nil)
	_ board.InventoryReader = (*Client)(nil)
)

// New prepares a client; nothing is sent before it is used. An error is an
// InvalidRequest about the record or the secret.
func New(cfg Config) (*Client, error) {
	host, portText, err := net.SplitHostPort(cfg.Address)
	port, portErr := strconv.Atoi(portText)
	switch {
	case err != nil || portErr != nil:
		return nil, hosting.Invalid(cfg.Server, fmt.Sprintf("the BMC's address %q is not host:port", cfg.Address), "correct the address in the server's record")
	case len(cfg.Login.User) > maxUser || len(cfg.Login.Password) > maxPassword:
		return nil, hosting.Invalid(cfg.Server, "the login in secret "+cfg.Secret+" is too long for IPMI",
			fmt.Sprintf("use a user of at most %d and a password of at most %d bytes, or Redfish", maxUser, maxPassword))
	}
	return &Client{cfg: cfg, host: host, port: port}, nil
}

// Protocol is IPMI.
func (c *Client) Protocol() hosting.Protocol { return hosting.IPMI }

// Close ends the session.
func (c *Client) Close() {
	if c.session == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), c.cfg.limits().Datagram)
	defer cancel()
	c.end(ctx, c.session)
	c.session = nil
}

// end closes a session and its socket. The socket closes even when the BMC
// does not answer any more.
func (c *Client) end(ctx context.Context, s *client.Client) {
	defer func() { _ = recover() }() // nothing that a BMC answers to a farewell matters
	_ = s.WithRetry(0).Close(ctx)
}

// connect sets up a session with the first cipher suite that the BMC takes.
func (c *Client) connect(ctx context.Context) (*client.Client, error) {
	var err error
	for _, id := range cipherSuites {
		var s *client.Client
		if s, err = c.connectWith(ctx, id); err == nil {
			return s, nil
		}
		if !suiteRefused(err) {
			break
		}
	}
	return nil, err
}

func (c *Client) connectWith(ctx context.Context, id types.CipherSuiteID) (*client.Client, error) {
	limits := c.cfg.limits()
	s, err := client.NewClient(c.host, c.port, c.cfg.Login.User, c.cfg.Login.Password)
	if err != nil {
		return nil, err
	}
	// An operator may do all that is done here (IPMI v2.0, appendix G).
	s.WithUDPProxy(&dialer{address: c.cfg.Address, user: c.cfg.Login.User, password: c.cfg.Login.Password, timeout: limits.Datagram}).
		WithTimeout(limits.Datagram).WithRetry(limits.Repeats).WithMaxPrivilegeLevel(types.PrivilegeLevelOperator).WithCipherSuiteID(id)
	steps := []func() error{
		func() error { _, err := s.OpenSession(ctx); return err },
		func() error { _, err := s.RAKPMessage1(ctx); return err },
		func() error { _, err := s.RAKPMessage3(ctx); return err },
		func() error { _, err := s.SetSessionPrivilegeLevel(ctx, types.PrivilegeLevelOperator); return err },
	}
	for _, step := range steps {
		if err := step(); err != nil {
			gone, cancel := context.WithCancel(ctx)
			cancel() // there is no session to say farewell to
			c.end(gone, s)
			return nil, err
		}
	}
	return s, nil
}

// call runs one exchange in the session, opening it if need be, within
// Limits.Request. A failure that may be the session's ends it. The error is
// go-ipmi's.
func (c *Client) call(ctx context.Context, exchange func(context.Context, *client.Client) error) (err error) {
	ctx, cancel := context.WithTimeout(ctx, c.cfg.limits().Request)
	defer cancel()
	defer func() {
		if p := recover(); p != nil {
			err = errPanic
		}
		if _, refused := refusal(err); err != nil && !refused && c.session != nil {
			gone, cancel := context.WithCancel(ctx)
			cancel()
			c.end(gone, c.session)
			c.session = nil
		}
	}()
	if c.session == nil {
		if c.session, err = c.connect(ctx); err != nil {
			c.session = nil
			return err
		}
	}
	return exchange(ctx, c.session)
}

// ReadPower reads the chassis status.
func (c *Client) ReadPower(ctx context.Context) (board.Power, error) {
	var status *chassis.GetChassisStatusResponse
	err := c.call(ctx, func(ctx context.Context, s *client.Client) (err error) {
		status, err = s.GetChassisStatus(ctx)
		return err
	})
	if err != nil {
		return board.Power{}, c.fault("reading the power state", err)
	}
	if status.PowerIsOn {
		return board.Power{State: hosting.PowerOn, Said: "on"}, nil
	}
	return board.Power{State: hosting.PowerOff, Said: "off"}, nil
}

// controls are the chassis controls that carry out an action, in the words of
// IPMI v2.0, table 28-4. There is no graceful restart; hard reset is what
// exists. A soft shutdown is a request to the operating system and no result.
var controls = []struct {
	action  hosting.PowerAction
	request string
	control chassis.ChassisControl
}{
	{hosting.ActOn, "chassis power up", chassis.ChassisControlPowerUp},
	{hosting.ActGracefulOff, "chassis soft shutdown", chassis.ChassisControlSoftShutdown},
	{hosting.ActForcedOff, "chassis power down", chassis.ChassisControlPowerDown},
	{hosting.ActWarmReset, "chassis hard reset", chassis.ChassisControlHardReset},
}

// PlanReset names the chassis control for the action.
func (c *Client) PlanReset(_ context.Context, action hosting.PowerAction) (string, error) {
	for _, x := range controls {
		if x.action == action {
			return x.request, nil
		}
	}
	return "", hosting.NewFault(hosting.FaultUnsupported, c.cfg.Server, "IPMI has no chassis control for "+string(action), "choose another power action")
}

// SendReset sends the chassis control in one datagram that is not repeated: a
// lost answer is Unclear.
func (c *Client) SendReset(ctx context.Context, request string) error {
	control := chassis.ChassisControl(0xff)
	for _, x := range controls {
		if x.request == request {
			control = x.control
		}
	}
	if control == 0xff {
		return &board.SendError{Fate: board.NotSent, Fault: hosting.NewFault(hosting.FaultUnsupported, c.cfg.Server, "IPMI has no "+request, "")}
	}
	sent := false
	err := c.call(ctx, func(ctx context.Context, s *client.Client) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		defer s.WithRetry(c.cfg.limits().Repeats)
		sent = true
		_, err := s.WithRetry(0).ChassisControl(ctx, control)
		return err
	})
	if err == nil {
		return nil
	}
	return &board.SendError{Fate: fate(sent, err), Fault: c.fault(request, err)}
}

func fate(sent bool, err error) board.Fate {
	_, refused := refusal(err)
	switch {
	case !sent:
		return board.NotSent
	case refused:
		return board.Refused
	}
	return board.Unclear
}

// isRefused reports whether the BMC answered that it does not do this.
func isRefused(err error) bool {
	_, refused := refusal(err)
	return refused
}
