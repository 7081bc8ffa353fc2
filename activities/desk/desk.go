// Package desk talks to the ticket system, the one place where customers meet
// Handrail. Desk is what Handrail needs of such a system; adapters implement it
// (httpdesk is the first). Activities is what workflows call.
package desk

import (
	"context"
	"slices"
	"time"

	"github.com/handrail/handrail/hosting"
)

// Desk is a ticket system, as narrow as Handrail needs it. Every write carries
// a key that is unique to it: a write whose key the desk has seen already
// changes nothing and succeeds, however the first one's answer got lost.
//
// Errors are *hosting.Fault that name the ticket and what was tried:
// InvalidRequest for what the desk does not know or does not take, Conflict,
// NotAuthorized where it refuses our signature, Unsupported where it does not
// keep to its contract, and Unreachable where it may work later (see
// Postponed).
type Desk interface {
	// FindByKey returns the message that was posted on a ticket with that key,
	// or, with an empty ticket, the first message of the ticket that was opened
	// with it.
	FindByKey(ctx context.Context, ticket, key string) (Message, bool, error)
	// Open opens a ticket in a contact's name and returns its id.
	Open(ctx context.Context, in NewTicket) (ticket string, err error)
	// Post writes a message of kind Answer, Question, Summary or Note.
	Post(ctx context.Context, in Message) (Message, error)
	// Close closes a ticket; one that is closed stays so.
	Close(ctx context.Context, ticket, key string) error
	// Read returns a ticket with all its messages, oldest first, or Unsupported
	// for one that is longer than a customer's case can sensibly be.
	Read(ctx context.Context, ticket string) (Thread, error)
}

// MessageKind says what a message is to its reader.
type MessageKind string

// The kinds of message. Customer is only read, the others are posted.
const (
	Customer MessageKind = "customer" // written by a customer, by mail or web
	Answer   MessageKind = "answer"   // informs the customer
	Question MessageKind = "question" // the ticket then waits for the customer
	Summary  MessageKind = "summary"  // the account at the end
	Note     MessageKind = "note"     // internal: never shown to the customer
)

// Postable reports whether Handrail writes messages of that kind.
func (k MessageKind) Postable() bool {
	return slices.Contains([]MessageKind{Answer, Question, Summary, Note}, k)
}

// State is where a ticket stands.
type State string

// The states of a ticket.
const (
	Open    State = "open"
	Waiting State = "waiting" // for the customer
	Closed  State = "closed"
)

// Message is a message on a ticket. To post one, Ticket, Kind, Key and Body
// are set; the desk sets the rest.
type Message struct {
	ID     string
	Ticket string
	Kind   MessageKind
	// Key is what Handrail posted the message under; empty for others' messages.
	Key string
	// Author is the e-mail address of a customer, as verified by the desk.
	Author string
	At     time.Time
	// ContentType is text/plain or text/html, with or without parameters.
	ContentType string
	Body        string
}

// NewTicket is a ticket that Handrail opens.
type NewTicket struct {
	Key string
	// Contact is the e-mail address of the customer's contact.
	Contact  string
	Subject  string
	Body     string // plain text
	Language hosting.Language
}

// Thread is a ticket with its messages, oldest first.
type Thread struct {
	Ticket   string
	Subject  string
	State    State
	Messages []Message
}

// Postponed is the cause of a fault where the desk said when to come back.
type Postponed struct {
	After time.Duration
	Cause error // what the desk answered
}

// Error tells the cause and the time.
func (p *Postponed) Error() string {
	return p.Cause.Error() + "; it asks to wait " + p.After.String()
}

// Unwrap returns the cause.
func (p *Postponed) Unwrap() error { return p.Cause }

// RetryAfter is how long to wait before the next attempt.
func (p *Postponed) RetryAfter() time.Duration { return p.After }
