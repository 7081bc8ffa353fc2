package reach_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/handrail/handrail/activities/reach"
	"github.com/handrail/handrail/hosting"
)

// Against the SSH server of the systems that are installed.
func TestSSHD(t *testing.T) {
	t.Parallel()
	private := privates(t)
	k, other := signers(t, private...), generated(t)
	s := startSSHD(t, private...)
	seen, err := s.HostKeys(t.Context(), s.probe)
	if err != nil || !slices.Equal(seen.Keys, k.authorized()) || !strings.HasPrefix(seen.Banner, "SSH-2.0-OpenSSH_") || seen.Partial || time.Since(seen.At) > time.Minute {
		t.Fatalf("HostKeys = %+v, %v; want %v", seen, err, k.authorized())
	}
	for i, key := range k.authorized() {
		before := s.connections.Load()
		got, err := s.AwaitHostKey(t.Context(), reach.Expectation{Probe: s.probe, Keys: []string{other.authorized()[i], key + " root@installed"}})
		if err != nil || !slices.Equal(got.Keys, []string{key}) || got.Banner != seen.Banner {
			t.Errorf("AwaitHostKey(%s) = %+v, %v", key, got, err)
		}
		if n := s.connections.Load() - before; n != 1 {
			t.Errorf("%d connections for one expected key", n)
		}
	}
	_, err = s.AwaitHostKey(t.Context(), reach.Expectation{Probe: s.probe, Keys: other.authorized()})
	if hosting.KindOf(err) != hosting.FaultContradictory {
		t.Fatalf("another system: %v", err)
	}
	for i := range k {
		for _, want := range []string{k.fingerprint(i), other.fingerprint(i), address + " port 22"} {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%q is missing in: %v", want, err)
			}
		}
	}
	s.all.Wait()
	log := s.said()
	for _, word := range []string{" user ", "Failed ", "Accepted "} {
		if strings.Contains(log, word) {
			t.Errorf("sshd tells of somebody who logs in: %s", log)
		}
	}
	if !strings.Contains(log, "[preauth]") {
		t.Errorf("sshd tells of nobody: %q", log)
	}
}

