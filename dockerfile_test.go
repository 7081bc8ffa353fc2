package handrail_test

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
)

// dockerfile is what the test reads of a Dockerfile: its instructions, with
// continued lines joined.
type dockerfile []instruction

type instruction struct {
	name string
	args []string
}

func parseDockerfile(text string) (d dockerfile) {
	text = regexp.MustCompile(`(?m)^\s*#.*\n`).ReplaceAllString(text, "")
	for line := range strings.Lines(strings.ReplaceAll(text, "\\\n", " ")) {
		if f := strings.Fields(line); len(f) > 0 {
			d = append(d, instruction{strings.ToUpper(f[0]), f[1:]})
		}
	}
	return d
}

// plain are the arguments without flags.
func (i instruction) plain() []string {
	return slices.DeleteFunc(slices.Clone(i.args), func(a string) bool { return strings.HasPrefix(a, "--") })
}

func (i instruction) flag(name string) string {
	for _, a := range i.args {
		if value, ok := strings.CutPrefix(a, "--"+name+"="); ok {
			return value
		}
	}
	return ""
}

// images lists the images that are built upon or copied from.
func (d dockerfile) images() (images []string) {
	stages := []string{"scratch"}
	for _, i := range d {
		image := i.flag("from")
		if i.name == "FROM" {
			p := i.plain()
			image = p[0]
			if len(p) == 3 {
				stages = append(stages, p[2])
			}
		}
		if image != "" && !slices.Contains(stages, image) {
			images = append(images, image)
		}
	}
	return images
}

// copied lists what is copied from the build context.
func (d dockerfile) copied() (paths []string) {
	for _, i := range d {
		if p := i.plain(); (i.name == "COPY" || i.name == "ADD") && i.flag("from") == "" {
			paths = append(paths, p[:len(p)-1]...)
		}
	}
	return paths
}

// final are the instructions of the last stage.
func (d dockerfile) final() dockerfile {
	last := 0
	for n, i := range d {
		if i.name == "FROM" {
			last = n
		}
	}
	return d[last:]
}

// image are the rooms that go into the image: what the programs are made of.
var image = []string{"go.mod", "go.sum", "hosting", "settings", "activities", "workflows", "worker", "starter"}

var dockerfileRules = []struct {
	says   string
	breaks func(dockerfile) []string
	// sample is a Dockerfile that breaks the rule.
	sample string
}{
	{
		says: "images are pinned to a version",
		breaks: func(d dockerfile) []string {
			return slices.DeleteFunc(d.images(), version.MatchString)
		},
		sample: "FROM golang AS build\nFROM scratch\nCOPY --from=busybox:latest /bin/wget /bin/wget\n",
	},
	{
		says: "the compiler is that of go.mod",
		breaks: func(d dockerfile) []string {
			return slices.DeleteFunc(d.images(), func(i string) bool {
				return !strings.HasPrefix(i, "golang:") || strings.HasPrefix(i, "golang:"+modules()["go"]+"-")
			})
		},
		sample: "FROM golang:1.4.0-trixie\n",
	},
	{
		says: "the image starts from nothing and is run by nobody's root",
		breaks: func(d dockerfile) []string {
			f := d.final()
			user := slices.IndexFunc(f, func(i instruction) bool {
				return i.name == "USER" && regexp.MustCompile(`^[1-9]\d*(:[1-9]\d*)?$`).MatchString(i.plain()[0])
			})
			if f[0].plain()[0] != "scratch" || user < 0 {
				return []string{"the last stage is not FROM scratch with a numeric USER"}
			}
			return nil
		},
		sample: "FROM scratch\nUSER root\n",
	},
	{
		says: "the programs are static and do not tell where they were built",
		breaks: func(d dockerfile) []string {
			static := slices.ContainsFunc(d, func(i instruction) bool { return i.name == "ENV" && slices.Contains(i.args, "CGO_ENABLED=0") })
			trimmed := slices.ContainsFunc(d, func(i instruction) bool { return i.name == "RUN" && slices.Contains(i.args, "-trimpath") })
			if !static || !trimmed {
				return []string{"CGO_ENABLED=0 or -trimpath is missing"}
			}
			return nil
		},
		sample: "FROM scratch\nRUN go build ./worker\n",
	},
	{
		says: "only what the programs are made of is copied, named one by one",
		breaks: func(d dockerfile) []string {
			return slices.DeleteFunc(d.copied(), func(path string) bool { return slices.Contains(image, path) })
		},
		sample: "FROM scratch\nCOPY . .\n",
	},
	{
		says: "no secret is an argument or a variable of the build",
		breaks: func(d dockerfile) (found []string) {
			for _, i := range d {
				if (i.name == "ARG" || i.name == "ENV") && secretName.MatchString(strings.Join(i.args, " ")) {
					found = append(found, strings.Join(i.args, " "))
				}
			}
			return found
		},
		sample: "FROM scratch\nARG DESK_SECRET\n",
	},
}

