package signature_test

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/handrail/handrail/activities/desk/signature"
	"github.com/handrail/handrail/hosting"
)

const (
	current = signature.Secret("the current secret of this test")
	old     = signature.Secret("the secret before that one")
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

func at(t time.Time) func() time.Time { return func() time.Time { return t } }

var (
	anySecret = rapid.Custom(func(t *rapid.T) signature.Secret {
		return signature.Secret(rapid.StringN(16, 64, 200).Draw(t, "secret"))
	})
	anyDelivery = rapid.StringMatching(`[A-Za-z0-9_-]{1,128}`)
	anyBody     = rapid.SliceOfN(rapid.Byte(), 0, 300)
)

func TestSign_VerifiesOnceWithinTheWindow(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		secret, body := anySecret.Draw(t, "secret"), anyBody.Draw(t, "body")
		window := time.Duration(rapid.Int64Range(1, 600).Draw(t, "window")) * time.Second
		skew := time.Duration(rapid.Int64Range(-1200, 1200).Draw(t, "skew")) * time.Second
		v := signature.Verifier{Secrets: []signature.Secret{secret}, Window: window, Now: at(noon)}
		h := signature.Sign(secret, noon.Add(skew), anyDelivery.Draw(t, "delivery"), body)
		err := v.Verify(h, body)
		if skew.Abs() > window {
			if !errors.Is(err, signature.ErrExpired) {
				t.Fatalf("%s from the clock with a window of %s: %v, want ErrExpired", skew, window, err)
			}
			return
		}
		if err != nil {
			t.Fatalf("a fresh delivery was refused: %v", err)
		}
		if err := v.Verify(h, body); !errors.Is(err, signature.ErrReplayed) {
			t.Fatalf("the second time: %v, want ErrReplayed", err)
		}
		v.Forget(h)
		if err := v.Verify(h, body); err != nil {
			t.Fatalf("after Forget: %v", err)
		}
	})
}

// Whatever byte of body, timestamp, delivery id or signature differs, the
// delivery is refused.
func TestVerify_RefusesEveryTampering(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		secret, body := anySecret.Draw(t, "secret"), anyBody.Draw(t, "body")
		h := signature.Sign(secret, noon, anyDelivery.Draw(t, "delivery"), body)
		v := signature.Verifier{Secrets: []signature.Secret{secret}, Now: at(noon)}
		places := []string{"body", signature.HeaderTimestamp, signature.HeaderDelivery, signature.HeaderSignature}
		place := rapid.SampledFrom(places).Draw(t, "place")
		tampered, flip := body, rapid.ByteRange(1, 255).Draw(t, "flip")
		if place == "body" {
			tampered = change(t, body, flip)
		} else {
			h.Set(place, string(change(t, []byte(h.Get(place)), flip)))
		}
		err := v.Verify(h, tampered)
		if err == nil {
			t.Fatalf("tampered %s was let in", place)
		}
		if !errors.Is(err, signature.ErrMismatch) && !errors.Is(err, signature.ErrUnsigned) {
			t.Fatalf("tampered %s: %v, want ErrMismatch or ErrUnsigned", place, err)
		}
	})
}

// change flips bits of one byte, or appends one. Hex digits in capitals are the
// same signature, so a letter never only changes its case.
func change(t *rapid.T, in []byte, flip byte) []byte {
	i := rapid.IntRange(0, len(in)).Draw(t, "at")
	out := slices.Clone(in)
	if i == len(in) {
		return append(out, flip)
	}
	if flip == 0x20 {
		flip = 0x21
	}
	out[i] ^= flip
	return out
}

// The three parts can not be shifted against each other.
func TestSign_IsUnambiguous(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		type parts struct {
			seconds  int64
			delivery string
			body     string
		}
		draw := func(name string) parts {
			return parts{
				rapid.Int64Range(0, 20).Draw(t, name+" seconds"),
				rapid.StringMatching(`[0-9]{1,2}`).Draw(t, name+" delivery"),
				rapid.StringMatching(`[0-9.]{0,4}`).Draw(t, name+" body"),
			}
		}
		sign := func(p parts) string {
			return signature.Sign(current, time.Unix(p.seconds, 0), p.delivery, []byte(p.body)).Get(signature.HeaderSignature)
		}
		a, b := draw("a"), draw("b")
		if a != b && sign(a) == sign(b) {
			t.Fatalf("%v and %v have one signature", a, b)
		}
	})
}

