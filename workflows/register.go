package workflows

import (
	"maps"
	"slices"

	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/handrail/handrail/hosting"
)

// procedures lists them, with what their workflow ids begin with: the ticket or
// the service id follows after a slash.
var procedures = map[hosting.Procedure]struct {
	workflow any
	prefix   string
}{
	hosting.ServerIntervention: {ServerIntervention, "intervention"},
}

// Register makes every procedure, and the reconciler, known to a worker, or to a
// replayer.
func Register(r worker.WorkflowRegistry) {
	register := func(name string, w any) {
		r.RegisterWorkflowWithOptions(w, workflow.RegisterOptions{Name: name, VersioningBehavior: workflow.VersioningBehaviorAutoUpgrade})
	}
	for name, p := range procedures {
		register(string(name), p.workflow)
	}
	register("Reconcile", Reconcile)
}

// Procedures lists the procedures that exist, in alphabetical order.
func Procedures() []hosting.Procedure {
	return slices.Sorted(maps.Keys(procedures))
}

// IDPrefix is what a procedure's workflow ids begin with.
func IDPrefix(p hosting.Procedure) string { return procedures[p].prefix }
