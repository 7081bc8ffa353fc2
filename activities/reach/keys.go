package reach

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/handrail/handrail/hosting"
)

// Seen is what a system showed.
type Seen struct {
	// Keys are the host keys that it proved to hold, as authorized_keys has them
	// ("ssh-ed25519 AAAA..."), at most one of each family.
	Keys []string `json:"keys"`
	// Banner is how its SSH server names itself ("SSH-2.0-OpenSSH_9.2p1").
	Banner string `json:"banner"`
	// Partial tells that it stopped answering before all families were asked
	// for.
	Partial bool      `json:"partial,omitempty"`
	At      time.Time `json:"at"` // in UTC
}

// Expectation is a system that is to show one of the keys.
type Expectation struct {
	Probe
	// Keys are as in Seen.Keys.
	Keys []string `json:"keys"`
}

// families are the usual kinds of host key, each with the signatures that are
// asked for. One connection shows one key: a server proves only that which it
// signs the key exchange with.
var families = [][]string{
	{ssh.KeyAlgoED25519},
	{ssh.KeyAlgoECDSA256, ssh.KeyAlgoECDSA384, ssh.KeyAlgoECDSA521},
	{ssh.KeyAlgoRSASHA512, ssh.KeyAlgoRSASHA256},
}

// familyOf is the index of a key's family; -1 for others.
func familyOf(key ssh.PublicKey) int {
	kind := key.Type()
	if kind == ssh.KeyAlgoRSA {
		kind = ssh.KeyAlgoRSASHA512
	}
	return slices.IndexFunc(families, func(f []string) bool { return slices.Contains(f, kind) })
}

// HostKeys collects the host keys that a system shows, one of each family. It is
// Unreachable, saying how, where none is shown. It looks once.
func (a *Activities) HostKeys(ctx context.Context, p Probe) (Seen, error) {
	where, err := a.place(p)
	if err != nil {
		return Seen{}, err
	}
	within, cancel := context.WithTimeout(ctx, a.config.Timeout)
	defer cancel()
	l := a.look(within, where, families, func(ssh.PublicKey) bool { return false })
	if len(l.keys) == 0 {
		return Seen{}, cmp.Or(ctx.Err(), l.fault())
	}
	return l.seen(l.keys), nil
}

// AwaitHostKey looks once whether a system answers with one of the keys, and
// proves to hold it: it is then the one that reported that key, and Seen has
// just this one. It is Contradictory where the system answers with other keys
// only, and Unreachable, saying how, where it does not answer (yet).
func (a *Activities) AwaitHostKey(ctx context.Context, e Expectation) (Seen, error) {
	where, err := a.place(e.Probe)
	if err != nil {
		return Seen{}, err
	}
	expected, err := e.parse()
	if err != nil {
		return Seen{}, err
	}
	asked, others := split(expected)
	within, cancel := context.WithTimeout(ctx, a.config.Timeout)
	defer cancel()
	matches := func(key ssh.PublicKey) bool { return containsKey(expected, key) }
	l := a.look(within, where, asked, matches)
	if len(l.keys) == 0 && l.err == nil { // it has none of these kinds: which, then?
		l = a.look(within, where, others, matches)
	}
	last := len(l.keys) - 1
	switch {
	case last >= 0 && matches(l.keys[last]):
		return l.seen(l.keys[last:]), nil
	case last < 0 || l.err != nil:
		return Seen{}, cmp.Or(ctx.Err(), l.fault())
	}
	return Seen{}, hosting.NewFault(hosting.FaultContradictory, e.Server,
		fmt.Sprintf("the system at %s answers with the host key %s, not with %s that the installed one reported", where, fingerprints(l.keys), fingerprints(expected)),
		"wait if the machine is still to restart, as the former system or the installer may be answering; else look at its console")
}

// split parts the families into those of the keys and the others.
func split(keys []ssh.PublicKey) (asked, others [][]string) {
	for i, f := range families {
		if slices.ContainsFunc(keys, func(k ssh.PublicKey) bool { return familyOf(k) == i }) {
			asked = append(asked, f)
		} else {
			others = append(others, f)
		}
	}
	return asked, others
}

const (
	maxExpected = 16      // keys of one system
	maxKey      = 8 << 10 // bytes of one, written out
)

// parse reads the expected keys. Those of unusual kinds are left out, as they
// are never asked for.
func (e Expectation) parse() ([]ssh.PublicKey, error) {
	invalid := func(what string) error {
		return hosting.Invalid(e.Server, what, "give the host keys that the installed system reported, as authorized_keys holds them")
	}
	if len(e.Keys) > maxExpected {
		return nil, invalid(fmt.Sprintf("%d host keys are expected, more than %d", len(e.Keys), maxExpected))
	}
	var keys []ssh.PublicKey
	for i, text := range e.Keys {
		if len(text) > maxKey {
			return nil, invalid(fmt.Sprintf("the expected host key %d is longer than %d bytes", i+1, maxKey))
		}
		key, _, options, rest, err := ssh.ParseAuthorizedKey([]byte(text))
		if err != nil || len(options) > 0 || len(strings.TrimSpace(string(rest))) > 0 {
			return nil, invalid(fmt.Sprintf("the expected host key %d is none: %q", i+1, clean(text, 60)))
		}
		if familyOf(key) >= 0 && !containsKey(keys, key) {
			keys = append(keys, key)
		}
	}
	if len(keys) == 0 {
		return nil, invalid("no host key is expected that can be proved (ed25519, ecdsa, rsa)")
	}
	return keys, nil
}

func containsKey(keys []ssh.PublicKey, key ssh.PublicKey) bool {
	return slices.ContainsFunc(keys, func(k ssh.PublicKey) bool { return bytes.Equal(k.Marshal(), key.Marshal()) })
}

// authorized writes a key as authorized_keys has it, without a comment.
func authorized(key ssh.PublicKey) string {
	return strings.TrimSpace(string(ssh.MarshalAuthorizedKey(key)))
}

// fingerprints name keys for people, as ssh-keygen -l does.
func fingerprints(keys []ssh.PublicKey) string {
	names := make([]string, len(keys))
	for i, k := range keys {
		names[i] = ssh.FingerprintSHA256(k) + " (" + k.Type() + ")"
	}
	return strings.Join(names, " or ")
}
