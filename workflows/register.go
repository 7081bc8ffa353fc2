package workflows

import (
	"maps"
	"slices"

	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/handrail/handrail/hosting"
)

// Register makes every procedure, and the reconciler, known to a worker, or to a replayer.
func Register(r worker.WorkflowRegistry) {
	for name, procedure := range procedures {
		r.RegisterWorkflowWithOptions(procedure, workflow.RegisterOptions{
			Name: string(name), VersioningBehavior: workflow.VersioningBehaviorAutoUpgrade,
		})
	}
	r.RegisterWorkflowWithOptions(Reconcile, workflow.RegisterOptions{
		Name: "Reconcile", VersioningBehavior: workflow.VersioningBehaviorAutoUpgrade,
	})
}

var procedures = map[hosting.Procedure]any{
	hosting.ServerIntervention: ServerIntervention,
}

// Procedures lists the procedures that exist, in alphabetical order.
func Procedures() []hosting.Procedure {
	return slices.Sorted(maps.Keys(procedures))
}

// IDPrefix is what a procedure's workflow ids begin with; the ticket or the
// service id follows after a slash.
func IDPrefix(p hosting.Procedure) string { return idPrefixes[p] }

var idPrefixes = map[hosting.Procedure]string{
	hosting.ServerIntervention: "intervention",
}
