package workflows

import (
	"errors"
	"fmt"
	"slices"

	"go.temporal.io/sdk/workflow"

	"github.com/handrail/handrail/activities"
	"github.com/handrail/handrail/activities/desk"
	"github.com/handrail/handrail/activities/mail"
	"github.com/handrail/handrail/hosting"
)

// letterKinds says after which letters a ticket waits for its customer, and which
// ends it; any other is a plain answer.
var letterKinds = map[hosting.LetterName]desk.MessageKind{
	hosting.LetterMissing:       desk.Question,
	hosting.LetterNotIdentified: desk.Question,
	hosting.LetterReminder:      desk.Question,
	hosting.LetterParked:        desk.Question,
	hosting.LetterSummary:       desk.Summary,
	hosting.LetterCancelled:     desk.Summary,
	hosting.LetterExpired:       desk.Summary,
}

// outgoing is a letter that is to be written in any case, while the course goes
// on: it is kept until it is written, over continued runs as well.
type outgoing struct {
	Letter hosting.Letter `json:"letter"`
	Key    string         `json:"key"`
	// To is an e-mail address; empty is the ticket.
	To string `json:"to,omitempty"`
}

// send writes a letter without anybody waiting for it.
func (op *operation) send(o outgoing) {
	o.Letter, o.Key = op.address(o.Letter), op.nextKey(string(o.Letter.Name))
	op.Outbox = append(op.Outbox, o)
	op.deliver(o)
}

func (op *operation) deliver(o outgoing) {
	workflow.GoNamed(op.root, "deliver", func(ctx workflow.Context) {
		ctx, done := workflow.NewDisconnectedContext(ctx)
		defer done()
		var err error
		if o.To == "" {
			err = call(ctx, "Write on ticket "+op.Ticket+": "+string(o.Letter.Name), nil, tickets.WriteTicket, op.writing(o.Letter, o.Key))
		} else {
			err = call(ctx, "Mail: "+string(o.Letter.Name), nil, mailer.SendMail, mail.Sending{Key: o.Key, To: o.To, Letter: o.Letter})
		}
		if err != nil {
			op.log.Error("letter not delivered", "letter", o.Letter.Name, "ticket", op.Ticket, "error", err)
		}
		op.Outbox = slices.DeleteFunc(op.Outbox, func(kept outgoing) bool { return kept.Key == o.Key })
	})
}

// write puts a letter on the ticket, once however often it is tried, and waits
// for it.
func (op *operation) write(ctx workflow.Context, l hosting.Letter) error {
	return op.writeOn(ctx, op.writing(op.address(l), op.nextKey(string(l.Name))))
}

// writeLast puts the last letter on the ticket and closes it, after what is
// still on its way.
func (op *operation) writeLast(ctx workflow.Context, l hosting.Letter) error {
	onTicket := func(o outgoing) bool { return o.To == "" }
	if err := workflow.Await(ctx, func() bool { return !slices.ContainsFunc(op.Outbox, onTicket) }); err != nil {
		return err
	}
	w := op.writing(op.address(l), op.nextKey(string(l.Name)))
	w.Close = true
	return op.writeOn(ctx, w)
}

func (op *operation) writeOn(ctx workflow.Context, w desk.Writing) error {
	return op.call(ctx, "Write on ticket "+op.Ticket+": "+string(w.Letter.Name), nil, tickets.WriteTicket, w)
}

func (op *operation) writing(l hosting.Letter, key string) desk.Writing {
	kind, ok := letterKinds[l.Name]
	if !ok {
		kind = desk.Answer
	}
	return desk.Writing{Ticket: op.Ticket, Key: key, Kind: kind, Letter: l}
}

// nextKey is the key of the next letter.
func (op *operation) nextKey(name string) string {
	op.Letters++
	return op.key(name, op.Letters)
}

