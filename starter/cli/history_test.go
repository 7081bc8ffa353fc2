package cli_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/handrail/handrail/activities/records"
	"github.com/handrail/handrail/hosting"
	"github.com/handrail/handrail/starter/cli"
)

// book is a stand-in for the records.
type book struct {
	names  map[string]records.Subject
	kept   map[string][]hosting.Operation
	list   []hosting.OperatingSystem
	away   error
	url    string
	asked  records.Identification
	filter records.Filter
	closed bool
}

func (b *book) Identify(_ context.Context, in records.Identification) (records.Subject, error) {
	b.asked = in
	if s, ok := b.names[in.Reference]; ok {
		return s, b.away
	}
	return records.Subject{Problem: records.NotFound}, b.away
}

func (b *book) Operations(_ context.Context, f records.Filter) ([]hosting.Operation, error) {
	b.filter = f
	return b.kept[f.Server], nil
}

func (b *book) Systems(context.Context) ([]hosting.OperatingSystem, error) { return b.list, b.away }

func (b *book) Close() { b.closed = true }

func shelve() *book {
	found := records.Subject{Server: hosting.Server{ServiceID: "srv-1004"}}
	return &book{
		names: map[string]records.Subject{
			"srv-1004": found, "192.0.2.14": found, "web.acme.example": found,
			"srv-2": {Server: hosting.Server{ServiceID: "srv-2"}},
			"web":   {Problem: records.Ambiguous}, "srv-9": {Problem: records.Retired}, "old": {Problem: records.Retired},
		},
		kept: map[string][]hosting.Operation{
			"srv-1004": {
				{
					ID: "op-8", Procedure: hosting.ServerIntervention, Ticket: "1008", Workflow: "intervention/1008", Phase: hosting.PhaseRunning,
					OpenedAt: at("05:00:00"), Steps: []hosting.Step{{Name: "identify", Title: "Identify", State: hosting.StepRunning, Attempt: 1}},
				},
				{
					ID: "op-7", Procedure: hosting.ServerIntervention, Ticket: "1001", Workflow: "intervention/1001", Phase: hosting.PhaseCancelled,
					Outcome: "cancelled by anna: the rack\nis on fire", OpenedAt: at("02:00:00"), ClosedAt: moment("02:40:00"),
				},
			},
			"srv-9": {{ID: "op-1", Procedure: hosting.ServerIntervention, Ticket: "7", Phase: hosting.PhaseDone, Outcome: "done", OpenedAt: at("01:00:00"), ClosedAt: moment("01:30:00")}},
		},
	}
}

// read runs starter history with the records at hand.
func read(t *testing.T, b *book, args ...string) said {
	t.Helper()
	return withBook(t, b, append([]string{"history"}, args...)...)
}

// withBook runs a command with the records at hand.
func withBook(t *testing.T, b *book, args ...string) said {
	t.Helper()
	d := sit(nil)
	d.env["DATABASE_URL"] = "postgres://somewhere"
	d.Records = func(_ context.Context, url string) (cli.Records, error) {
		b.url = url
		return b, nil
	}
	return d.run(t, args...)
}

// G1: every operation on a server, by whatever name it is called.
func TestHistory_G1(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"srv-1004", "192.0.2.14", "web.acme.example"} {
		b := shelve()
		s := read(t, b, name)
		golden(t, "history.txt", s.out)
		if s.code != 0 || s.err != "" || !b.closed || b.url != "postgres://somewhere" || b.filter.Server != "srv-1004" || b.asked.Requester.Role != hosting.RoleStaff {
			t.Errorf("%s: %+v, %+v", name, s, b)
		}
	}
	golden(t, "history.json", read(t, shelve(), "srv-1004", "--json").out)
	if s := read(t, shelve(), "srv-2"); s.out != "no operations on record\n" || s.code != 0 {
		t.Errorf("%+v", s)
	}
	if s := read(t, shelve(), "srv-9"); s.code != 0 || s.out == "" {
		t.Errorf("a retired server's history is gone: %+v", s)
	}
}

func TestHistory_problems(t *testing.T) {
	t.Parallel()
	read(t, shelve(), "srv-0").refuses(t, 4, "no such server on record: srv-0")
	read(t, shelve(), "web").refuses(t, 2, "web names several servers. To do: give the service id")
	read(t, shelve(), "old").refuses(t, 1, "old is retired. To do: give its service id")
	b := shelve()
	b.away = fmt.Errorf("identifying the server: PostgreSQL at db:5432/handrail is away: %w, %w", errors.New("refused"), errors.New("timeout"))
	read(t, b, "srv-1004").refuses(t, 1, "starter: identifying the server: PostgreSQL at db:5432/handrail is away: refused, timeout\n")

	d := sit(nil)
	d.env["DATABASE_URL"] = "postgres://anna:hunter2@%zz"
	d.Records = cli.Std().Records
	d.run(t, "history", "srv-1004").refuses(t, 3, "the address of the database can not be read")
}
