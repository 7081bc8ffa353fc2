package redfishtest

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http/httptest"
)

// Fingerprint is the SHA-256 of the server's certificate, as records pin it.
func Fingerprint(s *httptest.Server) string {
	sum := sha256.Sum256(s.Certificate().Raw)
	return hex.EncodeToString(sum[:])
}
