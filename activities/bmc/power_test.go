package bmc

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/handrail/handrail/activities/bmc/board"
	"github.com/handrail/handrail/hosting"
)

// inBubble runs a test on a clock of its own.
func inBubble(t *testing.T, name string, f func(*testing.T)) {
	t.Helper()
	t.Run(name, func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, f)
	})
}

// window is a permission for a window that begins now and lasts.
func window(lasts time.Duration) hosting.PowerPermission {
	now := time.Now().UTC().Truncate(time.Minute)
	return hosting.PowerPermission{Grant: hosting.GrantWindow, Window: &hosting.Window{
		From: now.Format(hosting.LocalTime), To: now.Add(lasts).Format(hosting.LocalTime), Zone: "UTC",
	}}
}

func TestSetPower_Outcomes(t *testing.T) {
	t.Parallel()
	const on, off = hosting.PowerOn, hosting.PowerOff
	says := func(s hosting.PowerState) func(hosting.PowerState) board.Power {
		return func(hosting.PowerState) board.Power { return board.Power{State: s} }
	}
	cases := []struct {
		name   string
		start  hosting.PowerState
		action hosting.PowerAction
		forced bool
		set    func(*rig)
		want   hosting.PowerOutcome
		sent   []string
		detail string
	}{
		{name: "on is reached", start: off, action: hosting.ActOn, want: hosting.Reached, sent: []string{"on"}},
		{name: "on is already", start: on, action: hosting.ActOn, want: hosting.Already, detail: "nothing was sent"},
		{name: "graceful off is reached", start: on, action: hosting.ActGracefulOff, want: hosting.Reached, sent: []string{"graceful-off"}},
		{name: "forced off is reached", start: on, action: hosting.ActForcedOff, want: hosting.Reached, sent: []string{"forced-off"}},
		{name: "cycle is a verified off and on", start: on, action: hosting.ActCycle, want: hosting.Reached, sent: []string{"graceful-off", "on"}},
		{name: "cycle of a machine that is off", start: off, action: hosting.ActCycle, want: hosting.Reached, sent: []string{"on"}, detail: "found off"},
		{
			name: "graceful is never forced unasked", start: on, action: hosting.ActGracefulOff, want: hosting.Unmoved, sent: []string{"graceful-off"},
			set: func(r *rig) { delete(r.chassis.takes, "graceful-off") }, detail: "still on",
		},
		{
			name: "graceful is forced where asked", start: on, action: hosting.ActGracefulOff, forced: true, want: hosting.Reached, sent: []string{"graceful-off", "forced-off"},
			set: func(r *rig) { delete(r.chassis.takes, "graceful-off") },
		},
		{
			name: "cycle is forced where asked", start: on, action: hosting.ActCycle, forced: true, want: hosting.Reached, sent: []string{"graceful-off", "forced-off", "on"},
			set: func(r *rig) { delete(r.chassis.takes, "graceful-off") },
		},
		{
			name: "without a graceful off, forced where asked", start: on, action: hosting.ActGracefulOff, forced: true, want: hosting.Reached, sent: []string{"forced-off"},
			set: func(r *rig) {
				r.redfish.lacks, r.ipmi.lacks = []hosting.PowerAction{hosting.ActGracefulOff}, []hosting.PowerAction{hosting.ActGracefulOff}
			},
		},
		{
			name: "a cycle whose off does not come is not turned on", start: on, action: hosting.ActCycle, want: hosting.Unmoved, sent: []string{"graceful-off"},
			set: func(r *rig) { delete(r.chassis.takes, "graceful-off") },
		},
		{
			name: "stuck machine", start: off, action: hosting.ActOn, want: hosting.Unmoved, sent: []string{"on"},
			set: func(r *rig) { delete(r.chassis.takes, "on") }, detail: "still off",
		},
		{
			name: "lying off", start: on, action: hosting.ActForcedOff, want: hosting.Contradictory,
			set: func(r *rig) { r.redfish.says = says(off) }, detail: "redfish says off, ipmi says on",
		},
		{
			name: "lying on", start: off, action: hosting.ActOn, want: hosting.Contradictory,
			set: func(r *rig) { r.redfish.says = says(on) }, detail: "redfish says on, ipmi says off",
		},
		{
			name: "state that stays on although it is off", start: on, action: hosting.ActForcedOff, want: hosting.Contradictory, sent: []string{"forced-off"},
			set: func(r *rig) { r.redfish.says = says(on) },
		},
		{
			name: "second protocol that lags", start: on, action: hosting.ActForcedOff, want: hosting.Reached, sent: []string{"forced-off"},
			set: func(r *rig) {
				var once time.Time
				r.ipmi.says = func(s hosting.PowerState) board.Power {
					if once.IsZero() {
						once = time.Now()
					}
					if time.Since(once) < 6*time.Second {
						s = on
					}
					return board.Power{State: s}
				}
			},
		},
		{
			name: "second protocol that does not answer", start: on, action: hosting.ActForcedOff, want: hosting.Reached, sent: []string{"forced-off"},
			set: func(r *rig) { r.ipmi.readErr = unreachable },
		},
		{
			name: "BMC gone after the request, seen over the other protocol", start: on, action: hosting.ActForcedOff, want: hosting.Reached, sent: []string{"forced-off"},
			set: func(r *rig) { r.redfish.readErr = goneAfterSend(r.chassis) },
		},
		{
			name: "BMC gone after the request, seen by nobody", start: on, action: hosting.ActForcedOff, want: hosting.Unknown, sent: []string{"forced-off"},
			set: func(r *rig) {
				r.redfish.readErr = goneAfterSend(r.chassis)
				r.ipmi.readErr = unreachable
			}, detail: "could not be looked at",
		},
		{
			name: "answer lost, request arrived", start: off, action: hosting.ActOn, want: hosting.Reached, sent: []string{"on"},
			set: func(r *rig) { r.redfish.answer = func(int, string) error { return failed(board.Unclear) } },
		},
		{
			name: "answer lost, request lost: it is not sent again", start: off, action: hosting.ActOn, want: hosting.Unmoved,
			set: func(r *rig) {
				r.redfish.loses = true
				r.redfish.answer = func(int, string) error { return failed(board.Unclear) }
			},
		},
		{
			name: "busy after off", start: off, action: hosting.ActOn, want: hosting.Reached, sent: []string{"on"},
			set: func(r *rig) {
				r.redfish.loses = true
				r.redfish.answer = func(n int, _ string) error {
					if n < 4 {
						return failed(board.Busy)
					}
					return nil
				}
			},
		},
		{
			name: "Redfish unreachable, IPMI acts", start: on, action: hosting.ActForcedOff, want: hosting.Reached, sent: []string{"forced-off"},
			set: func(r *rig) { r.redfish.readErr = unreachable },
		},
		{
			name: "Redfish has no graceful off, IPMI has", start: on, action: hosting.ActGracefulOff, want: hosting.Reached, sent: []string{"graceful-off"},
			set: func(r *rig) { r.redfish.lacks = []hosting.PowerAction{hosting.ActGracefulOff} },
		},
		{
			name: "a machine that is going off by itself is let finish", start: hosting.PoweringOff, action: hosting.ActGracefulOff, want: hosting.Already,
			set: func(r *rig) { time.AfterFunc(10*time.Second, func() { r.chassis.set(off) }) },
		},
	}
	for _, c := range cases {
		inBubble(t, c.name, func(t *testing.T) {
			r := newRig(c.start)
			if c.set != nil {
				c.set(r)
			}
			o := r.order(c.action)
			o.AllowForced = c.forced
			got := r.run(t, o, c.want, c.sent...)
			if !strings.Contains(got.Detail, c.detail) {
				t.Errorf("detail %q, want %q in it", got.Detail, c.detail)
			}
			if got.Action != c.action || got.Before == "" || got.Via == "" {
				t.Errorf("result %+v", got)
			}
			if forced := len(c.sent) > 0 && slices.Contains(c.sent, "forced-off") && c.action != hosting.ActForcedOff; got.Forced != forced {
				t.Errorf("forced is %t, want %t", got.Forced, forced)
			}
		})
	}
}

