package handrail_test

import (
	"cmp"
	"context"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/compose-spec/compose-go/v2/types"
)

// installation is a .env file as docker-compose.yml asks for it.
var installation = []string{
	"HANDRAIL_VERSION=1.0.0",
	"HANDRAIL_SITES=north,south",
	"HANDRAIL_DESK_URL=https://desk.example/api",
	"HANDRAIL_MAIL_HOST=smtp.example",
	"HANDRAIL_MAIL_FROM=support@handrail.example",
	"HANDRAIL_MAIL_USER=handrail",
	"COMPOSE_PROFILES=boot",
	"HANDRAIL_BOOT_URL=http://192.0.2.10:8081",
}

// optional are the lines of it that compose does without.
var optional = []string{"HANDRAIL_MAIL_USER", "COMPOSE_PROFILES", "HANDRAIL_BOOT_URL"}

// The services: what lasts, what ends, and which of them run our image.
var (
	lasting = []string{"boot", "gateway", "postgres", "temporal", "ui", "worker"}
	tasks   = []string{"migrate", "promote", "temporal-namespace", "temporal-schema"}
	ours    = []string{"boot", "gateway", "migrate", "promote", "worker"}
)

func loadCompose(ctx context.Context, env []string) (*types.Project, error) {
	o, err := cli.NewProjectOptions([]string{"docker-compose.yml"}, cli.WithEnv(env), cli.WithDiscardEnvFile, cli.WithDefaultProfiles())
	if err != nil {
		return nil, err
	}
	return o.LoadProject(ctx)
}

func compose(t *testing.T) *types.Project {
	t.Helper()
	p, err := loadCompose(t.Context(), installation)
	if err != nil {
		t.Fatalf("compose refuses docker-compose.yml: %v", err)
	}
	return p
}

func TestCompose(t *testing.T) {
	t.Parallel()
	for _, r := range composeRules {
		t.Run(r.says, func(t *testing.T) {
			t.Parallel()
			for _, found := range r.breaks(compose(t)) {
				t.Error(found)
			}
		})
	}
}

// TestCompose_rulesCanFail spoils the file in one place for each rule.
func TestCompose_rulesCanFail(t *testing.T) {
	t.Parallel()
	for _, r := range composeRules {
		t.Run(r.says, func(t *testing.T) {
			t.Parallel()
			p := compose(t)
			r.spoil(p)
			if len(r.breaks(p)) == 0 {
				t.Error("the rule does not see that the file was spoiled")
			}
		})
	}
}

// TestCompose_asksForWhatIsMissing shows that nothing starts on a half written
// .env, and that the message names what is missing.
func TestCompose_asksForWhatIsMissing(t *testing.T) {
	t.Parallel()
	for _, line := range installation {
		name, _, _ := strings.Cut(line, "=")
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rest := slices.DeleteFunc(slices.Clone(installation), func(l string) bool { return l == line })
			_, err := loadCompose(t.Context(), rest)
			switch optional := slices.Contains(optional, name); {
			case optional && err != nil:
				t.Errorf("without %s: %v", name, err)
			case !optional && (err == nil || !strings.Contains(err.Error(), name)):
				t.Errorf("without %s: the error is %v, want one that names it", name, err)
			}
		})
	}
}

// TestCompose_tellsItsSecrets keeps the note at the head of the file true.
func TestCompose_tellsItsSecrets(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("docker-compose.yml")
	if err != nil {
		t.Fatal(err)
	}
	head, _, _ := strings.Cut(string(text), "\nname:")
	for name := range compose(t).Secrets {
		if !strings.Contains(head, "#        "+name+" ") {
			t.Errorf("the note at the head does not tell of ./secrets/%s", name)
		}
	}
	for _, m := range regexp.MustCompile(`\$\{(\w+)`).FindAllStringSubmatch(string(text), -1) {
		if !strings.Contains(head, m[1]) {
			t.Errorf("the note at the head does not tell of %s", m[1])
		}
	}
}

// names lists the services in alphabetical order.
func names(p *types.Project) []string { return slices.Sorted(maps.Keys(p.Services)) }

// each asks a question of some services; the answers are what is wrong.
func each(p *types.Project, services []string, ask func(types.ServiceConfig) string) (found []string) {
	for _, name := range services {
		s, ok := p.Services[name]
		if !ok {
			found = append(found, name+" is missing")
			continue
		}
		if wrong := ask(s); wrong != "" {
			found = append(found, name+": "+wrong)
		}
	}
	return found
}

// spoil changes one service of a loaded file.
func spoil(name string, change func(*types.ServiceConfig)) func(*types.Project) {
	return func(p *types.Project) {
		s := p.Services[name]
		change(&s)
		p.Services[name] = s
	}
}

func lasts(name string) bool { return slices.Contains(lasting, name) }

// waitsFor lists all that has to be up or done before a service starts.
func waitsFor(p *types.Project, name string) []string {
	var all []string
	var visit func(string)
	visit = func(name string) {
		for _, d := range p.Services[name].GetDependencies() {
			if !slices.Contains(all, d) {
				all = append(all, d)
				visit(d)
			}
		}
	}
	visit(name)
	return all
}

// networksOf lists the networks of a service.
func networksOf(s types.ServiceConfig) []string { return slices.Sorted(maps.Keys(s.Networks)) }

// environment is a service's environment; a variable without a value is empty.
func environment(s types.ServiceConfig) map[string]string {
	all := map[string]string{}
	for name, value := range s.Environment {
		all[name] = *cmp.Or(value, new(string))
	}
	return all
}
