package executions_test

import (
	"context"
	"errors"
	"testing"

	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"

	"github.com/handrail/handrail/activities/executions"
	"github.com/handrail/handrail/hosting"
)

// temporal answers from a table of workflow ids.
type temporal map[string]*workflowpb.WorkflowExecutionInfo

func (t temporal) DescribeWorkflowExecution(_ context.Context, id, _ string) (*workflowservice.DescribeWorkflowExecutionResponse, error) {
	info, ok := t[id]
	if !ok {
		return nil, serviceerror.NewNotFound("no such workflow")
	}
	if info == nil {
		return nil, errors.New("temporal is away")
	}
	return &workflowservice.DescribeWorkflowExecutionResponse{WorkflowExecutionInfo: info}, nil
}

func info(status enums.WorkflowExecutionStatus, first string) *workflowpb.WorkflowExecutionInfo {
	return &workflowpb.WorkflowExecutionInfo{
		Execution: &commonpb.WorkflowExecution{RunId: "later"}, Status: status, FirstRunId: first,
	}
}

func TestWithoutWorkflow(t *testing.T) {
	t.Parallel()
	a := executions.Activities{Temporal: temporal{
		"runs":     info(enums.WORKFLOW_EXECUTION_STATUS_RUNNING, "r"),
		"ended":    info(enums.WORKFLOW_EXECUTION_STATUS_TERMINATED, "r"),
		"replaced": info(enums.WORKFLOW_EXECUTION_STATUS_RUNNING, "another"),
	}}
	var open []hosting.Operation
	for _, id := range []string{"runs", "ended", "replaced", "forgotten"} {
		open = append(open, hosting.Operation{ID: id, Workflow: id, Run: "r"})
	}
	left, err := a.WithoutWorkflow(t.Context(), open)
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	for _, op := range left {
		ids = append(ids, op.ID)
	}
	if len(ids) != 3 || ids[0] != "ended" || ids[1] != "replaced" || ids[2] != "forgotten" {
		t.Errorf("left behind: %v", ids)
	}
}

// When Temporal does not answer nothing may be taken for dead.
func TestTemporalAway(t *testing.T) {
	t.Parallel()
	a := executions.Activities{Temporal: temporal{"runs": nil}}
	if left, err := a.WithoutWorkflow(t.Context(), []hosting.Operation{{Workflow: "runs"}}); err == nil {
		t.Errorf("left behind: %v", left)
	}
}
