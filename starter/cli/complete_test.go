package cli_test

import (
	"slices"
	"strings"
	"testing"

	"go.temporal.io/api/serviceerror"

	"github.com/handrail/handrail/starter/internal/frontend"
)

// suggested is what the shell is told, and whether it may add file names.
func suggested(s said) (words []string, files bool) {
	lines := strings.Split(strings.TrimSpace(s.out), "\n")
	directive := lines[len(lines)-1]
	return slices.DeleteFunc(lines[:len(lines)-1], func(l string) bool { return l == "" }), directive != ":4"
}

func TestCompletion(t *testing.T) {
	t.Parallel()
	reinstall := &frontend.Workflow{
		ID: "reinstall/2001", Type: "OSReinstall", Started: at("03:30:00"),
		Attributes: map[string]any{"Ticket": "2001", "Server": "srv-3", "Phase": "running", "Step": "install"},
	}
	f := frontend.Start(t, append(several(), reinstall)...)
	operations := []string{
		"reinstall/2001\tsrv-3, running, install",
		"intervention/1003\tsrv-2, running, work, technician�[2J of the night", "intervention/1002\trunning, identify",
		"intervention/1001\tsrv-1004, waiting, ask, power, backup",
	}
	for typed, want := range map[string][]string{
		"show ": operations, "hold ": operations, "power ": operations, "authorize-power ": operations, "finish ": operations[1:],
		"consent ": operations[:1], "specify ": operations[:1], "give-up ": operations[:1], "consent 2001 ": nil,
		"show 1001 ": nil, "hold 1001 ": nil,
		"power 1001 ":                           {"on", "graceful-off", "forced-off", "cycle", "warm-reset"},
		"power 1001 cycle ":                     nil,
		"history ":                              {"srv-3", "srv-2", "srv-1004"},
		"history x ":                            nil,
		"list --server ":                        {"srv-1004", "srv-2", "srv-3"},
		"list --customer ":                      {"acme", "łódź"},
		"list --ticket ":                        {"1001", "1002", "1003", "2001"},
		"list --procedure ":                     {"OSReinstall", "ServerIntervention"},
		"start reinstall --partitioning ":       {"default", "single"},
		"start reinstall --raid ":               {"none", "0", "1", "5", "6", "10"},
		"start reinstall --host-name ":          nil,
		"start reinstall --system ":             nil, // without the records
		"specify 2001 --raid ":                  {"none", "0", "1", "5", "6", "10"},
		"specify 2001 --keep ":                  nil,
		"consent 2001 --language ":              {"en", "it", "pl"},
		"list --phase ":                         {"waiting", "queued", "running", "needs-attention", "on-hold", "done", "cancelled", "refused", "failed"},
		"start intervention --reason ":          {"unresponsive", "network", "after-update", "diagnostics", "component-upgrade", "faulty-component"},
		"start intervention --failed ":          {"ssh", "rdp", "ipmi", "panel"},
		"start intervention --details ":         nil,
		"authorize-power 1001 --grant ":         {"allowed", "not-allowed", "window"},
		"authorize-power 1001 --language ":      {"en", "it", "pl"},
		"confirm-backup 1001 --answer ":         {"exists", "loss-accepted"},
		"confirm-backup 1001 --text ":           nil,
		"finish 1001 --leave ":                  {"on", "off"},
		"provide-credentials 1001 --reference ": nil,
		"start ":                                {"intervention\tStart a server intervention", "reinstall\tStart a reinstallation of an operating system"},
	} {
		args := append([]string{"__complete"}, strings.Split(typed, " ")...)
		got, files := suggested(run(t, f, args...))
		if !slices.Equal(got, want) || files {
			t.Errorf("%s: %q, files %t; want %q", typed, got, files, want)
		}
	}
}

// Who presses Tab while Temporal is away gets nothing, and no error.
func TestCompletion_withoutTemporal(t *testing.T) {
	t.Parallel()
	if got, files := suggested(run(t, nil, "__complete", "show", "")); len(got) > 0 || files {
		t.Errorf("%q, %t", got, files)
	}
	f := frontend.Start(t)
	d := sit(f)
	d.Dial = dialThenFail(f, serviceerror.NewPermissionDenied("no", ""))
	if got, _ := suggested(d.run(t, "__complete", "list", "--server", "")); len(got) > 0 {
		t.Errorf("%q", got)
	}
}

func TestCompletion_scripts(t *testing.T) {
	t.Parallel()
	for _, shell := range []string{"bash", "zsh", "fish", "powershell"} {
		if s := run(t, nil, "completion", shell); s.code != 0 || !strings.Contains(s.out, "starter") {
			t.Errorf("%s: %d %s", shell, s.code, s.err)
		}
	}
}
