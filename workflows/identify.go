package workflows

import (
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
	op.readInbox(ctx)
	return nil
}

// askWhich asks which server is meant. The customer is not told whether a
// server that is not theirs exists; staff are, in what is waited on.
func (op *operation) askWhich(ctx workflow.Context, reference, problem string) error {
	if op.Ticket == "" {
		return hosting.Invalid("", "the server \""+reference+"\" is "+problem+" in the records",
			"start again with the right service id, IP address or name")
	}
	known := len(op.Customer.Inbox)
	q := question{
		on:     "which server (" + problem + ")",
		letter: hosting.Letter{Name: hosting.LetterNotIdentified, Reference: reference},
	}
	if err := op.ask(ctx, q, func() bool { return len(op.Customer.Inbox) > known }); err != nil {
		return err
	}
	if last := op.Customer.Inbox[len(op.Customer.Inbox)-1]; last.Kind == hosting.TicketClosed {
		op.cancel(Decision{Staff: Staff{By: last.Author}, Reason: "the ticket was closed", At: *op.now()})
		return ctx.Err()
	}
	return nil
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

// candidate is who names which server, by the latest word.
func (op *operation) candidate() (reference string, by hosting.Requester) {
	reference, by = op.request.Server, op.request.RequestedBy
	for _, e := range op.Customer.Inbox {
		if e.Kind != hosting.TicketMessage {
			continue
		}
		by = hosting.Requester{Contact: e.Author, Role: hosting.RoleCustomer}
		line := strings.TrimSpace(e.Text)
		switch {
		case e.Fields.Server != "":
			reference = e.Fields.Server
		case op.Customer.Stage > 0 || op.Letters > 0:
			// An answer to the question is often nothing but the name.
			if line != "" && len(line) < 100 && !strings.Contains(line, "\n") {
				reference = line
			}
		}
	}
	return strings.TrimSpace(reference), by
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
