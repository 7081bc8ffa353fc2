package bmc

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/handrail/handrail/activities/bmc/board"
	"github.com/handrail/handrail/hosting"
)

// SetPower carries out a power action and says what was observed.
//
// It looks first, acts, and looks again every Waits.Poll: for up to
// Waits.OffWait after a graceful off, for up to Waits.ActWait after everything
// else. All five outcomes come with a nil error. Errors are *hosting.Fault: the
// refusals (NotAuthorized, OutsideWindow, Unsupported, InvalidRequest) and
// Unreachable, which mean that nothing was carried out by this request.
//
// The guard is evaluated at the start of a first attempt and again immediately
// before each request that is sent. There is one exception: the on of a cycle
// whose off was ours and was verified goes out also after the window has
// closed, so that the machine is not left off.
//
// Redfish and IPMI are used in the record's order. The next is used to act only
// while no request may have been sent whose end was not seen; it is used to
// look whenever the first does not answer, and as a second opinion where a
// single one would not do: whenever the machine is said to be off, to be in the
// wanted state already, or not to have moved. Where the two keep disagreeing,
// the outcome is contradictory.
//
// Before a request is sent, a heartbeat says so. An attempt that finds such a
// heartbeat goes on by looking, and never sends a request again that may have
// been sent: a machine that did not move after it is unmoved.
//
// A cancellation (the permission was revoked, the operation cancelled) keeps
// every further request from being sent, but what may have been sent is seen to
// its end: a cycle whose off was ours turns the machine on again.
//
// A cycle of a machine that is found off turns it on. A warm reset is reached
// only where something shows it (the BMC's last reset time, the boot's
// progress, a power state that left On and came back), otherwise it is unknown.
func (a *Activities) SetPower(ctx context.Context, order PowerOrder) (hosting.PowerResult, error) {
	if err := order.validate(); err != nil {
		return hosting.PowerResult{}, err
	}
	run := &powerRun{a: a, order: order, asked: ctx, p: progress{Action: order.Action}}
	resumed, err := a.beats.last(ctx, &run.p)
	switch {
	case err != nil:
		return unreadable(order.Action, err), nil
	case !resumed:
		if err := order.Guard.check(order.Target.Server, order.Action, time.Now()); err != nil {
			return hosting.PowerResult{}, err
		}
	}
	if run.line, err = a.line(order.Target); err != nil {
		return hosting.PowerResult{}, err
	}
	defer run.line.close()
	run.resume()
	ctx, release := run.steadfast()
	defer release()
	stop := a.beating(ctx, func() any { return run.snapshot() })
	defer stop()
	outcome, err := run.do(ctx)
	if err != nil {
		return hosting.PowerResult{}, run.tellOff(err)
	}
	return run.result(outcome), nil
}

// unreadable is the outcome where an attempt before has left notes that can not
// be read: it may have sent anything.
func unreadable(action hosting.PowerAction, err error) hosting.PowerResult {
	return hosting.PowerResult{
		Action: action, Outcome: hosting.Unknown, Before: hosting.PowerUnknown, After: hosting.PowerUnknown,
		Detail: "what an attempt before may have sent can not be read: " + err.Error(),
	}
}

// powerRun is one attempt at a power action.
type powerRun struct {
	a     *Activities
	order PowerOrder
	line  *line
	asked context.Context //nolint:containedctx // what its caller still wants
	// acting is the endpoint that carries the act; -1 while none is chosen.
	acting int
	last   board.Power
	detail string

	mu sync.Mutex // guards p, which is also read by the heartbeats
	p  progress
}

// resume chooses the endpoint with which the attempt before acted, if it did.
func (r *powerRun) resume() {
	r.acting = -1
	if r.p.Stage == stageLooking {
		return
	}
	r.acting = max(0, slices.IndexFunc(r.line.target.BMC.Endpoints, func(e hosting.BMCEndpoint) bool { return e.Protocol == r.p.Via }))
}

// steadfast is the caller's context as long as nothing may have been sent. From
// then on a cancellation does not end the looking, only the time does.
func (r *powerRun) steadfast() (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.asked), r.order.Longest())
	stop := context.AfterFunc(r.asked, func() {
		if p := r.snapshot(); p.Stage == stageLooking && !p.WentOff {
			cancel()
		}
	})
	return ctx, func() { stop(); cancel() }
}

func (r *powerRun) server() string { return r.order.Target.Server }

func (r *powerRun) snapshot() progress {
	r.mu.Lock()
	defer r.mu.Unlock()
	p := r.p
	p.Sent = slices.Clone(r.p.Sent)
	return p
}

// note changes the progress.
func (r *powerRun) note(change func(*progress)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	change(&r.p)
}

// beat records the progress in a heartbeat.
func (r *powerRun) beat(ctx context.Context) { r.a.beats.record(ctx, r.snapshot()) }

func (r *powerRun) do(ctx context.Context) (hosting.PowerOutcome, error) {
	switch r.order.Action {
	case hosting.ActOn:
		return r.turn(ctx, hosting.ActOn)
	case hosting.ActCycle:
		return r.cycle(ctx)
	case hosting.ActWarmReset:
		return r.warmReset(ctx)
	default:
		return r.turnOff(ctx, r.order.Action)
	}
}

