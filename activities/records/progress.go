package records

import (
	"context"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/handrail/handrail/hosting"
)

// Progress is the present state of an operation.
type Progress struct {
	Operation string         `json:"operation"`
	Phase     hosting.Phase  `json:"phase"`
	WaitingOn string         `json:"waitingOn,omitempty"`
	Step      string         `json:"step,omitempty"`
	Steps     []hosting.Step `json:"steps,omitempty"`
}

// SaveProgress writes where an open operation stands, with all given attempts
// of its steps, in one transaction. Attempts that are not given stay; one that
// has ended never runs again, whatever a late write says (G11). A final phase is
// an InvalidRequest, a closed operation a Conflict.
func (r *Records) SaveProgress(ctx context.Context, in Progress) error {
	if in.Phase.Final() {
		return hosting.Invalid("", "phase "+string(in.Phase)+" ends an operation", "close it with CloseOperation")
	}
	return r.write(ctx, task{doing: "saving the progress"}, func(tx pgx.Tx) error {
		op, err := lockOperation(ctx, tx, in.Operation)
		if err != nil {
			return err
		}
		if op.ClosedAt != nil {
			return closed(op)
		}
		if _, err := tx.Exec(ctx, "UPDATE operations SET phase = $2, waiting_on = $3, step = $4 WHERE id = $1",
			in.Operation, in.Phase, storable(in.WaitingOn), in.Step); err != nil {
			return err
		}
		return putSteps(ctx, tx, in.Operation, in.Steps)
	})
}

// Closing is how an operation ended.
type Closing struct {
	Operation string         `json:"operation"`
	Phase     hosting.Phase  `json:"phase"`
	Outcome   string         `json:"outcome,omitempty"`
	Steps     []hosting.Step `json:"steps,omitempty"`
}

// CloseOperation closes an operation and with it lets go of its leases, its
// places in queues and its suppressions, withdraws its network boot, or fails
// the one that erases, in one transaction. The phase has to be final. Closing again with the same phase changes nothing; with another one it
// is a Conflict.
func (r *Records) CloseOperation(ctx context.Context, in Closing) error {
	if !in.Phase.Final() {
		return hosting.Invalid("", "phase "+string(in.Phase)+" does not end an operation", "use done, cancelled, refused or failed")
	}
	return r.write(ctx, task{doing: "closing the operation"}, func(tx pgx.Tx) error {
		op, err := lockOperation(ctx, tx, in.Operation)
		if err != nil {
			return err
		}
		if op.ClosedAt != nil {
			if op.Phase == in.Phase {
				return nil
			}
			return closed(op)
		}
		if err := putSteps(ctx, tx, in.Operation, in.Steps); err != nil {
			return err
		}
		// The database lets go of leases, suppressions and boots (trigger
		// operations_let_go), so that it happens whoever closes the row.
		_, err = tx.Exec(ctx, `
UPDATE operations SET phase = $2, outcome = $3, waiting_on = '', step = '', closed_at = now() WHERE id = $1`,
			in.Operation, in.Phase, storable(in.Outcome))
		return err
	})
}

func closed(op hosting.Operation) error {
	return hosting.NewFault(hosting.FaultConflict, op.Server,
		"operation "+op.ID+" of workflow "+op.Workflow+" was closed as "+string(op.Phase), doReadOperation)
}

// putSteps writes attempts of steps. A pending step has no attempt yet, be it
// the first one or one after a relaunch: it is kept as attempt 0 until it runs.
func putSteps(ctx context.Context, tx pgx.Tx, operation string, steps []hosting.Step) error {
	position := map[string]int{}
	var names []string
	for i, s := range steps {
		position[s.Name] = i
		names = append(names, s.Name)
	}
	b := &pgx.Batch{}
	b.Queue("DELETE FROM steps WHERE operation = $1 AND name = ANY($2) AND attempt = 0", operation, names)
	for _, s := range steps {
		if s.State == hosting.StepPending {
			s.Attempt = 0
		}
		b.Queue(`
INSERT INTO steps (operation, name, attempt, position, title, state, estimate, started_at, ended_at, error, skipped_by)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
ON CONFLICT (operation, name, attempt) DO UPDATE SET
    position = EXCLUDED.position, title = EXCLUDED.title, state = EXCLUDED.state, estimate = EXCLUDED.estimate,
    started_at = EXCLUDED.started_at, ended_at = EXCLUDED.ended_at, error = EXCLUDED.error, skipped_by = EXCLUDED.skipped_by
WHERE steps.ended_at IS NULL OR EXCLUDED.ended_at IS NOT NULL`,
			operation, s.Name, s.Attempt, position[s.Name], s.Title, s.State, s.Estimate.D(), s.Started, s.Ended, storable(s.Error), s.SkippedBy)
	}
	return tx.SendBatch(ctx, b).Close()
}

// storable takes out what PostgreSQL can not store, which a BMC may well put
// into an error text: progress must not stop over it. Evidence is never changed.
func storable(text string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(text, "\uFFFD"), "\x00", "")
}
