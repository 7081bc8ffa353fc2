package workflows

import (
	"encoding/json"
	"errors"
	"strings"
	"time"

	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/handrail/handrail/activities"
	"github.com/handrail/handrail/activities/records"
	"github.com/handrail/handrail/hosting"
)

// procedure is what a procedure gives to the spine.
type procedure struct {
	course []step
	// handlers registers the procedure's own updates.
	handlers func() error
	// permission is what the customer has to say on power; needPower if nil.
	permission *need
	// automatic: no technician works on the server; up to the point of no return
	// all can be undone.
	automatic bool
	// enclose adds the procedure's own to a letter; nil adds nothing.
	enclose func(*hosting.Letter)
	// about says in words what was asked for.
	about func() string
	// describe adds the procedure's own to the status; nil adds nothing.
	describe func(*Status)
	// restart returns the continue-as-new error for the procedure's workflow.
	restart func(Request) error
}

// operation is one run of a procedure and all that procedures share. Its row in
// the records and its workflow are one thing: opened at the start, closed at
// the end, whatever the end is.
type operation struct {
	*state
	kind    hosting.Procedure
	request Request
	// work is the procedure's own part of the state.
	work      any
	procedure procedure

	// root is the run's own context, course that of the steps: the operation's
	// cancellation reaches it, Temporal's only by way of that.
	root   workflow.Context
	course workflow.Context
	// stops cancel the contexts that within gave out and that are still in use.
	stops map[int]workflow.CancelFunc
	given int
	// chassis lets one power action at a time through.
	chassis workflow.Mutex
	// filing lets one coroutine at a time store statements.
	filing workflow.Mutex
	log    log.Logger
	shown  shown
	// handled counts updates and signals of this run, which are limited.
	handled int
	// acting counts the power actions that are under way or wait for their turn.
	acting int
	// revoke stops the power action that is under way, if there is one.
	revoke workflow.CancelFunc
}

// state is all of an operation that survives a continue-as-new.
type state struct {
	ID      string          `json:"id,omitempty"`
	Policy  hosting.Policy  `json:"policy"`
	Subject records.Subject `json:"subject,omitzero"`
	Ticket  string          `json:"ticket,omitempty"`

	Cursor int            `json:"cursor"`
	Steps  []hosting.Step `json:"steps,omitempty"`
	// Past are earlier attempts of steps that were relaunched (G11).
	Past      []hosting.Step `json:"past,omitempty"`
	Phase     hosting.Phase  `json:"phase,omitempty"`
	WaitingOn string         `json:"waitingOn,omitempty"`
	Due       *time.Time     `json:"due,omitempty"`
	Outcome   string         `json:"outcome,omitempty"`

	Customer customerState `json:"customer,omitzero"`
	Machine  machineState  `json:"machine,omitzero"`
	Boot     bootState     `json:"boot,omitzero"`

	// Files are statements in force that are not stored yet, Outbox letters that
	// are on their way.
	Files  []filing   `json:"files,omitempty"`
	Outbox []outgoing `json:"outbox,omitempty"`

	// Undo are the clean-ups that a cancellation owes, last one first.
	Undo []undo `json:"undo,omitempty"`
	// NoReturn names the step after which a cancellation is refused.
	NoReturn string           `json:"noReturn,omitempty"`
	Held     *Decision        `json:"held,omitempty"`
	Cancel   *Decision        `json:"cancel,omitempty"`
	Actions  []hosting.Action `json:"actions,omitempty"`
	// Letters and Entries number what was written, for keys that stay the same
	// when a write is repeated.
	Letters int             `json:"letters,omitempty"`
	Entries int             `json:"entries,omitempty"`
	Work    json.RawMessage `json:"work,omitempty"`
}

var (
	// errContinue asks for a fresh history; nothing is wrong.
	errContinue = errors.New("continue as new")
	// errExpired ends an operation whose customer never answered.
	errExpired = errors.New("the customer did not answer")
)

func newOperation(ctx workflow.Context, kind hosting.Procedure, r Request, work any) *operation {
	op := &operation{
		state: &state{Phase: hosting.PhaseRunning}, kind: kind, request: r, work: work,
		root: ctx, chassis: workflow.NewMutex(ctx), filing: workflow.NewMutex(ctx), log: workflow.GetLogger(ctx),
	}
	// A state counts only from the run before, not from who starts a workflow.
	if r.Resume != nil && workflow.GetInfo(ctx).ContinuedExecutionRunID != "" {
		op.state = r.Resume
	} else {
		op.request.Resume = nil
	}
	op.stops = map[int]workflow.CancelFunc{}
	op.course, _ = op.within(ctx)
	return op
}

// within returns a context for the coroutine that asks, which is cancelled with
// the operation. A context belongs to one coroutine: handlers get their own.
func (op *operation) within(ctx workflow.Context) (_ workflow.Context, done func()) {
	ctx, cancel := workflow.NewDisconnectedContext(ctx)
	op.given++
	n := op.given
	op.stops[n] = cancel
	return ctx, func() { delete(op.stops, n); cancel() }
}

// stop cancels all that is under way.
func (op *operation) stop() {
	for _, n := range workflow.DeterministicKeys(op.stops) {
		op.stops[n]()
	}
}

// run takes the operation from its opening to its end.
func (op *operation) run(p procedure) (Result, error) {
	op.procedure = p
	if err := op.validate(); err != nil {
		return Result{}, activities.Cross(err)
	}
	if err := op.start(); err != nil {
		return Result{}, err
	}
	err := op.follow()
	if errors.Is(err, errContinue) {
		ctx, done := workflow.NewDisconnectedContext(op.root)
		op.settle(ctx)
		done()
		// A cancellation may have been accepted while the handlers came to their end.
		if op.Cancel == nil {
			return Result{}, op.continueAsNew()
		}
	}
	return op.end(err)
}

