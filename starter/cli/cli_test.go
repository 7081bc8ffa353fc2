package cli_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.temporal.io/sdk/client"

	"github.com/handrail/handrail/starter/cli"
	"github.com/handrail/handrail/starter/internal/frontend"
)

var update = flag.Bool("update", false, "write the golden files in testdata anew")

// golden compares with a file in testdata.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s differs (go test -update writes it anew); got:\n%s", name, got)
	}
}

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

// desk is where somebody sits who uses the command line.
type desk struct {
	cli.IO
	out, err *buffer
	env      map[string]string
}

// sit prepares a command line before a Temporal; nil is one that is away.
func sit(f *frontend.Frontend) *desk {
	d := &desk{out: &buffer{}, err: &buffer{}, env: map[string]string{"USER": "anna"}}
	d.IO = cli.IO{
		Out: d.out, Err: d.err, LookupEnv: func(name string) (string, bool) { v, ok := d.env[name]; return v, ok },
		Dial: func(ctx context.Context) (client.Client, error) {
			if f == nil {
				return nil, errors.New("nobody may ask Temporal here")
			}
			return f.Connect(ctx)
		},
		Refresh: 5 * time.Millisecond,
	}
	return d
}

// said is what a command wrote, and its exit code.
type said struct {
	out, err string
	code     int
}

func (d *desk) run(t *testing.T, args ...string) said {
	t.Helper()
	return d.runIn(t.Context(), args...)
}

func (d *desk) runIn(ctx context.Context, args ...string) said {
	code := cli.Run(ctx, args, d.IO)
	return said{d.out.String(), d.err.String(), code}
}

// run runs one command.
func run(t *testing.T, f *frontend.Frontend, args ...string) said {
	t.Helper()
	return sit(f).run(t, args...)
}

// refuses expects an exit code, nothing on the output, and one line of words.
func (s said) refuses(t *testing.T, code int, words string) {
	t.Helper()
	if s.code != code || s.out != "" || !strings.Contains(s.err, words) || strings.Count(s.err, "\n") != 1 || !strings.HasPrefix(s.err, "starter: ") {
		t.Errorf("code %d, out %q, err %q; want %d %s", s.code, s.out, s.err, code, words)
	}
	for _, noise := range []string{"rpc error", "serviceerror", "type: ", "retryable: ", "desc ="} {
		if strings.Contains(s.err, noise) {
			t.Errorf("%q holds %q", s.err, noise)
		}
	}
}

// decode reads what --json wrote.
func decode[T any](t *testing.T, s said) (v T) {
	t.Helper()
	if s.code != 0 || s.err != "" {
		t.Fatalf("code %d: %s", s.code, s.err)
	}
	if err := json.Unmarshal([]byte(s.out), &v); err != nil {
		t.Fatalf("%v:\n%s", err, s.out)
	}
	return v
}

func TestHelp(t *testing.T) {
	t.Parallel()
	var all strings.Builder
	for _, command := range []string{
		"", "list", "show", "history", "systems", "start", "start intervention", "start reinstall", "relaunch", "skip", "cancel", "give-up", "hold",
		"resume", "note", "authorize-power", "confirm-backup", "consent", "specify", "provide-credentials", "power", "record-action", "finish", "serve",
	} {
		s := run(t, nil, append(strings.Fields(command), "--help")...)
		if s.code != 0 || s.err != "" {
			t.Errorf("%s: %+v", command, s)
		}
		all.WriteString("$ starter " + strings.TrimSpace(command+" --help") + "\n" + s.out + "\n")
	}
	golden(t, "help.txt", all.String())
}

