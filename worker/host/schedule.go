package host

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"github.com/handrail/handrail/workflows"
)

// ensureReconciler makes the schedule that runs the reconciler, where there is
// none. A run that was missed is not made up for: the next one finds the same.
func (h *Host) ensureReconciler(ctx context.Context) error {
	_, err := h.client.ScheduleClient().Create(ctx, client.ScheduleOptions{
		ID:            workflows.ReconcilerID,
		Spec:          client.ScheduleSpec{Intervals: []client.ScheduleIntervalSpec{{Every: workflows.ReconcileEvery}}},
		CatchupWindow: time.Minute,
		Action: &client.ScheduleWorkflowAction{
			ID: workflows.ReconcilerID, Workflow: workflows.Reconcile, TaskQueue: workflows.TaskQueue,
			StaticSummary: "Close what terminated workflows left behind",
		},
	})
	if err == nil || errors.Is(err, temporal.ErrScheduleAlreadyRunning) {
		return nil
	}
	return fmt.Errorf("making the schedule %s: %w", workflows.ReconcilerID, err)
}