// A system has what keys it has.
func TestSSHD_oneKey(t *testing.T) {
	t.Parallel()
	large, err := ecdsa.GenerateKey(elliptic.P521(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	s, k := startSSHD(t, large), signers(t, large)
	if seen, err := s.HostKeys(t.Context(), s.probe); err != nil || !slices.Equal(seen.Keys, k.authorized()) || seen.Partial {
		t.Errorf("HostKeys = %+v, %v", seen, err)
	}
	other := generated(t)
	_, err = s.AwaitHostKey(t.Context(), reach.Expectation{Probe: s.probe, Keys: other[:1].authorized()})
	if hosting.KindOf(err) != hosting.FaultContradictory || !strings.Contains(err.Error(), k.fingerprint(0)) || !strings.Contains(err.Error(), other.fingerprint(0)) {
		t.Errorf("a system without such a key: %v", err)
	}
}

func TestGoServer(t *testing.T) {
	t.Parallel()
	k, other := generated(t), generated(t)
	p := goServer(t, k)
	if seen, err := p.HostKeys(t.Context(), p.probe); err != nil || !slices.Equal(sorted(seen.Keys), sorted(k.authorized())) || seen.Banner != "SSH-2.0-Test_1" {
		t.Errorf("HostKeys = %+v, %v", seen, err)
	}
	// A former system may share a key of one kind with the expected ones.
	got, err := p.AwaitHostKey(t.Context(), reach.Expectation{Probe: p.probe, Keys: append(other[:2].authorized(), k[2:].authorized()...)})
	if err != nil || !slices.Equal(got.Keys, k[2:].authorized()) {
		t.Errorf("AwaitHostKey = %+v, %v", got, err)
	}
}

// forger shows a public key whose private one it does not have.
type forger struct {
	ssh.Signer
	shown ssh.PublicKey
}

func (f forger) PublicKey() ssh.PublicKey { return f.shown }

func (f forger) SignWithAlgorithm(rand io.Reader, data []byte, algorithm string) (*ssh.Signature, error) {
	return f.Signer.(ssh.AlgorithmSigner).SignWithAlgorithm(rand, data, algorithm)
}

// Showing a key is not holding it.
func TestForgedKey(t *testing.T) {
	t.Parallel()
	k, own := generated(t), generated(t)
	for i, name := range []string{"ed25519", "ecdsa", "rsa"} {
		p := goServer(t, keys{forger{own[i], k[i].PublicKey()}})
		for what, look := range map[string]func() (reach.Seen, error){
			"HostKeys": func() (reach.Seen, error) { return p.HostKeys(t.Context(), p.probe) },
			"AwaitHostKey": func() (reach.Seen, error) {
				return p.AwaitHostKey(t.Context(), reach.Expectation{Probe: p.probe, Keys: k[i : i+1].authorized()})
			},
		} {
			if seen, err := look(); hosting.KindOf(err) != hosting.FaultUnreachable || len(seen.Keys) > 0 || !strings.Contains(err.Error(), "the SSH handshake with") {
				t.Errorf("%s of a forged %s key: %+v, %v", what, name, seen, err)
			}
		}
	}
}

// unusual has a kind of key that nobody asks for.
type unusual struct{ ssh.Signer }

func (u unusual) PublicKey() ssh.PublicKey { return unusualKey{u.Signer.PublicKey()} }

type unusualKey struct{ ssh.PublicKey }

func (unusualKey) Type() string { return "ssh-rot13@example.com" }

func TestNoUsualKey(t *testing.T) {
	t.Parallel()
	k := generated(t)
	p := goServer(t, keys{unusual{k[0]}})
	want := "has no host key of a usual kind"
	if _, err := p.HostKeys(t.Context(), p.probe); hosting.KindOf(err) != hosting.FaultUnreachable || !strings.Contains(err.Error(), want) {
		t.Errorf("HostKeys: %v", err)
	}
	if _, err := p.AwaitHostKey(t.Context(), reach.Expectation{Probe: p.probe, Keys: k.authorized()}); hosting.KindOf(err) != hosting.FaultUnreachable || !strings.Contains(err.Error(), want) {
		t.Errorf("AwaitHostKey: %v", err)
	}
}

// What was shown before a system stopped answering counts; what was not shown
// contradicts nothing.
func TestStopsAnswering(t *testing.T) {
	t.Parallel()
	k, other := generated(t), generated(t)
	p := listen(t, unhurried, func(n int, c net.Conn) {
		if n%2 == 1 {
			serveSSH(t, k, c)
		}
	})
	if seen, err := p.HostKeys(t.Context(), p.probe); err != nil || !slices.Equal(seen.Keys, k[:1].authorized()) || !seen.Partial {
		t.Errorf("HostKeys = %+v, %v", seen, err)
	}
	_, err := p.AwaitHostKey(t.Context(), reach.Expectation{Probe: p.probe, Keys: other.authorized()})
	if hosting.KindOf(err) != hosting.FaultUnreachable || !strings.Contains(err.Error(), "closes it without a word") {
		t.Errorf("AwaitHostKey: %v", err)
	}
}

// Temporal takes the activities back: the look ends at once.
func TestCancelled(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	p := listen(t, unhurried, func(_ int, c net.Conn) {
		_, _ = c.Read(make([]byte, 1)) // it has begun
		cancel()
		_, _ = io.Copy(io.Discard, c)
	})
	if _, err := p.HostKeys(ctx, p.probe); err != context.Canceled { //nolint:errorlint // as it is
		t.Errorf("HostKeys: %v", err)
	}
}

func TestAwaitHostKey_expectations(t *testing.T) {
	t.Parallel()
	k := generated(t).authorized()
	p := listen(t, unhurried, func(int, net.Conn) { t.Error("somebody is asked") })
	for name, expected := range map[string][]string{
		"none":          nil,
		"no key":        {"nonsense"},
		"empty":         {k[0], ""},
		"two in one":    {k[0] + "\n" + k[1]},
		"with options":  {`command="reboot" ` + k[0]},
		"too long":      {k[0] + " " + strings.Repeat("x", 9000)},
		"too many":      slices.Repeat(k[:1], 17),
		"unusual kinds": {"ssh-dss AAAAB3NzaC1kc3MAAAABAwAAAAECAAAAAQMAAAABBA=="},
		"control codes": {"\x1b]0;x\x07"},
	} {
		_, err := p.AwaitHostKey(t.Context(), reach.Expectation{Probe: p.probe, Keys: expected})
		if hosting.KindOf(err) != hosting.FaultInvalidRequest || len(err.Error()) > 400 || strings.ContainsAny(err.Error(), "\x1b\x07") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
