// Package records keeps what the data centre knows in PostgreSQL: customers and
// their servers, operations and their steps, who has a server for itself, what
// customers allowed and what was done.
//
// What other code leans on is held by the database itself (see migrations): the
// methods here only say it in words. Every method may be repeated safely.
package records

import (
	"context"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/handrail/handrail/hosting"
)

const (
	connectTimeout = 5 * time.Second
	// maxConns is enough for the local activities of one worker. A database URL
	// with pool_max_conns overrules it.
	maxConns = 16
)

// Records is the way to the database. Its methods are activities, to be
// registered one by one, except Close, Ping, those for people (Operations,
// OpenByTicket, Actions, Systems, ImportOrganizations, ImportServers and
// ImportSystems), and those for the gateway's boot listener: HandOutBoot,
// BootByToken, BeginErasing and ReportBoot.
type Records struct {
	pool *pgxpool.Pool
	host string
}

// Open connects to the database at url (postgres://user:password@host/name). It
// refuses, as a Conflict, a database whose schema is not exactly the one that
// this program was built for.
func Open(ctx context.Context, url string) (*Records, error) {
	cfg, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, unreadable()
	}
	if !strings.Contains(url, "pool_max_conns") {
		cfg.MaxConns = maxConns
	}
	prepare(cfg.ConnConfig)
	cfg.AfterConnect = timesInUTC
	pool, err := pgxpool.NewWithConfig(ctx, cfg)
	if err != nil {
		return nil, explain(place(cfg.ConnConfig), task{doing: "connecting"}, err)
	}
	r := &Records{pool: pool, host: place(cfg.ConnConfig)}
	if err := r.checkVersion(ctx); err != nil {
		pool.Close()
		return nil, err
	}
	return r, nil
}

// Close waits for what is under way and closes all connections.
func (r *Records) Close() { r.pool.Close() }

// Ping reports whether the database answers, for health checks.
func (r *Records) Ping(ctx context.Context) error {
	return explain(r.host, task{doing: "checking the database"}, r.pool.Ping(ctx))
}

func (r *Records) checkVersion(ctx context.Context) error {
	at, err := version(ctx, r.pool)
	if err != nil {
		return explain(r.host, task{doing: "reading the schema's version"}, err)
	}
	return compare(r.host, at, Latest())
}

// task says what is being done to which server, for errors.
type task struct{ doing, server string }

// write runs f in one transaction.
func (r *Records) write(ctx context.Context, t task, f func(pgx.Tx) error) error {
	return explain(r.host, t, pgx.BeginFunc(ctx, r.pool, f))
}

func prepare(cfg *pgx.ConnConfig) {
	if cfg.ConnectTimeout == 0 {
		cfg.ConnectTimeout = connectTimeout
	}
	if cfg.RuntimeParams["application_name"] == "" {
		cfg.RuntimeParams["application_name"] = "handrail"
	}
	cfg.RuntimeParams["timezone"] = "UTC"
}

func timesInUTC(_ context.Context, conn *pgx.Conn) error {
	conn.TypeMap().RegisterType(&pgtype.Type{
		Name: "timestamptz", OID: pgtype.TimestamptzOID, Codec: &pgtype.TimestamptzCodec{ScanLocation: time.UTC},
	})
	return nil
}

func unreadable() *hosting.Fault {
	return hosting.Invalid("", "the address of the database can not be read",
		"set DATABASE_URL to postgres://user:password@host:port/name, with special characters in the password percent-encoded")
}
