package main

import (
	"bytes"
	"context"
	"flag"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"google.golang.org/protobuf/proto"

	"github.com/handrail/handrail/activities/records"
	"github.com/handrail/handrail/dev/postgres/pgtest"
	"github.com/handrail/handrail/settings/connect"
	"github.com/handrail/handrail/worker/internal/frontend"
)

var update = flag.Bool("update", false, "write the golden files in testdata anew")

const deskSecret = "desk-correct-horse-battery"

// buffer may be read while it is written.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// bench is a command line with its surroundings.
type bench struct {
	app
	out, err buffer
	env      map[string]string
}

// set prepares a command line before a Temporal; nil is one that is away.
func set(f *frontend.Frontend, env map[string]string) *bench {
	b := &bench{env: env}
	b.app = app{
		out: &b.out, err: &b.err, lookupEnv: func(name string) (string, bool) { v, ok := b.env[name]; return v, ok },
		dial: func(ctx context.Context, _ *slog.Logger, m client.MetricsHandler) (client.Client, string, error) {
			if f == nil {
				return nil, "", &connect.Away{Address: "temporal:7233", Cause: context.DeadlineExceeded}
			}
			tc, err := f.Connect(ctx, m)
			return tc, "default", err
		},
	}
	return b
}

// sites are the settings of a worker that needs no database.
func sites(changes map[string]string) map[string]string {
	env := map[string]string{"HANDRAIL_SITES_ONLY": "true", "HANDRAIL_SITES": "milan", "HANDRAIL_LISTEN": "127.0.0.1:0"}
	maps.Copy(env, changes)
	return env
}

// refuses expects exit code 1, nothing on the output, and these lines, by their
// beginnings.
func (b *bench) refuses(t *testing.T, args []string, lines ...string) {
	t.Helper()
	code := b.run(t.Context(), args)
	got := strings.Split(strings.TrimSuffix(b.err.String(), "\n"), "\n")
	if code != 1 || b.out.String() != "" || len(got) != len(lines) {
		t.Errorf("code %d, out %q, err:\n%s", code, b.out.String(), b.err.String())
		return
	}
	for i, want := range lines {
		if !strings.HasPrefix(got[i], "worker: "+want) {
			t.Errorf("line %q, want %q", got[i], want)
		}
	}
	if strings.Contains(b.err.String(), deskSecret) {
		t.Errorf("it prints a secret: %s", b.err.String())
	}
}

