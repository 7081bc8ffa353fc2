package bmc

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"go.temporal.io/sdk/testsuite"

	"github.com/handrail/handrail/hosting"
)

// killed is what ends an attempt in the middle, as SIGKILL does.
type killed struct{}

// attemptKilled runs an attempt that is killed at its nth event (a heartbeat,
// a look, the moment before or after a request); false if it ended before.
func (r *rig) attemptKilled(t *testing.T, o PowerOrder, n int) (wasKilled bool) {
	t.Helper()
	events := 0
	kill := func(string) {
		if events++; events == n {
			panic(killed{})
		}
	}
	r.chassis.kill, r.notes.kill = kill, kill
	defer func() {
		r.chassis.kill, r.notes.kill = nil, nil
		if p := recover(); p != nil {
			if _, ours := p.(killed); !ours {
				panic(p)
			}
			wasKilled = true
		}
	}()
	_, _ = r.SetPower(t.Context(), o)
	return false
}

// Whenever a worker dies, the next attempt sends no request a second time, and
// the machine ends where it was wanted.
func TestSetPower_KilledAnywhere(t *testing.T) {
	t.Parallel()
	for _, action := range []hosting.PowerAction{hosting.ActOn, hosting.ActGracefulOff, hosting.ActForcedOff, hosting.ActCycle, hosting.ActWarmReset} {
		inBubble(t, string(action), func(t *testing.T) {
			points := 0
			for n := 1; ; n++ {
				start := hosting.PowerOn
				if action == hosting.ActOn {
					start = hosting.PowerOff
				}
				r := newRig(start)
				// Slow enough that the next attempt finds it as it was.
				r.chassis.takes = map[string]time.Duration{"on": 4 * time.Second, "forced-off": 4 * time.Second, "graceful-off": 20 * time.Second}
				r.every = time.Hour // a heartbeat of the ticker would be killed in a goroutine of its own
				o := r.order(action)
				if !r.attemptKilled(t, o, n) {
					break
				}
				points++
				time.Sleep(time.Second) // until Temporal starts the next
				got, err := r.SetPower(t.Context(), o)
				if err != nil {
					t.Fatalf("killed at event %d: %v", n, err)
				}
				sent := r.chassis.requests()
				for _, request := range sent {
					if count := len(slices.DeleteFunc(slices.Clone(sent), func(s string) bool { return s != request })); count > 1 {
						t.Errorf("killed at event %d: %s was sent %d times (%v)", n, request, count, got)
					}
				}
				checkEnd(t, fmt.Sprintf("killed at event %d", n), r, action, got)
			}
			if points < 5 {
				t.Errorf("only %d points at which it could be killed", points)
			}
		})
	}
}

// checkEnd checks what may follow a kill: success where the requests arrived,
// unmoved where one was announced but never sent.
func checkEnd(t *testing.T, when string, r *rig, action hosting.PowerAction, got hosting.PowerResult) {
	t.Helper()
	sent, state := r.chassis.requests(), r.chassis.power().State
	switch {
	case action == hosting.ActWarmReset:
		if got.Outcome != hosting.Unknown {
			t.Errorf("%s: %s", when, got.Outcome)
		}
	case got.Outcome.Succeeded():
		wantOn := action == hosting.ActOn || action == hosting.ActCycle
		if (state == hosting.PowerOn) != wantOn {
			t.Errorf("%s: %s, but the machine is %s", when, got.Outcome, state)
		}
	case got.Outcome == hosting.Unmoved:
		if len(sent) >= len(got.ResetTypes) {
			t.Errorf("%s: unmoved although all of %v arrived", when, got.ResetTypes)
		}
	default:
		t.Errorf("%s: %s (%s)", when, got.Outcome, got.Detail)
	}
}

