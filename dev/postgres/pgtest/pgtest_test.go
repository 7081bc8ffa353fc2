package pgtest_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/handrail/handrail/dev/postgres/pgtest"
)

func query(t *testing.T, url, sql string) (text string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	if err := conn.QueryRow(t.Context(), sql).Scan(&text); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return text
}

func TestDatabasesAreApart(t *testing.T) {
	t.Parallel()
	a, b := pgtest.URL(t), pgtest.URL(t)
	conn, err := pgx.Connect(t.Context(), a)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	if _, err := conn.Exec(t.Context(), "CREATE TABLE mine (v text)"); err != nil {
		t.Fatal(err)
	}
	if got := query(t, b, "SELECT count(*)::text FROM pg_tables WHERE tablename = 'mine'"); got != "0" {
		t.Error("two tests share a database")
	}
}

func TestClonesArePreparedOnce(t *testing.T) {
	t.Parallel()
	if os.Getenv("DATABASE_URL") != "" {
		t.Skip("on a server of somebody else's every database is prepared by itself")
	}
	var prepared atomic.Int32
	prepare := func(ctx context.Context, url string) error {
		prepared.Add(1)
		conn, err := pgx.Connect(ctx, url)
		if err != nil {
			return err
		}
		_, err = conn.Exec(ctx, "CREATE TABLE greeting AS SELECT 'hello' AS v")
		return errors.Join(err, conn.Close(ctx))
	}
	t.Run("clones", func(t *testing.T) {
		for range 5 {
			t.Run("", func(t *testing.T) {
				t.Parallel()
				if got := query(t, pgtest.Clone(t, "greeting", prepare), "SELECT v FROM greeting"); got != "hello" {
					t.Errorf("the clone holds %q", got)
				}
			})
		}
	})
	if n := prepared.Load(); n != 1 {
		t.Errorf("prepared %d times", n)
	}
}

func TestDatabaseIsDroppedAfterItsTest(t *testing.T) {
	t.Parallel()
	var name string
	t.Run("test", func(t *testing.T) {
		name = query(t, pgtest.URL(t), "SELECT current_database()::text")
	})
	if got := query(t, pgtest.URL(t), "SELECT count(*)::text FROM pg_database WHERE datname = '"+name+"'"); got != "0" {
		t.Errorf("%s is still there", name)
	}
}

const helper = "HANDRAIL_PGTEST_HELPER"

// TestHelper is what TestNothingIsLeft runs as a process of its own.
func TestHelper(t *testing.T) {
	if os.Getenv(helper) == "" {
		t.Skip("runs only for TestNothingIsLeft")
	}
	if err := os.WriteFile(os.Getenv(helper), []byte(query(t, pgtest.URL(t), "SHOW data_directory")), 0o600); err != nil {
		t.Fatal(err)
	}
	if os.Getenv("HANDRAIL_PGTEST_HANG") != "" {
		time.Sleep(time.Minute)
	}
}

// Neither a test binary that ends nor one that is killed leaves a server or its
// folder behind.
func TestNothingIsLeft(t *testing.T) {
	t.Parallel()
	if os.Getenv("DATABASE_URL") != "" {
		t.Skip("there is no cluster of our own")
	}
	pgtest.URL(t) // skips where there is no PostgreSQL
	for name, hang := range map[string]string{"ended": "", "killed": "yes"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			told := filepath.Join(t.TempDir(), "data")
			cmd := exec.Command(os.Args[0], "-test.run=^TestHelper$")
			cmd.Env = append(os.Environ(), helper+"="+told, "HANDRAIL_PGTEST_HANG="+hang)
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			data := ""
			eventually(t, "the server starts", func() bool {
				text, err := os.ReadFile(told)
				data = string(text)
				return err == nil && data != ""
			})
			pid := postmaster(t, data)
			if hang != "" {
				_ = cmd.Process.Kill()
			}
			_ = cmd.Wait()
			eventually(t, "the server ends", func() bool { return !runs(pid, data) })
			eventually(t, "the folder goes", func() bool {
				_, err := os.Stat(filepath.Dir(data))
				return errors.Is(err, fs.ErrNotExist)
			})
		})
	}
}

// postmaster returns the server's pid, or 0 where it has ended already.
func postmaster(t *testing.T, data string) int {
	text, err := os.ReadFile(filepath.Join(data, "postmaster.pid"))
	if errors.Is(err, fs.ErrNotExist) {
		return 0
	}
	if err != nil {
		t.Fatal(err)
	}
	first, _, _ := strings.Cut(string(text), "\n")
	pid, err := strconv.Atoi(first)
	if err != nil {
		t.Fatal(err)
	}
	return pid
}

func runs(pid int, data string) bool {
	if pid == 0 {
		return false
	}
	out, err := exec.Command("ps", "-ww", "-o", "args=", "-p", strconv.Itoa(pid)).Output()
	return err == nil && strings.Contains(string(out), data)
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(45 * time.Second); !ok(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within 45 s", what)
		}
	}
}
