package records

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/handrail/handrail/hosting"
)

// SQLSTATE codes, PostgreSQL documentation, appendix A.
const (
	undefinedTable  = "42P01"
	uniqueViolation = "23505"
	queryCanceled   = "57014"

	classConnection   = "08"
	classDataInvalid  = "22"
	classIntegrity    = "23"
	classResources    = "53"
	classIntervention = "57"
)

// place names a database for people: host, port and name, never the password.
func place(cfg *pgx.ConnConfig) string {
	return fmt.Sprintf("%s/%s", net.JoinHostPort(cfg.Host, fmt.Sprint(cfg.Port)), cfg.Database)
}

// explain turns an error of the database driver into one that its reader can
// act on: a fault where a constraint was violated, else a plain error, which is
// tried again.
func explain(host string, t task, err error) error {
	if err == nil {
		return nil
	}
	if f, ok := errors.AsType[*hosting.Fault](err); ok {
		return f
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("%s: no answer in time from PostgreSQL at %s: %w", t, host, err)
	}
	if away(err) {
		return fmt.Errorf("%s: PostgreSQL at %s is away: %w", t, host, err)
	}
	if pg, ok := errors.AsType[*pgconn.PgError](err); ok {
		if f := violation(t, pg); f != nil {
			return f
		}
	}
	return fmt.Errorf("%s: %w", t, err)
}

func (t task) String() string {
	if t.server == "" {
		return t.doing
	}
	return t.server + ": " + t.doing
}

// away reports whether the server can not be reached, is starting, stopping or
// out of connections.
func away(err error) bool {
	if pg, ok := errors.AsType[*pgconn.PgError](err); ok {
		switch pg.Code[:min(2, len(pg.Code))] {
		case classConnection, classResources:
			return true
		case classIntervention:
			return pg.Code != queryCanceled
		}
		return false
	}
	if _, ok := errors.AsType[*pgconn.ConnectError](err); ok {
		return true
	}
	if _, ok := errors.AsType[net.Error](err); ok {
		return true
	}
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, pgconn.ErrConnClosed)
}

// violation says in words which rule of the database was broken.
func violation(t task, pg *pgconn.PgError) error {
	class := pg.Code[:min(2, len(pg.Code))]
	rule, known := rules[pg.ConstraintName]
	switch {
	case known:
	case class == classIntegrity:
		rule = broken{hosting.FaultInvalidRequest, "the database's rule " + pg.ConstraintName + " was broken", "correct the input"}
	case class == classDataInvalid:
		rule = broken{hosting.FaultInvalidRequest, "the database can not store this: " + pg.Message, "correct the input"}
	default:
		return nil
	}
	what := t.doing + ": " + rule.what
	// Only here is the detail known to hold nothing but a key: elsewhere it may
	// quote a whole row.
	if pg.Code == uniqueViolation && pg.Detail != "" {
		what += " (" + strings.TrimSuffix(pg.Detail, ".") + ")"
	}
	if rule.kind == "" {
		return fmt.Errorf("%s: %s", t, what)
	}
	return hosting.NewFault(rule.kind, t.server, what, rule.do)
}
