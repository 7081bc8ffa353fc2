package records_test

import (
	"context"
	"crypto/rand"
	"net/url"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/handrail/handrail/activities/records"
	"github.com/handrail/handrail/dev/postgres/pgtest"
	"github.com/handrail/handrail/hosting"
)

// A worker that logs in with the role made for it can do all of its work, and
// can neither change the log nor get around the rules.
func TestWorkerRole(t *testing.T) {
	t.Parallel()
	admin := open(t)
	s, ctx := admin.as("handrail_worker"), t.Context()
	s.identify("srv-1", customer)
	names := fixtures(s) // opens, leases, mutes, records, spends, revokes, logs
	_, err := s.Operations(ctx, records.Filter{})
	must(t, err)
	op := names.Replace("$OP")
	_, err = s.Actions(ctx, op)
	must(t, err)
	must(t, s.LiftSuppression(ctx, records.Suppression{Operation: op, Server: "srv-1"}))
	must(t, s.CloseOperation(ctx, records.Closing{Operation: op, Phase: hosting.PhaseDone}))

	s.wantDenied(
		"UPDATE action_log SET what = 'nothing'",
		"DELETE FROM action_log",
		"TRUNCATE action_log",
		"ALTER TABLE action_log DISABLE TRIGGER ALL",
		"SET session_replication_role = replica",
		"DELETE FROM consents",
		"UPDATE consents SET wording = 'yes'",
		"UPDATE operations SET requested_by = 'somebody'",
		"DELETE FROM operations",
		"DELETE FROM procedure_resources",
		"UPDATE servers SET organization = 'globex'",
		"UPDATE bmc_endpoints SET address = '10.0.0.2:443'",
		"INSERT INTO secret_schemes VALUES ('plain')",
		"DROP TABLE action_log",
	)
}

// A user who may not create roles can migrate all the same.
func TestMigrateWithoutCreatingRoles(t *testing.T) {
	t.Parallel()
	admin := connectOnly(t, pgtest.URL(t))
	name := "plain_" + strings.ToLower(rand.Text())
	_, err := admin.Exec(t.Context(), "CREATE ROLE "+name+" LOGIN PASSWORD 'plain'")
	must(t, err)
	t.Cleanup(func() { // after the database, which the role owns
		_, err := admin.Exec(context.Background(), "DROP ROLE "+name)
		must(t, err)
	})
	u, err := url.Parse(pgtest.URL(t))
	must(t, err)
	_, err = admin.Exec(t.Context(), "ALTER DATABASE "+strings.TrimPrefix(u.Path, "/")+" OWNER TO "+name)
	must(t, err)
	u.User = url.UserPassword(name, "plain")
	must(t, records.Migrate(t.Context(), u.String()))
	r, err := records.Open(t.Context(), u.String())
	must(t, err)
	defer r.Close()
	must(t, r.ImportOrganizations(t.Context(), organizations()))
	must(t, r.ImportServers(t.Context(), servers()))
}

func connectOnly(t *testing.T, url string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	must(t, err)
	t.Cleanup(func() { conn.Close(context.Background()) })
	return conn
}
