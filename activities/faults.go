// Package activities holds what all of Handrail's activities share at the
// border to Temporal: how their errors cross it.
package activities

import (
	"context"
	"errors"
	"slices"
	"time"

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

// Cross makes an error with a fault in its chain an application error: the words
// of the whole chain, the kind as its type, and server, what and do of the fault
// as details. Any other error stays as it is. Where somebody in the chain said
// when to come back, the next attempt waits until then, but not over 10 minutes.
func Cross(err error) error {
	f, ok := errors.AsType[*hosting.Fault](err)
	if !ok {
		return err
	}
	return temporal.NewApplicationErrorWithOptions(err.Error(), string(f.Kind), temporal.ApplicationErrorOptions{
		NonRetryable:   f.Kind.Final(),
		NextRetryDelay: retryDelay(err),
		Details:        []any{f.Server, f.What, f.Do},
	})
}

// maxRetryDelay keeps a fault from being put off for longer than people would
// wait before they look.
const maxRetryDelay = 10 * time.Minute

// postponed is an error that knows when another attempt makes sense, such as
// desk.Postponed.
type postponed interface {
	error
	RetryAfter() time.Duration
}

// retryDelay is zero where the retry policy decides.
func retryDelay(err error) time.Duration {
	p, ok := errors.AsType[postponed](err)
	if !ok {
		return 0
	}
	return min(max(p.RetryAfter(), 0), maxRetryDelay)
}

var kinds = []hosting.FaultKind{
	hosting.FaultInvalidRequest, hosting.FaultNotAuthorized, hosting.FaultOutsideWindow, hosting.FaultConflict,
	hosting.FaultUnsupported, hosting.FaultUnreachable, hosting.FaultUnmoved, hosting.FaultContradictory,
}

// Kind returns the kind of fault that an error carries, be it one of an activity
// or an update as Temporal hands it over; empty where it carries none.
func Kind(err error) hosting.FaultKind {
	if app, ok := errors.AsType[*temporal.ApplicationError](err); ok {
		if kind := hosting.FaultKind(app.Type()); slices.Contains(kinds, kind) {
			return kind
		}
	}
	return hosting.KindOf(err)
}

// Words returns what an error says to people, without the wrapping that
// Temporal puts around it.
func Words(err error) string {
	if app, ok := errors.AsType[*temporal.ApplicationError](err); ok {
		return app.Message()
	}
	return err.Error()
}
