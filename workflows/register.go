package workflows

import (
	"maps"
	"slices"

	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/handrail/handrail/hosting"
)

var procedures = map[hosting.Procedure]any{
	hosting.ServerIntervention: ServerIntervention,
	hosting.OSReinstall:        OSReinstall,
}

// idPrefixes is what the workflow ids of each procedure begin with: the ticket
// or the service id follows after a slash.
var idPrefixes = map[hosting.Procedure]string{
	hosting.ServerIntervention: "intervention",
	hosting.OSReinstall:        "reinstall",
}

// Register makes every procedure, and the reconciler, known to a worker, or to a
// replayer.
func Register(r worker.WorkflowRegistry) {
	register := func(name string, w any) {
		r.RegisterWorkflowWithOptions(w, workflow.RegisterOptions{Name: name, VersioningBehavior: workflow.VersioningBehaviorAutoUpgrade})
	}
	for name, p := range procedures {
		register(string(name), p)
	}
	register("Reconcile", Reconcile)
}

// Procedures lists the procedures that exist, in alphabetical order.
func Procedures() []hosting.Procedure {
	return slices.Sorted(maps.Keys(procedures))
}

// StaffPrefix stands before the server in the id of staff's own work, which has
// no ticket when it starts.
const StaffPrefix = "staff-"

// IDPrefix is what a procedure's workflow ids begin with.
func IDPrefix(p hosting.Procedure) string { return idPrefixes[p] }
