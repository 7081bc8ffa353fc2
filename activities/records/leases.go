package records

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/handrail/handrail/hosting"
)

// LeaseRequest asks for a server, for as long as the operation needs it for
// itself. Which procedures exclude each other stands in procedure_resources.
type LeaseRequest struct {
	Operation string            `json:"operation"`
	Server    string            `json:"server"`
	Procedure hosting.Procedure `json:"procedure"`
}

// LeaseAnswer says whether the operation has the server.
type LeaseAnswer struct {
	Granted bool `json:"granted"`
	// Ahead are the conflicting operations that come first: those that hold the
	// server, then those that asked earlier.
	Ahead []Ahead `json:"ahead,omitempty"`
}

// Ahead is an operation that another one waits for.
type Ahead struct {
	Operation string            `json:"operation"`
	Workflow  string            `json:"workflow"`
	Procedure hosting.Procedure `json:"procedure"`
}

// RequestLease asks for the server, first come first served among procedures
// that conflict: not granted, the request keeps its place in the queue, and
// asking again is how to learn that its turn has come. A retired server or a
// closed operation is a Conflict.
func (r *Records) RequestLease(ctx context.Context, in LeaseRequest) (LeaseAnswer, error) {
	var answer LeaseAnswer
	err := r.write(ctx, task{"asking for the server", in.Server}, func(tx pgx.Tx) error {
		ask, err := enqueue(ctx, tx, in)
		if err != nil {
			return err
		}
		if !ask.granted {
			if answer.Ahead, err = ahead(ctx, tx, ask.number, in); err != nil || len(answer.Ahead) > 0 {
				return err
			}
			if err := grant(ctx, tx, ask.number); err != nil {
				return err
			}
		}
		answer.Granted = true
		return nil
	})
	if err != nil {
		return LeaseAnswer{}, err
	}
	return answer, nil
}

type queued struct {
	number  int64
	granted bool
}

// enqueue puts the request into the server's queue, or finds it there. Requests
// for one server are taken one at a time, so that numbers are given in the order
// in which they become visible: without that, a later one could be granted while
// an earlier one is still being written.
func enqueue(ctx context.Context, tx pgx.Tx, in LeaseRequest) (queued, error) {
	var q queued
	if _, err := tx.Exec(ctx, "SELECT pg_advisory_xact_lock(hashtextextended('lease of server ' || $1, 0))", in.Server); err != nil {
		return q, err
	}
	if _, err := tx.Exec(ctx, `
INSERT INTO lease_requests (operation, server, procedure) VALUES ($1, $2, $3) ON CONFLICT (operation, server) DO NOTHING`,
		in.Operation, in.Server, in.Procedure); err != nil {
		return q, err
	}
	var procedure hosting.Procedure
	err := tx.QueryRow(ctx, "SELECT number, granted_at IS NOT NULL, procedure FROM lease_requests WHERE operation = $1 AND server = $2",
		in.Operation, in.Server).Scan(&q.number, &q.granted, &procedure)
	if err == nil && procedure != in.Procedure {
		err = hosting.NewFault(hosting.FaultConflict, in.Server,
			"the operation asked for the server as "+string(procedure)+", not as "+string(in.Procedure), "release that lease first")
	}
	return q, err
}

// ahead lists who holds or claimed earlier what this request needs.
func ahead(ctx context.Context, tx pgx.Tx, number int64, in LeaseRequest) ([]Ahead, error) {
	rows, err := tx.Query(ctx, `
SELECT o.id::text, o.workflow, r.procedure
FROM lease_requests r JOIN operations o ON o.id = r.operation
WHERE r.server = $1 AND r.number <> $2 AND EXISTS (
    SELECT FROM lease_claims c JOIN procedure_resources p ON p.resource = c.resource AND p.procedure = $3
    WHERE c.request = r.number AND (c.granted OR c.request < $2))
ORDER BY r.granted_at IS NULL, r.number`, in.Server, number, in.Procedure)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[Ahead])
}

func grant(ctx context.Context, tx pgx.Tx, number int64) error {
	b := &pgx.Batch{}
	b.Queue("UPDATE lease_requests SET granted_at = now() WHERE number = $1", number)
	b.Queue(`
INSERT INTO lease_resources (server, resource, procedure, request)
SELECT r.server, p.resource, r.procedure, r.number
FROM lease_requests r JOIN procedure_resources p USING (procedure) WHERE r.number = $1`, number)
	return tx.SendBatch(ctx, b).Close()
}

// AwaitLease is nil once the operation has the server. Until then it is a plain
// error that says who is ahead: its retry policy is the poll.
func (r *Records) AwaitLease(ctx context.Context, in LeaseRequest) error {
	answer, err := r.RequestLease(ctx, in)
	if err != nil || answer.Granted {
		return err
	}
	first := answer.Ahead[0]
	return fmt.Errorf("%s: waiting for workflow %s (%s), %d ahead in all", in.Server, first.Workflow, first.Procedure, len(answer.Ahead))
}

// ReleaseLease gives the server back, or the place in its queue. Nothing to
// release is no error.
func (r *Records) ReleaseLease(ctx context.Context, in LeaseRequest) error {
	_, err := r.pool.Exec(ctx, "DELETE FROM lease_requests WHERE operation = $1 AND server = $2", in.Operation, in.Server)
	return explain(r.host, task{"releasing the server", in.Server}, err)
}

// Suppression mutes a server's alerts for as long as an operation is open.
type Suppression struct {
	Operation string `json:"operation"`
	Server    string `json:"server"`
	Reason    string `json:"reason,omitempty"`
}

// Suppress mutes the server's alerts until it is lifted or the operation is
// closed. A closed operation is a Conflict.
func (r *Records) Suppress(ctx context.Context, in Suppression) error {
	_, err := r.pool.Exec(ctx, `
INSERT INTO suppressions (operation, server, reason) VALUES ($1, $2, $3)
ON CONFLICT (operation, server) WHERE lifted_at IS NULL DO NOTHING`, in.Operation, in.Server, in.Reason)
	return explain(r.host, task{"muting the server's alerts", in.Server}, err)
}

// LiftSuppression ends the muting by this operation; other operations' goes on.
func (r *Records) LiftSuppression(ctx context.Context, in Suppression) error {
	_, err := r.pool.Exec(ctx, `
UPDATE suppressions SET lifted_at = now() WHERE operation = $1 AND server = $2 AND lifted_at IS NULL`, in.Operation, in.Server)
	return explain(r.host, task{"unmuting the server's alerts", in.Server}, err)
}

// SuppressedBy lists what mutes the server's alerts, oldest first; only open
// operations can.
func (r *Records) SuppressedBy(ctx context.Context, server string) ([]Suppression, error) {
	t := task{"reading what mutes the server's alerts", server}
	rows, err := r.pool.Query(ctx, `
SELECT operation::text, server, reason FROM live_suppressions WHERE server = $1 ORDER BY created_at, operation`, server)
	if err != nil {
		return nil, explain(r.host, t, err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Suppression])
	return list, explain(r.host, t, err)
}
