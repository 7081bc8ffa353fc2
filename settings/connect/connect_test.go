package connect_test

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"strings"
	"testing"
	"time"

	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/grpc"

	"github.com/handrail/handrail/settings/connect"
)

func listen(t *testing.T) net.Listener {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// frontend answers the first call of a client and nothing else.
type frontend struct {
	workflowservice.UnimplementedWorkflowServiceServer
}

func (frontend) GetSystemInfo(context.Context, *workflowservice.GetSystemInfoRequest) (*workflowservice.GetSystemInfoResponse, error) {
	return &workflowservice.GetSystemInfoResponse{Capabilities: &workflowservice.GetSystemInfoResponse_Capabilities{}}, nil
}

func TestTemporal(t *testing.T) {
	l := listen(t)
	server := grpc.NewServer()
	workflowservice.RegisterWorkflowServiceServer(server, frontend{})
	go server.Serve(l) //nolint:errcheck // ends with Stop
	t.Cleanup(server.Stop)
	t.Setenv("TEMPORAL_ADDRESS", l.Addr().String())
	for set, want := range map[string]string{"": "default", "hosting": "hosting"} {
		t.Setenv("TEMPORAL_NAMESPACE", set)
		tc, namespace, err := connect.Temporal(t.Context(), slog.New(slog.DiscardHandler), nil)
		if err != nil || namespace != want {
			t.Fatalf("%q: %q, %v", set, namespace, err)
		}
		tc.Close()
	}
}

// Nobody listens, or somebody who never answers: one line that says where and
// why, in bounded time.
func TestTemporal_away(t *testing.T) {
	closed := listen(t)
	address := closed.Addr().String()
	closed.Close()
	t.Setenv("TEMPORAL_ADDRESS", address)
	_, _, err := connect.Temporal(t.Context(), slog.New(slog.DiscardHandler), nil)
	want := "Temporal at " + address + " does not answer: dial tcp " + address + ": connect: connection refused. To do: set TEMPORAL_ADDRESS, or start: go run ./dev"
	if _, ok := errors.AsType[*connect.Away](err); !ok || err.Error() != want {
		t.Errorf("%v", err)
	}

	silent := listen(t) // takes the connection and says nothing
	defer silent.Close()
	t.Setenv("TEMPORAL_ADDRESS", silent.Addr().String())
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if _, _, err := connect.Temporal(ctx, slog.New(slog.DiscardHandler), nil); err == nil || !strings.Contains(err.Error(), "Temporal at "+silent.Addr().String()+" does not answer") {
		t.Errorf("%v", err)
	}
}

func TestTemporal_wrongSettings(t *testing.T) {
	t.Setenv("TEMPORAL_CONFIG_FILE", "/nowhere/temporal.toml")
	t.Setenv("TEMPORAL_PROFILE", "nobody's")
	if _, _, err := connect.Temporal(t.Context(), slog.New(slog.DiscardHandler), nil); err == nil || !strings.HasPrefix(err.Error(), "the settings for Temporal: ") {
		t.Errorf("%v", err)
	}
}

func TestReason(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"plain": "plain",
		`failed reaching server: last connection error: connection error: desc = "transport: Error while dialing: dial tcp: lookup \"x\": no such host"`: `dial tcp: lookup "x": no such host`,
		`connection error: desc = "transport: authentication handshake failed: tls: first record does not look like a TLS handshake"`:                    "tls: first record does not look like a TLS handshake",
		`failed reaching server: context deadline exceeded`: "context deadline exceeded",
	} {
		if got := connect.Reason(text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}
