package signature

import (
	"crypto/hmac"
	"fmt"
	"net/http"
	"time"

	"github.com/handrail/handrail/hosting"
)

// DefaultWindow is how far a timestamp may lie from our clock, each way.
const DefaultWindow = 5 * time.Minute

// Why a delivery is not let in. Test for them with errors.Is.
var (
	ErrUnsigned = hosting.NewFault(hosting.FaultNotAuthorized, "", "the request is not signed as agreed",
		"send "+HeaderTimestamp+", "+HeaderDelivery+" and "+HeaderSignature)
	ErrMismatch = hosting.NewFault(hosting.FaultNotAuthorized, "", "the request's signature does not match its content",
		"compare the secrets of both sides; sign exactly the bytes that are sent")
	ErrExpired = hosting.NewFault(hosting.FaultNotAuthorized, "", "the request's timestamp is too far from the clock",
		"set both clocks by NTP; sign again for every attempt")
	// ErrReplayed: a delivery with that id was accepted before.
	ErrReplayed = hosting.NewFault(hosting.FaultConflict, "", "a delivery with this id was accepted before", "use a new id for new content")
	// ErrInHand: a delivery with that id is being handled just now.
	ErrInHand = hosting.NewFault(hosting.FaultUnreachable, "", "a delivery with this id is being handled", "try again shortly")
	// ErrFull: the replay memory is full; who lets more in could not refuse repeats.
	ErrFull = hosting.NewFault(hosting.FaultUnreachable, "", "too many deliveries arrived in a short time", "try again in a minute")
)

// Verifier lets in what carries a valid signature, once. The zero value with
// Secrets set is ready; it may be used by many goroutines and must not be
// copied after first use.
type Verifier struct {
	// Secrets are all accepted, so that a new one can be brought in before the
	// old one goes. Those that are too short (Secret.Check) never match.
	Secrets []Secret
	// Window is how far a timestamp may lie from the clock; 0 is DefaultWindow.
	Window time.Duration
	// Now is the clock; nil is time.Now.
	Now func() time.Time

	replays memory
}

// Verify is nil for a delivery that is signed with one of the secrets, in time,
// and seen for the first time; it then counts as accepted, until Forget.
// Content is judged before time and time before repetition, so that somebody
// without a secret learns nothing. Errors wrap one of the Err variables.
func (v *Verifier) Verify(header http.Header, body []byte) error {
	if err := v.begin(header, body); err != nil {
		return err
	}
	v.settle(header, true)
	return nil
}

// Forget lets the delivery with these headers in again: for one that was
// verified but then could not be handed on.
func (v *Verifier) Forget(header http.Header) { v.settle(header, false) }

// begin verifies and marks the delivery as being handled; settle must follow.
func (v *Verifier) begin(header http.Header, body []byte) error {
	s, err := parse(header)
	if err != nil {
		return err
	}
	if !v.authentic(s, body) {
		return ErrMismatch
	}
	now, window := v.clock(), v.window()
	if early, late := s.at.Sub(now), now.Sub(s.at); early > window || late > window {
		return fmt.Errorf("%w (it says %s, the clock here %s)", ErrExpired, s.at.UTC().Format(time.RFC3339), now.UTC().Format(time.RFC3339))
	}
	return v.replays.begin(s.delivery, now, s.at.Add(window), window)
}

func (v *Verifier) settle(header http.Header, accepted bool) {
	if s, err := parse(header); err == nil {
		v.replays.settle(s.delivery, accepted)
	}
}

// authentic compares with every secret, whatever the first ones say, so that
// its duration does not tell which of them is in use.
func (v *Verifier) authentic(s signed, body []byte) bool {
	match := false
	for _, secret := range v.Secrets {
		equal := hmac.Equal(s.mac, mac(secret, s.timestamp, s.delivery, body))
		if equal && secret.Check() == nil {
			match = true
		}
	}
	return match
}

func (v *Verifier) window() time.Duration {
	if v.Window > 0 {
		return v.Window
	}
	return DefaultWindow
}

func (v *Verifier) clock() time.Time {
	if v.Now != nil {
		return v.Now()
	}
	return time.Now()
}
