package main

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"go.temporal.io/sdk/temporal"

	"github.com/handrail/handrail/activities/desk"
	"github.com/handrail/handrail/dev/datacenter/fault"
	"github.com/handrail/handrail/hosting"
	"github.com/handrail/handrail/workflows"
)

// The customer's ticket in each language to the closed ticket, with nobody but
// the technician in between.
func TestTicketToClosedTicket(t *testing.T) {
	t.Parallel()
	for _, l := range hosting.Languages() {
		t.Run(string(l), func(t *testing.T) {
			t.Parallel()
			b := share(t)
			b.t = t
			c := b.customer(l)
			ticket, id := b.request(c, true)
			b.at(id, "work")
			if muted, err := b.records.SuppressedBy(t.Context(), c.server.ServiceID); err != nil || len(muted) != 1 {
				t.Errorf("alerts at work: %v, %v", muted, err)
			}
			r, err := b.power(id, hosting.ActCycle)
			if err != nil || r.Outcome != hosting.Reached || r.OffSince == nil || r.OnSince == nil {
				t.Fatalf("cycle: %+v, %v", r, err)
			}
			result := b.finish(id)
			if result.Phase != hosting.PhaseDone || result.Downtime <= 0 {
				t.Errorf("result %+v", result)
			}
			thread, err := b.desk.Thread(ticket)
			if err != nil || thread.State != desk.Closed {
				t.Errorf("the ticket is %s, %v", thread.State, err)
			}
			posts := b.posts(ticket)
			if len(posts) != 2 {
				t.Fatalf("%d posts on the ticket: %q", len(posts), posts)
			}
			wantText(t, posts[1], "It hung; it was restarted", c.server.ServiceID)
			if len(c.resets()) != 2 || c.machine.Power() != hosting.PowerOn {
				t.Errorf("resets %v, power %s", c.resets(), c.machine.Power())
			}
			op := b.operation(ticket)
			if op.Phase != hosting.PhaseDone || op.ClosedAt == nil || op.Server != c.server.ServiceID || len(op.Steps) != 10 {
				t.Errorf("row %+v", op)
			}
			actions, err := b.records.Actions(t.Context(), op.ID)
			if err != nil || len(actions) != 2 || actions[0].What != "request" || actions[1].By != "anna" {
				t.Errorf("actions %+v, %v", actions, err)
			}
			if muted, err := b.records.SuppressedBy(t.Context(), c.server.ServiceID); err != nil || len(muted) != 0 {
				t.Errorf("alerts afterwards: %v, %v", muted, err)
			}
			b.until("the summary by mail", func() bool {
				for _, m := range b.mailbox.Messages() {
					if strings.Contains(m.Subject, c.server.ServiceID) && slices.Contains(m.Recipients, c.contact.Email) {
						return m.HTML != "" && m.Text != ""
					}
				}
				return false
			})
		})
	}
}

// What is missing is asked for on the ticket, answered there by the exact
// sentences, and the work goes on.
func TestAnswersOnTheTicket(t *testing.T) {
	t.Parallel()
	for _, l := range hosting.Languages() {
		t.Run(string(l), func(t *testing.T) {
			t.Parallel()
			b := share(t)
			b.t = t
			c := b.customer(l)
			ticket, id := b.request(c, false)
			b.inPhase(id, hosting.PhaseWaiting)
			b.until("the question", func() bool { return len(b.posts(ticket)) == 1 })
			allowed := hosting.StatementText(hosting.PowerAllowed, l, b.provider)
			wantText(t, b.posts(ticket)[0], allowed, hosting.StatementText(hosting.BackupExists, l, b.provider))

			// A yes is not a statement: it is asked again.
			b.reply(c, ticket, hosting.Label(hosting.FieldPower, l)+": ok\n")
			b.until("the second question", func() bool { return len(b.posts(ticket)) == 2 })
			b.reply(c, ticket, allowed+"\n\n"+hosting.StatementText(hosting.LossAccepted, l, b.provider))
			b.at(id, "work")
			s := b.status(id)
			if s.Power.Grant != hosting.GrantAllowed || s.Backup != hosting.BackupLossOkay || len(s.Consents) != 2 {
				t.Errorf("status %+v", s)
			}
			if e := s.Consents[0]; e.Text != allowed || e.Author != c.contact.Email || e.Message == "" {
				t.Errorf("evidence %+v", e)
			}
			b.finish(id)
		})
	}
}

