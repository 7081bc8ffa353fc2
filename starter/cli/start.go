package cli

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/handrail/handrail/hosting"
	"github.com/handrail/handrail/starter/launch"
	"github.com/handrail/handrail/workflows"
)

func (a *app) start() *cobra.Command {
	c := &cobra.Command{
		Use: "start", GroupID: "steer", Short: "Start a procedure",
		Long: "Start a procedure. Each has a command of its own, with what it needs to know.",
	}
	c.AddCommand(a.startIntervention())
	return c
}

// started is what a start leads to.
type started struct {
	Workflow string `json:"workflow"`
	Run      string `json:"run"`
}

func (a *app) startIntervention() *cobra.Command {
	var in workflows.InterventionRequest
	var tools []string
	c := &cobra.Command{
		Use: "intervention", Short: "Start a server intervention", Args: exactly(0),
		Long: `Start a server intervention: a technician's work on a server at its owner's request.

With --ticket the request is read from the ticket; what is missing is asked for there.
Without one it is your own work on the server, and a ticket is opened for it.`,
		Example: `  starter start intervention --ticket 1001 --server srv-1004 --by anna
  starter start intervention --server srv-1004 --reason diagnostics --details "fan alarm" --by anna`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			by, err := a.actor()
			if err != nil {
				return err
			}
			in.RequestedBy = hosting.Requester{Contact: by, Role: hosting.RoleStaff}
			if in.Reason != "" {
				if err := one("reason", in.Reason, hosting.Reasons()); err != nil {
					return err
				}
			}
			for _, t := range tools {
				if err := one("failed", hosting.RemoteTool(t), hosting.RemoteTools()); err != nil {
					return err
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
			return a.print(started{run.GetID(), run.GetRunID()}, func(w io.Writer) {
				fmt.Fprintf(w, "started %s\nfollow it with: starter show %s --watch\n", run.GetID(), run.GetID())
			})
		},
	}
	f := c.Flags()
	f.StringVar(&in.Server, "server", "", "service id, IP address, host name or name of the server")
	f.StringVar(&in.Ticket, "ticket", "", "the ticket's number")
	f.StringVar((*string)(&in.Reason), "reason", "", "one of "+join(hosting.Reasons()))
	f.StringVar(&in.Details, "details", "", "what is wrong, in a sentence")
	f.StringSliceVar(&tools, "failed", nil, "remote tools that failed: "+join(hosting.RemoteTools()))
	a.byFlag(c)
	complete(c, "reason", hosting.Reasons())
	complete(c, "failed", hosting.RemoteTools())
	nothing(c, "server", "ticket", "details", "by")
	return c
}
