package handrail_test

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"
)

// composeRule is one sentence that docker-compose.yml keeps, what breaks it, and
// a change to the file that does.
type composeRule struct {
	says   string
	breaks func(*types.Project) []string
	spoil  func(*types.Project)
}

// version is a tag that says what one gets: at least two numbers.
var version = regexp.MustCompile(`:\d+(\.\d+)+(-[a-z0-9.]+)?$`)

var composeRules = []composeRule{
	{
		says: "the services are those that this test knows",
		breaks: func(p *types.Project) []string {
			if want := slices.Sorted(slices.Values(slices.Concat(lasting, tasks))); !slices.Equal(names(p), want) {
				return []string{fmt.Sprintf("the services are %q, known are %q", names(p), want)}
			}
			return nil
		},
		spoil: func(p *types.Project) { p.Services["cellar"] = types.ServiceConfig{Name: "cellar"} },
	},
	{
		says: "images are pinned to a version",
		breaks: func(p *types.Project) []string {
			return each(p, names(p), func(s types.ServiceConfig) string {
				if !version.MatchString(s.Image) {
					return fmt.Sprintf("the image %q has no version", s.Image)
				}
				return ""
			})
		},
		spoil: spoil("postgres", func(s *types.ServiceConfig) { s.Image = "postgres:latest" }),
	},
	{
		says:   "Temporal is of the version that the tests run on",
		breaks: otherTemporal,
		spoil:  spoil("temporal", func(s *types.ServiceConfig) { s.Image = "temporalio/server:1.0.0" }),
	},
	{
		says: "what lasts is watched without a shell and started again",
		breaks: func(p *types.Project) []string {
			return each(p, lasting, func(s types.ServiceConfig) string {
				switch h := s.HealthCheck; {
				case h == nil || h.Disable || len(h.Test) < 2 || h.Test[0] != "CMD":
					return "no health check of the form CMD"
				case h.Interval == nil || h.Timeout == nil || h.Retries == nil:
					return "the health check leaves interval, timeout or retries to Docker"
				case s.Restart != types.RestartPolicyUnlessStopped:
					return fmt.Sprintf("restart is %q", s.Restart)
				}
				return ""
			})
		},
		spoil: spoil("gateway", func(s *types.ServiceConfig) { s.HealthCheck = nil }),
	},
	{
		says: "what ends is tried again",
		breaks: func(p *types.Project) []string {
			return each(p, tasks, func(s types.ServiceConfig) string {
				if !strings.HasPrefix(s.Restart, types.RestartPolicyOnFailure+":") {
					return fmt.Sprintf("restart is %q", s.Restart)
				}
				return ""
			})
		},
		spoil: spoil("migrate", func(s *types.ServiceConfig) { s.Restart = "always" }),
	},
	{
		says:   "nothing starts before what it needs is up, or done",
		breaks: wrongConditions,
		spoil: spoil("worker", func(s *types.ServiceConfig) {
			s.DependsOn["migrate"] = types.ServiceDependency{Condition: types.ServiceConditionStarted}
		}),
	},
	{
		says: "migrations and search attributes come before the worker",
		breaks: func(p *types.Project) []string {
			var found []string
			for _, need := range []string{"postgres", "temporal-schema", "temporal", "temporal-namespace", "migrate"} {
				if !slices.Contains(waitsFor(p, "worker"), need) {
					found = append(found, "the worker does not wait for "+need)
				}
			}
			return found
		},
		spoil: spoil("worker", func(s *types.ServiceConfig) { delete(s.DependsOn, "temporal-namespace") }),
	},
	{
		says: "our programs run without root, capabilities or a writable disk",
		breaks: func(p *types.Project) []string {
			return each(p, ours, func(s types.ServiceConfig) string {
				switch {
				case s.User == "" || strings.HasPrefix(s.User, "0") || strings.HasPrefix(s.User, "root"):
					return fmt.Sprintf("the user is %q", s.User)
				case !slices.Contains(s.CapDrop, "ALL") || len(s.CapAdd) > 0 || s.Privileged:
					return "it has capabilities"
				case !s.ReadOnly:
					return "its file system is writable"
				}
				return ""
			})
		},
		spoil: spoil("worker", func(s *types.ServiceConfig) { s.ReadOnly = false }),
	},
	{
		says: "nobody gains privileges",
		breaks: func(p *types.Project) []string {
			return each(p, names(p), func(s types.ServiceConfig) string {
				if !slices.Contains(s.SecurityOpt, "no-new-privileges:true") {
					return "no-new-privileges is not set"
				}
				return ""
			})
		},
		spoil: spoil("ui", func(s *types.ServiceConfig) { s.SecurityOpt = nil }),
	},
	{
		says: "nobody takes all of the memory",
		breaks: func(p *types.Project) []string {
			return each(p, names(p), func(s types.ServiceConfig) string {
				if s.Deploy == nil || s.Deploy.Resources.Limits == nil || s.Deploy.Resources.Limits.MemoryBytes <= 0 {
					return "no memory limit"
				}
				return ""
			})
		},
		spoil: spoil("postgres", func(s *types.ServiceConfig) { s.Deploy = nil }),
	},
	{
		says:   "only gateway, boot listener and UI are published, on loopback",
		breaks: exposed,
		spoil: spoil("ui", func(s *types.ServiceConfig) {
			s.Ports = []types.ServicePortConfig{{Published: "8233", Target: 8080, HostIP: "0.0.0.0"}}
		}),
	},
	{
		says: "the database is out of reach from outside, and for those who have no business there",
		breaks: func(p *types.Project) []string {
			found := each(p, []string{"gateway", "ui", "promote", "temporal-namespace"}, func(s types.ServiceConfig) string {
				for _, n := range networksOf(p.Services["postgres"]) {
					if slices.Contains(networksOf(s), n) {
						return "reaches the database by the network " + n
					}
				}
				return ""
			})
			for _, n := range slices.Concat(networksOf(p.Services["postgres"]), networksOf(p.Services["temporal"])) {
				if !p.Networks[n].Internal {
					found = append(found, "the network "+n+" leads outside")
				}
			}
			return found
		},
		spoil: spoil("ui", func(s *types.ServiceConfig) { s.Networks["data"] = nil }),
	},
	{
		says:   "secrets come from files in ./secrets",
		breaks: strayedSecrets,
		spoil:  func(p *types.Project) { p.Secrets["desk_secret"] = types.SecretConfig{Environment: "DESK_SECRET"} },
	},
	{
		says:   "no secret stands in the environment",
		breaks: spilledSecrets,
		spoil: spoil("worker", func(s *types.ServiceConfig) {
			s.Environment["DATABASE_URL"] = new("postgres://handrail:hunter2@postgres/handrail")
		}),
	},
	{
		says:   "a service is given the secrets that it reads, and no others",
		breaks: unevenGrants,
		spoil: spoil("gateway", func(s *types.ServiceConfig) {
			s.Secrets = append(s.Secrets, types.ServiceSecretConfig{Source: "postgres_password"})
		}),
	},
	{
		says: "what is mounted is in the repository",
		breaks: func(p *types.Project) (found []string) {
			for name, c := range p.Configs {
				if _, err := os.Stat(c.File); err != nil || c.Content != "" {
					found = append(found, fmt.Sprintf("config %s is no file here: %v", name, err))
				}
			}
			return found
		},
		spoil: func(p *types.Project) { p.Configs["temporal.yaml"] = types.ConfigObjConfig{File: "deploy/cellar.yaml"} },
	},
}

