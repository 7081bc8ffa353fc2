package host_test

import (
	"slices"
	"testing"

	"go.temporal.io/api/workflowservice/v1"

	"github.com/handrail/handrail/worker/internal/frontend"
)

// What touches a site's machines is done by the worker of the site: it knows
// these activities, and nothing but their missing arguments is wrong.
func TestHost_siteActivities(t *testing.T) {
	t.Parallel()
	f := frontend.Start(t)
	if err := assemble(t, sites(t), f).Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"SendPost": "ActivityNotRegisteredError"}
	for _, name := range []string{
		"ReadPower", "SetPower", "ReadBootSetup", "SetBootOnce", "ClearBoot", "InsertMedia", "EjectMedia", "ReadInventory", "HostKeys", "AwaitHostKey",
	} {
		want[name] = "InvalidRequest"
	}
	for name := range want {
		f.Offer("handrail-milan", name)
	}
	failed := func() []*workflowservice.RespondActivityTaskFailedRequest {
		return frontend.Calls[*workflowservice.RespondActivityTaskFailedRequest](f)
	}
	eventually(t, "all have answered", func() bool { return len(failed()) == len(want) })
	for name, kind := range want {
		i := slices.IndexFunc(failed(), func(r *workflowservice.RespondActivityTaskFailedRequest) bool {
			return string(r.GetTaskToken()) == name
		})
		if i < 0 {
			t.Errorf("%s has not answered", name)
			continue
		}
		if failure := failed()[i].GetFailure(); failure.GetApplicationFailureInfo().GetType() != kind {
			t.Errorf("%s: %v, want %s", name, failure, kind)
		}
	}
}
