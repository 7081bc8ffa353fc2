package ticket

import (
	"regexp"
	"slices"
	"strings"

	"github.com/handrail/handrail/hosting"
)

const keyTypes = `(?:ssh-(?:ed25519|rsa)|ecdsa-sha2-nistp(?:256|384|521)|sk-(?:ssh-ed25519|ecdsa-sha2-nistp256)@openssh\.com)`

var (
	// keyShape is what a public key looks like, without its comment.
	keyShape = regexp.MustCompile(`\b` + keyTypes + `[ \t]+AAAA[A-Za-z0-9+/]+={0,2}`)
	// keyBroken is a public key that goes on in the next line.
	keyBroken = regexp.MustCompile(`\b` + keyTypes + `(?:[ \t]+AAAA[A-Za-z0-9+/]*)?$`)
	keyRest   = regexp.MustCompile(`^[A-Za-z0-9+/]+={0,2}(?: \S{1,100})?$`)
)

// maxKeyLines is how many lines mail programs make of one key.
const maxKeyLines = 24

// publicKeys returns where in a text public keys stand, without their comments.
func publicKeys(text string) [][]int {
	if !strings.Contains(text, " AAAA") && !strings.Contains(text, "\tAAAA") {
		return nil
	}
	return slices.DeleteFunc(keyShape.FindAllStringIndex(text, -1), func(at []int) bool {
		_, err := hosting.ParsePublicKey(text[at[0]:at[1]])
		return err != nil
	})
}

// joinKeys puts public keys together that a mail program broke into lines.
func joinKeys(texts []string) []string {
	var joined []string
	for i := 0; i < len(texts); i++ {
		whole, used := joinKey(texts[i:])
		joined = append(joined, whole)
		i += used - 1
	}
	return joined
}

func joinKey(texts []string) (whole string, used int) {
	whole = texts[0]
	if !keyBroken.MatchString(whole) || len(publicKeys(whole)) > 0 {
		return whole, 1
	}
	for n := 1; n < min(len(texts), maxKeyLines) && keyRest.MatchString(texts[n]); n++ {
		if !strings.HasPrefix(texts[n], "AAAA") || strings.Contains(whole, "AAAA") {
			whole += texts[n]
		} else {
			whole += " " + texts[n]
		}
		if len(publicKeys(whole)) > 0 {
			return whole, n + 1
		}
	}
	return texts[0], 1
}

// forKeys tells of a label for credentials that it is for an SSH key, of which
// nobody can tell whether the public one is meant.
func forKeys(label string) bool {
	label = hosting.Fold(label)
	private := strings.Contains(label, "priv") || strings.Contains(label, "pryw")
	return strings.Contains(label, "ssh") && !private &&
		(strings.Contains(label, "key") || strings.Contains(label, "chiav") || strings.Contains(label, "klucz"))
}

// spares reports whether a line may stay although it is the value of a label for
// secrets: a public key, under a label that means one. Under a label for public
// keys, what can not be a secret may stay as well.
func (s *secretLines) spares(text string) bool {
	if _, ok := publicKey(text); ok && (s.public || forKeys(s.label)) {
		return true
	}
	return s.public && (keyShape.MatchString(text) || !slices.ContainsFunc(strings.Fields(text), looksSecret))
}

// publicKey reads a line that is a public key and nothing else.
func publicKey(text string) (string, bool) {
	key, err := hosting.ParsePublicKey(strings.Trim(text[len(bullet.FindString(text)):], " \t`\"'*<>"))
	return key, err == nil
}

const (
	maxKeys     = 16
	maxKeyBytes = 16 << 10 // of all of them
)

// keys takes the public keys for the new system. Those under a label for SSH
// keys count as well; whatever else stood there was a secret and is gone.
func (m *message) keys() {
	var found []string
	size := 0
	for _, field := range []hosting.Field{hosting.FieldSSHKeys, hosting.FieldCredentials} {
		for _, v := range m.values(field) {
			if field == hosting.FieldCredentials && !forKeys(v.label) {
				continue
			}
			for _, text := range v.keyLines() {
				key, ok := publicKey(text)
				switch {
				case ok && !slices.Contains(found, key):
					found, size = append(found, key), size+len(key)
				case !ok && field == hosting.FieldSSHKeys:
					m.unclear(hosting.FieldSSHKeys, cut(text, maxReference), "it is no SSH public key of a kind that is in use")
				}
			}
		}
	}
	if len(found) > maxKeys || size > maxKeyBytes {
		m.unclear(hosting.FieldSSHKeys, "", "more public keys than fit into a request")
		return
	}
	m.event.Fields.Install.SSHKeys = found
}

// keyLines are the lines of a value up to a paragraph that is not of keys.
func (v value) keyLines() []string {
	var found []string
	gap := false
	for _, l := range v.lines {
		switch {
		case l == "":
			gap = len(found) > 0
		case gap && !keyShape.MatchString(l):
			return found
		default:
			found, gap = append(found, l), false
		}
	}
	return found
}
