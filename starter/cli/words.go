package cli

import (
	"context"
	"errors"
	"reflect"
	"strings"

	"go.temporal.io/api/serviceerror"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/handrail/handrail/activities"
	"github.com/handrail/handrail/settings/connect"
	"github.com/handrail/handrail/starter/launch"
)

// The exit codes.
const (
	exitOK       = 0
	exitFailed   = 1 // something did not work
	exitUsage    = 2 // the command was not understood
	exitRefused  = 3 // Handrail refused, and said why
	exitNotFound = 4 // no such operation, or no such server
)

// usage marks an error in how the command was called.
type usage struct{ error }

func (u usage) Unwrap() error { return u.error }

// exitCode is what a script sees of an error.
func exitCode(err error) int {
	_, wrong := errors.AsType[usage](err)
	switch {
	case err == nil:
		return exitOK
	case wrong || errors.Is(err, launch.ErrAmbiguous):
		return exitUsage
	case errors.Is(err, launch.ErrNotFound) || errors.Is(err, errNoServer):
		return exitNotFound
	case activities.Kind(err).Final():
		return exitRefused
	}
	return exitFailed
}

// say is what an error tells people, a line for each problem, without the
// wrapping that Temporal and gRPC put around it.
func say(err error) []string {
	if err == nil {
		return nil
	}
	if u, ok := err.(usage); ok { //nolint:errorlint // only the outermost
		return say(u.error)
	}
	if reflect.TypeOf(err) != joined {
		return []string{oneLine(words(err))}
	}
	var lines []string
	for _, e := range err.(interface{ Unwrap() []error }).Unwrap() { //nolint:errorlint // just looked at
		lines = append(lines, say(e)...)
	}
	return lines
}

// joined is the type of errors.Join. An error that wraps several causes in its
// own words is another one, and is one problem.
var joined = reflect.TypeOf(errors.Join(errors.New("")))

func words(err error) string {
	if is[*connect.Away](err) {
		return err.Error()
	}
	if activities.Kind(err) != "" {
		return activities.Words(err)
	}
	for _, known := range temporalErrors {
		if known.is(err) {
			return known.words(message(err))
		}
	}
	return activities.Words(err)
}

// temporalErrors says what to do about what Temporal itself reports.
var temporalErrors = []struct {
	is    func(error) bool
	words func(message string) string
}{
	{is[*serviceerror.NamespaceNotFound], func(m string) string { return m + " To do: set TEMPORAL_NAMESPACE to the namespace of Handrail" }},
	{is[*serviceerror.PermissionDenied], notLetIn},
	{code(codes.Unauthenticated), notLetIn},
	{is[*serviceerror.ResourceExhausted], func(m string) string { return "Temporal is busy: " + m + ". To do: try again in a minute" }},
	{is[*serviceerror.Unavailable], away},
	{is[*serviceerror.DeadlineExceeded], away},
	{func(err error) bool { return errors.Is(err, context.DeadlineExceeded) }, away},
	{is[*serviceerror.InvalidArgument], func(m string) string {
		if strings.Contains(m, "search attribute") {
			return "Temporal does not know Handrail's search attributes: " + m + ". To do: run: worker setup"
		}
		return "Temporal does not take this: " + m
	}},
	{is[rpc], func(m string) string { return m }},
}

// rpc is an error of a gRPC call that is none of Temporal's own.
type rpc interface {
	error
	GRPCStatus() *status.Status
}

func is[E error](err error) bool {
	_, ok := errors.AsType[E](err)
	return ok
}

func code(c codes.Code) func(error) bool {
	return func(err error) bool {
		r, ok := errors.AsType[rpc](err)
		return ok && r.GRPCStatus().Code() == c
	}
}

func notLetIn(m string) string {
	return "Temporal does not let you in: " + m + ". To do: check TEMPORAL_API_KEY, and the certificate in TEMPORAL_TLS_…"
}

func away(m string) string {
	return "Temporal does not answer: " + connect.Reason(m) + ". To do: try again; if it stays so, look at the Temporal server"
}

// message is the text of a service's error without gRPC's words around it.
func message(err error) string {
	if r, ok := errors.AsType[rpc](err); ok {
		return r.GRPCStatus().Message()
	}
	return err.Error()
}
