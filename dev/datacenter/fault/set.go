package fault

import (
	"slices"
	"sync"

	"github.com/handrail/handrail/hosting"
)

// Set is the faults of one machine and its BMC. The zero value has none. It is safe for
// concurrent use.
type Set struct {
	mu     sync.Mutex
	faults []Fault
}

// Put switches a fault on, or replaces it. An unknown fault or parameter is an
// InvalidRequest.
func (s *Set) Put(f Fault) error {
	f, err := f.normalize()
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.remove(f.Name)
	s.faults = append(s.faults, f)
	return nil
}

// Clear switches a fault off and reports whether it was on.
func (s *Set) Clear(n Name) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.remove(n)
}

// ClearAll switches all faults off.
func (s *Set) ClearAll() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = nil
}

// List returns the faults that are on, in the order in which they were
// switched on, with the Times that are left.
func (s *Set) List() []Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.faults)
}

// Hit reports whether a fault shows on a protocol now, with its parameters,
// and counts that against its Times.
func (s *Set) Hit(n Name, p hosting.Protocol) (Fault, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := s.find(n, p)
	if i < 0 {
		return Fault{}, false
	}
	f := s.faults[i]
	switch f.Times {
	case 0: // for ever
	case 1:
		s.remove(n)
	default:
		s.faults[i].Times--
	}
	return f, true
}

// Peek is Hit without counting.
func (s *Set) Peek(n Name, p hosting.Protocol) (Fault, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := s.find(n, p)
	if i < 0 {
		return Fault{}, false
	}
	return s.faults[i], true
}

func (s *Set) find(n Name, p hosting.Protocol) int {
	return slices.IndexFunc(s.faults, func(f Fault) bool { return f.Name == n && f.on(p) })
}

func (s *Set) remove(n Name) bool {
	before := len(s.faults)
	s.faults = slices.DeleteFunc(s.faults, func(f Fault) bool { return f.Name == n })
	return len(s.faults) < before
}
