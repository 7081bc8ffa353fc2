package temporal_test

import (
	"testing"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"

	"github.com/handrail/handrail/dev/temporal"
)

// A server must keep what it was told over a restart, search attributes included.
func TestRestartKeepsData(t *testing.T) {
	t.Parallel()
	c := temporal.Config{
		Dir:              t.TempDir(),
		SearchAttributes: map[string]enumspb.IndexedValueType{"Phase": enumspb.INDEXED_VALUE_TYPE_KEYWORD},
	}
	run := func(do func(client.Client)) {
		s, err := temporal.Start(t.Context(), c)
		if err != nil {
			t.Fatal(err)
		}
		tc, err := s.Dial(t.Context(), client.Options{})
		if err != nil {
			t.Fatal(err)
		}
		do(tc)
		tc.Close()
		if err := s.Stop(); err != nil {
			t.Fatal(err)
		}
	}
	run(func(tc client.Client) {
		_, err := tc.ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{ID: "kept", TaskQueue: "none"}, "Nothing")
		if err != nil {
			t.Fatal(err)
		}
	})
	run(func(tc client.Client) {
		d, err := tc.DescribeWorkflowExecution(t.Context(), "kept", "")
		if err != nil || d.GetWorkflowExecutionInfo().GetType().GetName() != "Nothing" {
			t.Fatalf("the workflow is lost: %v", err)
		}
	})
}

func TestPortInUse(t *testing.T) {
	t.Parallel()
	s, err := temporal.Start(t.Context(), temporal.Config{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Stop() }) //nolint:errcheck // the test is over
	var port int
	for _, r := range s.Address()[len("127.0.0.1:"):] {
		port = port*10 + int(r-'0')
	}
	if _, err := temporal.Start(t.Context(), temporal.Config{Dir: t.TempDir(), Port: port}); err == nil {
		t.Fatal("a second server took the port of the first")
	} else {
		t.Log(err)
	}
}