// Wrong input at every prompt: exit code 2, one line that says what is wrong,
// and nobody is asked.
func TestUsage(t *testing.T) {
	t.Parallel()
	quoted := []string{"--author", "g@example.it", "--how", "phone", "--text", "yes"}
	for _, c := range []struct {
		args  []string
		words string
	}{
		{[]string{"lits"}, `unknown command "lits" for "starter"`},
		{[]string{"start", "everything"}, `unknown command "everything" for "starter start"`},
		{[]string{"help", "lits"}, `unknown command "lits"`},
		{[]string{"completion", "cmd.exe"}, `unknown command "cmd.exe" for "starter completion"`},
		{[]string{"completion", "bash", "x"}, `unknown command "x"`},
		{[]string{"--nope"}, "unknown flag: --nope"},
		{[]string{"list", "--nope"}, "unknown flag: --nope"},
		{[]string{"list", "x"}, "usage: starter list [flags]"},
		{[]string{"list", "--phase", "asleep"}, `--phase "asleep" is not one of waiting, queued`},
		{[]string{"list", "--procedure", "Reboot"}, `--procedure "Reboot" is not one of OSReinstall, ServerIntervention`},
		{[]string{"list", "--limit", "many"}, `invalid argument "many" for "--limit" flag`},
		{[]string{"list", "--limit", "0"}, "--limit 0 is not a number above 0"},
		{[]string{"list", "--limit", "-5"}, "--limit -5 is not a number above 0"},
		{[]string{"list", "--server"}, "flag needs an argument: --server"},
		{[]string{"show"}, "usage: starter show OPERATION"},
		{[]string{"show", "1", "2"}, "usage: starter show OPERATION"},
		{[]string{"history"}, "usage: starter history SERVER"},
		{[]string{"history", "srv-1004"}, "DATABASE_URL (or DATABASE_URL_FILE) is not set"},
		{[]string{"start", "intervention", "1001"}, "usage: starter start intervention"},
		{[]string{"start", "intervention", "--server", "s", "--reason", "bored"}, `--reason "bored" is not one of unresponsive`},
		{[]string{"start", "intervention", "--server", "s", "--failed", "ssh,telnet"}, `--failed "telnet" is not one of ssh`},
		{[]string{"skip", "1001"}, "--reason is missing: why it is not needed"},
		{[]string{"cancel", "1001", "--reason", "  "}, "--reason is missing"},
		{[]string{"hold", "1001"}, "--reason is missing"},
		{[]string{"note", "1001"}, "--reason is missing"},
		{[]string{"relaunch"}, "usage: starter relaunch OPERATION"},
		{[]string{"resume", "1", "2"}, "usage: starter resume OPERATION"},
		{[]string{"authorize-power", "1001"}, "--grant is missing: one of allowed, not-allowed, window"},
		{[]string{"authorize-power", "1001", "--grant", "yes"}, `--grant "yes" is not one of allowed`},
		{append([]string{"authorize-power", "1001", "--grant", "window"}, quoted...), `grant "window" without a window`},
		{append([]string{"authorize-power", "1001", "--grant", "allowed", "--zone", "Europe/Rome"}, quoted...), "a window goes with grant"},
		{append([]string{"authorize-power", "1001", "--grant", "window", "--from", "tomorrow", "--to", "later", "--zone", "Europe/Rome"}, quoted...), `"tomorrow" is not a date and time`},
		{append([]string{"authorize-power", "1001", "--grant", "window", "--from", "2026-11-22 02:00", "--to", "2026-11-22 05:00", "--zone", "Rome"}, quoted...), `time zone "Rome" is not known`},
		{[]string{"authorize-power", "1001", "--grant", "allowed"}, "--text is missing"},
		{[]string{"authorize-power", "1001", "--grant", "allowed", "--text", "yes"}, "--author is missing"},
		{[]string{"authorize-power", "1001", "--grant", "allowed", "--text", "yes", "--author", "g@example.it"}, "--how is missing"},
		{append([]string{"authorize-power", "1001", "--grant", "allowed", "--at", "yesterday"}, quoted...), `--at "yesterday" is not a time`},
		{append([]string{"authorize-power", "1001", "--grant", "allowed", "--language", "de"}, quoted...), `--language "de" is not one of en, it, pl`},
		{[]string{"confirm-backup", "1001"}, "--answer is missing: one of exists, loss-accepted"},
		{[]string{"confirm-backup", "1001", "--answer", "yes"}, `--answer "yes" is not one of`},
		{[]string{"confirm-backup", "1001", "--answer", "exists"}, "--text is missing"},
		{[]string{"provide-credentials", "1001"}, "--reference is missing"},
		{[]string{"provide-credentials", "1001", "--reference", "hunter2"}, "--reference is not of the form scheme:name. To do: keep the secret"},
		{[]string{"power", "1001"}, "usage: starter power OPERATION ACTION"},
		{[]string{"power", "1001", "explode"}, `"explode" is no power action: use one of on, graceful-off`},
		{[]string{"record-action", "1001"}, "--what is missing"},
		{[]string{"finish", "1001"}, "--summary is missing"},
		{[]string{"finish", "1001", "--summary", "done", "--leave", "cycle"}, `--leave "cycle" is not one of on, off`},
		{[]string{"serve", "now"}, "usage: starter serve"},
		{[]string{"serve"}, "HANDRAIL_DESK_SECRET (or HANDRAIL_DESK_SECRET_FILE) is not set"},
	} {
		t.Run(strings.Join(c.args, " "), func(t *testing.T) {
			t.Parallel()
			run(t, nil, c.args...).refuses(t, 2, c.words)
		})
	}
}

// Every command that changes something records who did it.
func TestBy(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{
		{"start", "intervention", "--server", "srv-1004"},
		{"start", "reinstall", "--server", "srv-1004"},
		{"consent", "1", "--system", "Debian 12"},
		{"specify", "1", "--raid", "1"},
		{"give-up", "1", "--summary", "x"},
		{"relaunch", "1"},
		{"skip", "1", "--reason", "x"},
		{"cancel", "1", "--reason", "x"},
		{"hold", "1", "--reason", "x"},
		{"resume", "1"},
		{"note", "1", "--reason", "x"},
		{"authorize-power", "1", "--grant", "allowed"},
		{"confirm-backup", "1", "--answer", "exists"},
		{"provide-credentials", "1", "--reference", "a:b"},
		{"power", "1", "on"},
		{"record-action", "1", "--what", "x"},
		{"finish", "1", "--summary", "x"},
	} {
		d := sit(nil)
		d.env = map[string]string{"USER": " "}
		d.run(t, args...).refuses(t, 2, "say who you are: --by NAME, or set HANDRAIL_USER")
	}
}
