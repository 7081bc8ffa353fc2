package cli_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"

	"github.com/handrail/handrail/activities"
	"github.com/handrail/handrail/hosting"
	"github.com/handrail/handrail/starter/internal/frontend"
	"github.com/handrail/handrail/workflows"
)

// dialThenFail connects to a Temporal that from then on fails.
func dialThenFail(f *frontend.Frontend, err error) func(context.Context) (client.Client, error) {
	return func(ctx context.Context) (client.Client, error) {
		tc, dialErr := f.Connect(ctx)
		f.Fail(func(string) error { return err })
		return tc, dialErr
	}
}

func firstArgument[T any](t *testing.T, args *commonpb.Payloads) (v T) {
	t.Helper()
	if err := converter.GetDefaultDataConverter().FromPayloads(args, &v); err != nil {
		t.Fatal(err)
	}
	return v
}

// steered is an operation that takes every update.
func steered(answer any, err error) *frontend.Workflow {
	w := shown()
	w.Update = func(string, *commonpb.Payloads) (any, error) { return answer, err }
	return w
}

// Every command sends the update of the staff contract, with who, and prints
// its answer.
func TestUpdates(t *testing.T) {
	t.Parallel()
	quoted := []string{"--author", "g@example.it", "--how", "phone", "--text", "yes", "--at", "2026-11-22T03:00:00+01:00", "--language", "it"}
	evidence := hosting.Evidence{Text: "yes", Author: "g@example.it", How: "phone", At: at("02:00:00"), Language: hosting.Italian}
	staff := workflows.Staff{By: "anna"}
	decision := workflows.Decision{Staff: staff, Reason: "why not"}
	window := hosting.Window{From: "2026-11-22 02:00", To: "2026-11-22 05:00", Zone: "Europe/Rome"}
	for _, c := range []struct {
		args []string
		want any
	}{
		{[]string{"relaunch", "--reason", "why not"}, decision},
		{[]string{"relaunch"}, workflows.Decision{Staff: staff}},
		{[]string{"skip", "--reason", "why not"}, decision},
		{[]string{"cancel", "--reason", "why not"}, decision},
		{[]string{"hold", "--reason", "why not"}, decision},
		{[]string{"resume"}, workflows.Decision{Staff: staff}},
		{[]string{"note", "--reason", "why not"}, decision},
		{
			append([]string{"authorize-power", "--grant", "allowed"}, quoted...),
			workflows.AuthorizePower{Staff: staff, Permission: hosting.PowerPermission{Grant: hosting.GrantAllowed}, Evidence: evidence},
		},
		{
			append([]string{"authorize-power", "--grant", "window", "--from", window.From, "--to", window.To, "--zone", window.Zone}, quoted...),
			workflows.AuthorizePower{Staff: staff, Permission: hosting.PowerPermission{Grant: hosting.GrantWindow, Window: &window}, Evidence: evidence},
		},
		{
			append([]string{"confirm-backup", "--answer", "loss-accepted"}, quoted...),
			workflows.ConfirmBackup{Staff: staff, Answer: hosting.BackupLossOkay, Evidence: evidence},
		},
		{[]string{"provide-credentials", "--reference", "vault:acme/1004"}, workflows.ProvideCredentials{Staff: staff, Reference: "vault:acme/1004"}},
		{
			append([]string{"consent", "--system", "Debian 12"}, quoted...),
			workflows.Consent{Staff: staff, System: "Debian 12", Evidence: evidence},
		},
		{append([]string{"consent", "--withdrawn"}, quoted...), workflows.Consent{Staff: staff, Evidence: evidence, Withdrawn: true}},
		{[]string{"specify", "--raid", "RAID 1"}, workflows.Specify{Staff: staff, InstallFields: hosting.InstallFields{RAID: hosting.RAID1}}},
		{[]string{"specify", "--keep", "none"}, workflows.Specify{Staff: staff, InstallFields: hosting.InstallFields{Keep: []string{}}}},
		{[]string{"give-up", "--summary", "the disk is broken"}, workflows.GiveUp{Staff: staff, Summary: "the disk is broken"}},
		{[]string{"record-action", "--what", "reseated the RAM", "--result", "fine"}, workflows.RecordedAction{Staff: staff, What: "reseated the RAM", Result: "fine"}},
		{[]string{"finish", "--summary", "done"}, workflows.Finish{Staff: staff, Resolved: true, Summary: "done", Leave: hosting.PowerOn}},
		{
			[]string{"finish", "--summary", "no idea", "--unresolved", "--leave", "off"},
			workflows.Finish{Staff: staff, Summary: "no idea", Leave: hosting.PowerOff},
		},
	} {
		t.Run(strings.Join(c.args, " "), func(t *testing.T) {
			t.Parallel()
			w := steered("as you say", nil)
			if slices.Contains([]string{"consent", "specify", "give-up"}, c.args[0]) {
				w.ID, w.Type = "reinstall/1001", "OSReinstall"
			}
			f := frontend.Start(t, w)
			s := run(t, f, append([]string{c.args[0], "1001"}, c.args[1:]...)...)
			if s.code != 0 || s.out != w.ID+": as you say\n" || s.err != "" {
				t.Fatalf("%+v", s)
			}
			input := frontend.Calls[*workflowservice.UpdateWorkflowExecutionRequest](f)[0].GetRequest().GetInput()
			want, err := converter.GetDefaultDataConverter().ToPayloads(c.want)
			if err != nil {
				t.Fatal(err)
			}
			if got := string(input.GetArgs().GetPayloads()[0].GetData()); input.GetName() != c.args[0] || got != string(want.GetPayloads()[0].GetData()) {
				t.Errorf("%s %s\nwant %s", input.GetName(), got, want.GetPayloads()[0].GetData())
			}
			answer := decode[map[string]string](t, run(t, f, append([]string{c.args[0], "1001", "--json"}, c.args[1:]...)...))
			if answer["workflow"] != w.ID || answer["answer"] != "as you say" {
				t.Errorf("%v", answer)
			}
		})
	}
}

