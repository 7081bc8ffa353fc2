package cli

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/handrail/handrail/hosting"
	"github.com/handrail/handrail/workflows"
)

// work are the technician's updates.
func (a *app) work() []*cobra.Command {
	return []*cobra.Command{a.power(), a.recordAction(), a.finish()}
}

func (a *app) power() *cobra.Command {
	var forced bool
	c := &cobra.Command{
		Use: "power OPERATION ACTION", GroupID: "work", Args: exactly(2),
		Short: "Act on the server's power, within the customer's permission; prints what was observed",
		Long: `Act on the server's power: ` + join(hosting.PowerActions()) + `.

Refused outside the customer's permission or window. The answer is what was
observed: reached, already, unmoved, contradictory or unknown; for the last three
the exit code is 1. A graceful off is followed by a forced one only with --forced.

It waits for the machine, which can take minutes. Ctrl-C ends the waiting, not
the action.`,
		Example: `  starter power 1001 cycle --by anna
  starter power 1001 graceful-off --forced --by anna`,
		ValidArgsFunction: func(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
			switch len(args) {
			case 0:
				return a.completeOperation(cmd)
			case 1:
				return texts(hosting.PowerActions()), cobra.ShellCompDirectiveNoFileComp
			default:
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			staff, err := a.byStaff()
			if err != nil {
				return err
			}
			action := hosting.PowerAction(args[1])
			if !slices.Contains(hosting.PowerActions(), action) {
				return usage{fmt.Errorf("%q is no power action: use one of %s", action, join(hosting.PowerActions()))}
			}
			if a.Terminal && !a.json {
				fmt.Fprintln(a.Err, "acting and watching the machine; this can take minutes …")
			}
			id, result, err := send[hosting.PowerResult](cmd.Context(), a, args[0], "power", workflows.PowerOrder{Staff: staff, Action: action, Forced: forced})
			if err != nil {
				return err
			}
			if err := a.print(result, func(w io.Writer) { fmt.Fprintln(w, id+": "+observed(result)) }); err != nil {
				return err
			}
			return result.Err(id)
		},
	}
	c.Flags().BoolVar(&forced, "forced", false, "where a graceful off does not work, force it")
	a.byFlag(c)
	nothing(c, "by")
	return c
}

// observed is a power action's result in a line.
func observed(r hosting.PowerResult) string {
	s := fmt.Sprintf("%s %s, was %s, is %s", r.Action, r.Outcome, r.Before, r.After)
	if len(r.ResetTypes) > 0 {
		s += fmt.Sprintf(", by %s (%s)", strings.Join(r.ResetTypes, ", "), r.Via)
	}
	if r.Forced {
		s += ", forced"
	}
	if r.Outcome.Succeeded() && r.Detail != "" { // else it is in the error
		s += "; " + r.Detail
	}
	return oneLine(s)
}

func (a *app) recordAction() *cobra.Command {
	var in workflows.RecordedAction
	c := a.operationCommand(&cobra.Command{
		Use: "record-action", GroupID: "work",
		Short:   "Write down what was done by hand, and what came of it; no secrets",
		Long:    "Write down what was done by hand, and what came of it. It goes into the log and, in\nthe summary, to the customer: no secrets.",
		Example: `  starter record-action 1001 --what "reseated the RAM" --result "32 GB are seen again" --by anna`,
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			if in.Staff, err = a.byStaff(); err != nil {
				return err
			}
			if err := given("what", in.What, "what was done"); err != nil {
				return err
			}
			return a.decide(cmd.Context(), args[0], "record-action", in)
		},
	})
	c.Flags().StringVar(&in.What, "what", "", "what was done (required)")
	c.Flags().StringVar(&in.Result, "result", "", "what came of it")
	a.byFlag(c)
	nothing(c, "what", "result", "by")
	return c
}

func (a *app) finish() *cobra.Command {
	var in workflows.Finish
	var unresolved bool
	leaves := []hosting.PowerState{hosting.PowerOn, hosting.PowerOff}
	c := a.operationCommand(&cobra.Command{
		Use: "finish", GroupID: "work",
		Short:   "End the technician's work, with the summary for the customer",
		Long:    "End the technician's work, with the summary for the customer. The server is then\nchecked: it has to be in the power state that --leave names.",
		Example: `  starter finish 1001 --summary "A fan was stuck and has been replaced" --by anna`,
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			if in.Staff, err = a.byStaff(); err != nil {
				return err
			}
			if err := given("summary", in.Summary, "what was found and done: the customer reads it"); err != nil {
				return err
			}
			if err := one("leave", in.Leave, leaves); err != nil {
				return err
			}
			in.Resolved = !unresolved
			return a.decide(cmd.Context(), args[0], "finish", in)
		},
	})
	c.Flags().StringVar(&in.Summary, "summary", "", "what was found and done, in a sentence or two: the customer reads it (required)")
	c.Flags().BoolVar(&unresolved, "unresolved", false, "the problem could not be solved")
	c.Flags().StringVar((*string)(&in.Leave), "leave", "on", "the power state in which the server is left: "+join(leaves))
	a.byFlag(c)
	complete(c, "leave", leaves)
	nothing(c, "summary", "by")
	return c
}
