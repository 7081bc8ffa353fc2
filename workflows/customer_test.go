package workflows

import (
	"slices"
	"strings"
	"testing"
	"time"

	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/worker"

	"github.com/handrail/handrail/hosting"
)

// I16: what is missing is asked for once, by name; an answer that leaves
// something open is asked again for the rest only.
func TestAsksForWhatIsMissing_I16(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.say(0, message("m1", hosting.RequestFields{Server: "srv-1001", Details: "it hangs", Reason: hosting.ReasonUnresponsive}))
	var waiting Status
	w.env.RegisterDelayedCallback(func() { waiting = w.status(t) }, time.Minute)
	w.say(time.Hour, message("m2", hosting.RequestFields{
		Power: allowed(), Unclear: []hosting.UnclearField{{Field: hosting.FieldBackup, Value: "sì", Why: "not a known statement"}},
	}))
	w.say(2*time.Hour, message("m3", hosting.RequestFields{Backup: backedUp()}))
	w.finish(3 * time.Hour)
	w.env.ExecuteWorkflow(ServerIntervention, fromCustomer("srv-1001"))

	w.ended(t)
	wantLetters(t, w, hosting.LetterMissing, hosting.LetterMissing, hosting.LetterAcknowledge, hosting.LetterSummary)
	if got := w.letters[0].Letter.Missing; !slices.Equal(got, []hosting.Field{hosting.FieldPower, hosting.FieldBackup}) {
		t.Errorf("asked for %v", got)
	}
	second := w.letters[1].Letter
	if !slices.Equal(second.Missing, []hosting.Field{hosting.FieldBackup}) || len(second.Unclear) != 1 {
		t.Errorf("asked again for %v, unclear %v", second.Missing, second.Unclear)
	}
	if waiting.Phase != hosting.PhaseWaiting || waiting.WaitingOn != "customer: power, backup" || waiting.ETA != nil || waiting.Due == nil {
		t.Errorf("status while waiting: %+v", waiting)
	}
}

// I4, O9: which server is asked back; what exists is not given away.
func TestServerAskedBack_I4(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	first := complete()
	first.Server = "srv-9999"
	w.say(0, message("m1", first))
	answer := message("m2", hosting.RequestFields{})
	answer.Text = "srv-1001"
	w.say(time.Hour, answer)
	w.finish(2 * time.Hour)
	w.env.ExecuteWorkflow(ServerIntervention, fromCustomer("srv-9999"))

	w.ended(t)
	wantLetters(t, w, hosting.LetterNotIdentified, hosting.LetterAcknowledge, hosting.LetterSummary)
	if l := w.letters[0].Letter; l.Server != "" || l.Reference != "srv-9999" {
		t.Errorf("the question names %+v", l)
	}
}

// I1, O7: nobody but the owner's active contacts can authorize.
func TestStrangerCanNotAuthorize_I1(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.say(0, message("m1", hosting.RequestFields{Server: "srv-1001", Reason: hosting.ReasonUnresponsive, Details: "it hangs", Backup: backedUp()}))
	for i, id := range []string{"m2", "m3"} {
		e := message(id, hosting.RequestFields{Power: allowed()})
		e.Author = "mallory@else.example"
		w.say(time.Duration(i+1)*time.Hour, e)
	}
	var before Status
	w.env.RegisterDelayedCallback(func() { before = w.status(t) }, 4*time.Hour)
	w.say(5*time.Hour, message("m4", hosting.RequestFields{Power: allowed()}))
	w.finish(6 * time.Hour)
	w.env.ExecuteWorkflow(ServerIntervention, fromCustomer("srv-1001"))

	w.ended(t)
	wantLetters(t, w, hosting.LetterMissing, hosting.LetterNotOwner, hosting.LetterAcknowledge, hosting.LetterSummary)
	if before.Power.Answered() {
		t.Errorf("a stranger's permission counted: %+v", before.Power)
	}
}

// O32: remind, park, resume on reply.
func TestSilentCustomer_O32(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	f := complete()
	f.Power = nil
	w.say(0, message("m1", f))
	var parked Status
	w.env.RegisterDelayedCallback(func() { parked = w.status(t) }, 8*24*time.Hour)
	w.say(9*24*time.Hour, message("m2", hosting.RequestFields{Power: allowed()}))
	w.finish(10 * 24 * time.Hour)
	w.env.ExecuteWorkflow(ServerIntervention, fromCustomer("srv-1001"))

	w.ended(t)
	wantLetters(t, w, hosting.LetterMissing, hosting.LetterReminder, hosting.LetterReminder, hosting.LetterParked, hosting.LetterAcknowledge, hosting.LetterSummary)
	if !slices.Equal(w.letters[1].Letter.Missing, []hosting.Field{hosting.FieldPower}) {
		t.Errorf("the reminder does not name what is missing: %v", w.letters[1].Letter.Missing)
	}
	if !strings.HasSuffix(parked.WaitingOn, "(parked)") {
		t.Errorf("parked status %+v", parked)
	}
}

