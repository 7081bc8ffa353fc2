package records_test

import (
	"errors"
	"net/url"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/handrail/handrail/activities/records"
	"github.com/handrail/handrail/hosting"
)

// as connects as a role that the migrations made.
func (s *store) as(role string) *store {
	s.t.Helper()
	u, err := url.Parse(s.url)
	must(s.t, err)
	q := u.Query()
	q.Set("role", role)
	u.RawQuery = q.Encode()
	other := connect(s.t, u.String())
	if n := other.count("SELECT (current_user = $1)::int", role); n != 1 {
		s.t.Fatalf("the test does not run as %s", role)
	}
	return other
}

func (s *store) wantDenied(statements ...string) {
	s.t.Helper()
	for _, sql := range statements {
		err := inTx(s.t.Context(), s.sql, sql)
		if pg, ok := errors.AsType[*pgconn.PgError](err); !ok || pg.Code != "42501" {
			s.t.Errorf("it may %s: %v", sql, err)
		}
	}
}

// The gateway hands out and writes down; the worker arms, looks and ends. Each
// can do all of that with its own role, and nothing else.
func TestBootRoles(t *testing.T) {
	t.Parallel()
	admin, ctx := open(t), t.Context()
	must(t, admin.ImportSystems(ctx, catalogue()))
	worker, gateway := admin.as("handrail_worker"), admin.as("handrail_gateway")
	op := worker.reinstallation("T-1", "srv-1")
	m, err := worker.MatchSystem(ctx, "debian 12")
	if must(t, err); len(m.Systems) != 2 {
		t.Errorf("the worker reads %+v", m)
	}
	must(t, second(gateway.Systems(ctx)))
	must(t, gateway.Ping(ctx))
	in := worker.installing(op, 1, plan("A"))
	worker.arm(in)
	must(t, second(worker.WithdrawBoot(ctx, ref(in))))
	in.Attempt = 2
	worker.arm(in)
	gateway.handOut("a")
	if boot, err := gateway.HandOutBoot(ctx, in.Plan.MACs[0], tokenOf("b"), time.Now().Add(time.Hour)); boot != nil || err != nil {
		t.Errorf("asked again: %+v, %v", boot, err)
	}
	must(t, second(gateway.BootByToken(ctx, tokenOf("a"))))
	must(t, second(gateway.BeginErasing(ctx, tokenOf("a"), []string{"A"})))
	must(t, second(gateway.ReportBoot(ctx, tokenOf("a"), records.BootReport{Stage: "x", HostKeys: []string{hostKey(t, 1)}})))
	must(t, second(worker.EndBoot(ctx, records.BootEnd{BootRef: ref(in), State: hosting.BootFailed, Error: "x"})))
	in.Attempt = 3
	worker.arm(in)
	gateway.handOut("c")
	_, err = gateway.BeginErasing(ctx, tokenOf("c"), []string{"B"})
	wantFault(t, err, hosting.FaultConflict, "disk B")
	in.Attempt = 4
	worker.arm(in)
	must(t, worker.CloseOperation(ctx, records.Closing{Operation: op.ID, Phase: hosting.PhaseCancelled}))
	worker.wantBoot(in, hosting.BootWithdrawn)

	worker.wantDenied(
		"UPDATE network_boots SET erasing_at = now()",
		"UPDATE network_boots SET token_expires = now()",
		"UPDATE network_boots SET plan = '{}'",
		"INSERT INTO network_boots (id) VALUES (gen_random_uuid())",
		"DELETE FROM network_boots",
		"ALTER TABLE network_boots DISABLE TRIGGER ALL",
		"UPDATE network_boot_macs SET live = false",
		"DELETE FROM network_boot_macs",
		"UPDATE server_macs SET server = 'srv-2'",
		"INSERT INTO operating_systems VALUES ('{}')",
		"UPDATE operating_systems SET entry = '{}'",
	)
	gateway.wantDenied(
		"INSERT INTO network_boots (operation) VALUES (gen_random_uuid())",
		"INSERT INTO network_boot_macs (boot, mac) VALUES (gen_random_uuid(), '52:54:00:00:01:01')",
		"UPDATE network_boots SET plan = '{}'",
		"UPDATE network_boots SET target = 'everything'",
		"UPDATE network_boots SET consent = gen_random_uuid()",
		"DELETE FROM network_boots",
		"TRUNCATE network_boots",
		"ALTER TABLE network_boots DISABLE TRIGGER ALL",
		"SET session_replication_role = replica",
		"SELECT FROM consents",
		"UPDATE consents SET spent_at = now()",
		"SELECT FROM contacts",
		"SELECT FROM servers",
		"SELECT FROM bmc_endpoints",
		"SELECT FROM action_log",
		"SELECT requested_by FROM operations",
		"UPDATE operations SET outcome = 'x'",
		"DELETE FROM lease_requests",
		"INSERT INTO operating_systems VALUES ('{}')",
		"UPDATE server_macs SET server = 'srv-2'",
	)
}
