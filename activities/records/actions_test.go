package records_test

import (
	"slices"
	"testing"
	"time"

	"github.com/handrail/handrail/hosting"
)

func TestActionLog_O24(t *testing.T) {
	t.Parallel()
	s, ctx := open(t), t.Context()
	op, other := s.operation("T-1"), s.operation("T-2")
	at := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	off := hosting.Action{Operation: op.ID, Server: "srv-1", At: at, By: "tech", What: "power off", Result: "reached", Key: "power/1"}
	on := hosting.Action{Operation: op.ID, Server: "srv-1", At: at.Add(time.Minute), By: "tech", What: "power on", Key: "power/2"}
	must(t, s.LogActions(ctx, []hosting.Action{on, off}))
	must(t, s.LogActions(ctx, []hosting.Action{off, on, off}))
	changed := off
	changed.Result = "never happened"
	must(t, s.LogActions(ctx, []hosting.Action{changed}))
	elsewhere := off
	elsewhere.Operation = other.ID
	must(t, s.LogActions(ctx, []hosting.Action{elsewhere}))
	must(t, s.LogActions(ctx, nil))
	got, err := s.Actions(ctx, op.ID)
	must(t, err)
	if want := []hosting.Action{off, on}; !slices.Equal(got, want) {
		t.Errorf("the log is %+v, want %+v", got, want)
	}

	// All or none.
	bad := on
	bad.Key, bad.What = "power/3", ""
	good := on
	good.Key = "power/4"
	wantFault(t, s.LogActions(ctx, []hosting.Action{good, bad}), hosting.FaultInvalidRequest, "who did what")
	if got, err := s.Actions(ctx, op.ID); err != nil || len(got) != 2 {
		t.Errorf("half of the entries were written: %+v (%v)", got, err)
	}
	off.Operation = unknownID
	wantFault(t, s.LogActions(ctx, []hosting.Action{off}), hosting.FaultInvalidRequest, "operation")
}
