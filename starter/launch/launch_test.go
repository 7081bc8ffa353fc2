package launch_test

import (
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/converter"
	"pgregory.net/rapid"

	"github.com/handrail/handrail/hosting"
	"github.com/handrail/handrail/starter/internal/frontend"
	"github.com/handrail/handrail/starter/launch"
	"github.com/handrail/handrail/workflows"
)

const intervention = hosting.ServerIntervention

func staff(server, ticket string) workflows.Request {
	return workflows.Request{Server: server, Ticket: ticket, RequestedBy: hosting.Requester{Contact: "anna", Role: hosting.RoleStaff}}
}

func event(ticket, id string) hosting.TicketEvent {
	return hosting.TicketEvent{
		ID: id, Kind: hosting.TicketMessage, Ticket: ticket, Author: "giulia@example.it", Procedure: intervention,
		Fields: hosting.RequestFields{Server: "srv-1004"},
	}
}

func decode[T any](t *testing.T, in *commonpb.Payload) (v T) {
	t.Helper()
	if err := converter.GetDefaultDataConverter().FromPayload(in, &v); err != nil {
		t.Fatal(err)
	}
	return v
}

// The start of an operation as it goes over the wire: id, queue, policies,
// summary, search attributes (staff contract).
func TestStart(t *testing.T) {
	t.Parallel()
	f := frontend.Start(t)
	run, err := launch.Start(t.Context(), f.Dial(t), intervention, staff("srv-1004", "1001"), workflows.InterventionRequest{Request: staff("srv-1004", "1001")})
	if err != nil || run.GetID() != "intervention/1001" || run.GetRunID() == "" {
		t.Fatalf("%v, %v", run, err)
	}
	got := frontend.Calls[*workflowservice.StartWorkflowExecutionRequest](f)[0]
	if got.GetWorkflowType().GetName() != "ServerIntervention" || got.GetTaskQueue().GetName() != "handrail" ||
		got.GetWorkflowIdReusePolicy() != enumspb.WORKFLOW_ID_REUSE_POLICY_REJECT_DUPLICATE ||
		got.GetWorkflowIdConflictPolicy() != enumspb.WORKFLOW_ID_CONFLICT_POLICY_FAIL {
		t.Errorf("%v", got)
	}
	attributes := got.GetSearchAttributes().GetIndexedFields()
	if decode[string](t, attributes["Ticket"]) != "1001" || decode[string](t, attributes["Phase"]) != "running" || len(attributes) != 2 {
		t.Errorf("search attributes %v", attributes)
	}
	if s := decode[string](t, got.GetUserMetadata().GetSummary()); s != "ServerIntervention · ticket 1001 · srv-1004" {
		t.Errorf("summary %q", s)
	}
	if s := decode[string](t, got.GetUserMetadata().GetDetails()); s != "Requested by anna (staff)." {
		t.Errorf("details %q", s)
	}
}

// One procedure and ticket make one operation, whether the first one runs or
// has ended.
func TestStart_oncePerTicket(t *testing.T) {
	t.Parallel()
	for _, status := range []enumspb.WorkflowExecutionStatus{enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING, enumspb.WORKFLOW_EXECUTION_STATUS_COMPLETED} {
		f := frontend.Start(t, &frontend.Workflow{ID: "intervention/1001", Type: string(intervention), Status: status})
		_, err := launch.Start(t.Context(), f.Dial(t), intervention, staff("srv-1004", "1001"), nil)
		if hosting.KindOf(err) != hosting.FaultConflict || !strings.Contains(err.Error(), "starter show intervention/1001") {
			t.Errorf("%s: %v", status, err)
		}
	}
}

// Staff may work on a server of their own accord again, but not twice at once.
func TestStart_withoutTicket(t *testing.T) {
	t.Parallel()
	own := &frontend.Workflow{ID: "intervention/staff-srv-1004", Type: string(intervention)}
	f := frontend.Start(t, own)
	tc := f.Dial(t)
	if _, err := launch.Start(t.Context(), tc, intervention, staff("SRV-1004", ""), nil); hosting.KindOf(err) != hosting.FaultConflict {
		t.Errorf("at once: %v", err)
	}
	own.Status = enumspb.WORKFLOW_EXECUTION_STATUS_COMPLETED
	if run, err := launch.Start(t.Context(), tc, intervention, staff("srv-1004", ""), nil); err != nil || run.GetID() != own.ID {
		t.Errorf("again: %v, %v", run, err)
	}
}

