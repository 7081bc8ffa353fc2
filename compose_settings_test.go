package handrail_test

import (
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/types"
	"go.temporal.io/sdk/contrib/envconfig"

	"github.com/handrail/handrail/settings"
	"github.com/handrail/handrail/worker/host"
	"github.com/handrail/handrail/workflows"
)

// TestCompose_settingsExist finds variables that no program reads.
func TestCompose_settingsExist(t *testing.T) {
	t.Parallel()
	worker := tableOf(settings.Help(new(host.Config).Settings()))
	for _, service := range []string{"worker", "migrate", "promote"} {
		checkKnown(t, service, worker)
	}
}

// checkKnown compares the variables that a service is given with those that its
// program has in its table.
func checkKnown(t *testing.T, service string, known []string) {
	t.Helper()
	set := ofHandrail(compose(t).Services[service])
	if len(set) == 0 || len(known) == 0 {
		t.Errorf("%s: nothing to compare: %q, %q", service, set, known)
	}
	for _, name := range set {
		if !slices.Contains(known, name) {
			t.Errorf("%s: %s is set, but the program knows only %q", service, name, known)
		}
	}
}

// TestCompose_tasksAreTold pins what the one-shot commands of the worker need.
func TestCompose_tasksAreTold(t *testing.T) {
	t.Parallel()
	for service, want := range map[string][]string{
		"migrate": {"DATABASE_URL_FILE"},
		"promote": {"HANDRAIL_BUILD_ID"},
	} {
		if got := ofHandrail(compose(t).Services[service]); !slices.Equal(got, want) {
			t.Errorf("%s is told %q, want %q", service, got, want)
		}
	}
}

// TestCompose_workerStarts reads the worker's configuration as the worker does.
func TestCompose_workerStarts(t *testing.T) {
	t.Parallel()
	env := inside(t, "worker")
	var c host.Config
	if err := settings.Read(lookup(env).LookupEnv, c.Settings()); err != nil {
		t.Fatalf("the worker refuses its environment: %v", err)
	}
	if err := c.Validate(); err != nil {
		t.Errorf("the worker refuses its configuration: %v", err)
	}
	if !slices.Equal(c.Sites, []string{"north", "south"}) || c.BuildID != "1.0.0" || c.SitesOnly {
		t.Errorf("sites %q, build %q, sites only %t", c.Sites, c.BuildID, c.SitesOnly)
	}
	if u, err := url.Parse(c.DatabaseURL); err != nil || u.User.Username() != "handrail" || u.Hostname() != "postgres" {
		t.Error("the worker does not log in to postgres as handrail")
	}
	if len(c.Reach) > 0 {
		t.Errorf("addresses of servers are translated by %v, which nobody asked for", c.Reach)
	}
	if _, err := os.Stat(c.BMCSecrets); err != nil {
		t.Errorf("the folder of the BMCs' logins: %v", err)
	}
	checkHealthAddress(t, "worker", c.Listen)
}

// TestCompose_temporalIsFound reads Temporal's settings as the SDK does.
func TestCompose_temporalIsFound(t *testing.T) {
	t.Parallel()
	for _, service := range []string{"worker", "gateway", "boot", "promote"} {
		env := environment(compose(t).Services[service])
		o, err := envconfig.LoadClientOptions(envconfig.LoadClientOptionsRequest{DisableFile: true, EnvLookup: lookup(env)})
		if err != nil || o.HostPort != "temporal:7233" || o.Namespace != "handrail" {
			t.Errorf("%s connects to %q, namespace %q: %v", service, o.HostPort, o.Namespace, err)
		}
	}
	p := compose(t)
	namespace := environment(p.Services["temporal-namespace"])["TEMPORAL_NAMESPACE"]
	if shown := environment(p.Services["ui"])["TEMPORAL_DEFAULT_NAMESPACE"]; namespace != "handrail" || shown != namespace {
		t.Errorf("the namespace that is made is %q, the one that the UI shows %q", namespace, shown)
	}
}

// TestCompose_searchAttributes compares those that are made with those that the
// procedures write. The tool pairs names and types by their order.
func TestCompose_searchAttributes(t *testing.T) {
	t.Parallel()
	script, err := os.ReadFile("deploy/temporal-namespace.sh")
	if err != nil {
		t.Fatal(err)
	}
	var made, want []string
	for _, m := range regexp.MustCompile(`--name (\w+) --type (\w+)`).FindAllStringSubmatch(string(script), -1) {
		made = append(made, m[1]+" "+m[2])
	}
	for _, key := range workflows.SearchAttributes() {
		want = append(want, key.GetName()+" "+key.GetValueType().String())
	}
	slices.Sort(made)
	slices.Sort(want)
	if !slices.Equal(made, want) {
		t.Errorf("made are %q, the procedures write %q", made, want)
	}
}

// checkHealthAddress compares the port that is listened on with the one that the
// health check and the published ports name.
func checkHealthAddress(t *testing.T, service, listen string) {
	t.Helper()
	s := compose(t).Services[service]
	host, port, _ := strings.Cut(listen, ":")
	if host != "0.0.0.0" || !strings.HasPrefix(s.HealthCheck.Test[len(s.HealthCheck.Test)-1], "http://127.0.0.1:"+port+"/") {
		t.Errorf("%s listens on %s, the health check is %q", service, listen, s.HealthCheck.Test)
	}
	for _, p := range s.Ports {
		if strconv.Itoa(int(p.Target)) != port {
			t.Errorf("%s listens on %s, published is %d", service, listen, p.Target)
		}
	}
}

// ofHandrail lists the variables of a service that our programs read themselves.
func ofHandrail(s types.ServiceConfig) []string {
	var own []string
	for name := range environment(s) {
		if strings.HasPrefix(name, "HANDRAIL_") || strings.HasPrefix(name, "DATABASE_URL") {
			own = append(own, name)
		}
	}
	slices.Sort(own)
	return own
}

var setting = regexp.MustCompile(`(?m)^  ([A-Z][A-Z_]+)(?: \(or ([A-Z_]+)\))?(?:,|$)`)

// tableOf reads the names of the settings from a program's help.
func tableOf(help string) (names []string) {
	for _, m := range setting.FindAllStringSubmatch(help, -1) {
		names = append(names, m[1])
		if m[2] != "" {
			names = append(names, m[2])
		}
	}
	return names
}

// lookup is an environment of its own, for programs that take one.
type lookup map[string]string

func (l lookup) LookupEnv(name string) (string, bool) { v, ok := l[name]; return v, ok }

func (l lookup) Environ() (all []string) {
	for name, value := range l {
		all = append(all, name+"="+value)
	}
	return all
}

// inside is a service's environment with the paths inside the container turned
// into those of files made as the note in docker-compose.yml says.
func inside(t *testing.T, service string) map[string]string {
	t.Helper()
	secrets := makeSecrets(t)
	if err := os.Chmod(filepath.Join(secrets, "mail_password"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(secrets, "mail_password"), []byte("correct horse\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	paths := strings.NewReplacer(granted, secrets+"/", "/run/handrail/bmc", secrets+"/bmc", "/run/handrail/passwords", secrets+"/passwords",
		"/srv/handrail/boot", t.TempDir(), "/etc/handrail", "activities/policy")
	env := environment(compose(t).Services[service])
	for name, value := range env {
		env[name] = paths.Replace(value)
	}
	return env
}
