package main

import (
	"slices"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/handrail/handrail/activities/records"
	"github.com/handrail/handrail/dev/datacenter/fault"
	"github.com/handrail/handrail/dev/ticketdesk"
	"github.com/handrail/handrail/hosting"
)

// The worker is killed once in every activity of a reinstallation that takes
// time, and at every stage of its boot: it completes, with one wipe on one spent
// consent (DESIGN rules 3 and 4).
func TestReinstallWorkerKilledAtEveryStep(t *testing.T) {
	t.Parallel()
	c := testConfig(t.TempDir())
	c.noWorker = true
	b := own(t, c)
	binary := buildWorker(t)
	worker := b.spawn(binary)
	s := b.customer(hosting.English)
	// Slow enough to be met in the middle of every look and act.
	if err := s.machine.SetFault(fault.Fault{Name: fault.Slow, Duration: 150 * time.Millisecond}); err != nil {
		t.Fatal(err)
	}
	ticket, id := b.reinstallation(s, ticketdesk.Reinstallation{})
	killed := map[string]bool{}
	for deadline := time.Now().Add(8 * time.Minute); ; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("it did not end; killed in %v; %+v", killed, b.status(id))
		}
		moments, ended := b.underWay(id, ticket)
		if ended {
			break
		}
		i := slices.IndexFunc(moments, func(m string) bool { return !killed[m] })
		if i < 0 {
			continue
		}
		killed[moments[i]] = true
		if err := worker.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		worker = b.spawn(binary)
	}
	// What lasts for milliseconds may be over before it is seen.
	if !killed["SetPower"] || !killed["erasing"] || len(killed) < 6 {
		t.Errorf("the worker was killed only at %v", killed)
	}
	t.Logf("killed at %d moments: %v", len(killed), killed)
	if r := b.result(id); r.Phase != hosting.PhaseDone {
		t.Errorf("%+v", r)
	}
	b.installed(s, id, "debian-12", 1)
	b.counts(t, ticket, "SELECT count(*) FROM consents c JOIN operations o ON o.id = c.operation WHERE o.ticket = $1 AND c.spent_at IS NOT NULL", 1)
	b.counts(t, ticket, "SELECT count(*) FROM network_boots n JOIN operations o ON o.id = n.operation WHERE o.ticket = $1", 1)
	if got := s.resets(); len(got) != 2 {
		t.Errorf("resets %v", got)
	}
}

// underWay lists the activities that an operation waits for and the state of its
// boot.
func (b *bench) underWay(workflow, ticket string) (moments []string, ended bool) {
	b.t.Helper()
	d, err := b.client.DescribeWorkflowExecution(b.t.Context(), workflow, "")
	if err != nil {
		b.t.Fatal(err)
	}
	if d.GetWorkflowExecutionInfo().GetCloseTime() != nil {
		return nil, true
	}
	for _, a := range d.GetPendingActivities() {
		if a.GetLastStartedTime() != nil && a.GetAttempt() == 1 {
			moments = append(moments, a.GetActivityType().GetName())
		}
	}
	boot, err := b.records.ReadBoot(b.t.Context(), records.BootRef{Operation: b.operation(ticket).ID, Attempt: 1})
	if err == nil {
		moments = append(moments, string(boot.State))
	}
	return moments, false
}

func (b *bench) counts(t *testing.T, ticket, query string, want int) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), b.url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context()) //nolint:errcheck // only read
	var got int
	if err := conn.QueryRow(t.Context(), query, ticket).Scan(&got); err != nil || got != want {
		t.Errorf("%s: %d, %v; want %d", query, got, err, want)
	}
}
