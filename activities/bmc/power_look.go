package bmc

import (
	"context"
	"fmt"
	"time"

	"github.com/handrail/handrail/activities/bmc/board"
	"github.com/handrail/handrail/hosting"
)

// via is the protocol that acts, or that looked if none does yet.
func (r *powerRun) via() hosting.Protocol {
	if r.acting < 0 {
		return r.p.Via
	}
	return r.line.endpoint(r.acting).Protocol
}

const looking = "reading the power state"

// lookWith looks over one endpoint.
func (r *powerRun) lookWith(ctx context.Context, i int) (power board.Power, err error) {
	err = use(ctx, r.line, i, looking, func(ctx context.Context, b board.PowerReader) error {
		power, err = b.ReadPower(ctx)
		return err
	})
	return power, err
}

// look looks over the acting endpoint, and over the others where that does not
// answer. The error is of the acting one.
func (r *powerRun) look(ctx context.Context) (board.Power, error) {
	power, err := r.lookWith(ctx, r.acting)
	for i := 0; err != nil && i < len(r.line.boards) && ctx.Err() == nil; i++ {
		if i == r.acting || !mayFallBack(err) {
			continue
		}
		if other, otherErr := r.lookWith(ctx, i); otherErr == nil {
			power, err = other, nil
		}
	}
	if err == nil {
		r.saw(power)
	}
	return power, err
}

// choose looks over the endpoints in their order and makes the first that
// answers the one that acts. While the end of a request was not seen, the one
// that acted stays.
func (r *powerRun) choose(ctx context.Context) (board.Power, error) {
	if r.p.Stage != stageLooking {
		power, err := r.lookWith(ctx, r.acting)
		if err == nil {
			r.saw(power)
		}
		return power, err
	}
	var power board.Power
	i, err := first(ctx, r.line, looking, func(ctx context.Context, b board.PowerReader) (err error) {
		power, err = b.ReadPower(ctx)
		return err
	})
	if err != nil {
		return power, err
	}
	r.acting = i
	r.note(func(p *progress) { p.Via = r.line.endpoint(i).Protocol })
	r.saw(power)
	return power, nil
}

// settled looks until the machine is plainly on or off, for up to
// Waits.ActWait: what it is doing by itself is let finish first.
func (r *powerRun) settled(ctx context.Context) (hosting.PowerState, error) {
	deadline := time.Now().Add(r.order.Waits.ActWait.D())
	for {
		power, err := r.choose(ctx)
		if err != nil {
			return "", err
		}
		moving := power.State == hosting.PoweringOn || power.State == hosting.PoweringOff
		if !moving || !time.Now().Before(deadline) {
			return power.State, nil
		}
		r.beat(ctx)
		if !sleep(ctx, r.poll()) {
			return "", ctx.Err()
		}
	}
}

// saw keeps what the proof needs of a look.
func (r *powerRun) saw(power board.Power) {
	r.last = power
	now := time.Now().UTC()
	r.note(func(p *progress) {
		if p.Before == "" {
			p.Before = power.State
		}
		switch {
		case power.State == hosting.PowerOff && p.OffSince == nil:
			p.OffSince = &now
		case power.State == hosting.PowerOn && p.OffSince != nil && p.OnSince == nil:
			p.OnSince = &now
		}
	})
}

// maxDisagreement is how long two protocols may disagree before that is the
// outcome: each of them lags behind the machine by a few seconds.
const maxDisagreement = 15 * time.Second

// confirm asks for a second opinion where one does not do. It gives the two up
// to maxDisagreement to agree, and then decides by what they agree on.
func (r *powerRun) confirm(ctx context.Context, want hosting.PowerState, outcome hosting.PowerOutcome) (hosting.PowerOutcome, error) {
	if outcome == hosting.Reached && want == hosting.PowerOn {
		return outcome, nil // the change was seen, and nobody puts a hand in
	}
	deadline := time.Now().Add(min(maxDisagreement, r.order.Waits.ActWait.D()))
	for {
		other, via, ok := r.secondOpinion(ctx)
		over := !time.Now().Before(deadline)
		switch {
		case ctx.Err() != nil:
			return "", ctx.Err()
		case !ok, over && !r.last.State.Settled():
			return outcome, nil
		case other == r.last.State:
			return r.agreed(via, want, outcome), nil
		case over:
			r.detail = fmt.Sprintf("%s says %s, %s says %s", r.via(), r.last.State, via, other)
			return hosting.Contradictory, nil
		}
		r.beat(ctx)
		if !sleep(ctx, r.poll()) {
			return "", ctx.Err()
		}
		if power, err := r.lookWith(ctx, r.acting); err == nil {
			r.saw(power)
		}
	}
}

// agreed is the outcome when two protocols say the same, which may be another
// state than the first look showed.
func (r *powerRun) agreed(via hosting.Protocol, want hosting.PowerState, outcome hosting.PowerOutcome) hosting.PowerOutcome {
	r.detail += fmt.Sprintf(" (%s and %s say %s)", r.via(), via, r.last.State)
	switch {
	case r.last.State != want:
		return hosting.Unmoved
	case outcome == hosting.Unmoved:
		return hosting.Reached
	}
	return outcome
}

// secondOpinion is what an endpoint of another protocol says, if there is one
// that answers plainly.
func (r *powerRun) secondOpinion(ctx context.Context) (hosting.PowerState, hosting.Protocol, bool) {
	for i, e := range r.line.target.BMC.Endpoints {
		if e.Protocol == r.via() {
			continue
		}
		if power, err := r.lookWith(ctx, i); err == nil && power.State.Settled() {
			return power.State, e.Protocol, true
		}
	}
	return "", "", false
}
