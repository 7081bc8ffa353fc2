package workflows

import (
	"slices"
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/handrail/handrail/hosting"
)

// customerState is what the customer said, and what they are being asked.
type customerState struct {
	Language hosting.Language `json:"language,omitempty"`
	// Fields are the request as it is known by now.
	Fields hosting.RequestFields `json:"fields,omitzero"`
	// Credentials is a reference into the secret store (I5).
	Credentials string `json:"credentials,omitempty"`
	// Said is every statement that counted, oldest first.
	Said []hosting.Evidence `json:"said,omitempty"`
	// Inbox are messages that wait until the owner is known, Seen the ids of
	// those that were taken in. Heard counts messages that counted.
	Inbox []hosting.TicketEvent `json:"inbox,omitempty"`
	Seen  []string              `json:"seen,omitempty"`
	Heard int                   `json:"heard,omitempty"`
	// Strangers have been told that they can not speak for the owner.
	Strangers []string `json:"strangers,omitempty"`
	// Asked is when the open question was put, Stage how far its reminders are.
	Asked *time.Time `json:"asked,omitempty"`
	Stage int        `json:"stage,omitempty"`
}

// listen takes in the ticket's events as they come, each once. What came with
// the start is taken in at once.
func (op *operation) listen() {
	op.drain()
	events := workflow.GetSignalChannelWithOptions(op.root, "ticket-event", workflow.SignalChannelOptions{
		Description: "Something happened on the ticket; sent by the gateway.",
	})
	workflow.GoNamed(op.root, "ticket-events", func(ctx workflow.Context) {
		ctx, done := op.within(ctx)
		defer done()
		for {
			var e hosting.TicketEvent
			if !events.Receive(ctx, &e) {
				return
			}
			op.takeIn(e)
			if op.serverID() != "" {
				op.readInbox(ctx)
			}
		}
	})
}

// drain takes in what has arrived but was not yet received, so that a
// continue-as-new loses nothing.
func (op *operation) drain() {
	events := workflow.GetSignalChannel(op.root, "ticket-event")
	for {
		var e hosting.TicketEvent
		if !events.ReceiveAsync(&e) {
			return
		}
		op.takeIn(e)
	}
}

// takeIn puts an event into the inbox, unless it is a repeat or another ticket's.
func (op *operation) takeIn(e hosting.TicketEvent) {
	c := &op.Customer
	op.handled++
	if slices.Contains(c.Seen, e.ID) || (op.Ticket != "" && e.Ticket != op.Ticket) {
		return
	}
	c.Seen = append(c.Seen, e.ID)
	if extra := len(c.Seen) - maxRemembered; extra > 0 {
		c.Seen = c.Seen[extra:]
	}
	if len(c.Inbox) < maxRemembered {
		c.Inbox = append(c.Inbox, e)
	}
}

// readInbox works the inbox off, now that it is known who may speak.
func (op *operation) readInbox(ctx workflow.Context) {
	if err := op.writing.Lock(ctx); err != nil {
		return
	}
	defer op.writing.Unlock()
	for len(op.Customer.Inbox) > 0 {
		e := op.Customer.Inbox[0]
		op.Customer.Inbox = op.Customer.Inbox[1:]
		if err := op.read(ctx, e); err != nil {
			op.log.Error("ticket message not worked off", "ticket", op.Ticket, "message", e.ID, "error", err)
		}
	}
}

// read works one message off. Only active contacts of the owner count (I1, O7).
func (op *operation) read(ctx workflow.Context, e hosting.TicketEvent) error {
	contact, ok := op.Subject.Organization.Contact(e.Author)
	if !ok {
		return op.turnAway(ctx, e.Author)
	}
	if e.Kind == hosting.TicketClosed {
		op.ticketClosed(ctx, contact)
		return nil
	}
	if e.Language.Known() {
		op.Customer.Language = e.Language
	}
	op.learn(e.Fields)
	if p := e.Fields.Power; p != nil {
		if err := op.permitPower(ctx, *p); err != nil {
			return err
		}
	}
	if b := e.Fields.Backup; b != nil {
		if err := op.stateBackup(ctx, *b); err != nil {
			return err
		}
	}
	op.Customer.Heard++
	return nil
}

// turnAway tells a stranger once that only the owner's contacts are heard.
func (op *operation) turnAway(ctx workflow.Context, author string) error {
	c := &op.Customer
	if slices.Contains(c.Strangers, author) {
		return nil
	}
	c.Strangers = append(c.Strangers, author)
	return op.write(ctx, hosting.Letter{Name: hosting.LetterNotOwner})
}

// ticketClosed: closing the ticket withdraws the request as long as nothing has
// been done; later it is for the technician to know.
func (op *operation) ticketClosed(ctx workflow.Context, by hosting.Contact) {
	if op.Machine.Taken || op.mayCancel() != nil {
		op.logAction(ctx, by.Email, "ticket closed by the customer", "the work on the server goes on")
		return
	}
	op.cancel(Decision{Staff: Staff{By: by.Email}, Reason: "the customer closed the ticket", At: *op.now()})
}

// learn adds what a message says to what is known. A later word on the same
// field replaces the earlier one; statements go through their gates.
func (op *operation) learn(f hosting.RequestFields) {
	known := &op.Customer.Fields
	for _, field := range []struct{ have, got *string }{
		{&known.Server, &f.Server}, {(*string)(&known.Reason), (*string)(&f.Reason)}, {&known.Details, &f.Details},
	} {
		if *field.got != "" {
			*field.have = *field.got
		}
	}
	if len(f.FailedTools) > 0 {
		known.FailedTools = f.FailedTools
	}
	known.Unclear, known.Redacted = f.Unclear, f.Redacted
}