// goneAfterSend fails every look once something was sent.
func goneAfterSend(c *chassis) func() error {
	return func() error {
		if len(c.requests()) > 0 {
			return unreachable()
		}
		return nil
	}
}

func TestSetPower_Downtime_I27(t *testing.T) {
	t.Parallel()
	inBubble(t, "cycle", func(t *testing.T) {
		r := newRig(hosting.PowerOn)
		start := time.Now()
		got := r.run(t, r.order(hosting.ActCycle), hosting.Reached, "graceful-off", "on")
		if got.OffSince == nil || got.OnSince == nil {
			t.Fatalf("no downtime in %+v", got)
		}
		if off := got.OffSince.Sub(start); off < 20*time.Second || off > 24*time.Second {
			t.Errorf("seen off after %s, the machine takes 20s", off)
		}
		if down := got.OnSince.Sub(*got.OffSince); down < time.Second || down > 5*time.Second {
			t.Errorf("downtime %s, the machine takes 1s to come on", down)
		}
	})
}

func TestSetPower_Guard_I6_I7(t *testing.T) {
	t.Parallel()
	permission := func(g hosting.PowerGrant) hosting.PowerPermission { return hosting.PowerPermission{Grant: g} }
	inBubble(t, "no answer is no", func(t *testing.T) {
		r := newRig(hosting.PowerOn)
		o := r.order(hosting.ActForcedOff)
		o.Guard.Permission = permission(hosting.GrantNone)
		r.refuse(t, o, hosting.FaultNotAuthorized)
	})
	inBubble(t, "no is no", func(t *testing.T) {
		r := newRig(hosting.PowerOn)
		o := r.order(hosting.ActCycle)
		o.Guard.Permission = permission(hosting.GrantRefused)
		r.refuse(t, o, hosting.FaultNotAuthorized)
	})
	inBubble(t, "the window is checked again right before the request", func(t *testing.T) {
		r := newRig(hosting.PowerOn)
		r.redfish.slow = 2 * time.Minute // the look takes longer than the window
		o := r.order(hosting.ActForcedOff)
		o.Guard.Permission = window(time.Minute)
		r.refuse(t, o, hosting.FaultOutsideWindow)
		if last := r.notes.all[len(r.notes.all)-1]; last.Stage != stageLooking || len(last.Sent) != 0 {
			t.Errorf("the next attempt would believe that something was sent: %+v", last)
		}
	})
	inBubble(t, "a retry after the window is refused", func(t *testing.T) {
		r := newRig(hosting.PowerOn)
		o := r.order(hosting.ActForcedOff)
		o.Guard.Permission = window(time.Minute)
		r.redfish.readErr, r.ipmi.readErr = unreachable, unreachable
		r.refuse(t, o, hosting.FaultUnreachable)
		time.Sleep(2 * time.Minute)
		r.redfish.readErr, r.ipmi.readErr = nil, nil
		r.refuse(t, o, hosting.FaultOutsideWindow)
	})
	inBubble(t, "the on of our own cycle goes out after the window", func(t *testing.T) {
		r := newRig(hosting.PowerOn)
		r.chassis.takes["graceful-off"] = 3 * time.Minute
		o := r.order(hosting.ActCycle)
		o.Guard.Permission = window(time.Minute)
		r.run(t, o, hosting.Reached, "graceful-off", "on")
	})
	inBubble(t, "the on of a cycle of a machine found off does not", func(t *testing.T) {
		r := newRig(hosting.PowerOff)
		r.redfish.slow = 2 * time.Minute
		o := r.order(hosting.ActCycle)
		o.Guard.Permission = window(time.Minute)
		r.refuse(t, o, hosting.FaultOutsideWindow)
	})
	inBubble(t, "a forced off does not follow after the window", func(t *testing.T) {
		r := newRig(hosting.PowerOn)
		delete(r.chassis.takes, "graceful-off")
		o := r.order(hosting.ActGracefulOff)
		o.AllowForced, o.Guard.Permission = true, window(time.Minute)
		got := r.run(t, o, hosting.Unmoved, "graceful-off")
		if !strings.Contains(got.Detail, "is over") {
			t.Errorf("detail %q does not say why", got.Detail)
		}
	})
	inBubble(t, "restoring is not bound to the window", func(t *testing.T) {
		r := newRig(hosting.PowerOff)
		o := r.order(hosting.ActOn)
		o.Guard = Guard{Permission: window(time.Minute), Restore: true}
		time.Sleep(time.Hour)
		r.run(t, o, hosting.Reached, "on")
	})
	for _, action := range []hosting.PowerAction{hosting.ActForcedOff, hosting.ActCycle, hosting.ActWarmReset} {
		inBubble(t, string(action)+" restores nothing", func(t *testing.T) {
			r := newRig(hosting.PowerOn)
			o := r.order(action)
			o.Guard.Restore = true
			r.refuse(t, o, hosting.FaultNotAuthorized)
		})
	}
	inBubble(t, "restoring needs a permission", func(t *testing.T) {
		r := newRig(hosting.PowerOff)
		o := r.order(hosting.ActOn)
		o.Guard = Guard{Permission: permission(hosting.GrantRefused), Restore: true}
		r.refuse(t, o, hosting.FaultNotAuthorized)
	})
}

