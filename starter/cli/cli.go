// Package cli is Handrail's command line: staff start procedures, look at them
// and steer them.
package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"go.temporal.io/sdk/client"
	"golang.org/x/term"

	"github.com/handrail/handrail/settings/connect"
)

// IO is where the command line reads its environment and writes, and how it
// reaches what it works with.
type IO struct {
	Out, Err  io.Writer
	LookupEnv func(string) (string, bool)
	// Terminal: the output is looked at by a person, who likes to see it move.
	Terminal bool
	// Dial connects to Temporal.
	Dial func(context.Context) (client.Client, error)
	// Records opens the records' database.
	Records func(ctx context.Context, url string) (Records, error)
	// Patience is how long an update may take to reach the operation; 0 is 30
	// seconds. Refresh is the pause between two looks; 0 is 2 seconds.
	Patience, Refresh time.Duration
}

// Std is the process's own.
func Std() IO {
	return IO{
		Out: os.Stdout, Err: os.Stderr, LookupEnv: os.LookupEnv, Terminal: term.IsTerminal(int(os.Stdout.Fd())),
		Dial: dial, Records: openRecords,
	}
}

func dial(ctx context.Context) (client.Client, error) {
	tc, _, err := connect.Temporal(ctx, slog.New(slog.DiscardHandler), nil)
	return tc, err
}

// app is one call of the command line.
type app struct {
	IO
	json   bool
	by     string
	client client.Client
	// began: the command line was understood, and the command has begun.
	began bool
}

// Run runs a command and returns its exit code. Errors go to Err, a line for
// each.
func Run(ctx context.Context, args []string, streams IO) int {
	a := &app{IO: streams}
	a.Patience = orElse(a.Patience, 30*time.Second)
	a.Refresh = orElse(a.Refresh, 2*time.Second)
	err := a.run(ctx, args)
	if a.client != nil {
		a.client.Close()
	}
	for _, line := range say(err) {
		fmt.Fprintln(printable{a.Err}, "starter:", line)
	}
	return exitCode(err)
}

func orElse(d, otherwise time.Duration) time.Duration {
	if d > 0 {
		return d
	}
	return otherwise
}

func (a *app) run(ctx context.Context, args []string) error {
	root := a.root()
	root.SetArgs(args)
	if err := understood(root, args); err != nil {
		return usage{err}
	}
	err := root.ExecuteContext(ctx)
	if err != nil && !a.began {
		return usage{err}
	}
	return err
}

// understood finds commands that do not exist below ones that do; cobra would
// answer them with help and success.
func understood(root *cobra.Command, args []string) error {
	if len(args) > 0 && (args[0] == cobra.ShellCompRequestCmd || args[0] == cobra.ShellCompNoDescRequestCmd) {
		return nil
	}
	c, rest, err := root.Find(args)
	if err == nil && c.Name() == "help" && c.Parent() == root {
		c, rest, err = root.Find(rest)
	}
	if err != nil || c.Runnable() {
		return err
	}
	for _, word := range rest {
		if !strings.HasPrefix(word, "-") {
			return fmt.Errorf("unknown command %q for %q", word, c.CommandPath())
		}
	}
	return nil
}

func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "starter",
		Short: "Start Handrail's procedures, look at them and steer them",
		Long: `Start Handrail's procedures, look at them and steer them.

OPERATION is a workflow id (reinstall/1002) or the number of a ticket (1002); where
a ticket has several, the one that the command is for and that runs.
Every command that changes something records who did it: --by, else
HANDRAIL_USER, else USER.

Temporal is found by its standard settings (TEMPORAL_ADDRESS, TEMPORAL_NAMESPACE,
TEMPORAL_API_KEY, TEMPORAL_TLS_…); without them, at ` + client.DefaultHostPort + `.

Exit codes: 0 done, 1 failed, 2 wrong usage, 3 refused (the reason is printed),
4 no such operation or server.`,
		Example: `  starter start intervention --ticket 1001 --by anna
  starter start reinstall --ticket 1002 --system "Debian 12" --by anna
  starter list --phase waiting
  starter show 1001 --watch
  starter power 1001 cycle --by anna`,
		SilenceUsage: true, SilenceErrors: true,
		PersistentPreRun: func(*cobra.Command, []string) { a.began = true },
	}
	root.SetOut(a.Out) // before the completion command, which remembers it
	root.SetErr(a.Err)
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error {
		text, _, _ := strings.Cut(err.Error(), ": strconv.") // Go's own words help nobody
		return errors.New(text)
	})
	root.PersistentFlags().BoolVar(&a.json, "json", false, "print JSON instead of text")
	root.AddGroup(&cobra.Group{ID: "see", Title: "See:"}, &cobra.Group{ID: "steer", Title: "Start and steer:"},
		&cobra.Group{ID: "gate", Title: "Answer for the customer:"}, &cobra.Group{ID: "work", Title: "Work on the server:"},
		&cobra.Group{ID: "run", Title: "Run:"})
	root.SetHelpCommandGroupID("run")
	root.SetCompletionCommandGroupID("run")
	root.AddCommand(a.start(), a.list(), a.show(), a.history(), a.systems(), a.giveUp(), a.serve())
	root.AddCommand(a.decisions()...)
	root.AddCommand(a.gates()...)
	root.AddCommand(a.work()...)
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd()
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

// byFlag adds --by to a command.
func (a *app) byFlag(c *cobra.Command) {
	c.Flags().StringVar(&a.by, "by", "", "who you are (default: $HANDRAIL_USER, else $USER)")
}

// actor is who sends an update.
func (a *app) actor() (string, error) {
	user, _ := a.LookupEnv("HANDRAIL_USER")
	login, _ := a.LookupEnv("USER")
	for _, name := range []string{a.by, user, login} {
		if name = strings.TrimSpace(name); name != "" {
			return name, nil
		}
	}
	return "", usage{errors.New("say who you are: --by NAME, or set HANDRAIL_USER")}
}

// print writes a value as JSON, or lets text write it for people.
func (a *app) print(value any, text func(io.Writer)) error {
	if !a.json {
		text(printable{a.Out})
		return nil
	}
	e := json.NewEncoder(a.Out)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(value)
}

// exactly takes so many arguments, or tells how the command is used.
func exactly(n int) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if len(args) != n {
			return fmt.Errorf("usage: %s (see --help)", c.UseLine())
		}
		return nil
	}
}
