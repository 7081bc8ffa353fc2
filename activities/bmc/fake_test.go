package bmc

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/handrail/handrail/activities/bmc/board"
	"github.com/handrail/handrail/hosting"
)

// chassis is one machine behind the fake boards: what it does with a request,
// and when.
type chassis struct {
	mu    sync.Mutex
	state hosting.PowerState
	marks board.Marks
	sent  []string
	// takes is how long the machine takes for a request; absent is never.
	takes map[string]time.Duration
	// kill, if set, is called at every event; it may panic.
	kill func(event string)
}

func newChassis(state hosting.PowerState) *chassis {
	return &chassis{state: state, takes: map[string]time.Duration{"on": time.Second, "forced-off": time.Second, "graceful-off": 20 * time.Second}}
}

func (c *chassis) event(name string) {
	if c.kill != nil {
		c.kill(name)
	}
}

func (c *chassis) power() board.Power {
	c.mu.Lock()
	defer c.mu.Unlock()
	return board.Power{State: c.state, Marks: c.marks}
}

func (c *chassis) set(s hosting.PowerState) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.state = s
}

func (c *chassis) requests() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.sent)
}

// take takes a request; the machine follows later.
func (c *chassis) take(request string) {
	c.mu.Lock()
	c.sent = append(c.sent, request)
	delay, moves := c.takes[request]
	c.mu.Unlock()
	if !moves {
		return
	}
	time.AfterFunc(delay, func() {
		if request == "on" {
			c.set(hosting.PowerOn)
			return
		}
		c.set(hosting.PowerOff)
	})
}

// fakeBoard is a board whose answers a test decides.
type fakeBoard struct {
	protocol hosting.Protocol
	chassis  *chassis
	lacks    []hosting.PowerAction
	readErr  func() error                         // before the look
	says     func(hosting.PowerState) board.Power // in place of the truth
	answer   func(n int, request string) error    // to the nth request
	slow     time.Duration                        // of a look
	loses    bool                                 // requests answered with an error do not arrive
	count    int
}

func (b *fakeBoard) Protocol() hosting.Protocol { return b.protocol }
func (b *fakeBoard) Close()                     {}

func (b *fakeBoard) ReadPower(ctx context.Context) (board.Power, error) {
	b.chassis.event("look")
	if b.slow > 0 && !sleep(ctx, b.slow) {
		return board.Power{}, ctx.Err()
	}
	if b.readErr != nil {
		if err := b.readErr(); err != nil {
			return board.Power{}, err
		}
	}
	power := b.chassis.power()
	if b.says != nil {
		return b.says(power.State), nil
	}
	return power, nil
}

func (b *fakeBoard) PlanReset(_ context.Context, action hosting.PowerAction) (string, error) {
	if slices.Contains(b.lacks, action) {
		return "", hosting.NewFault(hosting.FaultUnsupported, "srv-1", "no such request", "")
	}
	return string(action), nil
}

func (b *fakeBoard) SendReset(_ context.Context, request string) error {
	b.chassis.event("before " + request)
	b.count++
	var err error
	if b.answer != nil {
		err = b.answer(b.count, request)
	}
	if err == nil || !b.loses {
		b.chassis.take(request)
	}
	b.chassis.event("after " + request)
	return err
}

func failed(fate board.Fate) error {
	return &board.SendError{Fate: fate, Fault: hosting.NewFault(hosting.FaultUnsupported, "srv-1", "the BMC said no", "ask")}
}

func unreachable() error {
	return hosting.NewFault(hosting.FaultUnreachable, "srv-1", "no answer", "wait")
}

// noted are heartbeats kept for the next attempt, as JSON like Temporal's.
type noted struct {
	mu     sync.Mutex
	latest json.RawMessage
	all    []progress
	kill   func(event string)
}

func (n *noted) record(_ context.Context, details any) {
	if n.kill != nil {
		n.kill("beat")
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.latest, _ = json.Marshal(details)
	if p, ok := details.(progress); ok {
		n.all = append(n.all, p)
	}
	if n.kill != nil {
		n.mu.Unlock()
		defer n.mu.Lock()
		n.kill("beaten")
	}
}

func (n *noted) last(_ context.Context, p *progress) (bool, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.latest == nil {
		return false, nil
	}
	return true, json.Unmarshal(n.latest, p)
}

type anyLogin struct{}

func (anyLogin) BMCLogin(context.Context, string) (Login, error) {
	return Login{User: "u", Password: "p"}, nil
}

// rig is a chassis with its boards and the activities that act on them.
type rig struct {
	*Activities
	chassis *chassis
	redfish *fakeBoard
	ipmi    *fakeBoard
	notes   *noted
	target  Target
}

// newRig has Redfish first and IPMI second.
func newRig(state hosting.PowerState) *rig {
	c := newChassis(state)
	r := &rig{
		chassis: c, notes: &noted{},
		redfish: &fakeBoard{protocol: hosting.Redfish, chassis: c},
		ipmi:    &fakeBoard{protocol: hosting.IPMI, chassis: c},
		target: Target{Server: "srv-1", BMC: hosting.BMC{Endpoints: []hosting.BMCEndpoint{
			{Protocol: hosting.Redfish, Address: "bmc:443", Secret: "file:a"}, {Protocol: hosting.IPMI, Address: "bmc:623", Secret: "file:b"},
		}}},
	}
	r.Activities = New(anyLogin{}, WithDialer(func(_ string, e hosting.BMCEndpoint, _ Login) (board.Board, error) {
		if e.Protocol == hosting.IPMI {
			return r.ipmi, nil
		}
		return r.redfish, nil
	}))
	r.beats = r.notes
	return r
}

// redfishOnly takes the second protocol away.
func (r *rig) redfishOnly() *rig {
	r.target.BMC.Endpoints = r.target.BMC.Endpoints[:1]
	return r
}

func (r *rig) order(action hosting.PowerAction) PowerOrder {
	return PowerOrder{
		Target: r.target, Action: action,
		Guard: Guard{Permission: hosting.PowerPermission{Grant: hosting.GrantAllowed}},
		Waits: hosting.DefaultPolicy().Power,
	}
}

// run runs an order that has to end in an outcome.
func (r *rig) run(t *testing.T, o PowerOrder, want hosting.PowerOutcome, sent ...string) hosting.PowerResult {
	t.Helper()
	got, err := r.SetPower(t.Context(), o)
	if err != nil {
		t.Fatalf("%s: %v", o.Action, err)
	}
	if got.Outcome != want {
		t.Errorf("%s: outcome %s (%s), want %s", o.Action, got.Outcome, got.Detail, want)
	}
	if arrived := r.chassis.requests(); !slices.Equal(arrived, sent) {
		t.Errorf("%s: sent %v, want %v", o.Action, arrived, sent)
	}
	return got
}

// refuse runs an order that has to be refused.
func (r *rig) refuse(t *testing.T, o PowerOrder, want hosting.FaultKind, sent ...string) *hosting.Fault {
	t.Helper()
	got, err := r.SetPower(t.Context(), o)
	fault, ok := errors.AsType[*hosting.Fault](err)
	if !ok || fault.Kind != want {
		t.Fatalf("%s: %+v, %v; want %s", o.Action, got, err, want)
	}
	if arrived := r.chassis.requests(); !slices.Equal(arrived, sent) {
		t.Errorf("%s: sent %v, want %v", o.Action, arrived, sent)
	}
	return fault
}
