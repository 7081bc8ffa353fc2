package login_test

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/handrail/handrail/dev/datacenter/sshd"
	"github.com/handrail/handrail/dev/qemu/login"
)

// installed is a system that answers SSH; it returns its address, its host key
// and a key that may log in.
func installed(t *testing.T) (address, hostKey string, key ssh.Signer) {
	t.Helper()
	host, hostKey, err := login.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	key, public, err := login.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := sshd.Serve(l, func() *sshd.System {
		return &sshd.System{HostKey: host, Keys: []string{public}, HostName: "web1.example.net", Since: time.Now()}
	}, time.Now)
	t.Cleanup(func() { s.Close() }) //nolint:errcheck,gosec // the test is over
	return s.Address(), hostKey, key
}

func TestAwait(t *testing.T) {
	t.Parallel()
	address, hostKey, key := installed(t)
	client, err := login.Await(t.Context(), address, key, []string{"ssh-ed25519 other", hostKey})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close() //nolint:errcheck // the test is over
	if out, err := login.Command(client, "hostname"); err != nil || strings.TrimSpace(out) != "web1" {
		t.Errorf("%q, %v", out, err)
	}
}

// Another host key is somebody else: nothing is waited for, and no key is shown.
func TestAwait_otherHostKey(t *testing.T) {
	t.Parallel()
	address, _, key := installed(t)
	_, other, err := login.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	for _, keys := range [][]string{{other}, nil} {
		if _, err := login.Await(t.Context(), address, key, keys); err == nil || !strings.Contains(err.Error(), "none of those that were reported") {
			t.Errorf("%v", err)
		}
	}
}

// Who is not let in, or not answered, is told so when the time is up.
func TestAwait_givesUp(t *testing.T) {
	t.Parallel()
	address, hostKey, _ := installed(t)
	stranger, _, err := login.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	for _, at := range []string{address, "127.0.0.1:1"} {
		if _, err := login.Await(ctx, at, stranger, []string{hostKey}); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s: %v", at, err)
		}
	}
}
