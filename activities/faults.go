// Package activities holds what all of Handrail's activities share at the
// border to Temporal: how their errors cross it.
package activities

import (
	"context"
	"errors"

	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/temporal"

	"github.com/handrail/handrail/hosting"
)

// Faults turns every *hosting.Fault that an activity returns into an
// application error of the fault's kind, final where the kind is: workflows and
// the Temporal UI then show the kind as the error's type, and retry policies
// obey it (DESIGN rule 9). Give it to the worker's interceptors.
func Faults() interceptor.WorkerInterceptor { return &faults{} }

type faults struct {
	interceptor.WorkerInterceptorBase
}

func (*faults) InterceptActivity(_ context.Context, next interceptor.ActivityInboundInterceptor) interceptor.ActivityInboundInterceptor {
	i := &faultsInbound{}
	i.Next = next
	return i
}

type faultsInbound struct {
	interceptor.ActivityInboundInterceptorBase
}

func (i *faultsInbound) ExecuteActivity(ctx context.Context, in *interceptor.ExecuteActivityInput) (any, error) {
	result, err := i.Next.ExecuteActivity(ctx, in)
	return result, Cross(err)
}

// Cross makes a fault an application error; any other error stays as it is.
func Cross(err error) error {
	f, ok := errors.AsType[*hosting.Fault](err)
	if !ok {
		return err
	}
	return temporal.NewApplicationErrorWithOptions(f.Error(), string(f.Kind), temporal.ApplicationErrorOptions{
		NonRetryable: f.Kind.Final(),
		Details:      []any{f.Server, f.What, f.Do},
	})
}

// Kind returns the kind of fault that an activity's error carries, as a
// workflow sees it; empty where it carries none.
func Kind(err error) hosting.FaultKind {
	if app, ok := errors.AsType[*temporal.ApplicationError](err); ok {
		return hosting.FaultKind(app.Type())
	}
	return hosting.KindOf(err)
}

// Words returns what an activity's error says to people, without the wrapping
// that Temporal puts around it.
func Words(err error) string {
	if app, ok := errors.AsType[*temporal.ApplicationError](err); ok {
		return app.Message()
	}
	return err.Error()
}
