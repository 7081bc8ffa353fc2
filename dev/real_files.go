package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// buildScript makes some of the files that a real machine fetches, into the
// folder that is its first argument.
type buildScript struct {
	path  string
	args  []string // after the folder
	makes []string
	needs string // besides its packages
}

// scripts are those that are to be run for what is missing in the folder. The
// boot medium is needed only where the machine boots from it, and is good only
// for the URL that it was made with.
func (r *realMachine) scripts() ([]buildScript, error) {
	rescue := buildScript{path: "rescue/build", args: []string{r.base()}, makes: []string{rescueKernel, rescueInitrd}}
	image := buildScript{path: "rescue/image", makes: []string{debianImage}, needs: "root and a mirror of Debian (MIRROR)"}
	var missing []buildScript
	for _, s := range []buildScript{rescue, image} {
		for _, name := range s.makes {
			_, err := os.Stat(filepath.Join(r.files, name))
			if errors.Is(err, fs.ErrNotExist) {
				missing = append(missing, s)
				break
			}
			if err != nil {
				return nil, err
			}
		}
	}
	if !r.medium || len(missing) > 0 && missing[0].path == rescue.path {
		return missing, nil
	}
	good, err := r.mediumIsOurs()
	if err != nil || good {
		return missing, err
	}
	return append([]buildScript{rescue}, missing...), nil
}

// mediumIsOurs reports whether the boot medium is there and asks our boot
// listener. Its script stands on it as it was written.
func (r *realMachine) mediumIsOurs() (bool, error) {
	content, err := os.ReadFile(filepath.Join(r.files, bootMedium))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return bytes.Contains(content, []byte(" "+r.base()+"/boot/")), err
}

// prepare builds what is missing and shows how it goes on.
func (r *realMachine) prepare(ctx context.Context, w io.Writer) error {
	scripts, err := r.scripts()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(r.files, 0o755); err != nil { //nolint:gosec // nothing in it is secret
		return err
	}
	for _, s := range scripts {
		if err := s.run(ctx, w, r.files); err != nil {
			return err
		}
	}
	return nil
}

func (s buildScript) run(ctx context.Context, w io.Writer, folder string) error {
	line := strings.Join(append([]string{s.path, folder}, s.args...), " ")
	if _, err := os.Stat(s.path); err != nil {
		return fmt.Errorf("boot files are missing in %s, and %s is not below the current folder: run it from the root of the source, or name with -rescue the folder of an earlier build:\n  %s", folder, s.path, line)
	}
	fmt.Fprintf(w, "  running %s\n", line)
	command := exec.CommandContext(ctx, s.path, append([]string{folder}, s.args...)...) //nolint:gosec // the paths are the caller's own
	out := &indented{w: w, start: true}
	command.Stdout, command.Stderr = out, out
	if err := command.Run(); err != nil {
		return fmt.Errorf("%s failed (%w); it needs %s; then try again, or run it by itself:\n  %s", s.path, err, s.wants(ctx), line)
	}
	return nil
}

// wants are the packages of a script, which it tells itself, and what else it
// needs.
func (s buildScript) wants(ctx context.Context) string {
	packages, err := exec.CommandContext(ctx, s.path, "--packages").Output() //nolint:gosec // likewise
	text := "the packages that it prints with --packages"
	if err == nil {
		text = "apt-get install " + strings.Join(strings.Fields(string(packages)), " ")
	}
	if s.needs != "" {
		text += ", " + s.needs
	}
	return text
}

// indented writes what another program says.
type indented struct {
	w     io.Writer
	start bool // of a line
}

// Write puts a bar before each line.
func (i *indented) Write(p []byte) (int, error) {
	var out bytes.Buffer
	for _, b := range p {
		if i.start {
			out.WriteString("    | ")
		}
		out.WriteByte(b)
		i.start = b == '\n'
	}
	if _, err := i.w.Write(out.Bytes()); err != nil {
		return 0, err
	}
	return len(p), nil
}
