package mailbox

import (
	"bytes"
	"testing"
)

func TestStoreKeepsTheNewest(t *testing.T) {
	t.Parallel()
	s := &store{maxCount: 3, maxBytes: 100}
	for range 5 {
		s.add(Message{Raw: make([]byte, 10)})
	}
	got := s.list()
	if len(got) != 3 || got[0].ID != 5 || got[2].ID != 3 {
		t.Errorf("kept %+v, want 5, 4 and 3", got)
	}
	if _, ok := s.find(2); ok {
		t.Error("2 is still there")
	}
}

func TestStoreBoundsItsSize(t *testing.T) {
	t.Parallel()
	s := &store{maxCount: 100, maxBytes: 100}
	for range 5 {
		s.add(Message{Raw: make([]byte, 40)})
	}
	if got := s.list(); len(got) != 2 || s.bytes != 80 {
		t.Errorf("kept %d mails of %d bytes, want 2 of 80", len(got), s.bytes)
	}
	s.add(Message{Raw: bytes.Repeat([]byte("x"), 1000)})
	if got := s.list(); len(got) != 1 || s.bytes != 1000 {
		t.Errorf("kept %d mails of %d bytes, want the newest alone", len(got), s.bytes)
	}
}
