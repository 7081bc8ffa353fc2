package reach

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"syscall"
	"time"
	"unicode"

	"github.com/handrail/handrail/hosting"
)

const (
	// maxHeard is how much is taken from a peer in one connection, in bytes: a
	// handshake with the largest keys takes a quarter of it.
	maxHeard = 32 << 10
	// maxKept is how much of that is kept, to tell what the peer is.
	maxKept = 4 << 10
	// maxBanner is the length of a version line (RFC 4253, section 4.2), maxSaid
	// that of other words of the peer in an error.
	maxBanner = 255
	maxSaid   = 160
)

var errTooMuch = fmt.Errorf("it sends more than %d KiB", maxHeard>>10)

// ear is a connection that stops listening to a peer who says too much, and
// keeps how it began.
type ear struct {
	net.Conn

	mu    sync.Mutex
	heard int
	kept  []byte
	over  bool
}

// Read reads up to the limit.
func (e *ear) Read(b []byte) (int, error) {
	e.mu.Lock()
	left := maxHeard - e.heard
	e.over = left <= 0
	e.mu.Unlock()
	if left <= 0 {
		return 0, errTooMuch
	}
	n, err := e.Conn.Read(b[:min(len(b), left)])
	e.mu.Lock()
	defer e.mu.Unlock()
	e.heard += n
	e.kept = append(e.kept, b[:min(n, maxKept-len(e.kept))]...)
	return n, err
}

// banner is the line with which the peer names its SSH server; empty if it has
// not, or is no SSH server.
func (e *ear) banner() string {
	e.mu.Lock()
	defer e.mu.Unlock()
	for line := range bytes.Lines(e.kept) {
		if bytes.HasPrefix(line, []byte("SSH-")) && bytes.HasSuffix(line, []byte("\n")) {
			return clean(string(bytes.TrimRight(line, "\r\n")), maxBanner)
		}
	}
	return ""
}

// opening is the first line of what a peer says.
func (e *ear) opening() string {
	e.mu.Lock()
	defer e.mu.Unlock()
	line, _, _ := strings.Cut(strings.TrimSpace(string(e.kept)), "\n")
	return clean(line, maxSaid)
}

func (e *ear) said() (anything, tooMuch bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.heard > 0, e.over
}

func timedOut(err error) bool {
	n, ok := errors.AsType[net.Error](err)
	return errors.Is(err, os.ErrDeadlineExceeded) || ok && n.Timeout()
}

// notConnected words why no connection came about.
func (p place) notConnected(err error, within time.Duration) error {
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		return p.unreachable("nothing listens at %s: the connection is refused", nil)
	case timedOut(err):
		return p.unreachable("nothing answers at %s within "+within.String(), nil)
	}
	return p.unreachable("%s can not be reached", err)
}

// notShown words why a connection showed no host key.
func (p place) notShown(ctx context.Context, heard *ear, err error, within time.Duration) error {
	said, tooMuch := heard.said()
	banner := heard.banner() != ""
	late := ctx.Err() != nil || timedOut(err)
	switch {
	case tooMuch:
		return p.unreachable("%s talks without end and shows no host key", errTooMuch)
	case banner && late:
		return p.unreachable("the SSH server at %s does not show its host key within "+within.String(), nil)
	case banner:
		return p.unreachable("the SSH handshake with %s fails", err)
	case said:
		return p.unreachable("%s is no SSH server", fmt.Errorf("it says %q", heard.opening()))
	case late:
		return p.unreachable("%s takes the connection and says nothing within "+within.String(), nil)
	case errors.Is(err, io.EOF), errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return p.unreachable("%s takes the connection and closes it without a word", nil)
	}
	return p.unreachable("%s takes the connection and fails", err)
}

// unreachable is the fault for what a place does; %s stands for the place.
func (p place) unreachable(what string, cause error) error {
	f := hosting.NewFault(hosting.FaultUnreachable, p.server, strings.Replace(what, "%s", p.String(), 1),
		"wait while the machine starts; if it stays so, look at its console and at the firewall in front of it")
	if cause != nil {
		return f.Because(&worded{clean(cause.Error(), maxSaid), cause})
	}
	return f
}

// worded is an error whose text is fit to be read.
type worded struct {
	text string
	err  error
}

func (w *worded) Error() string { return w.text }
func (w *worded) Unwrap() error { return w.err }

// clean makes a peer's words printable and cuts them after n bytes.
func clean(s string, n int) string {
	cut := len(s) > n
	s = strings.ToValidUTF8(s[:min(len(s), n)], "?")
	s = strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return ' '
	}, s)
	if cut {
		s += "..."
	}
	return s
}
