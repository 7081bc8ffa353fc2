// Package launch starts procedures and finds them again: what the command line
// and the gateway share.
package launch

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"github.com/handrail/handrail/hosting"
	"github.com/handrail/handrail/workflows"
)

// Options are how a procedure is started: its id by the rules of the staff
// contract, a summary for lists, and the search attributes known so far. A
// ticket whose procedure has run before is not run again by a late message, and
// staff's own work on a server (no ticket) not twice at one time.
func Options(p hosting.Procedure, r workflows.Request) client.StartWorkflowOptions {
	subject, reuse := r.Ticket, enumspb.WORKFLOW_ID_REUSE_POLICY_REJECT_DUPLICATE
	attributes := []temporal.SearchAttributeUpdate{workflows.PhaseKey.ValueSet(string(hosting.PhaseRunning))}
	if r.Ticket == "" {
		subject, reuse = workflows.StaffPrefix+strings.ToLower(r.Server), enumspb.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE
	} else {
		attributes = append(attributes, workflows.TicketKey.ValueSet(r.Ticket))
	}
	return client.StartWorkflowOptions{
		ID:                       workflows.IDPrefix(p) + "/" + subject,
		TaskQueue:                workflows.TaskQueue,
		WorkflowIDReusePolicy:    reuse,
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

// Start starts a procedure, or says which operation has the ticket already
// (Conflict) or what the request lacks (InvalidRequest).
func Start(ctx context.Context, tc client.Client, p hosting.Procedure, r workflows.Request, input any) (client.WorkflowRun, error) {
	if err := check(p, r); err != nil {
		return nil, err
	}
	o := Options(p, r)
	o.WorkflowExecutionErrorWhenAlreadyStarted = true
	run, err := tc.ExecuteWorkflow(ctx, o, string(p), input)
	if _, started := errors.AsType[*serviceerror.WorkflowExecutionAlreadyStarted](err); started {
		return nil, hosting.NewFault(hosting.FaultConflict, r.Server, o.ID+" was started before", "look at it with: starter show "+o.ID)
	}
	return run, err
}

// SignalOrStart hands a ticket's event to the operation of its ticket, or starts
// it with the event. It reports false, and does nothing, where that operation
// has ended: a late message does not run a procedure again. The procedure reads
// what is asked for out of the event; it is started with the part of the request
// that all of them have.
func SignalOrStart(ctx context.Context, tc client.Client, e hosting.TicketEvent) (taken bool, err error) {
	r := workflows.Request{
		Server: e.Fields.Server, Ticket: e.Ticket,
		RequestedBy: hosting.Requester{Contact: e.Author, Role: hosting.RoleCustomer},
	}
	if err := check(e.Procedure, r); err != nil {
		return false, err
	}
	o := Options(e.Procedure, r)
	// The server refuses a signal with start under the policy fail.
	o.WorkflowIDConflictPolicy = enumspb.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING
	_, err = tc.SignalWithStartWorkflow(ctx, o.ID, SignalTicketEvent, e, o, string(e.Procedure), r)
	if _, ended := errors.AsType[*serviceerror.WorkflowExecutionAlreadyStarted](err); ended {
		return false, nil
	}
	return err == nil, err
}

// SignalTicketEvent is the signal for events of the ticket system; its argument
// is a hosting.TicketEvent.
const SignalTicketEvent = "ticket-event"

// ticketNumber is the form that the desk's contract gives to ticket numbers; an
// id is made of it.
var ticketNumber = regexp.MustCompile(`^[A-Za-z0-9._#-]{1,64}$`)

// maxName is the length of a host name (RFC 1035, section 2.3.4) in bytes.
// Temporal takes summaries of up to 400.
const maxName = 255

func check(p hosting.Procedure, r workflows.Request) error {
	switch {
	case workflows.IDPrefix(p) == "":
		return hosting.Invalid("", fmt.Sprintf("%q is no procedure", p), "use one of "+names(workflows.Procedures()))
	case r.Ticket != "" && !ticketNumber.MatchString(r.Ticket):
		return hosting.Invalid("", fmt.Sprintf("%q is not the number of a ticket", r.Ticket), `use up to 64 letters, digits, ".", "_", "-" and "#"`)
	case len(r.Server) > maxName:
		return hosting.Invalid("", fmt.Sprintf("the server's name has %d bytes", len(r.Server)), "give its service id, IP address, host name or name")
	}
	return r.Validate()
}
