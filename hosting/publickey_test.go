package hosting_test

import (
	"crypto/ed25519"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"

	"github.com/handrail/handrail/hosting"
)

func publicKey(t testing.TB, seed byte) string {
	t.Helper()
	k := ed25519.NewKeyFromSeed([]byte(strings.Repeat(string(rune(seed)), 32)))
	pub, err := ssh.NewPublicKey(k.Public())
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(ssh.MarshalAuthorizedKey(pub)))
}

func TestParsePublicKey(t *testing.T) {
	t.Parallel()
	key := publicKey(t, 'a')
	for given, want := range map[string]string{
		key:                           key,
		"  " + key + " giulia@laptop": key + " giulia@laptop",
		key + " it's $(me) \"x\"":     key + " its(me)x",
	} {
		got, err := hosting.ParsePublicKey(given)
		if err != nil || got != want {
			t.Errorf("%q: %q, %v; want %q", given, got, err, want)
		}
	}
	for _, given := range []string{
		"", "ssh-ed25519", "hunter2", `command="rm -rf /" ` + key, key + "\n" + key, "-----BEGIN OPENSSH PRIVATE KEY-----",
		strings.Replace(key, "ssh-ed25519", "ssh-dss", 1), key + strings.Repeat("x", 5000),
	} {
		got, err := hosting.ParsePublicKey(given)
		if err == nil {
			t.Errorf("%q was read as %q", given, got)
		} else if len(given) > len("ssh-ed25519") && strings.Contains(err.Error(), given) {
			t.Errorf("the error quotes %q", given)
		}
	}
}

func FuzzParsePublicKey(f *testing.F) {
	f.Add(publicKey(f, 'a') + " comment")
	f.Add("ssh-rsa AAAA")
	f.Fuzz(func(t *testing.T, line string) {
		got, err := hosting.ParsePublicKey(line)
		if err != nil {
			return
		}
		if strings.ContainsAny(got, "\r\n\x00'\"`$\\") {
			t.Errorf("%q has what a shell or a file could trip over", got)
		}
		if again, err := hosting.ParsePublicKey(got); err != nil || again != got {
			t.Errorf("%q reads again as %q, %v", got, again, err)
		}
	})
}

func TestFingerprints(t *testing.T) {
	t.Parallel()
	got := hosting.Fingerprints([]string{publicKey(t, 'a'), "no key"})
	if len(got) != 1 || !strings.HasPrefix(got[0], "ssh-ed25519 SHA256:") {
		t.Errorf("%q", got)
	}
}
