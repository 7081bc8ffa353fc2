package frontend

import (
	"context"
	"slices"
	"time"

	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/serviceerror"
	updatepb "go.temporal.io/api/update/v1"
	"go.temporal.io/api/workflowservice/v1"
)

// update is an update that was accepted.
type update struct {
	polls   int // long polls that still pass without an outcome
	outcome *updatepb.Outcome
}

// GetSystemInfo is the first call of a client.
func (f *Frontend) GetSystemInfo(context.Context, *workflowservice.GetSystemInfoRequest) (*workflowservice.GetSystemInfoResponse, error) {
	return &workflowservice.GetSystemInfoResponse{ServerVersion: "1.32.1", Capabilities: &workflowservice.GetSystemInfoResponse_Capabilities{
		InternalErrorDifferentiation: true,
	}}, nil
}

// StartWorkflowExecution follows the policies for ids.
func (f *Frontend) StartWorkflowExecution(_ context.Context, r *workflowservice.StartWorkflowExecutionRequest) (*workflowservice.StartWorkflowExecutionResponse, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	w, err := f.start(r)
	if err != nil {
		return nil, err
	}
	return &workflowservice.StartWorkflowExecutionResponse{RunId: w.Run, Started: true}, nil
}

// starting is what the two requests that start have in common.
type starting interface {
	GetWorkflowId() string
	GetWorkflowType() *commonpb.WorkflowType
	GetWorkflowIdReusePolicy() enumspb.WorkflowIdReusePolicy
	GetSearchAttributes() *commonpb.SearchAttributes
}

func (f *Frontend) start(r starting) (*Workflow, error) {
	w := f.current(r.GetWorkflowId())
	if w != nil && (w.running() || r.GetWorkflowIdReusePolicy() == enumspb.WORKFLOW_ID_REUSE_POLICY_REJECT_DUPLICATE) {
		return nil, serviceerror.NewWorkflowExecutionAlreadyStarted("Workflow execution already started", "", w.Run)
	}
	w = &Workflow{ID: r.GetWorkflowId(), Type: r.GetWorkflowType().GetName(), Started: time.Now(), Attributes: map[string]any{}}
	for name, p := range r.GetSearchAttributes().GetIndexedFields() {
		var v any
		if err := values.FromPayload(p, &v); err != nil {
			return nil, serviceerror.NewInvalidArgument(err.Error())
		}
		w.Attributes[name] = v
	}
	f.add(w)
	return w, nil
}

// SignalWithStartWorkflowExecution signals what runs, and starts otherwise.
func (f *Frontend) SignalWithStartWorkflowExecution(_ context.Context, r *workflowservice.SignalWithStartWorkflowExecutionRequest) (*workflowservice.SignalWithStartWorkflowExecutionResponse, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if r.GetWorkflowIdConflictPolicy() == enumspb.WORKFLOW_ID_CONFLICT_POLICY_FAIL {
		return nil, serviceerror.NewInvalidArgument("WorkflowIdConflictPolicy FAIL is not supported for this operation")
	}
	w := f.current(r.GetWorkflowId())
	if w == nil || !w.running() {
		var err error
		if w, err = f.start(r); err != nil {
			return nil, err
		}
	}
	w.signals = append(w.signals, r.GetSignalInput())
	return &workflowservice.SignalWithStartWorkflowExecutionResponse{RunId: w.Run}, nil
}

// SignalWorkflowExecution signals what runs.
func (f *Frontend) SignalWorkflowExecution(_ context.Context, r *workflowservice.SignalWorkflowExecutionRequest) (*workflowservice.SignalWorkflowExecutionResponse, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	w, err := f.findRunning(r.GetWorkflowExecution())
	if err != nil {
		return nil, err
	}
	w.signals = append(w.signals, r.GetInput())
	return &workflowservice.SignalWorkflowExecutionResponse{}, nil
}

// DescribeWorkflowExecution describes the last run of an id.
func (f *Frontend) DescribeWorkflowExecution(_ context.Context, r *workflowservice.DescribeWorkflowExecutionRequest) (*workflowservice.DescribeWorkflowExecutionResponse, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	w, err := f.find(r.GetExecution())
	if err != nil {
		return nil, err
	}
	return &workflowservice.DescribeWorkflowExecutionResponse{WorkflowExecutionInfo: w.info()}, nil
}

// maxPage is small, so that tests turn pages.
const maxPage = 25

// ListWorkflowExecutions selects by query, newest first, page by page.
func (f *Frontend) ListWorkflowExecutions(_ context.Context, r *workflowservice.ListWorkflowExecutionsRequest) (*workflowservice.ListWorkflowExecutionsResponse, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	matches, err := parse(r.GetQuery())
	if err != nil {
		return nil, serviceerror.NewInvalidArgumentf("invalid query: %v", err)
	}
	var found []*Workflow
	for _, w := range slices.Backward(f.workflows) {
		if matches(w) {
			found = append(found, w)
		}
	}
	slices.SortStableFunc(found, func(a, b *Workflow) int { return b.Started.Compare(a.Started) })
	from := 0
	if token := r.GetNextPageToken(); len(token) > 0 {
		from = int(token[0])
	}
	to := min(len(found), from+min(maxPage, int(r.GetPageSize())))
	resp := &workflowservice.ListWorkflowExecutionsResponse{}
	for _, w := range found[from:to] {
		resp.Executions = append(resp.Executions, w.info())
	}
	if to < len(found) {
		resp.NextPageToken = []byte{byte(to)}
	}
	return resp, nil
}

