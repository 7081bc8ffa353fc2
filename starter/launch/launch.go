// Package launch starts procedures and finds them again: what the command line
// and the gateway share.
package launch

import (
	"context"
	"errors"
	"fmt"
	"strings"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"github.com/handrail/handrail/hosting"
	"github.com/handrail/handrail/workflows"
)

// ErrNotFound tells that no running operation answers to a name.
var ErrNotFound = errors.New("no such operation is running")

// Options are how a procedure is started: its id by the rules of the staff
// contract, a summary for lists, and the search attributes known so far. A
// ticket whose procedure has run before is not run again by a late message.
func Options(p hosting.Procedure, r workflows.Request) client.StartWorkflowOptions {
	subject := r.Ticket
	if subject == "" {
		subject = "staff-" + strings.ToLower(r.Server)
	}
	attributes := []temporal.SearchAttributeUpdate{workflows.PhaseKey.ValueSet(string(hosting.PhaseRunning))}
	if r.Ticket != "" {
		attributes = append(attributes, workflows.TicketKey.ValueSet(r.Ticket))
	}
	return client.StartWorkflowOptions{
		ID:                       workflows.IDPrefix(p) + "/" + subject,
		TaskQueue:                workflows.TaskQueue,
		WorkflowIDReusePolicy:    enumspb.WORKFLOW_ID_REUSE_POLICY_REJECT_DUPLICATE,
		WorkflowIDConflictPolicy: enumspb.WORKFLOW_ID_CONFLICT_POLICY_FAIL,
		StaticSummary:            summary(p, r),
		StaticDetails:            fmt.Sprintf("Requested by %s (%s).", r.RequestedBy.Contact, r.RequestedBy.Role),
		TypedSearchAttributes:    temporal.NewSearchAttributes(attributes...),
	}
}

func summary(p hosting.Procedure, r workflows.Request) string {
	s := string(p)
	if r.Ticket != "" {
		s += " · ticket " + r.Ticket
	}
	if r.Server != "" {
		s += " · " + r.Server
	}
	return s
}

// Start starts a procedure, or says which operation has the ticket already.
func Start(ctx context.Context, tc client.Client, p hosting.Procedure, r workflows.Request, input any) (client.WorkflowRun, error) {
	if err := r.Validate(); err != nil {
		return nil, err
	}
	o := Options(p, r)
	if r.Ticket == "" {
		// Staff may work on a server of their own accord more than once.
		o.WorkflowIDReusePolicy = enumspb.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE
	}
	o.WorkflowExecutionErrorWhenAlreadyStarted = true
	run, err := tc.ExecuteWorkflow(ctx, o, string(p), input)
	if started, ok := errors.AsType[*serviceerror.WorkflowExecutionAlreadyStarted](err); ok {
		return nil, hosting.NewFault(hosting.FaultConflict, r.Server, o.ID+" was started before (run "+started.RunId+")",
			"look at it with: starter show "+o.ID)
	}
	return run, err
}

// Find returns the workflow id of a running operation, given that id or the
// number of its ticket.
func Find(ctx context.Context, tc client.Client, name string) (string, error) {
	if strings.Contains(name, "/") {
		return name, nil
	}
	ids, err := Running(ctx, tc, name)
	if err != nil {
		return "", err
	}
	switch len(ids) {
	case 0:
		return "", fmt.Errorf("%w for ticket %q; see: starter list", ErrNotFound, name)
	case 1:
		return ids[0], nil
	}
	return "", fmt.Errorf("ticket %s has several operations: %s; name one of them", name, strings.Join(ids, ", "))
}

// Running lists the workflow ids of the running operations of a ticket: first
// by the id rules, which are right at once, then by search attribute, which
// also finds those that were started under another id but lags a little.
func Running(ctx context.Context, tc client.Client, ticket string) ([]string, error) {
	var ids []string
	for _, p := range workflows.Procedures() {
		id := workflows.IDPrefix(p) + "/" + ticket
		d, err := tc.DescribeWorkflowExecution(ctx, id, "")
		if _, missing := errors.AsType[*serviceerror.NotFound](err); missing {
			continue
		}
		if err != nil {
			return nil, err
		}
		if d.GetWorkflowExecutionInfo().GetStatus() == enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING {
			ids = append(ids, id)
		}
	}
	if len(ids) > 0 {
		return ids, nil
	}
	resp, err := tc.ListWorkflow(ctx, &workflowservice.ListWorkflowExecutionsRequest{
		PageSize: 20, Query: fmt.Sprintf("Ticket = %s AND ExecutionStatus = 'Running'", Quote(ticket)),
	})
	if err != nil {
		return nil, err
	}
	for _, e := range resp.GetExecutions() {
		ids = append(ids, e.GetExecution().GetWorkflowId())
	}
	return ids, nil
}

// Quote makes a string literal of a visibility query.
func Quote(s string) string {
	return "'" + strings.ReplaceAll(strings.ReplaceAll(s, `\`, `\\`), "'", `\'`) + "'"
}
