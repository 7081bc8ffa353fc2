package ipmi

import (
	"net"
	"sync"
	"time"

	"github.com/handrail/handrail/dev/datacenter/fault"
	"github.com/handrail/handrail/hosting"
)

// wire is the network in front of the BMC, where the faults of the transport
// show: packets that get lost, answers that come late.
type wire struct {
	conn   *net.UDPConn
	faults *fault.Set
	closed chan struct{}
	once   sync.Once

	mu      sync.Mutex
	pending sync.WaitGroup
}

func newWire(conn *net.UDPConn, faults *fault.Set) *wire {
	return &wire{conn: conn, faults: faults, closed: make(chan struct{})}
}

// ReadFrom returns the next packet that gets through.
func (w *wire) ReadFrom(buf []byte) (int, net.Addr, error) {
	for {
		n, addr, err := w.conn.ReadFrom(buf)
		if err != nil {
			return n, addr, err
		}
		if _, lost := w.faults.Hit(fault.Hang, hosting.IPMI); !lost {
			return n, addr, nil
		}
	}
}

// WriteTo sends an answer, late where the fault says so. It must not wait: the
// server holds the session while it writes.
func (w *wire) WriteTo(data []byte, addr net.Addr) (int, error) {
	f, slow := w.faults.Hit(fault.Slow, hosting.IPMI)
	if !slow {
		return w.conn.WriteTo(data, addr)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	select {
	case <-w.closed:
		return 0, net.ErrClosed
	default:
	}
	w.pending.Go(func() {
		late := time.NewTimer(f.Duration)
		defer late.Stop()
		select {
		case <-late.C:
			_, _ = w.conn.WriteTo(data, addr)
		case <-w.closed:
		}
	})
	return len(data), nil
}

// Close closes the socket and drops what is late.
func (w *wire) Close() error {
	w.once.Do(func() {
		w.mu.Lock()
		close(w.closed)
		w.mu.Unlock()
	})
	return w.conn.Close()
}

// wait returns when nothing is on the wire any more. It is called after Close.
func (w *wire) wait() { w.pending.Wait() }

// LocalAddr lets the server learn its port.
func (w *wire) LocalAddr() net.Addr { return w.conn.LocalAddr() }
