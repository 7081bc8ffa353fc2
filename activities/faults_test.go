package activities_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/handrail/handrail/activities"
	"github.com/handrail/handrail/activities/desk"
	"github.com/handrail/handrail/hosting"
)

func fault(kind hosting.FaultKind) *hosting.Fault {
	return hosting.NewFault(kind, "srv-1004", "the machine did not go off", "look at its console")
}

const faultText = "srv-1004: the machine did not go off. To do: look at its console"

// DESIGN rule 9: the kind is the error's type, and the first four are final.
func TestCross_kinds(t *testing.T) {
	t.Parallel()
	for kind, final := range map[hosting.FaultKind]bool{
		hosting.FaultInvalidRequest: true, hosting.FaultNotAuthorized: true, hosting.FaultOutsideWindow: true, hosting.FaultConflict: true,
		hosting.FaultUnsupported: false, hosting.FaultUnreachable: false, hosting.FaultUnmoved: false, hosting.FaultContradictory: false,
	} {
		err := activities.Cross(fault(kind))
		app, ok := errors.AsType[*temporal.ApplicationError](err)
		if !ok || app.Type() != string(kind) || app.NonRetryable() != final || app.Message() != faultText || app.NextRetryDelay() != 0 {
			t.Errorf("%s: %#v", kind, err)
			continue
		}
		var server, what, do string
		if err := app.Details(&server, &what, &do); err != nil || server != "srv-1004" || what != "the machine did not go off" || do != "look at its console" {
			t.Errorf("%s: details %q %q %q, %v", kind, server, what, do, err)
		}
		if activities.Kind(err) != kind || activities.Words(err) != faultText {
			t.Errorf("%s comes back as %q: %s", kind, activities.Kind(err), activities.Words(err))
		}
		if again := activities.Cross(err); again != err {
			t.Errorf("crossing twice changes the error: %v", again)
		}
	}
}

func TestCross_otherErrorsStay(t *testing.T) {
	t.Parallel()
	if activities.Cross(nil) != nil {
		t.Error("nothing became an error")
	}
	plain := errors.New("plain")
	if got := activities.Cross(plain); got != plain || activities.Kind(got) != "" || activities.Words(got) != "plain" {
		t.Errorf("%#v", got)
	}
	foreign := temporal.NewApplicationError("of another kind", "errorString")
	if activities.Kind(foreign) != "" || activities.Words(foreign) != "of another kind" {
		t.Errorf("%q: %s", activities.Kind(foreign), activities.Words(foreign))
	}
}

// What was being done is said as well, wherever in the chain the fault is.
func TestCross_keepsTheWordsAroundTheFault(t *testing.T) {
	t.Parallel()
	inner := fault(hosting.FaultUnreachable).Because(errors.New("connection refused"))
	innerText := "srv-1004: the machine did not go off: connection refused. To do: look at its console"
	for want, err := range map[string]error{
		innerText:                                        inner,
		"reading the power: " + innerText:                fmt.Errorf("reading the power: %w", inner),
		"work: reading: " + innerText:                    fmt.Errorf("work: %w", fmt.Errorf("reading: %w", inner)),
		"closing\n" + innerText:                          errors.Join(errors.New("closing"), inner),
		"outer: " + innerText + ". To do: call somebody": hosting.NewFault(hosting.FaultUnreachable, "", "outer", "call somebody").Because(inner),
	} {
		crossed := activities.Cross(err)
		if activities.Words(crossed) != want || activities.Kind(crossed) != hosting.FaultUnreachable {
			t.Errorf("%s: %q\nwant %q", activities.Kind(crossed), activities.Words(crossed), want)
		}
	}
}

func TestCross_waitsAsLongAsAsked(t *testing.T) {
	t.Parallel()
	for asked, want := range map[time.Duration]time.Duration{
		time.Second: time.Second, 90 * time.Second: 90 * time.Second, 10 * time.Minute: 10 * time.Minute,
		time.Hour: 10 * time.Minute, 0: 0, -time.Minute: 0,
	} {
		cause := &desk.Postponed{After: asked, Cause: errors.New("429 Too Many Requests")}
		err := activities.Cross(fmt.Errorf("posting: %w", fault(hosting.FaultUnreachable).Because(cause)))
		app, ok := errors.AsType[*temporal.ApplicationError](err)
		if !ok || app.NextRetryDelay() != want || !strings.Contains(app.Message(), "429") {
			t.Errorf("asked for %s: %v, waits %s; want %s", asked, err, app.NextRetryDelay(), want)
		}
	}
	// Without a fault nothing is known about trying again.
	plain := &desk.Postponed{After: time.Minute, Cause: errors.New("x")}
	if got := activities.Cross(plain); got != error(plain) {
		t.Errorf("%#v", got)
	}
}

// failing is an activity of ours as Temporal runs it: behind the interceptor,
// across the border, into a workflow.
type failing struct {
	attempts int
	err      error
}

func (f *failing) Fail(context.Context) error { f.attempts++; return f.err }

func workflowOf(ctx workflow.Context) error {
	ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		StartToCloseTimeout: time.Minute,
		RetryPolicy:         &temporal.RetryPolicy{InitialInterval: time.Second, BackoffCoefficient: 1, MaximumAttempts: 3},
	})
	return workflow.ExecuteActivity(ctx, "Fail").Get(ctx, nil)
}

func run(t *testing.T, f *failing) (took time.Duration, err error) {
	t.Helper()
	var suite testsuite.WorkflowTestSuite
	env := suite.NewTestWorkflowEnvironment()
	env.SetWorkerOptions(worker.Options{Interceptors: []interceptor.WorkerInterceptor{activities.Faults()}})
	env.RegisterActivityWithOptions(f.Fail, activity.RegisterOptions{Name: "Fail"})
	start := env.Now()
	env.ExecuteWorkflow(workflowOf)
	return env.Now().Sub(start), env.GetWorkflowError()
}

func TestFaults_intercepts(t *testing.T) {
	t.Parallel()
	for kind, attempts := range map[hosting.FaultKind]int{hosting.FaultConflict: 1, hosting.FaultUnreachable: 3} {
		f := &failing{err: fmt.Errorf("acting: %w", fault(kind))}
		_, err := run(t, f)
		if activities.Kind(err) != kind || activities.Words(err) != "acting: "+faultText || f.attempts != attempts {
			t.Errorf("%s: %q of kind %q after %d attempts; want %d", kind, activities.Words(err), activities.Kind(err), f.attempts, attempts)
		}
	}
}

// A desk that asks to wait is asked again when it said, not when our own retry
// policy would.
func TestFaults_delaysTheNextAttempt(t *testing.T) {
	t.Parallel()
	cause := &desk.Postponed{After: 5 * time.Minute, Cause: errors.New("429")}
	f := &failing{err: fault(hosting.FaultUnreachable).Because(cause)}
	took, err := run(t, f)
	if err == nil || f.attempts != 3 || took < 10*time.Minute || took > 11*time.Minute {
		t.Errorf("%d attempts in %s: %v", f.attempts, took, err)
	}
}
