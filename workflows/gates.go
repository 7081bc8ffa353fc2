package workflows

import (
	"errors"
	"regexp"
	"slices"
	"strings"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/handrail/handrail/activities"
	"github.com/handrail/handrail/activities/records"
	"github.com/handrail/handrail/hosting"
)

// need is something that must be known or permitted before work goes on.
type need struct {
	field hosting.Field
	met   func(*operation) bool
}

// The needs that procedures share.
var (
	needReason  = need{hosting.FieldReason, func(op *operation) bool { return op.Customer.Fields.Reason != "" }}
	needDetails = need{hosting.FieldDetails, func(op *operation) bool { return op.Customer.Fields.Details != "" }}
	// needPower is an explicit answer, be it no; absent is never yes (I6). A
	// window that is over is no answer any more.
	needPower = need{hosting.FieldPower, func(op *operation) bool {
		p := op.powerPermitted()
		return p.Answered() && !windowOver(p, *op.now())
	}}
	// needPowerAllowed is for work that can not be done without power actions.
	needPowerAllowed = need{hosting.FieldPower, func(op *operation) bool {
		return needPower.met(op) && op.powerPermitted().Grant != hosting.GrantRefused
	}}
	needBackup = need{hosting.FieldBackup, func(op *operation) bool { return op.backupStated() != hosting.BackupNone }}
	// needAccess: where work inside the system is needed, a console (a server
	// with a BMC has one) or credentials by reference (I5).
	needAccess = need{hosting.FieldCredentials, func(op *operation) bool {
		return !worksInside[op.Customer.Fields.Reason] || op.Customer.Credentials != "" || len(op.Subject.Server.BMC.Endpoints) > 0
	}}
)

// permission is what this procedure needs the customer to say on power.
func (op *operation) permission() need {
	if op.procedure.permission != nil {
		return *op.procedure.permission
	}
	return needPower
}

// worksInside lists the reasons that lead into the operating system.
var worksInside = map[hosting.Reason]bool{hosting.ReasonNetwork: true, hosting.ReasonUpdate: true}

func windowOver(p hosting.PowerPermission, now time.Time) bool {
	if p.Grant != hosting.GrantWindow {
		return false
	}
	_, to, err := p.Window.Span()
	return err != nil || !now.Before(to)
}

// collect asks for what is missing until nothing is, naming it (I16). It asks
// again only when the customer wrote and something is still open.
func (op *operation) collect(needs ...need) func(workflow.Context) error {
	return func(ctx workflow.Context) error {
		missing := func() (fields []hosting.Field) {
			for _, n := range needs {
				if !n.met(op) {
					fields = append(fields, n.field)
				}
			}
			return fields
		}
		for {
			open := missing()
			if len(open) == 0 {
				return op.file(ctx)
			}
			c := &op.Customer
			heard := c.Heard
			q := question{on: fieldWords(open), letter: hosting.Letter{
				Name: hosting.LetterMissing, Missing: open, Unclear: c.Fields.Unclear, Redacted: c.Fields.Redacted,
			}}
			// An answer that changes nothing is asked again only so often: it may
			// be an out-of-office note. The reminders go on.
			unmoved := func() bool {
				return slices.Equal(missing(), open) && slices.Equal(c.Fields.Unclear, q.letter.Unclear)
			}
			if err := op.ask(ctx, q, func() bool {
				return len(missing()) == 0 || c.Heard > heard && (!unmoved() || c.Repeats < maxRepeats)
			}); err != nil {
				return err
			}
			if unmoved() {
				c.Repeats++
			}
		}
	}
}

func fieldWords(fields []hosting.Field) string {
	words := make([]string, len(fields))
	for i, f := range fields {
		words[i] = string(f)
	}
	return strings.Join(words, ", ")
}

func (op *operation) powerPermitted() hosting.PowerPermission {
	if p := op.Customer.Fields.Power; p != nil {
		return p.Permission
	}
	return hosting.PowerPermission{}
}

func (op *operation) backupStated() hosting.BackupAnswer {
	if b := op.Customer.Fields.Backup; b != nil {
		return b.Answer
	}
	return hosting.BackupNone
}

// permitPower puts a power statement in force, at once. It replaces an earlier
// one; a power action under way that it no longer covers is stopped.
func (op *operation) permitPower(p hosting.PowerStatement) {
	before := op.powerPermitted()
	if op.overtaken(p) {
		return
	}
	op.Customer.Fields.Power = &p
	// An attempt that is repeated later would go by the old permission.
	if op.revoke != nil && p.Permission.Grant != hosting.GrantAllowed {
		op.revoke()
	}
	op.keep(filing{Evidence: p.Evidence, Replaces: before.Answered()})
	if p.Permission.Grant == hosting.GrantRefused && before.Answered() && before.Grant != hosting.GrantRefused {
		op.send(outgoing{Letter: hosting.Letter{Name: hosting.LetterRevoked}})
	}
}

