package workflows

import (
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/handrail/handrail/activities/bmc"
	"github.com/handrail/handrail/activities/desk"
	"github.com/handrail/handrail/activities/mail"
	"github.com/handrail/handrail/activities/policy"
	"github.com/handrail/handrail/activities/records"
	"github.com/handrail/handrail/hosting"
)

// Names of activities are taken from these types; nothing is called on them.
var (
	rec     *records.Records
	tickets *desk.Activities
	mailer  *mail.Activities
	bmcs    *bmc.Activities
	rules   = &policy.File{}
)

// TaskQueue is where Handrail's workflows run, and the activities that need no
// management network.
const TaskQueue = "handrail"

// SiteQueue is the task queue for what touches a site's management network.
func SiteQueue(site string) string { return TaskQueue + "-" + site }

const (
	// maxHandled keeps a run below the server's limit of 2,000 updates.
	maxHandled = 1000
	// heartbeat is how soon a lost worker is noticed while a machine is acted on.
	heartbeat = 15 * time.Second
	// maxRemembered bounds how many ticket messages are known as seen.
	maxRemembered = 200
)

// local is the context for a short, idempotent write to our own database. It is
// tried until the database is back.
func (op *operation) local(ctx workflow.Context, summary string) workflow.Context {
	return workflow.WithLocalActivityOptions(ctx, workflow.LocalActivityOptions{
		StartToCloseTimeout: 10 * time.Second,
		RetryPolicy: &temporal.RetryPolicy{
			InitialInterval: 200 * time.Millisecond, BackoffCoefficient: 2, MaximumInterval: 2 * time.Minute,
		},
		Summary: summary,
	})
}

// outside is the context for a call to the ticket desk or the mail server. They
// may be away for hours; nothing is lost by waiting for them.
func (op *operation) outside(ctx workflow.Context, summary string) workflow.Context {
	return workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		StartToCloseTimeout: time.Minute,
		RetryPolicy: &temporal.RetryPolicy{
			InitialInterval: time.Second, BackoffCoefficient: 2, MaximumInterval: 5 * time.Minute,
		},
		Summary: summary,
	})
}

// atMachine is the context for a call to the server's BMC, on its site's
// workers. A BMC that does not answer is soon a matter for people.
func (op *operation) atMachine(ctx workflow.Context, summary string, takes time.Duration) workflow.Context {
	return workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		TaskQueue:           SiteQueue(op.Subject.Server.Site),
		StartToCloseTimeout: takes,
		HeartbeatTimeout:    heartbeat,
		WaitForCancellation: true,
		RetryPolicy: &temporal.RetryPolicy{
			InitialInterval: time.Second, BackoffCoefficient: 2, MaximumInterval: 15 * time.Second, MaximumAttempts: 3,
			NonRetryableErrorTypes: []string{string(hosting.FaultUnsupported)},
		},
		Summary: summary,
	})
}

const (
	// maxText bounds what one update or field may hold, in bytes.
	maxText = 8 << 10
	// maxActions bounds the actions that the status shows; the log has them all.
	maxActions = 100
)
