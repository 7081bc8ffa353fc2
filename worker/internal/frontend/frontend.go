// Package frontend is a stand-in for Temporal's frontend as a worker needs it,
// for tests: the SDK's real client and workers connect to it over gRPC, poll,
// and get no task but activities that a test offers.
package frontend

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"net"
	"slices"
	"sync"
	"testing"
	"time"

	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	namespacepb "go.temporal.io/api/namespace/v1"
	"go.temporal.io/api/operatorservice/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/log"
	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/handrail/handrail/workflows"
)

// Frontend is the service.
type Frontend struct {
	workflowservice.UnimplementedWorkflowServiceServer
	operator

	mu         sync.Mutex
	address    string
	fail       func(request proto.Message) error
	calls      []proto.Message
	attributes map[string]enumspb.IndexedValueType
	health     *health.Server
	offered    map[string]chan *workflowservice.PollActivityTaskQueueResponse
}

type operator = operatorservice.UnimplementedOperatorServiceServer

// Start serves on loopback until the test ends, in a namespace that knows
// Handrail's search attributes.
func Start(t testing.TB) *Frontend {
	t.Helper()
	f := &Frontend{
		attributes: map[string]enumspb.IndexedValueType{}, health: health.NewServer(),
		offered: map[string]chan *workflowservice.PollActivityTaskQueueResponse{},
	}
	for _, key := range workflows.SearchAttributes() {
		f.attributes[key.GetName()] = key.GetValueType()
	}
	f.SetHealthy(true)
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	f.address = listener.Addr().String()
	server := grpc.NewServer(grpc.UnaryInterceptor(f.intercept))
	workflowservice.RegisterWorkflowServiceServer(server, f)
	operatorservice.RegisterOperatorServiceServer(server, f)
	healthpb.RegisterHealthServer(server, f.health)
	go server.Serve(listener) //nolint:errcheck // ends with Stop
	t.Cleanup(server.Stop)
	return f
}

// Connect connects the SDK's client.
func (f *Frontend) Connect(ctx context.Context, metrics client.MetricsHandler) (client.Client, error) {
	return client.DialContext(ctx, client.Options{
		HostPort: f.address, Logger: log.NewStructuredLogger(slog.New(slog.DiscardHandler)), MetricsHandler: metrics,
	})
}

// Dial connects the SDK's client; it is closed when the test ends.
func (f *Frontend) Dial(t testing.TB, metrics client.MetricsHandler) client.Client {
	t.Helper()
	tc, err := f.Connect(t.Context(), metrics)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(tc.Close)
	return tc
}

// SetHealthy says what the health check answers from now on.
func (f *Frontend) SetHealthy(yes bool) {
	status := healthpb.HealthCheckResponse_NOT_SERVING
	if yes {
		status = healthpb.HealthCheckResponse_SERVING
	}
	f.health.SetServingStatus("temporal.api.workflowservice.v1.WorkflowService", status)
}

// SetAttributes says which search attributes the namespace knows.
func (f *Frontend) SetAttributes(known map[string]enumspb.IndexedValueType) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.attributes = map[string]enumspb.IndexedValueType{}
	maps.Copy(f.attributes, known)
}

// Attributes are the search attributes that the namespace knows.
func (f *Frontend) Attributes() map[string]enumspb.IndexedValueType {
	f.mu.Lock()
	defer f.mu.Unlock()
	return maps.Clone(f.attributes)
}

