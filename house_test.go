package handrail_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/handrail/handrail"

// pkg is a package of the house as the rules see it. Imports and Deps are those
// of the code without its tests.
type pkg struct {
	ImportPath, Name, Dir  string
	GoFiles, Imports, Deps []string
	sources                []source
}

// source is a Go file that is no test.
type source struct{ name, text string }

// rule is one sentence of the house and what breaks it. The sample breaks the
// rule, so that a rule that finds nothing any more is itself found out.
type rule struct {
	says   string
	breaks func(pkg) []string
	sample pkg
}

var rules = slices.Concat(importRules, reachRules, shapeRules)

func TestHouse(t *testing.T) {
	t.Parallel()
	packages := house(t)
	for _, r := range rules {
		t.Run(r.says, func(t *testing.T) {
			t.Parallel()
			for _, p := range packages {
				for _, found := range r.breaks(p) {
					t.Errorf("%s: %s", p.place(), found)
				}
			}
		})
	}
}

// TestHouse_rulesCanFail shows that each rule sees what breaks it, and takes no
// offense at a package that nothing is wrong with.
func TestHouse_rulesCanFail(t *testing.T) {
	t.Parallel()
	sound := pkg{
		ImportPath: module + "/activities/desk", Name: "desk", Imports: []string{"context", module + "/hosting"},
		Deps:    []string{"context", module + "/hosting", "go.temporal.io/serverless"},
		sources: []source{{"desk.go", "// Package desk is the ticket system.\npackage desk\n\n// Post posts.\nfunc Post() {}\n"}},
	}
	for _, r := range rules {
		t.Run(r.says, func(t *testing.T) {
			t.Parallel()
			if len(r.breaks(r.sample)) == 0 {
				t.Errorf("the rule does not see what is wrong with %+v", r.sample)
			}
			if found := r.breaks(sound); len(found) > 0 {
				t.Errorf("the rule finds fault with a sound package: %q", found)
			}
		})
	}
}

// TestHouse_seesAllOfIt keeps the rules from holding because they look at nothing.
func TestHouse_seesAllOfIt(t *testing.T) {
	t.Parallel()
	var places []string
	for _, p := range house(t) {
		places = append(places, p.place())
		if p.place() != "." && len(p.sources) == 0 {
			t.Errorf("%s: no source was read", p.place())
		}
	}
	for _, want := range []string{"hosting", "settings", "activities/bmc", "workflows", "worker", "starter", "dev"} {
		if !slices.Contains(places, want) {
			t.Errorf("%s is not among the packages looked at: %q", want, places)
		}
	}
}

// house lists the module's packages with their sources.
func house(t *testing.T) []pkg {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "list", "-json=ImportPath,Name,Dir,GoFiles,Imports,Deps", "./...")
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("listing the packages: %v", err)
	}
	var packages []pkg
	for d := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p pkg
		err := d.Decode(&p)
		if errors.Is(err, io.EOF) {
			return packages
		}
		if err != nil {
			t.Fatalf("reading what go list says: %v", err)
		}
		for _, name := range p.GoFiles {
			text, err := os.ReadFile(filepath.Join(p.Dir, name))
			if err != nil {
				t.Fatal(err)
			}
			p.sources = append(p.sources, source{name, string(text)})
		}
		packages = append(packages, p)
	}
}

// place is where in the house a package stands: its path below the module's.
func (p pkg) place() string { return place(p.ImportPath) }

func place(path string) string {
	if path == module {
		return "."
	}
	return strings.TrimPrefix(path, module+"/")
}

// within reports whether a place is the room or below it: "activities" holds
// "activities" and "activities/bmc", but not "activities2".
func within(room, place string) bool {
	return place == room || strings.HasPrefix(place, room+"/")
}

func withinAny(rooms []string, place string) bool {
	return slices.ContainsFunc(rooms, func(room string) bool { return within(room, place) })
}

// room says which places the packages of a room may import of ours, besides the
// room itself.
type room struct {
	name string
	may  []string
	says string
}

var rooms = []room{
	{"hosting", nil, "hosting imports nothing of ours"},
	{"settings", nil, "settings imports nothing of ours"},
	{"activities", []string{"hosting"}, "activities import hosting and one another"},
	{"workflows", []string{"activities", "hosting"}, "workflows import activities and hosting"},
	{"worker", []string{"workflows", "activities", "hosting", "settings"}, "the worker imports neither the starter nor dev"},
	{"starter", []string{"workflows", "activities", "hosting", "settings"}, "the starter imports neither the worker nor dev"},
	{"dev", []string{"worker", "starter", "workflows", "activities", "hosting", "settings"}, "dev imports all, and nobody imports dev"},
}

// importRules are the rooms' rules: imports run one way.
var importRules = func() []rule {
	all := []rule{{
		says: "every package stands in a room whose imports are ruled",
		breaks: func(p pkg) []string {
			known := func(r room) bool { return within(r.name, p.place()) }
			if p.place() == "." || slices.ContainsFunc(rooms, known) {
				return nil
			}
			return []string{"say in this test what this room may import"}
		},
		sample: pkg{ImportPath: module + "/cellar"},
	}}
	for _, r := range rooms {
		all = append(all, rule{
			says: r.says,
			breaks: func(p pkg) (found []string) {
				if !within(r.name, p.place()) {
					return nil
				}
				for _, path := range p.Imports {
					if strings.HasPrefix(path, module+"/") && !within(r.name, place(path)) && !withinAny(r.may, place(path)) {
						found = append(found, "imports "+place(path))
					}
				}
				return found
			},
			sample: pkg{ImportPath: module + "/" + r.name, Imports: []string{module + "/cellar"}},
		})
	}
	return all
}()

// reach rules what may lie below a package, through whatever it imports.
type reach struct {
	says string
	// rooms are where the rule holds; empty means all but except.
	rooms, except []string
	// direct: only the package's own imports count.
	direct bool
	never  []string
}

var reaches = []reach{
	{
		says: "only dev runs a Temporal server or its UI", except: []string{"dev"},
		never: []string{"go.temporal.io/server", "github.com/temporalio/ui-server"},
	},
	{
		says: "worker and starter hold no Temporal server", rooms: []string{"worker", "starter"},
		never: []string{"go.temporal.io/server"},
	},
	{
		says: "workflows reach the world through activities only", rooms: []string{"workflows"}, direct: true,
		never: []string{"os", "net", "net/http", "database/sql", "crypto/rand", "math/rand", "sync", "github.com/jackc/pgx"},
	},
	{
		says: "hosting holds plain types and pure rules", rooms: []string{"hosting"}, direct: true,
		never: []string{"os", "net/http", "database/sql", "context", "go.temporal.io", "github.com"},
	},
}

var reachRules = func() (all []rule) {
	for _, r := range reaches {
		sample := "cellar"
		if len(r.rooms) > 0 {
			sample = r.rooms[0]
		}
		all = append(all, rule{
			says: r.says, breaks: r.breaks,
			sample: pkg{ImportPath: module + "/" + sample, Imports: r.never[:1], Deps: r.never[:1]},
		})
	}
	return all
}()

func (r reach) breaks(p pkg) (found []string) {
	if len(r.rooms) > 0 && !withinAny(r.rooms, p.place()) || withinAny(r.except, p.place()) {
		return nil
	}
	below, how := p.Deps, "depends on"
	if r.direct {
		below, how = p.Imports, "imports"
	}
	for _, never := range r.never {
		if i := slices.IndexFunc(below, func(path string) bool { return within(never, path) }); i >= 0 {
			found = append(found, fmt.Sprintf("%s %s", how, below[i]))
		}
	}
	return found
}
