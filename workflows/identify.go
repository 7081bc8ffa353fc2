package workflows

import (
	"slices"
	"strings"

	"go.temporal.io/sdk/workflow"

	"github.com/handrail/handrail/activities/desk"
	"github.com/handrail/handrail/activities/records"
	"github.com/handrail/handrail/hosting"
)

// identify finds the one server that is meant and whom it belongs to, asking
// until it is clear (I1, I4).
func (op *operation) identify(ctx workflow.Context) error {
	if err := op.readTicket(ctx); err != nil {
		return err
	}
	for {
		reference, problem, err := op.lookUp(ctx)
		if err != nil {
			return err
		}
		if problem == "" {
			break
		}
		if err := op.askWhich(ctx, reference, problem); err != nil {
			return err
		}
	}
	if err := op.bind(ctx); err != nil {
		return err
	}
	op.readInbox()
	return nil
}

// askWhich asks which server is meant. The customer is not told whether a
// server that is not theirs exists; staff are, in what is waited on.
func (op *operation) askWhich(ctx workflow.Context, reference, problem string) error {
	if op.Ticket == "" {
		return hosting.Invalid("", "the server \""+reference+"\" is "+problem+" in the records",
			"start again with the right service id, IP address or name")
	}
	op.Customer.AskedWhich = true
	seen := len(op.Customer.Inbox)
	q := question{
		on:     "which server (" + problem + ")",
		letter: hosting.Letter{Name: hosting.LetterNotIdentified, Reference: reference},
	}
	// A message that brings nothing new is not asked again: the reminders go on.
	_, by := op.candidate()
	answered := func() bool {
		again, who := op.candidate()
		return again != reference || who != by || op.closedSince(seen)
	}
	if err := op.ask(ctx, q, answered); err != nil {
		return err
	}
	if op.closedSince(seen) {
		op.ticketClosed(op.Customer.Inbox[len(op.Customer.Inbox)-1].Author)
		return ctx.Err()
	}
	return nil
}

// closedSince reports whether the ticket was closed since the inbox held so many
// messages.
func (op *operation) closedSince(seen int) bool {
	return slices.ContainsFunc(op.Customer.Inbox[min(seen, len(op.Customer.Inbox)):], func(e hosting.TicketEvent) bool {
		return e.Kind == hosting.TicketClosed
	})
}

// readTicket fetches what stands on the ticket, where staff started the
// operation and no event brought it.
func (op *operation) readTicket(ctx workflow.Context) error {
	if op.Ticket == "" || len(op.Customer.Seen) > 0 {
		return nil
	}
	var events []hosting.TicketEvent
	if err := op.call(ctx, "Read ticket "+op.Ticket, &events, tickets.ReadTicket, op.Ticket); err != nil {
		return err
	}
	for _, e := range events {
		op.takeIn(e)
	}
	return nil
}

// lookUp asks the records for the server that the latest word names.
func (op *operation) lookUp(ctx workflow.Context) (reference, problem string, err error) {
	reference, by := op.candidate()
	if reference == "" {
		return "", "not named", nil
	}
	var found records.Subject
	err = record(ctx, "Look up "+reference, &found, rec.Identify, records.Identification{Reference: reference, Requester: by})
	if err != nil || found.Problem != "" {
		return reference, string(found.Problem), err
	}
	op.Subject = found
	return reference, "", nil
}

// candidate is who names which server, by the latest word. What staff named at
// the start stands until it was asked for.
func (op *operation) candidate() (reference string, by hosting.Requester) {
	reference, by = op.request.Server, op.request.RequestedBy
	if by.Role == hosting.RoleStaff && reference != "" && !op.Customer.AskedWhich {
		return strings.TrimSpace(reference), by
	}
	for _, e := range op.Customer.Inbox {
		if e.Kind != hosting.TicketMessage {
			continue
		}
		by = hosting.Requester{Contact: e.Author, Role: hosting.RoleCustomer}
		if e.Fields.Server != "" {
			reference = e.Fields.Server
		} else if named := nameIn(e.Text); named != "" && op.Customer.AskedWhich {
			reference = named
		}
	}
	return strings.TrimSpace(reference), by
}

// nameIn finds the server in an answer without labels: all of a short text, or
// a line that is one word with a digit in it.
func nameIn(text string) string {
	text = strings.TrimSpace(text)
	if len(text) < 100 && !strings.Contains(text, "\n") {
		return text
	}
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if len(line) < 100 && strings.ContainsAny(line, "0123456789") && !strings.ContainsAny(line, " \t") {
			return line
		}
	}
	return ""
}

// bind writes the server into the operation's row, and opens the ticket where
// staff began without one.
func (op *operation) bind(ctx workflow.Context) error {
	if !op.Customer.Language.Known() {
		op.Customer.Language = op.addressee().Language
	}
	if op.Ticket == "" {
		opening := desk.Opening{Key: op.key("open", 0), Contact: op.addressee().Email, Letter: op.address(hosting.Letter{Name: hosting.LetterOpened})}
		if err := op.call(ctx, "Open a ticket", &op.Ticket, tickets.OpenTicket, opening); err != nil {
			return err
		}
	}
	return record(ctx, "Bind the operation to "+op.Subject.Server.String(), nil, rec.AssignServer, records.Assignment{
		Operation: op.ID, Server: op.serverID(), Ticket: op.Ticket,
	})
}

// addressee is whom letters speak to: the contact who asked, else the primary one.
func (op *operation) addressee() hosting.Contact {
	if op.Subject.Contact.Email != "" {
		return op.Subject.Contact
	}
	primary, _ := op.Subject.Organization.PrimaryContact()
	return primary
}
