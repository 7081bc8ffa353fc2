package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"go.temporal.io/sdk/client"

	"github.com/handrail/handrail/activities/records"
	"github.com/handrail/handrail/settings"
	"github.com/handrail/handrail/settings/connect"
	"github.com/handrail/handrail/worker/host"
)

// app is the worker's command line: where it reads its environment and writes,
// and how it reaches Temporal.
type app struct {
	out, err  io.Writer
	lookupEnv func(string) (string, bool)
	// dial connects to Temporal and returns the namespace. Metrics may be nil.
	dial func(context.Context, *slog.Logger, client.MetricsHandler) (client.Client, string, error)
}

func std() app {
	return app{out: os.Stdout, err: os.Stderr, lookupEnv: os.LookupEnv, dial: connect.Temporal}
}

// command is the process's own command line.
func command() *cobra.Command { return std().root() }

// run runs a command and returns its exit code: 0 done, 1 failed or refused.
// Errors are printed, a line for each.
func (a app) run(ctx context.Context, args []string) int {
	root := a.root()
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return 0
	}
	for line := range strings.SplitSeq(err.Error(), "\n") {
		if line = strings.TrimSpace(line); line != "" {
			fmt.Fprintln(a.err, "worker:", line)
		}
	}
	return 1
}

func (a app) root() *cobra.Command {
	root := &cobra.Command{
		Use: "worker", Short: "Host Handrail's workflows and activities",
		Long: `Host Handrail's workflows and activities until told to stop (SIGTERM, Ctrl-C).

It is configured by the environment, and does not start while anything in it is
wrong. Temporal's own variables say where Temporal is (TEMPORAL_ADDRESS,
TEMPORAL_NAMESPACE, TEMPORAL_API_KEY, TEMPORAL_TLS_…); without them, at
` + client.DefaultHostPort + `. Handrail's are:

` + settings.Help(new(host.Config).Settings()),
		Args: cobra.NoArgs, SilenceUsage: true, SilenceErrors: true,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.withHost(cmd.Context(), func(ctx context.Context, h *host.Host) error { return h.Run(ctx) })
		},
	}
	root.SetOut(a.out)
	root.SetErr(a.err)
	root.AddCommand(a.check(), a.setup(), a.migrate(), importCommand(), a.promote())
	return root
}

func (a app) check() *cobra.Command {
	return &cobra.Command{
		Use: "check", Short: "Check the configuration, Temporal and the database, and exit", Args: cobra.NoArgs,
		Long: "Check the configuration, Temporal and its namespace, and the database and its\nversion, as the worker does when it starts, and exit: 0 if all is well.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.withHost(cmd.Context(), func(_ context.Context, h *host.Host) error {
				h.Stop()
				fmt.Fprintln(a.out, "all is well: the worker can start")
				return nil
			})
		},
	}
}

// withHost gives a function the host that the environment describes.
func (a app) withHost(ctx context.Context, use func(context.Context, *host.Host) error) error {
	var c host.Config
	if err := c.Read(a.lookupEnv); err != nil {
		return err
	}
	logger := slog.New(slog.NewJSONHandler(a.err, nil))
	metrics := host.NewMetrics()
	defer metrics.Close() //nolint:errcheck // ends with the process
	tc, namespace, err := a.dial(ctx, logger, metrics.Handler())
	if err != nil {
		return err
	}
	defer tc.Close()
	namespaceErr := host.CheckNamespace(ctx, tc, namespace)
	h, err := host.New(ctx, c, tc, metrics, logger)
	if err != nil || namespaceErr != nil {
		if h != nil {
			h.Stop()
		}
		return errors.Join(namespaceErr, err)
	}
	return use(ctx, h)
}

func (a app) setup() *cobra.Command {
	return &cobra.Command{
		Use: "setup", Short: "Make Handrail's search attributes known to the Temporal namespace", Args: cobra.NoArgs,
		Long: "Make Handrail's search attributes known to the Temporal namespace, once before the\nfirst worker starts. It may be repeated. Needs Temporal's variables only.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.withTemporal(cmd.Context(), func(ctx context.Context, tc client.Client, namespace string) error {
				if err := host.SetUpNamespace(ctx, tc, namespace); err != nil {
					return err
				}
				fmt.Fprintf(a.out, "the namespace %s knows Handrail's search attributes\n", namespace)
				return nil
			})
		},
	}
}

func (a app) migrate() *cobra.Command {
	return &cobra.Command{
		Use: "migrate", Short: "Bring the records' database to this program's version", Args: cobra.NoArgs,
		Long: "Bring the records' database to this program's version, before its workers start. It\nmay be repeated. Needs DATABASE_URL (or DATABASE_URL_FILE) only.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			var url string
			err := settings.Read(a.lookupEnv, []settings.Setting{
				{Name: "DATABASE_URL", Help: "the database to migrate", Required: true, Secret: true, Set: settings.To(&url)},
			})
			if err != nil {
				return err
			}
			if err := records.Migrate(cmd.Context(), url); err != nil {
				return err
			}
			fmt.Fprintf(a.out, "the database has version %d\n", records.Latest())
			return nil
		},
	}
}

func (a app) promote() *cobra.Command {
	return &cobra.Command{
		Use: "promote", Short: "Make HANDRAIL_BUILD_ID the current build, to which operations move", Args: cobra.NoArgs,
		Long: `Make HANDRAIL_BUILD_ID the current build of the worker deployment ` + host.DeploymentName + `: what
starts from now on runs on it, and what runs already moves to it.

A worker with HANDRAIL_BUILD_ID gets no work before its build is promoted. Start
workers of the new build first, for all task queues: the sites' as well.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var build string
			err := settings.Read(a.lookupEnv, []settings.Setting{
				{Name: "HANDRAIL_BUILD_ID", Help: "the build to promote", Required: true, Set: settings.To(&build)},
			})
			if err != nil {
				return err
			}
			return a.withTemporal(cmd.Context(), func(ctx context.Context, tc client.Client, _ string) error {
				_, err := tc.WorkerDeploymentClient().GetHandle(host.DeploymentName).
					SetCurrentVersion(ctx, client.WorkerDeploymentSetCurrentVersionOptions{BuildID: build})
				if err != nil {
					return fmt.Errorf("%s can not be promoted (%w). To do: start workers of this build, for all task queues, and try again", build, err)
				}
				fmt.Fprintf(a.out, "%s is the current build\n", build)
				return nil
			})
		},
	}
}

// withTemporal gives a function a connection to Temporal.
func (a app) withTemporal(ctx context.Context, use func(context.Context, client.Client, string) error) error {
	tc, namespace, err := a.dial(ctx, slog.New(slog.DiscardHandler), nil)
	if err != nil {
		return err
	}
	defer tc.Close()
	return use(ctx, tc, namespace)
}
