package host_test

import (
	"strings"
	"testing"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"google.golang.org/protobuf/proto"

	"github.com/handrail/handrail/hosting"
	"github.com/handrail/handrail/worker/host"
	"github.com/handrail/handrail/worker/internal/frontend"
)

func TestNamespace(t *testing.T) {
	t.Parallel()
	f := frontend.Start(t)
	tc := f.Dial(t, nil)
	if err := host.CheckNamespace(t.Context(), tc, "default"); err != nil {
		t.Errorf("all is there: %v", err)
	}
	all := f.Attributes()
	f.SetAttributes(map[string]enumspb.IndexedValueType{"Server": enumspb.INDEXED_VALUE_TYPE_KEYWORD, "Foreign": enumspb.INDEXED_VALUE_TYPE_TEXT})
	err := host.CheckNamespace(t.Context(), tc, "default")
	if hosting.KindOf(err) != hosting.FaultConflict || !strings.Contains(err.Error(), "the namespace default does not know the search attributes Due, Organization, Phase, Step, Ticket, WaitingOn. To do: run: worker setup") {
		t.Errorf("%v", err)
	}
	for range 2 { // it may be repeated
		if err := host.SetUpNamespace(t.Context(), tc, "default"); err != nil {
			t.Errorf("%v", err)
		}
	}
	if got := f.Attributes(); len(got) != len(all)+1 || got["Due"] != enumspb.INDEXED_VALUE_TYPE_DATETIME {
		t.Errorf("%v", got)
	}

	f.SetAttributes(map[string]enumspb.IndexedValueType{"Server": enumspb.INDEXED_VALUE_TYPE_TEXT})
	for _, try := range []error{host.CheckNamespace(t.Context(), tc, "default"), host.SetUpNamespace(t.Context(), tc, "default")} {
		if hosting.KindOf(try) != hosting.FaultConflict || !strings.Contains(try.Error(), "has the search attribute Server as Text, Handrail needs it as Keyword") {
			t.Errorf("%v", try)
		}
	}

	f.Fail(func(proto.Message) error { return serviceerror.NewPermissionDenied("not on this cloud", "") })
	if err := host.CheckNamespace(t.Context(), tc, "default"); err != nil {
		t.Errorf("where nothing can be said, something is: %v", err)
	}
	if err := host.SetUpNamespace(t.Context(), tc, "default"); err == nil || !strings.Contains(err.Error(), "can not be looked at or added from here. To do: with your Temporal service's own tool, see that it has Server (Keyword), ") {
		t.Errorf("%v", err)
	}
	f.Fail(func(proto.Message) error { return serviceerror.NewInternal("broken") })
	if err := host.CheckNamespace(t.Context(), tc, "default"); err == nil || !strings.Contains(err.Error(), "the search attributes of the namespace default (TEMPORAL_NAMESPACE) can not be read: broken") {
		t.Errorf("%v", err)
	}
}
