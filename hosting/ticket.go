package hosting

import "time"

// Procedure is a workflow type of Handrail's.
type Procedure string

// The procedures. The names are those of the workflow types.
const (
	ServerIntervention Procedure = "ServerIntervention"
	OSReinstall        Procedure = "OSReinstall"
)

// Reason is why a customer asks for an intervention (I3).
type Reason string

// The reasons for a server intervention.
const (
	ReasonUnresponsive Reason = "unresponsive"
	ReasonNetwork      Reason = "network"
	ReasonUpdate       Reason = "after-update"
	ReasonDiagnostics  Reason = "diagnostics"
	ReasonUpgrade      Reason = "component-upgrade"
	ReasonFaultyPart   Reason = "faulty-component"
)

// Reasons lists the reasons for a server intervention.
func Reasons() []Reason {
	return []Reason{ReasonUnresponsive, ReasonNetwork, ReasonUpdate, ReasonDiagnostics, ReasonUpgrade, ReasonFaultyPart}
}

// RemoteTool is a way in that a customer tried (I2).
type RemoteTool string

// The remote tools that a customer can name.
const (
	ToolSSH   RemoteTool = "ssh"
	ToolRDP   RemoteTool = "rdp"
	ToolIPMI  RemoteTool = "ipmi"
	ToolPanel RemoteTool = "panel"
)

// RemoteTools lists the remote tools.
func RemoteTools() []RemoteTool { return []RemoteTool{ToolSSH, ToolRDP, ToolIPMI, ToolPanel} }

// TicketEventKind tells what happened on a ticket.
type TicketEventKind string

// The events of a ticket.
const (
	TicketMessage TicketEventKind = "message"
	TicketClosed  TicketEventKind = "closed" // by the customer, or by hand at the desk
)

// TicketEvent is something that happened on a ticket, as it was read: the
// payload of the signal ticket-event. Secrets have been taken out of it.
type TicketEvent struct {
	// ID is the desk's id of the message. A repeat of it is dropped.
	ID      string          `json:"id"`
	Kind    TicketEventKind `json:"kind"`
	Ticket  string          `json:"ticket"`
	Subject string          `json:"subject,omitempty"`
	// Author is the e-mail address of who wrote.
	Author   string    `json:"author"`
	At       time.Time `json:"at"`
	Language Language  `json:"language"`
	// Procedure is what the subject asks for (I15); empty where it says nothing.
	Procedure Procedure `json:"procedure,omitempty"`
	// Text is the message without quotes and signature.
	Text   string        `json:"text,omitempty"`
	Fields RequestFields `json:"fields,omitzero"`
}

// RequestFields are the labelled fields of a ticket (I16). What the customer
// did not write is empty.
type RequestFields struct {
	// Server is how the customer names it: service id, IP, host name or name.
	Server      string       `json:"server,omitempty"`
	Reason      Reason       `json:"reason,omitempty"`
	Details     string       `json:"details,omitempty"`
	FailedTools []RemoteTool `json:"failedTools,omitempty"`
	// Power and Backup are set only for texts that are known statements.
	Power  *PowerStatement  `json:"power,omitempty"`
	Backup *BackupStatement `json:"backup,omitempty"`
	// Install is what a reinstallation is asked for with.
	Install InstallFields `json:"install,omitzero"`
	// Unclear are fields that were given but not understood.
	Unclear []UnclearField `json:"unclear,omitempty"`
	// Redacted are labels of fields whose values were secrets and were taken
	// out before anything was stored.
	Redacted []string `json:"redacted,omitempty"`
}

// PowerStatement is a power permission with its evidence.
type PowerStatement struct {
	Permission PowerPermission `json:"permission"`
	Evidence   Evidence        `json:"evidence"`
}

// BackupStatement is a backup answer with its evidence.
type BackupStatement struct {
	Answer   BackupAnswer `json:"answer"`
	Evidence Evidence     `json:"evidence"`
}

// Field is a labelled field of a ticket.
type Field string

// The fields that a ticket can hold.
const (
	FieldServer      Field = "server"
	FieldReason      Field = "reason"
	FieldDetails     Field = "details"
	FieldFailedTools Field = "failed-tools"
	FieldPower       Field = "power"
	FieldBackup      Field = "backup"
	FieldCredentials Field = "credentials"

	FieldSystem       Field = "system"
	FieldPartitioning Field = "partitioning"
	FieldRAID         Field = "raid"
	FieldHostName     Field = "host-name"
	FieldSSHKeys      Field = "ssh-keys"
	FieldKeepDisks    Field = "keep-disks"
	FieldErasure      Field = "erasure"
)

// UnclearField is a field whose value was not understood.
type UnclearField struct {
	Field Field  `json:"field"`
	Value string `json:"value"`
	Why   string `json:"why"` // in English, for staff
	// Problem is the same for the customer.
	Problem Problem `json:"problem,omitempty"`
	// Have and Need are numbers of disks, with ProblemTooFewDisks.
	Have int `json:"have,omitempty"`
	Need int `json:"need,omitempty"`
}
