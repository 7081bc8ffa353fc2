// Package pgtest gives tests databases on a real PostgreSQL server: a throw-away
// cluster for each test binary, started when the first test asks for it and gone
// when the test binary is, however it ends. Where DATABASE_URL is set, that
// server is used instead; its user must be allowed to create databases.
package pgtest

import (
	"context"
	"crypto/rand"
	"errors"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/handrail/handrail/dev/postgres"
)

const (
	startTimeout = 6 * time.Minute // a download may be part of it
	dropTimeout  = 30 * time.Second
	objectInUse  = "55006" // SQLSTATE, PostgreSQL documentation, appendix A
)

// cluster is never stopped: the guard beside the server does that.
var cluster *postgres.Cluster

// server returns a URL of the server that tests use.
var server = sync.OnceValues(func() (string, error) {
	if given := os.Getenv("DATABASE_URL"); given != "" {
		if u, err := url.Parse(given); err != nil || u.Host == "" {
			return "", errors.New("DATABASE_URL is not a URL (postgres://user:password@host:port/name)")
		}
		return given, nil
	}
	dir, err := os.MkdirTemp("", "handrail-pgtest-")
	if err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	cluster, err = postgres.Start(ctx, postgres.Options{
		Dir: dir, Throwaway: true, Binaries: filepath.Join(os.TempDir(), "handrail-postgres-binaries"),
	})
	if err != nil {
		return "", errors.Join(err, os.RemoveAll(dir))
	}
	return cluster.URL(), nil
})

// URL returns the URL of an empty database that belongs to the test and is
// dropped after it. Where there is no PostgreSQL to be had the test is skipped,
// or fails if CI is set.
func URL(t testing.TB) string {
	t.Helper()
	base := need(t)
	return create(t, base, "")
}

// Clone returns the URL of a database like URL's on which prepare has run. It
// runs once for each name and test binary; the databases are copies.
func Clone(t testing.TB, name string, prepare func(ctx context.Context, url string) error) string {
	t.Helper()
	base := need(t)
	if cluster == nil { // somebody's server: nothing may be left on it
		mine := create(t, base, "")
		if err := prepare(t.Context(), mine); err != nil {
			t.Fatalf("preparing the database: %v", err)
		}
		return mine
	}
	template := "template_" + name
	if err := prepared(base, template, prepare); err != nil {
		t.Fatalf("preparing the database: %v", err)
	}
	return create(t, base, template)
}

func need(t testing.TB) string {
	t.Helper()
	base, err := server()
	if errors.Is(err, postgres.ErrNoBinaries) && os.Getenv("CI") == "" {
		t.Skipf("needs PostgreSQL: %v", err)
	}
	if err != nil {
		t.Fatalf("needs PostgreSQL: %v", err)
	}
	return base
}

var templates struct {
	sync.Mutex
	made map[string]func() error
}

// prepared makes the template on the first call with its name.
func prepared(base, template string, prepare func(context.Context, string) error) error {
	templates.Lock()
	if templates.made == nil {
		templates.made = map[string]func() error{}
	}
	once, ok := templates.made[template]
	if !ok {
		once = sync.OnceValue(func() error {
			ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
			defer cancel()
			if err := execute(ctx, base, "CREATE DATABASE "+identifier(template)); err != nil {
				return err
			}
			return prepare(ctx, at(base, template))
		})
		templates.made[template] = once
	}
	templates.Unlock()
	return once()
}

func create(t testing.TB, base, template string) string {
	t.Helper()
	name := "test_" + strings.ToLower(rand.Text())
	statement := "CREATE DATABASE " + identifier(name)
	if template != "" {
		statement += " TEMPLATE " + identifier(template)
	}
	if err := copied(t.Context(), base, statement); err != nil {
		t.Fatalf("creating a database: %v", err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), dropTimeout)
		defer cancel()
		if err := execute(ctx, base, "DROP DATABASE IF EXISTS "+identifier(name)+" WITH (FORCE)"); err != nil {
			t.Errorf("dropping the test's database: %v", err)
		}
	})
	return at(base, name)
}

// copied waits for the last connection to the template to be gone: a server
// notices only after a moment that a client has hung up.
func copied(ctx context.Context, base, statement string) error {
	ctx, cancel := context.WithTimeout(ctx, dropTimeout)
	defer cancel()
	for {
		err := execute(ctx, base, statement)
		if pg, ok := errors.AsType[*pgconn.PgError](err); !ok || pg.Code != objectInUse {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func execute(ctx context.Context, base, statement string) error {
	conn, err := pgx.Connect(ctx, base)
	if err != nil {
		return err
	}
	_, err = conn.Exec(ctx, statement)
	return errors.Join(err, conn.Close(context.WithoutCancel(ctx)))
}

// at is the URL of another database on the same server.
func at(base, database string) string {
	u, err := url.Parse(base)
	if err != nil {
		panic("pgtest: the URL was checked before") // not quoted: it holds a password
	}
	u.Path = "/" + database
	return u.String()
}

func identifier(name string) string { return pgx.Identifier{name}.Sanitize() }
