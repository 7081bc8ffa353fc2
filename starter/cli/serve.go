package cli

import (
	"fmt"
	"log/slog"

	"github.com/spf13/cobra"

	"github.com/handrail/handrail/activities/policy"
	"github.com/handrail/handrail/settings"
	"github.com/handrail/handrail/starter/gateway"
)

type gatewaySettings struct {
	gateway.Config
	policy string
}

func (g *gatewaySettings) table() []settings.Setting {
	return []settings.Setting{
		{Name: "HANDRAIL_GATEWAY_LISTEN", Help: "address the gateway listens on", Default: "127.0.0.1:8080", Set: settings.Address(&g.Listen)},
		{Name: "HANDRAIL_GATEWAY_CERT", Help: "file of its TLS certificate (PEM); without one it speaks plain HTTP: put a proxy before it", Set: settings.To(&g.CertFile)},
		{Name: "HANDRAIL_GATEWAY_KEY", Help: "file of the certificate's key (PEM)", Set: settings.To(&g.KeyFile)},
		{Name: "HANDRAIL_POLICY", Help: "policy file (TOML): the provider's name in statements; the same as the worker's", Set: settings.To(&g.policy)},
		{Name: "HANDRAIL_DESK_SECRET", Help: "the key shared with the ticket desk, 16 bytes or more; two, separated by a comma, while it is changed", Required: true, Secret: true, Set: g.takeSecrets},
	}
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

It is configured by the environment, and finds Temporal as all commands do:

` + settings.Help(s.table()),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := settings.Read(a.LookupEnv, s.table()); err != nil {
				return usage{err}
			}
			p, err := (&policy.File{Path: s.policy}).ReadPolicy(cmd.Context())
			if err != nil {
				return usage{fmt.Errorf("HANDRAIL_POLICY: %w", err)}
			}
			s.Provider = p.Provider
			tc, err := a.connect(cmd.Context())
			if err != nil {
				return err
			}
			g, err := gateway.New(s.Config, tc, slog.New(slog.NewJSONHandler(a.Err, nil)))
			if err != nil {
				return usage{err}
			}
			return g.Serve(cmd.Context())
		},
	}
}
