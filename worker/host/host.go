package host

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/worker"

	"github.com/handrail/handrail/activities"
	"github.com/handrail/handrail/activities/executions"
	"github.com/handrail/handrail/activities/records"
	"github.com/handrail/handrail/workflows"
)

// DeploymentName is the worker deployment under which builds are versioned.
const DeploymentName = "handrail"

// stopTimeout is how long running activities may take to end when the worker
// stops; what has not ended is carried on elsewhere by looking.
const stopTimeout = 20 * time.Second

// Host is a worker that has checked its configuration and its counterparts.
type Host struct {
	config  Config
	client  client.Client
	records *records.Records
	workers []worker.Worker
	metrics *Metrics
	health  *http.Server
	log     *slog.Logger

	// serving: all task queues were served once; ended: one is no more.
	serving, ended atomic.Bool
	// lost yields why a worker ended by itself.
	lost chan error
	stop sync.Once
	// running are the workers that were started.
	running []worker.Worker
}

// New connects to everything and registers what this worker serves. It refuses
// a wrong configuration before anything has started, naming all that is wrong.
// The client is the caller's to close; the host is to be stopped, started or
// not.
func New(ctx context.Context, c Config, tc client.Client, m *Metrics, logger *slog.Logger) (*Host, error) {
	if m == nil {
		return nil, errors.New("a worker without metrics")
	}
	p, err := c.parts(ctx)
	if err != nil {
		return nil, err
	}
	h := &Host{config: c, client: tc, metrics: m, log: logger, lost: make(chan error, 1)}
	if !c.SitesOnly {
		if h.records, err = records.Open(ctx, c.DatabaseURL); err != nil {
			return nil, fmt.Errorf("DATABASE_URL: %w", err)
		}
		h.addMain(p)
	}
	for _, site := range c.Sites {
		w := worker.New(tc, workflows.SiteQueue(site), h.options())
		w.RegisterActivity(p.machines)
		w.RegisterActivity(p.systems)
		h.workers = append(h.workers, w)
	}
	return h, nil
}

// addMain adds the worker for the workflows and what needs no site.
func (h *Host) addMain(p parts) {
	w := worker.New(h.client, workflows.TaskQueue, h.options())
	workflows.Register(w)
	for _, a := range h.recordActivities() {
		w.RegisterActivity(a)
	}
	w.RegisterActivity(p.tickets)
	w.RegisterActivity(p.mails)
	w.RegisterActivity(p.rules)
	w.RegisterActivity(&executions.Activities{Temporal: h.client})
	h.workers = append(h.workers, w)
}

// recordActivities are the only ones of the records' methods that workflows may
// call.
func (h *Host) recordActivities() []any {
	r := h.records
	return []any{
		r.OpenOperation, r.Identify, r.AssignServer, r.ReadServer, r.SaveProgress, r.CloseOperation, r.LogActions,
		r.RequestLease, r.AwaitLease, r.ReleaseLease, r.Suppress, r.LiftSuppression,
		r.RecordConsent, r.RevokeConsents, r.SpendConsent, r.OpenOperations,
		r.MatchSystem, r.ArmBoot, r.ReadBoot, r.WithdrawBoot, r.EndBoot,
	}
}

func (h *Host) options() worker.Options {
	o := worker.Options{
		Interceptors:      []interceptor.WorkerInterceptor{activities.Faults()},
		WorkerStopTimeout: stopTimeout,
		// Heartbeats say how far an act on a machine has come; none may wait.
		MaxHeartbeatThrottleInterval:     50 * time.Millisecond,
		DefaultHeartbeatThrottleInterval: 50 * time.Millisecond,
		OnFatalError:                     h.lose,
	}
	if h.config.BuildID != "" {
		o.DeploymentOptions = worker.DeploymentOptions{
			UseVersioning: true,
			Version:       worker.WorkerDeploymentVersion{DeploymentName: DeploymentName, BuildID: h.config.BuildID},
		}
	}
	return o
}

// lose notes that a worker has ended by itself, because Temporal will not have
// it any more. The SDK stops it.
func (h *Host) lose(err error) {
	h.ended.Store(true)
	h.log.Error("a worker has ended by itself", "error", err)
	select {
	case h.lost <- err:
	default: // the first one is reason enough
	}
}

// Start listens for metrics and health, and begins to poll; it returns once all
// task queues are served. After an error everything is stopped.
func (h *Host) Start(ctx context.Context) error {
	if err := h.start(ctx); err != nil {
		h.Stop()
		return err
	}
	h.serving.Store(true)
	h.log.Info("worker is serving", "sites", h.config.Sites, "workflows", !h.config.SitesOnly, "build", h.config.BuildID)
	return nil
}

func (h *Host) start(ctx context.Context) error {
	if err := h.serveHealth(ctx); err != nil {
		return err
	}
	for _, w := range h.workers {
		if err := w.Start(); err != nil {
			return fmt.Errorf("starting the worker: %w", err)
		}
		h.running = append(h.running, w)
	}
	if h.config.SitesOnly {
		return nil
	}
	return h.ensureReconciler(ctx)
}

// Stop takes no new work, gives running activities time to end, and closes
// what New opened. Health is answered, as not ready, to the end. A second Stop
// does nothing.
func (h *Host) Stop() {
	h.stop.Do(func() {
		h.ended.Store(true)
		var all sync.WaitGroup
		for _, w := range h.running {
			all.Go(w.Stop)
		}
		all.Wait()
		if h.records != nil {
			h.records.Close() // only now: activities were still writing
		}
		if h.health != nil {
			h.health.Close() //nolint:errcheck,gosec // nobody listens any more
		}
		if len(h.running) > 0 {
			h.log.Info("worker stopped")
		}
	})
}

// Run serves until the context ends, or until a worker ends by itself, which is
// an error: the process should end, and be started anew.
func (h *Host) Run(ctx context.Context) error {
	if err := h.Start(ctx); err != nil {
		return err
	}
	defer h.Stop()
	select {
	case <-ctx.Done():
		return nil
	case err := <-h.lost:
		return fmt.Errorf("a worker has ended by itself: %w", err)
	}
}

// Logger gives Temporal's SDK a structured logger.
func Logger(l *slog.Logger) log.Logger { return log.NewStructuredLogger(l) }
