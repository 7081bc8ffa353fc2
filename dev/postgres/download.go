package postgres

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	embedded "github.com/fergusstrange/embedded-postgres"

	"github.com/handrail/handrail/dev/port"
)

const (
	downloadVersion = embedded.V18
	downloadMajor   = 18
	downloadTimeout = 5 * time.Minute
)

// download returns the binaries that were downloaded before, or fetches them.
func (c *Cluster) download(ctx context.Context) (binaries, error) {
	cache, err := c.cache()
	if err != nil {
		return binaries{}, err
	}
	dir := filepath.Join(cache, string(downloadVersion))
	if b, ok := probe(ctx, filepath.Join(dir, "bin"), c.home.as); ok {
		return b, nil
	}
	c.opts.Logger.Info("no PostgreSQL on this machine: downloading one, about 30 MB", "version", string(downloadVersion), "to", cache)
	if err := c.fetch(ctx, cache, dir); err != nil {
		return binaries{}, err
	}
	b, ok := probe(ctx, filepath.Join(dir, "bin"), c.home.as)
	if !ok {
		return binaries{}, fmt.Errorf("what was downloaded to %s does not run here", dir)
	}
	return b, nil
}

// cache is the folder for downloads. It holds programs, so it has to be ours
// and nobody else's, and the server's account has to be able to read it.
func (c *Cluster) cache() (string, error) {
	cache, err := filepath.Abs(cmp.Or(c.opts.Binaries, filepath.Join(c.home.path, "binaries")))
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(cache, 0o755); err != nil {
		return "", err
	}
	info, err := os.Lstat(cache)
	if err != nil {
		return "", err
	}
	if !info.IsDir() || ownerOf(info) != os.Geteuid() || info.Mode().Perm()&0o022 != 0 {
		return "", fmt.Errorf("%s is not a folder that only we can write to", cache)
	}
	return cache, nil
}

// fetch downloads and unpacks into a folder of its own, and puts it in place in
// one go: others may be doing the same.
func (c *Cluster) fetch(ctx context.Context, cache, dir string) error {
	ctx, cancel := context.WithTimeout(ctx, downloadTimeout)
	defer cancel()
	work, err := os.MkdirTemp(cache, "unpack-")
	if err != nil {
		return err
	}
	result := make(chan error, 1)
	go func() {
		err := c.unpack(cache, work, dir)
		// Before the result: who has it may look for what is left.
		result <- errors.Join(err, os.RemoveAll(work))
	}()
	select {
	case err := <-result:
		return err
	case <-ctx.Done(): // the library can not be interrupted; it cleans up when it ends
		return ctx.Err()
	}
}

// unpack has the library do all that it can do, for it has no function that
// only downloads. Whether it can also run a server here does not matter (as root
// it can not): what counts is that the binaries are there.
func (c *Cluster) unpack(cache, work, dir string) error {
	free, err := port.Free()
	if err != nil {
		return err
	}
	cfg := embedded.DefaultConfig().Version(downloadVersion).Port(uint32(free)).Password(rand.Text()).
		CachePath(cache).BinariesPath(filepath.Join(work, "unpacked")).RuntimePath(filepath.Join(work, "runtime")).
		DataPath(filepath.Join(work, "data")).Logger(io.Discard).StartTimeout(time.Minute)
	if c.opts.Repository != "" {
		cfg = cfg.BinaryRepositoryURL(c.opts.Repository)
	}
	server := embedded.NewDatabase(cfg)
	startErr := server.Start()
	if startErr == nil {
		if err := server.Stop(); err != nil {
			return err
		}
	}
	if _, err := os.Stat(filepath.Join(work, "unpacked", "bin", "postgres")); err != nil {
		return cmp.Or(startErr, err)
	}
	if err := os.Chmod(filepath.Join(work, "unpacked"), 0o755); err != nil {
		return err
	}
	if err := os.Rename(filepath.Join(work, "unpacked"), dir); !errors.Is(err, fs.ErrExist) {
		return err
	}
	return nil // another process was faster
}
