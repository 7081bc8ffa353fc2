package workflows

import (
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/handrail/handrail/activities/mail"
	"github.com/handrail/handrail/activities/records"
	"github.com/handrail/handrail/hosting"
)

// ReconcilerID is the id of the schedule that runs the reconciler.
const ReconcilerID = "handrail-reconciler"

// ReconcileEvery is the time between two runs of it.
const ReconcileEvery = 5 * time.Minute

// Reconciled is what a run of the reconciler found.
type Reconciled struct {
	// Closed are the operations that a terminated workflow had left open.
	Closed []string `json:"closed,omitempty"`
}

// Reconcile closes what terminated workflows left behind: the operation's row,
// and with it its leases and muted alerts. It tells the duty contact of each,
// because nobody put the machine back as it was found.
func Reconcile(ctx workflow.Context) (Reconciled, error) {
	var (
		done       Reconciled
		policy     hosting.Policy
		open, left []hosting.Operation
	)
	if err := record(ctx, "Read the policy", &policy, rules.ReadPolicy); err != nil {
		return done, err
	}
	if err := record(ctx, "List the open operations", &open, rec.OpenOperations); err != nil {
		return done, err
	}
	if len(open) == 0 {
		return done, nil
	}
	if err := call(ctx, "Ask which of their workflows run", &left, running.WithoutWorkflow, open); err != nil {
		return done, err
	}
	for _, orphan := range left {
		closing := records.Closing{Operation: orphan.ID, Phase: hosting.PhaseFailed, Outcome: orphaned}
		if err := record(ctx, "Close "+orphan.Workflow, nil, rec.CloseOperation, closing); err != nil {
			return done, err
		}
		done.Closed = append(done.Closed, orphan.Workflow)
		if err := tellOfOrphan(ctx, policy, orphan); err != nil {
			return done, err
		}
	}
	return done, nil
}

const orphaned = "its workflow ended without closing it: it was terminated"

func tellOfOrphan(ctx workflow.Context, p hosting.Policy, orphan hosting.Operation) error {
	return call(ctx, "Mail: "+orphan.Workflow, nil, mailer.SendMail, mail.Sending{
		Key: orphan.ID + "/orphaned", To: p.Duty,
		Letter: hosting.Letter{
			Name: hosting.LetterAttention, Language: hosting.English, Provider: p.Provider, Ticket: orphan.Ticket,
			Procedure: orphan.Procedure, Server: orphan.Server, Workflow: orphan.Workflow, Step: orphan.Step,
			Error: orphaned + ". Its record is closed and the server is free for other work. Look at the server: its power, " +
				"boot device and virtual media may not be as they were found. The customer was not told",
		},
	})
}
