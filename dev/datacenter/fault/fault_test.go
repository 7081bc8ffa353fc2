package fault_test

import (
	"testing"
	"time"

	"github.com/handrail/handrail/dev/datacenter/fault"
	"github.com/handrail/handrail/hosting"
)

func TestEveryKindIsDocumentedAndCanBeSwitchedOn(t *testing.T) {
	t.Parallel()
	for _, k := range fault.Kinds() {
		var s fault.Set
		if err := s.Put(fault.Fault{Name: k.Name}); err != nil {
			t.Errorf("%s: %v", k.Name, err)
		}
		if k.What == "" || k.WearsOffWith == "" || len(k.Protocols) == 0 || (k.Duration != 0) != (k.DurationIs != "") || (k.Percent != 0) != (k.PercentIs != "") {
			t.Errorf("%s is not documented: %+v", k.Name, k)
		}
		for _, p := range k.Protocols {
			if f, ok := s.Hit(k.Name, p); !ok || f.Duration != k.Duration || f.Percent != k.Percent {
				t.Errorf("%s does not show on %s with its parameters: %+v", k.Name, p, f)
			}
		}
	}
}

func TestTimesWearOff(t *testing.T) {
	t.Parallel()
	var s fault.Set
	if err := s.Put(fault.Fault{Name: fault.Unavailable, Times: 2}); err != nil {
		t.Fatal(err)
	}
	for i, want := range []bool{true, true, false} {
		if _, got := s.Hit(fault.Unavailable, hosting.Redfish); got != want {
			t.Errorf("hit %d: %v, want %v", i, got, want)
		}
	}
}

func TestProtocolLimitsAFault(t *testing.T) {
	t.Parallel()
	var s fault.Set
	if err := s.Put(fault.Fault{Name: fault.Hang, Protocol: hosting.Redfish}); err != nil {
		t.Fatal(err)
	}
	if _, ok := s.Hit(fault.Hang, hosting.IPMI); ok {
		t.Error("hangs on IPMI as well")
	}
	if _, ok := s.Peek(fault.Hang, hosting.Redfish); !ok {
		t.Error("does not hang on Redfish")
	}
	if !s.Clear(fault.Hang) || s.Clear(fault.Hang) {
		t.Error("Clear does not tell whether the fault was on")
	}
}

func TestWrongParametersAreRefused(t *testing.T) {
	t.Parallel()
	for name, f := range map[string]fault.Fault{
		"unknown":           {Name: "flood"},
		"foreign protocol":  {Name: fault.HTML, Protocol: hosting.IPMI},
		"needless duration": {Name: fault.StuckPower, Duration: time.Second},
		"negative duration": {Name: fault.Slow, Duration: -time.Second},
		"endless duration":  {Name: fault.Slow, Duration: time.Hour},
		"negative times":    {Name: fault.Slow, Times: -1},
		"needless percent":  {Name: fault.Slow, Percent: 10},
		"too much":          {Name: fault.InstallerHangs, Percent: 100},
		"too little":        {Name: fault.InstallerFails, Percent: -1},
		"of the machine":    {Name: fault.NeverBoots, Protocol: hosting.IPMI},
	} {
		var s fault.Set
		if err := s.Put(f); hosting.KindOf(err) != hosting.FaultInvalidRequest {
			t.Errorf("%s: %v, want InvalidRequest", name, err)
		}
		if len(s.List()) != 0 {
			t.Errorf("%s: it is on all the same", name)
		}
	}
}