func TestSetPower_CarriesOn(t *testing.T) {
	t.Parallel()
	resume := func(r *rig, p progress) {
		r.notes.latest, _ = json.Marshal(p)
	}
	inBubble(t, "in a cycle, killed after the off was sent", func(t *testing.T) {
		r := newRig(hosting.PowerOn)
		time.AfterFunc(15*time.Second, func() { r.chassis.set(hosting.PowerOff) })
		resume(r, progress{Action: hosting.ActCycle, Stage: stageSending, Step: hosting.ActGracefulOff, At: time.Now(), Via: hosting.Redfish, Sent: []string{"graceful-off"}, Before: hosting.PowerOn})
		got := r.run(t, r.order(hosting.ActCycle), hosting.Reached, "on")
		if !slices.Equal(got.ResetTypes, []string{"graceful-off", "on"}) || got.OffSince == nil || got.Before != hosting.PowerOn {
			t.Errorf("result %+v", got)
		}
	})
	inBubble(t, "announced but not moved: unmoved, and nothing is sent", func(t *testing.T) {
		r := newRig(hosting.PowerOn)
		resume(r, progress{Action: hosting.ActForcedOff, Stage: stageSending, Step: hosting.ActForcedOff, At: time.Now(), Via: hosting.Redfish, Sent: []string{"forced-off"}, Before: hosting.PowerOn})
		r.run(t, r.order(hosting.ActForcedOff), hosting.Unmoved)
	})
	inBubble(t, "the window has closed meanwhile: what was sent is still looked at", func(t *testing.T) {
		r := newRig(hosting.PowerOff)
		o := r.order(hosting.ActCycle)
		o.Guard.Permission = window(time.Minute)
		sentAt := time.Now()
		time.Sleep(2 * time.Minute)
		resume(r, progress{Action: hosting.ActCycle, Stage: stageSent, Step: hosting.ActGracefulOff, At: sentAt, Via: hosting.Redfish, Sent: []string{"graceful-off"}, Before: hosting.PowerOn})
		r.run(t, o, hosting.Reached, "on")
	})
	inBubble(t, "the protocol that acted is gone: looked at over the other, not acted", func(t *testing.T) {
		r := newRig(hosting.PowerOn)
		r.redfish.readErr = unreachable
		resume(r, progress{Action: hosting.ActForcedOff, Stage: stageSending, Step: hosting.ActForcedOff, At: time.Now(), Via: hosting.Redfish, Sent: []string{"forced-off"}, Before: hosting.PowerOn})
		r.run(t, r.order(hosting.ActForcedOff), hosting.Unmoved)
	})
	inBubble(t, "notes that can not be read may mean anything", func(t *testing.T) {
		r := newRig(hosting.PowerOn)
		r.notes.latest = json.RawMessage(`"from another version"`)
		r.run(t, r.order(hosting.ActForcedOff), hosting.Unknown)
	})
}

// The same through Temporal's own encoding and activity context.
func TestSetPower_CarriesOnInTemporal(t *testing.T) {
	t.Parallel()
	r := newRig(hosting.PowerOff)
	r.beats = temporalHeartbeats{}
	var suite testsuite.WorkflowTestSuite
	env := suite.NewTestActivityEnvironment()
	env.RegisterActivity(r.Activities)
	env.SetHeartbeatDetails(progress{Action: hosting.ActCycle, Stage: stageSending, Step: hosting.ActGracefulOff, At: time.Now(), Via: hosting.Redfish, Sent: []string{"graceful-off"}, Before: hosting.PowerOn})
	r.chassis.takes["on"] = 0
	o := r.order(hosting.ActCycle)
	o.Waits.Poll = hosting.Duration(10 * time.Millisecond)
	value, err := env.ExecuteActivity(r.SetPower, o)
	if err != nil {
		t.Fatal(err)
	}
	var got hosting.PowerResult
	if err := value.Get(&got); err != nil {
		t.Fatal(err)
	}
	if got.Outcome != hosting.Reached || !slices.Equal(r.chassis.requests(), []string{"on"}) {
		t.Errorf("%+v after sending %v", got, r.chassis.requests())
	}
}