// A refusal is exit code 3 and the reason; a fault that is none is 1.
func TestUpdate_refused(t *testing.T) {
	t.Parallel()
	for kind, code := range map[hosting.FaultKind]int{
		hosting.FaultConflict: 3, hosting.FaultInvalidRequest: 3, hosting.FaultNotAuthorized: 3, hosting.FaultOutsideWindow: 3,
		hosting.FaultUnreachable: 1, hosting.FaultUnmoved: 1, hosting.FaultContradictory: 1, hosting.FaultUnsupported: 1,
	} {
		fault := hosting.NewFault(kind, "srv-1004", "it is\nnot possible", "wait")
		f := frontend.Start(t, steered(nil, activities.Cross(fault)))
		run(t, f, "power", "1001", "on").refuses(t, code, "starter: srv-1004: it is not possible. To do: wait\n")
	}
}

func TestUpdate_noSuchOperation(t *testing.T) {
	t.Parallel()
	f := frontend.Start(t, ended(operation("1002", "02:00:00", map[string]any{"Phase": "done", "Server": "srv-2"}), completed, "02:40:00"))
	run(t, f, "hold", "1001", "--reason", "x").refuses(t, 4, "no such operation: 1001")
	run(t, f, "hold", "1002", "--reason", "x").refuses(t, 3, "srv-2: intervention/1002 has ended as done. To do: look at it with: starter show intervention/1002")
}

// A ticket may have had both procedures: a command that one of them alone has
// means that one, another the one that runs.
func TestUpdate_oneOfTwo(t *testing.T) {
	t.Parallel()
	both := func() (one, other *frontend.Workflow) {
		one, other = steered("taken", nil), steered("taken", nil)
		other.ID, other.Type = "reinstall/1001", "OSReinstall"
		return one, other
	}
	one, other := both()
	f := frontend.Start(t, one, other)
	for command, want := range map[string]string{
		"finish 1001 --summary x": "intervention/1001", "give-up 1001 --summary x": "reinstall/1001", "specify 1001 --raid 1": "reinstall/1001",
	} {
		if s := run(t, f, strings.Fields(command)...); s.code != 0 || s.out != want+": taken\n" {
			t.Errorf("%s: %+v", command, s)
		}
	}
	run(t, f, "hold", "1001", "--reason", "x").refuses(t, 2, "several operations are meant by 1001: name one of reinstall/1001, intervention/1001")
	run(t, f, "finish", "reinstall/1001", "--summary", "x").refuses(t, 3, "reinstall/1001 is an operation of OSReinstall: this is for ServerIntervention")

	one, other = both()
	f = frontend.Start(t, ended(one, completed, "02:40:00"), other)
	if s := run(t, f, "hold", "1001", "--reason", "x"); s.out != "reinstall/1001: taken\n" {
		t.Errorf("%+v", s)
	}
	run(t, f, "finish", "1001", "--summary", "x").refuses(t, 3, "intervention/1001 has ended as")
	run(t, frontend.Start(t, shown()), "consent", "1001", "--withdrawn", "--author", "a@b.example", "--text", "no", "--how", "phone").
		refuses(t, 3, "intervention/1001 is an operation of ServerIntervention: this is for OSReinstall")
}

