package records

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/handrail/handrail/hosting"
)

const (
	defaultLimit = 100
	maxLimit     = 1000
)

// Filter selects operations; what is empty does not select.
type Filter struct {
	Server       string          `json:"server,omitempty"` // service id
	Organization string          `json:"organization,omitempty"`
	Ticket       string          `json:"ticket,omitempty"`
	Phases       []hosting.Phase `json:"phases,omitempty"`
	OpenOnly     bool            `json:"openOnly,omitempty"`
	// Limit is how many are wanted at most: 100 where it is 0, never over 1,000.
	Limit int `json:"limit,omitempty"`
}

// Operations lists operations with their steps (G1), newest first.
func (r *Records) Operations(ctx context.Context, f Filter) ([]hosting.Operation, error) {
	limit := f.Limit
	if limit <= 0 {
		limit = defaultLimit
	}
	t := task{"listing operations", f.Server}
	rows, err := r.pool.Query(ctx, selectOperation+`LEFT JOIN servers s ON s.service_id = o.server
WHERE ($1 = '' OR o.server = $1) AND ($2 = '' OR s.organization = $2) AND ($3 = '' OR o.ticket = $3)
  AND (cardinality($4::text[]) = 0 OR o.phase = ANY($4)) AND (NOT $5 OR o.closed_at IS NULL)
ORDER BY o.opened_at DESC, o.id LIMIT $6`,
		f.Server, f.Organization, f.Ticket, texts(f.Phases), f.OpenOnly, min(limit, maxLimit))
	if err != nil {
		return nil, explain(r.host, t, err)
	}
	ops, err := pgx.CollectRows(rows, scanOperation)
	if err != nil {
		return nil, explain(r.host, t, err)
	}
	return ops, explain(r.host, t, addSteps(ctx, r.pool, ops))
}

// OpenByTicket lists the open operations of a ticket, newest first.
func (r *Records) OpenByTicket(ctx context.Context, ticket string) ([]hosting.Operation, error) {
	return r.Operations(ctx, Filter{Ticket: ticket, OpenOnly: true, Limit: maxLimit})
}

// OpenOperations lists the open operations without their steps, at most 1,000,
// oldest first: what the reconciler goes through.
func (r *Records) OpenOperations(ctx context.Context) ([]hosting.Operation, error) {
	t := task{doing: "listing the open operations"}
	rows, err := r.pool.Query(ctx, selectOperation+"WHERE o.closed_at IS NULL ORDER BY o.opened_at, o.id LIMIT $1", maxLimit)
	if err != nil {
		return nil, explain(r.host, t, err)
	}
	ops, err := pgx.CollectRows(rows, scanOperation)
	return ops, explain(r.host, t, err)
}

// addSteps puts into each operation its steps in their order, all attempts of
// one after another, one that is still to come last.
func addSteps(ctx context.Context, q querier, ops []hosting.Operation) error {
	at := make(map[string]*hosting.Operation, len(ops))
	ids := make([]string, 0, len(ops))
	for i := range ops {
		at[ops[i].ID] = &ops[i]
		ids = append(ids, ops[i].ID)
	}
	rows, err := q.Query(ctx, `
SELECT operation::text, name, title, state, attempt, estimate, started_at, ended_at, error, skipped_by FROM steps
WHERE operation = ANY($1::uuid[]) ORDER BY operation, position, attempt = 0, attempt`, ids)
	if err != nil {
		return err
	}
	var id string
	var s hosting.Step
	_, err = pgx.ForEachRow(rows, []any{&id, &s.Name, &s.Title, &s.State, &s.Attempt, (*time.Duration)(&s.Estimate), &s.Started, &s.Ended, &s.Error, &s.SkippedBy},
		func() error {
			at[id].Steps = append(at[id].Steps, s)
			return nil
		})
	return err
}
