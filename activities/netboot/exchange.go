package netboot

import (
	"errors"
	"log/slog"
	"net/http"
	"time"

	"github.com/handrail/handrail/hosting"
)

// exchange is a request with what was found out about it, for the log.
type exchange struct {
	http.ResponseWriter
	r      *http.Request
	token  [32]byte
	secret string // what the token is the sum of
	status int
	fields []any
}

// WriteHeader remembers the status.
func (x *exchange) WriteHeader(status int) {
	if x.status == 0 {
		x.status = status
	}
	x.ResponseWriter.WriteHeader(status)
}

// Write gives the client some time for each piece: files are large, and a whole
// one may take long.
func (x *exchange) Write(b []byte) (int, error) {
	if x.status == 0 {
		x.status = http.StatusOK
	}
	if err := x.patience(); err != nil {
		return 0, err
	}
	return x.ResponseWriter.Write(b)
}

// Unwrap serves http.ResponseController.
func (x *exchange) Unwrap() http.ResponseWriter { return x.ResponseWriter }

// pieceTimeout is how long a client may take for what one Write sends, 32 KiB.
const pieceTimeout = 30 * time.Second

func (x *exchange) patience() error {
	err := http.NewResponseController(x.ResponseWriter).SetWriteDeadline(time.Now().Add(pieceTimeout))
	if errors.Is(err, http.ErrNotSupported) { // as with recorders in tests
		return nil
	}
	return err
}

func (x *exchange) note(key string, value any) { x.fields = append(x.fields, key, value) }

func (x *exchange) noteBoot(b hosting.NetworkBoot) {
	if b.ID != "" {
		x.fields = append(x.fields, "boot", b.ID, "operation", b.Operation, "server", b.Server)
	}
}

// text answers with a text. Every answer outside the boot files is for this
// moment only.
func (x *exchange) text(status int, text string) {
	x.Header().Set("Content-Type", "text/plain; charset=utf-8")
	x.WriteHeader(status)
	if status != http.StatusNoContent {
		x.Write([]byte(text)) //nolint:errcheck // nothing can be done for a machine that is gone
	}
}

func (s *Server) logged(route string, serve func(*exchange)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began := s.now()
		x := &exchange{ResponseWriter: w, r: r}
		x.Header().Set("X-Content-Type-Options", "nosniff")
		if route != "file" {
			x.Header().Set("Cache-Control", "no-store")
		}
		serve(x)
		level := slog.LevelInfo
		if x.status >= http.StatusInternalServerError {
			level = slog.LevelError
		} else if x.status >= http.StatusBadRequest {
			level = slog.LevelWarn
		}
		fields := append([]any{"route", route, "method", r.Method, "status", x.status, "from", r.RemoteAddr, "took", s.now().Sub(began)}, x.fields...)
		s.config.Log.Log(r.Context(), level, "boot request", fields...)
	})
}
