package hosting

import (
	"errors"
	"strconv"
)

// FaultKind is the type of an error as staff, workflows and retry policies know
// it. The first four are never retried.
type FaultKind string

// The kinds of fault.
const (
	FaultInvalidRequest FaultKind = "InvalidRequest"
	FaultNotAuthorized  FaultKind = "NotAuthorized"
	FaultOutsideWindow  FaultKind = "OutsideWindow"
	FaultConflict       FaultKind = "Conflict"
	FaultUnsupported    FaultKind = "Unsupported"
	FaultUnreachable    FaultKind = "Unreachable"
	FaultUnmoved        FaultKind = "Unmoved"
	FaultContradictory  FaultKind = "Contradictory"
)

// Final reports whether trying again can not help until somebody changes
// something.
func (k FaultKind) Final() bool {
	switch k {
	case FaultInvalidRequest, FaultNotAuthorized, FaultOutsideWindow, FaultConflict:
		return true
	}
	return false
}

// Fault is an error written for the person who reads it at 3 a.m.: what
// happened, to which server, and what to do next.
type Fault struct {
	Kind   FaultKind
	Server string // service id; empty where no server is known yet
	What   string
	Do     string
	Cause  error
}

// NewFault returns a fault without a cause.
func NewFault(kind FaultKind, server, what, do string) *Fault {
	return &Fault{Kind: kind, Server: server, What: what, Do: do}
}

// Invalid returns an InvalidRequest fault.
func Invalid(server, what, do string) *Fault {
	return NewFault(FaultInvalidRequest, server, what, do)
}

// Because returns a copy of the fault that wraps its cause. The text of the
// cause is appended, so it must not hold a secret.
func (f *Fault) Because(cause error) *Fault {
	c := *f
	c.Cause = cause
	return &c
}

// Error reads: server: what: cause. To do: do.
func (f *Fault) Error() string {
	s := f.What
	if f.Server != "" {
		s = f.Server + ": " + s
	}
	if f.Cause != nil {
		s += ": " + f.Cause.Error()
	}
	if f.Do != "" {
		s += ". To do: " + f.Do
	}
	return s
}

// Unwrap returns the cause.
func (f *Fault) Unwrap() error { return f.Cause }

// KindOf returns the kind of the fault in err's chain, or empty.
func KindOf(err error) FaultKind {
	if f, ok := errors.AsType[*Fault](err); ok {
		return f.Kind
	}
	return ""
}

// named puts the server's name to a fault that was found without knowing it.
func named(err error, server string) error {
	f, ok := errors.AsType[*Fault](err)
	if !ok || f.Server != "" {
		return err
	}
	c := *f
	c.Server = server
	return &c
}

func quote(s string) string { return strconv.Quote(s) }
