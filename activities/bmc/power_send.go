package bmc

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/handrail/handrail/activities/bmc/board"
	"github.com/handrail/handrail/hosting"
)

// noRequest is that no endpoint has a request for a step.
type noRequest struct{ error }

func (e *noRequest) Unwrap() error { return e.error }

// send sends the request for a step, once. A BMC that is busy with what was
// before is asked again within the wait, as long as it says that it refused.
func (r *powerRun) send(ctx context.Context, step hosting.PowerAction, want hosting.PowerState) error {
	deadline := time.Now().Add(r.wait(step))
	for {
		err := r.sendOnce(ctx, step)
		refused, ok := errors.AsType[*board.SendError](err)
		if !ok {
			return err
		}
		if refused.Fate != board.Busy || !time.Now().Add(r.poll()).Before(deadline) {
			return refused.Fault
		}
		if !sleep(ctx, r.poll()) {
			return ctx.Err()
		}
		if power, err := r.look(ctx); err == nil && power.State == want {
			return nil
		}
	}
}

// sendOnce plans, writes down, checks the guard and sends. A nil error means
// that the request may have been carried out; a *board.SendError that it was
// not.
func (r *powerRun) sendOnce(ctx context.Context, step hosting.PowerAction) error {
	actor, request, err := r.plan(ctx, step)
	if err != nil {
		return err
	}
	was, now := r.snapshot(), time.Now().UTC()
	r.note(func(p *progress) {
		p.Stage, p.Step, p.At, p.Via = stageSending, step, now, actor.Protocol()
		p.Sent = append(p.Sent, request)
		p.Forced = step == hosting.ActForcedOff && r.order.Action != step || p.Forced
		if step == hosting.ActWarmReset {
			p.Marks = r.last.Marks
		}
	})
	r.beat(ctx)
	if !sleep(ctx, r.a.settle) {
		r.unsent(ctx, was)
		return ctx.Err()
	}
	if err := r.guard(step); err != nil {
		r.unsent(ctx, was)
		return err
	}
	err = actor.SendReset(ctx, request)
	if failed, ok := errors.AsType[*board.SendError](err); ok && failed.Fate != board.Unclear {
		r.unsent(ctx, was)
		return failed
	}
	r.note(func(p *progress) { p.Stage = stageSent })
	r.beat(ctx)
	return nil
}

// unsent goes back to what was written down before a request that was
// certainly not carried out.
func (r *powerRun) unsent(ctx context.Context, was progress) {
	r.note(func(p *progress) { *p = was })
	r.beat(ctx)
}

// guard is the last thing before a request is sent (I6, I7).
func (r *powerRun) guard(step hosting.PowerAction) error {
	if step == hosting.ActOn && r.p.WentOff {
		return nil // turning on again what we turned off with permission
	}
	if err := r.asked.Err(); err != nil {
		return err
	}
	return r.order.Guard.check(r.server(), step, time.Now())
}

// plan finds the request for a step: with the acting endpoint, or, unless the
// end of a request was not seen, with a later one where this one has none.
func (r *powerRun) plan(ctx context.Context, step hosting.PowerAction) (board.PowerActor, string, error) {
	var firstErr error
	for i := r.acting; i < len(r.line.boards); i++ {
		actor, request, err := r.planWith(ctx, i, step)
		if err == nil {
			r.acting = i
			return actor, request, nil
		}
		if ctx.Err() != nil {
			return nil, "", ctx.Err()
		}
		if firstErr == nil {
			firstErr = err
		}
		if !mayFallBack(err) || r.p.Stage != stageLooking {
			break
		}
	}
	if hosting.KindOf(firstErr) == hosting.FaultUnsupported {
		return nil, "", &noRequest{firstErr}
	}
	return nil, "", firstErr
}

func (r *powerRun) planWith(ctx context.Context, i int, step hosting.PowerAction) (actor board.PowerActor, request string, err error) {
	err = use(ctx, r.line, i, "power actions", func(ctx context.Context, b board.PowerActor) error {
		if i != r.acting { // it was not looked at yet
			power, err := b.ReadPower(ctx)
			if err != nil {
				return err
			}
			if power.State != r.last.State {
				return hosting.NewFault(hosting.FaultUnsupported, r.server(),
					fmt.Sprintf("%s can not %s, and %s can not stand in for it: it says %s where the other says %s", r.via(), step, b.Protocol(), power.State, r.last.State),
					"look at the machine")
			}
		}
		actor = b
		request, err = b.PlanReset(ctx, step)
		return err
	})
	return actor, request, err
}

// warmReset restarts the machine and looks for what shows it.
func (r *powerRun) warmReset(ctx context.Context) (hosting.PowerOutcome, error) {
	if !r.p.pending(hosting.ActWarmReset) {
		state, err := r.settled(ctx)
		if err != nil {
			return "", err
		}
		if state == hosting.PowerOff {
			return "", hosting.Invalid(r.server(), "a machine that is off can not be reset", "turn it on")
		}
		if err := r.send(ctx, hosting.ActWarmReset, ""); err != nil {
			return "", err
		}
	}
	deadline := r.deadline(hosting.ActWarmReset)
	for {
		power, err := r.look(ctx)
		if ctx.Err() != nil {
			return "", ctx.Err()
		}
		if err == nil {
			if shown := r.shownReset(power); shown != "" {
				r.detail = r.lastSent() + ": " + shown
				return hosting.Reached, nil
			}
		}
		if !time.Now().Before(deadline) {
			return r.unseenReset(power, err), nil
		}
		r.beat(ctx)
		if !sleep(ctx, r.poll()) {
			return "", ctx.Err()
		}
	}
}

// shownReset says what shows that the machine was reset and is on again.
func (r *powerRun) shownReset(power board.Power) string {
	if power.State != hosting.PowerOn {
		r.note(func(p *progress) { p.LeftOn = p.LeftOn || power.State != hosting.PowerUnknown })
		return ""
	}
	if r.p.LeftOn {
		return "the power state left On and came back"
	}
	return power.Marks.ShowReset(r.p.Marks)
}

func (r *powerRun) unseenReset(power board.Power, err error) hosting.PowerOutcome {
	switch {
	case err != nil:
		r.detail = fmt.Sprintf("%s may have been carried out, but the machine could not be looked at: %s", r.lastSent(), err)
	case power.State != hosting.PowerOn:
		r.detail = fmt.Sprintf("after %s the machine is %s and did not come on within %s", r.lastSent(), power.State, r.order.Waits.ActWait)
	default:
		r.detail = fmt.Sprintf("%s was accepted, but this BMC shows nothing by which a reset could be seen; look at the console", r.lastSent())
	}
	return hosting.Unknown
}
