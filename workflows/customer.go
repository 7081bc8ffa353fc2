package workflows

import (
	"cmp"
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
	// Erasure is the data-loss consent, with what it was given for.
	Erasure *erasure `json:"erasure,omitempty"`
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
	// Repeats counts how often a question was put again to an answer that said
	// nothing; AskedWhich tells that the server was asked for.
	Repeats    int  `json:"repeats,omitempty"`
	AskedWhich bool `json:"askedWhich,omitempty"`
	// Asked is when the open question was put, Stage how far its reminders are.
	Asked *time.Time `json:"asked,omitempty"`
	Stage int        `json:"stage,omitempty"`
}

// listen takes in the ticket's events as they come, each once. What came with
// the start is taken in at once. An event takes effect without waiting for
// anything: a revocation must not stand behind a letter that can not be written.
func (op *operation) listen() {
	events := workflow.GetSignalChannelWithOptions(op.root, ticketEvent, workflow.SignalChannelOptions{
		Description: "Something happened on the ticket; sent by the gateway.",
	})
	op.drain()
	if op.serverID() != "" {
		op.readInbox()
	}
	workflow.GoNamed(op.root, "ticket-events", func(ctx workflow.Context) {
		ctx, done := workflow.NewDisconnectedContext(ctx)
		defer done()
		for {
			// The events stay in the channel until they are taken in, so that
			// drain finds them all.
			if workflow.Await(ctx, func() bool { return events.Len() > 0 }) != nil {
				return
			}
			op.drain()
			if op.serverID() != "" {
				op.readInbox()
			}
		}
	})
	workflow.GoNamed(op.root, "clerk", func(ctx workflow.Context) {
		ctx, done := workflow.NewDisconnectedContext(ctx)
		defer done()
		for workflow.Await(ctx, func() bool { return len(op.Files) > 0 }) == nil {
			if err := op.file(ctx); err != nil {
				op.log.Error("a statement is not stored", "ticket", op.Ticket, "error", err)
				return
			}
		}
	})
}

// drain takes in what has arrived, so that a continue-as-new loses nothing.
func (op *operation) drain() {
	events := workflow.GetSignalChannel(op.root, ticketEvent)
	for {
		var e hosting.TicketEvent
		if !events.ReceiveAsync(&e) {
			return
		}
		op.takeIn(e)
	}
}

const ticketEvent = "ticket-event"

// takeIn puts an event into the inbox, unless it is a repeat or another ticket's.
func (op *operation) takeIn(e hosting.TicketEvent) {
	c := &op.Customer
	op.handled++
	if slices.Contains(c.Seen, e.ID) || e.Ticket != op.Ticket {
		return
	}
	c.Seen = append(c.Seen, e.ID)
	if extra := len(c.Seen) - maxRemembered; extra > 0 {
		c.Seen = c.Seen[extra:]
	}
	e.Text = cut(e.Text, maxNameText) // all that is read of it later is a name
	if len(c.Inbox) < maxRemembered {
		c.Inbox = append(c.Inbox, e)
	}
}

// readInbox works the inbox off, now that it is known who may speak.
func (op *operation) readInbox() {
	for _, e := range op.Customer.Inbox {
		op.read(e)
	}
	op.Customer.Inbox = nil
}

// read lets one message take effect. Only active contacts of the owner count
// (I1, O7).
func (op *operation) read(e hosting.TicketEvent) {
	if e.Kind == hosting.TicketClosed {
		op.ticketClosed(e.Author)
		return
	}
	if _, ok := op.Subject.Organization.Contact(e.Author); !ok {
		op.turnAway(e.Author)
		return
	}
	if e.Language.Known() {
		op.Customer.Language = e.Language
	}
	op.learn(e.Fields)
	if p := e.Fields.Power; p != nil {
		p.Evidence = saidIn(e, p.Evidence)
		op.permitPower(*p)
	}
	if b := e.Fields.Backup; b != nil {
		b.Evidence = saidIn(e, b.Evidence)
		op.stateBackup(*b)
	}
	if st := e.Fields.Install.Erasure; st != nil {
		st.Evidence = saidIn(e, st.Evidence)
		op.acceptErasure(*st)
	}
	op.Customer.Heard++
}

// saidIn makes a statement that of the message in which it stands.
func saidIn(e hosting.TicketEvent, s hosting.Evidence) hosting.Evidence {
	s.Author, s.At, s.Message, s.RecordedBy, s.How = e.Author, e.At, e.ID, "", ""
	return s
}

// turnAway tells a stranger once that only the owner's contacts are heard.
func (op *operation) turnAway(author string) {
	c := &op.Customer
	if slices.Contains(c.Strangers, author) || len(c.Strangers) == maxRemembered {
		return
	}
	c.Strangers = append(c.Strangers, author)
	op.send(outgoing{Letter: hosting.Letter{Name: hosting.LetterNotOwner}})
}

// ticketClosed: closing the ticket, by the customer or by hand at the desk,
// withdraws the request as long as nothing has been done; later it is for the
// technician to know.
func (op *operation) ticketClosed(by string) {
	by = cmp.Or(by, "the ticket desk")
	if op.Machine.Taken && !op.procedure.automatic || op.mayCancel() != nil {
		workflow.GoNamed(op.root, "log", func(ctx workflow.Context) {
			op.logAction(ctx, by, "ticket closed", "the work on the server goes on")
		})
		return
	}
	op.cancel(Decision{Staff: Staff{By: by}, Reason: "the ticket was closed", At: *op.now()})
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
	op.learnInstallation(f.Install, f.Unclear)
	known.Redacted = f.Redacted
}

// learnInstallation does the same for what is to be installed. What was not
// understood stays open until it is said in another way: the default must not
// take its place. The consent goes through its gate.
func (op *operation) learnInstallation(f hosting.InstallFields, unclear []hosting.UnclearField) {
	known := &op.Customer.Fields
	mergeInstallation(&known.Install, f)
	for _, old := range known.Unclear {
		if old.Field.OfInstallation() && !f.Says(old.Field) && !slices.ContainsFunc(unclear, func(u hosting.UnclearField) bool { return u.Field == old.Field }) {
			unclear = append(slices.Clip(unclear), old)
		}
	}
	known.Unclear = unclear
}

// publicKeys are those that are keys, as they are written out.
func publicKeys(lines []string) (keys []string) {
	for _, line := range lines {
		if key, err := hosting.ParsePublicKey(line); err == nil && !slices.Contains(keys, key) {
			keys = append(keys, key)
		}
	}
	return keys
}

func mergeInstallation(known *hosting.InstallFields, f hosting.InstallFields) {
	for _, field := range []struct{ have, got *string }{
		{&known.System, &f.System}, {(*string)(&known.RAID), (*string)(&f.RAID)}, {&known.HostName, &f.HostName}, {&known.Password, &f.Password},
	} {
		if *field.got != "" {
			*field.have = *field.got
		}
	}
	if f.Partitioning != nil {
		known.Partitioning = f.Partitioning
	}
	if keys := publicKeys(f.SSHKeys); len(keys) > 0 {
		known.SSHKeys = keys
	}
	if f.Keep != nil {
		known.Keep = f.Keep
	}
}
