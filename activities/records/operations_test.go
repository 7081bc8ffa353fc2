package records_test

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/handrail/handrail/activities/records"
	"github.com/handrail/handrail/hosting"
)

func TestOpenOperation(t *testing.T) {
	t.Parallel()
	s, ctx := open(t), t.Context()
	first := s.operation("T-1")
	if first.ID == "" || first.Phase != hosting.PhaseRunning || first.ClosedAt != nil || first.RequestedBy != customer ||
		time.Since(first.OpenedAt) > time.Minute || first.OpenedAt.Location() != time.UTC {
		t.Errorf("opened as %+v", first)
	}
	if again := s.operation("T-1"); again.ID != first.ID {
		t.Errorf("the same run got another row: %s, %s", first.ID, again.ID)
	}
	other := opening("T-1")
	other.Workflow, other.Run = "form-4711", "another-run"
	_, err := s.OpenOperation(ctx, other)
	wantFault(t, err, hosting.FaultConflict, "intervention/T-1")

	reused := opening("T-2")
	reused.Workflow, reused.Run = first.Workflow, first.Run
	_, err = s.OpenOperation(ctx, reused)
	wantFault(t, err, hosting.FaultConflict, "T-1", "T-2")

	must(t, s.CloseOperation(ctx, records.Closing{Operation: first.ID, Phase: hosting.PhaseDone}))
	second, err := s.OpenOperation(ctx, other)
	must(t, err)
	if second.ID == first.ID {
		t.Error("a closed operation was opened again")
	}
	if late := s.operation("T-1"); late.ID != first.ID || late.Phase != hosting.PhaseDone {
		t.Errorf("a late repeat of the first run got %+v", late)
	}
	// Staff's own work begins without a ticket and is given one, once.
	staff := hosting.Requester{Contact: "anna", Role: hosting.RoleStaff}
	for _, run := range []string{"a", "b"} {
		own, err := s.OpenOperation(ctx, records.Opening{Procedure: hosting.ServerIntervention, Workflow: "own-" + run, Run: run, RequestedBy: staff})
		must(t, err)
		must(t, s.AssignServer(ctx, records.Assignment{Operation: own.ID, Server: "srv-1", Ticket: "T-own-" + run}))
		wantFault(t, s.AssignServer(ctx, records.Assignment{Operation: own.ID, Server: "srv-1", Ticket: "T-other"}), hosting.FaultConflict)
	}
	for name, bad := range map[string]records.Opening{
		"no ticket":         {Procedure: hosting.ServerIntervention, Ticket: " ", Workflow: "w", Run: "r", RequestedBy: customer},
		"unknown procedure": {Procedure: "Exorcism", Ticket: "T-9", Workflow: "w", Run: "r", RequestedBy: customer},
		"no requester":      {Procedure: hosting.ServerIntervention, Ticket: "T-9", Workflow: "w", Run: "r", RequestedBy: hosting.Requester{Role: "staff"}},
		"no workflow":       {Procedure: hosting.ServerIntervention, Ticket: "T-9", RequestedBy: customer},
	} {
		_, err := s.OpenOperation(ctx, bad)
		if hosting.KindOf(err) != hosting.FaultInvalidRequest {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A ticket's procedure never runs twice, however many start it at once.
func TestOpenOperationRace(t *testing.T) {
	t.Parallel()
	s := open(t)
	for round := range 20 {
		var won atomic.Int32
		race(16, func(i int) {
			in := opening(fmt.Sprint("T-", round))
			in.Workflow, in.Run = fmt.Sprint("w-", i), fmt.Sprint("run-", round)
			_, err := s.OpenOperation(t.Context(), in)
			switch hosting.KindOf(err) {
			case "":
				if err != nil {
					t.Errorf("neither opened nor refused: %v", err)
					return
				}
				won.Add(1)
			case hosting.FaultConflict:
			default:
				t.Errorf("refused for the wrong reason: %v", err)
			}
		})
		if won.Load() != 1 {
			t.Fatalf("round %d: %d operations were opened for one ticket", round, won.Load())
		}
	}
}

// race runs f in n goroutines that all start together.
func race(n int, f func(i int)) {
	var ready, done sync.WaitGroup
	start := make(chan struct{})
	for i := range n {
		ready.Add(1)
		done.Go(func() {
			ready.Done()
			<-start
			f(i)
		})
	}
	ready.Wait()
	close(start)
	done.Wait()
}

func TestAssignServer(t *testing.T) {
	t.Parallel()
	s, ctx := open(t), t.Context()
	op := s.operation("T-1")
	for range 2 {
		must(t, s.AssignServer(ctx, records.Assignment{Operation: op.ID, Server: "srv-1", Ticket: op.Ticket}))
	}
	wantFault(t, s.AssignServer(ctx, records.Assignment{Operation: op.ID, Server: "srv-2", Ticket: op.Ticket}), hosting.FaultConflict, "srv-2")
	other := s.operation("T-2")
	wantFault(t, s.AssignServer(ctx, records.Assignment{Operation: other.ID, Server: "srv-404", Ticket: other.Ticket}), hosting.FaultInvalidRequest, "srv-404")
	wantFault(t, s.AssignServer(ctx, records.Assignment{Operation: unknownID, Server: "srv-1"}), hosting.FaultInvalidRequest, unknownID)
	wantFault(t, s.AssignServer(ctx, records.Assignment{Operation: "no uuid", Server: "srv-1"}), hosting.FaultInvalidRequest)
	must(t, s.CloseOperation(ctx, records.Closing{Operation: other.ID, Phase: hosting.PhaseFailed}))
	wantFault(t, s.AssignServer(ctx, records.Assignment{Operation: other.ID, Server: "srv-1", Ticket: other.Ticket}), hosting.FaultConflict, "closed")
}

const unknownID = "00000000-0000-8000-8000-000000000000"

func TestBothAttemptsAreKept_G11(t *testing.T) {
	t.Parallel()
	s, ctx := open(t), t.Context()
	op := s.operation("T-1")
	at := time.Date(2026, 11, 21, 10, 0, 0, 0, time.UTC)
	step := func(name string, state hosting.StepState, attempt int, ended bool) hosting.Step {
		v := hosting.Step{Name: name, Title: "Do " + name, State: state, Attempt: attempt, Estimate: hosting.Duration(90 * time.Second)}
		if state != hosting.StepPending {
			v.Started = &at
		}
		if ended {
			v.Ended = new(at.Add(time.Minute))
		}
		return v
	}
	failed := step("power", hosting.StepFailed, 1, true)
	failed.Error = "BMC said \x00\xff"
	save := func(steps ...hosting.Step) {
		t.Helper()
		p := records.Progress{Operation: op.ID, Phase: hosting.PhaseWaiting, WaitingOn: "customer", Step: "power", Steps: steps}
		for range 2 {
			must(t, s.SaveProgress(ctx, p))
		}
	}
	save(step("gate", hosting.StepPending, 0, false), step("power", hosting.StepPending, 0, false))
	save(step("gate", hosting.StepDone, 1, true), step("power", hosting.StepRunning, 1, false))
	save(step("gate", hosting.StepDone, 1, true), failed)
	// A relaunch: the failed attempt comes first, the step waits for its second.
	save(failed, step("gate", hosting.StepDone, 1, true), step("power", hosting.StepPending, 1, false))
	wantSteps(t, s, "gate/1/done", "power/1/failed", "power/0/pending")
	save(failed, step("gate", hosting.StepDone, 1, true), step("power", hosting.StepDone, 2, true))
	wantSteps(t, s, "gate/1/done", "power/1/failed", "power/2/done")
	// A write that was delayed.
	save(step("gate", hosting.StepDone, 1, true), step("power", hosting.StepRunning, 1, false))
	ops := wantSteps(t, s, "gate/1/done", "power/1/failed", "power/2/done")
	if got := ops[0].Steps[1]; got.Error != "BMC said \uFFFD" || !got.Started.Equal(at) || got.Estimate.D() != 90*time.Second || got.Title != "Do power" {
		t.Errorf("the failed attempt was kept as %+v", got)
	}
	if ops[0].Phase != hosting.PhaseWaiting || ops[0].WaitingOn != "customer" || ops[0].Step != "power" {
		t.Errorf("the operation is %+v", ops[0])
	}
	wantFault(t, s.SaveProgress(ctx, records.Progress{Operation: op.ID, Phase: hosting.PhaseDone}), hosting.FaultInvalidRequest, "CloseOperation")
	wantFault(t, s.SaveProgress(ctx, records.Progress{Operation: unknownID, Phase: hosting.PhaseRunning}), hosting.FaultInvalidRequest, unknownID)
}

func wantSteps(t *testing.T, s *store, want ...string) []hosting.Operation {
	t.Helper()
	ops, err := s.OpenByTicket(t.Context(), "T-1")
	must(t, err)
	if len(ops) != 1 {
		t.Fatalf("%d open operations", len(ops))
	}
	var got []string
	for _, v := range ops[0].Steps {
		got = append(got, fmt.Sprintf("%s/%d/%s", v.Name, v.Attempt, v.State))
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Fatalf("steps are %v, want %v", got, want)
	}
	return ops
}

func TestCloseOperation(t *testing.T) {
	t.Parallel()
	s, ctx := open(t), t.Context()
	op, next := s.operation("T-1"), s.operation("T-2")
	lease := records.LeaseRequest{Operation: op.ID, Server: "srv-1", Procedure: op.Procedure}
	nextLease := records.LeaseRequest{Operation: next.ID, Server: "srv-1", Procedure: next.Procedure}
	s.request(lease, true)
	s.request(nextLease, false)
	must(t, s.Suppress(ctx, records.Suppression{Operation: op.ID, Server: "srv-1", Reason: "work"}))

	wantFault(t, s.CloseOperation(ctx, records.Closing{Operation: op.ID, Phase: hosting.PhaseRunning}), hosting.FaultInvalidRequest, "does not end")
	in := records.Closing{Operation: op.ID, Phase: hosting.PhaseDone, Outcome: "done", Steps: []hosting.Step{{Name: "a", Title: "A", State: hosting.StepDone, Attempt: 1}}}
	for range 2 {
		must(t, s.CloseOperation(ctx, in))
	}
	in.Phase = hosting.PhaseFailed
	wantFault(t, s.CloseOperation(ctx, in), hosting.FaultConflict, "closed as done")
	ops, err := s.Operations(ctx, records.Filter{Ticket: "T-1"})
	must(t, err)
	if got := ops[0]; got.Phase != hosting.PhaseDone || got.Outcome != "done" || got.ClosedAt == nil || len(got.Steps) != 1 {
		t.Errorf("closed as %+v", got)
	}
	if muted, err := s.SuppressedBy(ctx, "srv-1"); err != nil || len(muted) != 0 {
		t.Errorf("alerts are still muted by %v (%v)", muted, err)
	}
	s.request(nextLease, true)

	// Whatever comes late finds the operation closed.
	for name, err := range map[string]error{
		"progress":    s.SaveProgress(ctx, records.Progress{Operation: op.ID, Phase: hosting.PhaseRunning}),
		"lease":       s.AwaitLease(ctx, lease),
		"suppression": s.Suppress(ctx, records.Suppression{Operation: op.ID, Server: "srv-1", Reason: "late"}),
		"consent":     second(s.RecordConsent(ctx, consent(op, "srv-1"))),
	} {
		if hosting.KindOf(err) != hosting.FaultConflict {
			t.Errorf("%s for a closed operation: %v", name, err)
		}
	}
	must(t, s.LogActions(ctx, []hosting.Action{{Operation: op.ID, Key: "k", At: time.Now(), By: "ops", What: "closed it"}}))
}

func second[T any](_ T, err error) error { return err }

func TestOperationsFilter_G1(t *testing.T) {
	t.Parallel()
	s, ctx := open(t), t.Context()
	for i, server := range []string{"srv-1", "srv-3", "", "srv-2"} {
		op := s.operation(fmt.Sprint("T-", i))
		if server != "" {
			must(t, s.AssignServer(ctx, records.Assignment{Operation: op.ID, Server: server, Ticket: op.Ticket}))
		}
		if i == 3 {
			must(t, s.CloseOperation(ctx, records.Closing{Operation: op.ID, Phase: hosting.PhaseRefused}))
		}
	}
	for _, c := range []struct {
		filter records.Filter
		want   string
	}{
		{records.Filter{}, "[T-3 T-2 T-1 T-0]"},
		{records.Filter{Limit: 2}, "[T-3 T-2]"},
		{records.Filter{Server: "srv-1"}, "[T-0]"},
		{records.Filter{Organization: "acme"}, "[T-3 T-0]"},
		{records.Filter{Organization: "acme", OpenOnly: true}, "[T-0]"},
		{records.Filter{Ticket: "T-2"}, "[T-2]"},
		{records.Filter{Phases: []hosting.Phase{hosting.PhaseRefused, hosting.PhaseDone}}, "[T-3]"},
		{records.Filter{Ticket: "nothing"}, "[]"},
	} {
		ops, err := s.Operations(ctx, c.filter)
		must(t, err)
		tickets := []string{}
		for _, op := range ops {
			tickets = append(tickets, op.Ticket)
		}
		if fmt.Sprint(tickets) != c.want {
			t.Errorf("%+v lists %v, want %s", c.filter, tickets, c.want)
		}
	}
}

// What is written while the operation is being closed is either let go of with
// it or refused: no lease outlives its operation.
func TestCloseMeetsALateRequest(t *testing.T) {
	t.Parallel()
	s, ctx := open(t), t.Context()
	op := s.operation("T-1")
	late, err := s.sql.Begin(ctx)
	must(t, err)
	defer late.Rollback(ctx)
	for _, sql := range []string{
		"INSERT INTO lease_requests (operation, server, procedure) VALUES ($1, 'srv-1', 'ServerIntervention')",
		"INSERT INTO suppressions (operation, server, reason) VALUES ($1, 'srv-1', 'late')",
	} {
		_, err := late.Exec(ctx, sql, op.ID)
		must(t, err)
	}
	closing := make(chan error, 1)
	go func() { closing <- s.CloseOperation(ctx, records.Closing{Operation: op.ID, Phase: hosting.PhaseDone}) }()
	for deadline := time.Now().Add(20 * time.Second); len(closing) == 0 && time.Now().Before(deadline); {
		if s.count("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'") > 0 {
			break
		}
	}
	must(t, late.Commit(ctx))
	must(t, <-closing)
	if n := s.count("SELECT count(*) FROM lease_requests") + s.count("SELECT count(*) FROM suppressions WHERE lifted_at IS NULL"); n != 0 {
		t.Errorf("the closed operation still has %d leases and suppressions", n)
	}
}
