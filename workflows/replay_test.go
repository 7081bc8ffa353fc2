package workflows

import (
	"io"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/handrail/handrail/hosting"
)

// Every recorded history of every release must replay on today's code (rule 8).
// New ones are recorded with:
//
//	go test ./dev -run 'Path|Size' -record=vN
func TestReplay(t *testing.T) {
	t.Parallel()
	for _, path := range recordings(t) {
		t.Run(filepath.Base(path), func(t *testing.T) {
			t.Parallel()
			replayer := worker.NewWorkflowReplayer()
			Register(replayer)
			if err := replayer.ReplayWorkflowHistoryFromJSONFile(silent(), path); err != nil {
				t.Error(err)
			}
		})
	}
}

// The replay test can fail: a procedure whose steps stand in another order does
// not replay.
func TestReplayNoticesAnotherOrder(t *testing.T) {
	t.Parallel()
	checked := 0
	for _, path := range recordings(t) {
		if !strings.HasSuffix(path, "-complete.json") {
			continue
		}
		checked++
		replayer := worker.NewWorkflowReplayer()
		replayer.RegisterWorkflowWithOptions(anotherOrder, workflow.RegisterOptions{Name: string(hosting.ServerIntervention)})
		err := replayer.ReplayWorkflowHistoryFromJSONFile(silent(), path)
		if err == nil || !strings.Contains(err.Error(), "nondeterminis") && !strings.Contains(err.Error(), "TMPRL1100") {
			t.Errorf("%s replayed on a changed order of steps: %v", path, err)
		}
	}
	if checked == 0 {
		t.Error("no history of a complete run is recorded")
	}
}

// anotherOrder acknowledges only after the server was taken.
func anotherOrder(ctx workflow.Context, in InterventionRequest) (Result, error) {
	i := newIntervention(ctx, in)
	page := i.page()
	course := page.course
	n := slices.IndexFunc(course, func(s step) bool { return s.name == "acknowledge" })
	course[n], course[n+2] = course[n+2], course[n]
	return i.run(page)
}

func recordings(t *testing.T) []string {
	t.Helper()
	paths, err := filepath.Glob("testdata/histories/*.json")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no recorded histories: %v", err)
	}
	return paths
}

func silent() log.Logger {
	return log.NewStructuredLogger(slog.New(slog.NewTextHandler(io.Discard, nil)))
}