// address fills in what every letter has.
func (op *operation) address(l hosting.Letter) hosting.Letter {
	to := op.addressee()
	l.Language, l.Provider, l.Ticket, l.Procedure = op.language(), op.Policy.Provider, op.Ticket, op.kind
	l.Person = to.Name
	if op.serverID() != "" {
		l.Server = op.Subject.Server.String()
	}
	if op.procedure.enclose != nil {
		op.procedure.enclose(&l)
	}
	return l
}

// language is the one that the customer wrote in, else the contact's, else English.
func (op *operation) language() hosting.Language {
	for _, l := range []hosting.Language{op.Customer.Language, op.addressee().Language} {
		if l.Known() {
			return l
		}
	}
	for _, e := range op.Customer.Inbox {
		if e.Language.Known() {
			return e.Language
		}
	}
	return hosting.English
}

// key identifies a write of this operation, so that a repeat is recognized.
func (op *operation) key(what string, number int) string {
	return fmt.Sprintf("%s/%s/%d", op.ID, what, number)
}

// acknowledge writes down what was asked for (I2, I3), and tells the customer
// what was understood and what the risk is (I10, O31).
func (op *operation) acknowledge(ctx workflow.Context) error {
	op.logAction(ctx, op.addressee().Email, "request", cut(op.procedure.about(), maxText))
	return op.write(ctx, hosting.Letter{
		Name: hosting.LetterAcknowledge, Power: op.powerPermitted(), Backup: op.backupStated(),
		Redacted: op.Customer.Fields.Redacted,
	})
}

// summarize sends the one summary, on the ticket and by mail, and closes the
// ticket with it (O26). The downtime is what was measured (I27).
func (op *operation) summarize(ctx workflow.Context, report hosting.Report) error {
	// What the customer is told is final: the downtime, and that it is over.
	op.Machine.Downtime, op.Machine.OffSince = op.downtime(), nil
	before := op.NoReturn
	op.NoReturn = op.current().title
	report.Actions, report.Downtime = op.Machine.Report, op.Machine.Downtime
	l := hosting.Letter{Name: hosting.LetterSummary, Report: &report}
	if err := op.writeLast(ctx, l); err != nil {
		op.NoReturn = before
		return err
	}
	if !op.Policy.MailSummary {
		return nil
	}
	return op.mail(ctx, op.addressee().Email, l)
}

// downtime is what was measured up to now.
func (op *operation) downtime() hosting.Duration {
	d := op.Machine.Downtime
	if off := op.Machine.OffSince; off != nil {
		d += hosting.Duration(op.now().Sub(*off))
	}
	return d
}

// sayGoodbye tells the customer that the operation ended before its time. A
// failure to do so does not keep the operation from ending.
func (op *operation) sayGoodbye(ctx workflow.Context, cause error) {
	if op.Ticket == "" || (op.Cancel == nil && !errors.Is(cause, errExpired)) {
		return
	}
	l := hosting.Letter{Name: hosting.LetterExpired}
	if d := op.Cancel; d != nil {
		l = hosting.Letter{
			Name: hosting.LetterCancelled, By: d.By, Reason: d.Reason,
			Report: &hosting.Report{Actions: op.Machine.Report, Downtime: op.downtime()},
		}
	}
	if err := op.writeLast(ctx, l); err != nil {
		op.tellDuty("the last letter", "the customer was not told: "+activities.Words(err))
	}
}

func (op *operation) mail(ctx workflow.Context, to string, l hosting.Letter) error {
	s := mail.Sending{Key: op.nextKey("mail-" + string(l.Name)), To: to, Letter: op.address(l)}
	return op.call(ctx, "Mail: "+string(l.Name), nil, mailer.SendMail, s)
}

// tellDuty tells the duty contact by mail. Nothing waits for it.
func (op *operation) tellDuty(step, problem string) {
	op.send(outgoing{To: op.Policy.Duty, Letter: hosting.Letter{
		Name: hosting.LetterAttention, Step: step, Error: problem,
		Workflow: workflow.GetInfo(op.root).WorkflowExecution.ID,
	}})
}