// It ended between the look and the update: Temporal says not found, people
// hear that it has ended.
func TestUpdate_justEnded(t *testing.T) {
	t.Parallel()
	w := steered("", nil)
	f := frontend.Start(t, w)
	f.Fail(func(method string) error {
		if method != "UpdateWorkflowExecution" {
			return nil
		}
		f.End(w, completed, "done")
		return serviceerror.NewNotFound("workflow execution already completed")
	})
	run(t, f, "hold", "1001", "--reason", "x").refuses(t, 3, "intervention/1001 has ended as done")
}

var cycled = hosting.PowerResult{
	Action: hosting.ActCycle, Outcome: hosting.Reached, Before: hosting.PowerOn, After: hosting.PowerOn, Via: hosting.Redfish,
	ResetTypes: []string{"GracefulShutdown", "On"}, Detail: "off for 41s",
}

// A power action may take minutes: the answer comes after as many polls as it
// takes.
func TestPower_waitsOverManyPolls(t *testing.T) {
	t.Parallel()
	w := steered(cycled, nil)
	w.Polls = 9
	f := frontend.Start(t, w)
	d := sit(f)
	d.Terminal = true
	s := d.run(t, "power", "1001", "cycle", "--forced")
	if s.code != 0 || s.out != "intervention/1001: cycle reached, was on, is on, by GracefulShutdown, On (redfish); off for 41s\n" ||
		s.err != "acting and watching the machine; this can take minutes …\n" {
		t.Errorf("%+v", s)
	}
	if n := len(frontend.Calls[*workflowservice.PollWorkflowExecutionUpdateRequest](f)); n != 9 {
		t.Errorf("%d polls", n)
	}
	updates := frontend.Calls[*workflowservice.UpdateWorkflowExecutionRequest](f)
	if len(updates) != 1 {
		t.Fatalf("%d updates", len(updates))
	}
	order := firstArgument[workflows.PowerOrder](t, updates[0].GetRequest().GetInput().GetArgs())
	if order != (workflows.PowerOrder{Staff: workflows.Staff{By: "anna"}, Action: hosting.ActCycle, Forced: true}) {
		t.Errorf("%+v", order)
	}
	if got := decode[hosting.PowerResult](t, run(t, f, "power", "1001", "cycle", "--json")); got.Outcome != hosting.Reached || got.Detail != cycled.Detail {
		t.Errorf("%+v", got)
	}
}

// Accepted is not done: what did not reach its end is no success.
func TestPower_outcomes(t *testing.T) {
	t.Parallel()
	for outcome, code := range map[hosting.PowerOutcome]int{
		hosting.Reached: 0, hosting.Already: 0, hosting.Unmoved: 1, hosting.Contradictory: 1, hosting.Unknown: 1,
	} {
		result := cycled
		result.Outcome = outcome
		s := run(t, frontend.Start(t, steered(result, nil)), "power", "1001", "cycle")
		if s.code != code || !strings.Contains(s.out, "cycle "+string(outcome)) || (s.err == "") != (code == 0) || strings.Count(s.out+s.err, "off for 41s") != 1 {
			t.Errorf("%s: %+v", outcome, s)
		}
	}
}

// Ctrl-C ends the waiting, not the action.
func TestPower_interrupted(t *testing.T) {
	t.Parallel()
	w := steered(cycled, nil)
	w.Polls = -1
	f := frontend.Start(t, w)
	ctx, interrupt := context.WithCancel(t.Context())
	f.Fail(func(method string) error {
		if method == "PollWorkflowExecutionUpdate" {
			interrupt()
		}
		return nil
	})
	sit(f).runIn(ctx, "power", "1001", "cycle").refuses(t, 1,
		`you stopped waiting; the operation goes on with "power". Look at it with: starter show intervention/1001`)
}

// An update that no worker takes is given up, and not silently repeated.
func TestUpdate_nobodyTakesIt(t *testing.T) {
	t.Parallel()
	f := frontend.Start(t, shown())
	d := sit(f)
	d.Patience = 50 * time.Millisecond
	d.run(t, "power", "1001", "cycle").refuses(t, 1, `intervention/1001 has not taken "power" within 50ms: is a worker running? It may still be carried out.`)

	ctx, interrupt := context.WithCancel(t.Context())
	f.Fail(func(method string) error {
		if method == "UpdateWorkflowExecution" {
			interrupt()
		}
		return nil
	})
	sit(f).runIn(ctx, "power", "1001", "cycle").refuses(t, 1, `you stopped waiting before the operation took "power". It may still be carried out.`)
}