// cycle is a verified off and a verified on.
func (r *powerRun) cycle(ctx context.Context) (hosting.PowerOutcome, error) {
	if !r.p.WentOff && !r.p.pending(hosting.ActOn) {
		outcome, err := r.turnOff(ctx, hosting.ActGracefulOff)
		if err != nil || !outcome.Succeeded() {
			return outcome, err
		}
		r.note(func(p *progress) { p.WentOff = outcome == hosting.Reached || len(p.Sent) > 0 })
		r.beat(ctx)
	}
	outcome, err := r.turn(ctx, hosting.ActOn)
	if !r.p.WentOff && r.p.Before == hosting.PowerOff && outcome.Succeeded() {
		r.detail = "the machine was found off, so that it was only turned on; " + r.detail
	}
	return outcome, err
}

// turnOff turns the machine off, gracefully and then by force where that was
// asked for, or by force.
func (r *powerRun) turnOff(ctx context.Context, action hosting.PowerAction) (hosting.PowerOutcome, error) {
	if r.p.pending(hosting.ActForcedOff) {
		action = hosting.ActForcedOff
	}
	outcome, err := r.turn(ctx, action)
	if action == hosting.ActForcedOff || !r.order.AllowForced {
		return outcome, err
	}
	_, noGraceful := errors.AsType[*noRequest](err)
	if !noGraceful && (err != nil || outcome != hosting.Unmoved) {
		return outcome, err
	}
	graceful := r.detail
	forced, err := r.turn(ctx, hosting.ActForcedOff)
	switch {
	case err != nil && noGraceful:
		return forced, err
	case err != nil:
		// The graceful off was sent, so that this ends in an outcome.
		r.detail = graceful + "; a forced off did not follow: " + err.Error()
		return hosting.Unmoved, nil
	case forced == hosting.Already:
		r.detail = graceful + "; then it went off by itself"
		return hosting.Reached, nil
	}
	return forced, nil
}

// turn brings the machine on or off with one step and sees it there.
func (r *powerRun) turn(ctx context.Context, step hosting.PowerAction) (hosting.PowerOutcome, error) {
	want := hosting.PowerOff
	if step == hosting.ActOn {
		want = hosting.PowerOn
	}
	if !r.p.pending(step) {
		state, err := r.settled(ctx)
		if err != nil {
			return "", err
		}
		if state == want {
			r.detail = fmt.Sprintf("%s says %s, nothing was sent", r.via(), state)
			return r.confirm(ctx, want, hosting.Already)
		}
		if err := r.send(ctx, step, want); err != nil {
			return "", err
		}
	}
	outcome, err := r.await(ctx, step, want)
	if err == nil && outcome == hosting.Reached {
		r.note(func(p *progress) { p.Stage = stageLooking })
	}
	return outcome, err
}

// wait is how long a step may take.
func (r *powerRun) wait(step hosting.PowerAction) time.Duration {
	if step == hosting.ActGracefulOff {
		return r.order.Waits.OffWait.D()
	}
	return r.order.Waits.ActWait.D()
}

// deadline is when a request that may have been sent is given up. A later
// attempt takes at least two looks.
func (r *powerRun) deadline(step hosting.PowerAction) time.Time {
	end := r.p.At.Add(r.wait(step))
	if least := time.Now().Add(2 * r.poll()); end.Before(least) {
		return least
	}
	return end
}

func (r *powerRun) poll() time.Duration { return r.order.Waits.Poll.D() }

// await looks until the machine is where it is wanted or the time is over.
func (r *powerRun) await(ctx context.Context, step hosting.PowerAction, want hosting.PowerState) (hosting.PowerOutcome, error) {
	deadline := r.deadline(step)
	for {
		power, err := r.look(ctx)
		switch {
		case ctx.Err() != nil:
			return "", ctx.Err()
		case err == nil && power.State == want:
			r.detail = fmt.Sprintf("%s was seen %s after %s", r.via(), want, r.lastSent())
			return r.confirm(ctx, want, hosting.Reached)
		case !time.Now().Before(deadline) && err != nil:
			r.detail = fmt.Sprintf("%s may have been carried out, but the machine could not be looked at: %s", r.lastSent(), err)
			return hosting.Unknown, nil
		case !time.Now().Before(deadline):
			r.detail = fmt.Sprintf("%s was sent, and after %s the machine was still %s", r.lastSent(), r.wait(step), power.State)
			return r.confirm(ctx, want, hosting.Unmoved)
		}
		r.beat(ctx)
		if !sleep(ctx, r.poll()) {
			return "", ctx.Err()
		}
	}
}

func (r *powerRun) lastSent() string {
	if len(r.p.Sent) == 0 {
		return "the request"
	}
	return r.p.Sent[len(r.p.Sent)-1]
}

// result is the proof of how it ended.
func (r *powerRun) result(outcome hosting.PowerOutcome) hosting.PowerResult {
	p := r.snapshot()
	if outcome == hosting.Already && len(p.Sent) > 0 {
		outcome = hosting.Reached
	}
	return hosting.PowerResult{
		Action: r.order.Action, Outcome: outcome,
		Before: p.Before, After: r.last.State, Via: r.via(),
		ResetTypes: p.Sent, OffSince: p.OffSince, OnSince: p.OnSince,
		Forced: p.Forced, Detail: r.detail,
	}
}

// tellOff is the fault in err's chain; in the middle of a cycle it tells that
// the machine is off.
func (r *powerRun) tellOff(err error) error {
	p := r.snapshot()
	fault, ok := errors.AsType[*hosting.Fault](err)
	switch {
	case !ok:
		return err
	case !p.WentOff || p.OffSince == nil:
		return fault
	}
	told := *fault
	told.What = fmt.Sprintf("the machine was turned off at %s UTC and is to be turned on again, but %s", p.OffSince.Format(hosting.LocalTime), fault.What)
	return &told
}
