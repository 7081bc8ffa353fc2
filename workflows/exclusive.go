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
		if needPower.met(op) {
			break
		}
		let := records.LeaseRequest{Operation: op.ID, Server: op.serverID(), Procedure: op.kind}
		if err := record(ctx, "Let the server go again", nil, rec.ReleaseLease, let); err != nil {
			return err
		}
	}
	op.Machine.Taken = true
	return op.readServer(ctx)
}

// readServer reads the server's record again. A server that has another owner
// by now is not the one that was permitted to be worked on.
func (op *operation) readServer(ctx workflow.Context) error {
	var now hosting.Server
	if err := record(ctx, "Read the server's record", &now, rec.ReadServer, op.serverID()); err != nil {
		return err
	}
	if was := op.Subject.Server.Organization; now.Organization != was || now.State == hosting.ServerRetired {
		return hosting.NewFault(hosting.FaultNotAuthorized, op.serverID(),
			"the server's record has changed since it was identified: it is "+string(now.State)+", of "+now.Organization+", was of "+was,
			"cancel this operation; the new owner has not permitted anything")
	}
	op.Subject.Server = now
	return nil
}

func (op *operation) lease(ctx workflow.Context) error {
	want := records.LeaseRequest{Operation: op.ID, Server: op.serverID(), Procedure: op.kind}
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
