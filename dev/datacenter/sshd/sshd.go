// Package sshd answers SSH as a simulated machine does: with the host key of the
// system that runs, and not at all where none does. Who may log in can have a
// few harmless questions answered and nothing else.
package sshd

import (
	"errors"
	"net"
	"sync"
	"time"

	"golang.org/x/crypto/ssh"
)

// System is what runs on the machine.
type System struct {
	HostKey ssh.Signer
	// Keys may log in, as authorized_keys holds them; who has none of them is
	// refused.
	Keys        []string
	HostName    string
	CommandLine string // of its kernel
	Since       time.Time
}

// Server answers on one address for as long as there is a machine. The address
// stays bound while the machine is off, so that nobody else takes it: callers
// are then hung up on before a word is said.
type Server struct {
	listener net.Listener
	running  func() *System
	now      func() time.Time

	mu     sync.Mutex
	closed bool
	conns  map[net.Conn]bool
	inside sync.WaitGroup
}

const (
	maxConnections = 16
	handshakeTime  = 10 * time.Second
	sessionTime    = time.Minute
	maxSessions    = 20 // of a connection, one after the other
)

// Serve answers on a listener, which it owns from then on. running is asked what
// runs on the machine; nil is nothing.
func Serve(l net.Listener, running func() *System, now func() time.Time) *Server {
	s := &Server{listener: l, running: running, now: now, conns: make(map[net.Conn]bool)}
	s.inside.Go(s.accept)
	return s
}

// Address is host:port.
func (s *Server) Address() string { return s.listener.Addr().String() }

// HangUp ends all connections, as a machine does that goes off.
func (s *Server) HangUp() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.conns {
		abort(c)
	}
}

// Close ends the server and returns when nothing of it runs any more.
func (s *Server) Close() error {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	err := s.listener.Close()
	s.HangUp()
	s.inside.Wait()
	return err
}

func (s *Server) accept() {
	for {
		c, err := s.listener.Accept()
		switch {
		case errors.Is(err, net.ErrClosed):
			return
		case err != nil:
			time.Sleep(10 * time.Millisecond) // out of file descriptors
		case s.running() == nil || !s.take(c):
			abort(c)
		}
	}
}

// abort closes a connection with a reset, as nobody at all would.
func abort(c net.Conn) {
	if tcp, ok := c.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = c.Close()
}

// take starts a conversation, where there is room for one.
func (s *Server) take(c net.Conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || len(s.conns) >= maxConnections {
		return false
	}
	s.conns[c] = true
	s.inside.Go(func() {
		defer func() {
			_ = c.Close()
			s.mu.Lock()
			defer s.mu.Unlock()
			delete(s.conns, c)
		}()
		s.converse(c)
	})
	return true
}
