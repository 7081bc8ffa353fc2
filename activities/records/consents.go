package records

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/handrail/handrail/hosting"
)

const selectConsent = `
SELECT id::text, operation::text, server, target, statement, version, language, wording, author, stated_at, message,
       recorded_by, how, spent_at, revoked_at, spent_for
FROM consents `

type keptConsent struct {
	hosting.Consent
	spentFor string
}

func findConsent(ctx context.Context, q querier, id string) (keptConsent, error) {
	rows, err := q.Query(ctx, selectConsent+"WHERE id = $1", id)
	if err != nil {
		return keptConsent{}, err
	}
	return pgx.CollectExactlyOneRow(rows, func(row pgx.CollectableRow) (keptConsent, error) {
		var c keptConsent
		e := &c.Evidence
		err := row.Scan(&c.ID, &c.Operation, &c.Server, &c.Target, &e.Statement, &e.Version, &e.Language, &e.Text, &e.Author,
			&e.At, &e.Message, &e.RecordedBy, &e.How, &c.SpentAt, &c.RevokedAt, &c.spentFor)
		return c, err
	})
}

// RecordConsent keeps a statement as evidence, bound to operation, server and
// target (DESIGN rule 4), and returns it with its id. The id follows from what it
// is bound to and where it was said, so that a repeat is the same row; the same
// source with other words is a Conflict.
func (r *Records) RecordConsent(ctx context.Context, in hosting.Consent) (hosting.Consent, error) {
	if err := in.Evidence.Validate(); err != nil {
		return hosting.Consent{}, err
	}
	in.Evidence.At = in.Evidence.At.UTC().Truncate(time.Microsecond) // as PostgreSQL keeps it
	in.ID, in.SpentAt, in.RevokedAt = consentID(in), nil, nil
	t := task{"recording the consent", in.Server}
	e := in.Evidence
	if _, err := r.pool.Exec(ctx, `
INSERT INTO consents (id, operation, server, target, statement, version, language, wording, author, stated_at, message, recorded_by, how)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) ON CONFLICT (id) DO NOTHING`,
		in.ID, in.Operation, in.Server, in.Target, e.Statement, e.Version, e.Language, e.Text, e.Author, e.At, e.Message,
		e.RecordedBy, e.How); err != nil {
		return hosting.Consent{}, explain(r.host, t, err)
	}
	kept, err := findConsent(ctx, r.pool, in.ID)
	if err != nil {
		return hosting.Consent{}, explain(r.host, t, err)
	}
	if kept.Evidence != e {
		return hosting.Consent{}, hosting.NewFault(hosting.FaultConflict, in.Server,
			"the statement "+string(e.Statement)+" of message "+e.Message+" is already recorded, with other words",
			"compare the ticket with consent "+in.ID+"; evidence is never replaced")
	}
	return kept.Consent, nil
}

// consentID is a name-based UUID (RFC 9562, version 8, over SHA-256). What staff
// recorded has no message of the ticket: there the words and the time are part
// of the name.
func consentID(c hosting.Consent) string {
	e := c.Evidence
	name := []any{c.Operation, c.Server, c.Target, e.Statement, e.Message}
	if e.Message == "" {
		name = append(name, e.Text, e.Author, e.At, e.RecordedBy, e.How)
	}
	text, err := json.Marshal(name)
	if err != nil {
		panic(err) // strings and a time
	}
	h := sha256.Sum256(text)
	h[6] = h[6]&0x0f | 0x80
	h[8] = h[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", h[0:4], h[4:6], h[6:8], h[8:10], h[10:16])
}

// Revocation takes back what was allowed.
type Revocation struct {
	Operation string `json:"operation"`
	// Statements are the kinds to revoke; none means all.
	Statements []hosting.StatementKind `json:"statements,omitempty"`
	By         string                  `json:"by"`
	Reason     string                  `json:"reason,omitempty"`
}

// RevokeConsents revokes the operation's consents that are not spent yet. What
// was spent can not be taken back and stays as it is.
func (r *Records) RevokeConsents(ctx context.Context, in Revocation) error {
	if in.By == "" {
		return hosting.Invalid("", "nobody revokes the consents", "say who does")
	}
	_, err := r.pool.Exec(ctx, `
UPDATE consents SET revoked_at = now(), revoked_by = $3, revoked_reason = $4
WHERE operation = $1 AND (cardinality($2::text[]) = 0 OR statement = ANY($2)) AND spent_at IS NULL AND revoked_at IS NULL`,
		in.Operation, texts(in.Statements), in.By, in.Reason)
	return explain(r.host, task{doing: "revoking consents"}, err)
}

// texts is never nil, which would be NULL and match nothing.
func texts[S ~string](list []S) []string {
	out := make([]string, 0, len(list))
	for _, s := range list {
		out = append(out, string(s))
	}
	return out
}

// Spending uses a consent up, for one act.
type Spending struct {
	Consent   string `json:"consent"`
	Operation string `json:"operation"`
	Server    string `json:"server"`
	Target    string `json:"target,omitempty"`
	// Key names the act within the operation (step and number). Spending again
	// with the same key is the same spending; another key is another act and
	// needs a consent of its own.
	Key string `json:"key,omitempty"`
}

// SpendConsent marks a consent as spent, before the act that it allows. It is
// NotAuthorized, saying why, where the consent does not exist, is bound to
// something else, is revoked, or was spent on another act.
func (r *Records) SpendConsent(ctx context.Context, in Spending) error {
	return explain(r.host, task{"spending the consent", in.Server}, in.spend(ctx, r.pool))
}

func (in Spending) spend(ctx context.Context, w writer) error {
	tag, err := w.Exec(ctx, `
UPDATE consents SET spent_at = now(), spent_for = $5
WHERE id = $1 AND operation = $2 AND server = $3 AND target = $4 AND spent_at IS NULL AND revoked_at IS NULL`,
		in.Consent, in.Operation, in.Server, in.Target, in.Key)
	if err != nil || tag.RowsAffected() == 1 {
		return err
	}
	c, err := findConsent(ctx, w, in.Consent)
	if errors.Is(err, pgx.ErrNoRows) {
		return in.refused("consent " + in.Consent + " is not in the records")
	}
	if err != nil {
		return err
	}
	return in.check(c)
}

// check is nil for a repeat of the very same spending.
func (in Spending) check(c keptConsent) error {
	about := "consent " + c.ID + " (" + string(c.Evidence.Statement) + ") "
	switch {
	case c.Operation != in.Operation:
		return in.refused(about + "was given for another operation")
	case c.Server != in.Server:
		return in.refused(about + "was given for another server")
	case c.Target != in.Target:
		return in.refused(fmt.Sprintf("%swas given for %q, not for %q", about, c.Target, in.Target))
	case c.RevokedAt != nil:
		return in.refused(about + "was revoked at " + c.RevokedAt.Format(time.RFC3339))
	case c.SpentAt != nil && c.spentFor != in.Key:
		return in.refused(about + "was spent at " + c.SpentAt.Format(time.RFC3339) + " on another act")
	case c.SpentAt == nil:
		// Only somebody who was between our write and our look explains this.
		return fmt.Errorf("%s: spending the consent: it changed at this very moment", in.Server)
	}
	return nil
}

func (in Spending) refused(what string) error {
	return hosting.NewFault(hosting.FaultNotAuthorized, in.Server, what, doAskAgain)
}
