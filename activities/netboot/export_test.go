package netboot

import "time"

// Unchecked renders the order of a boot that was not looked at.
func (b Boot) Unchecked() (string, error) { return b.render("order.tmpl") }

// ParseMAC is parseMAC.
var ParseMAC = parseMAC

// PieceTimeout is how long a client may take for what one Write sends.
const PieceTimeout = pieceTimeout

// Limiter is a set of buckets whose clock a test turns.
type Limiter struct{ *buckets }

// NewLimiter returns one.
func NewLimiter(burst int, every time.Duration, now func() time.Time) Limiter {
	b := newBuckets(burst, every)
	b.now = now
	return Limiter{b}
}

// Take takes one.
func (l Limiter) Take(name string) bool { return l.take(name) }

// Len is how many are remembered, and Bound how many at most.
func (l Limiter) Len() int { return len(l.full) }

// Bound is how many are remembered at most.
const Bound = maxBuckets
