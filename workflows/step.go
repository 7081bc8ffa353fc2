package workflows

import (
	"errors"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/handrail/handrail/activities"
	"github.com/handrail/handrail/hosting"
)

// step is one line of a procedure.
type step struct {
	name     string // stable: it stands in search attributes and in the records
	title    string // what staff read
	estimate time.Duration
	// skippable: staff may go on without it when it failed.
	skippable bool
	// power: during this step the technician may act on the power.
	power bool
	do    func(workflow.Context) error
}

// follow works the course off, from where the cursor stands.
func (op *operation) follow() error {
	for op.Cursor < len(op.procedure.course) {
		if op.Steps[op.Cursor].State == hosting.StepSkipped { // by a leap
			op.Cursor++
			continue
		}
		if err := op.attempt(op.procedure.course[op.Cursor]); err != nil {
			return err
		}
		op.Cursor++
	}
	return nil
}

// current is the step that the cursor stands at.
func (op *operation) current() step {
	if op.Cursor >= len(op.procedure.course) {
		return step{}
	}
	return op.procedure.course[op.Cursor]
}

// attempt runs a step until it is done or skipped. A failure parks the
// operation until staff decide; it never fails the workflow.
func (op *operation) attempt(s step) error {
	for {
		if err := op.awaitResume(); err != nil {
			return err
		}
		st := &op.Steps[op.Cursor]
		if st.State != hosting.StepFailed {
			err := op.perform(s, st)
			if st.State == hosting.StepSkipped { // by a leap, while it waited
				return nil
			}
			if err == nil || op.fatal(err) {
				return err
			}
			op.fail(st, err)
			op.tellDuty(st.Title, st.Error)
		}
		again, err := op.attention(s)
		if err != nil || !again {
			return err
		}
	}
}

func (op *operation) perform(s step, st *hosting.Step) error {
	if st.State == hosting.StepPending {
		st.State, st.Attempt, st.Started = hosting.StepRunning, st.Attempt+1, op.now()
	}
	op.Phase, op.WaitingOn, op.Due = hosting.PhaseRunning, "", nil
	workflow.SetCurrentDetails(op.root, op.details())
	if err := s.do(op.course); err != nil {
		return err
	}
	st.State, st.Ended = hosting.StepDone, op.now()
	return nil
}

// fatal tells the errors that end the run from those that staff can mend.
func (op *operation) fatal(err error) bool {
	var app *temporal.ApplicationError
	return errors.Is(err, errContinue) || errors.Is(err, errExpired) && op.mayCancel() == nil || op.Cancel != nil ||
		temporal.IsCanceledError(err) && !errors.As(err, &app)
}

func (op *operation) fail(st *hosting.Step, err error) {
	st.State, st.Ended, st.Error = hosting.StepFailed, op.now(), activities.Words(err)
	op.log.Warn("step failed", "server", op.serverID(), "ticket", op.Ticket, "step", st.Name, "attempt", st.Attempt, "error", st.Error)
}

// attention parks the operation until staff relaunch the step (true), skip it
// (false) or cancel.
func (op *operation) attention(s step) (again bool, err error) {
	st := &op.Steps[op.Cursor]
	err = op.await(op.course, wait{on: "staff: " + s.name + " failed", phase: hosting.PhaseAttention},
		func() bool { return st.State != hosting.StepFailed })
	if err != nil {
		return false, err
	}
	return st.State == hosting.StepPending, nil
}

// relaunch makes the failed step pending again and keeps the failed attempt.
func (op *operation) relaunch() {
	st := &op.Steps[op.Cursor]
	op.Past = append(op.Past, *st)
	st.State, st.Started, st.Ended, st.Error = hosting.StepPending, nil, nil, ""
}

func (op *operation) skip(by string) {
	st := &op.Steps[op.Cursor]
	st.State, st.SkippedBy = hosting.StepSkipped, by
}

// leap leaves out the steps from the present one up to the named one.
func (op *operation) leap(to, by string) {
	for i := op.Cursor; i < len(op.Steps) && op.Steps[i].Name != to; i++ {
		op.Steps[i].State, op.Steps[i].SkippedBy = hosting.StepSkipped, by
	}
}

// wait says what an operation is waiting on.
type wait struct {
	on      string
	phase   hosting.Phase
	timeout time.Duration // 0 is none
}

var (
	// errTimeout tells that a wait was over before its condition held.
	errTimeout = errors.New("waited long enough")
	// errLeft tells that staff left the step out while it waited.
	errLeft = errors.New("the step was left out while it waited")
)

// await shows what is waited on and blocks until the condition holds, the time
// is up (errTimeout), the run has become too long (errContinue) or the
// operation is cancelled.
func (op *operation) await(ctx workflow.Context, w wait, cond func() bool) error {
	if cond() {
		return nil
	}
	op.Phase, op.WaitingOn, op.Due = w.phase, w.on, nil
	if w.timeout > 0 {
		due := op.now().Add(w.timeout)
		op.Due = &due
	}
	op.show(ctx)
	left := func() bool { return op.Cursor < len(op.Steps) && op.Steps[op.Cursor].State == hosting.StepSkipped }
	ready := func() bool { return cond() || left() || op.tooLong() }
	if w.timeout > 0 {
		// The timer ends with the wait, not when it would have fired.
		timed, done := workflow.WithCancel(ctx)
		ok, err := workflow.AwaitWithOptions(timed, workflow.AwaitOptions{
			Timeout: w.timeout, TimerOptions: workflow.TimerOptions{Summary: "waiting on " + w.on},
		}, ready)
		done()
		if err != nil {
			return err
		}
		if !ok {
			return errTimeout
		}
	} else if err := workflow.Await(ctx, ready); err != nil {
		return err
	}
	switch {
	case cond():
		return nil
	case left():
		return errLeft
	}
	return errContinue
}

// awaitResume holds the course between two steps while staff want it held.
func (op *operation) awaitResume() error {
	if op.Held == nil {
		return nil
	}
	return op.await(op.course, op.holding(), func() bool { return op.Held == nil })
}

func (op *operation) holding() wait {
	return wait{on: "staff: on hold by " + op.Held.By, phase: hosting.PhaseOnHold}
}

func (op *operation) now() *time.Time {
	t := workflow.Now(op.root).UTC()
	return &t
}
