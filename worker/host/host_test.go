package host_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/protobuf/proto"

	"github.com/handrail/handrail/activities/mail"
	"github.com/handrail/handrail/activities/records"
	"github.com/handrail/handrail/dev/postgres/pgtest"
	"github.com/handrail/handrail/worker/host"
	"github.com/handrail/handrail/worker/internal/frontend"
)

// free is an address on which nobody listens.
func free(t *testing.T) string {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", loopback()+":0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// sites is a worker that needs no database.
// hosts numbers the loopback addresses that were given out.
var hosts atomic.Int32

// loopback is an address of this machine that no other test listens on or connects from, so
// that a port stays free until it is used. Only Linux has more than one.
func loopback() string {
	if runtime.GOOS != "linux" {
		return "127.0.0.1"
	}
	return fmt.Sprintf("127.%d.0.%d", 1+os.Getpid()%200, 1+hosts.Add(1)%250)
}

func sites(t *testing.T) host.Config {
	return host.Config{Sites: []string{"milan", "rome"}, SitesOnly: true, Listen: free(t)}
}

// whole is a worker for everything, with a database of its own.
func whole(t *testing.T) host.Config {
	t.Helper()
	return host.Config{
		Sites: []string{"milan"}, DatabaseURL: pgtest.Clone(t, "records", records.Migrate), DeskURL: "https://desk.example/", DeskSecret: deskSecret,
		Mail: mail.Config{Host: "localhost", From: "support@example.com"}, Listen: free(t),
	}
}

func assemble(t *testing.T, c host.Config, f *frontend.Frontend) *host.Host {
	t.Helper()
	metrics := host.NewMetrics()
	t.Cleanup(func() { metrics.Close() })
	h, err := host.New(t.Context(), c, f.Dial(t, metrics.Handler()), metrics, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(h.Stop)
	return h
}

// get asks the listener for metrics and health.
func get(t *testing.T, address, path string) (int, string) {
	t.Helper()
	request, err := http.NewRequestWithContext(context.WithoutCancel(t.Context()), http.MethodGet, "http://"+address+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Close = true
	resp, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(body)
}

// eventually waits for what other goroutines bring about.
func eventually(t *testing.T, what string, yes func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !yes(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within 20 seconds", what)
		}
	}
}

func TestNew_refuses(t *testing.T) {
	t.Parallel()
	f := frontend.Start(t)
	tc, logger := f.Dial(t, nil), slog.New(slog.DiscardHandler)
	if _, err := host.New(t.Context(), host.Config{}, tc, nil, logger); err == nil {
		t.Error("it goes without metrics")
	}
	metrics := host.NewMetrics()
	defer metrics.Close()
	wrong := host.Config{Sites: []string{"Milan"}, Policy: "/nowhere", DatabaseURL: "postgres://x:" + databasePassword + "@127.0.0.1:1/x"}
	_, err := host.New(t.Context(), wrong, tc, metrics, logger)
	if err == nil || !strings.Contains(err.Error(), "HANDRAIL_SITES: ") || !strings.Contains(err.Error(), "HANDRAIL_POLICY: ") {
		t.Errorf("%v", err)
	}
	away := host.Config{
		Sites: []string{"milan"}, DatabaseURL: "postgres://x:" + databasePassword + "@" + free(t) + "/x", DeskURL: "https://desk.example/", DeskSecret: deskSecret,
		Mail: mail.Config{Host: "localhost", From: "support@example.com"},
	}
	_, err = host.New(t.Context(), away, tc, metrics, logger)
	if err == nil || !strings.HasPrefix(err.Error(), "DATABASE_URL: ") || !strings.Contains(err.Error(), "away") || strings.Contains(err.Error(), databasePassword) {
		t.Errorf("%v", err)
	}
	if n := len(frontend.Calls[*workflowservice.PollActivityTaskQueueRequest](f)); n > 0 {
		t.Errorf("it polled %d times", n)
	}
}

// A worker beside the BMCs serves its sites' task queues and no others.
func TestHost_sitesOnly(t *testing.T) {
	t.Parallel()
	f, c := frontend.Start(t), sites(t)
	h := assemble(t, c, f)
	if err := h.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	eventually(t, "both sites are polled", func() bool { return slices.Equal(f.Queues(), []string{"handrail-milan", "handrail-rome"}) })
	if n := len(frontend.Calls[*workflowservice.CreateScheduleRequest](f)); n > 0 {
		t.Error("it made a schedule")
	}
	if status, body := get(t, c.Listen, "/readyz"); status != http.StatusOK || body != "ready\n" {
		t.Errorf("%d %s", status, body)
	}
	h.Stop()
	h.Stop() // a second time does nothing
	if conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", c.Listen); err == nil {
		conn.Close()
		t.Error("it still listens")
	}
}

func TestHost_whole(t *testing.T) {
	t.Parallel()
	f, c := frontend.Start(t), whole(t)
	h := assemble(t, c, f)
	if err := h.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	eventually(t, "its task queues are polled", func() bool { return slices.Equal(f.Queues(), []string{"handrail", "handrail-milan"}) })
	eventually(t, "workflows are polled", func() bool {
		return slices.ContainsFunc(frontend.Calls[*workflowservice.PollWorkflowTaskQueueRequest](f), func(r *workflowservice.PollWorkflowTaskQueueRequest) bool {
			return r.GetTaskQueue().GetName() == "handrail"
		})
	})
	if n := len(frontend.Calls[*workflowservice.CreateScheduleRequest](f)); n != 1 {
		t.Errorf("%d schedules", n)
	}
	for _, probe := range []struct {
		path   string
		status int
		body   string
	}{
		{"/healthz", http.StatusOK, "alive"}, {"/readyz", http.StatusOK, "ready"}, {"/metrics", http.StatusOK, "temporal_request"}, {"/", http.StatusNotFound, ""},
	} {
		eventually(t, probe.path, func() bool { // metrics are reported once a second
			status, body := get(t, c.Listen, probe.path)
			return status == probe.status && strings.Contains(body, probe.body)
		})
	}
}

// Ready is who can work: not while Temporal or the database is away.
func TestReadyz_awayCounterparts(t *testing.T) {
	t.Parallel()
	f, c := frontend.Start(t), whole(t)
	h := assemble(t, c, f)
	if err := h.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	f.SetHealthy(false)
	if status, body := get(t, c.Listen, "/readyz"); status != http.StatusServiceUnavailable || body != "not ready; the worker's log says why\n" {
		t.Errorf("Temporal is away: %d %s", status, body)
	}
	f.SetHealthy(true)
	if status, _ := get(t, c.Listen, "/readyz"); status != http.StatusOK {
		t.Errorf("Temporal is back: %d", status)
	}
	h.CloseRecords()
	if status, _ := get(t, c.Listen, "/readyz"); status != http.StatusServiceUnavailable {
		t.Errorf("the database is away: %d", status)
	}
	if status, _ := get(t, c.Listen, "/healthz"); status != http.StatusOK {
		t.Errorf("it lives: %d", status)
	}
}

func TestStart_refuses(t *testing.T) {
	t.Parallel()
	c := sites(t)
	taken, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", c.Listen)
	if err != nil {
		t.Fatal(err)
	}
	err = assemble(t, c, frontend.Start(t)).Start(t.Context())
	if err == nil || !strings.HasPrefix(err.Error(), "HANDRAIL_LISTEN: ") || !strings.Contains(err.Error(), "is another worker running here?") {
		t.Errorf("%v", err)
	}
	taken.Close()

	f := frontend.Start(t)
	h := assemble(t, c, f)
	f.Fail(func(r proto.Message) error {
		if _, ok := r.(*workflowservice.DescribeNamespaceRequest); ok {
			return serviceerror.NewNamespaceNotFound("default")
		}
		return nil
	})
	if err := h.Start(t.Context()); err == nil || !strings.Contains(err.Error(), "default is not found") {
		t.Errorf("%v", err)
	}
	if conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", c.Listen); err == nil {
		conn.Close()
		t.Error("it listens though it did not start")
	}
}

