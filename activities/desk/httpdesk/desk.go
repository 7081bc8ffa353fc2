package httpdesk

import (
	"context"
	"fmt"

	"github.com/handrail/handrail/activities/desk"
	"github.com/handrail/handrail/hosting"
)

var _ desk.Desk = (*Client)(nil)

// The bounds of a ticket that Read returns whole.
const (
	maxMessages = 1000
	maxThread   = 8 << 20 // bytes of all bodies
)

// FindByKey implements desk.Desk.
func (c *Client) FindByKey(ctx context.Context, ticket, key string) (desk.Message, bool, error) {
	in := Request{Request: RequestFind, Ticket: ticket, Key: key}
	out, err := c.call(ctx, in)
	if err != nil || out.Message == nil {
		return desk.Message{}, false, err
	}
	m := *out.Message
	if m.ID == "" || m.Key != key || m.Ticket == "" || ticket != "" && m.Ticket != ticket {
		return desk.Message{}, false, breach(in.purpose(), "the desk found a message of another key or ticket")
	}
	return desk.Message(m), true, nil
}

// Open implements desk.Desk.
func (c *Client) Open(ctx context.Context, n desk.NewTicket) (string, error) {
	in := Request{
		Request: RequestOpen, Key: n.Key, Contact: n.Contact, Subject: n.Subject, Body: n.Body, Language: n.Language,
	}
	out, err := c.call(ctx, in)
	if err != nil {
		return "", err
	}
	if !validTicket(out.Ticket) {
		return "", breach(in.purpose(), "the desk's ticket number "+ticketRule)
	}
	return out.Ticket, nil
}

// Post implements desk.Desk.
func (c *Client) Post(ctx context.Context, m desk.Message) (desk.Message, error) {
	in := Request{Request: RequestPost, Ticket: m.Ticket, Key: m.Key, Kind: m.Kind, Body: m.Body}
	out, err := c.call(ctx, in)
	if err != nil {
		return desk.Message{}, err
	}
	if out.Message == nil || out.Message.ID == "" || out.Message.Ticket != m.Ticket || out.Message.Key != m.Key {
		return desk.Message{}, breach(in.purpose(), "the desk does not answer with the message as posted")
	}
	return desk.Message(*out.Message), nil
}

// Close implements desk.Desk.
func (c *Client) Close(ctx context.Context, ticket, key string) error {
	in := Request{Request: RequestClose, Ticket: ticket, Key: key}
	out, err := c.call(ctx, in)
	if err == nil && out.Ticket != ticket {
		return breach(in.purpose(), "the desk answers with another ticket")
	}
	return err
}

// Read implements desk.Desk. It asks page by page.
func (c *Client) Read(ctx context.Context, ticket string) (desk.Thread, error) {
	in := Request{Request: RequestRead, Ticket: ticket}
	thread := desk.Thread{Ticket: ticket}
	seen, size := make(map[string]bool), 0
	for {
		page, err := c.call(ctx, in)
		if err != nil {
			return desk.Thread{}, err
		}
		if page.Ticket != ticket {
			return desk.Thread{}, breach(in.purpose(), "the desk answers with another ticket")
		}
		thread.Subject, thread.State = page.Subject, page.State
		for _, m := range page.Messages {
			if m.ID == "" || seen[m.ID] || m.Ticket != ticket {
				return desk.Thread{}, breach(in.purpose(), "the desk answers with a message twice, without id or of another ticket")
			}
			seen[m.ID] = true
			size += len(m.Body)
			thread.Messages = append(thread.Messages, desk.Message(m))
		}
		if len(thread.Messages) > maxMessages || size > maxThread {
			return desk.Thread{}, hosting.NewFault(hosting.FaultUnsupported, "",
				fmt.Sprintf("%s: it has more than %d messages or %d bytes", in.purpose(), maxMessages, maxThread),
				"work on it by hand, or ask the customer to open a new ticket")
		}
		if !page.More {
			return thread, nil
		}
		if len(page.Messages) == 0 {
			return desk.Thread{}, breach(in.purpose(), "the desk announces more messages but sends none")
		}
		in.After = page.Messages[len(page.Messages)-1].ID
	}
}
