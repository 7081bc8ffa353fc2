package cli

import (
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/handrail/handrail/hosting"
	"github.com/handrail/handrail/workflows"
)

// decisions are the updates that every operation understands.
func (a *app) decisions() []*cobra.Command {
	var commands []*cobra.Command
	for _, d := range []struct{ name, short, reason string }{
		{"relaunch", "Run the failed step again, once its cause is corrected", "what was corrected"},
		{"skip", "Go on without the failed step, where that is allowed", "why it is not needed"},
		{"cancel", "End the operation, with clean-up; refused after the point of no return", "why; the customer reads it"},
		{"hold", "Pause: no further step and no power action until resume", "why"},
		{"resume", "Go on after a hold", ""},
		{"note", "Write a note into the operation's log; the customer does not see it", "the note"},
	} {
		var reason string
		c := &cobra.Command{
			Use: d.name + " OPERATION", GroupID: "steer", Short: d.short, Args: exactly(1),
			RunE: func(cmd *cobra.Command, args []string) error {
				by, err := a.actor()
				if err != nil {
					return err
				}
				decision := workflows.Decision{Staff: workflows.Staff{By: by}, Reason: reason}
				return update(a, cmd.Context(), args[0], d.name, decision, sentence)
			},
		}
		if d.reason != "" {
			c.Flags().StringVar(&reason, "reason", "", d.reason)
		}
		a.byFlag(c)
		commands = append(commands, c)
	}
	return commands
}

func sentence(w io.Writer, s string) { fmt.Fprintln(w, s) }

// evidence are the flags of a statement that the customer made elsewhere.
type evidence struct{ text, author, how, at, language string }

func (e *evidence) flags(c *cobra.Command) {
	f := c.Flags()
	f.StringVar(&e.text, "text", "", "what the customer said, word for word")
	f.StringVar(&e.author, "author", "", "e-mail address of the customer's contact who said it")
	f.StringVar(&e.how, "how", "", "how it was given: \"phone, called back on the number on file\"")
	f.StringVar(&e.at, "at", "", "when, as 2006-01-02T15:04:05Z (default: now)")
	f.StringVar(&e.language, "language", "", "en, it or pl (default: the customer's)")
}

func (e *evidence) read() (hosting.Evidence, error) {
	out := hosting.Evidence{Text: e.text, Author: e.author, How: e.how, Language: hosting.Language(e.language)}
	if e.at == "" {
		return out, nil
	}
	at, err := time.Parse(time.RFC3339, e.at)
	if err != nil {
		return out, usage{fmt.Errorf("--at %q is not a time such as 2026-11-22T02:00:00Z", e.at)}
	}
	out.At = at
	return out, nil
}

// gates are the updates that answer a gate for the customer.
func (a *app) gates() []*cobra.Command {
	return []*cobra.Command{a.authorizePower(), a.confirmBackup(), a.provideCredentials()}
}

func (a *app) authorizePower() *cobra.Command {
	var e evidence
	var grant string
	var window hosting.Window
	c := &cobra.Command{
		Use: "authorize-power OPERATION", GroupID: "gate", Args: exactly(1),
		Short: "Record the customer's permission for power actions, or take it back",
		Example: `  starter authorize-power 1001 --grant allowed --author giulia@example.it \
      --text "You may restart it whenever you need" --how "phone, called back"
  starter authorize-power 1001 --grant window --from "2026-11-22 02:00" --to "2026-11-22 05:00" --zone Europe/Rome …`,
		RunE: func(cmd *cobra.Command, args []string) error {
			by, err := a.actor()
			if err != nil {
				return err
			}
			in := workflows.AuthorizePower{Staff: workflows.Staff{By: by}, Permission: hosting.PowerPermission{Grant: hosting.PowerGrant(grant)}}
			if window != (hosting.Window{}) {
				in.Permission.Window = &window
			}
			if in.Evidence, err = e.read(); err != nil {
				return err
			}
			return update(a, cmd.Context(), args[0], "authorize-power", in, sentence)
		},
	}
	f := c.Flags()
	f.StringVar(&grant, "grant", "", "allowed, not-allowed or window")
	f.StringVar(&window.From, "from", "", "the window's start, "+hosting.LocalTime+" in its zone")
	f.StringVar(&window.To, "to", "", "the window's end")
	f.StringVar(&window.Zone, "zone", "", "the window's IANA zone, Europe/Rome")
	e.flags(c)
	a.byFlag(c)
	complete(c, "grant", []hosting.PowerGrant{hosting.GrantAllowed, hosting.GrantRefused, hosting.GrantWindow})
	return c
}

