package handrail_test

import (
	"context"
	"errors"
	"net/url"
	"os"
	"slices"
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
	for _, service := range []string{"gateway", "boot"} {
		checkKnown(t, service, tableOf(help.String()))
	}
}

var errReached = errors.New("reached Temporal")

// serve runs the gateway up to where it would reach Temporal, and returns what it
// says.
func serve(t *testing.T, env map[string]string) string {
	t.Helper()
	var out strings.Builder
	cli.Run(t.Context(), []string{"serve"}, cli.IO{
		Out: &out, Err: &out, LookupEnv: lookup(env).LookupEnv,
		Dial: func(context.Context) (client.Client, error) { return nil, errReached },
	})
	return out.String()
}

// TestCompose_gatewayStarts shows that the desk's gateway takes its configuration,
// and serves no machines.
func TestCompose_gatewayStarts(t *testing.T) {
	t.Parallel()
	env := inside(t, "gateway")
	if out := serve(t, env); !strings.Contains(out, errReached.Error()) {
		t.Errorf("the gateway refuses its configuration:\n%s", out)
	}
	checkHealthAddress(t, "gateway", env["HANDRAIL_GATEWAY_LISTEN"])
	for name := range env {
		if strings.HasPrefix(name, "HANDRAIL_BOOT_") || strings.HasPrefix(name, "DATABASE_") {
			t.Errorf("%s is for the boot listener", name)
		}
	}
}

// TestCompose_bootStarts is the same for the gateway that serves machines: it
// logs in to the records as itself, and only machines reach it from outside.
func TestCompose_bootStarts(t *testing.T) {
	t.Parallel()
	env := inside(t, "boot")
	if out := serve(t, env); !strings.Contains(out, errReached.Error()) {
		t.Errorf("the boot listener refuses its configuration:\n%s", out)
	}
	for _, folder := range []string{"HANDRAIL_BOOT_FILES", "HANDRAIL_BOOT_SECRETS"} {
		if info, err := os.Stat(env[folder]); err != nil || !info.IsDir() {
			t.Errorf("%s=%s: %v", folder, env[folder], err)
		}
	}
	secret, err := os.ReadFile(env["DATABASE_URL_FILE"])
	if err != nil {
		t.Fatal(err)
	}
	if u, err := url.Parse(strings.TrimSpace(string(secret))); err != nil || u.User.Username() != "gateway" || u.Hostname() != "postgres" {
		t.Error("the boot listener does not log in to postgres as gateway")
	}
	s := compose(t).Services["boot"]
	if host, port, _ := strings.Cut(env["HANDRAIL_BOOT_LISTEN"], ":"); host != "0.0.0.0" || len(s.Ports) != 1 || s.Ports[0].Published != port || int(s.Ports[0].Target) != 8081 || port != "8081" {
		t.Errorf("it listens on %s, published is %+v", env["HANDRAIL_BOOT_LISTEN"], s.Ports)
	}
	if health := "http://" + env["HANDRAIL_GATEWAY_LISTEN"] + "/healthz"; !strings.HasPrefix(health, "http://127.0.0.1:") || !slices.Contains(s.HealthCheck.Test, health) {
		t.Errorf("the desk's side is at %s, the health check is %q", health, s.HealthCheck.Test)
	}
}

// TestCompose_bootIsOff shows that machines are served only where somebody said so,
// on the address that was given, and not without the URL that they need.
func TestCompose_bootIsOff(t *testing.T) {
	t.Parallel()
	without := func(name string) []string {
		return slices.DeleteFunc(slices.Clone(installation), func(l string) bool { return strings.HasPrefix(l, name+"=") })
	}
	p, err := loadCompose(t.Context(), without("COMPOSE_PROFILES"))
	if err != nil {
		t.Fatal(err)
	}
	if s, on := p.Services["boot"]; on {
		t.Errorf("without the profile: %+v", s)
	}
	p, err = loadCompose(t.Context(), append(without("HANDRAIL_BOOT_URL"), "HANDRAIL_BOOT_PUBLISH=192.0.2.10"))
	if err != nil {
		t.Fatal(err)
	}
	for service, want := range map[string]string{"boot": "192.0.2.10", "gateway": "127.0.0.1", "ui": "127.0.0.1"} {
		if got := p.Services[service].Ports[0].HostIP; got != want {
			t.Errorf("%s is published on %s, want %s", service, got, want)
		}
	}
	env := inside(t, "boot")
	env["HANDRAIL_BOOT_URL"] = environment(p.Services["boot"])["HANDRAIL_BOOT_URL"]
	if out := serve(t, env); !strings.Contains(out, "HANDRAIL_BOOT_URL is not set") {
		t.Errorf("without the URL:\n%s", out)
	}
}

// TestCompose_reachIsRead shows that the file of translated addresses is found
// where the note says.
func TestCompose_reachIsRead(t *testing.T) {
	t.Parallel()
	p, err := loadCompose(t.Context(), append(slices.Clone(installation), "HANDRAIL_REACH=/etc/handrail/reach.json"))
	if err != nil {
		t.Fatal(err)
	}
	s := p.Services["worker"]
	if got := environment(s)["HANDRAIL_REACH"]; got != "/etc/handrail/reach.json" {
		t.Errorf("the worker is told %q", got)
	}
	if s.Volumes[0].Target != "/etc/handrail" || !strings.HasSuffix(s.Volumes[0].Source, "/config") {
		t.Errorf("./config is not mounted there: %+v", s.Volumes[0])
	}
}
