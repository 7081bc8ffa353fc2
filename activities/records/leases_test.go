package records_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/handrail/handrail/activities/records"
	"github.com/handrail/handrail/hosting"
)

func (s *store) request(in records.LeaseRequest, want bool) records.LeaseAnswer {
	s.t.Helper()
	answer, err := s.RequestLease(s.t.Context(), in)
	must(s.t, err)
	if answer.Granted != want || answer.Granted != (len(answer.Ahead) == 0) {
		s.t.Fatalf("%+v was answered %+v", in, answer)
	}
	return answer
}

func TestLease(t *testing.T) {
	t.Parallel()
	s, ctx := open(t), t.Context()
	a, b := s.operation("T-1"), s.operation("T-2")
	first := records.LeaseRequest{Operation: a.ID, Server: "srv-1", Procedure: a.Procedure}
	then := records.LeaseRequest{Operation: b.ID, Server: "srv-1", Procedure: b.Procedure}
	s.request(first, true)
	s.request(first, true) // still
	answer := s.request(then, false)
	if want := (records.Ahead{Operation: a.ID, Workflow: a.Workflow, Procedure: a.Procedure}); !slices.Equal(answer.Ahead, []records.Ahead{want}) {
		t.Errorf("ahead are %+v", answer.Ahead)
	}
	err := s.AwaitLease(ctx, then)
	if err == nil || hosting.KindOf(err) != "" || !strings.Contains(err.Error(), a.Workflow) {
		t.Errorf("waiting is %v; it has to be a plain error that names who is ahead", err)
	}
	s.request(records.LeaseRequest{Operation: b.ID, Server: "srv-2", Procedure: b.Procedure}, true) // another server is another matter
	for range 2 {
		must(t, s.ReleaseLease(ctx, first))
	}
	must(t, s.AwaitLease(ctx, then))

	for name, c := range map[string]struct {
		in   records.LeaseRequest
		kind hosting.FaultKind
	}{
		"unknown server":    {records.LeaseRequest{Operation: a.ID, Server: "srv-404", Procedure: a.Procedure}, hosting.FaultInvalidRequest},
		"retired server":    {records.LeaseRequest{Operation: a.ID, Server: "srv-4", Procedure: a.Procedure}, hosting.FaultConflict},
		"unknown operation": {records.LeaseRequest{Operation: unknownID, Server: "srv-1", Procedure: a.Procedure}, hosting.FaultInvalidRequest},
		"unknown procedure": {records.LeaseRequest{Operation: a.ID, Server: "srv-3", Procedure: "Exorcism"}, hosting.FaultInvalidRequest},
	} {
		_, err := s.RequestLease(ctx, c.in)
		if hosting.KindOf(err) != c.kind {
			t.Errorf("%s: %v", name, err)
		}
	}
	s.procedures(map[hosting.Procedure]string{"Other": "power"})
	then.Procedure = "Other"
	_, err = s.RequestLease(ctx, then)
	wantFault(t, err, hosting.FaultConflict, "ServerIntervention", "Other")
}

// procedures adds some with the resources that they occupy, blank separated.
func (s *store) procedures(list map[hosting.Procedure]string) {
	s.t.Helper()
	for name, resources := range list {
		s.exec("INSERT INTO procedures VALUES ($1)", name)
		for _, r := range strings.Fields(resources) {
			s.exec("INSERT INTO procedure_resources VALUES ($1, $2)", name, r)
		}
	}
}

func TestConflictsAreListedForPeople(t *testing.T) {
	t.Parallel()
	s := open(t)
	s.procedures(map[hosting.Procedure]string{"Backup": "disk", "Reinstall": "disk power"})
	rows, err := s.sql.Query(t.Context(), "SELECT procedure || '-' || conflicts_with || ':' || array_to_string(over, '+') FROM procedure_conflicts ORDER BY 1")
	must(t, err)
	got, err := pgx.CollectRows(rows, pgx.RowTo[string])
	must(t, err)
	want := []string{
		"Backup-Backup:disk", "Backup-Reinstall:disk", "OSReinstall-OSReinstall:hardware+power+system", "OSReinstall-Reinstall:power",
		"OSReinstall-ServerIntervention:hardware+power+system", "Reinstall-Reinstall:disk+power", "Reinstall-ServerIntervention:power",
		"ServerIntervention-ServerIntervention:hardware+power+system",
	}
	if !slices.Equal(got, want) {
		t.Errorf("conflicts are %v, want %v", got, want)
	}
}

