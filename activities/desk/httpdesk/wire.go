package httpdesk

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/handrail/handrail/activities/desk"
	"github.com/handrail/handrail/hosting"
)

// The limits of the contract. Sizes are bytes of UTF-8.
const (
	MaxKey     = 200
	MaxTicket  = 64
	MaxContact = 254
	MaxSubject = 500
	MaxBody    = 256 << 10
	MaxPage    = 50      // messages in one answer to read
	MaxRequest = 2 << 20 // a request or a delivery, as JSON
)

// Request is what Handrail sends to a desk. Everything that it means stands in
// its body, because the body is what the signature covers.
type Request struct {
	Request string `json:"request"` // find, open, post, close, read
	Ticket  string `json:"ticket,omitempty"`
	Key     string `json:"key,omitempty"`
	// Kind is that of the message to post.
	Kind     desk.MessageKind `json:"kind,omitempty"`
	Contact  string           `json:"contact,omitempty"`
	Subject  string           `json:"subject,omitempty"`
	Body     string           `json:"body,omitempty"`
	Language hosting.Language `json:"language,omitempty"`
	// After is the id of the last message of the page before, for read.
	After string `json:"after,omitempty"`
}

// The values of Request.Request.
const (
	RequestFind  = "find"
	RequestOpen  = "open"
	RequestPost  = "post"
	RequestClose = "close"
	RequestRead  = "read"
)

// Response is what a desk answers with a 2xx.
type Response struct {
	Ticket   string     `json:"ticket,omitempty"`
	State    desk.State `json:"state,omitempty"`
	Subject  string     `json:"subject,omitempty"`
	Message  *Message   `json:"message,omitempty"`  // find, open, post
	Messages []Message  `json:"messages,omitempty"` // read, oldest first
	More     bool       `json:"more,omitempty"`     // read: ask again, with after
}

// Refusal is what a desk answers with a 4xx or 5xx.
type Refusal struct {
	Error string `json:"error"`
}

// Message is a message as a desk shows it to Handrail.
type Message struct {
	ID          string           `json:"id"`
	Ticket      string           `json:"ticket"`
	Kind        desk.MessageKind `json:"kind"`
	Key         string           `json:"key,omitempty"`
	Author      string           `json:"author,omitempty"`
	At          time.Time        `json:"at"`
	ContentType string           `json:"contentType"`
	Body        string           `json:"body"`
}

// Delivery is what a desk sends to Handrail's gateway when something happened
// on a ticket.
type Delivery struct {
	ID          string                  `json:"id"`
	Kind        hosting.TicketEventKind `json:"kind"`
	Ticket      string                  `json:"ticket"`
	Subject     string                  `json:"subject"`
	Author      string                  `json:"author"`
	At          time.Time               `json:"at"`
	ContentType string                  `json:"contentType,omitempty"`
	Body        string                  `json:"body,omitempty"`
}

var neededFields = map[string][]string{
	RequestFind:  {"key"},
	RequestOpen:  {"key", "contact", "subject", "body", "language"},
	RequestPost:  {"ticket", "key", "kind", "body"},
	RequestClose: {"ticket", "key"},
	RequestRead:  {"ticket"},
}

// Validate reports the first thing that the contract does not allow, as
// InvalidRequest. It quotes nothing of subject and body.
func (r Request) Validate() error {
	needed, known := neededFields[r.Request]
	if !known {
		return invalid("request", "is none of find, open, post, close, read")
	}
	given := map[string]bool{
		"ticket": r.Ticket != "", "key": r.Key != "", "kind": r.Kind != "", "contact": r.Contact != "",
		"subject": r.Subject != "", "body": r.Body != "", "language": r.Language != "",
	}
	for _, field := range needed {
		if !given[field] {
			return invalid(field, "is missing in a request to "+r.Request)
		}
	}
	switch {
	case r.Kind != "" && !r.Kind.Postable():
		return invalid("kind", "is none of answer, question, summary, note")
	case r.Language != "" && !r.Language.Known():
		return invalid("language", "is none of en, it, pl")
	case r.Contact != "" && !validAddress(r.Contact):
		return invalid("contact", "is not an e-mail address")
	case r.Ticket != "" && !validTicket(r.Ticket):
		return invalid("ticket", ticketRule)
	}
	return withinLimits([]sized{
		{"key", r.Key, MaxKey}, {"after", r.After, MaxKey}, {"subject", r.Subject, MaxSubject}, {"body", r.Body, MaxBody},
	})
}

// sized is a field with the bytes that it may have.
type sized struct {
	name, text string
	most       int
}

func withinLimits(fields []sized) error {
	for _, f := range fields {
		if len(f.text) > f.most {
			return invalid(f.name, fmt.Sprintf("is %d bytes long, at most %d are taken", len(f.text), f.most))
		}
		if !utf8.ValidString(f.text) {
			return invalid(f.name, "is not UTF-8")
		}
	}
	return nil
}

const ticketRule = `is not 1 to 64 letters, digits, ".", "_", "-" or "#"`

func validTicket(id string) bool {
	if id == "" || len(id) > MaxTicket {
		return false
	}
	return strings.IndexFunc(id, func(r rune) bool {
		letter := 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z'
		return !letter && !('0' <= r && r <= '9') && !strings.ContainsRune("._-#", r)
	}) < 0
}

func invalid(field, why string) *hosting.Fault {
	return hosting.Invalid("", fmt.Sprintf("%q %s", field, why), "see CONTRACT.md of the HTTP desk")
}
