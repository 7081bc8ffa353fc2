package workflows

import (
	"fmt"

	"go.temporal.io/sdk/temporal"
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
	lctx := op.local(ctx, "Take the server")
	if err := workflow.ExecuteLocalActivity(lctx, rec.RequestLease, want).Get(lctx, &answer); err != nil {
		return err
	}
	if !answer.Granted {
		if err := op.queue(ctx, want, answer); err != nil {
			return err
		}
	}
	op.Machine.Taken = true
	lctx = op.local(ctx, "Read the server's record")
	return workflow.ExecuteLocalActivity(lctx, rec.ReadServer, op.serverID()).Get(lctx, &op.Subject.Server)
}

// queue waits for the lease in one activity that is tried again until it is
// granted: however long that takes, it costs three events.
func (op *operation) queue(ctx workflow.Context, want records.LeaseRequest, answer records.LeaseAnswer) error {
	op.Phase, op.WaitingOn = hosting.PhaseQueued, "the server"
	if len(answer.Ahead) > 0 {
		first := answer.Ahead[0]
		op.WaitingOn = fmt.Sprintf("%s, which has the server", first.Workflow)
		op.show(ctx)
		if err := op.write(ctx, hosting.Letter{Name: hosting.LetterQueued, Ahead: first.Procedure}); err != nil {
			return err
		}
	}
	op.show(ctx)
	poll := op.Policy.QueuePoll.D()
	actx := workflow.WithRetryPolicy(op.outside(ctx, "Wait for the server: "+op.WaitingOn), temporal.RetryPolicy{
		InitialInterval: poll, BackoffCoefficient: 1, MaximumInterval: poll,
	})
	if err := workflow.ExecuteActivity(actx, rec.AwaitLease, want).Get(actx, nil); err != nil {
		return err
	}
	op.Phase, op.WaitingOn = hosting.PhaseRunning, ""
	op.show(ctx)
	return nil
}

// muteAlerts takes a suppression lease: it ends with the operation.
func (op *operation) muteAlerts(ctx workflow.Context) error {
	ctx = op.local(ctx, "Mute the server's alerts")
	s := records.Suppression{Operation: op.ID, Server: op.serverID(), Reason: string(op.kind) + " for ticket " + op.Ticket}
	return workflow.ExecuteLocalActivity(ctx, rec.Suppress, s).Get(ctx, nil)
}
