package workflows

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/temporal"

	"github.com/handrail/handrail/activities/desk"
	"github.com/handrail/handrail/hosting"
)

func wantLetters(t *testing.T, w *world, want ...hosting.LetterName) {
	t.Helper()
	if got := w.names(); !slices.Equal(got, want) {
		t.Errorf("letters on the ticket: %v, want %v", got, want)
	}
}

func wantRefused(t *testing.T, r *reply, words string) {
	t.Helper()
	if r.rejected == nil || !strings.Contains(r.rejected.Error(), words) {
		t.Errorf("the update was not refused with %q: rejected %v, completed %v %v", words, r.rejected, r.result, r.err)
	}
}

func wantAccepted(t *testing.T, r *reply) {
	t.Helper()
	if !r.accepted || r.err != nil {
		t.Errorf("the update was refused: %v %v", r.rejected, r.err)
	}
}

func cycle() PowerOrder { return PowerOrder{Staff: Staff{By: "anna"}, Action: hosting.ActCycle} }

// I1, I6, I8, I9, I10, I27: a complete ticket needs nobody but the technician.
func TestCompleteTicket(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.say(0, message("m1", complete()))
	power := w.send(time.Minute, "power", cycle())
	var mutedAtWork bool
	w.env.RegisterDelayedCallback(func() { mutedAtWork = w.muted }, 2*time.Minute)
	recorded := w.send(3*time.Minute, "record-action", RecordedAction{Staff: Staff{By: "anna"}, What: "read the console", Result: "kernel panic"})
	done := w.finish(10 * time.Minute)
	w.env.ExecuteWorkflow(ServerIntervention, fromCustomer("srv-1001"))

	r := w.ended(t)
	if r.Phase != hosting.PhaseDone || r.Downtime.D() != time.Minute || r.Server != "srv-1001" {
		t.Errorf("result %+v", r)
	}
	for _, u := range []*reply{power, recorded, done} {
		wantAccepted(t, u)
	}
	wantLetters(t, w, hosting.LetterAcknowledge, hosting.LetterSummary)
	last := w.letters[1]
	if !last.Close || last.Kind != desk.Summary || last.Letter.Report.Downtime.D() != time.Minute || last.Letter.Language != hosting.Italian {
		t.Errorf("the summary is %+v of %+v", last, last.Letter.Report)
	}
	if len(w.mails) != 1 || w.mails[0].To != owner {
		t.Errorf("mails %+v", w.mails)
	}
	if len(w.consents) != 2 || w.consents[0].Evidence.Text == "" || w.consents[0].Server != "srv-1001" {
		t.Errorf("consents %+v", w.consents)
	}
	if a := w.actions[0]; a.What != "request" || !strings.Contains(a.Result, "failed: ssh") || a.By != owner {
		t.Errorf("the request is written down as %+v", a)
	}
	if !mutedAtWork || w.muted {
		t.Errorf("alerts muted at work: %v, afterwards: %v", mutedAtWork, w.muted)
	}
	for _, s := range w.closing.Steps {
		if s.State != hosting.StepDone || s.Attempt != 1 || s.Ended == nil {
			t.Errorf("step %+v", s)
		}
	}
}

// An id that says another ticket would swallow that ticket's messages.
func TestIDOfAnotherTicket(t *testing.T) {
	t.Parallel()
	for id, refused := range map[string]bool{
		"intervention/1001": false, "intervention/staff-srv-1001": false, "4711-some-uuid": false, "intervention/1004": true,
	} {
		w := newWorld(t)
		w.env.SetStartWorkflowOptions(client.StartWorkflowOptions{ID: id, TaskQueue: TaskQueue})
		w.say(0, message("m1", complete()))
		w.finish(time.Hour)
		w.env.ExecuteWorkflow(ServerIntervention, fromCustomer("srv-1001"))
		if err := w.env.GetWorkflowError(); (err != nil) != refused {
			t.Errorf("%s: %v", id, err)
		}
	}
}

