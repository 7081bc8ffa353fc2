// Package signature signs and verifies what Handrail and a ticket desk send
// each other: HMAC-SHA256 over a timestamp, a delivery id and the raw body, in
// three headers. The scheme is the same in both directions and is described for
// integrators in ../httpdesk/CONTRACT.md.
package signature

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/handrail/handrail/hosting"
)

// The headers of a signed request.
const (
	HeaderTimestamp = "Handrail-Timestamp" // Unix seconds
	HeaderDelivery  = "Handrail-Delivery"  // 1 to 128 letters, digits, "-" or "_"
	HeaderSignature = "Handrail-Signature" // "v1=" and 64 hex digits
)

const (
	scheme        = "v1="
	maxDeliveryID = 128
	minSecret     = 16
)

// Secret is a key that both sides share. It prints as "[secret]".
type Secret string

// Check reports a secret that is too short to be one, as InvalidRequest.
func (s Secret) Check() error {
	if len(s) >= minSecret {
		return nil
	}
	return hosting.Invalid("", fmt.Sprintf("the desk's secret has %d bytes", len(s)),
		fmt.Sprintf("use at least %d, for instance from: openssl rand -hex 32", minSecret))
}

// Format hides the secret, whatever the verb.
func (Secret) Format(s fmt.State, _ rune) { _, _ = s.Write([]byte("[secret]")) }

// MarshalText hides the secret.
func (Secret) MarshalText() ([]byte, error) { return []byte("[secret]"), nil }

// LogValue hides the secret.
func (Secret) LogValue() slog.Value { return slog.StringValue("[secret]") }

// NewDelivery returns a random delivery id.
func NewDelivery() string { return rand.Text() }

// Sign returns the three headers for a body that is sent at that time under
// that delivery id. The time has a resolution of seconds.
func Sign(secret Secret, at time.Time, delivery string, body []byte) http.Header {
	timestamp := strconv.FormatInt(at.Unix(), 10)
	h := make(http.Header, 3)
	h.Set(HeaderTimestamp, timestamp)
	h.Set(HeaderDelivery, delivery)
	h.Set(HeaderSignature, scheme+hex.EncodeToString(mac(secret, timestamp, delivery, body)))
	return h
}

// mac is unambiguous because neither a timestamp nor a delivery id that passes
// parse holds a full stop.
func mac(secret Secret, timestamp, delivery string, body []byte) []byte {
	h := hmac.New(sha256.New, []byte(secret))
	h.Write([]byte(timestamp + "." + delivery + "."))
	h.Write(body)
	return h.Sum(nil)
}

// signed is what the headers of a request claim.
type signed struct {
	timestamp string
	at        time.Time
	delivery  string
	mac       []byte
}

// parse reads the three headers, each exactly once, in exactly the form that
// Sign writes.
func parse(h http.Header) (signed, error) {
	var s signed
	values := make([]string, 0, 3)
	for _, name := range []string{HeaderTimestamp, HeaderDelivery, HeaderSignature} {
		v := h.Values(name)
		if len(v) != 1 {
			return s, fmt.Errorf("%w (%s occurs %d times)", ErrUnsigned, name, len(v))
		}
		values = append(values, v[0])
	}
	seconds, err := strconv.ParseInt(values[0], 10, 64)
	if err != nil || strconv.FormatInt(seconds, 10) != values[0] {
		return s, fmt.Errorf("%w (%s is not a number of seconds)", ErrUnsigned, HeaderTimestamp)
	}
	if !validDelivery(values[1]) {
		return s, fmt.Errorf("%w (%s is not 1 to %d letters, digits, - or _)", ErrUnsigned, HeaderDelivery, maxDeliveryID)
	}
	digits, ok := strings.CutPrefix(values[2], scheme)
	sum, err := hex.DecodeString(digits)
	if !ok || err != nil || len(sum) != sha256.Size {
		return s, fmt.Errorf("%w (%s is not %s and %d hex digits)", ErrUnsigned, HeaderSignature, scheme, 2*sha256.Size)
	}
	return signed{timestamp: values[0], at: time.Unix(seconds, 0), delivery: values[1], mac: sum}, nil
}

func validDelivery(id string) bool {
	if id == "" || len(id) > maxDeliveryID {
		return false
	}
	return strings.IndexFunc(id, func(r rune) bool {
		letter := 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z'
		return !letter && !('0' <= r && r <= '9') && r != '-' && r != '_'
	}) < 0
}