func TestSetPower_Refusals(t *testing.T) {
	t.Parallel()
	inBubble(t, "refused requests are not sent over the other protocol", func(t *testing.T) {
		r := newRig(hosting.PowerOn)
		r.redfish.loses = true
		r.redfish.answer = func(int, string) error { return failed(board.Refused) }
		r.refuse(t, r.order(hosting.ActForcedOff), hosting.FaultUnsupported)
		if last := r.notes.all[len(r.notes.all)-1]; last.Stage != stageLooking {
			t.Errorf("the next attempt would believe that something was sent: %+v", last)
		}
	})
	inBubble(t, "no protocol answers", func(t *testing.T) {
		r := newRig(hosting.PowerOn)
		r.redfish.readErr, r.ipmi.readErr = unreachable, unreachable
		r.refuse(t, r.order(hosting.ActForcedOff), hosting.FaultUnreachable)
	})
	inBubble(t, "a record that can not be trusted does not fall back", func(t *testing.T) {
		r := newRig(hosting.PowerOn)
		r.redfish.readErr = func() error { return hosting.Invalid("srv-1", "another certificate", "compare") }
		r.refuse(t, r.order(hosting.ActForcedOff), hosting.FaultInvalidRequest)
	})
	inBubble(t, "graceful is refused where there is none", func(t *testing.T) {
		r := newRig(hosting.PowerOn).redfishOnly()
		r.redfish.lacks = []hosting.PowerAction{hosting.ActGracefulOff}
		r.refuse(t, r.order(hosting.ActGracefulOff), hosting.FaultUnsupported)
	})
	inBubble(t, "the other protocol does not act where it sees another state", func(t *testing.T) {
		r := newRig(hosting.PowerOn)
		r.redfish.lacks = []hosting.PowerAction{hosting.ActGracefulOff}
		r.ipmi.says = func(hosting.PowerState) board.Power { return board.Power{State: hosting.PowerOff} }
		r.refuse(t, r.order(hosting.ActGracefulOff), hosting.FaultUnsupported)
	})
	inBubble(t, "a machine that is off has no warm reset", func(t *testing.T) {
		r := newRig(hosting.PowerOff)
		r.refuse(t, r.order(hosting.ActWarmReset), hosting.FaultInvalidRequest)
	})
	inBubble(t, "an error in the middle of a cycle tells that the machine is off", func(t *testing.T) {
		r := newRig(hosting.PowerOn).redfishOnly()
		r.redfish.lacks = []hosting.PowerAction{hosting.ActOn}
		fault := r.refuse(t, r.order(hosting.ActCycle), hosting.FaultUnsupported, "graceful-off")
		if !strings.Contains(fault.Error(), "was turned off at") {
			t.Errorf("%v does not tell that the machine is off", fault)
		}
	})
	inBubble(t, "orders that can not be meant", func(t *testing.T) {
		r := newRig(hosting.PowerOn)
		unknown := r.order("explode")
		hasty := r.order(hosting.ActOn)
		hasty.Waits = hosting.PowerPolicy{}
		nowhere := r.order(hosting.ActOn)
		nowhere.Target.BMC = hosting.BMC{}
		for _, o := range []PowerOrder{unknown, hasty, nowhere} {
			r.refuse(t, o, hosting.FaultInvalidRequest)
		}
	})
}

