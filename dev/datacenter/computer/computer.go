// Package computer is what a simulated machine does of itself once its power is
// on: it boots from where it is told, over a real network, installs what it is
// told there, and runs the system on its disks, which answers SSH. The power and
// the boot override are the chassis's, which the BMC shows.
package computer

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/handrail/handrail/dev/datacenter/chassis"
	"github.com/handrail/handrail/dev/datacenter/fault"
	"github.com/handrail/handrail/dev/datacenter/sshd"
	"github.com/handrail/handrail/hosting"
)

// Config is what a computer is made of. All of it is needed.
type Config struct {
	MACs     []string // in lower case with colons; the first one boots
	Firmware hosting.Firmware
	Chassis  *chassis.Chassis
	Faults   *fault.Set
	// BootURL is where the machine finds its boot server, as DHCP would tell it:
	// a URL without a slash at its end. Empty is none.
	BootURL func() string
	// SSH is where the installed system answers; it is closed with the computer.
	SSH     net.Listener
	Now     func() time.Time
	Log     *slog.Logger
	Changed func() // is called after each change of the state, without a lock held
}

// Computer is safe for concurrent use.
type Computer struct {
	Config
	timing chassis.Timing
	http   *http.Client
	ssh    *sshd.Server

	wake chan struct{}
	stop context.CancelFunc
	done sync.WaitGroup

	mu    sync.Mutex
	state State
}

// fileTimeout bounds the fetching of one file.
const fileTimeout = 10 * time.Minute

// New returns a computer in a state, which it does not run yet.
func New(s State, c Config) *Computer {
	return &Computer{
		Config: c, timing: c.Chassis.Timing(), state: s.clone(), wake: make(chan struct{}, 1), stop: func() {},
		// No connection stays open: a machine that goes off has none.
		http: &http.Client{Timeout: fileTimeout, Transport: &http.Transport{DisableKeepAlives: true, ResponseHeaderTimeout: time.Minute}},
	}
}

// Start lets the computer follow its chassis, until Close.
func (c *Computer) Start() {
	ctx, stop := context.WithCancel(context.Background())
	c.stop = stop
	c.ssh = sshd.Serve(c.SSH, c.running, c.Now)
	c.done.Go(func() { c.follow(ctx) })
}

// Close ends everything that the computer does and returns when it has ended.
// The state stays as it is.
func (c *Computer) Close() error {
	c.stop()
	c.done.Wait()
	if c.ssh == nil {
		return c.SSH.Close()
	}
	return c.ssh.Close()
}

// Wake tells the computer that its chassis has changed.
func (c *Computer) Wake() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// look is after what time at most the chassis is looked at while it is on its
// way from here to there: its clock need not be the world's.
const look = 50 * time.Millisecond

// life is what goes on between a boot's self-test and the end of its power.
type life struct {
	boot int
	stop context.CancelFunc
	over chan struct{}
}

func (l *life) end() {
	if l != nil {
		l.stop()
		<-l.over
	}
}

func (c *Computer) follow(ctx context.Context) {
	var now *life
	defer func() { now.end() }()
	for {
		v := c.Chassis.View()
		if now != nil && !v.Up(now.boot) {
			now.end()
			now = nil
			c.ssh.HangUp()
		}
		if now == nil && v.Up(v.Boots) {
			now = c.begin(ctx, v)
		}
		var soon <-chan time.Time
		if !v.Next.IsZero() {
			soon = time.After(min(max(v.Next.Sub(v.Now), time.Millisecond), look))
		}
		select {
		case <-ctx.Done():
			return
		case <-c.wake:
		case <-soon:
		}
	}
}

// begin starts the life of a boot, or goes on with it after a restart of the
// data centre: what only ran in the machine's memory is lost then.
func (c *Computer) begin(ctx context.Context, v chassis.View) *life {
	ctx, stop := context.WithCancel(ctx)
	l := &life{boot: v.Boots, stop: stop, over: make(chan struct{})}
	go func() {
		defer close(l.over)
		if c.resume(v.Boots) {
			return
		}
		c.boot(ctx, v.Boots, v.LastBoot)
	}()
	return l
}

func (c *Computer) resume(boot int) bool {
	c.mu.Lock()
	r := c.state.Run
	c.mu.Unlock()
	if r.Boot != boot || r.Phase == Booting {
		return false
	}
	if r.Phase == Installing {
		c.turn(boot, Nothing, "the installation was interrupted")
	}
	return true
}

// up reports whether a boot still has the machine.
func (c *Computer) up(boot int) bool { return c.Chassis.View().Up(boot) }

// change changes the state, where the boot still has the machine.
func (c *Computer) change(boot int, f func(*State)) bool {
	done := c.Chassis.During(boot, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		f(&c.state)
	})
	if done {
		c.Changed()
	}
	return done
}

// turn changes what the machine does.
func (c *Computer) turn(boot int, to Phase, why string) {
	c.change(boot, func(s *State) {
		s.Run.Phase, s.Run.Why = to, why
		if n := len(s.Boots); n > 0 && s.Boots[n-1].N == boot {
			s.Boots[n-1].Into, s.Boots[n-1].Why = to, why
		}
	})
	c.Log.Info("machine", "boot", boot, "phase", to, "why", why)
}

// State returns what a restart has to keep.
func (c *Computer) State() State {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.state.clone()
}

func (s State) clone() State {
	s.Disks, s.Wipes, s.Boots = slices.Clone(s.Disks), slices.Clone(s.Wipes), slices.Clone(s.Boots)
	all := make(map[string]access, len(s.Access))
	for id, a := range s.Access {
		all[id] = a
	}
	s.Access = all
	return s
}
