package hosting

import "time"

// Phase is where an operation stands (G2).
type Phase string

// The phases of an operation. The last four are final.
const (
	PhaseWaiting   Phase = "waiting" // for the customer or a date
	PhaseQueued    Phase = "queued"  // behind other work on the server
	PhaseRunning   Phase = "running"
	PhaseAttention Phase = "needs-attention"
	PhaseOnHold    Phase = "on-hold"
	PhaseDone      Phase = "done"
	PhaseCancelled Phase = "cancelled"
	PhaseRefused   Phase = "refused"
	PhaseFailed    Phase = "failed"
)

// Phases lists the phases.
func Phases() []Phase {
	return []Phase{
		PhaseWaiting, PhaseQueued, PhaseRunning, PhaseAttention, PhaseOnHold,
		PhaseDone, PhaseCancelled, PhaseRefused, PhaseFailed,
	}
}

// Final reports whether an operation in this phase has ended.
func (p Phase) Final() bool {
	switch p {
	case PhaseDone, PhaseCancelled, PhaseRefused, PhaseFailed:
		return true
	}
	return false
}

// StepState is where a step stands.
type StepState string

// The states of a step.
const (
	StepPending StepState = "pending"
	StepRunning StepState = "running"
	StepDone    StepState = "done"
	StepFailed  StepState = "failed"
	StepSkipped StepState = "skipped"
)

// Step is one step of an operation as staff see it: in the status query, in
// the current details and in the records.
type Step struct {
	Name      string     `json:"name"`
	Title     string     `json:"title"`
	State     StepState  `json:"state"`
	Attempt   int        `json:"attempt,omitempty"` // 1 is the first
	Estimate  Duration   `json:"estimate,omitempty"`
	Started   *time.Time `json:"started,omitempty"`
	Ended     *time.Time `json:"ended,omitempty"`
	Error     string     `json:"error,omitempty"`
	SkippedBy string     `json:"skippedBy,omitempty"`
}

// Requester is who asked for a procedure.
type Requester struct {
	// Contact is the e-mail address of the customer's contact, or the name of
	// the member of staff.
	Contact string `json:"contact"`
	Role    Role   `json:"role"`
}

// Role tells customers from staff.
type Role string

// The roles.
const (
	RoleCustomer Role = "customer"
	RoleStaff    Role = "staff"
)

// Operation is one run of a procedure, as the records keep it (G1).
type Operation struct {
	ID        string    `json:"id"`
	Procedure Procedure `json:"procedure"`
	Ticket    string    `json:"ticket"`
	// Workflow and Run identify the Temporal execution; Run is the first of a
	// chain of continued runs.
	Workflow    string     `json:"workflow"`
	Run         string     `json:"run"`
	Server      string     `json:"server,omitempty"` // once it is identified
	RequestedBy Requester  `json:"requestedBy"`
	Phase       Phase      `json:"phase"`
	WaitingOn   string     `json:"waitingOn,omitempty"`
	Step        string     `json:"step,omitempty"`
	Outcome     string     `json:"outcome,omitempty"`
	OpenedAt    time.Time  `json:"openedAt"`
	ClosedAt    *time.Time `json:"closedAt,omitempty"`
	Steps       []Step     `json:"steps,omitempty"`
}

// Action is an entry of the append-only action log (O24): who did what, when,
// and how it ended. It must hold no secret.
type Action struct {
	Operation string    `json:"operation"`
	Server    string    `json:"server,omitempty"`
	At        time.Time `json:"at"`
	By        string    `json:"by"`
	What      string    `json:"what"`
	Result    string    `json:"result,omitempty"`
	// Key makes the entry safe to write again: the second one is dropped.
	Key string `json:"key"`
}
