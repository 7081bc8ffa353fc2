package workflows

import (
	"errors"
	"time"

	"go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/handrail/handrail/activities/bmc"
	"github.com/handrail/handrail/activities/desk"
	"github.com/handrail/handrail/activities/executions"
	"github.com/handrail/handrail/activities/mail"
	"github.com/handrail/handrail/activities/policy"
	"github.com/handrail/handrail/activities/reach"
	"github.com/handrail/handrail/activities/records"
	"github.com/handrail/handrail/hosting"
)

// Names of activities are taken from these types; nothing is called on them.
var (
	rec     *records.Records
	tickets *desk.Activities
	mailer  *mail.Activities
	bmcs    *bmc.Activities
	running *executions.Activities
	reaches *reach.Activities
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
	// forEver is longer than any outage.
	forEver = 10 * 365 * 24 * time.Hour
	// takenWithin is how soon a site's worker has to begin.
	takenWithin = 2 * time.Minute
	// heartbeat is how soon a lost worker is noticed while a machine is acted on.
	heartbeat = 15 * time.Second
	// maxRemembered bounds how many ticket messages are known as seen.
	maxRemembered = 200
)

// record makes a short, idempotent write to our own database, or a read of it.
// It is tried until the database is back. The answer goes to out, which may be
// nil.
func record(ctx workflow.Context, summary string, out, activity any, in ...any) error {
	ctx = workflow.WithLocalActivityOptions(ctx, workflow.LocalActivityOptions{
		StartToCloseTimeout: 10 * time.Second,
		// Left out it would be the time of a single try.
		ScheduleToCloseTimeout: forEver,
		RetryPolicy: &temporal.RetryPolicy{
			InitialInterval: 200 * time.Millisecond, BackoffCoefficient: 2, MaximumInterval: 2 * time.Minute,
		},
		Summary: summary,
	})
	return workflow.ExecuteLocalActivity(ctx, activity, in...).Get(ctx, out)
}

// call speaks to the ticket desk, the mail server or Temporal. They may be away
// for hours; nothing is lost by waiting for them.
func call(ctx workflow.Context, summary string, out, activity, in any) error {
	return execute(ctx, out, activity, in, workflow.ActivityOptions{
		StartToCloseTimeout: time.Minute,
		RetryPolicy: &temporal.RetryPolicy{
			InitialInterval: time.Second, BackoffCoefficient: 2, MaximumInterval: 5 * time.Minute,
		},
		Summary: summary,
	})
}

// call shows where the operation stands, because what follows takes time, and
// speaks to an outside system.
func (op *operation) call(ctx workflow.Context, summary string, out, activity, in any) error {
	op.show(ctx)
	return call(ctx, summary, out, activity, in)
}

// callBMC speaks to the server's BMC, by its site's workers. One that does not
// answer is soon a matter for people.
func (op *operation) callBMC(ctx workflow.Context, summary string, takes time.Duration, out, activity, in any) error {
	op.show(ctx)
	site := op.Subject.Server.Site
	err := execute(ctx, out, activity, in, workflow.ActivityOptions{
		TaskQueue: SiteQueue(site),
		// An order that nobody takes is not to be carried out hours later.
		ScheduleToStartTimeout: takenWithin,
		StartToCloseTimeout:    takes,
		HeartbeatTimeout:       heartbeat,
		WaitForCancellation:    true,
		RetryPolicy: &temporal.RetryPolicy{
			InitialInterval: time.Second, BackoffCoefficient: 2, MaximumInterval: 15 * time.Second, MaximumAttempts: 3,
			NonRetryableErrorTypes: []string{string(hosting.FaultUnsupported)},
		},
		Summary: summary,
	})
	if late, ok := errors.AsType[*temporal.TimeoutError](err); ok && late.TimeoutType() == enums.TIMEOUT_TYPE_SCHEDULE_TO_START {
		return hosting.NewFault(hosting.FaultUnreachable, op.serverID(), "no worker of site "+site+" took the work within "+takenWithin.String(),
			"see that a worker with HANDRAIL_SITES="+site+" runs, then relaunch or act again")
	}
	return err
}

// callSite has a site's worker look at something, so many times.
func (op *operation) callSite(ctx workflow.Context, summary string, tries int, every time.Duration, out, activity, in any) error {
	op.show(ctx)
	return execute(ctx, out, activity, in, workflow.ActivityOptions{
		TaskQueue: SiteQueue(op.Subject.Server.Site), StartToCloseTimeout: time.Minute,
		RetryPolicy: &temporal.RetryPolicy{InitialInterval: every, BackoffCoefficient: 1, MaximumInterval: every, MaximumAttempts: int32(tries)}, //nolint:gosec // bounded by the policy
		Summary:     summary,
	})
}

// poll tries an activity again and again until it succeeds: however long that
// takes, it costs three events.
func (op *operation) poll(ctx workflow.Context, summary string, every time.Duration, activity, in any) error {
	op.show(ctx)
	return execute(ctx, nil, activity, in, workflow.ActivityOptions{
		StartToCloseTimeout: time.Minute,
		RetryPolicy:         &temporal.RetryPolicy{InitialInterval: every, BackoffCoefficient: 1, MaximumInterval: every},
		Summary:             summary,
	})
}

func execute(ctx workflow.Context, out, activity, in any, o workflow.ActivityOptions) error {
	ctx = workflow.WithActivityOptions(ctx, o)
	return workflow.ExecuteActivity(ctx, activity, in).Get(ctx, out)
}

const (
	// maxText bounds what one update or field may hold, in bytes.
	maxText = 8 << 10
	// maxName bounds names in runes, maxNameText the text in which one is looked for.
	maxName     = 200
	maxNameText = 2000
	// maxReport bounds the lines of a summary.
	maxReport = 100
	// maxRepeats is how often a question is put again to an answer without one.
	maxRepeats = 2
	// maxActions bounds the actions that the status shows; the log has them all.
	maxActions = 100
)
