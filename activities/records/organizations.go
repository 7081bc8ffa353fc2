package records

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/handrail/handrail/hosting"
)

// readOrganization returns an organization with its contacts, the primary one
// first.
func readOrganization(ctx context.Context, q querier, id string) (hosting.Organization, error) {
	o := hosting.Organization{ID: id}
	if err := q.QueryRow(ctx, "SELECT name FROM organizations WHERE id = $1", id).Scan(&o.Name); err != nil {
		return o, err
	}
	rows, err := q.Query(ctx, `
SELECT name, email, language, is_primary, active FROM contacts
WHERE organization = $1 ORDER BY is_primary AND active DESC, email`, id)
	if err != nil {
		return o, err
	}
	o.Contacts, err = pgx.CollectRows(rows, pgx.RowToStructByPos[hosting.Contact])
	return o, err
}

// ImportOrganizations writes organizations and their contacts as they are
// given, all or none. A contact that is no longer given stays known and becomes
// inactive: what that person wrote remains theirs.
func (r *Records) ImportOrganizations(ctx context.Context, organizations []hosting.Organization) error {
	organizations = slices.SortedFunc(slices.Values(organizations), func(a, b hosting.Organization) int {
		return cmp.Compare(a.ID, b.ID)
	})
	return r.write(ctx, task{doing: "importing organizations"}, func(tx pgx.Tx) error {
		for _, o := range organizations {
			if err := putOrganization(ctx, tx, o); err != nil {
				return err
			}
		}
		return nil
	})
}

func putOrganization(ctx context.Context, tx pgx.Tx, o hosting.Organization) error {
	b := &pgx.Batch{}
	b.Queue("INSERT INTO organizations (id, name) VALUES ($1, $2) ON CONFLICT (id) DO UPDATE SET name = EXCLUDED.name", o.ID, o.Name)
	// First nobody is primary, so that the role can pass from one to another.
	b.Queue("UPDATE contacts SET active = false, is_primary = false WHERE organization = $1", o.ID)
	for _, c := range o.Contacts {
		b.Queue(`
INSERT INTO contacts (organization, email, name, language, is_primary, active) VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (organization, email) DO UPDATE SET
    name = EXCLUDED.name, language = EXCLUDED.language, is_primary = EXCLUDED.is_primary, active = EXCLUDED.active`,
			o.ID, mailbox(c.Email), c.Name, c.Language, c.Primary, c.Active)
	}
	return tx.SendBatch(ctx, b).Close()
}

// mailbox is the form in which e-mail addresses are kept and compared.
func mailbox(email string) string { return strings.ToLower(strings.TrimSpace(email)) }