func otherTemporal(p *types.Project) (found []string) {
	for service, pin := range map[string]struct{ image, module string }{
		"temporal":           {"temporalio/server", "go.temporal.io/server"},
		"temporal-schema":    {"temporalio/admin-tools", "go.temporal.io/server"},
		"temporal-namespace": {"temporalio/admin-tools", "go.temporal.io/server"},
		"ui":                 {"temporalio/ui", "github.com/temporalio/ui-server/v2"},
	} {
		if want := pin.image + ":" + strings.TrimPrefix(modules()[pin.module], "v"); p.Services[service].Image != want {
			found = append(found, fmt.Sprintf("%s: the image is %s, go.mod has %s", service, p.Services[service].Image, want))
		}
	}
	return found
}

func wrongConditions(p *types.Project) (found []string) {
	for _, name := range names(p) {
		for other, d := range p.Services[name].DependsOn {
			want := types.ServiceConditionCompletedSuccessfully
			if lasts(other) {
				want = types.ServiceConditionHealthy
			}
			if d.Condition != want || !d.Required {
				found = append(found, fmt.Sprintf("%s waits for %s until %s, want %s", name, other, d.Condition, want))
			}
		}
	}
	return found
}

func exposed(p *types.Project) (found []string) {
	for _, name := range names(p) {
		s := p.Services[name]
		if s.NetworkMode == "host" {
			found = append(found, name+" uses the machine's network")
		}
		if len(s.Ports) > 0 && !slices.Contains([]string{"boot", "gateway", "ui"}, name) {
			found = append(found, name+" is published")
		}
		for _, port := range s.Ports {
			if port.HostIP != "127.0.0.1" {
				found = append(found, fmt.Sprintf("%s: port %s is published on %q", name, port.Published, port.HostIP))
			}
		}
	}
	return found
}