func (a *app) confirmBackup() *cobra.Command {
	var e evidence
	var answer string
	c := &cobra.Command{
		Use: "confirm-backup OPERATION", GroupID: "gate", Args: exactly(1),
		Short: "Record the customer's word on backups: exists, or loss-accepted",
		RunE: func(cmd *cobra.Command, args []string) error {
			by, err := a.actor()
			if err != nil {
				return err
			}
			in := workflows.ConfirmBackup{Staff: workflows.Staff{By: by}, Answer: hosting.BackupAnswer(answer)}
			if in.Evidence, err = e.read(); err != nil {
				return err
			}
			return update(a, cmd.Context(), args[0], "confirm-backup", in, sentence)
		},
	}
	c.Flags().StringVar(&answer, "answer", "", "exists or loss-accepted")
	e.flags(c)
	a.byFlag(c)
	complete(c, "answer", []hosting.BackupAnswer{hosting.BackupCurrent, hosting.BackupLossOkay})
	return c
}

func (a *app) provideCredentials() *cobra.Command {
	var reference string
	c := &cobra.Command{
		Use: "provide-credentials OPERATION", GroupID: "gate", Args: exactly(1),
		Short: "Name where the customer's credentials are kept; never the credentials themselves",
		RunE: func(cmd *cobra.Command, args []string) error {
			by, err := a.actor()
			if err != nil {
				return err
			}
			in := workflows.ProvideCredentials{Staff: workflows.Staff{By: by}, Reference: reference}
			return update(a, cmd.Context(), args[0], "provide-credentials", in, sentence)
		},
	}
	c.Flags().StringVar(&reference, "reference", "", "scheme:name in the secret store")
	a.byFlag(c)
	return c
}

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
observed: reached, already, unmoved, contradictory or unknown. A graceful off
is followed by a forced one only with --forced.`,
		ValidArgsFunction: func(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
			if len(args) != 1 {
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
			var words []string
			for _, action := range hosting.PowerActions() {
				words = append(words, string(action))
			}
			return words, cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			by, err := a.actor()
			if err != nil {
				return err
			}
			order := workflows.PowerOrder{Staff: workflows.Staff{By: by}, Action: hosting.PowerAction(args[1]), Forced: forced}
			if a.Terminal && !a.json {
				fmt.Fprintln(a.Err, "acting and watching the machine; this can take minutes …")
			}
			return update(a, cmd.Context(), args[0], "power", order, func(w io.Writer, r hosting.PowerResult) {
				fmt.Fprintf(w, "%s: %s (was %s, is %s, by %s)\n", r.Action, r.Outcome, r.Before, r.After, r.Via)
				if r.Detail != "" {
					fmt.Fprintln(w, r.Detail)
				}
			})
		},
	}
	c.Flags().BoolVar(&forced, "forced", false, "where a graceful off does not work, force it")
	a.byFlag(c)
	return c
}

func (a *app) recordAction() *cobra.Command {
	var in workflows.RecordedAction
	c := &cobra.Command{
		Use: "record-action OPERATION", GroupID: "work", Args: exactly(1),
		Short: "Write down what was done by hand, and what came of it; no secrets",
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			if in.By, err = a.actor(); err != nil {
				return err
			}
			return update(a, cmd.Context(), args[0], "record-action", in, sentence)
		},
	}
	c.Flags().StringVar(&in.What, "what", "", "what was done")
	c.Flags().StringVar(&in.Result, "result", "", "what came of it")
	a.byFlag(c)
	return c
}

func (a *app) finish() *cobra.Command {
	var in workflows.Finish
	var leave string
	var unresolved bool
	c := &cobra.Command{
		Use: "finish OPERATION", GroupID: "work", Args: exactly(1),
		Short: "End the technician's work, with the summary for the customer",
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			if in.By, err = a.actor(); err != nil {
				return err
			}
			in.Leave, in.Resolved = hosting.PowerState(leave), !unresolved
			return update(a, cmd.Context(), args[0], "finish", in, sentence)
		},
	}
	c.Flags().StringVar(&in.Summary, "summary", "", "what was found and done, in a sentence or two: the customer reads it")
	c.Flags().BoolVar(&unresolved, "unresolved", false, "the problem could not be solved")
	c.Flags().StringVar(&leave, "leave", "on", "the power state to leave the server in: on or off")
	a.byFlag(c)
	return c
}
