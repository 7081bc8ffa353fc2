package sshd_test

import (
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/handrail/handrail/dev/datacenter/sshd"
)

func signer(t *testing.T) ssh.Signer {
	t.Helper()
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	s, err := ssh.NewSignerFromKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// machine is a server with what runs on it, which tests change.
type machine struct {
	*sshd.Server
	runs atomic.Pointer[sshd.System]
}

func newMachine(t *testing.T, who ssh.Signer) *machine {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	m := &machine{}
	m.runs.Store(&sshd.System{
		HostKey: signer(t), Keys: []string{"no key at all", string(ssh.MarshalAuthorizedKey(who.PublicKey()))},
		HostName: "a.example", CommandLine: "root=/dev/md2 ro", Since: time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC),
	})
	m.Server = sshd.Serve(l, m.runs.Load, func() time.Time { return time.Date(2026, 3, 2, 10, 30, 0, 0, time.UTC) })
	t.Cleanup(func() { _ = m.Close() })
	return m
}

func (m *machine) dial(who ssh.Signer) (*ssh.Client, error) {
	return ssh.Dial("tcp", m.Address(), &ssh.ClientConfig{
		User: "root", Auth: []ssh.AuthMethod{ssh.PublicKeys(who)}, HostKeyCallback: ssh.FixedHostKey(m.runs.Load().HostKey.PublicKey()), Timeout: 5 * time.Second,
	})
}

func TestHarmlessQuestions(t *testing.T) {
	t.Parallel()
	who := signer(t)
	c, err := newMachine(t, who).dial(who)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for command, want := range map[string]string{
		"hostname": "a\n", "hostname -f": "a.example\n", "cat  /proc/cmdline": "root=/dev/md2 ro\n", "true": "",
		"uptime": " 10:30:00 up 90 min, 1 user, load average: 0.00, 0.00, 0.00\n", "cat /proc/uptime": "5400.00 5400.00\n",
	} {
		s, err := c.NewSession()
		if err != nil {
			t.Fatal(err)
		}
		if out, err := s.Output(command); err != nil || string(out) != want {
			t.Errorf("%s: %q, %v", command, out, err)
		}
	}
	for _, command := range []string{"", "hostname; reboot", "cat /etc/shadow", "hostname $(id)"} {
		s, err := c.NewSession()
		if err != nil {
			t.Fatal(err)
		}
		var exit *ssh.ExitError
		if out, err := s.Output(command); !errors.As(err, &exit) || exit.ExitStatus() != 127 || len(out) != 0 {
			t.Errorf("%q: %q, %v", command, out, err)
		}
	}
	if s, err := c.NewSession(); err != nil || s.Shell() == nil {
		t.Errorf("it gives a shell (%v)", err)
	}
	if _, err := c.Dial("tcp", "127.0.0.1:22"); err == nil {
		t.Error("it forwards connections")
	}
}

func TestStrangersStayOutside(t *testing.T) {
	t.Parallel()
	m := newMachine(t, signer(t))
	if c, err := m.dial(signer(t)); err == nil {
		c.Close()
		t.Error("a key that is not authorized logs in")
	}
	config := &ssh.ClientConfig{User: "root", Auth: []ssh.AuthMethod{ssh.Password("")}, HostKeyCallback: ssh.InsecureIgnoreHostKey()}
	if c, err := ssh.Dial("tcp", m.Address(), config); err == nil {
		c.Close()
		t.Error("an empty password logs in")
	}
}

func TestNothingAnswersWhereNothingRuns(t *testing.T) {
	t.Parallel()
	who := signer(t)
	m := newMachine(t, who)
	c, err := m.dial(who)
	if err != nil {
		t.Fatal(err)
	}
	system := m.runs.Swap(nil)
	m.HangUp()
	if err := c.Wait(); err == nil {
		t.Error("a connection outlives the system")
	}
	conn, err := net.Dial("tcp", m.Address())
	if err == nil {
		_ = conn.SetReadDeadline(time.Now().Add(5 * time.Second))
		if n, err := conn.Read(make([]byte, 100)); n > 0 || err == nil || strings.Contains(err.Error(), "timeout") {
			t.Errorf("it says something (%d bytes, %v)", n, err)
		}
		conn.Close()
	}
	m.runs.Store(system)
	if c, err = m.dial(who); err != nil {
		t.Errorf("it does not come back: %v", err)
	} else {
		c.Close()
	}
}

// Who says nothing takes up no room for ever, and room is limited.
func TestConnectionsAreLimited(t *testing.T) {
	t.Parallel()
	who := signer(t)
	m := newMachine(t, who)
	var refused atomic.Int32
	var conns []net.Conn
	for range 40 {
		c, err := net.Dial("tcp", m.Address())
		if err != nil {
			refused.Add(1)
			continue
		}
		conns = append(conns, c)
		_ = c.SetReadDeadline(time.Now().Add(5 * time.Second))
		if n, _ := c.Read(make([]byte, 8)); n == 0 {
			refused.Add(1)
		}
	}
	if n := refused.Load(); n != 40-16 {
		t.Errorf("%d of 40 callers were turned away", n)
	}
	if err := m.Close(); err != nil { // with 16 of them in the handshake
		t.Error(err)
	}
	for _, c := range conns {
		c.Close()
	}
}