// overtaken tells of a message that a later word has overtaken. Clocks differ and
// people mistype dates: what permits less counts whatever its time.
func (op *operation) overtaken(p hosting.PowerStatement) bool {
	last := op.Customer.Fields.Power
	return last != nil && p.Evidence.At.Before(last.Evidence.At) && extent[p.Permission.Grant] >= extent[last.Permission.Grant]
}

// extent says which permission permits more.
var extent = map[hosting.PowerGrant]int{hosting.GrantRefused: 0, hosting.GrantWindow: 1, hosting.GrantAllowed: 2}

// stateBackup puts the word on backups in force (I9).
func (op *operation) stateBackup(b hosting.BackupStatement) {
	if last := op.Customer.Fields.Backup; last != nil && b.Evidence.At.Before(last.Evidence.At) {
		return
	}
	op.Customer.Fields.Backup = &b
	op.keep(filing{Evidence: b.Evidence})
}

// filing is a statement that is in force and has to be stored as it was made
// (I8).
type filing struct {
	Evidence hosting.Evidence `json:"evidence"`
	// Replaces: earlier power statements are revoked first.
	Replaces bool `json:"replaces,omitempty"`
}

func (op *operation) keep(f filing) {
	op.remember(f.Evidence)
	op.Files = append(op.Files, f)
}

// remember adds a statement to those that the status shows.
func (op *operation) remember(e hosting.Evidence) {
	c := &op.Customer
	c.Said = append(c.Said, e)
	if extra := len(c.Said) - maxRemembered; extra > 0 {
		c.Said = c.Said[extra:]
	}
}

// file stores the statements that are not stored yet. Nothing is done on the
// strength of a statement before that.
func (op *operation) file(ctx workflow.Context) error {
	if err := op.filing.Lock(ctx); err != nil {
		return err
	}
	defer op.filing.Unlock()
	for len(op.Files) > 0 {
		f := op.Files[0]
		if err := op.store(ctx, f); err != nil {
			if temporal.IsCanceledError(err) {
				return err
			}
			op.disown(f, err)
		}
		op.Files = op.Files[1:]
	}
	return nil
}

func (op *operation) store(ctx workflow.Context, f filing) error {
	if f.Replaces {
		if err := op.revokePower(ctx, f.Evidence); err != nil {
			return err
		}
	}
	consent := hosting.Consent{Operation: op.ID, Server: op.serverID(), Evidence: f.Evidence}
	return record(ctx, "Keep the statement "+string(f.Evidence.Statement), nil, rec.RecordConsent, consent)
}

// disown takes a statement out of force that the records refuse: what can not be
// proved permits nothing. A refusal stays.
func (op *operation) disown(f filing, err error) {
	known := &op.Customer.Fields
	if p := known.Power; p != nil && p.Evidence == f.Evidence && p.Permission.Grant != hosting.GrantRefused {
		known.Power = nil
	}
	if b := known.Backup; b != nil && b.Evidence == f.Evidence {
		known.Backup = nil
	}
	op.tellDuty("storing a statement of the customer's", activities.Words(err))
}

// revokePower takes back the power statements that a later one replaces.
func (op *operation) revokePower(ctx workflow.Context, by hosting.Evidence) error {
	return record(ctx, "Revoke the earlier permission for power actions", nil, rec.RevokeConsents, records.Revocation{
		Operation: op.ID, Statements: []hosting.StatementKind{hosting.PowerAllowed, hosting.PowerWindow, hosting.PowerRefused},
		By: by.Author, Reason: by.Text,
	})
}

// awaitWindow waits until the customer's window begins. The customer may change
// it meanwhile, and is asked for another where it has passed unused.
func (op *operation) awaitWindow(ctx workflow.Context) error {
	for {
		if err := op.collect(op.permission())(ctx); err != nil {
			return err
		}
		p := op.powerPermitted()
		if p.Grant != hosting.GrantWindow {
			return nil
		}
		from, _, err := p.Window.Span()
		if err != nil {
			return err
		}
		now := *op.now()
		if !now.Before(from) {
			return nil
		}
		w := wait{on: "the customer's window from " + p.Window.String(), phase: hosting.PhaseWaiting, timeout: from.Sub(now)}
		err = op.await(ctx, w, func() bool { return op.powerPermitted() != p })
		if err != nil && !errors.Is(err, errTimeout) {
			return err
		}
	}
}

// AuthorizePower is the update with which staff record a power permission that
// the customer gave outside the ticket, or take it back.
type AuthorizePower struct {
	Staff
	Permission hosting.PowerPermission `json:"permission"`
	Evidence   hosting.Evidence        `json:"evidence"`
}

// ConfirmBackup is the update for the word on backups.
type ConfirmBackup struct {
	Staff
	Answer   hosting.BackupAnswer `json:"answer"`
	Evidence hosting.Evidence     `json:"evidence"`
}