// validate refuses a request that can not be meant, and a workflow id that says
// another ticket: that ticket's messages would come here and be lost.
func (op *operation) validate() error {
	if err := op.request.Validate(); err != nil {
		return err
	}
	prefix := IDPrefix(op.kind) + "/"
	named, ours := strings.CutPrefix(workflow.GetInfo(op.root).WorkflowExecution.ID, prefix)
	if !ours || named == op.request.Ticket || strings.HasPrefix(named, StaffPrefix) {
		return nil
	}
	return hosting.Invalid("", "the workflow id "+prefix+named+" is that of ticket "+named+", the request names ticket \""+op.request.Ticket+"\"",
		"use "+prefix+"<ticket>, or "+prefix+StaffPrefix+"<server> for work without a ticket")
}

func (op *operation) start() error {
	if err := op.handleStatus(); err != nil {
		return err
	}
	if err := op.handleStaff(); err != nil {
		return err
	}
	if err := op.handleGates(); err != nil {
		return err
	}
	if err := op.procedure.handlers(); err != nil {
		return err
	}
	if op.request.Resume == nil {
		if err := op.open(); err != nil {
			return err
		}
	} else if len(op.Work) > 0 {
		if err := json.Unmarshal(op.Work, op.work); err != nil {
			return err
		}
	}
	op.listen()
	op.obeyTemporalCancel()
	for _, o := range op.Outbox {
		op.deliver(o)
	}
	return nil
}

// open reads the policy and writes the operation's row. A second operation of
// the same procedure on the same ticket ends here, naming the first.
func (op *operation) open() error {
	info := workflow.GetInfo(op.root)
	if err := record(op.root, "Read the policy", &op.Policy, rules.ReadPolicy); err != nil {
		return err
	}
	var row hosting.Operation
	opening := records.Opening{
		Procedure: op.kind, Ticket: op.request.Ticket, Workflow: info.WorkflowExecution.ID, Run: info.FirstRunID,
		RequestedBy: op.request.RequestedBy,
	}
	if err := record(op.root, "Open the operation", &row, rec.OpenOperation, opening); err != nil {
		return err
	}
	op.ID, op.Ticket = row.ID, op.request.Ticket
	for _, s := range op.procedure.course {
		op.Steps = append(op.Steps, hosting.Step{Name: s.name, Title: s.title, State: hosting.StepPending, Estimate: op.estimate(s)})
	}
	return nil
}

// end cleans up where it has to, tells the customer, and closes the row. It
// works on a context that no cancellation reaches.
func (op *operation) end(cause error) (Result, error) {
	ctx, done := workflow.NewDisconnectedContext(op.root)
	defer done()
	phase, outcome := op.verdict(cause)
	if phase != hosting.PhaseDone {
		op.stop()
		op.settle(ctx)
		outcome = op.cleanUp(ctx, outcome)
	}
	op.settle(ctx)
	if err := op.file(ctx); err != nil {
		op.log.Error("a statement is not stored", "ticket", op.Ticket, "error", err)
	}
	op.Phase, op.WaitingOn, op.Due, op.Outcome = phase, "", nil, outcome
	op.show(ctx)
	closing := records.Closing{Operation: op.ID, Phase: phase, Outcome: outcome, Steps: op.allSteps()}
	if err := record(ctx, "Close the operation", nil, rec.CloseOperation, closing); err != nil {
		return Result{}, err
	}
	// The server is free again before the customer is told: the ticket desk may
	// be away for long.
	op.sayGoodbye(ctx, cause)
	if err := workflow.Await(ctx, func() bool { return len(op.Outbox) == 0 }); err != nil {
		return Result{}, err
	}
	result := Result{
		Operation: op.ID, Phase: phase, Outcome: outcome, Server: op.serverID(), Ticket: op.Ticket,
		Downtime: op.Machine.Downtime,
	}
	if phase == hosting.PhaseFailed {
		return result, temporal.NewApplicationErrorWithCause(outcome, "Failed", cause)
	}
	return result, nil
}

func (op *operation) verdict(cause error) (hosting.Phase, string) {
	switch {
	case cause == nil:
		return hosting.PhaseDone, "done"
	case op.Cancel != nil:
		return hosting.PhaseCancelled, "cancelled by " + op.Cancel.By + ": " + op.Cancel.Reason
	case errors.Is(cause, errExpired):
		return hosting.PhaseCancelled, "closed: the customer did not answer within " + op.Policy.Customer.Expire.String()
	default:
		return hosting.PhaseFailed, activities.Words(cause)
	}
}

// settle lets running updates come to their end.
func (op *operation) settle(ctx workflow.Context) {
	_ = workflow.Await(ctx, func() bool { return workflow.AllHandlersFinished(ctx) })
}

// continueAsNew hands the state to a fresh history.
func (op *operation) continueAsNew() error {
	op.drain()
	var err error
	if op.Work, err = json.Marshal(op.work); err != nil {
		return err
	}
	next := op.request
	next.Resume = op.state
	return op.procedure.restart(next)
}

// tooLong reports whether this run should give way to a fresh one.
func (op *operation) tooLong() bool {
	return workflow.GetInfo(op.root).GetContinueAsNewSuggested() || op.handled >= maxHandled
}

func (op *operation) serverID() string { return op.Subject.Server.ServiceID }

// allSteps are the present attempts and the earlier ones.
func (op *operation) allSteps() []hosting.Step {
	return append(append([]hosting.Step{}, op.Past...), op.Steps...)
}