// Each fault of a BMC ends in the outcome that the design names.
func TestFaultsOfBMCs(t *testing.T) {
	t.Parallel()
	for _, x := range []struct {
		name    string
		fault   fault.Fault
		action  hosting.PowerAction
		forced  bool
		outcome hosting.PowerOutcome
		kind    hosting.FaultKind
		only    []hosting.Protocol // nil is both
	}{
		{name: "slow", fault: fault.Fault{Name: fault.Slow}, action: hosting.ActCycle, outcome: hosting.Reached},
		{name: "503 falls back to IPMI", fault: fault.Fault{Name: fault.Unavailable}, action: hosting.ActCycle, outcome: hosting.Reached},
		{name: "409 after off", fault: fault.Fault{Name: fault.ConflictAfterOff, Duration: 3 * time.Second}, action: hosting.ActCycle, outcome: hosting.Reached},
		{name: "stuck power", fault: fault.Fault{Name: fault.StuckPower}, action: hosting.ActForcedOff, outcome: hosting.Unmoved},
		{name: "graceful ignored", fault: fault.Fault{Name: fault.GracefulIgnored}, action: hosting.ActGracefulOff, outcome: hosting.Unmoved},
		{name: "graceful ignored, forced authorized", fault: fault.Fault{Name: fault.GracefulIgnored}, action: hosting.ActCycle, forced: true, outcome: hosting.Reached},
		{name: "lying power", fault: fault.Fault{Name: fault.LyingPower}, action: hosting.ActForcedOff, outcome: hosting.Contradictory},
		{name: "sessions full", fault: fault.Fault{Name: fault.SessionsFull}, action: hosting.ActCycle, outcome: hosting.Reached},
		{name: "hang", fault: fault.Fault{Name: fault.Hang}, action: hosting.ActCycle, kind: hosting.FaultUnreachable, only: []hosting.Protocol{hosting.Redfish}},
		{name: "HTML falls back to IPMI", fault: fault.Fault{Name: fault.HTML}, action: hosting.ActCycle, outcome: hosting.Reached},
	} {
		t.Run(x.name, func(t *testing.T) {
			t.Parallel()
			b := share(t)
			b.t = t
			c := b.customer("", x.only...)
			_, id := b.request(c, true)
			b.at(id, "work")
			if err := c.machine.SetFault(x.fault); err != nil {
				t.Fatal(err)
			}
			r, err := tell[hosting.PowerResult](b, id, "power", workflows.PowerOrder{Staff: workflows.Staff{By: "anna"}, Action: x.action, Forced: x.forced})
			switch {
			case x.kind != "":
				if app, ok := errors.AsType[*temporal.ApplicationError](err); !ok || app.Type() != string(x.kind) {
					t.Errorf("error %v, want %s", err, x.kind)
				}
			case err != nil || r.Outcome != x.outcome:
				t.Errorf("outcome %+v, %v; want %s", r, err, x.outcome)
			}
			c.machine.ClearFaults()
			if _, err := tell[string](b, id, "cancel", workflows.Decision{Staff: workflows.Staff{By: "anna"}, Reason: "test over"}); err != nil {
				t.Fatal(err)
			}
			if got := b.result(id); got.Phase != hosting.PhaseCancelled {
				t.Errorf("result %+v", got)
			}
			b.until("power as found", func() bool { return c.machine.Power() == hosting.PowerOn })
		})
	}
}