func TestQuestionExpires_O32(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.say(0, message("m1", hosting.RequestFields{Server: "srv-1001"}))
	w.env.ExecuteWorkflow(ServerIntervention, fromCustomer("srv-1001"))

	r := w.ended(t)
	if r.Phase != hosting.PhaseCancelled || !strings.Contains(r.Outcome, "did not answer") {
		t.Errorf("result %+v", r)
	}
	if names := w.names(); names[len(names)-1] != hosting.LetterExpired || !w.letters[len(names)-1].Close {
		t.Errorf("letters %v", names)
	}
}

// A customer who closes the ticket before anything was done withdraws it.
func TestTicketClosedByCustomer(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.say(0, message("m1", hosting.RequestFields{Server: "srv-1001"}))
	closed := message("m2", hosting.RequestFields{})
	closed.Kind = hosting.TicketClosed
	w.say(time.Hour, closed)
	w.env.ExecuteWorkflow(ServerIntervention, fromCustomer("srv-1001"))

	if r := w.ended(t); r.Phase != hosting.PhaseCancelled || !strings.Contains(r.Outcome, "ticket was closed") {
		t.Errorf("result %+v", r)
	}
}

// Staff start an intervention on a ticket that the customer wrote before.
func TestStaffReadTheTicket(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.thread = []hosting.TicketEvent{message("m1", complete())}
	w.finish(time.Hour)
	w.env.ExecuteWorkflow(ServerIntervention, InterventionRequest{
		Request: Request{Ticket: ticket, RequestedBy: hosting.Requester{Contact: "anna", Role: hosting.RoleStaff}},
	})
	w.ended(t)
	wantLetters(t, w, hosting.LetterAcknowledge, hosting.LetterSummary)
}

// Temporal delivers signals at least once, the desk its webhooks too.
func TestRepeatedMessages(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	f := complete()
	f.Backup = nil
	for range 3 {
		w.say(0, message("m1", f))
	}
	other := message("m9", complete())
	other.Ticket = "7777"
	w.say(time.Minute, other)
	w.say(time.Hour, message("m2", hosting.RequestFields{Backup: backedUp()}))
	w.finish(2 * time.Hour)
	w.env.ExecuteWorkflow(ServerIntervention, fromCustomer("srv-1001"))
	w.ended(t)
	wantLetters(t, w, hosting.LetterMissing, hosting.LetterAcknowledge, hosting.LetterSummary)
	if len(w.consents) != 2 {
		t.Errorf("%d consents", len(w.consents))
	}
}

// Webhooks are delivered again one by one, so that they may come out of order:
// an older yes must not overrule a later no.
func TestOlderYesAfterNo(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	f := complete()
	f.Power = nil
	w.say(0, message("m1", f))
	no := message("m3", hosting.RequestFields{Power: refused()})
	no.At, no.Fields.Power.Evidence.At = testStart.Add(2*time.Minute), testStart.Add(2*time.Minute)
	w.say(3*time.Minute, no)
	yes := message("m2", hosting.RequestFields{Power: allowed()})
	yes.At, yes.Fields.Power.Evidence.At = testStart.Add(time.Minute), testStart.Add(time.Minute)
	w.say(4*time.Minute, yes) // its first delivery was answered with 503
	w.send(5*time.Minute, "power", cycle())
	w.finish(time.Hour)
	w.env.ExecuteWorkflow(ServerIntervention, fromCustomer("srv-1001"))
	w.ended(t)
	if len(w.orders) != 0 {
		t.Errorf("the machine was acted on against the customer's latest word: %+v", w.orders)
	}
}

// A revocation that staff record counts at once, also while the log can not be
// written.
func TestStaffsRevocationBehindTheLog(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	away := false
	w.env.SetWorkerOptions(worker.Options{Interceptors: []interceptor.WorkerInterceptor{&lostAnswer{name: "LogActions", until: func() bool { return !away }}}})
	w.say(0, message("m1", complete()))
	w.env.RegisterDelayedCallback(func() { away = true }, 3*time.Minute)
	w.send(4*time.Minute, "authorize-power", AuthorizePower{
		Staff: Staff{By: "bob"}, Permission: hosting.PowerPermission{Grant: hosting.GrantRefused},
		Evidence: hosting.Evidence{Text: "stop", Author: owner, How: "phone"},
	})
	power := w.send(4*time.Minute+2*time.Second, "power", cycle())
	w.env.RegisterDelayedCallback(func() { away = false }, 4*time.Minute+20*time.Second)
	w.finish(time.Hour)
	w.env.ExecuteWorkflow(ServerIntervention, fromCustomer("srv-1001"))
	if power.accepted || len(w.orders) > 0 {
		t.Error("power was cycled after staff had recorded the revocation")
	}
}

// Staff named the server; an older word on the ticket does not override that.
func TestStaffNamesTheServer(t *testing.T) {
	t.Parallel()
	for name, first := range map[string]hosting.TicketEvent{
		"another server": message("m1", func() hosting.RequestFields { f := complete(); f.Server = "srv-9999"; return f }()),
		"private address": func() hosting.TicketEvent {
			e := message("m1", complete())
			e.Author = "giulia@private.example"
			return e
		}(),
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.thread = []hosting.TicketEvent{first}
			var s Status
			w.env.RegisterDelayedCallback(func() { s = w.status(t) }, time.Minute)
			w.env.ExecuteWorkflow(ServerIntervention, InterventionRequest{
				Request: Request{Server: "srv-1001", Ticket: ticket, RequestedBy: hosting.Requester{Contact: "anna", Role: hosting.RoleStaff}},
			})
			if s.Server != "srv-1001" {
				t.Errorf("step %s waits on %q; letters %v", s.Step, s.WaitingOn, w.names())
			}
		})
	}
}

