package postgres

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

const (
	loopback     = "127.0.0.1"
	startTimeout = time.Minute
	// hardTimeout is how long a server may take after the hard way was chosen.
	hardTimeout = 10 * time.Second
	pollEvery   = 20 * time.Millisecond
	// portTries is how often a free port may be taken just before we do.
	portTries = 5
)

var errPortTaken = errors.New("another program took the port")

// settings hold for every cluster.
var settings = []string{
	"listen_addresses=" + loopback,
	"unix_socket_directories=",
	"max_connections=200",
	"log_timezone=UTC",
	"timezone=UTC",
	"log_min_messages=warning",
}

// careless are for clusters that nobody will miss.
var careless = []string{
	"fsync=off",
	"synchronous_commit=off",
	"full_page_writes=off",
	"wal_level=minimal",
	"max_wal_senders=0",
	"autovacuum=off",
}

// environment is all that the server's programs get of ours: what PG* variables
// mean for our user must not reach them, nor any secret.
func environment() []string {
	return []string{"PATH=" + os.Getenv("PATH"), "LC_ALL=C", "TZ=UTC"}
}

// initialize makes the data folder. It gets its name when it is complete, so
// that an interrupted start leaves nothing half made.
func (c *Cluster) initialize(ctx context.Context) error {
	const unfinished = "data.new"
	args := []string{
		"-D", filepath.Join(c.home.path, unfinished), "--username=" + superuser, "--pwfile=" + filepath.Join(c.home.path, passwordFile),
		"--auth=scram-sha-256", "--encoding=UTF8", "--lc-collate=C", "--lc-messages=C", "--lc-monetary=C", "--lc-numeric=C", "--lc-time=C",
		"--no-sync", // a crash of the machine in the first seconds costs an empty cluster
	}
	var err error
	// Without C.UTF-8, which not every system has, only ASCII letters have upper
	// and lower case.
	for _, ctype := range []string{"C.UTF-8", "C"} {
		if err = c.home.root.RemoveAll(unfinished); err != nil {
			return err
		}
		cmd := exec.CommandContext(ctx, c.bin.program("initdb"), append(args, "--lc-ctype="+ctype)...)
		cmd.Dir, cmd.Env, cmd.SysProcAttr = c.home.path, environment(), c.home.as.attributes()
		var said []byte
		if said, err = cmd.CombinedOutput(); err == nil {
			return c.home.root.Rename(unfinished, dataFolder)
		}
		err = fmt.Errorf("%s: %w: %s", cmd.Path, err, lastLines(string(said), 5))
	}
	return err
}

// launch starts the server and waits until it accepts connections.
func (c *Cluster) launch(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	p, err := c.spawn()
	if err != nil {
		return err
	}
	if err := c.ready(ctx, p); err != nil {
		p.kill()
		said, _ := c.home.read(logFile)
		if strings.Contains(said, "could not bind") {
			err = fmt.Errorf("port %d: %w", c.port, errPortTaken)
		}
		return fmt.Errorf("%w: %s", err, lastLines(said, 5))
	}
	c.proc = p
	return nil
}

func (c *Cluster) spawn() (*process, error) {
	if err := c.home.write(logFile, ""); err != nil {
		return nil, err
	}
	log, err := c.home.root.OpenFile(logFile, os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	args := []string{"-D", c.home.data(), "-c", "port=" + strconv.Itoa(c.port)}
	for _, s := range c.settings() {
		args = append(args, "-c", s)
	}
	cmd := exec.Command(c.bin.program("postgres"), args...)
	cmd.Dir, cmd.Env, cmd.SysProcAttr = c.home.path, environment(), c.home.as.attributes()
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	return c.watch(cmd)
}

func (c *Cluster) settings() []string {
	if c.opts.Throwaway {
		return append(settings[:len(settings):len(settings)], careless...)
	}
	return settings
}

// ready polls until the server lets us in.
func (c *Cluster) ready(ctx context.Context, p *process) error {
	for {
		err := c.knock(ctx)
		if err == nil || errors.Is(err, errPortTaken) {
			return err
		}
		select {
		case <-p.done:
			return errors.New("the server ended at once")
		case <-ctx.Done():
			return fmt.Errorf("the server did not accept connections in time: %w", err)
		case <-time.After(pollEvery):
		}
	}
}

func (c *Cluster) knock(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	conn, err := pgx.Connect(ctx, c.url("postgres"))
	if err != nil {
		return err
	}
	defer conn.Close(ctx) //nolint:errcheck // it was only to see who answers
	// Another cluster that took the port may have the same password: a copy has.
	var data string
	if err := conn.QueryRow(ctx, "SHOW data_directory").Scan(&data); err != nil {
		return err
	}
	if data != c.home.data() {
		return fmt.Errorf("port %d: %w: the server of %s answers", c.port, errPortTaken, data)
	}
	return nil
}
