package cli

import (
	"github.com/spf13/cobra"

	"github.com/handrail/handrail/workflows"
)

// decisions are the updates that every operation understands.
func (a *app) decisions() []*cobra.Command {
	var commands []*cobra.Command
	for _, d := range []struct {
		name, short, long string
		reason, example   string
		required          bool
	}{
		{
			"relaunch", "Run the failed step again, once its cause is corrected",
			"Run the failed step again, once its cause is corrected. The operation goes on from\nthere; both attempts are kept.",
			"what was corrected", "the BMC answers again", false,
		},
		{
			"skip", "Go on without the failed step, where that is allowed",
			"Go on without the failed step, where that is allowed. The status keeps who skipped it.",
			"why it is not needed", "looked at it on the console", true,
		},
		{
			"cancel", "End the operation, with clean-up; refused after the point of no return",
			"End the operation. What it changed is put back, last change first: the power as it was\nfound, the alerts on again. After the point of no return it is refused.",
			"why; the customer reads it", "you asked us to leave it for now", true,
		},
		{
			"hold", "Pause: no further step and no power action until resume",
			"Pause the operation: no further step begins and no power action is taken until it is\nresumed.",
			"why", "the rack is being moved", true,
		},
		{
			"resume", "Go on after a hold", "Go on after a hold, where the operation stood.",
			"what has changed", "the rack is in its place", false,
		},
		{
			"note", "Write a note into the operation's log; the customer does not see it",
			"Write a note into the operation's log, which nobody can change later. The customer\ndoes not see it. No secrets.",
			"the note", "the customer called, is in a hurry", true,
		},
	} {
		var reason string
		c := a.operationCommand(&cobra.Command{
			Use: d.name, GroupID: "steer", Short: d.short, Long: d.long,
			Example: "  starter " + d.name + ` 1001 --by anna --reason "` + d.example + `"`,
			RunE: func(cmd *cobra.Command, args []string) error {
				staff, err := a.byStaff()
				if err != nil {
					return err
				}
				if d.required {
					if err := given("reason", reason, d.reason); err != nil {
						return err
					}
				}
				return a.decide(cmd.Context(), args[0], d.name, workflows.Decision{Staff: staff, Reason: reason})
			},
		})
		help := d.reason
		if d.required {
			help += " (required)"
		}
		c.Flags().StringVar(&reason, "reason", "", help)
		a.byFlag(c)
		nothing(c, "reason", "by")
		commands = append(commands, c)
	}
	return commands
}
