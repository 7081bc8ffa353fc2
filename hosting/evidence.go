package hosting

import (
	"strings"
	"time"
)

// StatementKind is what a statement says. An authorization or consent counts
// only if its text is one of the known statements.
type StatementKind string

// The statements that procedures ask for.
const (
	PowerAllowed StatementKind = "power-allowed"
	PowerWindow  StatementKind = "power-window"
	PowerRefused StatementKind = "power-refused"
	BackupExists StatementKind = "backup-exists"
	LossAccepted StatementKind = "loss-accepted"
	// EraseDisks is the data-loss consent of a reinstallation (I13).
	EraseDisks StatementKind = "erase-disks"
)

// Evidence is a statement as somebody made it (I8): word for word, with who
// said it, when and where.
type Evidence struct {
	Statement StatementKind `json:"statement"`
	Version   int           `json:"version"`
	Language  Language      `json:"language"`
	// Text is what was written, unchanged but for quoting marks.
	Text string `json:"text"`
	// Author is the e-mail address of the customer's contact.
	Author string    `json:"author"`
	At     time.Time `json:"at"`
	// Message is the id of the ticket's message; empty where staff recorded it.
	Message string `json:"message,omitempty"`
	// RecordedBy is the member of staff who recorded it, How the way in which
	// the customer gave it ("phone call, called back on the number on file").
	RecordedBy string `json:"recordedBy,omitempty"`
	How        string `json:"how,omitempty"`
}

// Validate reports what a piece of evidence lacks.
func (e Evidence) Validate() error {
	switch {
	case e.Statement == "":
		return Invalid("", "the evidence names no statement", "send the customer the exact sentence to answer")
	case strings.TrimSpace(e.Text) == "":
		return Invalid("", "the evidence holds no text", "quote what the customer wrote or said, word for word")
	case strings.TrimSpace(e.Author) == "":
		return Invalid("", "the evidence names no author", "give the contact of the customer who said it")
	case e.At.IsZero():
		return Invalid("", "the evidence has no time", "give the time at which the customer said it")
	case e.Message == "" && (e.RecordedBy == "" || e.How == ""):
		return Invalid("", "the evidence is neither a ticket message nor recorded by staff",
			"give the ticket message, or who of staff recorded it and how the customer gave it")
	}
	return nil
}

// BackupAnswer is one of two answers before work starts (I9).
type BackupAnswer string

// The answers to the question for a backup.
const (
	BackupNone     BackupAnswer = "" // not answered
	BackupCurrent  BackupAnswer = "exists"
	BackupLossOkay BackupAnswer = "loss-accepted"
)

// Consent is evidence as the records keep it: bound to an operation, a server
// and a target, spent at most once, revocable until then.
type Consent struct {
	ID        string     `json:"id"`
	Operation string     `json:"operation"`
	Server    string     `json:"server"`
	Target    string     `json:"target,omitempty"` // what it is for, beyond the server
	Evidence  Evidence   `json:"evidence"`
	SpentAt   *time.Time `json:"spentAt,omitempty"`
	RevokedAt *time.Time `json:"revokedAt,omitempty"`
}
