package main

import (
	"context"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/handrail/handrail/activities/mail"
	"github.com/handrail/handrail/dev/temporal"
	"github.com/handrail/handrail/hosting"
	"github.com/handrail/handrail/workflows"
)

// workerProcess is the real worker, as a process that can be killed.
type workerProcess struct{ *exec.Cmd }

// buildWorker builds ./worker once per test that needs it.
func buildWorker(t *testing.T) string {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "worker")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", binary, "../worker")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("building the worker: %v\n%s", err, out)
	}
	return binary
}

// spawn starts the worker with the settings that the system would have given
// its own.
func (b *bench) spawn(binary string) workerProcess {
	b.t.Helper()
	c := b.workerSet
	cmd := exec.CommandContext(context.Background(), binary)
	cmd.Env = []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + b.t.TempDir(),
		"TEMPORAL_ADDRESS=" + b.temporal.Address(), "TEMPORAL_NAMESPACE=" + temporal.Namespace,
		"HANDRAIL_SITES=" + strings.Join(c.Sites, ","), "DATABASE_URL=" + c.DatabaseURL,
		"HANDRAIL_DESK_URL=" + c.DeskURL, "HANDRAIL_DESK_SECRET=" + string(c.DeskSecret),
		"HANDRAIL_MAIL_HOST=" + c.Mail.Host, "HANDRAIL_MAIL_PORT=" + strconv.Itoa(c.Mail.Port), "HANDRAIL_MAIL_FROM=" + c.Mail.From,
		"HANDRAIL_MAIL_TLS=" + string(mail.PlainText), "HANDRAIL_POLICY=" + c.Policy, "HANDRAIL_BMC_SECRETS=" + c.BMCSecrets,
		"HANDRAIL_LISTEN=127.0.0.1:0", "HANDRAIL_REACH=" + b.path("reach.json"),
	}
	// A killed test must not leave a worker behind.
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	var log strings.Builder
	cmd.Stdout, cmd.Stderr = io.Discard, &log
	if err := cmd.Start(); err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() {
		cmd.Process.Kill() //nolint:errcheck // it may be gone
		cmd.Wait()         //nolint:errcheck // it was killed
		if b.t.Failed() {
			b.t.Logf("the worker's log:\n%s", log.String())
		}
	})
	return workerProcess{cmd}
}

// A worker that is killed in the middle of a power action does not make it
// happen twice: the next attempt carries on by looking (rule 3).
func TestWorkerKilledDuringPowerAction(t *testing.T) {
	t.Parallel()
	c := testConfig(t.TempDir())
	c.noWorker = true
	b := own(t, c)
	binary := buildWorker(t)
	for _, x := range []struct {
		name   string
		resets int // the kill follows this many accepted resets
	}{
		{"after the off was sent", 1},
		{"after the on was sent", 2},
	} {
		t.Run(x.name, func(t *testing.T) {
			b := &bench{b.system, t}
			first := b.spawn(binary)
			c := b.customer(hosting.English)
			_, id := b.request(c, true)
			b.at(id, "work")

			type answer struct {
				result hosting.PowerResult
				err    error
			}
			answered := make(chan answer, 1)
			go func() {
				r, err := b.power(id, hosting.ActCycle)
				answered <- answer{r, err}
			}()
			b.until("the reset", func() bool { return len(c.resets()) == x.resets })
			if err := first.Process.Kill(); err != nil {
				t.Fatal(err)
			}
			b.spawn(binary)
			a := <-answered
			if a.err != nil || a.result.Outcome != hosting.Reached {
				t.Errorf("cycle after the crash: %+v, %v", a.result, a.err)
			}
			if got := c.resets(); len(got) != 2 || got[1] != "On" || c.machine.Power() != hosting.PowerOn {
				t.Errorf("resets %v, power %s: the action was done twice, or not at all", got, c.machine.Power())
			}
			if r := b.finish(id); r.Phase != hosting.PhaseDone || r.Downtime <= 0 {
				t.Errorf("result %+v", r)
			}
		})
	}
}

// PostgreSQL goes away and comes back: nothing is lost, nothing fails.
func TestDatabaseAway(t *testing.T) {
	t.Parallel()
	c := testConfig(t.TempDir())
	c.databaseURL = ""
	b := own(t, c)
	s := b.customer(hosting.Italian)
	ticket, id := b.request(s, true)
	b.at(id, "work")
	if err := b.postgres.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	noted := make(chan error, 1)
	go func() {
		_, err := tell[string](b, id, "record-action", workflows.RecordedAction{Staff: workflows.Staff{By: "anna"}, What: "looked", Result: "fine"})
		noted <- err
	}()
	select {
	case err := <-noted:
		t.Fatalf("the action was recorded without a database: %v", err)
	case <-time.After(12 * time.Second): // longer than a single try may take
	}
	if err := b.postgres.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := <-noted; err != nil {
		t.Fatal(err)
	}
	if r := b.finish(id); r.Phase != hosting.PhaseDone {
		t.Errorf("result %+v", r)
	}
	actions, err := b.records.Actions(t.Context(), b.operation(ticket).ID)
	if err != nil || !slices.ContainsFunc(actions, func(a hosting.Action) bool { return a.What == "looked" }) {
		t.Errorf("actions %v, %v", actions, err)
	}
}

// A restart of everything carries on where it was.
func TestRestartCarriesOn(t *testing.T) {
	t.Parallel()
	c := testConfig(t.TempDir())
	first, err := start(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{first, t}
	s := b.customer(hosting.Polish)
	ticket, id := b.request(s, false)
	b.until("the question", func() bool { return len(b.posts(ticket)) == 1 })
	if err := first.stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	b = own(t, c)
	b.reply(s, ticket, hosting.StatementText(hosting.PowerAllowed, hosting.Polish, b.provider)+"\n\n"+
		hosting.StatementText(hosting.BackupExists, hosting.Polish, b.provider))
	b.at(id, "work")
	if r := b.finish(id); r.Phase != hosting.PhaseDone {
		t.Errorf("result %+v", r)
	}
}
