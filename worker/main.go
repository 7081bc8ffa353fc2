// Command worker hosts Handrail's workflows and activities.
package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/contrib/envconfig"

	"github.com/handrail/handrail/activities/records"
	"github.com/handrail/handrail/settings"
	"github.com/handrail/handrail/worker/host"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := command().ExecuteContext(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "worker:", err)
		os.Exit(1)
	}
}

func command() *cobra.Command {
	var c host.Config
	root := &cobra.Command{
		Use:   "worker",
		Short: "Host Handrail's workflows and activities",
		Long: "Hosts Handrail's workflows and activities until it is told to stop (SIGTERM, Ctrl-C).\n\n" +
			"It is configured by the environment. Temporal's own variables say where Temporal is:\n" +
			"  TEMPORAL_ADDRESS, TEMPORAL_NAMESPACE, TEMPORAL_API_KEY, TEMPORAL_TLS_…\n\n" +
			settings.Help(c.Settings()),
		Args: cobra.NoArgs, SilenceUsage: true, SilenceErrors: true,
		RunE: func(cmd *cobra.Command, _ []string) error { return run(cmd.Context(), c, false) },
	}
	root.AddCommand(
		importCommand(),
		&cobra.Command{
			Use: "check", Short: "Check the configuration and the counterparts, and exit", Args: cobra.NoArgs,
			RunE: func(cmd *cobra.Command, _ []string) error { return run(cmd.Context(), c, true) },
		},
		&cobra.Command{
			Use: "migrate", Short: "Bring the records' database (DATABASE_URL) to this version", Args: cobra.NoArgs,
			RunE: func(cmd *cobra.Command, _ []string) error { return migrate(cmd.Context()) },
		},
		&cobra.Command{
			Use: "promote", Short: "Make HANDRAIL_BUILD_ID the current version, to which running workflows move", Args: cobra.NoArgs,
			RunE: func(cmd *cobra.Command, _ []string) error { return promote(cmd.Context()) },
		},
	)
	return root
}

func run(ctx context.Context, c host.Config, checkOnly bool) error {
	if err := settings.Read(os.LookupEnv, c.Settings()); err != nil {
		return err
	}
	logger := slog.New(slog.NewJSONHandler(os.Stderr, nil))
	metrics := host.NewMetrics()
	defer metrics.Close() //nolint:errcheck // ends with the process
	tc, err := dial(ctx, metrics.Handler(), logger)
	if err != nil {
		return err
	}
	defer tc.Close()
	h, err := host.New(ctx, c, tc, metrics, logger)
	if err != nil {
		return err
	}
	if checkOnly {
		fmt.Println("the configuration is good; Temporal and the database answer")
		return nil
	}
	return h.Run(ctx)
}

func dial(ctx context.Context, m client.MetricsHandler, logger *slog.Logger) (client.Client, error) {
	o, err := envconfig.LoadDefaultClientOptions()
	if err != nil {
		return nil, fmt.Errorf("temporal's settings: %w", err)
	}
	o.MetricsHandler, o.Logger = m, host.Logger(logger)
	tc, err := client.DialContext(ctx, o)
	if err != nil {
		return nil, fmt.Errorf("temporal at %q does not answer (TEMPORAL_ADDRESS): %w", o.HostPort, err)
	}
	return tc, nil
}

func migrate(ctx context.Context) error {
	var url string
	err := settings.Read(os.LookupEnv, []settings.Setting{
		{Name: "DATABASE_URL", Help: "the database to migrate", Required: true, Secret: true, Set: settings.To(&url)},
	})
	if err != nil {
		return err
	}
	return records.Migrate(ctx, url)
}

func promote(ctx context.Context) error {
	var build string
	err := settings.Read(os.LookupEnv, []settings.Setting{
		{Name: "HANDRAIL_BUILD_ID", Help: "the build to promote", Required: true, Set: settings.To(&build)},
	})
	if err != nil {
		return err
	}
	tc, err := dial(ctx, nil, slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	defer tc.Close()
	_, err = tc.WorkerDeploymentClient().GetHandle(host.DeploymentName).
		SetCurrentVersion(ctx, client.WorkerDeploymentSetCurrentVersionOptions{BuildID: build})
	return err
}
