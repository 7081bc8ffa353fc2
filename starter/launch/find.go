package launch

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"

	"github.com/handrail/handrail/hosting"
	"github.com/handrail/handrail/workflows"
)

// ErrNotFound tells that no operation answers to a name.
var ErrNotFound = errors.New("no such operation")

// ErrAmbiguous tells that several operations answer to a name.
var ErrAmbiguous = errors.New("several operations are meant")

// Find returns the operation of a workflow id, or of a ticket's number: the one
// that runs, else the one that was started last. With procedures only operations
// of these are meant. Errors wrap ErrNotFound or ErrAmbiguous, are an
// InvalidRequest where the name is that of another procedure's operation, or are
// Temporal's.
func Find(ctx context.Context, tc client.Client, name string, of ...hosting.Procedure) (*workflowpb.WorkflowExecutionInfo, error) {
	found, err := named(ctx, tc, name)
	if err != nil {
		return nil, err
	}
	if found, err = only(of, found); err != nil {
		return nil, err
	}
	running := slices.DeleteFunc(slices.Clone(found), ended)
	switch {
	case len(found) == 0:
		return nil, fmt.Errorf("%w: %s; see: starter list --all", ErrNotFound, name)
	case len(running) == 1:
		return running[0], nil
	case len(running) > 1:
		var ids []string
		for _, e := range running {
			ids = append(ids, ID(e))
		}
		return nil, fmt.Errorf("%w by %s: name one of %s", ErrAmbiguous, name, strings.Join(ids, ", "))
	}
	return slices.MaxFunc(found, func(a, b *workflowpb.WorkflowExecutionInfo) int {
		return cmp.Compare(a.GetStartTime().AsTime().UnixNano(), b.GetStartTime().AsTime().UnixNano())
	}), nil
}

// only leaves the operations of some procedures; none are all.
func only(of []hosting.Procedure, found []*workflowpb.WorkflowExecutionInfo) ([]*workflowpb.WorkflowExecutionInfo, error) {
	var fitting []*workflowpb.WorkflowExecutionInfo
	for _, e := range found {
		if len(of) == 0 || slices.Contains(of, Procedure(e)) {
			fitting = append(fitting, e)
		}
	}
	if len(fitting) == 0 && len(found) > 0 {
		return nil, hosting.Invalid("", fmt.Sprintf("%s is an operation of %s: this is for %s", ID(found[0]), Procedure(found[0]), names(of)),
			"name one of those; see: starter list")
	}
	return fitting, nil
}

func names(procedures []hosting.Procedure) string {
	var words []string
	for _, p := range procedures {
		words = append(words, string(p))
	}
	return strings.Join(words, " or ")
}

// named returns what a name can mean: an id, else a ticket's operations.
func named(ctx context.Context, tc client.Client, name string) ([]*workflowpb.WorkflowExecutionInfo, error) {
	if name == "" {
		return nil, nil
	}
	e, err := describe(ctx, tc, name)
	if err != nil {
		return nil, err
	}
	if e != nil {
		return []*workflowpb.WorkflowExecutionInfo{e}, nil
	}
	if !ticketNumber.MatchString(name) {
		return nil, nil
	}
	return ofTicket(ctx, tc, name)
}

// Running lists the operations of a ticket that run.
func Running(ctx context.Context, tc client.Client, ticket string) ([]*workflowpb.WorkflowExecutionInfo, error) {
	all, err := ofTicket(ctx, tc, ticket)
	return slices.DeleteFunc(all, ended), err
}

// ofTicket lists the operations of a ticket: by the id rules, which are right at
// once, and by search attribute, which also finds those that were started under
// another id but lags a little.
func ofTicket(ctx context.Context, tc client.Client, ticket string) ([]*workflowpb.WorkflowExecutionInfo, error) {
	var all []*workflowpb.WorkflowExecutionInfo
	known := map[string]bool{}
	for _, p := range workflows.Procedures() {
		id := workflows.IDPrefix(p) + "/" + ticket
		e, err := describe(ctx, tc, id)
		if err != nil {
			return nil, err
		}
		if e != nil {
			all, known[id] = append(all, e), true
		}
	}
	resp, err := tc.ListWorkflow(ctx, &workflowservice.ListWorkflowExecutionsRequest{
		PageSize: 50, Query: fmt.Sprintf("%s AND Ticket = %s", Operations(), Quote(ticket)),
	})
	if err != nil {
		return nil, err
	}
	for _, e := range resp.GetExecutions() {
		if !known[ID(e)] {
			all, known[ID(e)] = append(all, e), true
		}
	}
	return all, nil
}

// describe returns the last run of a workflow, or nil if there is none or it is
// no procedure of Handrail's.
func describe(ctx context.Context, tc client.Client, id string) (*workflowpb.WorkflowExecutionInfo, error) {
	d, err := tc.DescribeWorkflowExecution(ctx, id, "")
	if _, missing := errors.AsType[*serviceerror.NotFound](err); missing {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	e := d.GetWorkflowExecutionInfo()
	if !slices.Contains(workflows.Procedures(), Procedure(e)) {
		return nil, nil
	}
	return e, nil
}

// ID is an operation's workflow id.
func ID(e *workflowpb.WorkflowExecutionInfo) string { return e.GetExecution().GetWorkflowId() }

// Procedure is what an operation runs.
func Procedure(e *workflowpb.WorkflowExecutionInfo) hosting.Procedure {
	return hosting.Procedure(e.GetType().GetName())
}

func ended(e *workflowpb.WorkflowExecutionInfo) bool {
	return e.GetStatus() != enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING
}

// Operations is the part of a visibility query that selects operations of some
// procedures (none are all), each once: a run that gave way to a fresh one is left
// out.
func Operations(of ...hosting.Procedure) string {
	if len(of) == 0 {
		of = workflows.Procedures()
	}
	var types []string
	for _, p := range of {
		types = append(types, Quote(string(p)))
	}
	return "WorkflowType IN (" + strings.Join(types, ", ") + ") AND ExecutionStatus != 'ContinuedAsNew'"
}

// Quote makes a string literal of a visibility query.
func Quote(s string) string {
	return "'" + strings.ReplaceAll(strings.ReplaceAll(s, `\`, `\\`), "'", `\'`) + "'"
}