// ProvideCredentials is the update that names where credentials are kept. It
// holds a reference, never the credentials (I5, rule 5).
type ProvideCredentials struct {
	Staff
	Reference string `json:"reference"`
}

// grantStatements and backupStatements name the statement that an answer is.
var (
	grantStatements = map[hosting.PowerGrant]hosting.StatementKind{
		hosting.GrantAllowed: hosting.PowerAllowed, hosting.GrantRefused: hosting.PowerRefused, hosting.GrantWindow: hosting.PowerWindow,
	}
	backupStatements = map[hosting.BackupAnswer]hosting.StatementKind{
		hosting.BackupCurrent: hosting.BackupExists, hosting.BackupLossOkay: hosting.LossAccepted,
	}
	secretReference = regexp.MustCompile(`^[a-z][a-z0-9+-]{1,15}:[A-Za-z0-9._/-]{1,200}$`)
)

func (op *operation) handleGates() error {
	err := handle(op, "authorize-power", "Record the customer's permission for power actions (allowed, not-allowed, window) with its evidence: text, author and how it was given.",
		func(a AuthorizePower) error {
			if err := a.Permission.Validate(); err != nil {
				return err
			}
			return op.checkEvidence(op.complete(a.Evidence, grantStatements[a.Permission.Grant], a.By))
		},
		func(ctx workflow.Context, a AuthorizePower) (string, error) {
			e := op.complete(a.Evidence, grantStatements[a.Permission.Grant], a.By)
			op.permitPower(hosting.PowerStatement{Permission: a.Permission, Evidence: e})
			op.logAction(ctx, a.By, "authorize-power", string(a.Permission.Grant))
			return "power: " + permissionWords(op.powerPermitted()), op.file(ctx)
		})
	if err != nil {
		return err
	}
	err = handle(op, "confirm-backup", "Record the customer's word on backups (exists, loss-accepted) with its evidence.",
		func(c ConfirmBackup) error {
			if backupStatements[c.Answer] == "" {
				return hosting.Invalid(op.serverID(), "answer is neither exists nor loss-accepted", "one of the two is needed before work starts")
			}
			return op.checkEvidence(op.complete(c.Evidence, backupStatements[c.Answer], c.By))
		},
		func(ctx workflow.Context, c ConfirmBackup) (string, error) {
			e := op.complete(c.Evidence, backupStatements[c.Answer], c.By)
			op.stateBackup(hosting.BackupStatement{Answer: c.Answer, Evidence: e})
			op.logAction(ctx, c.By, "confirm-backup", string(c.Answer))
			return "backup: " + backupWords(op.backupStated()), op.file(ctx)
		})
	if err != nil {
		return err
	}
	return handle(op, "provide-credentials", "Name the place in the secret store that holds the customer's credentials (scheme:name). Never the credentials themselves.",
		func(p ProvideCredentials) error {
			if !secretReference.MatchString(p.Reference) {
				return hosting.Invalid(op.serverID(), "the reference is not of the form scheme:name",
					"put the credentials into the secret store and give their reference here; if this was a password, change it")
			}
			return nil
		},
		func(ctx workflow.Context, p ProvideCredentials) (string, error) {
			op.Customer.Credentials = p.Reference
			op.logAction(ctx, p.By, "provide-credentials", p.Reference)
			return "credentials on file", nil
		})
}

// complete fills in what the update says by being sent.
func (op *operation) complete(e hosting.Evidence, kind hosting.StatementKind, by string) hosting.Evidence {
	e.Statement, e.RecordedBy = kind, by
	if e.At.IsZero() {
		e.At = *op.now()
	}
	if !e.Language.Known() {
		e.Language = op.language()
	}
	return e
}

// checkEvidence accepts evidence only from an active contact of the owner.
func (op *operation) checkEvidence(e hosting.Evidence) error {
	if op.serverID() == "" {
		return op.refuse("the server and its owner are not identified yet")
	}
	if e.Message != "" {
		return hosting.Invalid(op.serverID(), "what staff record is not a ticket message", "leave message out, and say in how which message it was")
	}
	if err := e.Validate(); err != nil {
		return err
	}
	if e.At.After(op.now().Add(time.Minute)) {
		return hosting.Invalid(op.serverID(), "the evidence is dated in the future", "give the time at which the customer said it")
	}
	if len(e.Text)+len(e.How) > maxText {
		return hosting.Invalid(op.serverID(), "the evidence is too long", "quote the statement itself")
	}
	if _, ok := op.Subject.Organization.Contact(e.Author); !ok {
		return hosting.NewFault(hosting.FaultNotAuthorized, op.serverID(), "the evidence's author "+e.Author+" is not an active contact of the owner",
			"name the contact of "+op.Subject.Organization.Name+" who said it")
	}
	return nil
}
