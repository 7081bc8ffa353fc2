package bmc

import (
	"context"
	"slices"
	"sync"
	"time"

	"go.temporal.io/sdk/activity"

	"github.com/handrail/handrail/activities/bmc/board"
	"github.com/handrail/handrail/hosting"
)

// stage is how far a request has come.
type stage string

const (
	stageLooking stage = ""        // no request is under way
	stageSending stage = "sending" // it may have been sent
	stageSent    stage = "sent"    // it was accepted, or may have been
)

// progress is what a power action leaves in its heartbeats, so that a second
// attempt carries on where the first one was.
type progress struct {
	Action hosting.PowerAction `json:"action"`
	Stage  stage               `json:"stage,omitempty"`
	// Step is the action of the request under way: a cycle has two.
	Step hosting.PowerAction `json:"step,omitempty"`
	At   time.Time           `json:"at,omitzero"` // of the request under way
	Via  hosting.Protocol    `json:"via,omitempty"`
	// Sent are all requests that may have been sent, in order.
	Sent     []string           `json:"sent,omitempty"`
	Before   hosting.PowerState `json:"before,omitempty"`
	OffSince *time.Time         `json:"offSince,omitempty"`
	OnSince  *time.Time         `json:"onSince,omitempty"`
	Forced   bool               `json:"forced,omitempty"`
	// WentOff tells that the off of a cycle was ours and was verified.
	WentOff bool `json:"wentOff,omitempty"`
	// Marks are those before a warm reset; LeftOn, that it was seen to leave On.
	Marks  board.Marks `json:"marks,omitzero"`
	LeftOn bool        `json:"leftOn,omitempty"`
}

// pending reports whether one of the steps may have been sent and its end was
// not seen yet.
func (p progress) pending(steps ...hosting.PowerAction) bool {
	return p.Stage != stageLooking && slices.Contains(steps, p.Step)
}

// heartbeats carry an activity's details to its next attempt.
type heartbeats interface {
	record(ctx context.Context, details any)
	// last reads the details of the attempt before into p; false if there are
	// none. An error means that there are some, but not ours.
	last(ctx context.Context, p *progress) (bool, error)
}

// temporalHeartbeats are Temporal's; outside of an activity they are nothing.
type temporalHeartbeats struct{}

func (temporalHeartbeats) record(ctx context.Context, details any) {
	if activity.IsActivity(ctx) {
		activity.RecordHeartbeat(ctx, details)
	}
}

func (temporalHeartbeats) last(ctx context.Context, p *progress) (bool, error) {
	if !activity.IsActivity(ctx) || !activity.HasHeartbeatDetails(ctx) {
		return false, nil
	}
	return true, activity.GetHeartbeatDetails(ctx, p)
}

// beating records what details returns, every BeatInterval until stop is
// called: the longest request takes longer than a heartbeat timeout should.
func (a *Activities) beating(ctx context.Context, details func() any) (stop func()) {
	done := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		tick := time.NewTicker(a.every)
		defer tick.Stop()
		for {
			select {
			case <-done:
				return
			case <-ctx.Done():
				return
			case <-tick.C:
				a.beats.record(ctx, details())
			}
		}
	})
	return func() { close(done); wg.Wait() }
}

// sleep waits; false if the context ended first.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}