func TestVerify_RotatesSecrets(t *testing.T) {
	t.Parallel()
	v := signature.Verifier{Secrets: []signature.Secret{current, old}, Now: at(noon)}
	for _, secret := range v.Secrets {
		if err := v.Verify(signature.Sign(secret, noon, signature.NewDelivery(), nil), nil); err != nil {
			t.Errorf("one of the two secrets was refused: %v", err)
		}
	}
	v.Secrets = v.Secrets[:1]
	if err := v.Verify(signature.Sign(old, noon, signature.NewDelivery(), nil), nil); !errors.Is(err, signature.ErrMismatch) {
		t.Errorf("the old secret after the rotation: %v, want ErrMismatch", err)
	}
}

func TestVerify_NeverTakesAnEmptyOrShortSecret(t *testing.T) {
	t.Parallel()
	for _, secret := range []signature.Secret{"", "short"} {
		v := signature.Verifier{Secrets: []signature.Secret{secret}, Now: at(noon)}
		if err := v.Verify(signature.Sign(secret, noon, "d", nil), nil); !errors.Is(err, signature.ErrMismatch) {
			t.Errorf("a secret of %d bytes: %v, want ErrMismatch", len(secret), err)
		}
	}
	var none signature.Verifier
	if err := none.Verify(signature.Sign("", time.Now(), "d", nil), nil); !errors.Is(err, signature.ErrMismatch) {
		t.Errorf("no secrets at all: %v, want ErrMismatch", err)
	}
}

func TestVerify_WantsEachHeaderOnceAndWellFormed(t *testing.T) {
	t.Parallel()
	cases := map[string]func(http.Header){
		"no timestamp":         func(h http.Header) { h.Del(signature.HeaderTimestamp) },
		"no delivery":          func(h http.Header) { h.Del(signature.HeaderDelivery) },
		"no signature":         func(h http.Header) { h.Del(signature.HeaderSignature) },
		"two signatures":       func(h http.Header) { h.Add(signature.HeaderSignature, h.Get(signature.HeaderSignature)) },
		"timestamp with zeros": func(h http.Header) { h.Set(signature.HeaderTimestamp, "0"+h.Get(signature.HeaderTimestamp)) },
		"timestamp with plus":  func(h http.Header) { h.Set(signature.HeaderTimestamp, "+"+h.Get(signature.HeaderTimestamp)) },
		"endless timestamp":    func(h http.Header) { h.Set(signature.HeaderTimestamp, strings.Repeat("9", 40)) },
		"delivery with a stop": func(h http.Header) { h.Set(signature.HeaderDelivery, "a.b") },
		"empty delivery":       func(h http.Header) { h.Set(signature.HeaderDelivery, "") },
		"endless delivery":     func(h http.Header) { h.Set(signature.HeaderDelivery, strings.Repeat("x", 129)) },
		"another scheme": func(h http.Header) {
			h.Set(signature.HeaderSignature, strings.Replace(h.Get(signature.HeaderSignature), "v1", "v2", 1))
		},
		"half a signature": func(h http.Header) { h.Set(signature.HeaderSignature, h.Get(signature.HeaderSignature)[:35]) },
		"not hex":          func(h http.Header) { h.Set(signature.HeaderSignature, "v1="+strings.Repeat("g", 64)) },
	}
	for name, spoil := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v := signature.Verifier{Secrets: []signature.Secret{current}, Now: at(noon)}
			h := signature.Sign(current, noon, "delivery", nil)
			spoil(h)
			err := v.Verify(h, nil)
			if !errors.Is(err, signature.ErrUnsigned) || hosting.KindOf(err) != hosting.FaultNotAuthorized {
				t.Errorf("%v, want ErrUnsigned of kind NotAuthorized", err)
			}
		})
	}
}

