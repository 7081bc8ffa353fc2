package hosting

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

var (
	night       = &Window{"2026-11-22 02:00", "2026-11-22 05:00", "Europe/Rome"}
	insideNight = time.Date(2026, 11, 22, 1, 30, 0, 0, time.UTC)
)

func TestPowerPermission_Check_I6_I7(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		permission PowerPermission
		at         time.Time
		want       FaultKind
	}{
		"no answer is never yes":     {PowerPermission{}, insideNight, FaultNotAuthorized},
		"no answer but a window":     {PowerPermission{Window: night}, insideNight, FaultNotAuthorized},
		"allowed":                    {PowerPermission{Grant: GrantAllowed}, insideNight, ""},
		"allowed and yet a window":   {PowerPermission{Grant: GrantAllowed, Window: night}, insideNight, FaultNotAuthorized},
		"refused":                    {PowerPermission{Grant: GrantRefused}, insideNight, FaultNotAuthorized},
		"inside the window":          {PowerPermission{Grant: GrantWindow, Window: night}, insideNight, ""},
		"before the window":          {PowerPermission{Grant: GrantWindow, Window: night}, insideNight.Add(-time.Hour), FaultOutsideWindow},
		"after the window":           {PowerPermission{Grant: GrantWindow, Window: night}, insideNight.Add(3 * time.Hour), FaultOutsideWindow},
		"a window without a window":  {PowerPermission{Grant: GrantWindow}, insideNight, FaultNotAuthorized},
		"a window without a meaning": {PowerPermission{Grant: GrantWindow, Window: &Window{}}, insideNight, FaultInvalidRequest},
		"an unknown grant":           {PowerPermission{Grant: "yes"}, insideNight, FaultNotAuthorized},
		"allowed in capitals":        {PowerPermission{Grant: "Allowed"}, insideNight, FaultNotAuthorized},
	} {
		err := test.permission.Check("DS-1", test.at)
		if KindOf(err) != test.want || (err == nil) != (test.want == "") {
			t.Errorf("%s: %v, want %s", name, err, test.want)
		}
		if err != nil && !strings.HasPrefix(err.Error(), "DS-1: ") {
			t.Errorf("%s: the error does not name the server: %v", name, err)
		}
		if err != nil && !KindOf(err).Final() {
			t.Errorf("%s: the error would be retried: %v", name, err)
		}
	}
}

func TestPowerPermission_Validate_I6(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		permission PowerPermission
		ok         bool
	}{
		"no answer":             {PowerPermission{}, false},
		"allowed":               {PowerPermission{Grant: GrantAllowed}, true},
		"refused":               {PowerPermission{Grant: GrantRefused}, true},
		"allowed with a window": {PowerPermission{Grant: GrantAllowed, Window: night}, false},
		"refused with a window": {PowerPermission{Grant: GrantRefused, Window: night}, false},
		"window":                {PowerPermission{Grant: GrantWindow, Window: night}, true},
		"no window":             {PowerPermission{Grant: GrantWindow}, false},
		"an empty window":       {PowerPermission{Grant: GrantWindow, Window: &Window{night.To, night.From, night.Zone}}, false},
		"an unknown grant":      {PowerPermission{Grant: "yes"}, false},
	} {
		err := test.permission.Validate()
		if (err == nil) != test.ok || (err != nil && KindOf(err) != FaultInvalidRequest) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Whatever is put in: what does not validate never permits anything.
func TestPowerPermission_InvalidPermitsNothing_I6(t *testing.T) {
	t.Parallel()
	moments := rapid.SampledFrom([]string{"", "2026-11-22 02:00", "2026-11-22 05:00", "2026-11-23 05:00", "soon"})
	rapid.Check(t, func(t *rapid.T) {
		p := PowerPermission{Grant: rapid.SampledFrom([]PowerGrant{GrantNone, GrantAllowed, GrantRefused, GrantWindow, "yes"}).Draw(t, "grant")}
		if rapid.Bool().Draw(t, "with window") {
			p.Window = &Window{
				From: moments.Draw(t, "from"), To: moments.Draw(t, "to"),
				Zone: rapid.SampledFrom([]string{"", "UTC", "Europe/Rome", "Nowhere"}).Draw(t, "zone"),
			}
		}
		at := insideNight.Add(time.Duration(rapid.IntRange(-72, 72).Draw(t, "hours")) * time.Hour)
		permitted := p.Check("DS-1", at) == nil
		if permitted && (p.Validate() != nil || !p.Answered() || p.Grant == GrantRefused) {
			t.Fatalf("%+v permits an act at %v", p, at)
		}
	})
}

func TestPowerPermission_ZeroValueSurvivesJSON_I6(t *testing.T) {
	t.Parallel()
	for _, text := range []string{`{}`, `{"grant":""}`, `{"window":null}`} {
		var p PowerPermission
		if err := json.Unmarshal([]byte(text), &p); err != nil {
			t.Fatal(err)
		}
		if p.Answered() || p.Check("DS-1", insideNight) == nil {
			t.Errorf("%s counts as an answer: %+v", text, p)
		}
	}
}

func TestPowerResult_Err(t *testing.T) {
	t.Parallel()
	for outcome, want := range map[PowerOutcome]FaultKind{
		Reached: "", Already: "", Unmoved: FaultUnmoved, Contradictory: FaultContradictory, Unknown: FaultUnreachable,
		"": FaultUnreachable, "OK": FaultUnreachable,
	} {
		err := PowerResult{Action: ActCycle, Outcome: outcome, Detail: "the BMC reads off"}.Err("DS-1")
		if KindOf(err) != want || (err == nil) != outcome.Succeeded() {
			t.Errorf("%q: %v", outcome, err)
		}
		if err != nil && err.Error()[:len("DS-1: cycle: the BMC reads off")] != "DS-1: cycle: the BMC reads off" {
			t.Errorf("%q: %v", outcome, err)
		}
	}
}

func TestPowerState_Settled(t *testing.T) {
	t.Parallel()
	for state, want := range map[PowerState]bool{
		PowerOn: true, PowerOff: true, PoweringOn: false, PoweringOff: false, PowerUnknown: false, "": false, "Off": false,
	} {
		if state.Settled() != want {
			t.Errorf("%q settled: %v", state, !want)
		}
	}
	if got := len(PowerActions()); got != 5 {
		t.Errorf("%d power actions", got)
	}
}