// Revoking a permission midway stops further acts, and leaves no machine off.
func TestSetPower_Cancelled(t *testing.T) {
	t.Parallel()
	cancelled := func(t *testing.T, o func(*rig) PowerOrder, after time.Duration) (*rig, hosting.PowerResult, error) {
		t.Helper()
		r := newRig(hosting.PowerOn)
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		time.AfterFunc(after, cancel)
		result, err := r.SetPower(ctx, o(r))
		return r, result, err
	}
	inBubble(t, "before anything was sent", func(t *testing.T) {
		r, _, err := cancelled(t, func(r *rig) PowerOrder { return r.order(hosting.ActGracefulOff) }, 0)
		if !errors.Is(err, context.Canceled) || len(r.chassis.requests()) != 0 {
			t.Errorf("SetPower = %v, sent %v", err, r.chassis.requests())
		}
	})
	inBubble(t, "between the off and the on of a cycle", func(t *testing.T) {
		r, result, err := cancelled(t, func(r *rig) PowerOrder { return r.order(hosting.ActCycle) }, 5*time.Second)
		if err != nil || result.Outcome != hosting.Reached || !slices.Equal(r.chassis.requests(), []string{"graceful-off", "on"}) {
			t.Errorf("SetPower = %+v, %v, sent %v", result, err, r.chassis.requests())
		}
	})
	inBubble(t, "before the forced off that would follow", func(t *testing.T) {
		r, result, err := cancelled(t, func(r *rig) PowerOrder {
			delete(r.chassis.takes, "graceful-off")
			o := r.order(hosting.ActGracefulOff)
			o.AllowForced = true
			return o
		}, 5*time.Second)
		if err != nil || result.Outcome != hosting.Unmoved || !slices.Equal(r.chassis.requests(), []string{"graceful-off"}) {
			t.Errorf("SetPower = %+v, %v, sent %v", result, err, r.chassis.requests())
		}
	})
}