func TestStart_refuses(t *testing.T) {
	t.Parallel()
	f := frontend.Start(t)
	tc := f.Dial(t)
	nobody := staff("srv-1004", "1001")
	nobody.RequestedBy.Contact = " "
	for want, r := range map[string]workflows.Request{
		"neither a server nor a ticket":   staff("", ""),
		"requestedBy.contact is empty":    nobody,
		`"1001/2" is not the number`:      staff("", "1001/2"),
		`"10 01" is not the number`:       staff("", "10 01"),
		"is not the number of a ticket":   staff("", strings.Repeat("1", 65)),
		"the server's name has 256 bytes": staff(strings.Repeat("x", 256), ""),
	} {
		_, err := launch.Start(t.Context(), tc, intervention, r, nil)
		if hosting.KindOf(err) != hosting.FaultInvalidRequest || !strings.Contains(err.Error(), want) {
			t.Errorf("%v; want %s", err, want)
		}
	}
	if calls := frontend.Calls[*workflowservice.StartWorkflowExecutionRequest](f); len(calls) > 0 {
		t.Errorf("Temporal was asked: %v", calls)
	}
}

// A summary fits Temporal's limit of 400 bytes whatever was asked for.
func TestOptions_summaryFits(t *testing.T) {
	t.Parallel()
	o := launch.Options(intervention, staff(strings.Repeat("x", 255), strings.Repeat("1", 64)))
	if n := len(o.StaticSummary); n > 400 {
		t.Errorf("%d bytes", n)
	}
}

// H10, I15: the first message starts, later ones are signals, and a message
// after the end does nothing.
func TestSignalOrStart_H10(t *testing.T) {
	t.Parallel()
	f := frontend.Start(t)
	tc := f.Dial(t)
	for _, id := range []string{"m-1", "m-2"} {
		if taken, err := launch.SignalOrStart(t.Context(), tc, event("1001", id)); err != nil || !taken {
			t.Fatalf("%s: %v, %v", id, taken, err)
		}
	}
	got := frontend.Signals[hosting.TicketEvent](t, f, "intervention/1001")
	if len(got) != 2 || got[0].ID != "m-1" || got[1].ID != "m-2" {
		t.Errorf("signals %v", got)
	}
	call := frontend.Calls[*workflowservice.SignalWithStartWorkflowExecutionRequest](f)[0]
	if call.GetWorkflowIdReusePolicy() != enumspb.WORKFLOW_ID_REUSE_POLICY_REJECT_DUPLICATE ||
		call.GetWorkflowIdConflictPolicy() != enumspb.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING || call.GetSignalName() != "ticket-event" {
		t.Errorf("%v", call)
	}
	in := decode[workflows.InterventionRequest](t, call.GetInput().GetPayloads()[0])
	if in.Server != "srv-1004" || in.Ticket != "1001" || in.RequestedBy != (hosting.Requester{Contact: "giulia@example.it", Role: hosting.RoleCustomer}) {
		t.Errorf("input %+v", in)
	}
}

// A reinstallation is started by its ticket as well, and reads its own request.
func TestSignalOrStart_reinstall_I17(t *testing.T) {
	t.Parallel()
	f := frontend.Start(t, &frontend.Workflow{ID: "intervention/1001", Type: string(intervention)})
	tc := f.Dial(t)
	e := event("1001", "m-1")
	e.Procedure, e.Fields.Install.System = hosting.OSReinstall, "Debian 12"
	if taken, err := launch.SignalOrStart(t.Context(), tc, e); err != nil || !taken {
		t.Fatalf("%v, %v", taken, err)
	}
	call := frontend.Calls[*workflowservice.SignalWithStartWorkflowExecutionRequest](f)[0]
	in := decode[workflows.ReinstallRequest](t, call.GetInput().GetPayloads()[0])
	want := workflows.ReinstallRequest{Request: workflows.Request{
		Server: "srv-1004", Ticket: "1001", RequestedBy: hosting.Requester{Contact: "giulia@example.it", Role: hosting.RoleCustomer},
	}}
	if call.GetWorkflowId() != "reinstall/1001" || call.GetWorkflowType().GetName() != "OSReinstall" || !reflect.DeepEqual(in, want) {
		t.Errorf("%s %s %+v", call.GetWorkflowId(), call.GetWorkflowType().GetName(), in)
	}
	if got := frontend.Signals[hosting.TicketEvent](t, f, "reinstall/1001"); len(got) != 1 || got[0].Fields.Install.System != "Debian 12" {
		t.Errorf("signals %+v", got)
	}
	e.Procedure = ""
	if taken, err := launch.SignalOrStart(t.Context(), tc, e); hosting.KindOf(err) != hosting.FaultInvalidRequest || taken {
		t.Errorf("no procedure: %v, %v", taken, err)
	}
}