// The schedule of the reconciler is made by the worker; where it can not be,
// nothing runs.
func TestStart_withoutReconciler(t *testing.T) {
	t.Parallel()
	f, c := frontend.Start(t), whole(t)
	h := assemble(t, c, f)
	f.Fail(func(r proto.Message) error {
		if _, ok := r.(*workflowservice.CreateScheduleRequest); ok {
			return serviceerror.NewPermissionDenied("no", "")
		}
		return nil
	})
	if err := h.Start(t.Context()); err == nil || !strings.Contains(err.Error(), "making the schedule") {
		t.Errorf("%v", err)
	}
	if err := h.Ping(t.Context()); err == nil {
		t.Error("the database is still open")
	}
}

// Without a build id workers are not versioned, whatever the workflows declare;
// with one, every poll carries the deployment's version.
func TestVersioning(t *testing.T) {
	t.Parallel()
	for build, mode := range map[string]enumspb.WorkerVersioningMode{
		"": enumspb.WORKER_VERSIONING_MODE_UNSPECIFIED, "v7": enumspb.WORKER_VERSIONING_MODE_VERSIONED,
	} {
		f, c := frontend.Start(t), whole(t)
		c.BuildID = build
		h := assemble(t, c, f)
		if err := h.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		eventually(t, "both queues are polled", func() bool { return len(f.Queues()) == 2 })
		polls := frontend.Calls[*workflowservice.PollActivityTaskQueueRequest](f)
		for _, p := range polls {
			o := p.GetDeploymentOptions()
			if got := o.GetWorkerVersioningMode(); got != mode || build != "" && (o.GetBuildId() != build || o.GetDeploymentName() != host.DeploymentName) {
				t.Errorf("build %q: %v", build, o)
			}
		}
		h.Stop()
	}
}

func TestOptions(t *testing.T) {
	t.Parallel()
	c := sites(t)
	c.BuildID = "v7"
	o := assemble(t, c, frontend.Start(t)).Options()
	if len(o.Interceptors) != 1 || o.WorkerStopTimeout <= 0 || !o.DeploymentOptions.UseVersioning || o.DeploymentOptions.Version.BuildID != "v7" {
		t.Errorf("%+v", o)
	}
}