func TestSetPower_WarmReset(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name   string
		marks  board.Marks
		happen func(*chassis) // when the request has arrived
		want   hosting.PowerOutcome
	}{
		{"last reset time", board.Marks{LastReset: "a"}, func(c *chassis) { c.marks.LastReset = "b" }, hosting.Reached},
		{"boot goes back", board.Marks{Boot: "OSRunning"}, func(c *chassis) { c.marks.Boot = "MemoryInitializationStarted" }, hosting.Reached},
		{"boot goes on", board.Marks{Boot: "OSBootStarted"}, func(c *chassis) { c.marks.Boot = "OSRunning" }, hosting.Unknown},
		{"nothing shows", board.Marks{}, func(*chassis) {}, hosting.Unknown},
		{"goes off and comes back", board.Marks{}, func(c *chassis) {
			c.state = hosting.PowerOff
			time.AfterFunc(10*time.Second, func() { c.set(hosting.PowerOn) })
		}, hosting.Reached},
		{"goes off and stays", board.Marks{}, func(c *chassis) { c.state = hosting.PowerOff }, hosting.Unknown},
	}
	for _, x := range cases {
		inBubble(t, x.name, func(t *testing.T) {
			r := newRig(hosting.PowerOn).redfishOnly()
			r.chassis.marks = x.marks
			r.redfish.answer = func(int, string) error {
				time.AfterFunc(3*time.Second, func() {
					r.chassis.mu.Lock()
					defer r.chassis.mu.Unlock()
					x.happen(r.chassis)
				})
				return nil
			}
			got := r.run(t, r.order(hosting.ActWarmReset), x.want, "warm-reset")
			if got.Detail == "" {
				t.Error("no detail")
			}
		})
	}
}
