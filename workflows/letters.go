package workflows

import (
	"errors"
	"fmt"

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

// write puts a letter on the ticket, once however often it is tried.
func (op *operation) write(ctx workflow.Context, l hosting.Letter) error {
	return op.writeOn(ctx, l, false)
}

// writeLast puts the last letter on the ticket and closes it.
func (op *operation) writeLast(ctx workflow.Context, l hosting.Letter) error {
	return op.writeOn(ctx, l, true)
}

func (op *operation) writeOn(ctx workflow.Context, l hosting.Letter, last bool) error {
	op.Letters++
	l = op.address(l)
	kind, ok := letterKinds[l.Name]
	if !ok {
		kind = desk.Answer
	}
	w := desk.Writing{Ticket: op.Ticket, Key: op.key(string(l.Name), op.Letters), Kind: kind, Letter: l, Close: last}
	return op.call(ctx, "Write on ticket "+op.Ticket+": "+string(l.Name), nil, tickets.WriteTicket, w)
}

// address fills in what every letter has.
func (op *operation) address(l hosting.Letter) hosting.Letter {
	to := op.addressee()
	l.Language, l.Provider, l.Ticket, l.Procedure = op.language(), op.Policy.Provider, op.Ticket, op.kind
	l.Person = to.Name
	if op.serverID() != "" {
		l.Server = op.Subject.Server.String()
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

// acknowledge says what was understood and what the risk is (I10, O31).
func (op *operation) acknowledge(ctx workflow.Context) error {
	return op.write(ctx, hosting.Letter{
		Name: hosting.LetterAcknowledge, Power: op.powerPermitted(), Backup: op.backupStated(),
		Redacted: op.Customer.Fields.Redacted,
	})
}

// summarize sends the one summary, on the ticket and by mail, and closes the
// ticket with it (O26). The downtime is what was measured (I27).
func (op *operation) summarize(ctx workflow.Context, report hosting.Report) error {
	report.Actions, report.Downtime = op.Machine.Report, op.downtime()
	l := hosting.Letter{Name: hosting.LetterSummary, Report: &report}
	if err := op.writeLast(ctx, l); err != nil {
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
		op.tellDutyOf(ctx, "the last letter", "the customer was not told: "+activities.Words(err))
	}
}

func (op *operation) mail(ctx workflow.Context, to string, l hosting.Letter) error {
	op.Letters++
	s := mail.Sending{Key: op.key("mail-"+string(l.Name), op.Letters), To: to, Letter: op.address(l)}
	return op.call(ctx, "Mail: "+string(l.Name), nil, mailer.SendMail, s)
}

// tellDuty tells the duty contact that a step failed. Nothing waits for it.
func (op *operation) tellDuty(ctx workflow.Context, st hosting.Step) {
	workflow.GoNamed(ctx, "tell-duty", func(ctx workflow.Context) {
		ctx, done := op.within(ctx)
		defer done()
		op.tellDutyOf(ctx, st.Title, st.Error)
	})
}

func (op *operation) tellDutyOf(ctx workflow.Context, step, problem string) {
	l := hosting.Letter{
		Name: hosting.LetterAttention, Step: step, Error: problem,
		Workflow: workflow.GetInfo(op.root).WorkflowExecution.ID,
	}
	if err := op.mail(ctx, op.Policy.Duty, l); err != nil {
		op.log.Error("the duty contact was not told", "step", step, "problem", problem, "error", err)
	}
}
