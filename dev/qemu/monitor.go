package qemu

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"sync"
)

// monitor speaks QEMU's machine protocol (QMP) with a guest.
type monitor struct {
	conn  net.Conn
	ready chan struct{} // closed by QEMU's greeting
	gone  chan struct{} // closed when QEMU has hung up

	mu      sync.Mutex
	last    int
	waiting map[int]chan message
	reason  string // of the shutdown
}

// message is whatever QEMU sends: its greeting, an answer or an event.
type message struct {
	QMP    json.RawMessage `json:"QMP"`
	ID     int             `json:"id"`
	Return json.RawMessage `json:"return"`
	Error  *struct {
		Class string `json:"class"`
		Desc  string `json:"desc"`
	} `json:"error"`
	Event string `json:"event"`
	Data  struct {
		Reason string `json:"reason"`
	} `json:"data"`
}

var errGone = errors.New("QEMU has ended")

// newMonitor takes up the conversation; it owns the connection.
func newMonitor(ctx context.Context, conn net.Conn) (*monitor, error) {
	m := &monitor{conn: conn, ready: make(chan struct{}), gone: make(chan struct{}), waiting: make(map[int]chan message)}
	go m.listen()
	select {
	case <-m.ready:
	case <-m.gone:
		m.close()
		return nil, errGone
	case <-ctx.Done():
		m.close()
		return nil, fmt.Errorf("QEMU says nothing: %w", ctx.Err())
	}
	if err := m.execute(ctx, "qmp_capabilities", nil); err != nil {
		m.close()
		return nil, err
	}
	return m, nil
}

func (m *monitor) listen() {
	defer close(m.gone)
	decoder := json.NewDecoder(m.conn)
	greeted := false
	for {
		var msg message
		if decoder.Decode(&msg) != nil {
			return
		}
		switch {
		case msg.QMP != nil && !greeted:
			greeted = true
			close(m.ready)
		case msg.Event == "SHUTDOWN":
			m.mu.Lock()
			m.reason = msg.Data.Reason
			m.mu.Unlock()
		case msg.Event == "":
			m.mu.Lock()
			answer := m.waiting[msg.ID]
			delete(m.waiting, msg.ID)
			m.mu.Unlock()
			if answer != nil {
				answer <- msg
			}
		}
	}
}

// execute runs a command that has no arguments and decodes what it returns,
// unless result is nil.
func (m *monitor) execute(ctx context.Context, command string, result any) error {
	answer := make(chan message, 1)
	m.mu.Lock()
	m.last++
	id := m.last
	m.waiting[id] = answer
	text, err := json.Marshal(map[string]any{"execute": command, "id": id})
	if err == nil {
		_, err = m.conn.Write(text)
	}
	m.mu.Unlock()
	if err != nil {
		return fmt.Errorf("%s: %w", command, err)
	}
	select {
	case msg := <-answer:
		if msg.Error != nil {
			return fmt.Errorf("%s: %s: %s", command, msg.Error.Class, msg.Error.Desc)
		}
		if result == nil {
			return nil
		}
		return json.Unmarshal(msg.Return, result)
	case <-m.gone:
		return fmt.Errorf("%s: %w", command, errGone)
	case <-ctx.Done():
		m.mu.Lock()
		delete(m.waiting, id)
		m.mu.Unlock()
		return fmt.Errorf("%s: %w", command, ctx.Err())
	}
}

// shutdownReason returns when QEMU has hung up, with why the guest ended in
// QEMU's words; empty where it was killed.
func (m *monitor) shutdownReason() string {
	<-m.gone
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.reason
}

func (m *monitor) close() { _ = m.conn.Close() }
