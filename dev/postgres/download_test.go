package postgres

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	_ "embed"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
)

// archive holds bin/initdb, bin/postgres and bin/pg_ctl: shell scripts that
// print a version and can do nothing else, in a tar file compressed by xz.
//
//go:embed testdata/binaries.txz
var archive []byte

// repository serves the archive as Maven Central does, and counts downloads.
func repository(t *testing.T) (string, *atomic.Int32) {
	var jar bytes.Buffer
	z := zip.NewWriter(&jar)
	w, err := z.Create("postgres.txz")
	must(t, err)
	_, err = w.Write(archive)
	must(t, err)
	must(t, z.Close())
	var served atomic.Int32
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, ".sha256") {
			fmt.Fprintf(w, "%x", sha256.Sum256(jar.Bytes()))
			return
		}
		served.Add(1)
		_, _ = w.Write(jar.Bytes())
	}))
	t.Cleanup(s.Close)
	return s.URL, &served
}

func downloader(t *testing.T, repository string) *Cluster {
	t.Helper()
	as, err := serverAccount()
	must(t, err)
	h, err := openHome(folder(t), as, slog.New(slog.DiscardHandler))
	must(t, err)
	t.Cleanup(func() { h.close(true) })
	return &Cluster{home: h, opts: Options{Repository: repository, Logger: slog.New(slog.DiscardHandler)}}
}

func TestDownload(t *testing.T) {
	t.Parallel()
	from, served := repository(t)
	c := downloader(t, from)
	for range 2 {
		b, err := c.download(t.Context())
		must(t, err)
		if b.major != downloadMajor || !strings.HasPrefix(b.dir, c.home.path) {
			t.Errorf("downloaded %+v", b)
		}
	}
	if n := served.Load(); n != 1 {
		t.Errorf("downloaded %d times", n)
	}
	left, err := filepath.Glob(filepath.Join(c.home.path, "binaries", "unpack-*"))
	must(t, err)
	if len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestNoBinariesAndNoDownload(t *testing.T) {
	t.Parallel()
	closed := httptest.NewServer(http.NotFoundHandler())
	closed.Close()
	c := downloader(t, closed.URL)
	if _, ok := majors(t)[downloadMajor]; ok {
		t.Skipf("PostgreSQL %d is installed here", downloadMajor)
	}
	_, err := c.findBinaries(t.Context(), downloadMajor)
	if !errors.Is(err, ErrNoBinaries) || !strings.Contains(err.Error(), closed.URL) || !strings.Contains(err.Error(), "apt-get install") {
		t.Errorf("the message is: %v", err)
	}
}

func majors(t *testing.T) map[int]bool {
	as, err := serverAccount()
	must(t, err)
	found := map[int]bool{}
	for _, b := range installed(t.Context(), as) {
		found[b.major] = true
	}
	return found
}

// Programs are run from the cache, so nobody else may be able to put any there.
func TestOpenCacheIsRefused(t *testing.T) {
	t.Parallel()
	from, served := repository(t)
	c := downloader(t, from)
	c.opts.Binaries = folder(t)
	must(t, os.Mkdir(c.opts.Binaries, 0o755))
	must(t, os.Chmod(c.opts.Binaries, 0o777))
	if _, err := c.download(t.Context()); err == nil || served.Load() != 0 {
		t.Errorf("a cache that all can write to was used: %v", err)
	}
}
