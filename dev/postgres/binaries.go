package postgres

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// ErrNoBinaries tells that this machine has no PostgreSQL server and that none
// could be downloaded.
var ErrNoBinaries = errors.New("no PostgreSQL server on this machine: install one " +
	"(Debian, Ubuntu: apt-get install postgresql; macOS: brew install postgresql), or set DATABASE_URL to one that runs elsewhere")

// oldest is the oldest major version that Handrail's schema is made for.
const oldest = 14

// binaries are the programs of one installation.
type binaries struct {
	dir     string
	version string // "15.18"
	major   int
}

func (b binaries) program(name string) string { return filepath.Join(b.dir, name) }

// folders are where packages put the server, besides what PATH names.
var folders = []string{
	"/usr/lib/postgresql/*/bin", // Debian, Ubuntu
	"/usr/pgsql-*/bin",          // PostgreSQL's packages for Red Hat
	"/usr/libexec/postgresql*",  // Alpine
	"/opt/homebrew/opt/postgresql*/bin",
	"/usr/local/opt/postgresql*/bin",
	"/home/linuxbrew/.linuxbrew/opt/postgresql*/bin",
	"/Applications/Postgres.app/Contents/Versions/*/bin",
}

// findBinaries returns a server that can run data of the given major version (0
// is any): what PATH names first, then the newest that packages installed, then
// what was downloaded before, then a download.
func (c *Cluster) findBinaries(ctx context.Context, made int) (binaries, error) {
	fits := func(b binaries) bool { return b.major >= oldest && (made == 0 || b.major == made) }
	found := installed(ctx, c.home.as)
	if i := slices.IndexFunc(found, fits); i >= 0 {
		return found[i], nil
	}
	if made != 0 && made != downloadMajor {
		return binaries{}, fmt.Errorf("the data in %s was made by PostgreSQL %d, which this machine does not have%s: install it, or start fresh",
			c.home.path, made, having(found))
	}
	b, err := c.download(ctx)
	if err != nil {
		return binaries{}, fmt.Errorf("%w (the download failed: %w%s)", ErrNoBinaries, err, having(found))
	}
	return b, nil
}

func having(found []binaries) string {
	if len(found) == 0 {
		return ""
	}
	var versions []string
	for _, b := range found {
		versions = append(versions, b.version)
	}
	return "; there is PostgreSQL " + strings.Join(versions, ", ")
}

// installed lists the installations that the account can run.
func installed(ctx context.Context, as account) []binaries {
	var list []binaries
	add := func(dirs ...string) {
		var some []binaries
		for _, dir := range dirs {
			if b, ok := probe(ctx, dir, as); ok && !slices.ContainsFunc(list, func(o binaries) bool { return o.dir == b.dir }) {
				some = append(some, b)
			}
		}
		slices.SortStableFunc(some, func(a, b binaries) int { return cmp.Compare(b.major, a.major) })
		list = append(list, some...)
	}
	add(fromPath(ctx)...)
	for _, pattern := range folders {
		dirs, _ := filepath.Glob(pattern) // the patterns are well formed
		add(dirs...)
	}
	return list
}

// fromPath returns the folders that initdb and pg_config on PATH lead to.
func fromPath(ctx context.Context) []string {
	var dirs []string
	if path, err := exec.LookPath("initdb"); err == nil {
		if real, err := filepath.EvalSymlinks(path); err == nil {
			dirs = append(dirs, filepath.Dir(real))
		}
	}
	if path, err := exec.LookPath("pg_config"); err == nil {
		if out, err := output(ctx, account{}, path, "--bindir"); err == nil {
			dirs = append(dirs, out)
		}
	}
	return dirs
}

var versionText = regexp.MustCompile(`\(PostgreSQL\) (\d+)[.\d]*`)

// probe asks an installation for its version, as the account that is to run it.
func probe(ctx context.Context, dir string, as account) (binaries, bool) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return binaries{}, false
	}
	b := binaries{dir: abs}
	for _, program := range []string{"initdb", "postgres"} {
		out, err := output(ctx, as, b.program(program), "--version")
		m := versionText.FindStringSubmatch(out)
		if err != nil || m == nil {
			return binaries{}, false
		}
		b.version = strings.TrimPrefix(m[0], "(PostgreSQL) ")
		if b.major, err = strconv.Atoi(m[1]); err != nil {
			return binaries{}, false
		}
	}
	return b, true
}

func output(ctx context.Context, as account, program string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Dir, cmd.Env, cmd.SysProcAttr = "/", environment(), as.attributes()
	out, err := cmd.Output()
	return strings.TrimSpace(string(out)), err
}
