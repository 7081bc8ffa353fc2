// Package postgres runs a private PostgreSQL cluster: for dev, which keeps it
// between starts, and for tests, which throw it away (package pgtest).
//
// The server listens on loopback only and asks for a random password. It never
// outlives the process that started it, however that process ends.
package postgres

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/url"
	"os"
	"strconv"
	"strings"
	"sync"

	"github.com/jackc/pgx/v5"

	"github.com/handrail/handrail/dev/port"
)

const (
	superuser = "handrail"
	database  = "handrail"

	dataFolder     = "data"
	postmasterFile = dataFolder + "/postmaster.pid"
	passwordFile   = "password"
	portFile       = "port"
	logFile        = "postgres.log"
)

// Options say where a cluster lives and how long.
type Options struct {
	// Dir is the cluster's own folder: data, password, log, downloaded binaries.
	// As root, PostgreSQL runs as another user; where that user can not get to
	// Dir, a folder below /var/tmp that belongs to Dir is used instead.
	Dir string
	// Logger gets what the reader should know. Nil logs nothing.
	Logger *slog.Logger
	// Throwaway gives up durability for speed, and removes everything when the
	// cluster is stopped or its process ends.
	Throwaway bool
	// Binaries is where downloaded binaries are kept; empty is below Dir.
	Binaries string
	// Repository is the Maven repository to download from; empty is Maven Central.
	Repository string
}

// Cluster is a running server with one database.
type Cluster struct {
	opts     Options
	home     *home
	bin      binaries
	password string

	mu   sync.Mutex
	port int
	proc *process // nil while stopped
}

// Start starts the cluster in o.Dir, creating it at first, and returns when it
// accepts connections. A server that a killed process left behind there is
// stopped first. Where there are no PostgreSQL binaries and none can be
// downloaded, the error is ErrNoBinaries.
func Start(ctx context.Context, o Options) (*Cluster, error) {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	c := &Cluster{opts: o}
	if err := c.start(ctx); err != nil {
		return nil, fmt.Errorf("starting PostgreSQL in %s: %w", o.Dir, errors.Join(err, c.leave()))
	}
	o.Logger.Info("PostgreSQL is running", "version", c.bin.version, "port", c.port, "data", c.home.path)
	return c, nil
}

func (c *Cluster) start(ctx context.Context) error {
	as, err := serverAccount()
	if err != nil {
		return err
	}
	if c.home, err = openHome(c.opts.Dir, as, c.opts.Logger); err != nil {
		return err
	}
	made, err := c.home.dataVersion()
	if err != nil {
		return err
	}
	if c.bin, err = c.findBinaries(ctx, made); err != nil {
		return err
	}
	if err := c.home.stopLeftover(ctx, c.opts.Logger); err != nil {
		return err
	}
	if c.password, err = c.secret(made > 0); err != nil {
		return err
	}
	if made == 0 {
		if err := c.initialize(ctx); err != nil {
			return err
		}
	}
	if err := c.listen(ctx); err != nil {
		return err
	}
	return c.createDatabase(ctx)
}

// listen starts the server on the port of the last time, so that what people
// have noted down stays true, or, where others have taken it, on a free one.
func (c *Cluster) listen(ctx context.Context) error {
	if text, err := c.home.read(portFile); err == nil {
		if c.port, err = strconv.Atoi(text); err == nil && bindable(c.port) {
			if err := c.launch(ctx); !errors.Is(err, errPortTaken) {
				return err
			}
		}
	}
	for try := 1; ; try++ {
		var err error
		if c.port, err = port.Free(); err != nil {
			return err
		}
		if err := c.home.write(portFile, strconv.Itoa(c.port)); err != nil {
			return err
		}
		if err := c.launch(ctx); !errors.Is(err, errPortTaken) || try == portTries {
			return err
		}
	}
}

// leave gives up what a failed start has taken.
func (c *Cluster) leave() error {
	if c.proc != nil {
		c.proc.kill()
		c.proc = nil
	}
	if c.home == nil {
		return nil
	}
	return c.home.close(c.opts.Throwaway)
}

// URL is how to connect, password included. It stays the same over Restart.
func (c *Cluster) URL() string { return c.url(database) }

func (c *Cluster) url(database string) string {
	u := url.URL{
		Scheme: "postgres", User: url.UserPassword(superuser, c.password),
		Host: net.JoinHostPort(loopback, strconv.Itoa(c.port)), Path: "/" + database, RawQuery: "sslmode=disable",
	}
	return u.String()
}

// Stop shuts the server down: connections are cut, what was committed is kept.
// If ctx ends first it is stopped the hard way, which costs a recovery at the
// next start. The folder is free for another Start; a Cluster that was stopped
// can be started again with Restart.
func (c *Cluster) Stop(ctx context.Context) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	err := c.halt(ctx)
	return errors.Join(err, c.home.close(c.opts.Throwaway))
}

// Restart stops the server, if it runs, and starts it on the same port.
func (c *Cluster) Restart(ctx context.Context) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.halt(ctx); err != nil {
		return err
	}
	if err := c.home.reopen(); err != nil {
		return err
	}
	return c.launch(ctx)
}

func (c *Cluster) halt(ctx context.Context) error {
	if c.proc == nil {
		return nil
	}
	p := c.proc
	c.proc = nil
	return p.stop(ctx)
}

// secret reads the password, or makes it for a new cluster.
func (c *Cluster) secret(exists bool) (string, error) {
	text, err := c.home.read(passwordFile)
	switch {
	case err == nil && text != "":
		return text, nil
	case exists:
		return "", fmt.Errorf("the data in %s is there but not its password (%v): put the file back, or start fresh", c.home.path, err)
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return "", err
	}
	text = rand.Text()
	return text, c.home.write(passwordFile, text)
}

func bindable(number int) bool {
	l, err := net.Listen("tcp4", net.JoinHostPort(loopback, strconv.Itoa(number)))
	if err != nil {
		return false
	}
	return l.Close() == nil
}

func (c *Cluster) createDatabase(ctx context.Context) error {
	conn, err := pgx.Connect(ctx, c.url("postgres"))
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	var exists bool
	if err := conn.QueryRow(ctx, "SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)", database).Scan(&exists); err != nil || exists {
		return err
	}
	_, err = conn.Exec(ctx, "CREATE DATABASE "+pgx.Identifier{database}.Sanitize())
	return err
}

// Remove deletes the cluster that belongs to dir, wherever it is kept. It must
// not be running; one that a killed process left behind is stopped.
func Remove(ctx context.Context, dir string) error {
	as, err := serverAccount()
	if err != nil {
		return err
	}
	path, err := locate(dir, as)
	if err != nil {
		return err
	}
	if _, err := os.Lstat(path); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	h, err := openHome(dir, as, slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	return errors.Join(h.stopLeftover(ctx, slog.New(slog.DiscardHandler)), h.close(true))
}

func lastLines(text string, n int) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}
