package workflows

import (
	"strings"
	"time"

	"github.com/handrail/handrail/hosting"
)

// Request is what every procedure is started with; each adds its own fields to
// the same JSON object.
type Request struct {
	// Server is the service id, an IP address, the host name or the name.
	Server string `json:"server"`
	// Ticket is the desk's id. Without one it is staff's own work, and a ticket
	// is opened for it.
	Ticket      string            `json:"ticket"`
	RequestedBy hosting.Requester `json:"requestedBy"`
	// Resume is written by the workflow itself when it continues as new.
	Resume *state `json:"resume,omitempty"`
}

// Validate reports what the request lacks to be started at all.
func (r Request) Validate() error {
	by := r.RequestedBy
	switch {
	case strings.TrimSpace(by.Contact) == "":
		return hosting.Invalid("", "requestedBy.contact is empty", "say who asks: a customer's e-mail address, or your own name with role staff")
	case by.Role != hosting.RoleCustomer && by.Role != hosting.RoleStaff:
		return hosting.Invalid("", "requestedBy.role is neither customer nor staff", "set it to one of the two")
	case max(len(r.Server), len(r.Ticket), len(by.Contact)) > maxName:
		return hosting.Invalid("", "server, ticket or requestedBy.contact is too long", "give names, not texts")
	case r.Ticket == "" && by.Role == hosting.RoleCustomer:
		return hosting.Invalid("", "a customer's request without a ticket", "customers ask by ticket: give its number")
	case r.Ticket == "" && r.Server == "":
		return hosting.Invalid("", "neither a server nor a ticket", "give the service id, IP or name of the server, or the ticket that names it")
	}
	return nil
}

// Result is what a finished procedure leaves in its history.
type Result struct {
	Operation string           `json:"operation"`
	Phase     hosting.Phase    `json:"phase"`
	Outcome   string           `json:"outcome"`
	Server    string           `json:"server,omitempty"`
	Ticket    string           `json:"ticket,omitempty"`
	Downtime  hosting.Duration `json:"downtime"`
}

// Status is the answer to the query "status".
type Status struct {
	Procedure hosting.Procedure `json:"procedure"`
	Operation string            `json:"operation"`
	Phase     hosting.Phase     `json:"phase"`
	WaitingOn string            `json:"waitingOn,omitempty"`
	Step      string            `json:"step,omitempty"`
	Steps     []hosting.Step    `json:"steps"`
	// ETA is when the procedure should be done; it is not known while somebody
	// is waited for. Remaining is the work that is then left.
	ETA       *time.Time       `json:"eta,omitempty"`
	Remaining hosting.Duration `json:"remaining"`
	// Due is the next date that the operation itself will act on.
	Due          *time.Time `json:"due,omitempty"`
	Server       string     `json:"server,omitempty"`
	Organization string     `json:"organization,omitempty"`
	Ticket       string     `json:"ticket,omitempty"`
	// Reason, Details and FailedTools are what the customer asked for (I2, I3).
	Reason      hosting.Reason       `json:"reason,omitempty"`
	Details     string               `json:"details,omitempty"`
	FailedTools []hosting.RemoteTool `json:"failedTools,omitempty"`
	// Plan is what is installed, Boot how far its boot over the network is.
	Plan     *hosting.Plan           `json:"plan,omitempty"`
	Boot     *hosting.NetworkBoot    `json:"boot,omitempty"`
	Power    hosting.PowerPermission `json:"power,omitzero"`
	Backup   hosting.BackupAnswer    `json:"backup,omitempty"`
	Consents []hosting.Evidence      `json:"consents,omitempty"`
	Actions  []hosting.Action        `json:"actions,omitempty"`
	Downtime hosting.Duration        `json:"downtime"`
	Error    string                  `json:"error,omitempty"`
	Outcome  string                  `json:"outcome,omitempty"`
}
