package records_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/handrail/handrail/activities/records"
	"github.com/handrail/handrail/hosting"
)

// occupied is what the procedures of the queue's test occupy.
var occupied = map[hosting.Procedure]string{"Power": "power", "Disk": "disk", "Both": "power disk", "Nothing": ""}

// queueModel is the queue in its simplest form: who asked, in order.
type queueModel []*place

type place struct {
	operation string
	procedure hosting.Procedure
	granted   bool
}

func conflicting(a, b hosting.Procedure) bool {
	for _, x := range strings.Fields(occupied[a]) {
		if slices.Contains(strings.Fields(occupied[b]), x) {
			return true
		}
	}
	return false
}

// ask returns who is ahead, those with the server first; nobody is a grant.
func (q *queueModel) ask(operation string, procedure hosting.Procedure) (ahead []string) {
	mine := slices.IndexFunc(*q, func(p *place) bool { return p.operation == operation })
	if mine < 0 {
		mine = len(*q)
		*q = append(*q, &place{operation: operation, procedure: procedure})
	}
	me := (*q)[mine]
	if me.granted {
		return nil
	}
	for _, granted := range []bool{true, false} {
		for i, other := range *q {
			if i != mine && conflicting(other.procedure, procedure) && other.granted == granted && (granted || i < mine) {
				ahead = append(ahead, other.operation)
			}
		}
	}
	me.granted = len(ahead) == 0
	return ahead
}

func (q *queueModel) release(operation string) {
	*q = slices.DeleteFunc(*q, func(p *place) bool { return p.operation == operation })
}

// First come, first served among those that conflict; the others pass.
func TestQueueIsFair(t *testing.T) {
	t.Parallel()
	s := open(t)
	s.procedures(occupied)
	kinds := []hosting.Procedure{"Power", "Disk", "Both", "Nothing"}
	run := 0
	rapid.Check(t, func(rt *rapid.T) {
		run++
		server := servers()[1]
		server.ServiceID, server.HostName, server.MACs = fmt.Sprint("queue-", run), "", nil
		server.PrimaryIP = fmt.Sprintf("198.18.%d.%d", run/256, run%256)
		must(t, s.ImportServers(t.Context(), []hosting.Server{server}))
		var model queueModel
		var requests []records.LeaseRequest
		for i := range 5 {
			in := opening(fmt.Sprintf("Q-%d-%d", run, i))
			in.Procedure = rapid.SampledFrom(kinds).Draw(rt, "procedure")
			op, err := s.OpenOperation(t.Context(), in)
			must(t, err)
			requests = append(requests, records.LeaseRequest{Operation: op.ID, Server: server.ServiceID, Procedure: in.Procedure})
		}
		for range rapid.IntRange(1, 15).Draw(rt, "length") {
			in := rapid.SampledFrom(requests).Draw(rt, "request")
			if rapid.IntRange(0, 2).Draw(rt, "what") == 0 {
				must(t, s.ReleaseLease(t.Context(), in))
				model.release(in.Operation)
				continue
			}
			answer, err := s.RequestLease(t.Context(), in)
			must(t, err)
			var got []string
			for _, a := range answer.Ahead {
				got = append(got, a.Operation)
			}
			if want := model.ask(in.Operation, in.Procedure); !slices.Equal(got, want) || answer.Granted != (len(want) == 0) {
				rt.Fatalf("%s is told %v (granted %v), want %v", in.Procedure, got, answer.Granted, want)
			}
		}
	})
}
