package workflows

import (
	"context"
	"errors"
	"testing"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/worker"
)

// lostAnswer is a database whose answer to one write is lost until a time.
type lostAnswer struct {
	interceptor.WorkerInterceptorBase
	name  string
	until func() bool
}

func (l *lostAnswer) InterceptActivity(_ context.Context, next interceptor.ActivityInboundInterceptor) interceptor.ActivityInboundInterceptor {
	i := &lostAnswerInbound{lostAnswer: l}
	i.Next = next
	return i
}

type lostAnswerInbound struct {
	interceptor.ActivityInboundInterceptorBase
	*lostAnswer
}

func (i *lostAnswerInbound) ExecuteActivity(ctx context.Context, in *interceptor.ExecuteActivityInput) (any, error) {
	out, err := i.Next.ExecuteActivity(ctx, in)
	if activity.GetInfo(ctx).ActivityType.Name == i.name && !i.until() {
		return nil, errors.New("PostgreSQL is away")
	}
	return out, err
}

// The database may be away for a minute, at any time: nothing fails.
func TestDatabaseAwayForAMinute(t *testing.T) {
	t.Parallel()
	for name, from := range map[string]time.Duration{
		"OpenOperation": 0, "RecordConsent": 0, "LogActions": time.Minute, "CloseOperation": 5 * time.Minute,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.env.SetWorkerOptions(worker.Options{Interceptors: []interceptor.WorkerInterceptor{
				&lostAnswer{name: name, until: func() bool {
					now := w.env.Now().Sub(testStart)
					return now < from || now > from+time.Minute
				}},
			}})
			w.say(0, message("m1", complete()))
			w.send(time.Minute, "record-action", RecordedAction{Staff: Staff{By: "anna"}, What: "looked"})
			w.finish(5 * time.Minute)
			w.env.ExecuteWorkflow(ServerIntervention, fromCustomer("srv-1001"))
			if err := w.env.GetWorkflowError(); err != nil {
				t.Error(err)
			}
		})
	}
}
