package postgres

import (
	"bytes"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// As root, below a folder that only root can enter: the cluster is kept
// elsewhere, says so, and is found and removed there again.
func TestUnreachableFolder(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("needs root: only root's server runs as another user")
	}
	closed := folder(t)
	must(t, os.Mkdir(closed, 0o700))
	dir := filepath.Join(closed, "project", "postgres")
	var log bytes.Buffer
	c := start(t, Options{Dir: dir, Logger: slog.New(slog.NewTextHandler(&log, nil))})
	t.Cleanup(func() { os.RemoveAll(c.home.path) })
	if !strings.HasPrefix(c.home.path, "/var/tmp/handrail-postgres-") || !strings.Contains(log.String(), c.home.path) {
		t.Errorf("the cluster is in %s; the reader was told: %s", c.home.path, log.String())
	}
	must(t, c.createTable("kept", "word"))
	must(t, c.Stop(t.Context()))
	again := start(t, Options{Dir: dir})
	if got := ask(t, again.URL(), "SELECT v FROM kept"); got != "word" {
		t.Errorf("the table holds %q", got)
	}
	must(t, again.Stop(t.Context()))
	must(t, Remove(t.Context(), dir))
	if _, err := os.Stat(c.home.path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("after Remove: %v", err)
	}
}

// Somebody else's folder, or a link, in the place of ours is not used.
func TestForeignFolder(t *testing.T) {
	t.Parallel()
	as, err := serverAccount()
	must(t, err)
	target := folder(t)
	must(t, os.Mkdir(target, 0o755))
	link := folder(t)
	must(t, os.Symlink(target, link))
	if _, err := openHome(link, as, slog.New(slog.DiscardHandler)); err == nil {
		t.Error("a link was followed")
	}
	if info, err := os.Stat(target); err != nil || info.Mode().Perm() != 0o755 {
		t.Errorf("the link's target was changed: %v, %v", info.Mode(), err)
	}
	if os.Geteuid() != 0 {
		return
	}
	must(t, os.Chown(target, 4711, 4711))
	if _, err := openHome(target, as, slog.New(slog.DiscardHandler)); err == nil || !strings.Contains(err.Error(), "4711") {
		t.Errorf("a stranger's folder: %v", err)
	}
}

func TestReachable(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	path := filepath.Join(dir, "a", "b")
	must(t, os.MkdirAll(filepath.Dir(path), 0o755))
	stranger, owner := account{uid: 4711, gid: 4711, switched: true}, account{uid: os.Geteuid(), gid: os.Getegid(), switched: true}
	for _, c := range []struct {
		mode            os.FileMode
		stranger, owner bool
	}{
		{0o755, true, true}, {0o701, true, true}, {0o750, false, true}, {0o700, false, true}, {0o655, true, false},
	} {
		if os.Geteuid() != 0 && c.mode&0o100 == 0 {
			continue // we are the owner who can not get there
		}
		must(t, os.Chmod(dir, c.mode))
		if got := reachable(path, stranger); got != c.stranger {
			t.Errorf("mode %v: a stranger gets there: %v", c.mode, got)
		}
		if got := reachable(path, owner); got != c.owner {
			t.Errorf("mode %v: the owner gets there: %v", c.mode, got)
		}
	}
	must(t, os.Chmod(dir, 0o755))
}
