package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"

	"github.com/handrail/handrail/activities"
	"github.com/handrail/handrail/hosting"
	"github.com/handrail/handrail/starter/launch"
	"github.com/handrail/handrail/workflows"
)

// errInterrupted is the person's own Ctrl-C.
var errInterrupted = errors.New("you stopped waiting")

// procedureOf are the procedures that take an update, for those that not every
// procedure takes. Where a ticket has several operations, it tells which is meant.
var procedureOf = map[string][]hosting.Procedure{
	"finish":  {hosting.ServerIntervention},
	"consent": {hosting.OSReinstall},
	"specify": {hosting.OSReinstall},
	"give-up": {hosting.OSReinstall},
}

// send sends an update to an operation and waits for its answer, as long as it
// takes: the SDK asks again and again, poll after poll.
func send[T any](ctx context.Context, a *app, name, updateName string, arg any) (id string, answer T, err error) {
	tc, err := a.connect(ctx)
	if err != nil {
		return "", answer, err
	}
	operation, err := launch.Find(ctx, tc, name, procedureOf[updateName]...)
	if err != nil {
		return "", answer, err
	}
	id = launch.ID(operation)
	if r := rowOf(operation); hosting.Phase(r.Phase).Final() {
		return id, answer, hasEnded(r)
	}
	handle, err := a.accepted(ctx, tc, client.UpdateWorkflowOptions{
		WorkflowID: id, UpdateName: updateName, Args: []any{arg}, WaitForStage: client.WorkflowUpdateStageAccepted,
	})
	if err != nil {
		return id, answer, err
	}
	err = handle.Get(ctx, &answer)
	switch {
	case err == nil || activities.Kind(err) != "":
		return id, answer, err
	case ctx.Err() != nil:
		return id, answer, fmt.Errorf("%w; the operation goes on with %q. Look at it with: starter show %s", errInterrupted, updateName, id)
	case is[*client.WorkflowUpdateServiceTimeoutOrCanceledError](err):
		return id, answer, fmt.Errorf("no more answers from Temporal; the operation goes on with %q. Look at it with: starter show %s", updateName, id)
	}
	return id, answer, err
}

// accepted returns once the operation has taken the update, which then no crash
// and no impatience undoes.
func (a *app) accepted(ctx context.Context, tc client.Client, o client.UpdateWorkflowOptions) (client.WorkflowUpdateHandle, error) {
	limited, cancel := context.WithTimeout(ctx, a.Patience)
	defer cancel()
	handle, err := tc.UpdateWorkflow(limited, o)
	// An update that no worker took stays with Temporal for a while.
	const doubt = "It may still be carried out. Before you repeat it, look with: starter show "
	switch {
	case err == nil:
		return handle, nil
	case ctx.Err() != nil:
		return nil, fmt.Errorf("%w before the operation took %q. %s%s", errInterrupted, o.UpdateName, doubt, o.WorkflowID)
	case limited.Err() != nil || is[*client.WorkflowUpdateServiceTimeoutOrCanceledError](err):
		return nil, fmt.Errorf("%s has not taken %q within %s: is a worker running? %s%s", o.WorkflowID, o.UpdateName, a.Patience, doubt, o.WorkflowID)
	case is[*serviceerror.NotFound](err):
		operation, findErr := launch.Find(ctx, tc, o.WorkflowID)
		if findErr != nil {
			return nil, findErr
		}
		return nil, hasEnded(rowOf(operation))
	}
	return nil, err
}

func hasEnded(r Row) error {
	return hosting.NewFault(hosting.FaultConflict, r.Server, r.Workflow+" has ended as "+r.Phase, "look at it with: starter show "+r.Workflow)
}

// answer is what a decision or a gate's answer leads to.
type answer struct {
	Workflow string `json:"workflow"`
	Answer   string `json:"answer"`
}

// decide sends an update that answers with a sentence, and prints that.
func (a *app) decide(ctx context.Context, name, updateName string, arg any) error {
	id, said, err := send[string](ctx, a, name, updateName, arg)
	if err != nil {
		return err
	}
	return a.print(answer{id, said}, func(w io.Writer) { fmt.Fprintf(w, "%s: %s\n", id, said) })
}

// byStaff reads who sends an update.
func (a *app) byStaff() (workflows.Staff, error) {
	by, err := a.actor()
	return workflows.Staff{By: by}, err
}

// given refuses a flag that has to be there and is not.
func given(flag, value, what string) error {
	if strings.TrimSpace(value) == "" {
		return usage{fmt.Errorf("--%s is missing: %s", flag, what)}
	}
	return nil
}

// one refuses a value that is none of those that there are.
func one[T ~string](flag string, value T, values []T) error {
	for _, v := range values {
		if v == value {
			return nil
		}
	}
	if value == "" {
		return usage{fmt.Errorf("--%s is missing: one of %s", flag, join(values))}
	}
	return usage{fmt.Errorf("--%s %q is not one of %s", flag, value, join(values))}
}

// operationCommand is the frame of a command on one operation.
func (a *app) operationCommand(c *cobra.Command) *cobra.Command {
	c.Use += " OPERATION"
	c.Args = exactly(1)
	c.ValidArgsFunction = func(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
		if len(args) > 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return a.completeOperation(cmd)
	}
	return c
}
