package redfish

import (
	"crypto/sha256"
	"crypto/subtle"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"strings"

	"github.com/handrail/handrail/hosting"
)

// pinError is a certificate that is not the pinned one.
type pinError struct{ seen string }

func (e *pinError) Error() string {
	return "its certificate has the SHA-256 fingerprint " + e.seen + ", which is not the pinned one"
}

// tlsConfig verifies a BMC's certificate the way its record says: by a pinned
// leaf, by a CA of its own, by the system's roots, or, asked for, not at all.
func tlsConfig(server, address string, rules hosting.BMCTLS) (*tls.Config, error) {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil, hosting.Invalid(server, fmt.Sprintf("the BMC's address %q is not host:port", address), "correct the address in the server's record")
	}
	cfg := &tls.Config{ServerName: host, MinVersion: tls.VersionTLS12}
	switch {
	case rules.Fingerprint != "":
		pin, err := hex.DecodeString(strings.ReplaceAll(strings.TrimSpace(rules.Fingerprint), ":", ""))
		if err != nil || len(pin) != sha256.Size {
			return nil, hosting.Invalid(server, "the BMC's pinned fingerprint is not a SHA-256 in hex", "correct the fingerprint in the server's record (64 hex digits, colons allowed)")
		}
		// The pin takes the place of the chain: most BMCs sign for themselves.
		cfg.InsecureSkipVerify = true
		cfg.VerifyConnection = func(state tls.ConnectionState) error { return checkPin(state, pin) }
	case rules.CA != "":
		roots := x509.NewCertPool()
		if !roots.AppendCertsFromPEM([]byte(rules.CA)) {
			return nil, hosting.Invalid(server, "the BMC's CA holds no certificate in PEM", "correct the CA in the server's record")
		}
		cfg.RootCAs = roots
	case rules.Insecure:
		cfg.InsecureSkipVerify = true
	}
	return cfg, nil
}

func checkPin(state tls.ConnectionState, pin []byte) error {
	if len(state.PeerCertificates) == 0 {
		return &pinError{seen: "(none)"}
	}
	seen := sha256.Sum256(state.PeerCertificates[0].Raw)
	if subtle.ConstantTimeCompare(seen[:], pin) != 1 {
		return &pinError{seen: hex.EncodeToString(seen[:])}
	}
	return nil
}

// untrusted reports whether a request failed because the certificate did not
// verify.
func untrusted(err error) bool {
	if _, ok := errors.AsType[*pinError](err); ok {
		return true
	}
	_, ok := errors.AsType[*tls.CertificateVerificationError](err)
	return ok
}