func TestSignalOrStart_afterTheEnd(t *testing.T) {
	t.Parallel()
	f := frontend.Start(t, &frontend.Workflow{ID: "intervention/1001", Type: string(intervention), Status: enumspb.WORKFLOW_EXECUTION_STATUS_COMPLETED})
	taken, err := launch.SignalOrStart(t.Context(), f.Dial(t), event("1001", "m-9"))
	if err != nil || taken {
		t.Errorf("%v, %v", taken, err)
	}
	// The refusal is an answer: the SDK must not ask again and again.
	if n := len(frontend.Calls[*workflowservice.SignalWithStartWorkflowExecutionRequest](f)); n != 1 {
		t.Errorf("%d calls", n)
	}
}

func TestSignalOrStart_passesErrorsOn(t *testing.T) {
	t.Parallel()
	f := frontend.Start(t)
	tc := f.Dial(t)
	f.Fail(func(string) error { return serviceerror.NewPermissionDenied("no", "") })
	if taken, err := launch.SignalOrStart(t.Context(), tc, event("1001", "m-1")); err == nil || taken {
		t.Errorf("%v, %v", taken, err)
	}
}

func TestFind(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 22, 2, 0, 0, 0, time.UTC)
	ticket := func(n string) map[string]any { return map[string]any{"Ticket": n} }
	done, running := enumspb.WORKFLOW_EXECUTION_STATUS_COMPLETED, enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING
	f := frontend.Start(t,
		&frontend.Workflow{ID: "intervention/1001", Type: "ServerIntervention", Attributes: ticket("1001")},
		&frontend.Workflow{ID: "intervention/1002", Type: "ServerIntervention", Attributes: ticket("1002"), Status: done},
		// Started from the form under an id of its own, after the one by the rules ended.
		&frontend.Workflow{ID: "own-id", Type: "ServerIntervention", Attributes: ticket("1003"), Started: at},
		&frontend.Workflow{ID: "intervention/1003", Type: "ServerIntervention", Attributes: ticket("1003"), Status: done, Started: at.Add(time.Hour)},
		// Two that ended.
		&frontend.Workflow{ID: "intervention/1004", Type: "ServerIntervention", Attributes: ticket("1004"), Status: done, Started: at},
		&frontend.Workflow{ID: "later", Type: "ServerIntervention", Attributes: ticket("1004"), Status: done, Started: at.Add(time.Hour)},
		// Two that run.
		&frontend.Workflow{ID: "intervention/1005", Type: "ServerIntervention", Attributes: ticket("1005"), Status: running},
		&frontend.Workflow{ID: "other", Type: "ServerIntervention", Attributes: ticket("1005"), Status: running},
		&frontend.Workflow{ID: "foreign", Type: "SomebodyElses", Attributes: ticket("1006")},
		// Gave way to a fresh run.
		&frontend.Workflow{ID: "intervention/1007", Run: "first", Type: "ServerIntervention", Attributes: ticket("1007"), Status: enumspb.WORKFLOW_EXECUTION_STATUS_CONTINUED_AS_NEW},
		&frontend.Workflow{ID: "intervention/1007", Run: "second", Type: "ServerIntervention", Attributes: ticket("1007")},
	)
	tc := f.Dial(t)
	for name, want := range map[string]string{
		"1001": "intervention/1001", "intervention/1001": "intervention/1001", "1002": "intervention/1002", "1003": "own-id", "own-id": "own-id",
		"1004": "later", "1007": "intervention/1007",
	} {
		got, err := launch.Find(t.Context(), tc, name)
		if err != nil || launch.ID(got) != want {
			t.Errorf("%s is %v, %v; want %s", name, got, err, want)
		}
	}
	for name, want := range map[string]error{
		"9999": launch.ErrNotFound, "intervention/9999": launch.ErrNotFound, "foreign": launch.ErrNotFound, "1006": launch.ErrNotFound,
		"": launch.ErrNotFound, "it's; DROP": launch.ErrNotFound, "1005": launch.ErrAmbiguous,
	} {
		if got, err := launch.Find(t.Context(), tc, name); !errors.Is(err, want) {
			t.Errorf("%s is %v, %v; want %v", name, got, err, want)
		}
	}
}

