package handrail_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"go.temporal.io/sdk/client"

	"github.com/handrail/handrail/starter/cli"
)

// TestCompose_gatewaySettingsExist finds variables that the gateway does not read.
func TestCompose_gatewaySettingsExist(t *testing.T) {
	t.Parallel()
	var help strings.Builder
	if code := cli.Run(t.Context(), []string{"serve", "--help"}, cli.IO{Out: &help, Err: &help, LookupEnv: lookup{}.LookupEnv}); code != 0 {
		t.Fatalf("starter serve --help: exit code %d\n%s", code, &help)
	}
	checkKnown(t, "gateway", tableOf(help.String()))
}

// TestCompose_gatewayStarts runs the gateway up to where it would reach Temporal.
func TestCompose_gatewayStarts(t *testing.T) {
	t.Parallel()
	env := inside(t, "gateway")
	reached := errors.New("reached Temporal")
	var out strings.Builder
	cli.Run(t.Context(), []string{"serve"}, cli.IO{
		Out: &out, Err: &out, LookupEnv: lookup(env).LookupEnv,
		Dial: func(context.Context) (client.Client, error) { return nil, reached },
	})
	if !strings.Contains(out.String(), reached.Error()) {
		t.Errorf("the gateway refuses its configuration:\n%s", &out)
	}
	checkHealthAddress(t, "gateway", env["HANDRAIL_GATEWAY_LISTEN"])
}