// Two conflicting procedures never have one server, however they race.
func TestLeaseRace(t *testing.T) {
	t.Parallel()
	s, ctx := open(t), t.Context()
	s.procedures(map[hosting.Procedure]string{"Swap": "hardware"})
	kinds := []hosting.Procedure{hosting.ServerIntervention, "Swap"}
	const racers = 16
	var requests []records.LeaseRequest
	for i := range racers {
		in := opening(fmt.Sprint("T-", i))
		in.Procedure = kinds[i%len(kinds)]
		op, err := s.OpenOperation(ctx, in)
		must(t, err)
		requests = append(requests, records.LeaseRequest{Operation: op.ID, Server: "srv-1", Procedure: in.Procedure})
	}
	for round := range 25 {
		var inside, granted atomic.Int32
		race(racers, func(i int) {
			answer, err := s.RequestLease(ctx, requests[i])
			if err != nil {
				t.Errorf("racer %d: %v", i, err)
				return
			}
			if !answer.Granted {
				return
			}
			granted.Add(1)
			if n := inside.Add(1); n != 1 {
				t.Errorf("round %d: %d have the server at once", round, n)
			}
			inside.Add(-1)
			if err := s.ReleaseLease(ctx, requests[i]); err != nil {
				t.Error(err)
			}
		})
		if granted.Load() == 0 {
			t.Errorf("round %d: nobody got the server", round)
		}
		for _, in := range requests {
			must(t, s.ReleaseLease(ctx, in))
		}
	}
	if n := s.count("SELECT count(*) FROM lease_resources"); n != 0 {
		t.Errorf("%d resources are held by nobody", n)
	}
}

// The same without the methods: the database itself lets only one in.
func TestLeaseRaceInSQL(t *testing.T) {
	t.Parallel()
	s := open(t)
	const racers = 8
	var ops []hosting.Operation
	for i := range racers {
		ops = append(ops, s.operation(fmt.Sprint("T-", i)))
	}
	for round := range 10 {
		var granted atomic.Int32
		race(racers, func(i int) {
			err := grantInSQL(t.Context(), s, ops[i])
			if err == nil {
				granted.Add(1)
				return
			}
			if pg, ok := errors.AsType[*pgconn.PgError](err); !ok || pg.ConstraintName != "lease_resources_pkey" && pg.Code != "40P01" {
				t.Errorf("refused for the wrong reason: %v", err)
			}
		})
		if granted.Load() != 1 {
			t.Fatalf("round %d: the database granted %d conflicting leases", round, granted.Load())
		}
		s.exec("DELETE FROM lease_requests")
	}
}

func grantInSQL(ctx context.Context, s *store, op hosting.Operation) error {
	return inTx(ctx, s.sql, fmt.Sprintf(`
WITH asked AS (
    INSERT INTO lease_requests (operation, server, procedure, granted_at)
    VALUES ('%s', 'srv-1', 'ServerIntervention', now()) RETURNING number, server, procedure)
INSERT INTO lease_resources (server, resource, procedure, request)
SELECT server, resource, procedure, number FROM asked JOIN procedure_resources USING (procedure)`, op.ID))
}

func TestSuppression(t *testing.T) {
	t.Parallel()
	s, ctx := open(t), t.Context()
	a, b := s.operation("T-1"), s.operation("T-2")
	byA := records.Suppression{Operation: a.ID, Server: "srv-1", Reason: "intervention"}
	byB := records.Suppression{Operation: b.ID, Server: "srv-1", Reason: "swap"}
	for range 2 {
		must(t, s.Suppress(ctx, byA))
		must(t, s.Suppress(ctx, byB))
	}
	must(t, s.Suppress(ctx, records.Suppression{Operation: b.ID, Server: "srv-2", Reason: "swap"}))
	wantMuted(t, s, byA, byB)
	for range 2 {
		must(t, s.LiftSuppression(ctx, byA))
	}
	wantMuted(t, s, byB)
	must(t, s.Suppress(ctx, byA)) // once more
	wantMuted(t, s, byB, byA)
	must(t, s.CloseOperation(ctx, records.Closing{Operation: b.ID, Phase: hosting.PhaseCancelled}))
	wantMuted(t, s, byA)
	// Even a row that nobody lifted mutes nothing once its operation is closed.
	s.exec("ALTER TABLE operations DISABLE TRIGGER operations_let_go")
	s.exec("UPDATE operations SET phase = 'failed', closed_at = now() WHERE id = $1", a.ID)
	wantMuted(t, s)

	wantFault(t, s.Suppress(ctx, records.Suppression{Operation: unknownID, Server: "srv-1", Reason: "x"}), hosting.FaultInvalidRequest, "operation")
	c := s.operation("T-3")
	wantFault(t, s.Suppress(ctx, records.Suppression{Operation: c.ID, Server: "srv-404", Reason: "x"}), hosting.FaultInvalidRequest, "srv-404")
	wantFault(t, s.Suppress(ctx, records.Suppression{Operation: c.ID, Server: "srv-1"}), hosting.FaultInvalidRequest, "reason")
}

func wantMuted(t *testing.T, s *store, want ...records.Suppression) {
	t.Helper()
	got, err := s.SuppressedBy(t.Context(), "srv-1")
	must(t, err)
	if !slices.Equal(got, want) {
		t.Errorf("muted by %+v, want %+v", got, want)
	}
}