// Fail lets a function decide from now on which calls fail.
func (f *Frontend) Fail(decide func(request proto.Message) error) {
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

// Queues are the task queues that workers polled, those of their own caches left
// out, in alphabetical order.
func (f *Frontend) Queues() []string {
	var queues []string
	for _, r := range Calls[*workflowservice.PollActivityTaskQueueRequest](f) {
		queues = append(queues, r.GetTaskQueue().GetName())
	}
	slices.Sort(queues)
	return slices.Compact(queues)
}

// Offer hands an activity without arguments to the next worker that polls the
// queue. Its token is the activity's name.
func (f *Frontend) Offer(queue, activity string) {
	now := timestamppb.Now()
	f.queue(queue) <- &workflowservice.PollActivityTaskQueueResponse{
		TaskToken: []byte(activity), ActivityId: "1", ActivityType: &commonpb.ActivityType{Name: activity}, Attempt: 1,
		WorkflowExecution: &commonpb.WorkflowExecution{WorkflowId: "w", RunId: "r"}, WorkflowType: &commonpb.WorkflowType{Name: "w"},
		ScheduledTime: now, CurrentAttemptScheduledTime: now, StartedTime: now,
		StartToCloseTimeout: durationpb.New(time.Minute), ScheduleToCloseTimeout: durationpb.New(time.Minute),
	}
}

// maxOffered is how many activities may wait for a worker.
const maxOffered = 100

func (f *Frontend) queue(name string) chan *workflowservice.PollActivityTaskQueueResponse {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.offered[name] == nil {
		f.offered[name] = make(chan *workflowservice.PollActivityTaskQueueResponse, maxOffered)
	}
	return f.offered[name]
}

func (f *Frontend) intercept(ctx context.Context, request any, _ *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
	m, ok := request.(proto.Message)
	if !ok {
		return nil, errors.New("a request that is no message")
	}
	f.mu.Lock()
	f.calls = append(f.calls, m)
	fail := f.fail
	f.mu.Unlock()
	if fail != nil {
		if err := fail(m); err != nil {
			return nil, serviceerror.ToStatus(err).Err()
		}
	}
	return next(ctx, request)
}

// GetSystemInfo is the first call of a client.
func (f *Frontend) GetSystemInfo(context.Context, *workflowservice.GetSystemInfoRequest) (*workflowservice.GetSystemInfoResponse, error) {
	return &workflowservice.GetSystemInfoResponse{Capabilities: &workflowservice.GetSystemInfoResponse_Capabilities{}}, nil
}

// DescribeNamespace is the first call of a worker.
func (f *Frontend) DescribeNamespace(_ context.Context, r *workflowservice.DescribeNamespaceRequest) (*workflowservice.DescribeNamespaceResponse, error) {
	return &workflowservice.DescribeNamespaceResponse{NamespaceInfo: &namespacepb.NamespaceInfo{Name: r.GetNamespace()}}, nil
}

// PollWorkflowTaskQueue has nothing to do for anybody.
func (f *Frontend) PollWorkflowTaskQueue(ctx context.Context, _ *workflowservice.PollWorkflowTaskQueueRequest) (*workflowservice.PollWorkflowTaskQueueResponse, error) {
	<-ctx.Done()
	return &workflowservice.PollWorkflowTaskQueueResponse{}, nil
}

// PollActivityTaskQueue hands out what was offered.
func (f *Frontend) PollActivityTaskQueue(ctx context.Context, r *workflowservice.PollActivityTaskQueueRequest) (*workflowservice.PollActivityTaskQueueResponse, error) {
	select {
	case task := <-f.queue(r.GetTaskQueue().GetName()):
		return task, nil
	case <-ctx.Done():
		return &workflowservice.PollActivityTaskQueueResponse{}, nil
	}
}

// RespondActivityTaskFailed takes an activity's error.
func (f *Frontend) RespondActivityTaskFailed(context.Context, *workflowservice.RespondActivityTaskFailedRequest) (*workflowservice.RespondActivityTaskFailedResponse, error) {
	return &workflowservice.RespondActivityTaskFailedResponse{}, nil
}

// ShutdownWorker takes a worker's farewell.
func (f *Frontend) ShutdownWorker(context.Context, *workflowservice.ShutdownWorkerRequest) (*workflowservice.ShutdownWorkerResponse, error) {
	return &workflowservice.ShutdownWorkerResponse{}, nil
}

// CreateSchedule takes a schedule.
func (f *Frontend) CreateSchedule(context.Context, *workflowservice.CreateScheduleRequest) (*workflowservice.CreateScheduleResponse, error) {
	return &workflowservice.CreateScheduleResponse{}, nil
}

// SetWorkerDeploymentCurrentVersion takes a version.
func (f *Frontend) SetWorkerDeploymentCurrentVersion(context.Context, *workflowservice.SetWorkerDeploymentCurrentVersionRequest) (*workflowservice.SetWorkerDeploymentCurrentVersionResponse, error) {
	return &workflowservice.SetWorkerDeploymentCurrentVersionResponse{}, nil
}

// ListSearchAttributes lists what the namespace knows.
func (f *Frontend) ListSearchAttributes(context.Context, *operatorservice.ListSearchAttributesRequest) (*operatorservice.ListSearchAttributesResponse, error) {
	return &operatorservice.ListSearchAttributesResponse{CustomAttributes: f.Attributes()}, nil
}

// AddSearchAttributes makes more of them known.
func (f *Frontend) AddSearchAttributes(_ context.Context, r *operatorservice.AddSearchAttributesRequest) (*operatorservice.AddSearchAttributesResponse, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	maps.Copy(f.attributes, r.GetSearchAttributes())
	return &operatorservice.AddSearchAttributesResponse{}, nil
}