// A ticket that has had both procedures.
func TestFind_ofProcedure(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 22, 2, 0, 0, 0, time.UTC)
	done, running := enumspb.WORKFLOW_EXECUTION_STATUS_COMPLETED, enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING
	var all []*frontend.Workflow
	pair := func(ticket string, first, second enumspb.WorkflowExecutionStatus) {
		attributes := map[string]any{"Ticket": ticket}
		all = append(all,
			&frontend.Workflow{ID: "intervention/" + ticket, Type: "ServerIntervention", Attributes: attributes, Status: first, Started: at},
			&frontend.Workflow{ID: "reinstall/" + ticket, Type: "OSReinstall", Attributes: attributes, Status: second, Started: at.Add(time.Hour)})
	}
	pair("1", done, running)
	pair("2", running, done)
	pair("3", done, done)
	pair("4", running, running)
	tc := frontend.Start(t, all...).Dial(t)
	for _, c := range []struct {
		name string
		of   []hosting.Procedure
		want string
	}{
		{"1", nil, "reinstall/1"},
		{"2", nil, "intervention/2"},
		{"3", nil, "reinstall/3"},
		{"1", []hosting.Procedure{intervention}, "intervention/1"},
		{"2", []hosting.Procedure{hosting.OSReinstall}, "reinstall/2"},
		{"4", []hosting.Procedure{hosting.OSReinstall}, "reinstall/4"},
		{"4", []hosting.Procedure{intervention}, "intervention/4"},
		{"reinstall/4", []hosting.Procedure{hosting.OSReinstall}, "reinstall/4"},
		{"4", nil, ""},
	} {
		got, err := launch.Find(t.Context(), tc, c.name, c.of...)
		if launch.ID(got) != c.want || (err == nil) != (c.want != "") {
			t.Errorf("%s of %v is %v, %v; want %s", c.name, c.of, got, err, c.want)
		}
	}
	if _, err := launch.Find(t.Context(), tc, "4"); !errors.Is(err, launch.ErrAmbiguous) || !strings.Contains(err.Error(), "reinstall/4") {
		t.Errorf("%v", err)
	}
	_, err := launch.Find(t.Context(), tc, "reinstall/1", intervention)
	if hosting.KindOf(err) != hosting.FaultInvalidRequest || !strings.Contains(err.Error(), "reinstall/1 is an operation of OSReinstall: this is for ServerIntervention") {
		t.Errorf("%v", err)
	}
	if _, err := launch.Find(t.Context(), tc, "9", intervention); !errors.Is(err, launch.ErrNotFound) {
		t.Errorf("%v", err)
	}
}

func TestRunning(t *testing.T) {
	t.Parallel()
	ticket := map[string]any{"Ticket": "1001"}
	f := frontend.Start(t,
		&frontend.Workflow{ID: "intervention/1001", Type: "ServerIntervention", Attributes: ticket},
		&frontend.Workflow{ID: "own-id", Type: "ServerIntervention", Attributes: ticket},
		&frontend.Workflow{ID: "ended", Type: "ServerIntervention", Attributes: ticket, Status: enumspb.WORKFLOW_EXECUTION_STATUS_FAILED},
	)
	tc := f.Dial(t)
	got, err := launch.Running(t.Context(), tc, "1001")
	var ids []string
	for _, e := range got {
		ids = append(ids, launch.ID(e))
	}
	if err != nil || !slices.Equal(ids, []string{"intervention/1001", "own-id"}) {
		t.Errorf("%v, %v", ids, err)
	}
	if got, err := launch.Running(t.Context(), tc, "1002"); err != nil || len(got) > 0 {
		t.Errorf("%v, %v", got, err)
	}
}

// However a value is written, it stays inside its quotes: read with the rules
// of the server's tokenizer (a backslash escapes, a quote ends) it is the value.
func TestQuote(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		want := rapid.String().Draw(t, "value")
		quoted := launch.Quote(want)
		var read strings.Builder
		inside := []rune(quoted[1 : len(quoted)-1])
		for i := 0; i < len(inside); i++ {
			switch inside[i] {
			case '\'':
				t.Fatalf("%s ends early", quoted)
			case '\\':
				i++
			}
			read.WriteRune(inside[i])
		}
		if read.String() != want {
			t.Fatalf("%q reads as %q", want, read.String())
		}
	})
}
