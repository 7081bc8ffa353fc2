package hosting

import (
	"errors"
	"fmt"
	"io"
	"testing"
)

func TestFault_SpeaksToTheReader(t *testing.T) {
	t.Parallel()
	fault := NewFault(FaultUnreachable, "DS-1", "the BMC did not answer", "check the management network")
	for name, test := range map[string]struct {
		err  error
		want string
	}{
		"whole":      {fault, "DS-1: the BMC did not answer. To do: check the management network"},
		"with cause": {fault.Because(io.EOF), "DS-1: the BMC did not answer: EOF. To do: check the management network"},
		"no server":  {Invalid("", "no ticket", "name one"), "no ticket. To do: name one"},
		"no to do":   {NewFault(FaultConflict, "DS-1", "taken", ""), "DS-1: taken"},
	} {
		if got := test.err.Error(); got != test.want {
			t.Errorf("%s:\n got %s\nwant %s", name, got, test.want)
		}
	}
	if fault.Cause != nil {
		t.Error("Because changed the fault itself")
	}
	if !errors.Is(fault.Because(io.EOF), io.EOF) {
		t.Error("the cause is not in the chain")
	}
}

func TestKindOf(t *testing.T) {
	t.Parallel()
	fault := Invalid("DS-1", "no", "yes")
	for name, test := range map[string]struct {
		err  error
		want FaultKind
	}{
		"nil":     {nil, ""},
		"other":   {io.EOF, ""},
		"plain":   {fault, FaultInvalidRequest},
		"wrapped": {fmt.Errorf("opening the operation: %w", fault), FaultInvalidRequest},
		"joined":  {errors.Join(io.EOF, fault), FaultInvalidRequest},
	} {
		if got := KindOf(test.err); got != test.want {
			t.Errorf("%s: %q", name, got)
		}
	}
}

func TestFaultKind_Final(t *testing.T) {
	t.Parallel()
	for kind, want := range map[FaultKind]bool{
		FaultInvalidRequest: true, FaultNotAuthorized: true, FaultOutsideWindow: true, FaultConflict: true,
		FaultUnsupported: false, FaultUnreachable: false, FaultUnmoved: false, FaultContradictory: false, "": false,
	} {
		if kind.Final() != want {
			t.Errorf("%q final: %v", kind, !want)
		}
	}
}

func TestNamed_KeepsTheServerThatIsThere(t *testing.T) {
	t.Parallel()
	anonymous := Invalid("", "no", "yes")
	if got := named(anonymous, "DS-1").Error(); got != "DS-1: no. To do: yes" || anonymous.Server != "" {
		t.Errorf("got %s, the original names %q", got, anonymous.Server)
	}
	if got := named(Invalid("DS-2", "no", "yes"), "DS-1").Error(); got != "DS-2: no. To do: yes" {
		t.Errorf("got %s", got)
	}
	if got := named(io.EOF, "DS-1"); got != io.EOF {
		t.Errorf("got %v", got)
	}
}