func TestUnknownReason(t *testing.T) {
	t.Parallel()
	for _, in := range []InterventionRequest{{Reason: "fans"}, {FailedTools: []hosting.RemoteTool{"telepathy"}}} {
		w := newWorld(t)
		in.Request = fromCustomer("srv-1001").Request
		w.env.ExecuteWorkflow(ServerIntervention, in)
		if app, ok := errors.AsType[*temporal.ApplicationError](w.env.GetWorkflowError()); !ok || app.Type() != string(hosting.FaultInvalidRequest) {
			t.Errorf("%+v: %v", in, w.env.GetWorkflowError())
		}
	}
}

func TestSecondOperationNamesTheFirst(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.conflict = "intervention/1001"
	w.env.ExecuteWorkflow(ServerIntervention, fromCustomer("srv-1001"))
	err := w.env.GetWorkflowError()
	if app, ok := errors.AsType[*temporal.ApplicationError](err); !ok || app.Type() != string(hosting.FaultConflict) || !strings.Contains(app.Message(), "intervention/1001") {
		t.Errorf("error %v", err)
	}
}

func TestWrongRequests(t *testing.T) {
	t.Parallel()
	for name, r := range map[string]Request{
		"nobody asks":         {Server: "srv-1001", Ticket: "1"},
		"no role":             {Server: "srv-1001", Ticket: "1", RequestedBy: hosting.Requester{Contact: "x"}},
		"customer, no ticket": {Server: "srv-1001", RequestedBy: hosting.Requester{Contact: owner, Role: hosting.RoleCustomer}},
		"staff, nothing":      {RequestedBy: hosting.Requester{Contact: "anna", Role: hosting.RoleStaff}},
	} {
		w := newWorld(t)
		w.env.ExecuteWorkflow(ServerIntervention, InterventionRequest{Request: r})
		if app, ok := errors.AsType[*temporal.ApplicationError](w.env.GetWorkflowError()); !ok || app.Type() != string(hosting.FaultInvalidRequest) {
			t.Errorf("%s: %v", name, w.env.GetWorkflowError())
		}
	}
}

// G10: the ETA is there while we work, and is revised as steps finish.
func TestETA_G10(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.policy.Estimates = map[string]hosting.Duration{"work": hosting.Duration(2 * time.Hour)}
	w.say(0, message("m1", complete()))
	var early, late Status
	w.env.RegisterDelayedCallback(func() { early = w.status(t) }, time.Minute)
	w.env.RegisterDelayedCallback(func() { late = w.status(t) }, 3*time.Hour)
	w.finish(4 * time.Hour)
	w.env.ExecuteWorkflow(ServerIntervention, fromCustomer("srv-1001"))
	w.ended(t)
	if early.ETA == nil || late.ETA == nil || !late.ETA.After(*early.ETA) {
		t.Fatalf("ETA %v, later %v", early.ETA, late.ETA)
	}
	if d := early.ETA.Sub(testStart); d < 2*time.Hour || d > 2*time.Hour+10*time.Minute {
		t.Errorf("ETA %s after the start", d)
	}
}

// mailAway is a mail server that does not answer.
type mailAway struct {
	interceptor.WorkerInterceptorBase
}

func (*mailAway) InterceptActivity(_ context.Context, next interceptor.ActivityInboundInterceptor) interceptor.ActivityInboundInterceptor {
	i := &mailAwayInbound{}
	i.Next = next
	return i
}

type mailAwayInbound struct {
	interceptor.ActivityInboundInterceptorBase
}

func (i *mailAwayInbound) ExecuteActivity(ctx context.Context, in *interceptor.ExecuteActivityInput) (any, error) {
	if activity.GetInfo(ctx).ActivityType.Name == "SendMail" {
		return nil, errors.New("SMTP is away")
	}
	return i.Next.ExecuteActivity(ctx, in)
}

func newSteps() (names []string) {
	for _, s := range (&intervention{operation: &operation{}}).course() {
		names = append(names, s.name)
	}
	return names
}
