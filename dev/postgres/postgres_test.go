package postgres

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// helperDir makes this test binary, started again, a process that owns a
// cluster in that folder and waits to be killed.
const helperDir = "HANDRAIL_POSTGRES_HELPER_DIR"

func TestMain(m *testing.M) {
	if dir := os.Getenv(helperDir); dir != "" {
		os.Exit(ownClusterUntilKilled(dir))
	}
	var err error
	if scratch, err = os.MkdirTemp("", "handrail-postgres-test-"); err == nil {
		err = os.Chmod(scratch, 0o755)
	}
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	code := m.Run()
	os.RemoveAll(scratch)
	os.Exit(code)
}

func ownClusterUntilKilled(dir string) int {
	c, err := Start(context.Background(), Options{Dir: dir})
	if err != nil {
		fmt.Println(err)
		return 1
	}
	fmt.Println(c.URL())
	time.Sleep(time.Minute)
	return int(c.proc.cmd.Process.Pid) // keeps c alive until here
}

// folder is one that every account can get to, which t.TempDir's is not.
func folder(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "handrail-postgres-test-")
	must(t, err)
	must(t, os.Chmod(dir, 0o755))
	t.Cleanup(func() { os.RemoveAll(dir) })
	return filepath.Join(dir, "postgres")
}

// made is a folder with a cluster of its own that was started before. Making
// one costs a second of work, so all are copies of the first.
func made(t *testing.T) string {
	t.Helper()
	first, err := original()
	if errors.Is(err, ErrNoBinaries) && os.Getenv("CI") == "" {
		t.Skip(err)
	}
	must(t, err)
	dir := folder(t)
	must(t, exec.Command("cp", "-a", first, dir).Run())
	return dir
}

var original = sync.OnceValues(func() (string, error) {
	dir := filepath.Join(scratch, "original")
	c, err := Start(context.Background(), Options{Dir: dir})
	if err != nil {
		return "", err
	}
	return dir, errors.Join(c.createTable("kept", "word"), c.Stop(context.Background()))
})

// scratch is removed when all tests have run.
var scratch string

func (c *Cluster) createTable(name, word string) error {
	conn, err := pgx.Connect(context.Background(), c.URL())
	if err != nil {
		return err
	}
	_, err = conn.Exec(context.Background(), fmt.Sprintf("CREATE TABLE %s AS SELECT '%s' AS v", name, word))
	return errors.Join(err, conn.Close(context.Background()))
}

func start(t *testing.T, o Options) *Cluster {
	t.Helper()
	c, err := Start(t.Context(), o)
	if errors.Is(err, ErrNoBinaries) && os.Getenv("CI") == "" {
		t.Skip(err)
	}
	must(t, err)
	t.Cleanup(func() { c.Stop(context.Background()) })
	return c
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func ask(t *testing.T, url, sql string) (text string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	must(t, err)
	defer conn.Close(t.Context())
	rows, err := conn.Query(t.Context(), sql)
	must(t, err)
	defer rows.Close()
	for rows.Next() {
		must(t, rows.Scan(&text))
	}
	must(t, rows.Err())
	return text
}

func alive(pid int) bool { return syscall.Kill(pid, 0) == nil }

// eventually polls for what another process is about to do.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !ok(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within 30 s", what)
		}
	}
}

func TestDataIsKeptBetweenStarts(t *testing.T) {
	t.Parallel()
	dir := made(t)
	c := start(t, Options{Dir: dir})
	pid := c.proc.cmd.Process.Pid
	must(t, c.Restart(t.Context()))
	if got := ask(t, c.URL(), "SELECT v FROM kept"); got != "word" || alive(pid) {
		t.Errorf("after a restart the table holds %q, the first server is alive: %v", got, alive(pid))
	}
	must(t, c.Stop(t.Context()))
	must(t, c.Stop(t.Context()))
	must(t, c.Restart(t.Context()))
	must(t, c.Stop(t.Context()))

	again := start(t, Options{Dir: dir})
	if got := ask(t, again.URL(), "SELECT v FROM kept"); got != "word" || again.URL() != c.URL() {
		t.Errorf("after a new start the table holds %q, the URL is the same: %v", got, again.URL() == c.URL())
	}
	must(t, again.Stop(t.Context()))
	must(t, Remove(t.Context(), dir))
	if _, err := os.Stat(again.home.path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("after Remove: %v", err)
	}
	must(t, Remove(t.Context(), dir))
}

