// Package connect connects a program to Temporal as the environment says.
package connect

import (
	"context"
	"fmt"
	"log/slog"
	"regexp"
	"strconv"
	"strings"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/contrib/envconfig"
	"go.temporal.io/sdk/log"
)

// Temporal connects as Temporal's standard environment configuration says
// (TEMPORAL_ADDRESS, TEMPORAL_NAMESPACE, TEMPORAL_API_KEY, TEMPORAL_TLS_…, a
// profile), and returns the namespace with the client. The error of a Temporal
// that does not answer is *Away. Metrics may be nil.
func Temporal(ctx context.Context, logger *slog.Logger, metrics client.MetricsHandler) (tc client.Client, namespace string, err error) {
	o, err := envconfig.LoadDefaultClientOptions()
	if err != nil {
		return nil, "", fmt.Errorf("the settings for Temporal: %w", err)
	}
	o.Logger, o.MetricsHandler = log.NewStructuredLogger(logger), metrics
	if o.HostPort == "" {
		o.HostPort = client.DefaultHostPort
	}
	if o.Namespace == "" {
		o.Namespace = client.DefaultNamespace
	}
	tc, err = client.DialContext(ctx, o)
	if err != nil {
		return nil, "", &Away{Address: o.HostPort, Cause: err}
	}
	return tc, o.Namespace, nil
}

// Away is a Temporal that could not be connected to.
type Away struct {
	Address string
	Cause   error
}

// Error says where, why, and what to do.
func (a *Away) Error() string {
	return fmt.Sprintf("Temporal at %s does not answer: %s. To do: set TEMPORAL_ADDRESS, or start: go run ./dev", a.Address, Reason(a.Cause.Error()))
}

// Unwrap returns the SDK's error.
func (a *Away) Unwrap() error { return a.Cause }

// described is gRPC's way to quote what a connection failed of.
var described = regexp.MustCompile(`desc = ("(?:[^"\\]|\\.)*")`)

// Reason is why a connection failed, without the words that gRPC and the SDK
// put around it.
func Reason(text string) string {
	if quoted := described.FindStringSubmatch(text); quoted != nil {
		if inner, err := strconv.Unquote(quoted[1]); err == nil {
			text = inner
		}
	}
	for _, noise := range []string{"failed reaching server: ", "transport: ", "Error while dialing: ", "authentication handshake failed: "} {
		text = strings.TrimPrefix(text, noise)
	}
	return text
}
