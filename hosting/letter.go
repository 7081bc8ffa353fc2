package hosting

// LetterName names a text that Handrail writes to people. There is a template
// of that name in every language.
type LetterName string

// The letters to customers, on the ticket, and to staff, by mail.
const (
	LetterMissing       LetterName = "missing"        // asks for what is missing, once, naming it
	LetterNotIdentified LetterName = "not-identified" // which server? (I4, O9)
	LetterNotOwner      LetterName = "not-owner"      // only contacts of the owner can authorize (O7)
	LetterReminder      LetterName = "reminder"
	LetterParked        LetterName = "parked"
	LetterAcknowledge   LetterName = "acknowledge" // what was understood, and the risk to data (I10)
	LetterQueued        LetterName = "queued"      // other work on the server comes first
	LetterErasing       LetterName = "erasing"     // the point of no return: the earlier data is gone from here (I13)
	LetterRevoked       LetterName = "revoked"     // no further power actions
	LetterCancelled     LetterName = "cancelled"
	LetterExpired       LetterName = "expired"
	LetterSummary       LetterName = "summary"
	LetterOpened        LetterName = "opened"    // staff opened this ticket themselves
	LetterAttention     LetterName = "attention" // to staff: an operation needs you
)

// LetterNames lists the letters.
func LetterNames() []LetterName {
	return []LetterName{
		LetterMissing, LetterNotIdentified, LetterNotOwner, LetterReminder, LetterParked, LetterAcknowledge,
		LetterQueued, LetterErasing, LetterRevoked, LetterCancelled, LetterExpired, LetterSummary, LetterOpened, LetterAttention,
	}
}

// Letter is what a template is filled with. A field that does not belong to a
// letter is empty in it.
type Letter struct {
	Name      LetterName `json:"name"`
	Language  Language   `json:"language"`
	Provider  string     `json:"provider"`
	Ticket    string     `json:"ticket"`
	Procedure Procedure  `json:"procedure,omitempty"`
	// Person is whom the letter speaks to; empty where the name is not known.
	Person string `json:"person,omitempty"`
	// Server is the identified server, Reference what the customer wrote.
	Server    string `json:"server,omitempty"`
	Reference string `json:"reference,omitempty"`
	// Missing are the fields to answer, Unclear those that were not understood,
	// Redacted the labels of secrets that were taken out.
	Missing  []Field        `json:"missing,omitempty"`
	Unclear  []UnclearField `json:"unclear,omitempty"`
	Redacted []string       `json:"redacted,omitempty"`
	// Power and Backup are what the customer stated.
	Power  PowerPermission `json:"power,omitzero"`
	Backup BackupAnswer    `json:"backup,omitempty"`
	// Offered are the titles of the operating systems that can be asked for (I11).
	Offered []string `json:"offered,omitempty"`
	// Plan is a reinstallation as it was understood, its defaults named as such
	// (I12); nil as long as there is none.
	Plan *Plan `json:"plan,omitempty"`
	// Disks are the server's disks and Keep those of them that stay untouched, as
	// long as there is no plan: a plan names its own.
	Disks []Disk `json:"disks,omitempty"`
	Keep  []Disk `json:"keep,omitempty"`
	// Access is the way into the system that was installed.
	Access *Access `json:"access,omitempty"`
	// Ahead is the procedure that has the server now.
	Ahead Procedure `json:"ahead,omitempty"`
	// Erased tells that an installation has begun: the earlier data is gone.
	Erased bool `json:"erased,omitempty"`
	// Report is set in the summary and in a cancellation.
	Report *Report `json:"report,omitempty"`
	// Workflow, Step and Error are for staff only.
	Workflow string `json:"workflow,omitempty"`
	Step     string `json:"step,omitempty"`
	Error    string `json:"error,omitempty"`
	// By and Reason say who cancelled, and why.
	By     string `json:"by,omitempty"`
	Reason string `json:"reason,omitempty"`
}

// Access is how a customer reaches an installed system. It holds no secret.
type Access struct {
	// Address is an IP address or a host name, with a port where it is not 22.
	Address string `json:"address"`
	User    string `json:"user"`
	// HostKeys are the fingerprints of the system's SSH host keys as ssh-keygen -l
	// prints them, with or without the kind of the key: "SHA256:...".
	HostKeys []string `json:"hostKeys,omitempty"`
}

// Deed is something that was done: a power action with what came of it, or what
// a technician wrote down.
type Deed struct {
	Power   PowerAction  `json:"power,omitempty"`
	Outcome PowerOutcome `json:"outcome,omitempty"`
	Text    string       `json:"text,omitempty"`
}

// Report is the account of an operation for its customer.
type Report struct {
	// Resolved tells whether the problem is solved; "unresolved" is a valid
	// outcome of best effort (O34).
	Resolved bool   `json:"resolved"`
	Text     string `json:"text"`
	Actions  []Deed `json:"actions,omitempty"`
	// Downtime is the measured time for which the server was off (I27).
	Downtime Duration `json:"downtime"`
	// Power is the state in which the server was left.
	Power PowerState `json:"power,omitempty"`
}
