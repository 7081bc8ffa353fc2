package cli_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/temporal"

	"github.com/handrail/handrail/hosting"
	"github.com/handrail/handrail/starter/cli"
	"github.com/handrail/handrail/starter/internal/frontend"
	"github.com/handrail/handrail/workflows"
)

// at is a moment on the day of the tests' operations.
func at(clock string) time.Time {
	t, err := time.Parse(time.DateTime, "2026-11-22 "+clock)
	if err != nil {
		panic(err)
	}
	return t
}

func moment(clock string) *time.Time { return new(at(clock)) }

const (
	completed  = enumspb.WORKFLOW_EXECUTION_STATUS_COMPLETED
	failed     = enumspb.WORKFLOW_EXECUTION_STATUS_FAILED
	terminated = enumspb.WORKFLOW_EXECUTION_STATUS_TERMINATED
	timedOut   = enumspb.WORKFLOW_EXECUTION_STATUS_TIMED_OUT
)

// operation is one as Temporal lists it.
func operation(ticket, started string, attributes map[string]any) *frontend.Workflow {
	attributes["Ticket"] = ticket
	return &frontend.Workflow{ID: "intervention/" + ticket, Type: "ServerIntervention", Started: at(started), Attributes: attributes}
}

func ended(w *frontend.Workflow, status enumspb.WorkflowExecutionStatus, closed string) *frontend.Workflow {
	w.Status, w.Closed = status, at(closed)
	return w
}

// several are operations of all kinds.
func several() []*frontend.Workflow {
	return []*frontend.Workflow{
		operation("1001", "02:00:00", map[string]any{
			"Server": "srv-1004", "Organization": "acme", "Phase": "waiting", "Step": "ask", "WaitingOn": "power, backup", "Due": "2026-11-23T02:00:00Z",
		}),
		operation("1002", "02:30:00", map[string]any{"Phase": "running", "Step": "identify"}),
		operation("1003", "03:00:00", map[string]any{
			"Server": "srv-2", "Organization": "łódź", "Phase": "running", "Step": "work", "WaitingOn": "technician\x1b[2J\tof\nthe night",
		}),
		ended(operation("1004", "01:00:00", map[string]any{"Server": "srv-2", "Organization": "łódź", "Phase": "done"}), completed, "01:40:00"),
		ended(operation("1005", "01:10:00", map[string]any{"Phase": "running"}), failed, "01:10:01"),
		ended(operation("1006", "01:20:00", map[string]any{"Server": "srv-2", "Phase": "waiting", "Due": "2026-11-23T02:00:00Z"}), terminated, "01:30:00"),
		ended(operation("1007", "00:10:00", map[string]any{"Phase": "running"}), enumspb.WORKFLOW_EXECUTION_STATUS_CONTINUED_AS_NEW, "00:20:00"),
		{ID: "temporal-sys", Type: "SomebodyElses", Started: at("04:00:00")},
	}
}

func TestList(t *testing.T) {
	t.Parallel()
	f := frontend.Start(t, several()...)
	running := run(t, f, "list")
	golden(t, "list.txt", running.out)
	if running.code != 0 || running.err != "" || strings.Contains(running.out, " \n") {
		t.Errorf("%+v", running)
	}
	golden(t, "list-all.txt", run(t, f, "list", "--all").out)
	golden(t, "list.json", run(t, f, "list", "--all", "--server", "srv-2", "--json").out)
	for filter, want := range map[string]string{
		"":                                "1003 1002 1001",
		"--all":                           "1003 1002 1001 1006 1005 1004",
		"--server srv-2":                  "1003",
		"--server srv-2 --all":            "1003 1006 1004",
		"--customer acme":                 "1001",
		"--customer łódź --all":           "1003 1004",
		"--ticket 1002":                   "1002",
		"--ticket 1004":                   "",
		"--phase running":                 "1003 1002",
		"--phase running --all":           "1003 1002",
		"--phase done":                    "1004",
		"--procedure ServerIntervention":  "1003 1002 1001",
		"--procedure OSReinstall --all":   "",
		"--phase failed":                  "1006 1005", // terminated ones had no chance to say so
		"--phase waiting --customer acme": "1001",
		"--limit 2":                       "1003 1002",
		"--limit 1 --all":                 "1003",
		"--phase waiting --server srv-2":  "",
		"--customer it's --ticket o\\'ne": "",
		"--server x'\u00a0OR\u00a0'1'='1": "",
	} {
		var got []string
		for _, r := range decode[[]cli.Row](t, run(t, f, append([]string{"list", "--json"}, strings.Fields(strings.ReplaceAll(filter, "\u00a0", "_"))...)...)) {
			got = append(got, r.Ticket)
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s: %v, want %s", filter, got, want)
		}
	}
}

