package netboot

import (
	"net"
	"net/http"
	"net/netip"
	"sync"
	"time"
)

// buckets let everybody of a kind do something a number of times at once, and
// then once in an interval. They hold a bounded number of the names last seen.
type buckets struct {
	mu    sync.Mutex
	burst int
	every time.Duration
	full  map[string]time.Time // when the bucket is full again
	now   func() time.Time
}

// maxBuckets bounds the memory that strangers can claim.
const maxBuckets = 4096

func newBuckets(burst int, every time.Duration) *buckets {
	return &buckets{burst: burst, every: every, full: map[string]time.Time{}, now: time.Now}
}

// left reports whether there is something to take.
func (b *buckets) left(name string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.room(name)
}

func (b *buckets) room(name string) bool {
	return b.full[name].Sub(b.now()) <= time.Duration(b.burst-1)*b.every
}

// take takes one, if there is one.
func (b *buckets) take(name string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.room(name) {
		return false
	}
	now := b.now()
	if len(b.full) >= maxBuckets {
		b.forget(now)
	}
	from := b.full[name]
	if from.Before(now) {
		from = now
	}
	b.full[name] = from.Add(b.every)
	return true
}

// forget drops those that are full, else all but a few: better to be lenient
// once than to grow.
func (b *buckets) forget(now time.Time) {
	for name, full := range b.full {
		if !full.After(now) {
			delete(b.full, name)
		}
	}
	for name := range b.full {
		if len(b.full) < maxBuckets/2 {
			return
		}
		delete(b.full, name)
	}
}

// address is whom a request is from: an IPv4 address, or an IPv6 network, of
// which one machine may have all addresses.
func address(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		host = r.RemoteAddr
	}
	ip, err := netip.ParseAddr(host)
	if err != nil {
		return host
	}
	if ip = ip.Unmap().WithZone(""); ip.Is4() {
		return ip.String()
	}
	network, err := ip.Prefix(64)
	if err != nil {
		return ip.String()
	}
	return network.String()
}
