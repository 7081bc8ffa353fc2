package cli

import (
	"fmt"
	"io"
	"log/slog"
	"os"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/handrail/handrail/activities/desk/signature"
	"github.com/handrail/handrail/activities/policy"
	"github.com/handrail/handrail/activities/records"
	"github.com/handrail/handrail/hosting"
	"github.com/handrail/handrail/settings"
	"github.com/handrail/handrail/starter/gateway"
)

type gatewaySettings struct {
	listen, policy string
	secrets        []string
}

func (g *gatewaySettings) table() []settings.Setting {
	return []settings.Setting{
		{Name: "HANDRAIL_GATEWAY_LISTEN", Help: "address the gateway listens on", Default: "127.0.0.1:8080", Set: settings.To(&g.listen)},
		{Name: "HANDRAIL_POLICY", Help: "policy file: the provider's name in statements", Set: settings.To(&g.policy)},
		{Name: "HANDRAIL_DESK_SECRET", Help: "the key shared with the ticket desk; two, separated by a comma, while it is changed", Required: true, Secret: true, Set: settings.List(&g.secrets)},
	}
}

func (a *app) serve() *cobra.Command {
	var s gatewaySettings
	return &cobra.Command{
		Use: "serve", Short: "Run the gateway: signed events of the ticket desk become signals and starts", Args: exactly(0),
		Long: "Run the gateway: signed events of the ticket desk become signals and starts\n(POST /hooks/desk, its contract is activities/desk/httpdesk/CONTRACT.md).\n\n" +
			"It is configured by the environment:\n" + settings.Help(s.table()),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := settings.Read(os.LookupEnv, s.table()); err != nil {
				return err
			}
			p, err := (&policy.File{Path: s.policy}).ReadPolicy(cmd.Context())
			if err != nil {
				return err
			}
			tc, err := a.connect(cmd.Context())
			if err != nil {
				return err
			}
			c := gateway.Config{Listen: s.listen, Provider: p.Provider}
			for _, secret := range s.secrets {
				c.DeskSecrets = append(c.DeskSecrets, signature.Secret(secret))
			}
			g, err := gateway.New(c, tc, slog.New(slog.NewJSONHandler(a.Err, nil)))
			if err != nil {
				return err
			}
			return g.Serve(cmd.Context())
		},
	}
}

func (a *app) history() *cobra.Command {
	return &cobra.Command{
		Use: "history SERVER", GroupID: "see", Short: "List every operation on a server, from the records", Args: exactly(1),
		Long: "List every operation on a server with its outcome, from the records, which keep them\nlonger than Temporal does. Needs DATABASE_URL (or DATABASE_URL_FILE).",
		RunE: func(cmd *cobra.Command, args []string) error {
			var url string
			err := settings.Read(os.LookupEnv, []settings.Setting{
				{Name: "DATABASE_URL", Help: "the records' database", Required: true, Secret: true, Set: settings.To(&url)},
			})
			if err != nil {
				return usage{err}
			}
			r, err := records.Open(cmd.Context(), url)
			if err != nil {
				return err
			}
			defer r.Close()
			operations, err := r.Operations(cmd.Context(), records.Filter{Server: args[0], Limit: 1000})
			if err != nil {
				return err
			}
			return a.print(operations, func(w io.Writer) {
				t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
				fmt.Fprintln(t, "OPENED (UTC)\tPROCEDURE\tTICKET\tPHASE\tOUTCOME")
				for _, o := range operations {
					fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\n", o.OpenedAt.UTC().Format(hosting.LocalTime), o.Procedure, o.Ticket, o.Phase, o.Outcome)
				}
				t.Flush() //nolint:errcheck,gosec // the terminal is gone
			})
		},
	}
}
