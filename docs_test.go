package handrail_test

import (
	"encoding/json"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/handrail/handrail/hosting"
	"github.com/handrail/handrail/workflows"
)

// updates are what staff can send, by the name of the update.
var updates = map[string]func() any{
	"power":               func() any { return new(workflows.PowerOrder) },
	"record-action":       func() any { return new(workflows.RecordedAction) },
	"finish":              func() any { return new(workflows.Finish) },
	"authorize-power":     func() any { return new(workflows.AuthorizePower) },
	"confirm-backup":      func() any { return new(workflows.ConfirmBackup) },
	"provide-credentials": func() any { return new(workflows.ProvideCredentials) },
	"consent":             func() any { return new(workflows.Consent) },
	"specify":             func() any { return new(workflows.Specify) },
	"give-up":             func() any { return new(workflows.GiveUp) },
	"relaunch":            func() any { return new(workflows.Decision) },
	"skip":                func() any { return new(workflows.Decision) },
	"hold":                func() any { return new(workflows.Decision) },
	"resume":              func() any { return new(workflows.Decision) },
	"cancel":              func() any { return new(workflows.Decision) },
	"note":                func() any { return new(workflows.Decision) },
}

var (
	nextSpan  = regexp.MustCompile("`([^`\n]+)`|(?m:^```json\n((?s:.+?))\n```$)|^## .*|\n## .*")
	procedure = map[string]func() any{
		"## Starting an intervention":  func() any { return new(workflows.InterventionRequest) },
		"## Starting a reinstallation": func() any { return new(workflows.ReinstallRequest) },
	}
)

// TestDocs_whatStaffPaste shows that every JSON object of the staff's page is
// taken by the form or the update that it is shown for: the last one named before
// it. Temporal itself ignores names that it does not know.
func TestDocs_whatStaffPaste(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("docs/temporal-ui.md")
	if err != nil {
		t.Fatal(err)
	}
	var into func() any
	name, shown := "", []string{}
	for _, m := range nextSpan.FindAllStringSubmatch(string(text), -1) {
		span := m[1] + m[2]
		switch start, update := procedure[strings.TrimSpace(m[0])], updates[span]; {
		case start != nil:
			into, name = start, strings.TrimSpace(m[0])
		case update != nil:
			into, name = update, span
		case !strings.Contains(span, `"by"`) && !strings.Contains(span, `"requestedBy"`):
			continue
		case into == nil:
			t.Errorf("it is not said what this is for:\n%s", span)
			continue
		default:
			d := json.NewDecoder(strings.NewReader(span))
			d.DisallowUnknownFields()
			if err := d.Decode(into()); err != nil {
				t.Errorf("%s: %v\n%s", name, err, span)
			}
			shown = append(shown, name)
		}
	}
	for update := range updates {
		if !slices.Contains(shown, update) {
			t.Errorf("the update %s is not shown", update)
		}
	}
	for start := range procedure {
		if !slices.Contains(shown, start) {
			t.Errorf("%q shows no input", start)
		}
	}
}

// TestDocs_namesProcedures keeps the page from leaving a procedure out.
func TestDocs_namesProcedures(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("docs/temporal-ui.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range workflows.Procedures() {
		for _, want := range []string{"`" + string(p) + "`", "`" + workflows.IDPrefix(p) + "/"} {
			if !strings.Contains(string(text), want) {
				t.Errorf("%s is not on the page", want)
			}
		}
	}
	if len(workflows.Procedures()) == 0 || workflows.IDPrefix(hosting.OSReinstall) == "" {
		t.Error("nothing was looked for")
	}
}
