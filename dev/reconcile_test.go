package main

import (
	"testing"

	"go.temporal.io/sdk/client"

	"github.com/handrail/handrail/hosting"
	"github.com/handrail/handrail/workflows"
)

// A terminated workflow leaves its row and its lease behind; the reconciler
// closes them, and who queued for the server gets it.
func TestTerminatedWorkflowIsClosed(t *testing.T) {
	t.Parallel()
	c := testConfig(t.TempDir())
	b := own(t, c)
	s := b.customer(hosting.English)
	ticket, first := b.request(s, true)
	b.at(first, "work")
	_, second := b.request(s, true)
	b.inPhase(second, hosting.PhaseQueued)
	if err := b.client.TerminateWorkflow(t.Context(), first, "", "by mistake"); err != nil {
		t.Fatal(err)
	}
	handle := b.client.ScheduleClient().GetHandle(t.Context(), workflows.ReconcilerID)
	if err := handle.Trigger(t.Context(), client.ScheduleTriggerOptions{}); err != nil {
		t.Fatal(err)
	}
	b.at(second, "work")
	op := b.operation(ticket)
	if op.Phase != hosting.PhaseFailed || op.ClosedAt == nil {
		t.Errorf("the row is %+v", op)
	}
	b.until("the mail to the duty contact", func() bool {
		for _, m := range b.mailbox.Messages() {
			if m.Recipients[0] == hosting.DefaultPolicy().Duty {
				return true
			}
		}
		return false
	})
	if r := b.finish(second); r.Phase != hosting.PhaseDone {
		t.Errorf("result %+v", r)
	}
}