func strayedSecrets(p *types.Project) (found []string) {
	for name, s := range p.Secrets {
		want, err := filepath.Abs(filepath.Join("secrets", name))
		if err != nil || s.File != want || s.Environment != "" || s.Content != "" {
			found = append(found, fmt.Sprintf("%s is not the file ./secrets/%s", name, name))
		}
	}
	return found
}

const granted = "/run/secrets/"

var (
	secretName = regexp.MustCompile(`(?i)(password|passwd|pwd|secret|token|key|credential|database_url)`)
	userinfo   = regexp.MustCompile(`://[^/@\s]*:[^/@\s]+@`)
)

// notSecret are variables with a secret's name that hold something else.
var notSecret = []string{"HANDRAIL_BMC_SECRETS", "HANDRAIL_BOOT_SECRETS"}

func spilledSecrets(p *types.Project) (found []string) {
	for _, name := range names(p) {
		for variable, value := range environment(p.Services[name]) {
			file := strings.HasSuffix(variable, "_FILE") && strings.HasPrefix(value, granted)
			if secretName.MatchString(variable) && !file && !slices.Contains(notSecret, variable) {
				found = append(found, fmt.Sprintf("%s: %s is no path below %s", name, variable, granted))
			}
			if userinfo.MatchString(value) {
				found = append(found, fmt.Sprintf("%s: %s holds a password", name, variable))
			}
		}
	}
	return found
}

var grant = regexp.MustCompile(granted + `(\w+)`)

// unevenGrants compares what a service is given with what its environment and
// the files that are mounted into it name.
func unevenGrants(p *types.Project) (found []string) {
	for _, name := range names(p) {
		s := p.Services[name]
		text := strings.Join(slices.Collect(maps.Values(environment(s))), "\n")
		for _, c := range s.Configs {
			body, err := os.ReadFile(p.Configs[c.Source].File)
			if err != nil {
				found = append(found, err.Error())
			}
			text += "\n" + string(body)
		}
		reads, given := map[string]bool{}, map[string]bool{}
		for _, m := range grant.FindAllStringSubmatch(text, -1) {
			reads[m[1]] = true
		}
		for _, g := range s.Secrets {
			given[g.Source] = true
		}
		if !maps.Equal(reads, given) {
			found = append(found, fmt.Sprintf("%s reads %v and is given %v", name, reads, given))
		}
	}
	return found
}
