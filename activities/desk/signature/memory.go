package signature

import (
	"sync"
	"time"
)

// capacity bounds the replay memory: about 100 deliveries a second over the
// ten minutes for which an id can matter, in some 10 MB.
const capacity = 1 << 16

// memory holds the delivery ids whose timestamps can still be valid. Only ids
// of authentic deliveries get in, so nobody without a secret can fill it.
type memory struct {
	mu    sync.Mutex
	ids   map[string]remembered
	sweep time.Time // when to look for expired ids again
}

type remembered struct {
	until  time.Time // the timestamp is refused from then on
	inHand bool
}

// begin takes an id into hand. An id that is there already is refused, and
// remembered for as long as this new timestamp is valid.
func (m *memory) begin(id string, now, until time.Time, window time.Duration) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if now.After(m.sweep) {
		m.expire(now)
		m.sweep = now.Add(window / 10)
	}
	if known, ok := m.ids[id]; ok && (known.inHand || !now.After(known.until)) {
		if until.After(known.until) {
			known.until = until
			m.ids[id] = known
		}
		if known.inHand {
			return ErrInHand
		}
		return ErrReplayed
	}
	if len(m.ids) >= capacity {
		return ErrFull
	}
	if m.ids == nil {
		m.ids = make(map[string]remembered)
	}
	m.ids[id] = remembered{until: until, inHand: true}
	return nil
}

func (m *memory) settle(id string, accepted bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	known, ok := m.ids[id]
	if !ok {
		return
	}
	if !accepted {
		delete(m.ids, id)
		return
	}
	known.inHand = false
	m.ids[id] = known
}

func (m *memory) expire(now time.Time) {
	for id, known := range m.ids {
		if !known.inHand && now.After(known.until) {
			delete(m.ids, id)
		}
	}
}
