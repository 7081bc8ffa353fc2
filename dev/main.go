// Command dev runs the whole of Handrail on one machine: Temporal with its UI,
// PostgreSQL, a simulated data centre, a ticket desk, a mailbox, the gateway
// and the worker, in one process, on loopback.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/handrail/handrail/dev/postgres"
)

func main() {
	if err := run(); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "dev:", err)
		os.Exit(1)
	}
}

func run() error {
	flags := flag.NewFlagSet("dev", flag.ContinueOnError)
	dir := flags.String("dir", ".dev", "folder that keeps the data between starts")
	fresh := flags.Bool("fresh", false, "forget the data of earlier starts")
	quiet := flags.Bool("no-demo", false, "do not work off a first intervention")
	real := flags.Bool("real-machine", false, "have a QEMU guest behind a simulated BMC reinstalled, log in to it, and end")
	var forReal realOptions
	flags.StringVar(&forReal.rescue, "rescue", "", "with -real-machine: folder of what rescue/build and rescue/image have built, or build into")
	flags.StringVar(&forReal.firmware, "firmware", "uefi", "with -real-machine: its firmware, uefi or legacy")
	flags.BoolVar(&forReal.medium, "virtual-media", false, "with -real-machine: its BMC offers no boot over the network, so the boot medium does it")
	flags.Usage = func() {
		fmt.Fprint(flags.Output(), "Runs the whole of Handrail on this machine, on loopback, until Ctrl-C.\n\n"+
			"PostgreSQL is that of DATABASE_URL if it is set, else a private one from the\n"+
			"binaries on this machine, else from downloaded ones.\n\nFlags:\n")
		flags.PrintDefaults()
	}
	if err := flags.Parse(os.Args[1:]); err != nil {
		return err
	}
	began := time.Now()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if *real {
		forReal.dir = *dir
		return reinstallForReal(ctx, forReal)
	}
	folder, err := openFolder(ctx, *dir, *fresh)
	if err != nil {
		return err
	}
	defer folder.close()
	logger := slog.New(slog.NewTextHandler(folder.log, nil))
	s, err := start(ctx, config{
		dir: folder.path, databaseURL: os.Getenv("DATABASE_URL"), ports: defaultPorts, log: logger,
		progress: func(part string) { fmt.Printf("  starting the %s …\n", part) },
	})
	if err != nil {
		return fmt.Errorf("%w\n(the log is %s)", err, folder.logPath())
	}
	s.announce(os.Stdout, time.Since(began))
	if !*quiet {
		go s.demonstrate(ctx, os.Stdout)
	}
	<-ctx.Done()
	stop() // a second Ctrl-C ends the process at once
	fmt.Println("\nstopping …")
	return s.stop(ctx)
}

// folder is the data folder, held by this process alone.
type folder struct {
	path string
	log  *os.File
	lock *os.File
}

func openFolder(ctx context.Context, dir string, fresh bool) (*folder, error) {
	path, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(path, 0o755); err != nil { //nolint:gosec // PostgreSQL runs as another user below it
		return nil, fmt.Errorf("data folder: %w", err)
	}
	f := &folder{path: path}
	if f.lock, err = os.OpenFile(filepath.Join(path, "lock"), os.O_CREATE|os.O_RDWR, 0o600); err != nil {
		return nil, fmt.Errorf("data folder: %w", err)
	}
	if err := syscall.Flock(int(f.lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return nil, fmt.Errorf("another dev runs in %s: stop it first, or choose another folder with -dir", path)
	}
	if fresh {
		if err := f.wipe(ctx); err != nil {
			return nil, fmt.Errorf("forgetting the old data: %w", err)
		}
	}
	if f.log, err = os.OpenFile(f.logPath(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600); err != nil {
		return nil, fmt.Errorf("data folder: %w", err)
	}
	return f, nil
}

func (f *folder) logPath() string { return filepath.Join(f.path, "dev.log") }

// wipe removes what dev wrote, and nothing else that may lie in the folder.
func (f *folder) wipe(ctx context.Context) error {
	if err := postgres.Remove(ctx, filepath.Join(f.path, "postgres")); err != nil {
		return err
	}
	var errs []error
	for _, name := range []string{"temporal", "bmc-secrets", "boot-files", "boot-secrets", "reach.json", "datacenter.json", "tickets.json", "desk-secret", "policy.toml", "machine", "dev.log"} {
		errs = append(errs, os.RemoveAll(filepath.Join(f.path, name)))
	}
	return errors.Join(errs...)
}

func (f *folder) close() {
	f.log.Close()  //nolint:errcheck,gosec // ends with the process
	f.lock.Close() //nolint:errcheck,gosec // ends with the process
}
