package workflows

import (
	"fmt"

	"go.temporal.io/sdk/workflow"

	"github.com/handrail/handrail/activities/records"
	"github.com/handrail/handrail/hosting"
)

// takeServer gets the server for this operation alone, first come first served
// among those that can not work together, and reads its record again: it may
// have changed while the customer was waited for.
func (op *operation) takeServer(ctx workflow.Context) error {
	want := records.LeaseRequest{Operation: op.ID, Server: op.serverID(), Procedure: op.kind}
	var answer records.LeaseAnswer
	if err := record(ctx, "Take the server", &answer, rec.RequestLease, want); err != nil {
		return err
	}
	if !answer.Granted {
		if err := op.queue(ctx, want, answer); err != nil {
			return err
		}
	}
	op.Machine.Taken = true
	return record(ctx, "Read the server's record", &op.Subject.Server, rec.ReadServer, op.serverID())
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
