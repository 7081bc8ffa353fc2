package gateway

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"golang.org/x/net/netutil"

	"github.com/handrail/handrail/activities/netboot"
	"github.com/handrail/handrail/hosting"
)

// BootConfig is what the gateway needs for machines that boot over the network.
// They are served on a listener of their own, in plain HTTP, which belongs into
// the provisioning network.
type BootConfig struct {
	Listen string // host:port; empty: they are not served
	// URL is that listener's as machines reach it: scheme and host, no path. Empty
	// is the address that it listens on.
	URL string
	// Files is the folder of boot files, Secrets that of password hashes.
	Files, Secrets string
	// TokenLife is how long a machine's token is worth something at most, the
	// policy's time for a whole installation.
	TokenLife time.Duration
	Store     netboot.Store
}

// signalBootProgress tells the operation of a boot that its machine has spoken.
const signalBootProgress = "boot-progress"

// maxMachines bounds the connections of machines at one time.
const maxMachines = 512

// listenForMachines opens the listener for machines, if there is to be one.
func (g *Gateway) listenForMachines(ctx context.Context) (*http.Server, net.Listener, error) {
	c := g.config.Boot
	if c.Listen == "" {
		return nil, nil, nil
	}
	if c.Store == nil {
		return nil, nil, errors.New("the boot listener has no records to hand boots out of")
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", c.Listen)
	if err != nil {
		return nil, nil, fmt.Errorf("the boot listener can not listen: %w; is another one running?", err)
	}
	g.bootURL = cmp.Or(c.URL, "http://"+listener.Addr().String())
	handler, err := netboot.New(netboot.Config{
		Store: c.Store, Bell: bell{g.temporal}, Passwords: netboot.PasswordFiles(c.Secrets), Base: g.bootURL, Files: c.Files,
		TokenLife: c.TokenLife, Log: g.log,
	})
	if err != nil {
		listener.Close() //nolint:errcheck,gosec // it is being given up
		return nil, nil, fmt.Errorf("the boot listener: %w", err)
	}
	g.log.Info("boot listener is listening", "address", listener.Addr().String(), "url", g.bootURL)
	// There is no time limit for a whole answer, which may be a large image: the
	// handler gives each piece of it a time of its own.
	return &http.Server{
		Handler: handler, ReadTimeout: 30 * time.Second, ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout: time.Minute, MaxHeaderBytes: 16 << 10,
		ErrorLog: slog.NewLogLogger(g.log.Handler(), slog.LevelWarn),
	}, netutil.LimitListener(listener, maxMachines), nil
}

// BootURL is where machines boot from, once the gateway listens; empty where they
// are not served.
func (g *Gateway) BootURL() string { return g.bootURL }

// bell signals the operation that waits for a machine.
type bell struct{ temporal client.Client }

// Ring sends what the operation looks at before it reads the records. An
// operation that has ended needs no waking.
func (b bell) Ring(ctx context.Context, boot hosting.NetworkBoot) error {
	err := b.temporal.SignalWorkflow(ctx, boot.Workflow, "", signalBootProgress, hosting.NetworkBoot{
		ID: boot.ID, Attempt: boot.Attempt, State: boot.State, Stage: boot.Stage, Percent: boot.Percent, HostKeys: boot.HostKeys,
	})
	if _, ended := errors.AsType[*serviceerror.NotFound](err); ended {
		return nil
	}
	return err
}
