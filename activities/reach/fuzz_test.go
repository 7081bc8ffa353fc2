package reach

import (
	"context"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/handrail/handrail/hosting"
)

// FuzzPeer: whatever a peer says, a look ends in a fault that is fit to be read;
// nobody who just talks proves to hold a key.
func FuzzPeer(f *testing.F) {
	for _, greeting := range []string{"", "SSH-2.0-x\r\n", "hello\nSSH-2.0-OpenSSH_9.2p1 Debian\n"} {
		f.Add([]byte(greeting))
		f.Add(append([]byte(greeting), keyExchangeInit()...))
		f.Add(append([]byte(greeting), 0, 0, 0, 12, 10, 31, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0))
		f.Add(append([]byte(greeting), 0, 4, 0, 0, 255))
	}
	f.Fuzz(func(t *testing.T, says []byte) {
		a, err := New(Config{Timeout: 5 * time.Second})
		if err != nil {
			t.Fatal(err)
		}
		a.dial = func(context.Context, string, string) (net.Conn, error) {
			ours, theirs := net.Pipe()
			go func() {
				go func() { _, _ = io.Copy(io.Discard, theirs) }()
				_, _ = theirs.Write(says)
				theirs.Close()
			}()
			return ours, nil
		}
		began := time.Now()
		seen, err := a.HostKeys(t.Context(), Probe{Server: "srv-1", Address: "192.0.2.1"})
		if hosting.KindOf(err) != hosting.FaultUnreachable || len(seen.Keys) > 0 {
			t.Errorf("%+v, %v", seen, err)
		}
		if text := err.Error(); len(text) > 600 || clean(text, len(text)) != text {
			t.Errorf("%q", text)
		}
		if took := time.Since(began); took > 4*time.Second {
			t.Errorf("it took %s", took)
		}
	})
}

// keyExchangeInit is how an SSH server goes on after its banner, with the
// algorithms of this client's.
func keyExchangeInit() []byte {
	var theirs strings.Builder
	server, client := net.Pipe()
	go func() {
		_, _, _, _ = ssh.NewClientConn(server, "", &ssh.ClientConfig{HostKeyCallback: ssh.FixedHostKey(nil)})
	}()
	go func() { _, _ = io.WriteString(client, "SSH-2.0-x\r\n") }()
	_ = client.SetReadDeadline(time.Now().Add(time.Second))
	_, _ = io.CopyN(&theirs, client, 600)
	client.Close()
	_, packet, _ := strings.Cut(theirs.String(), "\n")
	return []byte(packet)
}

func FuzzClean(f *testing.F) {
	f.Add("SSH-2.0-x\x00\x1b[31m\u202e\xff", 7)
	f.Fuzz(func(t *testing.T, s string, n int) {
		if n < 0 || n > 1<<10 {
			return
		}
		got := clean(s, n)
		if len(got) > n+3 || strings.ContainsAny(got, "\x00\x1b\r\n\u202e") || strings.ToValidUTF8(got, "") != got {
			t.Errorf("clean(%q, %d) = %q", s, n, got)
		}
	})
}
