package host

import (
	"context"

	"go.temporal.io/sdk/worker"
)

// SetWorkers puts other workers in the place of the host's.
func (h *Host) SetWorkers(workers ...worker.Worker) { h.workers = workers }

// Options are those that the host's workers are made with.
func (h *Host) Options() worker.Options { return h.options() }

// Ping asks the records' database.
func (h *Host) Ping(ctx context.Context) error { return h.records.Ping(ctx) }

// Ready is what /readyz answers.
func (h *Host) Ready(ctx context.Context) error { return h.ready(ctx) }

// CloseRecords takes the database away.
func (h *Host) CloseRecords() { h.records.Close() }
