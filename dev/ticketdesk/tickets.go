package ticketdesk

import (
	"slices"
	"strconv"
	"time"

	"github.com/handrail/handrail/activities/desk"
	"github.com/handrail/handrail/activities/desk/httpdesk"
	"github.com/handrail/handrail/activities/desk/signature"
	"github.com/handrail/handrail/hosting"
)

// firstTicket is the number of the first ticket.
const firstTicket = 1001

// The limits of a desk for one newcomer, which keep its one file small.
const (
	maxTickets  = 1000
	maxMessages = 300
)

// Ticket is a ticket with its messages, oldest first.
type Ticket struct {
	ID       string             `json:"id"`
	Contact  string             `json:"contact"` // e-mail address
	Subject  string             `json:"subject"`
	Language hosting.Language   `json:"language"`
	State    desk.State         `json:"state"`
	Messages []httpdesk.Message `json:"messages"`
	// Key is what Handrail opened the ticket with, Closings the keys of its
	// requests to close: repeats of them change nothing.
	Key      string   `json:"key,omitempty"`
	Closings []string `json:"closings,omitempty"`
	// Events counts messages and closings; ids are made of it.
	Events int `json:"events"`
}

// outgoing is a webhook that the gateway has not taken yet.
type outgoing struct {
	// Delivery is the id that stays the same over retries.
	Delivery string            `json:"delivery"`
	Payload  httpdesk.Delivery `json:"payload"`
}

// book is everything that the desk knows, as it stands in the data file.
type book struct {
	Version int        `json:"version"`
	Tickets []*Ticket  `json:"tickets"`
	Outbox  []outgoing `json:"outbox"`
}

func (b *book) find(id string) (*Ticket, error) {
	n, err := strconv.Atoi(id)
	if i := n - firstTicket; err == nil && i >= 0 && i < len(b.Tickets) && b.Tickets[i].ID == id {
		return b.Tickets[i], nil
	}
	return nil, errNoTicket
}

func (b *book) open(contact, subject string, language hosting.Language) (*Ticket, error) {
	if len(b.Tickets) >= maxTickets {
		return nil, errFull
	}
	t := &Ticket{
		ID: strconv.Itoa(firstTicket + len(b.Tickets)), Contact: contact, Subject: subject, Language: language, State: desk.Open,
	}
	b.Tickets = append(b.Tickets, t)
	return t, nil
}

func (t *Ticket) nextID() string {
	t.Events++
	return t.ID + "-" + strconv.Itoa(t.Events)
}

func (t *Ticket) add(m httpdesk.Message, at time.Time) (httpdesk.Message, error) {
	if len(t.Messages) >= maxMessages {
		return m, errFull
	}
	m.ID, m.Ticket, m.At, m.ContentType = t.nextID(), t.ID, at, "text/plain; charset=utf-8"
	t.Messages = append(t.Messages, m)
	return m, nil
}

func (t *Ticket) byKey(key string) (httpdesk.Message, bool) {
	i := slices.IndexFunc(t.Messages, func(m httpdesk.Message) bool { return key != "" && m.Key == key })
	if i < 0 {
		return httpdesk.Message{}, false
	}
	return t.Messages[i], true
}

// tell puts a webhook about a customer's message into the outbox.
func (b *book) tell(t *Ticket, m httpdesk.Message) {
	b.Outbox = append(b.Outbox, outgoing{Delivery: signature.NewDelivery(), Payload: httpdesk.Delivery{
		ID: m.ID, Kind: hosting.TicketMessage, Ticket: t.ID, Subject: t.Subject,
		Author: m.Author, At: m.At, ContentType: m.ContentType, Body: m.Body,
	}})
}

// tellClosed puts a webhook about a ticket that its customer closed into the
// outbox.
func (b *book) tellClosed(t *Ticket, contact string, at time.Time) {
	b.Outbox = append(b.Outbox, outgoing{Delivery: signature.NewDelivery(), Payload: httpdesk.Delivery{
		ID: t.nextID(), Kind: hosting.TicketClosed, Ticket: t.ID, Subject: t.Subject, Author: contact, At: at,
	}})
}
