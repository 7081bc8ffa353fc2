package cli

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/handrail/handrail/hosting"
	"github.com/handrail/handrail/starter/launch"
	"github.com/handrail/handrail/workflows"
)

func (a *app) start() *cobra.Command {
	c := &cobra.Command{Use: "start", GroupID: "steer", Short: "Start a procedure"}
	c.AddCommand(a.startIntervention())
	return c
}

func (a *app) startIntervention() *cobra.Command {
	var in workflows.InterventionRequest
	var reason string
	var tools []string
	c := &cobra.Command{
		Use: "intervention", Short: "Start a server intervention", Args: exactly(0),
		Long: `Start a server intervention: a technician's work on a server at its owner's request.

With --ticket the request, the permission and the word on backups are read from
the ticket, and asked for there if they are missing. Without one it is your own
work on the server, and a ticket is opened for it.`,
		Example: `  starter start intervention --ticket 1001 --by anna
  starter start intervention --server srv-1004 --reason diagnostics --by anna`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			by, err := a.actor()
			if err != nil {
				return err
			}
			in.RequestedBy = hosting.Requester{Contact: by, Role: hosting.RoleStaff}
			in.Reason = hosting.Reason(reason)
			if reason != "" && !slices.Contains(hosting.Reasons(), in.Reason) {
				return usage{fmt.Errorf("--reason %q is not one of %v", reason, hosting.Reasons())}
			}
			for _, t := range tools {
				if !slices.Contains(hosting.RemoteTools(), hosting.RemoteTool(t)) {
					return usage{fmt.Errorf("--failed %q is not one of %v", t, hosting.RemoteTools())}
				}
				in.FailedTools = append(in.FailedTools, hosting.RemoteTool(t))
			}
			tc, err := a.connect(cmd.Context())
			if err != nil {
				return err
			}
			run, err := launch.Start(cmd.Context(), tc, hosting.ServerIntervention, in.Request, in)
			if err != nil {
				return err
			}
			started := map[string]string{"workflow": run.GetID(), "run": run.GetRunID()}
			return a.print(started, func(w io.Writer) {
				fmt.Fprintf(w, "started %s\nfollow it with: starter show %s --watch\n", run.GetID(), run.GetID())
			})
		},
	}
	f := c.Flags()
	f.StringVar(&in.Server, "server", "", "service id, IP address, host name or name of the server")
	f.StringVar(&in.Ticket, "ticket", "", "the ticket's number")
	f.StringVar(&reason, "reason", "", "one of "+join(hosting.Reasons()))
	f.StringVar(&in.Details, "details", "", "what is wrong, in a sentence")
	f.StringSliceVar(&tools, "failed", nil, "remote tools that failed: "+join(hosting.RemoteTools()))
	a.byFlag(c)
	complete(c, "reason", hosting.Reasons())
	complete(c, "failed", hosting.RemoteTools())
	return c
}

func join[T ~string](values []T) string {
	words := make([]string, len(values))
	for i, v := range values {
		words[i] = string(v)
	}
	return strings.Join(words, ", ")
}

// complete lets the shell complete a flag from a list.
func complete[T ~string](c *cobra.Command, flag string, values []T) {
	words := make([]string, len(values))
	for i, v := range values {
		words[i] = string(v)
	}
	// The flag was added a line above: the call can not fail.
	_ = c.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(words, cobra.ShellCompDirectiveNoFileComp))
}
