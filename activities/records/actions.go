package records

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/handrail/handrail/hosting"
)

// LogActions appends to the action log (O24), all entries or none. An entry
// whose key the operation has used already is dropped. The log belongs to the
// history: what ended an operation may be written after it was closed.
func (r *Records) LogActions(ctx context.Context, actions []hosting.Action) error {
	return r.write(ctx, task{doing: "writing the action log"}, func(tx pgx.Tx) error {
		b := &pgx.Batch{}
		for _, a := range actions {
			b.Queue(`
INSERT INTO action_log (operation, key, server, acted_at, acted_by, what, result) VALUES ($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT (operation, key) DO NOTHING`,
				a.Operation, a.Key, a.Server, a.At, a.By, storable(a.What), storable(a.Result))
		}
		return tx.SendBatch(ctx, b).Close()
	})
}

// Actions returns the action log of an operation, in the order in which things
// were done.
func (r *Records) Actions(ctx context.Context, operation string) ([]hosting.Action, error) {
	t := task{doing: "reading the action log"}
	rows, err := r.pool.Query(ctx, `
SELECT operation::text, server, acted_at, acted_by, what, result, key FROM action_log
WHERE operation = $1 ORDER BY acted_at, id`, operation)
	if err != nil {
		return nil, explain(r.host, t, err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowToStructByPos[hosting.Action])
	return list, explain(r.host, t, err)
}
