package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	failurepb "go.temporal.io/api/failure/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/serviceerror"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"

	"github.com/handrail/handrail/activities"
	"github.com/handrail/handrail/hosting"
	"github.com/handrail/handrail/starter/launch"
	"github.com/handrail/handrail/workflows"
)

// View is one operation as show prints it: its status, and how it ended.
type View struct {
	Workflow string     `json:"workflow"`
	Run      string     `json:"run"`
	Started  time.Time  `json:"started"`
	Ended    *time.Time `json:"ended,omitempty"`
	workflows.Status
}

// askWithin is how long a workflow may take to answer: a worker that has not
// run it for long reads its history first.
const askWithin = 10 * time.Second

// look reads an operation. One that runs is asked itself; of one that ended the
// end is read from its history, and the rest if it still answers.
func (a *app) look(ctx context.Context, name string) (View, error) {
	tc, err := a.connect(ctx)
	if err != nil {
		return View{}, err
	}
	e, err := launch.Find(ctx, tc, name)
	if err != nil {
		return View{}, err
	}
	v := viewOf(e)
	running := e.GetStatus() == enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING
	switch s, err := ask(ctx, tc, v); {
	case err == nil:
		v.Status = s
	case running:
		return v, v.silent(err)
	}
	if running {
		return v, nil
	}
	if !v.Phase.Final() {
		v.Phase = phaseOf(e.GetStatus())
	}
	v.WaitingOn, v.ETA, v.Due = "", nil, nil
	return v, v.readEnd(ctx, tc)
}

// viewOf is what lists show of an operation.
func viewOf(e *workflowpb.WorkflowExecutionInfo) View {
	r := rowOf(e)
	return View{
		Workflow: r.Workflow, Run: e.GetExecution().GetRunId(), Started: r.Started, Ended: r.Ended,
		Status: workflows.Status{
			Procedure: hosting.Procedure(r.Procedure), Phase: hosting.Phase(r.Phase), WaitingOn: r.WaitingOn, Step: r.Step,
			Steps: []hosting.Step{}, Due: r.Due, Server: r.Server, Organization: r.Organization, Ticket: r.Ticket,
		},
	}
}

func ask(ctx context.Context, tc client.Client, v View) (s workflows.Status, err error) {
	ctx, cancel := context.WithTimeout(ctx, askWithin)
	defer cancel()
	value, err := tc.QueryWorkflow(ctx, v.Workflow, v.Run, "status")
	if err != nil {
		return s, err
	}
	return s, value.Get(&s)
}

// silent says why an operation that runs does not answer, and what was last
// known of it.
func (v View) silent(err error) error {
	known := "it is " + string(v.Phase)
	if v.Step != "" {
		known += " at step " + v.Step
	}
	if v.WaitingOn != "" {
		known += ", waiting on " + v.WaitingOn
	}
	switch {
	case is[*serviceerror.QueryFailed](err) || is[*serviceerror.WorkflowNotReady](err):
		return fmt.Errorf("%s can not answer (by the last word %s): %s. To do: look into the worker's log", v.Workflow, known, message(err))
	case is[*serviceerror.FailedPrecondition](err) || is[*serviceerror.DeadlineExceeded](err) || errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("no worker answers for %s (by the last word %s). To do: see that a worker runs", v.Workflow, known)
	}
	return err
}

// readEnd reads the last event of a workflow: its result, or why there is none.
func (v *View) readEnd(ctx context.Context, tc client.Client) error {
	events := tc.GetWorkflowHistory(ctx, v.Workflow, v.Run, false, enumspb.HISTORY_EVENT_FILTER_TYPE_CLOSE_EVENT)
	if !events.HasNext() {
		return nil
	}
	event, err := events.Next()
	if err != nil {
		return err
	}
	v.end(event)
	return nil
}

func (v *View) end(event *historypb.HistoryEvent) {
	switch e := event.GetAttributes().(type) {
	case *historypb.HistoryEvent_WorkflowExecutionCompletedEventAttributes:
		v.completed(e.WorkflowExecutionCompletedEventAttributes.GetResult())
	case *historypb.HistoryEvent_WorkflowExecutionFailedEventAttributes:
		v.Outcome = failed(e.WorkflowExecutionFailedEventAttributes.GetFailure())
	case *historypb.HistoryEvent_WorkflowExecutionTerminatedEventAttributes:
		t := e.WorkflowExecutionTerminatedEventAttributes
		v.Outcome = "terminated in Temporal by " + t.GetIdentity()
		if t.GetReason() != "" {
			v.Outcome += ": " + t.GetReason()
		}
	case *historypb.HistoryEvent_WorkflowExecutionTimedOutEventAttributes:
		v.Outcome = "it ran out of time"
	}
}

func (v *View) completed(result *commonpb.Payloads) {
	var r workflows.Result
	if converter.GetDefaultDataConverter().FromPayloads(result, &r) != nil || r.Phase == "" {
		return
	}
	v.Phase, v.Outcome, v.Downtime = r.Phase, r.Outcome, r.Downtime
}

// failed is what a workflow's failure says.
func failed(f *failurepb.Failure) string {
	return activities.Words(temporal.GetDefaultFailureConverter().FailureToError(f))
}
