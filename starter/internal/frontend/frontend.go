// Package frontend is a stand-in for Temporal's frontend, for tests: a gRPC
// service that the SDK's real client speaks to. It keeps workflows in memory and
// follows the server's rules for ids, signals and updates as far as a client can
// see them; it runs no workflow code, a test says what workflows answer.
package frontend

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"path"
	"slices"
	"sync"
	"testing"
	"time"

	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/temporal"
	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// Workflow is an execution and how it answers.
type Workflow struct {
	ID, Run, Type string
	Status        enumspb.WorkflowExecutionStatus // running if it is zero
	Started       time.Time
	Closed        time.Time
	Attributes    map[string]any
	// Result and Failure are how it ended; Reason is why it was terminated.
	Result  any
	Failure error
	Reason  string

	// Query answers the query "status"; an error is the service's own.
	Query func() (any, error)
	// Update carries out an update. A nil function is a worker that is away.
	Update func(name string, args *commonpb.Payloads) (any, error)
	// Polls is how many long polls pass before an update's outcome is known.
	Polls int

	signals []*commonpb.Payloads
}

// Frontend is the service.
type Frontend struct {
	workflowservice.UnimplementedWorkflowServiceServer
	// Health is what the health check says.
	Health *health.Server

	mu        sync.Mutex
	fail      func(method string) error
	workflows []*Workflow
	calls     []proto.Message
	updates   map[string]*update
	address   string
}

// Start serves on loopback until the test ends.
func Start(t testing.TB, workflows ...*Workflow) *Frontend {
	t.Helper()
	f := &Frontend{Health: health.NewServer(), updates: map[string]*update{}}
	for _, w := range workflows {
		f.add(w)
	}
	f.Health.SetServingStatus("temporal.api.workflowservice.v1.WorkflowService", healthpb.HealthCheckResponse_SERVING)
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	f.address = listener.Addr().String()
	server := grpc.NewServer(grpc.UnaryInterceptor(f.intercept))
	workflowservice.RegisterWorkflowServiceServer(server, f)
	healthpb.RegisterHealthServer(server, f.Health)
	go server.Serve(listener) //nolint:errcheck // ends with Stop
	t.Cleanup(server.Stop)
	return f
}

// Connect connects the SDK's client.
func (f *Frontend) Connect(ctx context.Context) (client.Client, error) {
	return client.DialContext(ctx, client.Options{HostPort: f.address, Logger: log.NewStructuredLogger(slog.New(slog.DiscardHandler))})
}

// Dial connects the SDK's client; it is closed when the test ends.
func (f *Frontend) Dial(t testing.TB) client.Client {
	t.Helper()
	tc, err := f.Connect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(tc.Close)
	return tc
}

// Fail lets a function decide from now on which calls fail, by the short name of
// the method.
func (f *Frontend) Fail(decide func(method string) error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.fail = decide
}

// Calls returns the requests of one type that arrived, oldest first.
func Calls[T proto.Message](f *Frontend) []T {
	f.mu.Lock()
	defer f.mu.Unlock()
	var found []T
	for _, c := range f.calls {
		if m, ok := c.(T); ok {
			found = append(found, m)
		}
	}
	return found
}

// AllCalls returns every request that arrived, oldest first.
func (f *Frontend) AllCalls() []proto.Message { return Calls[proto.Message](f) }

// Signals returns the arguments of the signals that a workflow got, decoded.
func Signals[T any](t testing.TB, f *Frontend, id string) []T {
	t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	var all []T
	w := f.current(id)
	if w == nil {
		return nil
	}
	for _, p := range w.signals {
		var v T
		if err := values.FromPayloads(p, &v); err != nil {
			t.Fatal(err)
		}
		all = append(all, v)
	}
	return all
}

func (f *Frontend) intercept(ctx context.Context, request any, info *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
	f.mu.Lock()
	if m, ok := request.(proto.Message); ok {
		f.calls = append(f.calls, m)
	}
	fail := f.fail
	f.mu.Unlock()
	if fail != nil {
		if err := fail(path.Base(info.FullMethod)); err != nil {
			return nil, serviceerror.ToStatus(err).Err()
		}
	}
	response, err := next(ctx, request)
	if err != nil {
		return nil, serviceerror.ToStatus(err).Err()
	}
	return response, nil
}

func (f *Frontend) add(w *Workflow) {
	if w.Run == "" {
		w.Run = fmt.Sprintf("run-%d", len(f.workflows)+1)
	}
	if w.Status == 0 {
		w.Status = enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING
	}
	f.workflows = append(f.workflows, w)
}

// End ends a workflow.
func (f *Frontend) End(w *Workflow, status enumspb.WorkflowExecutionStatus, phase string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	w.Status, w.Closed, w.Attributes["Phase"] = status, w.Started.Add(time.Minute), phase
}

// current is the last run of an id.
func (f *Frontend) current(id string) *Workflow {
	for _, w := range slices.Backward(f.workflows) {
		if w.ID == id {
			return w
		}
	}
	return nil
}

func (w *Workflow) running() bool { return w.Status == enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING }

func (w *Workflow) info() *workflowpb.WorkflowExecutionInfo {
	e := &workflowpb.WorkflowExecutionInfo{
		Execution: &commonpb.WorkflowExecution{WorkflowId: w.ID, RunId: w.Run}, Type: &commonpb.WorkflowType{Name: w.Type},
		Status: w.Status, StartTime: timestamppb.New(w.Started), SearchAttributes: &commonpb.SearchAttributes{IndexedFields: map[string]*commonpb.Payload{}},
	}
	if !w.Closed.IsZero() {
		e.CloseTime = timestamppb.New(w.Closed)
	}
	for name, value := range w.Attributes {
		e.SearchAttributes.IndexedFields[name] = payloads(value).GetPayloads()[0]
	}
	return e
}

// find is the execution that a request names, as the server finds it.
func (f *Frontend) find(e *commonpb.WorkflowExecution) (*Workflow, error) {
	for _, w := range slices.Backward(f.workflows) {
		if w.ID == e.GetWorkflowId() && (e.GetRunId() == "" || e.GetRunId() == w.Run) {
			return w, nil
		}
	}
	return nil, serviceerror.NewNotFoundf("workflow not found for ID: %s", e.GetWorkflowId())
}

// findRunning is for what only a running execution takes.
func (f *Frontend) findRunning(e *commonpb.WorkflowExecution) (*Workflow, error) {
	w, err := f.find(e)
	if err == nil && !w.running() {
		return nil, serviceerror.NewNotFound("workflow execution already completed")
	}
	return w, err
}

var (
	values   = converter.GetDefaultDataConverter()
	failures = temporal.GetDefaultFailureConverter()
)

// payloads encodes what a test gave, which can always be encoded.
func payloads(v any) *commonpb.Payloads {
	p, err := values.ToPayloads(v)
	if err != nil {
		panic(err)
	}
	return p
}
