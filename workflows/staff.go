package workflows

import (
	"strings"
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/handrail/handrail/activities"
	"github.com/handrail/handrail/hosting"
)

// Staff is part of every update: who sends it.
type Staff struct {
	By string `json:"by"`
}

func (s Staff) actor() string { return strings.TrimSpace(s.By) }

// Decision is what the updates relaunch, skip, cancel, hold, resume and note
// carry; all but relaunch and resume need the reason.
type Decision struct {
	Staff
	Reason string    `json:"reason,omitempty"`
	At     time.Time `json:"at,omitzero"` // set by the operation
}

// handle registers an update. The validator refuses it at once and in words,
// without a trace in the history; check comes after what holds for all.
func handle[T interface{ actor() string }](op *operation, name, description string, check func(T) error, act func(workflow.Context, T) (string, error)) error {
	return workflow.SetUpdateHandlerWithOptions(op.root, name,
		func(ctx workflow.Context, in T) (string, error) {
			op.handled++
			ctx, done := op.within(ctx)
			defer done()
			words, err := act(ctx, in)
			return words, activities.Cross(err)
		},
		workflow.UpdateHandlerOptions{
			Description: description,
			Validator: func(in T) error {
				if err := op.checkActor(name, in.actor()); err != nil {
					return activities.Cross(err)
				}
				if op.Phase.Final() {
					return activities.Cross(op.refuse("the operation has ended as " + string(op.Phase)))
				}
				if op.Cancel != nil {
					return activities.Cross(op.refuse("the operation is being cancelled"))
				}
				return activities.Cross(check(in))
			},
		})
}

func (op *operation) checkActor(update, by string) error {
	switch {
	case by == "":
		return hosting.Invalid(op.serverID(), update+": by is empty", "say who you are")
	case len(by) > maxName:
		return hosting.Invalid(op.serverID(), update+": by is too long", "give your name")
	}
	return nil
}

// refuse says why an update can not be taken now.
func (op *operation) refuse(why string) error {
	return hosting.NewFault(hosting.FaultConflict, op.serverID(), why, "look at the status of the operation for what can be done now")
}

