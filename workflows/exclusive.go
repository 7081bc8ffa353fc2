package workflows

import (
	"fmt"

	"go.temporal.io/sdk/workflow"

	"github.com/handrail/handrail/activities/records"
	"github.com/handrail/handrail/hosting"
)

// takeServer gets the server for this operation alone, first come first served
// among those that can not work together, and reads its record again: it may
// have changed while the customer was waited for. A window that passed in the
// queue is no permission any more: the customer is asked, without the server.
func (op *operation) takeServer(ctx workflow.Context) error {
	for {
		if err := op.awaitWindow(ctx); err != nil {
			return err
		}
		if err := op.lease(ctx); err != nil {
			return err
		}
		if err := op.readServer(ctx); err != nil {
			return err
		}
		if op.permission().met(op) {
			op.Machine.Taken = true
			return nil
		}
		if err := op.returnLease(ctx); err != nil {
			return err
		}
	}
}

// readServer reads the server's record again. A server that has another owner
// by now is not the one that was permitted to be worked on.
func (op *operation) readServer(ctx workflow.Context) error {
	var read records.Subject
	asStaff := records.Identification{Reference: op.serverID(), Requester: hosting.Requester{Contact: "handrail", Role: hosting.RoleStaff}}
	if err := record(ctx, "Read the server's record", &read, rec.Identify, asStaff); err != nil {
		return err
	}
	now := read.Server
	if was := op.Subject.Server.Organization; now.Organization != was || now.State == hosting.ServerRetired {
		return hosting.NewFault(hosting.FaultNotAuthorized, op.serverID(),
			"the server's record has changed since it was identified: it was of "+was+", now it is "+string(read.Problem)+string(now.State)+" of "+now.Organization,
			"cancel this operation; the new owner has not permitted anything")
	}
	op.Subject.Server, op.Subject.Organization = now, read.Organization
	op.dropFormerContacts()
	return nil
}

// dropFormerContacts takes permissions out of force whose author can not speak
// for the owner any more.
func (op *operation) dropFormerContacts() {
	known := &op.Customer.Fields
	if p := known.Power; p != nil && p.Permission.Grant != hosting.GrantRefused {
		if _, ok := op.Subject.Organization.Contact(p.Evidence.Author); !ok {
			known.Power = nil
		}
	}
	if e := op.Customer.Erasure; e != nil && !(e.Spent && op.Boot.Lost) { // a loss needs no second consent
		if _, ok := op.Subject.Organization.Contact(e.Statement.Evidence.Author); !ok {
			op.Customer.Erasure = nil
		}
	}
}

func (op *operation) leaseRequest() records.LeaseRequest {
	return records.LeaseRequest{Operation: op.ID, Server: op.serverID(), Procedure: op.kind}
}

func (op *operation) returnLease(ctx workflow.Context) error {
	return record(ctx, "Let the server go", nil, rec.ReleaseLease, op.leaseRequest())
}

// letGo gives the server free for other work and its alerts back: what is left
// to do needs neither.
func (op *operation) letGo(ctx workflow.Context) error {
	if err := op.returnLease(ctx); err != nil {
		return err
	}
	op.Machine.Taken = false
	return record(ctx, "Alerts on again", nil, rec.LiftSuppression, records.Suppression{Operation: op.ID, Server: op.serverID()})
}

func (op *operation) lease(ctx workflow.Context) error {
	want := op.leaseRequest()
	var answer records.LeaseAnswer
	if err := record(ctx, "Take the server", &answer, rec.RequestLease, want); err != nil {
		return err
	}
	if !answer.Granted {
		return op.queue(ctx, want, answer)
	}
	return nil
}

// queue waits for the lease.
func (op *operation) queue(ctx workflow.Context, want records.LeaseRequest, answer records.LeaseAnswer) error {
	op.Phase, op.WaitingOn = hosting.PhaseQueued, "the server"
	if len(answer.Ahead) > 0 {
		first := answer.Ahead[0]
		op.WaitingOn = fmt.Sprintf("%s, which has the server", first.Workflow)
		if err := op.write(ctx, hosting.Letter{Name: hosting.LetterQueued, Ahead: first.Procedure}); err != nil {
			return err
		}
	}
	if err := op.poll(ctx, "Wait for "+op.WaitingOn, op.Policy.QueuePoll.D(), rec.AwaitLease, want); err != nil {
		return err
	}
	op.Phase, op.WaitingOn = hosting.PhaseRunning, ""
	return nil
}

// muteAlerts takes a suppression lease: it ends with the operation.
func (op *operation) muteAlerts(ctx workflow.Context) error {
	s := records.Suppression{Operation: op.ID, Server: op.serverID(), Reason: string(op.kind) + " for ticket " + op.Ticket}
	return record(ctx, "Mute the server's alerts", nil, rec.Suppress, s)
}
