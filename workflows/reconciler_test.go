package workflows

import (
	"context"
	"testing"

	"github.com/stretchr/testify/mock"

	"github.com/handrail/handrail/hosting"
)

func TestReconcile(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	open := []hosting.Operation{
		{ID: "op-1", Workflow: "intervention/1001", Run: "a", Server: "srv-1001", Ticket: "1001", Procedure: hosting.ServerIntervention},
		{ID: "op-2", Workflow: "intervention/1002", Run: "b", Server: "srv-1002", Ticket: "1002", Procedure: hosting.ServerIntervention},
	}
	w.env.OnActivity(rec.OpenOperations, mock.Anything).Return(func(context.Context) ([]hosting.Operation, error) { return open, nil })
	w.env.OnActivity(running.WithoutWorkflow, mock.Anything, mock.Anything).Return(
		func(_ context.Context, asked []hosting.Operation) ([]hosting.Operation, error) { return asked[1:], nil })
	w.env.ExecuteWorkflow(Reconcile)

	if err := w.env.GetWorkflowError(); err != nil {
		t.Fatal(err)
	}
	var done Reconciled
	if err := w.env.GetWorkflowResult(&done); err != nil || len(done.Closed) != 1 || done.Closed[0] != "intervention/1002" {
		t.Errorf("closed %+v, %v", done, err)
	}
	if w.closing == nil || w.closing.Operation != "op-2" || w.closing.Phase != hosting.PhaseFailed {
		t.Errorf("closing %+v", w.closing)
	}
	if len(w.mails) != 1 || w.mails[0].To != w.policy.Duty || w.mails[0].Letter.Server != "srv-1002" {
		t.Errorf("mails %+v", w.mails)
	}
}
