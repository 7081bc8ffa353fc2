package hosting

import (
	"encoding/json"
	"reflect"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestPolicy_Validate_O32(t *testing.T) {
	t.Parallel()
	day := Duration(24 * time.Hour)
	for name, test := range map[string]struct {
		change func(*Policy)
		ok     bool
	}{
		"default":                {func(*Policy) {}, true},
		"no reminders":           {func(p *Policy) { p.Customer.Reminders = nil }, true},
		"no provider":            {func(p *Policy) { p.Provider = "" }, false},
		"a blank provider":       {func(p *Policy) { p.Provider = " " }, false},
		"no duty contact":        {func(p *Policy) { p.Duty = "" }, false},
		"reminders out of order": {func(p *Policy) { p.Customer.Reminders = []Duration{3 * day, day} }, false},
		"a reminder at once":     {func(p *Policy) { p.Customer.Reminders = []Duration{0} }, false},
		"a reminder in the past": {func(p *Policy) { p.Customer.Reminders = []Duration{-day, day} }, false},
		"a reminder when parked": {func(p *Policy) { p.Customer.Reminders = []Duration{day, p.Customer.Park} }, false},
		"parked at once":         {func(p *Policy) { p.Customer.Reminders, p.Customer.Park = nil, 0 }, false},
		"expired when parked":    {func(p *Policy) { p.Customer.Expire = p.Customer.Park }, false},
		"no time to power off":   {func(p *Policy) { p.Power.OffWait = 0 }, false},
		"no time to act":         {func(p *Policy) { p.Power.ActWait = -1 }, false},
		"looks without a pause":  {func(p *Policy) { p.Power.Poll = 0 }, false},
		"queues without a pause": {func(p *Policy) { p.QueuePoll = 0 }, false},
		"an estimate of its own": {func(p *Policy) { p.Estimates = map[string]Duration{"power": day} }, true},
	} {
		p := DefaultPolicy()
		test.change(&p)
		err := p.Validate()
		if (err == nil) != test.ok || (err != nil && KindOf(err) != FaultInvalidRequest) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// The policy stays in the operation's history as JSON and must come back whole.
func TestPolicy_RoundTripsJSON(t *testing.T) {
	t.Parallel()
	want := DefaultPolicy()
	want.Estimates = map[string]Duration{"power": Duration(90 * time.Second)}
	text, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	var got Policy
	if err := json.Unmarshal(text, &got); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%s comes back as %+v, %v", text, got, err)
	}
}

func TestDuration_RoundTripsText(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		want := Duration(rapid.Int64().Draw(t, "nanoseconds"))
		text, err := want.MarshalText()
		if err != nil {
			t.Fatal(err)
		}
		var got Duration
		if err := got.UnmarshalText(text); err != nil || got != want {
			t.Fatalf("%s comes back as %v, %v", text, got, err)
		}
	})
	for _, text := range []string{"", "15", "a day", "1d", "24 h"} {
		var d Duration
		if err := d.UnmarshalText([]byte(text)); KindOf(err) != FaultInvalidRequest {
			t.Errorf("%q is taken for %v, %v", text, d, err)
		}
	}
}