// A repeat under a newer timestamp stays known for as long as that timestamp
// would be valid.
func TestVerify_RemembersForAsLongAsTheTimestampIsValid(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		now := noon
		v := signature.Verifier{Secrets: []signature.Secret{current}, Now: func() time.Time { return now }}
		accepted := false
		var sent []http.Header
		for range rapid.IntRange(1, 30).Draw(t, "events") {
			now = now.Add(time.Duration(rapid.Int64Range(0, 240).Draw(t, "pass")) * time.Second)
			if rapid.Bool().Draw(t, "sign anew") || len(sent) == 0 {
				skew := time.Duration(rapid.Int64Range(-300, 300).Draw(t, "skew")) * time.Second
				sent = append(sent, signature.Sign(current, now.Add(skew), "delivery", nil))
				if err := v.Verify(sent[len(sent)-1], nil); err == nil {
					accepted = true
				}
				continue
			}
			if err := v.Verify(rapid.SampledFrom(sent).Draw(t, "replay"), nil); err == nil {
				t.Fatal("a request was let in for the second time")
			}
		}
		if !accepted {
			t.Fatal("not even the first was let in")
		}
	})
}

func TestVerify_LetsOneOfManyIn(t *testing.T) {
	t.Parallel()
	v := signature.Verifier{Secrets: []signature.Secret{current}, Now: at(noon)}
	h := signature.Sign(current, noon, "delivery", nil)
	var wg sync.WaitGroup
	var in atomic.Int32
	for range 50 {
		wg.Go(func() {
			if v.Verify(h, nil) == nil {
				in.Add(1)
			}
		})
	}
	wg.Wait()
	if in.Load() != 1 {
		t.Errorf("%d of 50 at once were let in, want 1", in.Load())
	}
}

func TestVerify_RefusesWhenTheMemoryIsFullAndRecovers(t *testing.T) {
	t.Parallel()
	now := noon
	v := signature.Verifier{Secrets: []signature.Secret{current}, Now: func() time.Time { return now }}
	deliver := func(i int) error {
		return v.Verify(signature.Sign(current, now, fmt.Sprintf("d%d", i), nil), nil)
	}
	const capacity = 1 << 16
	for i := range capacity {
		if err := deliver(i); err != nil {
			t.Fatalf("delivery %d: %v", i, err)
		}
	}
	err := deliver(capacity)
	if !errors.Is(err, signature.ErrFull) || hosting.KindOf(err).Final() {
		t.Fatalf("one too many: %v, want ErrFull, to be tried again", err)
	}
	now = now.Add(6 * time.Minute)
	if err := deliver(capacity); err != nil {
		t.Errorf("after the window: %v", err)
	}
}

func TestSecret_IsNeverPrinted(t *testing.T) {
	t.Parallel()
	encoded, err := json.Marshal(struct{ S signature.Secret }{current})
	if err != nil {
		t.Fatal(err)
	}
	type config struct{ Secret signature.Secret }
	c := config{current}
	for _, printed := range []string{
		string(encoded), current.LogValue().String(), fmt.Sprint(current),
		fmt.Sprintf("%v %+v %#v %s %q %d %t %x", c, c, c, current, current, current, current, current), //nolint:govet // wrong verbs on purpose
		signature.Secret("short").Check().Error(),
	} {
		if strings.Contains(printed, string(current)) || strings.Contains(printed, "short") {
			t.Errorf("the secret stands in %q", printed)
		}
	}
}

func TestSign_HeadersDoNotHoldTheSecret(t *testing.T) {
	t.Parallel()
	h := signature.Sign(current, noon, "delivery", []byte("body"))
	sum, err := hex.DecodeString(strings.TrimPrefix(h.Get(signature.HeaderSignature), "v1="))
	if err != nil || len(sum) != 32 || h.Get(signature.HeaderTimestamp) != "1795348800" || h.Get(signature.HeaderDelivery) != "delivery" {
		t.Errorf("headers %v", h)
	}
}
