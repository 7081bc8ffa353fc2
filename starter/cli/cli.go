// Package cli is Handrail's command line: staff start procedures, look at them
// and steer them.
package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/contrib/envconfig"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/temporal"
	"golang.org/x/term"

	"github.com/handrail/handrail/hosting"
	"github.com/handrail/handrail/starter/launch"
)

// The exit codes.
const (
	exitOK       = 0
	exitFailed   = 1 // something did not work
	exitUsage    = 2 // the command was not understood
	exitRefused  = 3 // Handrail refused, and said why
	exitNotFound = 4 // no such operation
)

// IO is where the command line reads its environment and writes.
type IO struct {
	Out, Err io.Writer
	Getenv   func(string) string
	// Terminal: the output is looked at by a person, who likes to see it move.
	Terminal bool
	// Dial connects to Temporal.
	Dial func(context.Context) (client.Client, error)
}

// Std is the process's own.
func Std() IO {
	return IO{
		Out: os.Stdout, Err: os.Stderr, Getenv: os.Getenv, Terminal: term.IsTerminal(int(os.Stdout.Fd())), Dial: dial,
	}
}

// dial connects as Temporal's standard environment configuration says.
func dial(ctx context.Context) (client.Client, error) {
	o, err := envconfig.LoadDefaultClientOptions()
	if err != nil {
		return nil, fmt.Errorf("temporal's settings: %w", err)
	}
	o.Logger = log.NewStructuredLogger(quiet())
	tc, err := client.DialContext(ctx, o)
	if err != nil {
		address := o.HostPort
		if address == "" {
			address = client.DefaultHostPort
		}
		return nil, fmt.Errorf("temporal at %s does not answer: %w. To do: set TEMPORAL_ADDRESS, or start `go run ./dev`", address, err)
	}
	return tc, nil
}

// app is one call of the command line.
type app struct {
	IO
	json   bool
	by     string
	client client.Client
}

// Run runs a command and returns its exit code.
func Run(ctx context.Context, args []string, streams IO) int {
	a := &app{IO: streams}
	root := a.root()
	root.SetArgs(args)
	root.SetOut(a.Out)
	root.SetErr(a.Err)
	err := root.ExecuteContext(ctx)
	if a.client != nil {
		a.client.Close()
	}
	if err == nil {
		return exitOK
	}
	fmt.Fprintln(a.Err, "starter:", words(err))
	return exitCode(err)
}

// usage marks an error in how the command was called.
type usage struct{ error }

func exitCode(err error) int {
	var application *temporal.ApplicationError
	_, wrong := errors.AsType[usage](err)
	_, missing := errors.AsType[*serviceerror.NotFound](err)
	switch {
	case wrong:
		return exitUsage
	case errors.Is(err, launch.ErrNotFound) || missing:
		return exitNotFound
	case hosting.KindOf(err) != "" || errors.As(err, &application):
		return exitRefused
	}
	return exitFailed
}

// words is what an error says without Temporal's wrapping.
func words(err error) string {
	if application, ok := errors.AsType[*temporal.ApplicationError](err); ok {
		return application.Message()
	}
	return err.Error()
}

func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "starter",
		Short: "Start Handrail's procedures, look at them and steer them",
		Long: `Start Handrail's procedures, look at them and steer them.

An operation is named by its workflow id (intervention/1001) or by its ticket
(1001). Every command that changes something records who did it: --by, else
HANDRAIL_USER, else USER.

Temporal is found by its standard settings (TEMPORAL_ADDRESS, TEMPORAL_NAMESPACE,
TEMPORAL_API_KEY, TEMPORAL_TLS_…); without them, at ` + client.DefaultHostPort + `.

Exit codes: 0 done, 1 failed, 2 wrong usage, 3 refused (the reason is printed),
4 no such operation.`,
		Example: `  starter start intervention --server srv-1001 --ticket 1001 --by anna
  starter list --phase waiting
  starter show 1001 --watch
  starter power 1001 cycle --by anna`,
		SilenceUsage: true, SilenceErrors: true,
	}
	root.PersistentFlags().BoolVar(&a.json, "json", false, "print JSON instead of a table")
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usage{err} })
	root.AddGroup(&cobra.Group{ID: "see", Title: "See:"}, &cobra.Group{ID: "steer", Title: "Start and steer:"},
		&cobra.Group{ID: "gate", Title: "Answer for the customer:"}, &cobra.Group{ID: "work", Title: "Work on the server:"})
	root.AddCommand(a.start(), a.list(), a.show(), a.history(), a.serve())
	root.AddCommand(a.decisions()...)
	root.AddCommand(a.gates()...)
	root.AddCommand(a.work()...)
	return root
}

// connect returns the connection to Temporal, made once.
func (a *app) connect(ctx context.Context) (client.Client, error) {
	if a.client != nil {
		return a.client, nil
	}
	var err error
	a.client, err = a.Dial(ctx)
	return a.client, err
}

// find connects and resolves the name of an operation.
func (a *app) find(ctx context.Context, name string) (client.Client, string, error) {
	tc, err := a.connect(ctx)
	if err != nil {
		return nil, "", err
	}
	id, err := launch.Find(ctx, tc, name)
	return tc, id, err
}

// byFlag adds --by to a command.
func (a *app) byFlag(c *cobra.Command) {
	c.Flags().StringVar(&a.by, "by", "", "who you are (default: $HANDRAIL_USER, else $USER)")
}

// actor is who sends an update.
func (a *app) actor() (string, error) {
	for _, name := range []string{a.by, a.Getenv("HANDRAIL_USER"), a.Getenv("USER")} {
		if name != "" {
			return name, nil
		}
	}
	return "", usage{errors.New("say who you are: --by NAME, or set HANDRAIL_USER")}
}

// print writes a value as JSON, or lets text write it for people.
func (a *app) print(value any, text func(io.Writer)) error {
	if !a.json {
		text(a.Out)
		return nil
	}
	e := json.NewEncoder(a.Out)
	e.SetIndent("", "  ")
	return e.Encode(value)
}

// exactly takes so many arguments, or tells how the command is used.
func exactly(n int) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if len(args) != n {
			return usage{fmt.Errorf("usage: %s (see --help)", c.UseLine())}
		}
		return nil
	}
}

// update sends an update to an operation and prints its answer.
func update[T any](a *app, ctx context.Context, name, updateName string, arg any, text func(io.Writer, T)) error {
	tc, id, err := a.find(ctx, name)
	if err != nil {
		return err
	}
	handle, err := tc.UpdateWorkflow(ctx, client.UpdateWorkflowOptions{
		WorkflowID: id, UpdateName: updateName, Args: []any{arg}, WaitForStage: client.WorkflowUpdateStageCompleted,
	})
	if err != nil {
		return err
	}
	var answer T
	if err := handle.Get(ctx, &answer); err != nil {
		return err
	}
	return a.print(answer, func(w io.Writer) { text(w, answer) })
}
