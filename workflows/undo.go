package workflows

import (
	"slices"

	"go.temporal.io/sdk/workflow"

	"github.com/handrail/handrail/activities"
)

// undo names a clean-up that a cancelled operation owes. It is data, so that it
// lives on in a continued run.
type undo string

// cleanUps tells how each is done. A clean-up looks before it acts: it may have
// been done, or never become necessary.
var cleanUps = map[undo]func(*operation, workflow.Context) error{
	undoPower: (*operation).restorePower,
	undoBoot:  (*operation).leaveBoot,
	undoArmed: (*operation).withdrawBoot,
}

// owe remembers a clean-up before the act that makes it necessary.
func (op *operation) owe(u undo) {
	if !slices.Contains(op.Undo, u) {
		op.Undo = append(op.Undo, u)
	}
}

// settled forgets clean-ups that the course itself has paid.
func (op *operation) settled(paid ...undo) {
	op.Undo = slices.DeleteFunc(op.Undo, func(u undo) bool { return slices.Contains(paid, u) })
}

// payAll pays what is owed, before the server goes to somebody else.
func (op *operation) payAll(ctx workflow.Context) error {
	for len(op.Undo) > 0 {
		if err := cleanUps[op.Undo[0]](op, ctx); err != nil {
			return err
		}
		op.Undo = op.Undo[1:]
	}
	return nil
}

// cleanUp pays what is owed, the boot before the power comes back, and adds what
// could not be paid to the outcome, having told the duty contact. Leases and muted
// alerts go with the operation's row.
func (op *operation) cleanUp(ctx workflow.Context, outcome string) string {
	for _, u := range op.Undo {
		if err := cleanUps[u](op, ctx); err != nil {
			words := string(u) + " could not be done: " + activities.Words(err)
			outcome += "; " + words
			op.tellDuty(string(u), words)
		}
	}
	op.Undo = nil
	return outcome
}
