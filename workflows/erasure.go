package workflows

import (
	"cmp"
	"encoding/json"
	"slices"
	"strings"

	"go.temporal.io/sdk/workflow"

	"github.com/handrail/handrail/activities/records"
	"github.com/handrail/handrail/hosting"
)

// erasure is the customer's consent to lose data (I13, I14). It counts for what
// was asked for when it was given, and, once the disks are known, for exactly
// this target: any change voids it.
type erasure struct {
	Statement hosting.ErasureStatement `json:"statement"`
	// For is the request at the time of the statement.
	For string `json:"for"`
	// Target and Consent are set once it is stored.
	Target  string `json:"target,omitempty"`
	Consent string `json:"consent,omitempty"`
	// Spent: an installer was released on it.
	Spent bool `json:"spent,omitempty"`
}

// scope is the part of a request that decides what is erased.
func scope(f hosting.InstallFields) string {
	text, err := json.Marshal([]any{f.System, cmp.Or(f.RAID, hosting.RAIDNone), slices.Concat([]string{}, f.Keep)})
	if err != nil {
		panic(err) // strings
	}
	return string(text)
}

// acceptErasure puts a data-loss consent in force for the request as it stands.
// A repeat of the one that is stored changes nothing.
func (op *operation) acceptErasure(st hosting.ErasureStatement) {
	c := &op.Customer
	last := c.Erasure
	if last != nil && st.Evidence.At.Before(last.Statement.Evidence.At) {
		return
	}
	next := &erasure{Statement: st, For: scope(c.Fields.Install)}
	op.remember(st.Evidence)
	if last != nil && last.Consent != "" && last.For == next.For && last.Statement.System == st.System {
		return
	}
	c.Erasure = next
}

// erasureGiven reports whether the customer consented to lose the data on
// exactly these disks for exactly this system.
func (op *operation) erasureGiven(p hosting.Plan) bool {
	e := op.Customer.Erasure
	switch {
	case e == nil:
		return false
	case e.Consent != "":
		return e.Target == p.Target()
	}
	return e.For == scope(op.Customer.Fields.Install) && op.names(e.Statement.System, p.System)
}

// names reports whether the words of a statement are those of the request, or
// name the very system.
func (op *operation) names(words string, s hosting.OperatingSystem) bool {
	asked := strings.TrimSpace(op.Customer.Fields.Install.System)
	return s.Called(words) || strings.EqualFold(strings.TrimSpace(words), asked)
}

// bindErasure stores the consent, bound to the target. Nothing is spent yet.
func (op *operation) bindErasure(ctx workflow.Context, p hosting.Plan) error {
	e := op.Customer.Erasure
	if e.Consent != "" {
		return nil
	}
	if err := op.voidErasures(ctx, "replaced by a later statement"); err != nil {
		return err
	}
	var kept hosting.Consent
	consent := hosting.Consent{Operation: op.ID, Server: op.serverID(), Target: p.Target(), Evidence: e.Statement.Evidence}
	if err := record(ctx, "Keep the consent to "+p.Target(), &kept, rec.RecordConsent, consent); err != nil {
		return err
	}
	if op.Customer.Erasure == e { // not replaced meanwhile
		e.Target, e.Consent = p.Target(), kept.ID
	}
	return nil
}

// voidErasures revokes what was stored of earlier consents and is not spent.
func (op *operation) voidErasures(ctx workflow.Context, why string) error {
	return record(ctx, "Revoke earlier consents to erase", nil, rec.RevokeConsents, records.Revocation{
		Operation: op.ID, Statements: []hosting.StatementKind{hosting.EraseDisks}, By: ourselves, Reason: why,
	})
}

// Consent is the update with which staff record the data-loss consent that the
// customer gave outside the ticket, or that it was taken back.
type Consent struct {
	Staff
	// System is the operating system for which it was given.
	System   string           `json:"system,omitempty"`
	Evidence hosting.Evidence `json:"evidence"`
	// Withdrawn takes it back; the evidence says how.
	Withdrawn bool `json:"withdrawn,omitempty"`
}

func (op *operation) handleConsent() error {
	return handle(op, "consent", "Record the customer's consent to lose the data on the disks, with the system it is for and its evidence; or, with withdrawn, that it was taken back.",
		func(c Consent) error {
			switch {
			case c.Withdrawn && slices.Contains([]hosting.BootState{hosting.BootArmed, hosting.BootHandedOut, hosting.BootErasing, hosting.BootDone}, op.Boot.Last.State):
				return op.refuse("the installation has been released (\"" + op.NoReturn + "\"): the consent is spent")
			case !c.Withdrawn && strings.TrimSpace(c.System) == "":
				return hosting.Invalid(op.serverID(), "system is empty", "name the operating system for which the customer consents")
			case len(c.System) > maxName:
				return hosting.Invalid(op.serverID(), "system is too long", "give its name")
			}
			return op.checkEvidence(op.complete(c.Evidence, hosting.EraseDisks, c.By))
		},
		func(ctx workflow.Context, c Consent) (string, error) {
			if c.Withdrawn {
				op.Customer.Erasure = nil
				op.logAction(ctx, c.By, "consent", "withdrawn by "+c.Evidence.Author)
				return "withdrawn", op.voidErasures(ctx, "withdrawn by "+c.Evidence.Author)
			}
			op.acceptErasure(hosting.ErasureStatement{System: c.System, Evidence: op.complete(c.Evidence, hosting.EraseDisks, c.By)})
			op.logAction(ctx, c.By, "consent", "to lose the data, for "+c.System)
			return "consent on file; it counts for what is asked for now", nil
		})
}
