package desk

import (
	"context"
	"fmt"

	"github.com/handrail/handrail/activities/desk/ticket"
	"github.com/handrail/handrail/hosting"
)

// Renderer turns a letter into the text of a ticket message, in the letter's
// language.
type Renderer interface {
	Ticket(l hosting.Letter) (subject, body string, err error)
}

// Activities is what workflows do at the ticket desk.
type Activities struct {
	Desk    Desk
	Letters Renderer
	// Provider is the company's name as it stands in statements.
	Provider string
}

// Writing is a letter to write on a ticket.
type Writing struct {
	Ticket string `json:"ticket"`
	// Key is unique to this letter, made of operation, step and number: the same
	// key never writes twice.
	Key    string         `json:"key"`
	Kind   MessageKind    `json:"kind"`
	Letter hosting.Letter `json:"letter"`
	// Close closes the ticket after the letter.
	Close bool `json:"close,omitempty"`
}

// Written is the desk's id of the message.
type Written struct {
	Message string `json:"message"`
}

// WriteTicket writes a letter on a ticket, once per key, and then closes the
// ticket if asked to. A second attempt looks for the message of the first, so
// that it neither repeats nor rewords it. Errors: InvalidRequest for a ticket
// that the desk does not know or a letter that can not be rendered into a
// message; otherwise as for Desk.
func (a *Activities) WriteTicket(ctx context.Context, in Writing) (Written, error) {
	if err := in.validate(); err != nil {
		return Written{}, err
	}
	message, found, err := a.Desk.FindByKey(ctx, in.Ticket, in.Key)
	if err != nil {
		return Written{}, err
	}
	if !found {
		if message, err = a.post(ctx, in); err != nil {
			return Written{}, err
		}
	}
	if in.Close {
		if err := a.Desk.Close(ctx, in.Ticket, in.Key+"/close"); err != nil {
			return Written{}, err
		}
	}
	return Written{Message: message.ID}, nil
}

func (a *Activities) post(ctx context.Context, in Writing) (Message, error) {
	_, body, err := a.Letters.Ticket(in.Letter)
	if err != nil {
		return Message{}, fmt.Errorf("letter %s for ticket %s: %w", in.Letter.Name, in.Ticket, err)
	}
	return a.Desk.Post(ctx, Message{Ticket: in.Ticket, Kind: in.Kind, Key: in.Key, Body: body})
}

func (in Writing) validate() error {
	switch {
	case in.Ticket == "":
		return hosting.Invalid("", "a letter without a ticket to write it on", "name the ticket, or open one")
	case in.Key == "":
		return hosting.Invalid("", "a letter without a key", "make the key of operation, step and number")
	case !in.Kind.Postable():
		return hosting.Invalid("", fmt.Sprintf("a letter of kind %q", in.Kind), "use answer, question, summary or note")
	}
	return nil
}

// Opening is a ticket that Handrail opens itself, for work that staff started.
type Opening struct {
	// Key is unique to this ticket: the same key never opens two.
	Key string `json:"key"`
	// Contact is the e-mail address of the customer's contact.
	Contact string         `json:"contact"`
	Letter  hosting.Letter `json:"letter"`
}

// OpenTicket opens a ticket with a letter as its first message, once per key,
// and returns the ticket's id. Errors as for WriteTicket.
func (a *Activities) OpenTicket(ctx context.Context, in Opening) (string, error) {
	if in.Key == "" || in.Contact == "" {
		return "", hosting.Invalid("", "a new ticket needs a key and a contact", "name the customer's contact by e-mail address")
	}
	first, found, err := a.Desk.FindByKey(ctx, "", in.Key)
	if err != nil {
		return "", err
	}
	if found {
		return first.Ticket, nil
	}
	subject, body, err := a.Letters.Ticket(in.Letter)
	if err != nil {
		return "", fmt.Errorf("letter %s for a new ticket: %w", in.Letter.Name, err)
	}
	return a.Desk.Open(ctx, NewTicket{
		Key: in.Key, Contact: in.Contact, Subject: subject, Body: body, Language: in.Letter.Language,
	})
}

// maxEvents bounds what ReadTicket returns, in bytes of text: Temporal takes
// two megabytes in one result.
const maxEvents = 1 << 20

// ReadTicket returns what customers wrote on a ticket, oldest first and parsed;
// our own messages are left out. Errors: InvalidRequest for a ticket that the
// desk does not know, Unsupported for one that is too long.
func (a *Activities) ReadTicket(ctx context.Context, id string) ([]hosting.TicketEvent, error) {
	if id == "" {
		return nil, hosting.Invalid("", "no ticket to read", "name the ticket")
	}
	thread, err := a.Desk.Read(ctx, id)
	if err != nil {
		return nil, err
	}
	var events []hosting.TicketEvent
	size := 0
	for _, m := range thread.Messages {
		if m.Kind != Customer {
			continue
		}
		event := ticket.Parse(ticket.Incoming{
			ID: m.ID, Kind: hosting.TicketMessage, Ticket: thread.Ticket, Subject: thread.Subject,
			Author: m.Author, At: m.At, ContentType: m.ContentType, Body: m.Body,
		}, a.Provider)
		events = append(events, event)
		if size += len(event.Text) + len(event.Fields.Details); size > maxEvents {
			return nil, hosting.NewFault(hosting.FaultUnsupported, "", fmt.Sprintf("ticket %s holds more than %d bytes of text", id, maxEvents),
				"work on it by hand, or ask the customer to open a new ticket")
		}
	}
	return events, nil
}
