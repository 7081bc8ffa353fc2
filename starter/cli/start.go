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
	c.AddCommand(a.startIntervention(), a.startReinstall())
	return c
}

// started is what a start leads to.
type started struct {
	Workflow string `json:"workflow"`
	Run      string `json:"run"`
}

// startCommand is the frame of a command that starts a procedure: it fills in the
// part of the request that all of them have. input checks the rest, and returns
// the whole.
func (a *app) startCommand(p hosting.Procedure, common *workflows.Request, c *cobra.Command, input func() (any, error)) *cobra.Command {
	c.Args = exactly(0)
	c.RunE = func(cmd *cobra.Command, _ []string) error {
		by, err := a.actor()
		if err != nil {
			return err
		}
		common.RequestedBy = hosting.Requester{Contact: by, Role: hosting.RoleStaff}
		in, err := input()
		if err != nil {
			return err
		}
		tc, err := a.connect(cmd.Context())
		if err != nil {
			return err
		}
		run, err := launch.Start(cmd.Context(), tc, p, *common, in)
		if err != nil {
			return err
		}
		return a.print(started{run.GetID(), run.GetRunID()}, func(w io.Writer) {
			fmt.Fprintf(w, "started %s\nfollow it with: starter show %s --watch\n", run.GetID(), run.GetID())
		})
	}
	c.Flags().StringVar(&common.Server, "server", "", "service id, IP address, host name or name of the server")
	c.Flags().StringVar(&common.Ticket, "ticket", "", "the ticket's number")
	a.byFlag(c)
	nothing(c, "server", "ticket", "by")
	return c
}

func (a *app) startIntervention() *cobra.Command {
	var in workflows.InterventionRequest
	var tools []string
	c := a.startCommand(hosting.ServerIntervention, &in.Request, &cobra.Command{
		Use: "intervention", Short: "Start a server intervention",
		Long: `Start a server intervention: a technician's work on a server at its owner's request.

With --ticket the request is read from the ticket; what is missing is asked for there.
Without one it is your own work on the server, and a ticket is opened for it.`,
		Example: `  starter start intervention --ticket 1001 --server srv-1004 --by anna
  starter start intervention --server srv-1004 --reason diagnostics --details "fan alarm" --by anna`,
	}, func() (any, error) {
		if in.Reason != "" {
			if err := one("reason", in.Reason, hosting.Reasons()); err != nil {
				return nil, err
			}
		}
		for _, t := range tools {
			if err := one("failed", hosting.RemoteTool(t), hosting.RemoteTools()); err != nil {
				return nil, err
			}
			in.FailedTools = append(in.FailedTools, hosting.RemoteTool(t))
		}
		return in, nil
	})
	f := c.Flags()
	f.StringVar((*string)(&in.Reason), "reason", "", "one of "+join(hosting.Reasons()))
	f.StringVar(&in.Details, "details", "", "what is wrong, in a sentence")
	f.StringSliceVar(&tools, "failed", nil, "remote tools that failed: "+join(hosting.RemoteTools()))
	complete(c, "reason", hosting.Reasons())
	complete(c, "failed", hosting.RemoteTools())
	nothing(c, "details")
	return c
}

func (a *app) startReinstall() *cobra.Command {
	var in workflows.ReinstallRequest
	var said installation
	c := a.startCommand(hosting.OSReinstall, &in.Request, &cobra.Command{
		Use: "reinstall", Short: "Start a reinstallation of an operating system",
		Long: `Start a reinstallation: an operating system is installed anew on a server at its
owner's order, and the data on its disks is lost.

With --ticket the request is read from the ticket; what is missing is asked for there.
Without one it is your own work on the server, and a ticket is opened for it. What
neither you nor the customer says becomes the default, which the customer is told.

Nothing is erased before the owner has consented to it, for exactly this system and
these disks: on the ticket, or recorded by you with "starter consent". What there is to
install, "starter systems" lists.

` + installHelp,
		Example: `  starter start reinstall --ticket 1002 --by anna
  starter start reinstall --ticket 1002 --server srv-1004 --system "Debian 12" --raid 1 \
      --host-name web.acme.example --ssh-key @giulia.pub --by anna
  starter start reinstall --server srv-1004 --system "Rocky Linux 9" \
      --partitioning "/boot 1G, swap 8G, / 50G, /srv rest xfs" --keep S4EVNX0R \
      --password-ref file:srv-1004 --by anna`,
	}, func() (any, error) {
		var err error
		in.InstallFields, err = said.read()
		return in, err
	})
	said.flags(a, c)
	return c
}