func TestList_pages(t *testing.T) {
	t.Parallel()
	var all []*frontend.Workflow
	for i := range 70 {
		w := operation("x", "02:00:00", map[string]any{"Phase": "running"})
		w.ID = strings.Repeat("x", i+1)
		all = append(all, w)
	}
	f := frontend.Start(t, all...)
	if got := decode[[]cli.Row](t, run(t, f, "list", "--limit", "65", "--json")); len(got) != 65 {
		t.Errorf("%d rows", len(got))
	}
}

func TestList_nothing(t *testing.T) {
	t.Parallel()
	f := frontend.Start(t)
	if s := run(t, f, "list"); s.code != 0 || s.out != "no operations; --all lists those that have ended as well\n" {
		t.Errorf("%+v", s)
	}
	if s := run(t, f, "list", "--all"); s.out != "no operations\n" {
		t.Errorf("%+v", s)
	}
	if s := run(t, f, "list", "--json"); s.out != "[]\n" {
		t.Errorf("%+v", s)
	}
}

// What Temporal reports is said in words, with what to do.
func TestErrors(t *testing.T) {
	t.Parallel()
	for want, err := range map[string]error{
		"Temporal does not let you in: who are you?. To do: check TEMPORAL_API_KEY": serviceerror.NewPermissionDenied("who are you?", ""),
		"To do: set TEMPORAL_NAMESPACE":                                             serviceerror.NewNamespaceNotFound("handrail"),
		"invalid query: no such search attribute: Phase. To do: run: worker setup":  serviceerror.NewInvalidArgument("invalid query: no such search attribute: Phase"),
		"Temporal does not take this: too long":                                     serviceerror.NewInvalidArgument("too long"),
		"starter: out of luck\n":                                                    serviceerror.NewInternal("out of luck"),
	} {
		d := sit(frontend.Start(t))
		f := frontend.Start(t)
		d.Dial = dialThenFail(f, err)
		d.run(t, "list").refuses(t, 1, want)
	}
}

func TestStart(t *testing.T) {
	t.Parallel()
	f := frontend.Start(t)
	s := run(t, f, "start", "intervention", "--ticket", "1001", "--server", "srv-1004", "--reason", "diagnostics", "--details", "fan alarm", "--failed", "ssh,ipmi", "--by", "anna")
	if s.code != 0 || s.out != "started intervention/1001\nfollow it with: starter show intervention/1001 --watch\n" || s.err != "" {
		t.Errorf("%+v", s)
	}
	got := firstArgument[workflows.InterventionRequest](t, frontend.Calls[*workflowservice.StartWorkflowExecutionRequest](f)[0].GetInput())
	if got.Server != "srv-1004" || got.Ticket != "1001" || got.RequestedBy != (hosting.Requester{Contact: "anna", Role: hosting.RoleStaff}) ||
		got.Reason != hosting.ReasonDiagnostics || got.Details != "fan alarm" || len(got.FailedTools) != 2 {
		t.Errorf("%+v", got)
	}
	run(t, f, "start", "intervention", "--ticket", "1001").refuses(t, 3, "intervention/1001 was started before. To do: look at it with: starter show intervention/1001")
	run(t, f, "start", "intervention").refuses(t, 3, "neither a server nor a ticket")
	run(t, f, "start", "intervention", "--ticket", "a b").refuses(t, 3, `"a b" is not the number of a ticket`)
	if got := decode[map[string]string](t, run(t, f, "start", "intervention", "--server", "srv-7", "--json")); got["workflow"] != "intervention/staff-srv-7" || got["run"] == "" {
		t.Errorf("%v", got)
	}
}

