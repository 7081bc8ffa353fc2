package records_test

import (
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/handrail/handrail/activities/records"
	"github.com/handrail/handrail/dev/postgres/pgtest"
	"github.com/handrail/handrail/hosting"
)

func TestMigrate(t *testing.T) {
	t.Parallel()
	ctx, url := t.Context(), pgtest.URL(t)
	if v, err := records.Version(ctx, url); v != 0 || err != nil {
		t.Fatalf("an empty database has version %d (%v), want 0", v, err)
	}
	_, err := records.Open(ctx, url)
	wantFault(t, err, hosting.FaultConflict, "schema version 0", "migrate")

	for range 2 {
		must(t, records.Migrate(ctx, url))
		if v, err := records.Version(ctx, url); v != records.Latest() || err != nil {
			t.Fatalf("version %d (%v) after migrating, want %d", v, err, records.Latest())
		}
	}
	r, err := records.Open(ctx, url)
	must(t, err)
	must(t, r.Ping(ctx))
	r.Close()
}

func TestMigrateTwoAtOnce(t *testing.T) {
	t.Parallel()
	url := pgtest.URL(t)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			if err := records.Migrate(t.Context(), url); err != nil {
				t.Errorf("migrating beside others: %v", err)
			}
		})
	}
	wg.Wait()
	if v, err := records.Version(t.Context(), url); v != records.Latest() || err != nil {
		t.Fatalf("version %d (%v), want %d", v, err, records.Latest())
	}
}

func TestMigrateRefusesANewerDatabase(t *testing.T) {
	t.Parallel()
	ctx, url := t.Context(), pgtest.Clone(t, "records", records.Migrate)
	conn, err := pgx.Connect(ctx, url)
	must(t, err)
	_, err = conn.Exec(ctx, "INSERT INTO schema_version (version_id, is_applied) VALUES ($1, true)", records.Latest()+1)
	must(t, err)
	must(t, conn.Close(ctx))

	wantFault(t, records.Migrate(ctx, url), hosting.FaultConflict, "newer release")
	_, err = records.Open(ctx, url)
	wantFault(t, err, hosting.FaultConflict, "newer release")
}

// Whatever is wrong with an address, the password in it is not repeated.
func TestAddressesAreNotRepeated(t *testing.T) {
	t.Parallel()
	const password = "hunter2"
	for _, url := range []string{
		"postgres://handrail:hunter2@127.0.0.1:port/handrail",
		"postgres://handrail:hunter2@127.0.0.1:1/handrail?connect_timeout=2",
		"host=127.0.0.1 port=x password=hunter2",
		"postgres://handrail:hunter2%@127.0.0.1/handrail",
	} {
		_, openErr := records.Open(t.Context(), url)
		_, versionErr := records.Version(t.Context(), url)
		for _, err := range []error{openErr, versionErr, records.Migrate(t.Context(), url)} {
			if err == nil || strings.Contains(err.Error(), password) {
				t.Errorf("an unusable address gives %v", err)
			}
		}
	}
}
