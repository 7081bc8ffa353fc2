package reach_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/pem"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/handrail/handrail/activities/reach"
)

// The address of the system in the records, which no test reaches itself.
const address = "192.0.2.7"

// peer is somebody who listens where a system should.
type peer struct {
	*reach.Activities
	probe       reach.Probe
	gate        string // where it listens
	connections atomic.Int32
	all         sync.WaitGroup
}

// listen serves each connection by a function that may take as long as it likes;
// at the end of the test the connections are closed.
func listen(t *testing.T, timeout time.Duration, serve func(n int, c net.Conn)) *peer {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &peer{probe: reach.Probe{Server: "srv-7", Address: address}, gate: l.Addr().String()}
	if p.Activities, err = reach.New(reach.Config{Through: reach.Table{address + ":22": p.gate}, Timeout: timeout}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		l.Close()
		p.all.Wait()
	})
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			n := int(p.connections.Add(1))
			p.all.Go(func() {
				defer c.Close()
				defer context.AfterFunc(t.Context(), func() { c.Close() })()
				serve(n, c)
			})
		}
	}()
	return p
}

// unhurried is a timeout that only a failing test meets.
const unhurried = 30 * time.Second

// keys are host keys of one system.
type keys []ssh.Signer

func (k keys) authorized() []string {
	var out []string
	for _, s := range k {
		out = append(out, strings.TrimSpace(string(ssh.MarshalAuthorizedKey(s.PublicKey()))))
	}
	return out
}

func (k keys) fingerprint(i int) string { return ssh.FingerprintSHA256(k[i].PublicKey()) }

// privates are private keys of the usual kinds.
func privates(t testing.TB) []any {
	t.Helper()
	_, edwards, err1 := ed25519.GenerateKey(rand.Reader)
	curve, err2 := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	primes, err3 := rsa.GenerateKey(rand.Reader, 2048)
	if err1 != nil || err2 != nil || err3 != nil {
		t.Fatal(err1, err2, err3)
	}
	return []any{edwards, curve, primes}
}

func signers(t testing.TB, private ...any) keys {
	t.Helper()
	var k keys
	for _, p := range private {
		s, err := ssh.NewSignerFromKey(p)
		if err != nil {
			t.Fatal(err)
		}
		k = append(k, s)
	}
	return k
}

func generated(t testing.TB) keys { return signers(t, privates(t)...) }

// goServer is an SSH server made of golang.org/x/crypto/ssh. Somebody who tries
// to log in fails the test.
func goServer(t *testing.T, k keys) *peer {
	t.Helper()
	return listen(t, unhurried, func(_ int, c net.Conn) { serveSSH(t, k, c) })
}

func serveSSH(t *testing.T, k keys, c net.Conn) {
	config := &ssh.ServerConfig{
		ServerVersion: "SSH-2.0-Test_1",
		NoClientAuth:  true,
		NoClientAuthCallback: func(ssh.ConnMetadata) (*ssh.Permissions, error) {
			t.Error("somebody logs in")
			return nil, net.ErrClosed
		},
	}
	for _, s := range k {
		config.AddHostKey(s)
	}
	if conn, _, _, err := ssh.NewServerConn(c, config); err == nil {
		conn.Close()
		t.Error("somebody is logged in")
	}
}

// sshd is OpenSSH's server as Debian has it, with host keys of its own and a log.
type sshd struct {
	*peer
	mu  sync.Mutex
	log bytes.Buffer
}

func (s *sshd) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.log.Write(b)
}

func (s *sshd) said() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.log.String()
}

// startSSHD runs a process of sshd for each connection. Where it is not
// installed the test is skipped, or fails where CI is set.
func startSSHD(t *testing.T, private ...any) *sshd {
	t.Helper()
	const program = "/usr/sbin/sshd"
	if _, err := os.Stat(program); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("sshd is not installed (Debian package openssh-server)")
		}
		t.Skip("sshd is not installed (Debian package openssh-server)")
	}
	args := append([]string{"-i", "-e", "-f", "/dev/null", "-o", "LogLevel=VERBOSE", "-o", "UsePAM=no"}, keyFiles(t, private)...)
	s := &sshd{}
	s.peer = listen(t, unhurried, func(_ int, c net.Conn) {
		file, err := c.(*net.TCPConn).File()
		if err != nil {
			t.Error(err)
			return
		}
		defer file.Close()
		cmd := exec.CommandContext(t.Context(), program, args...)
		cmd.Stdin, cmd.Stdout, cmd.Stderr = file, file, s
		cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Credential: nobody()}
		_ = cmd.Run() // a client that leaves is an error to it
	})
	return s
}

// nobody is who runs sshd where the test runs as root: an sshd of root's wants a
// directory of the system's.
func nobody() *syscall.Credential {
	if os.Getuid() != 0 {
		return nil
	}
	return &syscall.Credential{Uid: 65534, Gid: 65534}
}

// keyFiles writes private keys as sshd reads them and returns its arguments.
func keyFiles(t *testing.T, private []any) (args []string) {
	t.Helper()
	dir := t.TempDir()
	if err := os.Chmod(filepath.Dir(dir), 0o711); err != nil { //nolint:gosec // sshd has to get there
		t.Fatal(err)
	}
	for i, p := range private {
		block, err := ssh.MarshalPrivateKey(p, "")
		if err != nil {
			t.Fatal(err)
		}
		name := filepath.Join(dir, "key"+string(rune('a'+i)))
		if err := os.WriteFile(name, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
		if who := nobody(); who != nil {
			if err := os.Chown(name, int(who.Uid), int(who.Gid)); err != nil {
				t.Fatal(err)
			}
		}
		args = append(args, "-h", name)
	}
	return args
}

func sorted(s []string) []string { return slices.Sorted(slices.Values(s)) }
