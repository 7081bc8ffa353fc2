// Package executions asks Temporal about workflows: which operations have a
// workflow that still runs.
package executions

import (
	"context"
	"errors"
	"fmt"

	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"

	"github.com/handrail/handrail/hosting"
)

// Describer is what is needed of a Temporal client.
type Describer interface {
	DescribeWorkflowExecution(ctx context.Context, workflowID, runID string) (*workflowservice.DescribeWorkflowExecutionResponse, error)
}

// Activities answer from Temporal.
type Activities struct {
	Temporal Describer
}

// WithoutWorkflow returns those of the operations whose workflow does not run
// any more, or has been replaced by another of the same id. A workflow that runs
// has closed its operation before it ends, so what is found here was left behind
// by a termination.
func (a *Activities) WithoutWorkflow(ctx context.Context, open []hosting.Operation) ([]hosting.Operation, error) {
	var left []hosting.Operation
	for _, op := range open {
		alive, err := a.alive(ctx, op)
		if err != nil {
			return nil, fmt.Errorf("asking Temporal for workflow %s: %w", op.Workflow, err)
		}
		if !alive {
			left = append(left, op)
		}
	}
	return left, nil
}

func (a *Activities) alive(ctx context.Context, op hosting.Operation) (bool, error) {
	d, err := a.Temporal.DescribeWorkflowExecution(ctx, op.Workflow, "")
	if _, gone := errors.AsType[*serviceerror.NotFound](err); gone {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	info := d.GetWorkflowExecutionInfo()
	return info.GetStatus() == enums.WORKFLOW_EXECUTION_STATUS_RUNNING && info.GetFirstRunId() == op.Run, nil
}
