package signature

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
)

// Guard is an http.Handler that lets only signed POST requests through. It
// reads the body, bounded, verifies it, and remembers the delivery as accepted
// if Next answers with a 2xx; otherwise the sender's retry is let in again.
type Guard struct {
	Verifier *Verifier
	// Limit bounds the body, in bytes.
	Limit int64
	// Repeated is the status for a delivery that was accepted before: 200 where
	// a sender repeats until it hears a yes, as with webhooks, else 409.
	Repeated int
	// Next finds the verified body in the request.
	Next http.Handler
}

// ServeHTTP implements http.Handler. Refusals are JSON: {"error": "words"}.
func (g Guard) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		refuse(w, http.StatusMethodNotAllowed, "only POST is understood here")
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, g.Limit))
	if _, large := errors.AsType[*http.MaxBytesError](err); large {
		refuse(w, http.StatusRequestEntityTooLarge, "the body is too large")
		return
	}
	if err != nil {
		refuse(w, http.StatusBadRequest, "the body could not be read")
		return
	}
	if err := g.Verifier.begin(r.Header, body); err != nil {
		g.refuse(w, err)
		return
	}
	accepted := false
	defer func() { g.Verifier.settle(r.Header, accepted) }()
	next := r.Clone(r.Context())
	next.Body = io.NopCloser(bytes.NewReader(body))
	next.ContentLength = int64(len(body))
	watched := &statusWriter{ResponseWriter: w}
	g.Next.ServeHTTP(watched, next)
	accepted = watched.ok()
}

func (g Guard) refuse(w http.ResponseWriter, err error) {
	switch {
	case errors.Is(err, ErrReplayed):
		refuse(w, g.Repeated, err.Error())
	case errors.Is(err, ErrInHand), errors.Is(err, ErrFull):
		w.Header().Set("Retry-After", "2")
		refuse(w, http.StatusServiceUnavailable, err.Error())
	default:
		refuse(w, http.StatusUnauthorized, err.Error())
	}
}

func refuse(w http.ResponseWriter, status int, why string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	// The client may be gone; there is nobody else to tell.
	_ = json.NewEncoder(w).Encode(map[string]string{"error": why})
}

// statusWriter remembers the status that a handler answered with.
type statusWriter struct {
	http.ResponseWriter
	status int
}

func (w *statusWriter) WriteHeader(status int) {
	if w.status == 0 && status >= 200 {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *statusWriter) Write(p []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	return w.ResponseWriter.Write(p)
}

// Unwrap serves http.ResponseController.
func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// ok: a handler that answers nothing has answered 200. One that panics never
// gets here.
func (w *statusWriter) ok() bool { return w.status == 0 || w.status/100 == 2 }
