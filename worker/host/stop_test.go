package host_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"

	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/worker"

	"github.com/handrail/handrail/worker/host"
	"github.com/handrail/handrail/worker/internal/frontend"
)

// still is a worker that starts at once and stops when it is let.
type still struct {
	worker.Worker
	stopping, let chan struct{}
	err           error
	stops         int
}

func hold() *still { return &still{stopping: make(chan struct{}), let: make(chan struct{})} }

func (s *still) Start() error { return s.err }

func (s *still) Stop() {
	s.stops++
	close(s.stopping)
	<-s.let
}

// A host that stops is not ready any more, but it lives and its activities have
// their database until the last of them has ended; then everything is closed.
func TestStop_order(t *testing.T) {
	t.Parallel()
	c := whole(t)
	h := assemble(t, c, frontend.Start(t))
	first, second := hold(), hold()
	h.SetWorkers(first, second)
	if err := h.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() { h.Stop(); close(done) }()
	<-first.stopping
	<-second.stopping // at the same time: each may take its 20 seconds
	if status, _ := get(t, c.Listen, "/readyz"); status != http.StatusServiceUnavailable {
		t.Errorf("ready while it stops: %d", status)
	}
	if status, _ := get(t, c.Listen, "/healthz"); status != http.StatusOK {
		t.Errorf("not alive while it stops: %d", status)
	}
	close(first.let)
	if err := h.Ping(t.Context()); err != nil {
		t.Errorf("an activity is still running, the database is not: %v", err)
	}
	select {
	case <-done:
		t.Error("it did not wait for the second worker")
	default:
	}
	close(second.let)
	<-done
	if err := h.Ping(t.Context()); err == nil {
		t.Error("the database is still open")
	}
	if first.stops != 1 || second.stops != 1 {
		t.Errorf("stopped %d and %d times", first.stops, second.stops)
	}
}

// Of workers that do not all start those that did are stopped, and no others.
func TestStart_half(t *testing.T) {
	t.Parallel()
	h := assemble(t, sites(t), frontend.Start(t))
	good, bad, never := hold(), hold(), hold()
	close(good.let)
	bad.err = errors.New("no such namespace")
	h.SetWorkers(good, bad, never)
	if err := h.Start(t.Context()); err == nil || err.Error() != "starting the worker: no such namespace" {
		t.Errorf("%v", err)
	}
	if good.stops != 1 || bad.stops != 0 || never.stops != 0 {
		t.Errorf("stopped %d, %d and %d times", good.stops, bad.stops, never.stops)
	}
}

func TestRun(t *testing.T) {
	t.Parallel()
	h := assemble(t, sites(t), frontend.Start(t))
	w := hold()
	close(w.let)
	h.SetWorkers(w)
	ctx, stop := context.WithCancel(t.Context())
	stop()
	if err := h.Run(ctx); err != nil || w.stops != 1 {
		t.Errorf("%v, stopped %d times", err, w.stops)
	}
}

// A worker that Temporal will not have any more ends the process, which is
// better than one that looks alive and does nothing.
func TestRun_workerEndsByItself(t *testing.T) {
	t.Parallel()
	c := sites(t)
	var log bytes.Buffer
	metrics := host.NewMetrics()
	defer metrics.Close()
	h, err := host.New(t.Context(), c, frontend.Start(t).Dial(t, nil), metrics, slog.New(slog.NewJSONHandler(&log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	w := hold()
	h.SetWorkers(w)
	ended := make(chan error, 1)
	var start sync.WaitGroup
	start.Go(func() { ended <- h.Run(t.Context()) })
	eventually(t, "it is ready", func() bool { return h.Ready(t.Context()) == nil })
	h.Options().OnFatalError(serviceerror.NewPermissionDenied("the key was withdrawn", ""))
	h.Options().OnFatalError(errors.New("and another one"))
	<-w.stopping
	if h.Ready(t.Context()) == nil {
		t.Error("it says that it is ready")
	}
	close(w.let)
	if err := <-ended; err == nil || !strings.Contains(err.Error(), "the key was withdrawn") {
		t.Errorf("%v", err)
	}
	start.Wait()
	if !strings.Contains(log.String(), "the key was withdrawn") {
		t.Errorf("the log does not say it: %s", log.String())
	}
}
