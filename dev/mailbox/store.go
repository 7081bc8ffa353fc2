package mailbox

import (
	"slices"
	"sync"
)

// store keeps the newest mails within a number and a size; the oldest go
// first.
type store struct {
	maxCount, maxBytes int

	mu       sync.RWMutex
	messages []Message // the oldest first
	bytes    int
	last     int // id of the newest, ever
}

// add keeps a mail and gives it its id.
func (s *store) add(m Message) Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.last++
	m.ID = s.last
	s.messages = append(s.messages, m)
	s.bytes += m.size()
	for len(s.messages) > 1 && (len(s.messages) > s.maxCount || s.bytes > s.maxBytes) {
		s.bytes -= s.messages[0].size()
		s.messages = slices.Delete(s.messages, 0, 1)
	}
	return m
}

// list returns the mails, the newest first.
func (s *store) list() []Message {
	s.mu.RLock()
	defer s.mu.RUnlock()
	list := slices.Clone(s.messages)
	slices.Reverse(list)
	return list
}

func (s *store) find(id int) (Message, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	i := slices.IndexFunc(s.messages, func(m Message) bool { return m.ID == id })
	if i < 0 {
		return Message{}, false
	}
	return s.messages[i], true
}
