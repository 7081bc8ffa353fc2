package port_test

import (
	"net"
	"strconv"
	"testing"

	"github.com/handrail/handrail/dev/port"
)

// No port is given twice, and each can be listened on.
func TestFree(t *testing.T) {
	t.Parallel()
	seen := map[int]bool{}
	for range 50 {
		p, err := port.Free()
		if err != nil {
			t.Fatal(err)
		}
		if seen[p] || p < 20000 || p >= 32000 {
			t.Fatalf("port %d, after %v", p, seen)
		}
		seen[p] = true
		l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(p)))
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close() //nolint:errcheck // the test is over
	}
}
