// Package port finds free ports for servers that can only be told a number.
package port

import (
	"errors"
	"math/rand/v2"
	"net"
	"strconv"
	"sync"
)

// Ports below those that systems give out by themselves (RFC 6335 calls them
// dynamic; Linux begins at 32768): nobody gets one of these by chance.
const (
	first = 20000
	last  = 32000
)

var given struct {
	sync.Mutex
	ports map[int]bool
}

// Free returns a TCP port on 127.0.0.1 that nobody listens on, and that this
// process has not been given before.
func Free() (int, error) {
	given.Lock()
	defer given.Unlock()
	if given.ports == nil {
		given.ports = map[int]bool{}
	}
	for range last - first {
		p := first + rand.IntN(last-first) //nolint:gosec // chance, not secrecy
		if given.ports[p] {
			continue
		}
		l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(p)))
		if err != nil {
			continue
		}
		given.ports[p] = true
		return p, l.Close()
	}
	return 0, errors.New("no port between 20000 and 32000 is free on 127.0.0.1")
}
