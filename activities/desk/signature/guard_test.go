package signature_test

import (
	"bytes"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/handrail/handrail/activities/desk/signature"
)

// deliver sends a body under the headers to the guard.
func deliver(g http.Handler, h http.Header, body string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(body))
	maps.Copy(r.Header, h)
	w := httptest.NewRecorder()
	g.ServeHTTP(w, r)
	return w
}

func signed(delivery, body string) http.Header {
	return signature.Sign(current, noon, delivery, []byte(body))
}

func newGuard(next http.HandlerFunc) signature.Guard {
	return signature.Guard{
		Verifier: &signature.Verifier{Secrets: []signature.Secret{current}, Now: at(noon)},
		Limit:    1000, Repeated: http.StatusOK, Next: next,
	}
}

func TestGuard_HandsOnTheVerifiedBodyOnce(t *testing.T) {
	t.Parallel()
	var got []string
	g := newGuard(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		got = append(got, string(body))
		w.WriteHeader(http.StatusAccepted)
	})
	first, second := deliver(g, signed("a", "hello"), "hello"), deliver(g, signed("a", "hello"), "hello")
	if first.Code != http.StatusAccepted || second.Code != http.StatusOK || len(got) != 1 || got[0] != "hello" {
		t.Errorf("statuses %d and %d, handed on %q; want 202, then 200 and nothing handed on", first.Code, second.Code, got)
	}
}

func TestGuard_LetsARetryInAfterAFailure(t *testing.T) {
	t.Parallel()
	for name, fail := range map[string]func(http.ResponseWriter){
		"503":   func(w http.ResponseWriter) { w.WriteHeader(http.StatusServiceUnavailable) },
		"panic": func(http.ResponseWriter) { panic(http.ErrAbortHandler) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			calls := 0
			g := newGuard(func(w http.ResponseWriter, _ *http.Request) {
				if calls++; calls == 1 {
					fail(w)
				}
			})
			func() {
				defer func() { _ = recover() }() // as net/http does
				deliver(g, signed("a", ""), "")
			}()
			if again := deliver(g, signed("a", ""), ""); again.Code != http.StatusOK || calls != 2 {
				t.Errorf("the retry got %d after %d calls, want 200 after 2", again.Code, calls)
			}
		})
	}
}

func TestGuard_PutsARetryOffWhileTheFirstIsInHand(t *testing.T) {
	t.Parallel()
	var g signature.Guard
	var inner *httptest.ResponseRecorder
	g = newGuard(func(http.ResponseWriter, *http.Request) {
		if inner == nil {
			inner = deliver(g, signed("a", ""), "")
		}
	})
	deliver(g, signed("a", ""), "")
	if inner.Code != http.StatusServiceUnavailable || inner.Header().Get("Retry-After") == "" {
		t.Errorf("the retry got %d with Retry-After %q, want 503 and a time", inner.Code, inner.Header().Get("Retry-After"))
	}
}

func TestGuard_Refuses(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 1001)
	cases := map[string]struct {
		header http.Header
		body   string
		status int
	}{
		"unsigned":  {http.Header{}, "hello", http.StatusUnauthorized},
		"tampered":  {signed("a", "hello"), "hullo", http.StatusUnauthorized},
		"expired":   {signature.Sign(current, noon.Add(-301*time.Second), "a", nil), "", http.StatusUnauthorized},
		"too large": {signed("a", long), long, http.StatusRequestEntityTooLarge},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newGuard(func(http.ResponseWriter, *http.Request) { t.Error("it was handed on") })
			w := deliver(g, c.header, c.body)
			if w.Code != c.status || !bytes.HasPrefix(w.Body.Bytes(), []byte(`{"error":`)) {
				t.Errorf("%d %s, want %d and the reason as JSON", w.Code, w.Body, c.status)
			}
		})
	}
	t.Run("GET", func(t *testing.T) {
		t.Parallel()
		w := httptest.NewRecorder()
		newGuard(nil).ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", nil))
		if w.Code != http.StatusMethodNotAllowed {
			t.Errorf("%d, want 405", w.Code)
		}
	})
}