// handleStaff registers what staff can do to every operation.
func (op *operation) handleStaff() error {
	failed := func(Decision) error {
		if op.Cursor >= len(op.Steps) || op.Steps[op.Cursor].State != hosting.StepFailed {
			return op.refuse("no step has failed")
		}
		if op.acting > 0 {
			return op.refuse("a power action is under way: wait for what comes of it")
		}
		return nil
	}
	updates := []struct {
		name, description string
		check             func(Decision) error
		act               func(Decision) string
	}{
		{
			"relaunch", "Run the failed step again, once its cause is corrected. Both attempts are kept.", failed,
			func(Decision) string { op.relaunch(); return "relaunched: " + op.current().title },
		},
		{
			"skip", "Go on without the failed step, where that is allowed. Give the reason.",
			func(d Decision) error {
				if err := failed(d); err != nil {
					return err
				}
				if !op.current().skippable {
					return op.refuse("the step \"" + op.current().title + "\" can not be skipped")
				}
				return op.needReason(d)
			},
			func(d Decision) string { op.skip(d.By); return "skipped: " + op.current().title },
		},
		{
			"cancel", "End the operation, with clean-up. Refused after the point of no return. Give the reason: the customer reads it.",
			func(d Decision) error {
				if err := op.mayCancel(); err != nil {
					return err
				}
				return op.needReason(d)
			},
			func(d Decision) string { op.cancel(d); return "cancelled; clean-up follows" },
		},
		{
			"hold", "Pause: no further step begins and no power action is taken until resume. Give the reason.",
			func(d Decision) error {
				if op.Held != nil {
					return op.refuse("on hold already, by " + op.Held.By)
				}
				return op.needReason(d)
			},
			func(d Decision) string { op.Held = &d; return "on hold" },
		},
		{
			"resume", "Go on after a hold.",
			func(Decision) error {
				if op.Held == nil {
					return op.refuse("not on hold")
				}
				return nil
			},
			func(Decision) string { op.Held = nil; return "resumed" },
		},
		{
			"note", "Write a note into the operation's log. The customer does not see it.", op.needReason,
			func(Decision) string { return "noted" },
		},
	}
	for _, u := range updates {
		err := handle(op, u.name, u.description, u.check, func(ctx workflow.Context, d Decision) (string, error) {
			d.At = *op.now()
			words := u.act(d)
			op.logAction(ctx, d.By, u.name, d.Reason)
			if u.name != "cancel" {
				op.show(ctx)
			}
			return words, nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (op *operation) needReason(d Decision) error {
	switch {
	case strings.TrimSpace(d.Reason) == "":
		return hosting.Invalid(op.serverID(), "the reason is empty", "say why in a sentence")
	case len(d.Reason) > maxText:
		return hosting.Invalid(op.serverID(), "the reason is too long", "say why in a sentence")
	}
	return nil
}

// mayCancel is nil up to the point of no return (G12).
func (op *operation) mayCancel() error {
	if op.NoReturn == "" {
		return nil
	}
	return hosting.NewFault(hosting.FaultConflict, op.serverID(),
		"the operation is past its point of no return (\""+op.NoReturn+"\") and can not be cancelled", "let it finish, or relaunch the step that failed")
}

func (op *operation) cancel(d Decision) {
	op.Cancel = &d
	op.stop()
}

// obeyTemporalCancel treats a cancellation that comes from Temporal itself (the
// UI's button) as staff's, where one is still allowed.
func (op *operation) obeyTemporalCancel() {
	workflow.GoNamed(op.root, "temporal-cancel", func(ctx workflow.Context) {
		ctx.Done().Receive(ctx, nil)
		if op.Phase.Final() || op.Cancel != nil {
			return
		}
		if err := op.mayCancel(); err != nil {
			op.log.Warn("cancellation from Temporal not obeyed", "reason", err)
			return
		}
		op.cancel(Decision{Staff: Staff{By: "Temporal UI"}, Reason: "the workflow's cancellation was requested", At: *op.now()})
	})
}

// logAction writes an entry of the append-only log (O24) and keeps it for the
// status. Not even a cancellation keeps it from being written.
func (op *operation) logAction(ctx workflow.Context, by, what, result string) {
	op.Entries++
	a := hosting.Action{
		Operation: op.ID, Server: op.serverID(), At: *op.now(), By: by, What: what, Result: result,
		Key: op.key("log", op.Entries),
	}
	op.Actions = append(op.Actions, a)
	if extra := len(op.Actions) - maxActions; extra > 0 {
		op.Actions = op.Actions[extra:]
	}
	ctx, done := workflow.NewDisconnectedContext(ctx)
	defer done()
	if err := record(ctx, "Log: "+what, nil, rec.LogActions, []hosting.Action{a}); err != nil {
		op.log.Error("action not logged", "server", op.serverID(), "what", what, "error", err)
	}
}

// RecordedAction is the update with which the technician writes down what was
// done by hand.
type RecordedAction struct {
	Staff
	What   string `json:"what"`
	Result string `json:"result,omitempty"`
}

func (op *operation) handleRecordAction() error {
	return handle(op, "record-action", "Write down what was done by hand, and what came of it. It goes into the log and, in the summary, to the customer: no secrets.",
		func(a RecordedAction) error {
			switch {
			case strings.TrimSpace(a.What) == "":
				return hosting.Invalid(op.serverID(), "what is empty", "say what was done")
			case len(a.What)+len(a.Result) > maxText:
				return hosting.Invalid(op.serverID(), "the entry is longer than the log takes", "split it")
			case !op.Machine.Taken:
				return op.refuse("work on the server has not begun")
			}
			return nil
		},
		func(ctx workflow.Context, a RecordedAction) (string, error) {
			op.tellLater(hosting.Deed{Text: reportLine(a.What, a.Result)})
			op.logAction(ctx, a.By, a.What, a.Result)
			return "recorded", nil
		})
}

func reportLine(what, result string) string {
	if result == "" {
		return what
	}
	return what + ": " + result
}
