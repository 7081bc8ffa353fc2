package hosting

import (
	"crypto/rsa"
	"slices"
	"strings"

	"golang.org/x/crypto/ssh"
)

const (
	maxKeyBytes = 4096
	// minRSABits is what current distributions demand.
	minRSABits = 2048
)

// keyTypes are the SSH keys that servers of today accept.
var keyTypes = []string{
	ssh.KeyAlgoED25519, ssh.KeyAlgoRSA, ssh.KeyAlgoECDSA256, ssh.KeyAlgoECDSA384, ssh.KeyAlgoECDSA521, ssh.KeyAlgoSKED25519, ssh.KeyAlgoSKECDSA256,
}

// ParsePublicKey reads one SSH public key as a line of authorized_keys or of a
// .pub file, and returns it as type, key and a comment of plain words. Options
// before the key, other types and anything else are an InvalidRequest that does
// not quote the line: it may be a private key.
func ParsePublicKey(line string) (string, error) {
	wrong := Invalid("", "this is no SSH public key", "give the line of a .pub file, such as ssh-ed25519 AAAA… name; never the private key")
	if len(line) > maxKeyBytes || strings.ContainsAny(line, "\r\n\x00") {
		return "", wrong
	}
	key, comment, options, rest, err := ssh.ParseAuthorizedKey([]byte(strings.TrimSpace(line)))
	if err != nil || len(options) > 0 || len(rest) > 0 || !slices.Contains(keyTypes, key.Type()) {
		return "", wrong
	}
	if public, ok := key.(ssh.CryptoPublicKey); ok {
		if weak, ok := public.CryptoPublicKey().(*rsa.PublicKey); ok && weak.N.BitLen() < minRSABits {
			return "", Invalid("", "this RSA key is too short: servers of today refuse it", "make a new one with ssh-keygen -t ed25519")
		}
	}
	clean := strings.TrimSuffix(string(ssh.MarshalAuthorizedKey(key)), "\n")
	comment = strings.Map(func(r rune) rune {
		if r > ' ' && r < 0x7f && !strings.ContainsRune(`"'\$`+"`", r) {
			return r
		}
		return -1
	}, cutBytes(comment, 100))
	if comment != "" {
		clean += " " + comment
	}
	return clean, nil
}

// Fingerprints returns the SHA-256 fingerprints of SSH public keys as ssh shows
// them, with the type before: "ssh-ed25519 SHA256:...". What is no key is left
// out.
func Fingerprints(keys []string) []string {
	var out []string
	for _, k := range keys {
		if key, _, _, _, err := ssh.ParseAuthorizedKey([]byte(k)); err == nil {
			out = append(out, key.Type()+" "+ssh.FingerprintSHA256(key))
		}
	}
	return out
}