func TestOnlyWithThePasswordAndOnLoopback(t *testing.T) {
	t.Parallel()
	c := start(t, Options{Dir: folder(t), Throwaway: true})
	u, err := url.Parse(c.URL())
	must(t, err)
	if ip := net.ParseIP(u.Hostname()); !ip.IsLoopback() {
		t.Errorf("the server is at %s", u.Host)
	}
	if got := ask(t, c.URL(), "SHOW listen_addresses"); got != loopback {
		t.Errorf("it listens on %s", got)
	}
	if got := ask(t, c.URL(), "SELECT left(rolpassword, 14) FROM pg_authid WHERE rolname = current_user"); got != "SCRAM-SHA-256$" {
		t.Errorf("the password is kept as %s", got)
	}
	for _, wrong := range []*url.Userinfo{url.User(superuser), url.UserPassword(superuser, "postgres"), url.UserPassword("postgres", "")} {
		u.User = wrong
		if conn, err := pgx.Connect(t.Context(), u.String()); err == nil {
			conn.Close(t.Context())
			t.Errorf("%s gets in without the password", wrong.Username())
		}
	}
	for _, name := range []string{passwordFile, portFile, logFile, "lock"} {
		info, err := os.Stat(filepath.Join(c.home.path, name))
		must(t, err)
		if info.Mode().Perm()&0o077 != 0 {
			t.Errorf("others can read %s: %v", name, info.Mode())
		}
	}
	if log, err := c.home.read(logFile); err != nil || strings.Contains(log, c.password) {
		t.Errorf("the log holds the password (%v)", err)
	}
}

func TestThrowawayLeavesNothing(t *testing.T) {
	t.Parallel()
	c := start(t, Options{Dir: folder(t), Throwaway: true})
	pid := c.proc.cmd.Process.Pid
	must(t, c.Stop(t.Context()))
	if _, err := os.Stat(c.home.path); !errors.Is(err, fs.ErrNotExist) || alive(pid) {
		t.Errorf("after Stop the folder is there (%v), the server is alive: %v", err, alive(pid))
	}
}

func TestOneOwner(t *testing.T) {
	t.Parallel()
	dir := made(t)
	c := start(t, Options{Dir: dir})
	if _, err := Start(t.Context(), Options{Dir: dir}); err == nil || !strings.Contains(err.Error(), "in use by another process") {
		t.Errorf("a second owner gets %v", err)
	}
	if err := Remove(t.Context(), dir); err == nil {
		t.Error("a cluster in use was removed")
	}
	if got := ask(t, c.URL(), "SELECT 'well'"); got != "well" {
		t.Errorf("the first owner's server says %q", got)
	}
}

// The owner is killed with no chance to clean up: its server ends all the same,
// and the next start finds everything committed.
func TestServerEndsWithItsKilledOwner(t *testing.T) {
	t.Parallel()
	dir := made(t)
	owner := exec.Command(os.Args[0])
	owner.Env = append(os.Environ(), helperDir+"="+dir)
	out, err := owner.StdoutPipe()
	must(t, err)
	must(t, owner.Start())
	line := make([]byte, 4096)
	n, err := out.Read(line)
	must(t, err)
	address := strings.TrimSpace(string(line[:n]))
	data := ask(t, address, "SHOW data_directory")
	text, err := os.ReadFile(filepath.Join(data, "postmaster.pid"))
	must(t, err)
	first, _, _ := strings.Cut(string(text), "\n")
	pid, err := strconv.Atoi(first)
	must(t, err)

	must(t, owner.Process.Kill())
	_ = owner.Wait()
	h := home{path: filepath.Dir(data)}
	eventually(t, "the server ends", func() bool { return !h.serves(pid) })
	c := start(t, Options{Dir: dir})
	if got := ask(t, c.URL(), "SELECT v FROM kept"); got != "word" {
		t.Errorf("the table holds %q", got)
	}
}

// Where even the guard was killed, the next start stops the server that is left.
func TestLeftoverIsStopped(t *testing.T) {
	t.Parallel()
	dir := made(t)
	old := start(t, Options{Dir: dir})
	old.proc.guard.dismiss()
	must(t, old.home.close(false)) // as the end of its process would
	var log bytes.Buffer
	c := start(t, Options{Dir: dir, Logger: slog.New(slog.NewTextHandler(&log, nil))})
	if got := ask(t, c.URL(), "SELECT v FROM kept"); got != "word" {
		t.Errorf("the table holds %q", got)
	}
	<-old.proc.done
	if !strings.Contains(log.String(), "left behind") {
		t.Errorf("nobody was told: %s", log.String())
	}
}

