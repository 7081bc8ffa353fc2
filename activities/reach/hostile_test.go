package reach_test

import (
	"bytes"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/handrail/handrail/activities/reach"
	"github.com/handrail/handrail/hosting"
)

// hurried is a timeout that tests wait for.
const hurried = 150 * time.Millisecond

// send sends text and then waits until the other side leaves.
func send(parts ...string) func(int, net.Conn) {
	return func(_ int, c net.Conn) {
		for _, p := range parts {
			_, _ = io.WriteString(c, p)
		}
		_, _ = io.Copy(io.Discard, c)
	}
}

// forever repeats something as fast, or as slowly, as it is taken.
func forever(start, again string, pause time.Duration) func(int, net.Conn) {
	return func(_ int, c net.Conn) {
		_, err := io.WriteString(c, start)
		for err == nil {
			_, err = io.WriteString(c, again)
			time.Sleep(pause)
		}
	}
}

// packet is an SSH packet in the clear (RFC 4253, section 6).
func packet(payload string) string {
	pad := 16 - (len(payload)+5)%8
	n := len(payload) + pad + 1
	return string([]byte{byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n), byte(pad)}) + payload + strings.Repeat("\x00", pad)
}

// Whoever answers, a look ends in time, in a fault that says what is the matter
// and nothing more.
func TestHostile(t *testing.T) {
	t.Parallel()
	const banner = "SSH-2.0-OpenSSH_9.2\r\n"
	expected := generated(t).authorized()
	for name, x := range map[string]struct {
		timeout time.Duration
		serve   func(int, net.Conn)
		says    string
	}{
		"silence":             {hurried, send(), "says nothing within 150ms"},
		"closes":              {unhurried, func(int, net.Conn) {}, "closes it without a word"},
		"web server":          {unhurried, func(_ int, c net.Conn) { _, _ = io.WriteString(c, "HTTP/1.1 400 Bad Request\r\n\r\n") }, `is no SSH server: it says "HTTP/1.1 400 Bad Request"`},
		"refuses in words":    {unhurried, func(_ int, c net.Conn) { _, _ = io.WriteString(c, "Not allowed at this time\r\n") }, `"Not allowed at this time"`},
		"garbage":             {unhurried, forever("", "\x00\xff\x1b]0;title\x07", 0), "is no SSH server"},
		"garbage lines":       {unhurried, forever("", "\x00\xff\x1b]0;title\x07\n", 0), "is no SSH server"},
		"endless banner":      {unhurried, forever("SSH-2.0-", "x", 0), "is no SSH server"},
		"endless greeting":    {unhurried, forever("", strings.Repeat("welcome ", 20)+"\n", 0), "talks without end"},
		"slow loris":          {hurried, forever("SSH-", "x", time.Millisecond), "is no SSH server"},
		"slow after banner":   {hurried, forever(banner+"\x00\x00\x10\x00\x0a", "\x00", 20*time.Millisecond), "does not show its host key within 150ms"},
		"silent after banner": {hurried, send(banner), "does not show its host key within 150ms"},
		"leaves after banner": {unhurried, func(_ int, c net.Conn) {
			_, _ = io.WriteString(c, banner)
			_, _ = c.Read(make([]byte, 1))
		}, "the SSH handshake with"},
		"garbage after banner": {unhurried, send(banner, strings.Repeat("\xee", 100)), "the SSH handshake with"},
		"endless packets":      {unhurried, forever(banner, packet("\x02"+strings.Repeat("\x00", 1000)), 0), "talks without end"},
		"says goodbye":         {unhurried, send(banner, packet("\x01\x00\x00\x00\x02\x00\x00\x03\xe8"+strings.Repeat("\x1b[31m", 200)+"\x00\x00\x00\x00")), "the SSH handshake with"},
		"SSH 1":                {hurried, send("SSH-1.5-old\r\n"), "does not show its host key"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := listen(t, x.timeout, x.serve)
			began := time.Now()
			_, err := p.HostKeys(t.Context(), p.probe)
			p.refuses(t, err, x.says)
			_, err = p.AwaitHostKey(t.Context(), reach.Expectation{Probe: p.probe, Keys: expected})
			p.refuses(t, err, x.says)
			if took := time.Since(began); took > 10*time.Second {
				t.Errorf("it took %s", took)
			}
			if n := p.connections.Load(); n != 2 {
				t.Errorf("%d connections", n)
			}
		})
	}
}

func (p *peer) refuses(t *testing.T, err error, says string) {
	t.Helper()
	if hosting.KindOf(err) != hosting.FaultUnreachable || !strings.Contains(err.Error(), says) || !strings.HasPrefix(err.Error(), "srv-7: ") {
		t.Fatalf("%v; want Unreachable, %q", err, says)
	}
	if text := []byte(err.Error()); len(text) > 600 || bytes.ContainsAny(text, "\x00\x1b\x07\r\n") {
		t.Errorf("%d bytes: %q", len(text), text)
	}
}

func TestNobodyListens(t *testing.T) {
	t.Parallel()
	a, err := reach.New(reach.Config{Through: reach.Table{address + ":22": "127.0.0.1:1", "192.0.2.8:22": "nowhere.invalid:22"}})
	if err != nil {
		t.Fatal(err)
	}
	p := &peer{Activities: a, probe: reach.Probe{Server: "srv-7", Address: address}}
	_, err = p.HostKeys(t.Context(), p.probe)
	p.refuses(t, err, "nothing listens at 192.0.2.7 port 22 (through 127.0.0.1:1): the connection is refused")
	p.probe.Address = "192.0.2.8"
	_, err = p.HostKeys(t.Context(), p.probe)
	p.refuses(t, err, "192.0.2.8 port 22 (through nowhere.invalid:22) can not be reached")
}
