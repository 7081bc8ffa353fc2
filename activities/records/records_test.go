package records_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/handrail/handrail/activities/records"
	"github.com/handrail/handrail/dev/postgres/pgtest"
	"github.com/handrail/handrail/hosting"
)

// store is the records of one test, with a way around them to the database.
type store struct {
	*records.Records
	t   testing.TB
	url string
	sql *pgxpool.Pool
}

// open returns migrated records that hold two organizations and four servers.
func open(t testing.TB) *store {
	t.Helper()
	s := connect(t, pgtest.Clone(t, "records", records.Migrate))
	must(t, s.ImportOrganizations(t.Context(), organizations()))
	must(t, s.ImportServers(t.Context(), servers()))
	return s
}

func connect(t testing.TB, url string) *store {
	t.Helper()
	r, err := records.Open(t.Context(), url)
	must(t, err)
	t.Cleanup(r.Close)
	sql, err := pgxpool.New(t.Context(), url)
	must(t, err)
	t.Cleanup(sql.Close)
	return &store{r, t, url, sql}
}

func organizations() []hosting.Organization {
	return []hosting.Organization{
		{ID: "acme", Name: "Acme S.p.A.", Contacts: []hosting.Contact{
			{Name: "Anna Bianchi", Email: "anna@acme.example", Language: hosting.Italian, Primary: true, Active: true},
			{Name: "Carlo Neri", Email: "carlo@acme.example", Language: hosting.Italian},
		}},
		{ID: "globex", Name: "Globex", Contacts: []hosting.Contact{
			{Name: "Zofia", Email: "zofia@globex.example", Language: hosting.Polish, Primary: true, Active: true},
		}},
	}
}

var handedOver = time.Date(2026, 3, 1, 9, 30, 0, 0, time.UTC)

func servers() []hosting.Server {
	return []hosting.Server{
		{
			ServiceID: "srv-1", Name: "Web", HostName: "web.acme.example", PrimaryIP: "192.0.2.1",
			IPs:          []string{"192.0.2.11", "2001:db8::1"},
			Organization: "acme", ClusterID: "c-1", Site: "mil1", Kind: hosting.Dedicated, State: hosting.ServerActive,
			StagedAt: &handedOver,
			BMC: hosting.BMC{Endpoints: []hosting.BMCEndpoint{
				{
					Protocol: hosting.Redfish, Address: "10.0.0.1:443", Secret: "file:bmc/srv-1", System: "System.Embedded.1",
					TLS: hosting.BMCTLS{Fingerprint: strings.Repeat("ab", 32)},
				},
				{Protocol: hosting.IPMI, Address: "[fd00::1]:623", Secret: "env:BMC_SRV_1", TLS: hosting.BMCTLS{Insecure: true}},
			}},
			MACs: []string{"52:54:00:00:01:02", "52:54:00:00:01:01"},
			Bays: []hosting.Bay{{Slot: "1", Kind: "drive", HotSwap: new(true)}, {Slot: "1", Kind: "psu"}, {Slot: "0", Kind: "drive", HotSwap: new(false)}},
		},
		{
			ServiceID: "srv-2", Name: "Database", HostName: "db.acme.example", PrimaryIP: "192.0.2.2",
			Organization: "acme", Site: "mil1", Kind: hosting.Dedicated, State: hosting.ServerActive, StagedAt: &handedOver,
			MACs: []string{"52:54:00:00:02:01"},
		},
		{
			ServiceID: "srv-3", Name: "web", HostName: "web.globex.example", PrimaryIP: "192.0.2.3",
			Organization: "globex", Site: "waw1", Kind: hosting.VPS, State: hosting.ServerStaging,
		},
		{
			ServiceID: "srv-4", Name: "Attic", HostName: "old.acme.example", PrimaryIP: "192.0.2.4",
			Organization: "acme", Site: "mil1", Kind: hosting.Dedicated, State: hosting.ServerRetired, StagedAt: &handedOver,
			MACs: []string{"52:54:00:00:04:01"},
		},
	}
}

var customer = hosting.Requester{Contact: "anna@acme.example", Role: hosting.RoleCustomer}

// operation opens a new one, on its own ticket.
func (s *store) operation(ticket string) hosting.Operation {
	s.t.Helper()
	op, err := s.OpenOperation(s.t.Context(), opening(ticket))
	must(s.t, err)
	return op
}

func opening(ticket string) records.Opening {
	return records.Opening{
		Procedure: hosting.ServerIntervention, Ticket: ticket, Workflow: "intervention/" + ticket, Run: "run-of-" + ticket, RequestedBy: customer,
	}
}

func (s *store) exec(sql string, args ...any) {
	s.t.Helper()
	if _, err := s.sql.Exec(s.t.Context(), sql, args...); err != nil {
		s.t.Fatalf("%s: %v", sql, err)
	}
}

func (s *store) count(sql string, args ...any) (n int) {
	s.t.Helper()
	if err := s.sql.QueryRow(s.t.Context(), sql, args...).Scan(&n); err != nil {
		s.t.Fatalf("%s: %v", sql, err)
	}
	return n
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// wantFault checks an error's kind, and that its text says what it should.
func wantFault(t testing.TB, err error, kind hosting.FaultKind, says ...string) {
	t.Helper()
	if got := hosting.KindOf(err); got != kind {
		t.Fatalf("fault is %q, want %q: %v", got, kind, err)
	}
	for _, text := range says {
		if !strings.Contains(err.Error(), text) {
			t.Errorf("error does not say %q: %v", text, err)
		}
	}
}

func inTx(ctx context.Context, pool *pgxpool.Pool, statements ...string) error {
	return pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
		for _, sql := range statements {
			if _, err := tx.Exec(ctx, sql); err != nil {
				return fmt.Errorf("%s: %w", sql, err)
			}
		}
		return nil
	})
}

var errUndone = errors.New("undone")

// undone runs statements, checks what is checked at the end of a transaction,
// and undoes them.
func undone(ctx context.Context, pool *pgxpool.Pool, statements ...string) error {
	err := pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
		for _, sql := range append(statements, "SET CONSTRAINTS ALL IMMEDIATE") {
			if _, err := tx.Exec(ctx, sql); err != nil {
				return fmt.Errorf("%s: %w", sql, err)
			}
		}
		return errUndone
	})
	if errors.Is(err, errUndone) {
		return nil
	}
	return err
}
