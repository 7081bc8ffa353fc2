package cli

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/handrail/handrail/activities/netboot"
	"github.com/handrail/handrail/activities/policy"
	"github.com/handrail/handrail/activities/records"
	"github.com/handrail/handrail/settings"
	"github.com/handrail/handrail/starter/gateway"
)

type gatewaySettings struct {
	gateway.Config
	policy, databaseURL string
}

func (g *gatewaySettings) table() []settings.Setting {
	return []settings.Setting{
		{Name: "HANDRAIL_GATEWAY_LISTEN", Help: "address the gateway listens on", Default: "127.0.0.1:8080", Set: settings.Address(&g.Listen)},
		{Name: "HANDRAIL_GATEWAY_CERT", Help: "file of its TLS certificate (PEM); without one it speaks plain HTTP: put a proxy before it", Set: settings.To(&g.CertFile)},
		{Name: "HANDRAIL_GATEWAY_KEY", Help: "file of the certificate's key (PEM)", Set: settings.To(&g.KeyFile)},
		{Name: "HANDRAIL_POLICY", Help: "policy file (TOML): the provider's name in statements; the same as the worker's", Set: settings.To(&g.policy)},
		{Name: "HANDRAIL_DESK_SECRET", Help: "the key shared with the ticket desk, 16 bytes or more; two, separated by a comma, while it is changed", Required: true, Secret: true, Set: g.takeSecrets},
		{Name: "HANDRAIL_BOOT_LISTEN", Help: "address for machines that boot over the network, in plain HTTP and on their network only; without it none are served", Set: settings.Address(&g.Boot.Listen)},
		{Name: "HANDRAIL_BOOT_URL", Help: "that address as machines reach it, such as http://192.0.2.10:8081; needed with HANDRAIL_BOOT_LISTEN", Set: g.takeBootURL},
		{Name: "HANDRAIL_BOOT_FILES", Help: "folder of boot files (kernels, initrds, images), none of them secret; needed with HANDRAIL_BOOT_LISTEN", Set: settings.To(&g.Boot.Files)},
		{Name: "HANDRAIL_BOOT_SECRETS", Help: "folder of password hashes: the reference file:NAME is the file NAME with one crypt(3) hash", Set: settings.To(&g.Boot.Secrets)},
		{Name: "DATABASE_URL", Help: "the records' database, in the role handrail_gateway; needed with HANDRAIL_BOOT_LISTEN", Secret: true, Set: settings.To(&g.databaseURL)},
	}
}

func (g *gatewaySettings) takeBootURL(value string) error {
	g.Boot.URL = strings.TrimSuffix(value, "/")
	return netboot.CheckBase(g.Boot.URL)
}

// check finds what serving machines needs besides its address.
func (g *gatewaySettings) check() error {
	if g.Boot.Listen == "" {
		return nil
	}
	var errs []error
	for _, needed := range []struct{ name, value string }{
		{"HANDRAIL_BOOT_URL", g.Boot.URL}, {"HANDRAIL_BOOT_FILES", g.Boot.Files}, {"DATABASE_URL (or DATABASE_URL_FILE)", g.databaseURL},
	} {
		if needed.value == "" {
			errs = append(errs, fmt.Errorf("%s is not set: machines that boot over the network (HANDRAIL_BOOT_LISTEN) can not be served without it", needed.name))
		}
	}
	return errors.Join(errs...)
}

// openStore opens the records, where machines are served out of them.
func (g *gatewaySettings) openStore(ctx context.Context) (closeStore func(), err error) {
	if g.Boot.Listen == "" {
		return func() {}, nil
	}
	r, err := records.Open(ctx, g.databaseURL)
	if err != nil {
		return nil, fmt.Errorf("DATABASE_URL: %w", err)
	}
	g.Boot.Store = r
	return r.Close, nil
}

func (g *gatewaySettings) takeSecrets(value string) error {
	if err := settings.List(&g.DeskSecrets)(value); err != nil {
		return err
	}
	for _, s := range g.DeskSecrets {
		if err := s.Check(); err != nil {
			return err
		}
	}
	return nil
}

func (a *app) serve() *cobra.Command {
	var s gatewaySettings
	return &cobra.Command{
		Use: "serve", GroupID: "run", Short: "Run the gateway: signed events of the ticket desk become signals and starts", Args: exactly(0),
		Long: `Run the gateway: signed events of the ticket desk become signals and starts
(POST /hooks/desk; its contract is activities/desk/httpdesk/CONTRACT.md).
GET /healthz answers 200 while Temporal answers. It runs until SIGTERM or Ctrl-C.

With HANDRAIL_BOOT_LISTEN it also serves machines that boot over the network
(deploy/NETBOOT.md says how to set that up).

It is configured by the environment, and finds Temporal as all commands do:

` + settings.Help(s.table()),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := settings.Read(a.LookupEnv, s.table()); err != nil {
				return usage{err}
			}
			if err := s.check(); err != nil {
				return usage{err}
			}
			p, err := (&policy.File{Path: s.policy}).ReadPolicy(cmd.Context())
			if err != nil {
				return usage{fmt.Errorf("HANDRAIL_POLICY: %w", err)}
			}
			s.Provider, s.Boot.TokenLife = p.Provider, time.Duration(p.Install.Whole)
			tc, err := a.connect(cmd.Context())
			if err != nil {
				return err
			}
			closeStore, err := s.openStore(cmd.Context())
			if err != nil {
				return err
			}
			defer closeStore()
			g, err := gateway.New(s.Config, tc, slog.New(slog.NewJSONHandler(a.Err, nil)))
			if err != nil {
				return usage{err}
			}
			return g.Serve(cmd.Context())
		},
	}
}