func TestDockerfile(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("Dockerfile")
	if err != nil {
		t.Fatal(err)
	}
	d := parseDockerfile(string(text))
	for _, r := range dockerfileRules {
		t.Run(r.says, func(t *testing.T) {
			t.Parallel()
			if found := r.breaks(d); len(found) > 0 {
				t.Errorf("the Dockerfile breaks it: %q", found)
			}
			if len(r.breaks(parseDockerfile(r.sample))) == 0 {
				t.Errorf("the rule does not see what is wrong with %q", r.sample)
			}
		})
	}
}

// TestDockerfile_hasWhatTheProgramsNeed compares the rooms that are copied with
// those that the programs import.
func TestDockerfile_hasWhatTheProgramsNeed(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("Dockerfile")
	if err != nil {
		t.Fatal(err)
	}
	copied := parseDockerfile(string(text)).copied()
	for _, p := range house(t) {
		if p.place() != "worker" && p.place() != "starter" {
			continue
		}
		for _, path := range append(p.Deps, p.ImportPath) {
			if !strings.HasPrefix(path, module+"/") {
				continue
			}
			if room, _, _ := strings.Cut(place(path), "/"); !slices.Contains(copied, room) {
				t.Errorf("%s needs %s, which is not copied", p.place(), place(path))
			}
		}
	}
}

// TestDockerignore keeps secrets and configuration out of the build context:
// everything is left out, and only what the Dockerfile copies let in again.
func TestDockerignore(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(".dockerignore")
	if err != nil {
		t.Fatal(err)
	}
	var lines, again []string
	for line := range strings.Lines(string(text)) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
			lines = append(lines, line)
		}
	}
	if len(lines) == 0 || lines[0] != "*" {
		t.Fatal("the first rule is not *")
	}
	for _, line := range lines {
		if path, ok := strings.CutPrefix(line, "!"); ok {
			again = append(again, path)
		}
	}
	if !slices.Equal(again, image) {
		t.Errorf("let in again are %q, want %q", again, image)
	}
	for _, path := range again {
		if _, err := os.Stat(filepath.FromSlash(path)); err != nil {
			t.Error(err)
		}
	}
}

// modules are what go.mod requires; "go" is the language's own version.
var modules = sync.OnceValue(func() map[string]string {
	out, err := exec.Command("go", "mod", "edit", "-json").Output()
	if err != nil {
		panic(fmt.Errorf("reading go.mod: %w", err))
	}
	var file struct {
		Go      string
		Require []struct{ Path, Version string }
	}
	if err := json.Unmarshal(out, &file); err != nil {
		panic(fmt.Errorf("reading go.mod: %w", err))
	}
	versions := map[string]string{"go": file.Go}
	for _, r := range file.Require {
		versions[r.Path] = r.Version
	}
	return versions
})
