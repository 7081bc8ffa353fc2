package redfish

import (
	"slices"
	"strings"
	"sync"
)

// Memory keeps, for each BMC, what does not change and costs a request to find
// out: where the system stands and which reset types its ActionInfo lists. It
// is safe for concurrent use and shared by all attempts of a worker.
type Memory struct {
	mu    sync.Mutex
	known map[memoryKey]knowledge
}

// NewMemory returns an empty memory.
func NewMemory() *Memory { return &Memory{known: map[memoryKey]knowledge{}} }

// memoryKey is a system as the record names it.
type memoryKey struct{ address, system string }

// knowledge is bound to the machine's identity: where another machine answers,
// nothing of it holds.
type knowledge struct {
	path       string
	identity   string
	actionInfo string // the link whose values are in resetTypes
	resetTypes []string
}

// identity is the machine's UUID and serial number; empty where it has neither,
// and then nothing is remembered of it.
func (s *system) identity() string {
	if s.UUID == "" && s.SerialNumber == "" {
		return ""
	}
	return strings.ToLower(s.UUID) + "/" + s.SerialNumber
}

func (m *Memory) recall(k memoryKey) (knowledge, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	known, ok := m.known[k]
	return known, ok
}

func (m *Memory) forget(k memoryKey) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.known, k)
}

// keepPath remembers where the system is, and drops what was known of another.
func (m *Memory) keepPath(k memoryKey, path, identity string) {
	if identity == "" {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if known := m.known[k]; known.path != path || known.identity != identity {
		m.known[k] = knowledge{path: path, identity: identity}
	}
}

func (m *Memory) keepResetTypes(k memoryKey, identity, actionInfo string, types []string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if known, ok := m.known[k]; ok && identity != "" && known.identity == identity {
		known.actionInfo, known.resetTypes = actionInfo, slices.Clone(types)
		m.known[k] = known
	}
}