// status is an intervention in the middle of things.
func status() workflows.Status {
	said := hosting.Evidence{Statement: hosting.PowerAllowed, Text: "I authorize …", Author: "ann@acme.example", At: at("02:00:00")}
	return workflows.Status{
		Procedure: hosting.ServerIntervention, Operation: "op-7", Phase: hosting.PhaseAttention, WaitingOn: "staff", Step: "look",
		Steps: []hosting.Step{
			{Name: "look", Title: "Look at the server before it is touched", State: hosting.StepFailed, Attempt: 1, Started: moment("02:02:00"), Ended: moment("02:03:05"), Error: "x"},
			{Name: "identify", Title: "Identify the server and its owner", State: hosting.StepDone, Attempt: 1, Started: moment("02:00:01"), Ended: moment("02:00:02")},
			{Name: "mute", Title: "Mute the server's alerts", State: hosting.StepSkipped, SkippedBy: "anna", Attempt: 1, Started: moment("02:00:03"), Ended: moment("02:01:03")},
			{Name: "look", Title: "Look at the server before it is touched", State: hosting.StepFailed, Attempt: 2, Started: moment("02:05:00"), Ended: moment("02:06:00")},
			{Name: "work", Title: "Technician's work", State: hosting.StepPending, Estimate: hosting.Duration(30 * time.Minute)},
		},
		Remaining: hosting.Duration(32 * time.Minute), Server: "srv-1004", Organization: "acme", Ticket: "1001",
		Power:    hosting.PowerPermission{Grant: hosting.GrantWindow, Window: &hosting.Window{From: "2026-11-22 02:00", To: "2026-11-22 05:00", Zone: "Europe/Rome"}},
		Backup:   hosting.BackupCurrent,
		Consents: []hosting.Evidence{said},
		Actions: []hosting.Action{
			{At: at("02:04:10"), By: "anna", What: "note", Result: "the customer called\n\x1b]0;title\x07twice"},
		},
		Error: "srv-1004: the BMC does not answer. To do: look at its network, then relaunch",
	}
}

func shown() *frontend.Workflow {
	w := operation("1001", "02:00:00", map[string]any{"Server": "srv-1004", "Organization": "acme", "Phase": "needs-attention", "Step": "look", "WaitingOn": "staff"})
	w.Query = func() (any, error) { return status(), nil }
	return w
}

func TestShow(t *testing.T) {
	t.Parallel()
	f := frontend.Start(t, shown())
	s := run(t, f, "show", "1001")
	golden(t, "show.txt", s.out)
	if s.code != 0 || s.err != "" || strings.Contains(s.out, " \n") || strings.ContainsAny(s.out, "\x1b\x07\t") {
		t.Errorf("%+v", s)
	}
	golden(t, "show.json", run(t, f, "show", "intervention/1001", "--json").out)

	d := sit(f)
	d.Terminal = true
	golden(t, "show-terminal.txt", d.run(t, "show", "1001").out)

	run(t, f, "show", "9999").refuses(t, 4, "no such operation: 9999; see: starter list --all")
	run(t, f, "show", "intervention/9999").refuses(t, 4, "no such operation")
}

