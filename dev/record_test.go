package main

import (
	"flag"
	"os"
	"path/filepath"
	"testing"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/temporalproto"
	"google.golang.org/protobuf/proto"

	"github.com/handrail/handrail/dev/datacenter/fault"
	"github.com/handrail/handrail/dev/ticketdesk"
	"github.com/handrail/handrail/hosting"
	"github.com/handrail/handrail/workflows"
)

var record = flag.String("record", "", "write the histories of this release, named so, into workflows/testdata/histories")

func (b *bench) history(workflow string) *historypb.History {
	b.t.Helper()
	h := &historypb.History{}
	events := b.client.GetWorkflowHistory(b.t.Context(), workflow, "", false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for events.HasNext() {
		e, err := events.Next()
		if err != nil {
			b.t.Fatal(err)
		}
		h.Events = append(h.Events, e)
	}
	return h
}

// keep writes a history for the replay tests, where -record asks for it.
func (b *bench) keep(workflow, name string) {
	b.t.Helper()
	if *record == "" {
		return
	}
	h := b.history(workflow)
	for _, e := range h.GetEvents() {
		if a := e.GetWorkflowTaskStartedEventAttributes(); a != nil {
			a.Identity = "" // names this machine
		}
	}
	text, err := temporalproto.CustomJSONMarshalOptions{Indent: " "}.Marshal(h)
	if err != nil {
		b.t.Fatal(err)
	}
	path := filepath.Join("..", "workflows", "testdata", "histories", *record+"-"+name+".json")
	if err := os.WriteFile(path, text, 0o644); err != nil { //nolint:gosec // part of the repository
		b.t.Fatal(err)
	}
}

// The size of a complete intervention with one power cycle, all answers in the
// first ticket: at most 80 events and 100 KB.
func TestSizeOfHistory(t *testing.T) {
	t.Parallel()
	b := share(t)
	b.t = t
	c := b.customer(hosting.English)
	_, id := b.request(c, true)
	b.at(id, "work")
	if _, err := b.power(id, hosting.ActCycle); err != nil {
		t.Fatal(err)
	}
	b.finish(id)
	b.keep(id, "complete")
	h := b.history(id)
	events, size := len(h.GetEvents()), proto.Size(h)
	t.Logf("a complete intervention: %d events, %d bytes, %d billable actions (heartbeats and queries not counted)", events, size, billable(h))
	if events > 80 || size > 100_000 {
		t.Errorf("%d events, %d bytes", events, size)
	}
}

// billable counts the actions of a history as Temporal Cloud bills them: all
// local activities of one workflow task are one.
func billable(h *historypb.History) int {
	n, localTask := 0, int64(0)
	for _, e := range h.GetEvents() {
		switch e.GetEventType() {
		case enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED, enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED,
			enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ACCEPTED, enumspb.EVENT_TYPE_TIMER_STARTED,
			enumspb.EVENT_TYPE_UPSERT_WORKFLOW_SEARCH_ATTRIBUTES:
			n++
		case enumspb.EVENT_TYPE_ACTIVITY_TASK_STARTED:
			n += int(e.GetActivityTaskStartedEventAttributes().GetAttempt())
		case enumspb.EVENT_TYPE_MARKER_RECORDED:
			if task := e.GetMarkerRecordedEventAttributes().GetWorkflowTaskCompletedEventId(); task != localTask {
				localTask = task
				n++
			}
		}
	}
	return n
}

// Histories worth replaying besides the complete one.
func TestPathsWorthRecording(t *testing.T) {
	t.Parallel()
	staff := workflows.Staff{By: "anna"}
	decision := workflows.Decision{Staff: staff, Reason: "recorded"}
	t.Run("asked", func(t *testing.T) {
		t.Parallel()
		b := share(t)
		b.t = t
		c := b.customer(hosting.Italian)
		ticket, id := b.request(c, false)
		b.until("the question", func() bool { return len(b.posts(ticket)) == 1 })
		b.reply(c, ticket, hosting.StatementText(hosting.PowerAllowed, hosting.Italian, b.provider))
		b.until("the second question", func() bool { return len(b.posts(ticket)) == 2 })
		b.reply(c, ticket, hosting.StatementText(hosting.LossAccepted, hosting.Italian, b.provider))
		b.at(id, "work")
		b.reply(c, ticket, hosting.StatementText(hosting.PowerRefused, hosting.Italian, b.provider))
		b.until("the revocation", func() bool { return b.status(id).Power.Grant == hosting.GrantRefused })
		if _, err := b.power(id, hosting.ActCycle); err == nil || len(c.resets()) != 0 {
			t.Errorf("power after the revocation: %v, resets %v", err, c.resets())
		}
		b.finish(id)
		b.keep(id, "asked")
	})
	t.Run("cancelled", func(t *testing.T) {
		t.Parallel()
		b := share(t)
		b.t = t
		c := b.customer(hosting.English)
		_, id := b.request(c, true)
		b.at(id, "work")
		if r, err := b.power(id, hosting.ActForcedOff); err != nil || r.Outcome != hosting.Reached {
			t.Fatalf("off: %+v, %v", r, err)
		}
		if _, err := tell[string](b, id, "cancel", decision); err != nil {
			t.Fatal(err)
		}
		if r := b.result(id); r.Phase != hosting.PhaseCancelled || c.machine.Power() != hosting.PowerOn {
			t.Errorf("result %+v, power %s", r, c.machine.Power())
		}
		b.keep(id, "cancelled")
	})
	t.Run("relaunched", func(t *testing.T) {
		t.Parallel()
		b := share(t)
		b.t = t
		c := b.customer("", hosting.Redfish)
		if err := c.machine.SetFault(fault.Fault{Name: fault.Unavailable}); err != nil {
			t.Fatal(err)
		}
		ticket, id := b.request(c, true)
		b.inPhase(id, hosting.PhaseAttention)
		c.machine.ClearFaults()
		if _, err := tell[string](b, id, "relaunch", decision); err != nil {
			t.Fatal(err)
		}
		b.at(id, "work")
		b.finish(id)
		b.keep(id, "relaunched")
		var looks []hosting.StepState
		for _, s := range b.operation(ticket).Steps {
			if s.Name == "look" {
				looks = append(looks, s.State)
			}
		}
		if len(looks) != 2 || looks[0] != hosting.StepFailed || looks[1] != hosting.StepDone {
			t.Errorf("attempts at look: %v, want failed and done (G11)", looks)
		}
	})
	t.Run("queued", func(t *testing.T) {
		t.Parallel()
		b := share(t)
		b.t = t
		c := b.customer(hosting.English)
		_, first := b.request(c, true)
		b.at(first, "work")
		_, second := b.request(c, true)
		b.inPhase(second, hosting.PhaseQueued)
		if _, err := tell[string](b, first, "cancel", decision); err != nil {
			t.Fatal(err)
		}
		b.at(second, "work")
		b.finish(second)
		b.keep(second, "queued")
	})
}

// The size of a complete reinstallation, all answers in the first ticket.
func TestSizeOfReinstall(t *testing.T) {
	t.Parallel()
	b := share(t)
	b.t = t
	c := b.customerOf("dell")
	before := c.machine.Requests()
	asked := time.Now()
	_, id := b.reinstallation(c, ticketdesk.Reinstallation{})
	b.until("the first power action", func() bool { return len(c.machine.Resets()) > 0 })
	acted := c.machine.Resets()[0].At.Sub(asked)
	b.result(id)
	h := b.history(id)
	events, size := len(h.GetEvents()), proto.Size(h)
	t.Logf("a complete reinstallation: %d events, %d bytes, %d billable actions (heartbeats and queries not counted), %d HTTP requests to the BMC",
		events, size, billable(h), c.machine.Requests()-before)
	t.Logf("from the customer's last answer to the first power action: %s", acted.Round(10*time.Millisecond))
	if events > 200 || size > 200_000 {
		t.Errorf("%d events, %d bytes", events, size)
	}
}
