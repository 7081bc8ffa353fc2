package cli

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/handrail/handrail/activities/records"
	"github.com/handrail/handrail/hosting"
	"github.com/handrail/handrail/settings"
)

// Records is what the command line reads of the records.
type Records interface {
	Identify(context.Context, records.Identification) (records.Subject, error)
	Operations(context.Context, records.Filter) ([]hosting.Operation, error)
	Systems(context.Context) ([]hosting.OperatingSystem, error)
	Close()
}

func openRecords(ctx context.Context, url string) (Records, error) { return records.Open(ctx, url) }

// connectRecords opens the records that the environment names; the caller closes
// them.
func (a *app) connectRecords(ctx context.Context) (Records, error) {
	var url string
	err := settings.Read(a.LookupEnv, []settings.Setting{
		{Name: "DATABASE_URL", Help: "the records' database", Required: true, Secret: true, Set: settings.To(&url)},
	})
	if err != nil {
		return nil, usage{err}
	}
	return a.Records(ctx, url)
}

// errNoServer tells that no server answers to a name.
var errNoServer = errors.New("no such server on record")

// maxHistory is the most that the records list at one time.
const maxHistory = 1000

func (a *app) history() *cobra.Command {
	return &cobra.Command{
		Use: "history SERVER", GroupID: "see", Short: "List every operation on a server, from the records", Args: exactly(1),
		Long: `List every operation on a server with its outcome, newest first, from the records,
which keep them longer than Temporal does; with --json also the steps. SERVER is
its service id, an IP address, its host name or its name.

Needs DATABASE_URL (or DATABASE_URL_FILE).`,
		Example: `  starter history srv-1004
  starter history 192.0.2.14 --json`,
		ValidArgsFunction: func(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
			var words []string
			if len(args) == 0 {
				for _, r := range a.running(cmd) {
					if r.Server != "" {
						words = append(words, r.Server)
					}
				}
			}
			return words, cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			r, err := a.connectRecords(cmd.Context())
			if err != nil {
				return err
			}
			defer r.Close()
			operations, err := historyOf(cmd.Context(), r, args[0])
			if err != nil {
				return err
			}
			return a.print(operations, func(w io.Writer) { writeHistory(w, operations) })
		},
	}
}

// historyOf lists the operations of the one server that a name means.
func historyOf(ctx context.Context, r Records, name string) ([]hosting.Operation, error) {
	subject, err := r.Identify(ctx, records.Identification{Reference: name, Requester: hosting.Requester{Role: hosting.RoleStaff}})
	if err != nil {
		return nil, err
	}
	list := func(server string) ([]hosting.Operation, error) {
		return r.Operations(ctx, records.Filter{Server: server, Limit: maxHistory})
	}
	switch subject.Problem {
	case records.Identified:
		return list(subject.Server.ServiceID)
	case records.Retired: // what was done on it stays on record
		operations, err := list(name)
		if err == nil && len(operations) == 0 {
			err = fmt.Errorf("%s is retired. To do: give its service id, in the letter case of the records", name)
		}
		return operations, err
	case records.Ambiguous:
		return nil, usage{fmt.Errorf("%s names several servers. To do: give the service id", name)}
	default:
		return nil, fmt.Errorf("%w: %s", errNoServer, name)
	}
}

func writeHistory(w io.Writer, operations []hosting.Operation) {
	if len(operations) == 0 {
		fmt.Fprintln(w, "no operations on record")
		return
	}
	var t table
	t.add("OPENED (UTC)", "CLOSED (UTC)", "PROCEDURE", "TICKET", "PHASE", "OUTCOME")
	for _, o := range operations {
		t.add(minute(&o.OpenedAt), minute(o.ClosedAt), string(o.Procedure), o.Ticket, string(o.Phase), o.Outcome)
	}
	t.write(w)
}
