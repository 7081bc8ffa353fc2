package records

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"sync"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"

	"github.com/handrail/handrail/hosting"
)

//go:embed migrations/*.sql
var embedded embed.FS

const (
	versionTable = "schema_version"
	// migrationLock keeps two migrations of one database apart. Any number does
	// that no other program uses for this.
	migrationLock = 7_245_016_611
	// A migration waits for another one this long at most.
	lockPollSeconds, lockPolls = 1, 300
	// minServer is PostgreSQL 14, the oldest that its makers still mend.
	minServer = 140_000
)

// Migrate brings the database's schema up to the one that this program was
// built for. Several may run at once: one works, the others wait and then find
// nothing to do. A database that is already newer is a Conflict.
func Migrate(ctx context.Context, url string) error {
	cfg, err := pgx.ParseConfig(url)
	if err != nil {
		return unreadable()
	}
	prepare(cfg)
	t := task{doing: "migrating the database"}
	db := stdlib.OpenDB(*cfg)
	defer db.Close()
	if err := checkServer(ctx, db); err != nil {
		return explain(place(cfg), t, err)
	}
	p, err := provider(db)
	if err != nil {
		return fmt.Errorf("reading the embedded migrations: %w", err)
	}
	if _, err := p.Up(ctx); err != nil {
		return explain(place(cfg), t, err)
	}
	return nil
}

func provider(db *sql.DB) (*goose.Provider, error) {
	files, err := fs.Sub(embedded, "migrations")
	if err != nil {
		return nil, err
	}
	locker, err := lock.NewPostgresSessionLocker(
		lock.WithLockID(migrationLock), lock.WithLockTimeout(lockPollSeconds, lockPolls))
	if err != nil {
		return nil, err
	}
	return goose.NewProvider(goose.DialectPostgres, db, files,
		goose.WithTableName(versionTable), goose.WithSessionLocker(locker), goose.WithDisableGlobalRegistry(true))
}

// checkServer refuses a server that is too old and a schema that is too new.
func checkServer(ctx context.Context, db *sql.DB) error {
	conn, err := db.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	return conn.Raw(func(driver any) error {
		c := driver.(*stdlib.Conn).Conn()
		var server int
		if err := c.QueryRow(ctx, "SELECT current_setting('server_version_num')::int").Scan(&server); err != nil {
			return err
		}
		if server < minServer {
			return hosting.NewFault(hosting.FaultUnsupported, "",
				fmt.Sprintf("the database server is PostgreSQL %d", server/10_000), "use PostgreSQL 14 or newer")
		}
		at, err := version(ctx, c)
		if err != nil || at <= Latest() {
			return err
		}
		return compare(place(c.Config()), at, Latest())
	})
}

// Version returns the version of the schema that the database has; 0 where it
// was never migrated.
func Version(ctx context.Context, url string) (int64, error) {
	cfg, err := pgx.ParseConfig(url)
	if err != nil {
		return 0, unreadable()
	}
	prepare(cfg)
	t := task{doing: "reading the schema's version"}
	conn, err := pgx.ConnectConfig(ctx, cfg)
	if err != nil {
		return 0, explain(place(cfg), t, err)
	}
	defer conn.Close(context.WithoutCancel(ctx))
	at, err := version(ctx, conn)
	return at, explain(place(cfg), t, err)
}

// Latest is the version of the schema that this program was built for.
func Latest() int64 { return latest() }

var latest = sync.OnceValue(func() int64 {
	names, err := fs.Glob(embedded, "migrations/*.sql")
	if err != nil {
		panic(err) // the pattern is a constant
	}
	var last int64
	for _, name := range names {
		v, err := goose.NumericComponent(name)
		if err != nil {
			panic(fmt.Sprintf("records: embedded migration %s has no version: %v", name, err))
		}
		last = max(last, v)
	}
	return last
})

type rowQuerier interface {
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}

func version(ctx context.Context, q rowQuerier) (int64, error) {
	var at int64
	err := q.QueryRow(ctx, "SELECT coalesce(max(version_id), 0) FROM "+versionTable+" WHERE is_applied").Scan(&at)
	if pg, ok := errors.AsType[*pgconn.PgError](err); ok && pg.Code == undefinedTable {
		return 0, nil
	}
	return at, err
}

func compare(host string, has, want int64) error {
	what := fmt.Sprintf("the database at %s has schema version %d, this program needs %d", host, has, want)
	switch {
	case has < want:
		return hosting.NewFault(hosting.FaultConflict, "", what, "run \"worker migrate\" with the same DATABASE_URL, then start again")
	case has > want:
		return hosting.NewFault(hosting.FaultConflict, "", what, "start a newer release of Handrail: the database was migrated for one")
	}
	return nil
}
