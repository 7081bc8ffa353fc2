package host

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"
	"go.temporal.io/sdk/client"
	"golang.org/x/net/netutil"
)

const (
	// maxConnections bounds who may ask for metrics and health at one time.
	maxConnections = 32
	// readyTimeout is how long Temporal and the database may take to answer.
	readyTimeout = 3 * time.Second
)

// serveHealth listens for /metrics, /healthz (the process lives) and /readyz
// (all task queues are served; Temporal and the database answer).
func (h *Host) serveHealth(ctx context.Context) error {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", h.config.Listen)
	if err != nil {
		return fmt.Errorf("HANDRAIL_LISTEN: %w; is another worker running here?", err)
	}
	h.health = &http.Server{
		Handler: h.healthHandler(), ReadTimeout: 5 * time.Second, WriteTimeout: 15 * time.Second, IdleTimeout: time.Minute, MaxHeaderBytes: 8 << 10,
	}
	go h.health.Serve(netutil.LimitListener(listener, maxConnections)) //nolint:errcheck // ends with Close
	return nil
}

func (h *Host) healthHandler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(h.metrics.registry, promhttp.HandlerOpts{MaxRequestsInFlight: 4, Timeout: 10 * time.Second}))
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "alive") })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) {
		if err := h.ready(r.Context()); err != nil {
			h.log.Warn("not ready", "error", err)
			http.Error(w, "not ready; the worker's log says why", http.StatusServiceUnavailable)
			return
		}
		fmt.Fprintln(w, "ready")
	})
	return mux
}

func (h *Host) ready(ctx context.Context) error {
	if !h.serving.Load() || h.ended.Load() {
		return errors.New("the task queues are not all served: the worker is starting or stopping")
	}
	ctx, cancel := context.WithTimeout(ctx, readyTimeout)
	defer cancel()
	if _, err := h.client.CheckHealth(ctx, &client.CheckHealthRequest{}); err != nil {
		return fmt.Errorf("temporal: %w", err)
	}
	if h.records == nil {
		return nil
	}
	return h.records.Ping(ctx)
}
