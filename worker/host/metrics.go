package host

import (
	"io"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/uber-go/tally/v4"
	tallyprom "github.com/uber-go/tally/v4/prometheus"
	"go.temporal.io/sdk/client"
	sdktally "go.temporal.io/sdk/contrib/tally"
)

// Metrics collects what the worker and the Temporal SDK count, for Prometheus.
type Metrics struct {
	registry *prometheus.Registry
	scope    tally.Scope
	closer   io.Closer
}

// NewMetrics returns an empty collection; close it when the process ends.
func NewMetrics() *Metrics {
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	reporter := tallyprom.NewReporter(tallyprom.Options{Registerer: registry})
	scope, closer := tally.NewRootScope(tally.ScopeOptions{
		CachedReporter: reporter, Separator: tallyprom.DefaultSeparator, SanitizeOptions: &sdktally.PrometheusSanitizeOptions,
	}, time.Second)
	return &Metrics{registry: registry, scope: sdktally.NewPrometheusNamingScope(scope), closer: closer}
}

// Handler is what a Temporal client is given to count with.
func (m *Metrics) Handler() client.MetricsHandler { return sdktally.NewMetricsHandler(m.scope) }

// Close stops reporting.
func (m *Metrics) Close() error { return m.closer.Close() }
