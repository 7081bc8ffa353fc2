package records

import (
	"context"
	"errors"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/handrail/handrail/hosting"
)

// Opening is what an operation starts with.
type Opening struct {
	Procedure hosting.Procedure `json:"procedure"`
	Ticket    string            `json:"ticket"`
	// Workflow is the workflow's id, Run the first run of its chain.
	Workflow    string            `json:"workflow"`
	Run         string            `json:"run"`
	RequestedBy hosting.Requester `json:"requestedBy"`
}

// selectOperation yields one operation per row, without its steps.
const selectOperation = `
SELECT o.id::text, o.procedure, o.ticket, o.workflow, o.run, coalesce(o.server, ''), o.requested_by, o.requester_role,
       o.phase, o.waiting_on, o.step, o.outcome, o.opened_at, o.closed_at
FROM operations o `

func scanOperation(row pgx.CollectableRow) (hosting.Operation, error) {
	var o hosting.Operation
	err := row.Scan(&o.ID, &o.Procedure, &o.Ticket, &o.Workflow, &o.Run, &o.Server, &o.RequestedBy.Contact, &o.RequestedBy.Role,
		&o.Phase, &o.WaitingOn, &o.Step, &o.Outcome, &o.OpenedAt, &o.ClosedAt)
	return o, err
}

func findOperation(ctx context.Context, q querier, where string, args ...any) (hosting.Operation, error) {
	rows, err := q.Query(ctx, selectOperation+where, args...)
	if err != nil {
		return hosting.Operation{}, err
	}
	return pgx.CollectExactlyOneRow(rows, scanOperation)
}

// OpenOperation writes the row of an operation that begins. The same run gets
// the same row again; while another workflow has the procedure open for the
// ticket, it is a Conflict that names that workflow.
func (r *Records) OpenOperation(ctx context.Context, in Opening) (hosting.Operation, error) {
	in.Ticket = strings.TrimSpace(in.Ticket)
	t := task{doing: "opening the operation"}
	for {
		_, err := r.pool.Exec(ctx, `
INSERT INTO operations (procedure, ticket, workflow, run, requested_by, requester_role, phase)
VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING`,
			in.Procedure, in.Ticket, in.Workflow, in.Run, in.RequestedBy.Contact, in.RequestedBy.Role, hosting.PhaseRunning)
		if err != nil {
			return hosting.Operation{}, explain(r.host, t, err)
		}
		op, err := findOperation(ctx, r.pool, "WHERE o.workflow = $1 AND o.run = $2", in.Workflow, in.Run)
		if err == nil {
			return op, in.matches(op)
		}
		if !errors.Is(err, pgx.ErrNoRows) {
			return hosting.Operation{}, explain(r.host, t, err)
		}
		first, err := findOperation(ctx, r.pool, "WHERE o.procedure = $1 AND o.ticket = $2 AND o.closed_at IS NULL", in.Procedure, in.Ticket)
		if err == nil {
			return hosting.Operation{}, hosting.NewFault(hosting.FaultConflict, first.Server,
				string(in.Procedure)+" for ticket "+in.Ticket+" is already under way as workflow "+first.Workflow,
				"go on with that workflow")
		}
		// Between the two looks the other one was closed: the way is free.
		if !errors.Is(err, pgx.ErrNoRows) {
			return hosting.Operation{}, explain(r.host, t, err)
		}
	}
}

// matches guards against a run that is opened twice for different things.
func (in Opening) matches(op hosting.Operation) error {
	if op.Procedure == in.Procedure && (op.Ticket == in.Ticket || in.Ticket == "") {
		return nil
	}
	return hosting.NewFault(hosting.FaultConflict, op.Server,
		"workflow "+in.Workflow+" is already recorded as "+string(op.Procedure)+" for ticket "+op.Ticket,
		"start a workflow of its own for "+string(in.Procedure)+" and ticket "+in.Ticket)
}

// Assignment says which server an operation is about, and on which ticket.
type Assignment struct {
	Operation string `json:"operation"`
	Server    string `json:"server"`
	// Ticket is that of the operation, or the one that was opened for staff's own
	// work, which began without.
	Ticket string `json:"ticket"`
}

// AssignServer writes server and ticket into the operation, once. Another one
// afterwards is a Conflict: leases and consents are bound to the first.
func (r *Records) AssignServer(ctx context.Context, in Assignment) error {
	return r.write(ctx, task{"assigning the server to the operation", in.Server}, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, "UPDATE operations SET server = $2, ticket = $3 WHERE id = $1 AND (server, ticket) IS DISTINCT FROM ($2, $3)",
			in.Operation, in.Server, strings.TrimSpace(in.Ticket))
		if err != nil || tag.RowsAffected() > 0 {
			return err
		}
		_, err = lockOperation(ctx, tx, in.Operation)
		return err
	})
}

// lockOperation returns an operation and keeps it as it is until the
// transaction ends.
func lockOperation(ctx context.Context, tx pgx.Tx, id string) (hosting.Operation, error) {
	op, err := findOperation(ctx, tx, "WHERE o.id = $1 FOR NO KEY UPDATE", id)
	if errors.Is(err, pgx.ErrNoRows) {
		return op, unknownOperation(id)
	}
	return op, err
}

func unknownOperation(id string) error {
	return hosting.Invalid("", "operation "+id+" is not in the records", "use the id that OpenOperation returned")
}