// QueryWorkflow asks the workflow's Query.
func (f *Frontend) QueryWorkflow(_ context.Context, r *workflowservice.QueryWorkflowRequest) (*workflowservice.QueryWorkflowResponse, error) {
	f.mu.Lock()
	w, err := f.find(r.GetExecution())
	f.mu.Unlock()
	if err != nil {
		return nil, err
	}
	if w.Query == nil {
		return nil, serviceerror.NewFailedPrecondition("no poller seen for task queue recently, worker may be down")
	}
	answer, err := w.Query()
	if err != nil {
		return nil, err
	}
	return &workflowservice.QueryWorkflowResponse{QueryResult: payloads(answer)}, nil
}

// UpdateWorkflowExecution accepts an update, or, where no worker answers, lets
// the caller wait.
func (f *Frontend) UpdateWorkflowExecution(ctx context.Context, r *workflowservice.UpdateWorkflowExecutionRequest) (*workflowservice.UpdateWorkflowExecutionResponse, error) {
	f.mu.Lock()
	w, err := f.findRunning(r.GetWorkflowExecution())
	f.mu.Unlock()
	if err != nil {
		return nil, err
	}
	if w.Update == nil {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	u := &update{polls: w.Polls, outcome: &updatepb.Outcome{}}
	input := r.GetRequest().GetInput()
	if result, err := w.Update(input.GetName(), input.GetArgs()); err != nil {
		u.outcome.Value = &updatepb.Outcome_Failure{Failure: failures.ErrorToFailure(err)}
	} else {
		u.outcome.Value = &updatepb.Outcome_Success{Success: payloads(result)}
	}
	resp := &workflowservice.UpdateWorkflowExecutionResponse{
		UpdateRef: &updatepb.UpdateRef{
			WorkflowExecution: &commonpb.WorkflowExecution{WorkflowId: w.ID, RunId: w.Run}, UpdateId: r.GetRequest().GetMeta().GetUpdateId(),
		},
		Stage: enumspb.UPDATE_WORKFLOW_EXECUTION_LIFECYCLE_STAGE_ACCEPTED,
	}
	if u.polls == 0 {
		resp.Outcome, resp.Stage = u.outcome, enumspb.UPDATE_WORKFLOW_EXECUTION_LIFECYCLE_STAGE_COMPLETED
		return resp, nil
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.updates[resp.GetUpdateRef().GetUpdateId()] = u
	return resp, nil
}

// PollWorkflowExecutionUpdate answers without an outcome until its polls have
// passed. Negative polls never end: the caller waits.
func (f *Frontend) PollWorkflowExecutionUpdate(ctx context.Context, r *workflowservice.PollWorkflowExecutionUpdateRequest) (*workflowservice.PollWorkflowExecutionUpdateResponse, error) {
	f.mu.Lock()
	u := f.updates[r.GetUpdateRef().GetUpdateId()]
	wait := u != nil && u.polls < 0
	f.mu.Unlock()
	if u == nil {
		return nil, serviceerror.NewNotFound("update not found")
	}
	if wait {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	resp := &workflowservice.PollWorkflowExecutionUpdateResponse{UpdateRef: r.GetUpdateRef()}
	if u.polls > 1 {
		u.polls--
		resp.Stage = enumspb.UPDATE_WORKFLOW_EXECUTION_LIFECYCLE_STAGE_ACCEPTED
		return resp, nil
	}
	resp.Outcome, resp.Stage = u.outcome, enumspb.UPDATE_WORKFLOW_EXECUTION_LIFECYCLE_STAGE_COMPLETED
	return resp, nil
}

// GetWorkflowExecutionHistory knows closing events only.
func (f *Frontend) GetWorkflowExecutionHistory(_ context.Context, r *workflowservice.GetWorkflowExecutionHistoryRequest) (*workflowservice.GetWorkflowExecutionHistoryResponse, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	w, err := f.find(r.GetExecution())
	if err != nil {
		return nil, err
	}
	if r.GetHistoryEventFilterType() != enumspb.HISTORY_EVENT_FILTER_TYPE_CLOSE_EVENT || w.running() {
		return nil, serviceerror.NewUnimplemented("the stand-in knows closing events only")
	}
	return &workflowservice.GetWorkflowExecutionHistoryResponse{History: &historypb.History{Events: []*historypb.HistoryEvent{w.closing()}}}, nil
}

func (w *Workflow) closing() *historypb.HistoryEvent {
	switch w.Status {
	case enumspb.WORKFLOW_EXECUTION_STATUS_COMPLETED:
		return &historypb.HistoryEvent{Attributes: &historypb.HistoryEvent_WorkflowExecutionCompletedEventAttributes{
			WorkflowExecutionCompletedEventAttributes: &historypb.WorkflowExecutionCompletedEventAttributes{Result: payloads(w.Result)},
		}}
	case enumspb.WORKFLOW_EXECUTION_STATUS_FAILED:
		return &historypb.HistoryEvent{Attributes: &historypb.HistoryEvent_WorkflowExecutionFailedEventAttributes{
			WorkflowExecutionFailedEventAttributes: &historypb.WorkflowExecutionFailedEventAttributes{Failure: failures.ErrorToFailure(w.Failure)},
		}}
	case enumspb.WORKFLOW_EXECUTION_STATUS_TERMINATED:
		return &historypb.HistoryEvent{Attributes: &historypb.HistoryEvent_WorkflowExecutionTerminatedEventAttributes{
			WorkflowExecutionTerminatedEventAttributes: &historypb.WorkflowExecutionTerminatedEventAttributes{Reason: w.Reason, Identity: "anna@desk"},
		}}
	default:
		return &historypb.HistoryEvent{Attributes: &historypb.HistoryEvent_WorkflowExecutionTimedOutEventAttributes{
			WorkflowExecutionTimedOutEventAttributes: &historypb.WorkflowExecutionTimedOutEventAttributes{},
		}}
	}
}