// After a crash of the machine the pid in postmaster.pid may be anybody's.
func TestStalePid(t *testing.T) {
	t.Parallel()
	for name, pid := range map[string]int{"of a living stranger": os.Getpid(), "of nobody": 1 << 22, "senseless": -7} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := made(t)
			c := start(t, Options{Dir: dir})
			must(t, c.Stop(t.Context()))
			stale := filepath.Join(c.home.path, postmasterFile)
			must(t, os.WriteFile(stale, fmt.Appendf(nil, "%d\n%s\n", pid, c.home.data()), 0o600))
			must(t, os.Chown(stale, c.home.as.uid, c.home.as.gid))
			start(t, Options{Dir: dir})
		})
	}
}

// A copy of a cluster has its password: where it has taken the port, its server is
// not taken for ours.
func TestPortTakenByACopy(t *testing.T) {
	t.Parallel()
	other := start(t, Options{Dir: made(t)})
	c := start(t, Options{Dir: made(t)})
	must(t, c.Stop(t.Context()))
	must(t, c.home.reopen())
	c.port = other.port
	if err := c.launch(t.Context()); !errors.Is(err, errPortTaken) {
		t.Errorf("the message is: %v", err)
	}
	must(t, c.home.close(false))
	if got := ask(t, other.URL(), "SELECT v FROM kept"); got != "word" {
		t.Errorf("the other one holds %q", got)
	}
}

// A port that others have taken meanwhile costs its number, not the start.
func TestPortTaken(t *testing.T) {
	t.Parallel()
	dir := made(t)
	l, err := net.Listen("tcp", loopback+":0")
	must(t, err)
	defer l.Close()
	taken := l.Addr().(*net.TCPAddr).Port
	c := start(t, Options{Dir: dir})
	must(t, c.Stop(t.Context()))
	must(t, c.home.reopen())
	must(t, c.home.write(portFile, strconv.Itoa(taken)))
	c.port = taken
	if err := c.launch(t.Context()); !errors.Is(err, errPortTaken) || !strings.Contains(err.Error(), strconv.Itoa(taken)) {
		t.Errorf("the message is: %v", err)
	}
	must(t, c.home.close(false))
	if again := start(t, Options{Dir: dir}); again.port == taken {
		t.Error("the server says that it has a port that is not its own")
	}
}

func TestHalfMadeDataIsMadeAgain(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	must(t, os.MkdirAll(filepath.Join(dir, "data.new", "base"), 0o700))
	start(t, Options{Dir: dir})
}

func TestClearMessages(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		spoil func(dir string) error
		says  string
	}{
		"another major version": {func(dir string) error {
			return os.WriteFile(filepath.Join(dir, "data/PG_VERSION"), []byte("9\n"), 0o600)
		}, "made by PostgreSQL 9"},
		"no cluster at all": {func(dir string) error {
			return os.WriteFile(filepath.Join(dir, "data/PG_VERSION"), []byte("x\n"), 0o600)
		}, "no data of PostgreSQL"},
		"password lost": {func(dir string) error { return os.Remove(filepath.Join(dir, passwordFile)) }, "not its password"},
		"broken configuration": {func(dir string) error {
			return os.WriteFile(filepath.Join(dir, "data/postgresql.conf"), []byte("max_connections=many\n"), 0o644)
		}, "max_connections"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := made(t)
			must(t, c.spoil(dir))
			_, err := Start(t.Context(), Options{Dir: dir})
			if err == nil || !strings.Contains(err.Error(), c.says) || !strings.Contains(err.Error(), dir) {
				t.Errorf("the message is: %v", err)
			}
		})
	}
	file := folder(t)
	must(t, os.WriteFile(file, nil, 0o600))
	if _, err := Start(t.Context(), Options{Dir: file}); err == nil || !strings.Contains(err.Error(), file) {
		t.Errorf("a file instead of a folder: %v", err)
	}
}

func TestStopTheHardWay(t *testing.T) {
	t.Parallel()
	c := start(t, Options{Dir: made(t)})
	pid := c.proc.cmd.Process.Pid
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	must(t, syscall.Kill(pid, syscall.SIGSTOP)) // it will not answer a polite request
	go func() {
		time.Sleep(100 * time.Millisecond)
		_ = syscall.Kill(pid, syscall.SIGCONT)
	}()
	if err := c.Stop(ctx); err == nil || !strings.Contains(err.Error(), "hard way") {
		t.Errorf("the reader is told: %v", err)
	}
	if alive(pid) {
		t.Error("the server is still there")
	}
}
