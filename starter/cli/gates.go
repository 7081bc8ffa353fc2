package cli

import (
	"fmt"
	"regexp"
	"time"

	"github.com/spf13/cobra"

	"github.com/handrail/handrail/hosting"
	"github.com/handrail/handrail/workflows"
)

// gates are the updates that answer a gate for the customer.
func (a *app) gates() []*cobra.Command {
	return []*cobra.Command{a.authorizePower(), a.confirmBackup(), a.consent(), a.specify(), a.provideCredentials()}
}

// evidence are the flags of a statement that the customer made elsewhere.
type evidence struct {
	hosting.Evidence
	at string
}

func (e *evidence) flags(c *cobra.Command) {
	f := c.Flags()
	f.StringVar(&e.Text, "text", "", "what the customer said, word for word (required)")
	f.StringVar(&e.Author, "author", "", "e-mail address of the customer's contact who said it (required)")
	f.StringVar(&e.How, "how", "", `how it was given, such as "phone, called back on the number on file" (required)`)
	f.StringVar(&e.at, "at", "", "when, such as 2026-11-22T02:00:00Z (default: now)")
	f.StringVar((*string)(&e.Language), "language", "", "the language of the words: "+join(hosting.Languages())+" (default: the customer's)")
	complete(c, "language", hosting.Languages())
	nothing(c, "text", "author", "how", "at")
}

// read returns the evidence, or what it lacks: without who, what and how it
// proves nothing (I8).
func (e *evidence) read() (hosting.Evidence, error) {
	for _, needed := range []struct{ flag, value, what string }{
		{"text", e.Text, "what the customer said, word for word"},
		{"author", e.Author, "the e-mail address of the customer's contact who said it"},
		{"how", e.How, "how the customer gave it"},
	} {
		if err := given(needed.flag, needed.value, needed.what); err != nil {
			return hosting.Evidence{}, err
		}
	}
	if e.Language != "" {
		if err := one("language", e.Language, hosting.Languages()); err != nil {
			return hosting.Evidence{}, err
		}
	}
	if e.at == "" {
		return e.Evidence, nil
	}
	at, err := time.Parse(time.RFC3339, e.at)
	if err != nil {
		return hosting.Evidence{}, usage{fmt.Errorf("--at %q is not a time such as 2026-11-22T02:00:00Z", e.at)}
	}
	e.At = at.UTC()
	return e.Evidence, nil
}

func (a *app) authorizePower() *cobra.Command {
	var e evidence
	var grant hosting.PowerGrant
	var window hosting.Window
	grants := []hosting.PowerGrant{hosting.GrantAllowed, hosting.GrantRefused, hosting.GrantWindow}
	c := a.operationCommand(&cobra.Command{
		Use: "authorize-power", GroupID: "gate",
		Short: "Record the customer's permission for power actions, or take it back",
		Long: `Record the customer's permission for power actions: allowed at any time,
not-allowed, or allowed in a window only. It replaces an earlier one; a power
action under way that it no longer covers is stopped.`,
		Example: `  starter authorize-power 1001 --grant allowed --author giulia@example.it \
      --text "You may restart it whenever you need" --how "phone, called back"
  starter authorize-power 1001 --grant window --from "2026-11-22 02:00" --to "2026-11-22 05:00" \
      --zone Europe/Rome --author giulia@example.it --text "…" --how "phone, called back"`,
		RunE: func(cmd *cobra.Command, args []string) error {
			staff, err := a.byStaff()
			if err != nil {
				return err
			}
			if err := one("grant", grant, grants); err != nil {
				return err
			}
			in := workflows.AuthorizePower{Staff: staff, Permission: hosting.PowerPermission{Grant: grant}}
			if window != (hosting.Window{}) {
				in.Permission.Window = &window
			}
			if err := in.Permission.Validate(); err != nil {
				return usage{err}
			}
			if in.Evidence, err = e.read(); err != nil {
				return err
			}
			return a.decide(cmd.Context(), args[0], "authorize-power", in)
		},
	})
	f := c.Flags()
	f.StringVar((*string)(&grant), "grant", "", join(grants)+" (required)")
	f.StringVar(&window.From, "from", "", "the window's start, YYYY-MM-DD HH:MM in its zone")
	f.StringVar(&window.To, "to", "", "the window's end, likewise")
	f.StringVar(&window.Zone, "zone", "", "the window's IANA zone, such as Europe/Rome")
	e.flags(c)
	a.byFlag(c)
	complete(c, "grant", grants)
	nothing(c, "from", "to", "zone", "by")
	return c
}

func (a *app) confirmBackup() *cobra.Command {
	var e evidence
	var answer hosting.BackupAnswer
	answers := []hosting.BackupAnswer{hosting.BackupCurrent, hosting.BackupLossOkay}
	c := a.operationCommand(&cobra.Command{
		Use: "confirm-backup", GroupID: "gate",
		Short: "Record the customer's word on backups",
		Long:  "Record the customer's word on backups: a current one exists, or there is none and\nthe loss of data is accepted.",
		Example: `  starter confirm-backup 1001 --answer exists --author giulia@example.it \
      --text "We backed it up last night" --how "phone, called back"`,
		RunE: func(cmd *cobra.Command, args []string) error {
			staff, err := a.byStaff()
			if err != nil {
				return err
			}
			if err := one("answer", answer, answers); err != nil {
				return err
			}
			in := workflows.ConfirmBackup{Staff: staff, Answer: answer}
			if in.Evidence, err = e.read(); err != nil {
				return err
			}
			return a.decide(cmd.Context(), args[0], "confirm-backup", in)
		},
	})
	c.Flags().StringVar((*string)(&answer), "answer", "", join(answers)+" (required)")
	e.flags(c)
	a.byFlag(c)
	complete(c, "answer", answers)
	nothing(c, "by")
	return c
}

// secretReference is the form of a name in the secret store.
var secretReference = regexp.MustCompile(`^[a-z][a-z0-9+-]{1,15}:[A-Za-z0-9._/-]{1,200}$`)

// refersOnly refuses what may be a secret itself before it is sent anywhere. It
// is not repeated.
func refersOnly(flag, reference string) error {
	if secretReference.MatchString(reference) {
		return nil
	}
	return usage{fmt.Errorf("--%s is not of the form scheme:name. To do: keep the secret in the secret store and give its reference; "+
		"if this was the secret itself, change it: the shell may have kept it", flag)}
}

func (a *app) provideCredentials() *cobra.Command {
	var reference string
	c := a.operationCommand(&cobra.Command{
		Use: "provide-credentials", GroupID: "gate",
		Short:   "Name where the customer's credentials are kept; never the credentials themselves",
		Long:    "Name where in the secret store the customer's credentials are kept, as scheme:name.\nNever the credentials themselves: what is sent is kept in histories.",
		Example: "  starter provide-credentials 1001 --reference vault:customers/acme/srv-1004",
		RunE: func(cmd *cobra.Command, args []string) error {
			staff, err := a.byStaff()
			if err != nil {
				return err
			}
			if err := given("reference", reference, "where in the secret store they are, as scheme:name"); err != nil {
				return err
			}
			if err := refersOnly("reference", reference); err != nil {
				return err
			}
			return a.decide(cmd.Context(), args[0], "provide-credentials", workflows.ProvideCredentials{Staff: staff, Reference: reference})
		},
	})
	c.Flags().StringVar(&reference, "reference", "", "scheme:name in the secret store (required)")
	a.byFlag(c)
	nothing(c, "reference", "by")
	return c
}