// The two ways of waiting: for somebody until a date, and for work to be done.
func TestShow_waiting(t *testing.T) {
	t.Parallel()
	w := shown()
	f := frontend.Start(t, w)
	for want, change := range map[string]func(*workflows.Status){
		"2/4 waiting on power, until 2026-11-23 02:00 UTC, then about 1h30m of work\n": func(s *workflows.Status) {
			s.Phase, s.WaitingOn, s.Due, s.Remaining = hosting.PhaseWaiting, "power", new(at("02:00:00").AddDate(0, 0, 1)), hosting.Duration(90*time.Minute)
		},
		"2/4 running, done at about 2026-11-22 02:40 UTC\n": func(s *workflows.Status) {
			s.Phase, s.WaitingOn, s.ETA = hosting.PhaseRunning, "", moment("02:40:00")
		},
	} {
		w.Query = func() (any, error) {
			s := status()
			change(&s)
			return s, nil
		}
		if s := run(t, f, "show", "1001"); !strings.Contains(s.out, want) {
			t.Errorf("want %q:\n%s%s", want, s.out, s.err)
		}
	}
}

// An operation that has ended prints how, whether it still answers or not.
func TestShow_ended(t *testing.T) {
	t.Parallel()
	attributes := func() map[string]any {
		return map[string]any{"Server": "srv-1004", "Organization": "acme", "Phase": "done"}
	}
	result := workflows.Result{Operation: "op-7", Phase: hosting.PhaseCancelled, Outcome: "cancelled by anna: the rack is on fire", Downtime: hosting.Duration(95 * time.Second)}
	closed := ended(operation("1001", "02:00:00", attributes()), completed, "02:40:00")
	closed.Result = result
	answering := ended(operation("1002", "02:00:00", attributes()), completed, "02:40:00")
	answering.Result = result
	answering.Query = func() (any, error) { return status(), nil }
	atStart := ended(operation("1003", "02:00:00", map[string]any{"Phase": "running"}), failed, "02:00:01")
	atStart.Failure = temporal.NewNonRetryableApplicationError("requestedBy.contact is empty. To do: say who asks", "InvalidRequest", nil)
	atStart.Query = func() (any, error) {
		return nil, serviceerror.NewQueryFailed("unknown queryType status. KnownQueryTypes=[__stack_trace]")
	}
	stopped := ended(operation("1004", "02:00:00", map[string]any{"Phase": "waiting", "WaitingOn": "power"}), terminated, "02:10:00")
	stopped.Reason = "cleaning up"
	late := ended(operation("1005", "02:00:00", map[string]any{"Phase": "waiting"}), timedOut, "02:10:00")
	wrapped := ended(operation("1006", "02:00:00", map[string]any{"Phase": "failed"}), failed, "02:10:00")
	wrapped.Failure = temporal.NewApplicationErrorWithCause("srv-1004: the ticket desk refuses us", "Failed", errors.New("401"))
	f := frontend.Start(t, closed, answering, atStart, stopped, late, wrapped)
	var all strings.Builder
	for _, ticket := range []string{"1001", "1002", "1003", "1004", "1005", "1006"} {
		s := run(t, f, "show", ticket)
		if s.code != 0 || s.err != "" {
			t.Errorf("%s: %+v", ticket, s)
		}
		all.WriteString("$ starter show " + ticket + "\n" + s.out + "\n")
	}
	golden(t, "show-ended.txt", all.String())
	v := decode[cli.View](t, run(t, f, "show", "1003", "--json"))
	if v.Phase != hosting.PhaseFailed || v.Outcome != "requestedBy.contact is empty. To do: say who asks" || v.Steps == nil || v.Ended == nil {
		t.Errorf("%+v", v)
	}
}

// An operation that runs and does not answer says what was last known of it.
func TestShow_silent(t *testing.T) {
	t.Parallel()
	w := shown()
	f := frontend.Start(t, w)
	for want, err := range map[string]error{
		"no worker answers for intervention/1001 (by the last word it is needs-attention at step look, waiting on staff)": serviceerror.NewFailedPrecondition("no poller seen"),
		"no worker answers":          serviceerror.NewDeadlineExceeded("late"),
		"look into the worker's log": serviceerror.NewWorkflowNotReady("Workflow Task in failed state"),
		"unknown queryType":          serviceerror.NewQueryFailed("unknown queryType status"),
	} {
		w.Query = func() (any, error) { return nil, err }
		run(t, f, "show", "1001").refuses(t, 1, want)
	}
}