func TestHelp(t *testing.T) {
	t.Parallel()
	var all strings.Builder
	for _, command := range []string{"", "check", "setup", "migrate", "promote"} {
		b := set(nil, nil)
		if code := b.run(t.Context(), append(strings.Fields(command), "--help")); code != 0 || b.err.String() != "" {
			t.Errorf("%s: %d %s", command, code, b.err.String())
		}
		all.WriteString("$ worker " + strings.TrimSpace(command+" --help") + "\n" + b.out.String() + "\n")
	}
	path := filepath.Join("testdata", "help.txt")
	if *update {
		if err := os.WriteFile(path, []byte(all.String()), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if all.String() != string(want) {
		t.Errorf("the help differs from %s (go test -update writes it anew):\n%s", path, all.String())
	}
}

// A wrong configuration starts nothing: everything that is wrong is named, a
// line for each.
func TestRefuses(t *testing.T) {
	t.Parallel()
	wrong := map[string]string{"HANDRAIL_SITES": "Milan", "HANDRAIL_LISTEN": "9090", "HANDRAIL_DESK_SECRET": deskSecret, "HANDRAIL_MAIL_FROM": "a@example.com"}
	for _, args := range [][]string{nil, {"check"}} {
		f := frontend.Start(t)
		set(f, wrong).refuses(t, args,
			`HANDRAIL_SITES="Milan" is not usable: `, `HANDRAIL_LISTEN="9090" is not usable: `, "DATABASE_URL (or DATABASE_URL_FILE) is not set", "HANDRAIL_DESK_URL is not set")
		set(nil, sites(nil)).refuses(t, args, "Temporal at temporal:7233 does not answer: context deadline exceeded. To do: set TEMPORAL_ADDRESS")
		f.SetAttributes(nil)
		set(f, sites(nil)).refuses(t, args, "the namespace default does not know the search attributes Due, Organization")
		if n := len(frontend.Calls[*workflowservice.PollActivityTaskQueueRequest](f)); n > 0 {
			t.Errorf("it polled %d times", n)
		}
	}
	for _, c := range []struct {
		args []string
		line string
	}{
		{[]string{"chekc"}, `unknown command "chekc" for "worker"`},
		{[]string{"--nope"}, "unknown flag: --nope"},
		{[]string{"check", "x"}, `unknown command "x" for "worker check"`},
		{[]string{"migrate"}, "DATABASE_URL (or DATABASE_URL_FILE) is not set"},
		{[]string{"promote"}, "HANDRAIL_BUILD_ID is not set"},
		{[]string{"setup"}, "Temporal at temporal:7233 does not answer"},
	} {
		set(nil, nil).refuses(t, c.args, c.line)
	}
}

// What is wrong outside is named together: the namespace and the database.
func TestCheck_counterparts(t *testing.T) {
	t.Parallel()
	f := frontend.Start(t)
	f.SetAttributes(nil)
	env := map[string]string{
		"HANDRAIL_SITES": "milan", "HANDRAIL_DESK_URL": "https://desk.example/", "HANDRAIL_DESK_SECRET": deskSecret, "HANDRAIL_MAIL_FROM": "a@example.com",
		"DATABASE_URL": pgtest.URL(t), // without a schema
	}
	set(f, env).refuses(t, []string{"check"}, "the namespace default does not know the search attributes", "DATABASE_URL: ")
}

func TestCheck(t *testing.T) {
	t.Parallel()
	env := map[string]string{
		"HANDRAIL_SITES": "milan", "HANDRAIL_DESK_URL": "https://desk.example/", "HANDRAIL_DESK_SECRET": deskSecret, "HANDRAIL_MAIL_FROM": "a@example.com",
		"DATABASE_URL": pgtest.URL(t),
	}
	if b := set(nil, env); b.run(t.Context(), []string{"migrate"}) != 0 || !strings.HasPrefix(b.out.String(), "the database has version ") {
		t.Fatal(b.out.String(), b.err.String())
	}
	f := frontend.Start(t)
	b := set(f, env)
	if code := b.run(t.Context(), []string{"check"}); code != 0 || b.out.String() != "all is well: the worker can start\n" {
		t.Errorf("%d %s %s", code, b.out.String(), b.err.String())
	}
	if n := len(frontend.Calls[*workflowservice.PollActivityTaskQueueRequest](f)); n > 0 {
		t.Errorf("a check polled %d times", n)
	}
	if _, err := records.Version(t.Context(), env["DATABASE_URL"]); err != nil {
		t.Error(err)
	}
}

// It serves until it is told to stop, which is no error, and logs no secret.
func TestServes(t *testing.T) {
	t.Parallel()
	f := frontend.Start(t)
	b := set(f, sites(map[string]string{"HANDRAIL_DESK_SECRET": deskSecret}))
	ctx, stop := context.WithCancel(t.Context())
	code := make(chan int, 1)
	go func() { code <- b.run(ctx, nil) }()
	for deadline := time.Now().Add(20 * time.Second); len(f.Queues()) == 0; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("it does not poll: %s", b.err.String())
		}
	}
	stop()
	if got := <-code; got != 0 || !strings.Contains(b.err.String(), "worker is serving") || !strings.Contains(b.err.String(), "worker stopped") || strings.Contains(b.err.String(), deskSecret) {
		t.Errorf("%d %s", got, b.err.String())
	}
}

func TestSetup(t *testing.T) {
	t.Parallel()
	f := frontend.Start(t)
	f.SetAttributes(nil)
	b := set(f, nil)
	if code := b.run(t.Context(), []string{"setup"}); code != 0 || b.out.String() != "the namespace default knows Handrail's search attributes\n" {
		t.Errorf("%d %s %s", code, b.out.String(), b.err.String())
	}
	if got := f.Attributes(); got["Phase"] != enumspb.INDEXED_VALUE_TYPE_KEYWORD {
		t.Errorf("%v", got)
	}
}

func TestPromote(t *testing.T) {
	t.Parallel()
	f := frontend.Start(t)
	b := set(f, map[string]string{"HANDRAIL_BUILD_ID": "v7"})
	if code := b.run(t.Context(), []string{"promote"}); code != 0 || b.out.String() != "v7 is the current build\n" {
		t.Errorf("%d %s %s", code, b.out.String(), b.err.String())
	}
	got := frontend.Calls[*workflowservice.SetWorkerDeploymentCurrentVersionRequest](f)
	if len(got) != 1 || got[0].GetDeploymentName() != "handrail" || got[0].GetBuildId() != "v7" {
		t.Errorf("%v", got)
	}
	f.Fail(func(r proto.Message) error {
		if _, ok := r.(*workflowservice.SetWorkerDeploymentCurrentVersionRequest); ok {
			return serviceerror.NewFailedPrecondition("missing task queues")
		}
		return nil
	})
	set(f, map[string]string{"HANDRAIL_BUILD_ID": "v8"}).refuses(t, []string{"promote"}, "v8 can not be promoted (missing task queues). To do: start workers of this build, for all task queues, and try again")
}
