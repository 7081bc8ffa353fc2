package installer

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"
)

// Host is the machine that an installer runs on.
type Host interface {
	// Up reports whether the machine still runs the installer.
	Up() bool
	// MACs and Disks are the cards' addresses and the disks' serial numbers, as
	// the installer finds them.
	MACs() []string
	Disks() []string
	// At takes note of how far the installer is.
	At(stage string, percent int)
	// Erase writes on disks, of which it is told the serial numbers as Disks gave
	// them: from here they do not boot. It reports whether the machine was up.
	Erase(disks []string, a Answer) bool
	// Install leaves a system on the erased disks that boots and has a host key.
	Install(key ed25519.PrivateKey) bool
}

// Trouble is what goes wrong in an installation; the zero value is nothing.
type Trouble struct {
	// HangAt and FailAt are percentages; 0 is never.
	HangAt, FailAt                   int
	LoseKey, WrongKey, LoseCompleted bool
}

// ErrStopped is what is left of an installer whose machine went off or was
// restarted.
var ErrStopped = errors.New("the machine no longer runs the installer")

// Run is one installation.
type Run struct {
	Client
	Host    Host
	Trouble Trouble
	// Step is how long each stage takes.
	Step time.Duration
}

// stages are what an installer reports behind the permission to erase.
var stages = []struct {
	name    string
	percent int
}{
	{"partitioning", 10},
	{"system", 20},
	{"packages", 35},
	{"packages", 50},
	{"settings", 65},
	{"boot loader", 80},
	{"finishing", 95},
}

// Install carries an answer out, up to the restart, which is the caller's. What
// makes the installer give up it reports itself, and returns it.
func (r Run) Install(ctx context.Context, a Answer) error {
	err := r.install(ctx, a)
	if err != nil && !errors.Is(err, ErrStopped) {
		r.GiveUp(ctx, a, err)
	}
	return err
}

// GiveUp reports that the installer ends here, where the answer says to whom.
func (r Run) GiveUp(ctx context.Context, a Answer, why error) {
	if a.to.base == "" || !r.Host.Up() {
		return
	}
	_, _, _ = r.report(ctx, tries, a.to, "failed", url.Values{"error": {why.Error()}})
}

func (r Run) install(ctx context.Context, a Answer) error {
	if len(a.MACs) > 0 && !slices.ContainsFunc(a.MACs, func(m string) bool { return slices.Contains(r.Host.MACs(), m) }) {
		return fmt.Errorf("the answer is for another machine: none of its network cards (%s) is here", strings.Join(a.MACs, " "))
	}
	disks, err := a.choose(r.Host.Disks())
	if err != nil {
		return err
	}
	if a.Image != "" {
		if err := r.verifyImage(ctx, a.Image, a.ImageSHA256); err != nil {
			return err
		}
	}
	if err := r.begin(ctx, a, disks); err != nil {
		return err
	}
	if !r.Host.Erase(disks, a) {
		return ErrStopped
	}
	if err := r.write(ctx, a); err != nil {
		return err
	}
	return r.finish(ctx, a)
}

// begin asks for permission to erase, which is 200 and nothing else.
func (r Run) begin(ctx context.Context, a Answer, disks []string) error {
	if err := r.stage(ctx, a, "permission to erase", 5); err != nil {
		return err
	}
	status, body, err := r.report(ctx, beginTries, a.to, "begin", url.Values{"disks": disks})
	switch {
	case err != nil:
		return fmt.Errorf("the gateway does not answer; nothing on the disks was touched: %w", err)
	case status != http.StatusOK:
		body = strings.Join(strings.Fields(body[:min(len(body), maxReason)]), " ")
		return fmt.Errorf("the gateway does not permit it (%d: %s); nothing on the disks was touched", status, body)
	}
	return nil
}

func (r Run) write(ctx context.Context, a Answer) error {
	last := 0
	for _, s := range stages {
		if err := r.Sleep(ctx, r.Step); err != nil {
			return ErrStopped
		}
		if err := r.trouble(ctx, a, s.name, last, s.percent); err != nil {
			return err
		}
		if err := r.stage(ctx, a, s.name, s.percent); err != nil {
			return err
		}
		last = s.percent
	}
	return r.trouble(ctx, a, "finishing", last, 100)
}

// trouble is what goes wrong between two percentages; the last thing that is
// reported is its own.
func (r Run) trouble(ctx context.Context, a Answer, stage string, last, next int) error {
	for _, at := range []int{r.Trouble.HangAt, r.Trouble.FailAt} {
		if at == 0 || at < last || at >= next {
			continue
		}
		if at > last {
			if err := r.stage(ctx, a, stage, at); err != nil {
				return err
			}
		}
		if at == r.Trouble.FailAt {
			return fmt.Errorf("%s: the simulated installer fails at %d %%", stage, at)
		}
		<-ctx.Done()
		return ErrStopped
	}
	return nil
}

// stage reports how far it is. A report that gets lost is no reason to stop.
func (r Run) stage(ctx context.Context, a Answer, name string, percent int) error {
	if !r.Host.Up() {
		return ErrStopped
	}
	r.Host.At(name, percent)
	_, _, _ = r.report(ctx, stageTries, a.to, "progress", url.Values{"stage": {name}, "percent": {strconv.Itoa(percent)}})
	if !r.Host.Up() {
		return ErrStopped
	}
	return nil
}

func (r Run) finish(ctx context.Context, a Answer) error {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return err
	}
	if !r.Host.Install(key) {
		return ErrStopped
	}
	if r.Trouble.WrongKey {
		if _, key, err = ed25519.GenerateKey(rand.Reader); err != nil {
			return err
		}
	}
	if !r.Trouble.LoseKey {
		if err := r.reportKey(ctx, a, key); err != nil {
			return err
		}
	}
	if !r.Trouble.LoseCompleted && r.Host.Up() {
		_, _, _ = r.report(ctx, tries, a.to, "done", url.Values{})
	}
	return nil
}

func (r Run) reportKey(ctx context.Context, a Answer, key ed25519.PrivateKey) error {
	public, err := ssh.NewPublicKey(key.Public())
	if err != nil {
		return err
	}
	if !r.Host.Up() {
		return ErrStopped
	}
	line := strings.TrimSpace(string(ssh.MarshalAuthorizedKey(public)))
	_, _, _ = r.report(ctx, tries, a.to, "hostkey", url.Values{"key": {line}})
	return nil
}

// Rescue reports that the machine can be looked at, and with which host key.
func (r Run) Rescue(ctx context.Context, a Answer, key ed25519.PrivateKey) error {
	if err := r.reportKey(ctx, a, key); err != nil {
		return err
	}
	return r.stage(ctx, a, "rescue ready", 100)
}