// Two auto-responders must not talk to each other.
func TestAutoResponder(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.say(0, message("m1", hosting.RequestFields{Server: "srv-1001"}))
	for n := range 30 {
		e := message("auto"+string(rune('A'+n)), hosting.RequestFields{})
		e.Text = "I am out of office."
		w.say(time.Duration(n+1)*time.Minute, e)
	}
	w.send(time.Hour, "cancel", Decision{Staff: Staff{By: "anna"}, Reason: "stop"})
	w.env.ExecuteWorkflow(ServerIntervention, fromCustomer("srv-1001"))
	if n := len(w.letters); n > 10 {
		t.Errorf("%d letters in half an hour", n)
	}
}

// The desk's staff close the ticket by hand.
func TestClosedByHandAtTheDesk(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.say(0, message("m1", hosting.RequestFields{Server: "srv-1001"}))
	closed := message("m2", hosting.RequestFields{})
	closed.Kind, closed.Author = hosting.TicketClosed, "helpdesk@handrail.example"
	w.say(time.Hour, closed)
	w.send(2*time.Hour, "cancel", Decision{Staff: Staff{By: "anna"}, Reason: "stop"})
	w.env.ExecuteWorkflow(ServerIntervention, fromCustomer("srv-1001"))
	if slices.Contains(w.names(), hosting.LetterNotOwner) {
		t.Errorf("letters %v", w.names())
	}
}

// An answer with a greeting is still an answer.
func TestServerNamedAmongWords(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.say(0, message("m1", func() hosting.RequestFields { f := complete(); f.Server = ""; return f }()))
	answer := message("m2", hosting.RequestFields{})
	answer.Text = "Hello,\nsrv-1001\nGiulia"
	w.say(time.Hour, answer)
	var s Status
	w.env.RegisterDelayedCallback(func() { s = w.status(t) }, 2*time.Hour)
	w.env.ExecuteWorkflow(ServerIntervention, fromCustomer(""))
	if s.Step == "identify" {
		t.Errorf("waits on %q", s.WaitingOn)
	}
}

// A no counts whatever the clocks say: the desk's may be behind ours, and staff
// may have mistyped a date.
func TestRevocationOnASlowClock(t *testing.T) {
	t.Parallel()
	for name, recorded := range map[string]time.Time{
		"desk clock behind": {}, "mistyped year": testStart.AddDate(1, 0, 0),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			f := complete()
			f.Power = nil
			w.say(0, message("m1", f))
			w.send(10*time.Minute, "authorize-power", AuthorizePower{
				Staff: Staff{By: "anna"}, Permission: hosting.PowerPermission{Grant: hosting.GrantAllowed},
				Evidence: hosting.Evidence{Text: "you may", Author: owner, How: "phone", At: recorded},
			})
			no := message("m2", hosting.RequestFields{Power: refused()})
			no.Fields.Power.Evidence.At = testStart.Add(9 * time.Minute) // sent at 12, by a clock three minutes behind
			w.say(12*time.Minute, no)
			w.send(13*time.Minute, "power", cycle())
			w.finish(time.Hour)
			w.say(2*time.Hour, message("m3", hosting.RequestFields{Power: refused()}))
			w.env.ExecuteWorkflow(ServerIntervention, fromCustomer("srv-1001"))
			if len(w.orders) > 0 {
				t.Error("power was cycled after the customer said no")
			}
		})
	}
}

// The desk need not say who closed a ticket.
func TestClosedByNobody(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.say(0, message("m1", complete()))
	w.say(time.Minute, hosting.TicketEvent{ID: "c1", Kind: hosting.TicketClosed, Ticket: ticket, At: testStart})
	w.finish(time.Hour)
	w.env.ExecuteWorkflow(ServerIntervention, fromCustomer("srv-1001"))
	for _, a := range w.actions {
		if a.By == "" {
			t.Errorf("the database refuses an entry without by: %+v", a)
		}
	}
}

// Which server? is not asked of an auto-responder for ever.
func TestWhichServerAndAutoResponder(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.say(0, message("m1", hosting.RequestFields{Server: "srv-9999"}))
	for n := range 30 {
		e := message("auto"+string(rune('A'+n)), hosting.RequestFields{})
		e.Text = "I am out of office."
		w.say(time.Duration(n+1)*time.Minute, e)
	}
	w.send(time.Hour, "cancel", Decision{Staff: Staff{By: "anna"}, Reason: "stop"})
	w.env.ExecuteWorkflow(ServerIntervention, fromCustomer("srv-9999"))
	if n := len(w.letters); n > 10 {
		t.Errorf("%d letters in half an hour", n)
	}
}
