package workflows

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/handrail/handrail/activities"
	"github.com/handrail/handrail/activities/reach"
	"github.com/handrail/handrail/hosting"
)

// followBoot waits until the machine says that it is done, or shows it. Where
// nothing can have been lost yet, a boot that came to nothing is withdrawn.
func (op *operation) followBoot(ctx workflow.Context) error {
	err := op.awaitBoot(ctx)
	if err == nil || op.fatal(err) {
		return err
	}
	return op.standDown(ctx, err)
}

// standDown withdraws a boot that can not go on, and with it the point of no
// return where nothing is lost. It returns what it was called for.
func (op *operation) standDown(ctx workflow.Context, cause error) error {
	if err := op.withdrawBoot(ctx); err != nil {
		return err
	}
	if !op.Boot.Lost {
		op.NoReturn = ""
	}
	return cause
}

func (op *operation) awaitBoot(ctx workflow.Context) error {
	began := *op.now()
	for {
		b, err := op.readBoot(ctx)
		if err != nil {
			return err
		}
		op.tellErased()
		switch b.State {
		case hosting.BootDone:
			return nil
		case hosting.BootFailed, hosting.BootWithdrawn:
			return hosting.NewFault(hosting.FaultUnmoved, op.serverID(), "the installer stopped: "+cmp.Or(cut(b.Error, maxText), "the boot was withdrawn"),
				"correct what it names, then relaunch this step: the server is booted into the installer again")
		}
		deadline := op.bootDeadline(began)
		w := wait{on: "the server's installer", phase: hosting.PhaseRunning, timeout: max(time.Second, deadline.Sub(*op.now()))}
		err = op.await(ctx, w, func() bool {
			l := op.Boot.Last
			return l.State != b.State || len(l.HostKeys) != len(b.HostKeys) || op.takenBack()
		})
		switch {
		case err == nil && op.takenBack():
			if err := op.withdrawBoot(ctx); err != nil {
				return err
			}
			if op.Boot.Last.State == hosting.BootWithdrawn {
				return hosting.NewFault(hosting.FaultNotAuthorized, op.serverID(), "the customer took the permission back before anything was erased, and the boot was withdrawn",
					"see what the customer wants; the server may wait in its installer: restart it when that is permitted")
			}
		case err == nil:
		case !errors.Is(err, errTimeout):
			return err
		case op.bootDeadline(began).After(*op.now()): // it was heard of meanwhile
		default:
			if err := op.lookForEnd(ctx); err != nil {
				return err
			}
		}
	}
}

// takenBack reports whether the customer wants it stopped while it can still be.
func (op *operation) takenBack() bool {
	s := op.Boot.Last.State
	return op.powerPermitted().Grant == hosting.GrantRefused && (s == hosting.BootArmed || s == hosting.BootHandedOut)
}

// bootDeadline is by when the next word of the machine has to come.
func (op *operation) bootDeadline(began time.Time) time.Time {
	b, p := op.Boot.Last, op.Policy.Install
	latest := func(times ...*time.Time) time.Time {
		last := began
		for _, t := range times {
			if t != nil && t.After(last) {
				last = *t
			}
		}
		return last
	}
	var due time.Time
	switch {
	case b.State == hosting.BootArmed:
		due = began.Add(p.Boot.D())
	case b.State == hosting.BootHandedOut:
		due = latest(b.HandedOutAt, b.ReportedAt).Add(p.Boot.D())
	case len(b.HostKeys) > 0: // little is left to do: it would have answered soon
		due = latest(b.ReportedAt).Add(min(p.Stall.D(), 6*p.Look.D()))
	default:
		due = latest(b.ErasingAt, b.ReportedAt).Add(p.Stall.D())
	}
	if end := b.ArmedAt.Add(p.Whole.D()); end.Before(due) {
		return end
	}
	return due
}

// lookForEnd is for a machine that has gone silent. The installed system may
// show that the last word was lost; if not, the fault says how far it came.
func (op *operation) lookForEnd(ctx workflow.Context) error {
	was := op.Boot.Last
	b, err := op.readBoot(ctx)
	if err != nil {
		return err
	}
	if b.State != was.State || len(b.HostKeys) != len(was.HostKeys) {
		return nil // a doorbell was lost
	}
	look, installed := op.lookAround(ctx, b)
	if installed {
		op.logAction(ctx, ourselves, "installer's last word", "lost; the installed system answers with the host key that it reported")
		return op.endBoot(ctx, hosting.BootDone, "found out by looking")
	}
	// It may have come on while it was looked at.
	if err := op.withdrawBoot(ctx); err != nil {
		return err
	}
	if s := op.Boot.Last.State; s != b.State && s != hosting.BootWithdrawn {
		return nil
	}
	return op.silent(b, look)
}

// silent says how far a machine came that is not heard of any more.
func (op *operation) silent(b hosting.NetworkBoot, look string) error {
	words := map[hosting.BootState]string{
		hosting.BootArmed:     "the server was restarted and has not asked for its boot script. ",
		hosting.BootHandedOut: "the server fetched its boot script and has not begun to install. Nothing was erased. ",
		hosting.BootErasing:   fmt.Sprintf("the installer is silent at %q, %d %%. ", b.Stage, b.Percent),
	}
	return hosting.NewFault(hosting.FaultUnreachable, op.serverID(), words[b.State]+look,
		"look at its console; relaunch this step to boot it into the installer again")
}

// lookAround tells in words what answers on the server's address, and whether it
// is the installed system.
func (op *operation) lookAround(ctx workflow.Context, b hosting.NetworkBoot) (words string, installed bool) {
	if len(b.HostKeys) > 0 {
		if err := op.awaitInstalled(ctx); err != nil {
			return "It reported its host key; " + activities.Words(err), false
		}
		return "", true
	}
	var seen reach.Seen
	err := op.callSite(ctx, "See what answers on "+op.Subject.Server.PrimaryIP, 1, time.Second, &seen, reaches.HostKeys, op.probe())
	if temporal.IsCanceledError(err) {
		return "", false
	}
	if err != nil {
		return "Nothing answers on its address: it may not have booted at all.", false
	}
	return "A system answers on its address: it seems to have booted from its disk.", false
}

func (op *operation) probe() reach.Probe {
	return reach.Probe{Server: op.serverID(), Address: op.Subject.Server.PrimaryIP}
}

// awaitInstalled proves that the installed system runs: it answers on its
// address, and has the host key that it reported.
func (op *operation) awaitInstalled(ctx workflow.Context) error {
	p := op.Policy.Install
	tries := max(1, int(p.Answer.D()/p.Look.D()))
	want := reach.Expectation{Probe: op.probe(), Keys: op.Boot.Last.HostKeys}
	return op.callSite(ctx, "Wait for the installed system to answer with its host key", tries, p.Look.D(), nil, reaches.AwaitHostKey, want)
}

// tellErased tells the customer, once, that the earlier data is gone.
func (op *operation) tellErased() {
	if !op.Boot.Lost || op.Boot.Told {
		return
	}
	op.Boot.Told = true
	op.send(outgoing{Letter: hosting.Letter{Name: hosting.LetterErasing}})
}

// lives reports whether the boot was released, or heard of, since the step last
// failed.
func (op *operation) lives() bool {
	b := op.Boot.Last
	last := b.ArmedAt
	if b.ReportedAt != nil {
		last = *b.ReportedAt
	}
	return !b.State.Ended() && !slices.ContainsFunc(op.Past, func(st hosting.Step) bool {
		return st.Name == op.current().name && st.Ended != nil && last.Before(*st.Ended)
	})
}
