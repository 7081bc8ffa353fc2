package host

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/worker"

	"github.com/handrail/handrail/activities"
	"github.com/handrail/handrail/activities/bmc"
	"github.com/handrail/handrail/activities/desk"
	"github.com/handrail/handrail/activities/desk/httpdesk"
	"github.com/handrail/handrail/activities/executions"
	"github.com/handrail/handrail/activities/letters"
	"github.com/handrail/handrail/activities/mail"
	"github.com/handrail/handrail/activities/policy"
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
}

// New connects to everything and registers what this worker serves. It refuses
// a wrong configuration before anything has started. The client is the caller's
// to close.
func New(ctx context.Context, c Config, tc client.Client, m *Metrics, logger *slog.Logger) (*Host, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	if m == nil {
		return nil, errors.New("a worker without metrics")
	}
	h := &Host{config: c, client: tc, metrics: m, log: logger}
	machines := bmc.New(bmc.NewSecrets(c.BMCSecrets))
	for _, site := range c.Sites {
		w := worker.New(tc, workflows.SiteQueue(site), h.options())
		w.RegisterActivity(machines)
		h.workers = append(h.workers, w)
	}
	if c.SitesOnly {
		return h, nil
	}
	if err := h.addMain(ctx); err != nil {
		if h.records != nil {
			h.records.Close()
		}
		return nil, err
	}
	return h, nil
}

// addMain adds the worker for the workflows and what needs no site.
func (h *Host) addMain(ctx context.Context) error {
	c := h.config
	book, err := letters.Load(c.Templates)
	if err != nil {
		return err
	}
	rules := &policy.File{Path: c.Policy}
	p, err := rules.ReadPolicy(ctx)
	if err != nil {
		return err
	}
	tickets, err := httpdesk.New(httpdesk.Config{URL: c.DeskURL, Secret: c.DeskSecret})
	if err != nil {
		return err
	}
	mails, err := mail.New(c.Mail, book, c.MailPassword)
	if err != nil {
		return err
	}
	if h.records, err = records.Open(ctx, c.DatabaseURL); err != nil {
		return err
	}
	w := worker.New(h.client, workflows.TaskQueue, h.options())
	workflows.Register(w)
	for _, a := range h.recordActivities() {
		w.RegisterActivity(a)
	}
	w.RegisterActivity(&desk.Activities{Desk: tickets, Letters: book, Provider: p.Provider})
	w.RegisterActivity(mails)
	w.RegisterActivity(rules)
	w.RegisterActivity(&executions.Activities{Temporal: h.client})
	h.workers = append(h.workers, w)
	return nil
}

// recordActivities are the only ones of the records' methods that workflows may
// call.
func (h *Host) recordActivities() []any {
	r := h.records
	return []any{
		r.OpenOperation, r.Identify, r.AssignServer, r.ReadServer, r.SaveProgress, r.CloseOperation, r.LogActions,
		r.RequestLease, r.AwaitLease, r.ReleaseLease, r.Suppress, r.LiftSuppression,
		r.RecordConsent, r.RevokeConsents, r.SpendConsent, r.OpenOperations,
	}
}

func (h *Host) options() worker.Options {
	o := worker.Options{
		Interceptors:      []interceptor.WorkerInterceptor{activities.Faults()},
		WorkerStopTimeout: stopTimeout,
		// Heartbeats say how far an act on a machine has come; none may wait.
		MaxHeartbeatThrottleInterval:     50 * time.Millisecond,
		DefaultHeartbeatThrottleInterval: 50 * time.Millisecond,
		OnFatalError:                     func(err error) { h.log.Error("the worker stopped", "error", err) },
	}
	if h.config.BuildID != "" {
		o.DeploymentOptions = worker.DeploymentOptions{
			UseVersioning: true,
			Version:       worker.WorkerDeploymentVersion{DeploymentName: DeploymentName, BuildID: h.config.BuildID},
		}
	}
	return o
}

// Start listens for metrics and health, and begins to poll; it returns once all
// task queues are served.
func (h *Host) Start(ctx context.Context) error {
	if err := h.serveHealth(ctx); err != nil {
		return err
	}
	for i, w := range h.workers {
		if err := w.Start(); err != nil {
			for _, started := range h.workers[:i] {
				started.Stop()
			}
			return fmt.Errorf("starting the worker: %w", err)
		}
	}
	if !h.config.SitesOnly {
		if err := h.ensureReconciler(ctx); err != nil {
			h.Stop()
			return err
		}
	}
	h.log.Info("worker is serving", "sites", h.config.Sites, "workflows", !h.config.SitesOnly, "build", h.config.BuildID)
	return nil
}

// Stop takes no new work, gives running activities time to end, and closes
// what New opened.
func (h *Host) Stop() {
	done := make(chan struct{}, len(h.workers))
	for _, w := range h.workers {
		go func() { w.Stop(); done <- struct{}{} }()
	}
	for range h.workers {
		<-done
	}
	if h.records != nil {
		h.records.Close()
	}
	if h.health != nil {
		h.health.Close() //nolint:errcheck,gosec // nobody listens any more
	}
	h.log.Info("worker stopped")
}

// Run serves until the context ends.
func (h *Host) Run(ctx context.Context) error {
	if err := h.Start(ctx); err != nil {
		return err
	}
	<-ctx.Done()
	h.Stop()
	return nil
}

// Logger gives Temporal's SDK a structured logger.
func Logger(l *slog.Logger) log.Logger { return log.NewStructuredLogger(l) }
