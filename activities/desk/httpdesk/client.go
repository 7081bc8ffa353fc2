// Package httpdesk is the adapter for a ticket desk behind plain HTTP. What
// such a desk has to do is described in CONTRACT.md; the types of the contract
// stand in wire.go.
package httpdesk

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"maps"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/handrail/handrail/activities/desk/signature"
	"github.com/handrail/handrail/hosting"
)

// Config says how to reach a desk.
type Config struct {
	// URL is the desk's endpoint. It is https, or http on a loopback address.
	URL string
	// Secret signs our requests.
	Secret signature.Secret
	// CA is a PEM bundle to verify the desk against instead of the system's roots.
	CA string
	// Timeout bounds one request with its response; 0 is 15 seconds.
	Timeout time.Duration
	// Now is the clock for timestamps; nil is time.Now.
	Now func() time.Time
}

const (
	defaultTimeout = 15 * time.Second
	// maxResponse fits a page of the longest messages with room for escapes.
	maxResponse = 32 << 20
)

// Client implements desk.Desk. It may be used by many goroutines.
type Client struct {
	endpoint string
	secret   signature.Secret
	now      func() time.Time
	http     *http.Client
}

// New returns a client, or an InvalidRequest that says what is wrong with the
// configuration. It does not connect.
func New(c Config) (*Client, error) {
	if err := checkEndpoint(c.URL); err != nil {
		return nil, err
	}
	if err := c.Secret.Check(); err != nil {
		return nil, err
	}
	transport, err := newTransport(c.CA)
	if err != nil {
		return nil, err
	}
	if c.Timeout <= 0 {
		c.Timeout = defaultTimeout
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	return &Client{endpoint: c.URL, secret: c.Secret, now: c.Now, http: &http.Client{
		Transport: transport,
		Timeout:   c.Timeout,
		// A redirect would carry a signed request to somebody else.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}, nil
}

func checkEndpoint(endpoint string) error {
	u, err := url.Parse(endpoint)
	switch {
	case err != nil || u.Host == "":
		return hosting.Invalid("", "the desk's URL is not one", "write it like https://desk.example.com/handrail")
	case u.User != nil || u.Fragment != "":
		return hosting.Invalid("", "the desk's URL holds a user or a fragment", "leave it out; the secret signs the requests")
	case u.Scheme == "https":
		return nil
	case u.Scheme == "http" && loopback(u.Hostname()):
		return nil
	}
	return hosting.Invalid("", fmt.Sprintf("the desk's URL has the scheme %q", u.Scheme), "use https; http is taken for a loopback address only")
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

func newTransport(ca string) (*http.Transport, error) {
	verified := &tls.Config{MinVersion: tls.VersionTLS12}
	if ca != "" {
		verified.RootCAs = x509.NewCertPool()
		if !verified.RootCAs.AppendCertsFromPEM([]byte(ca)) {
			return nil, hosting.Invalid("", "the desk's CA holds no certificate", "give a PEM bundle")
		}
	}
	return &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		DialContext:            (&net.Dialer{Timeout: 5 * time.Second}).DialContext,
		TLSClientConfig:        verified,
		TLSHandshakeTimeout:    5 * time.Second,
		MaxResponseHeaderBytes: 64 << 10,
		MaxIdleConnsPerHost:    4,
		IdleConnTimeout:        time.Minute,
		ForceAttemptHTTP2:      true,
	}, nil
}

// call sends one signed request under a delivery id of its own. What it was
// for stands in the faults.
func (c *Client) call(ctx context.Context, in Request) (Response, error) {
	purpose := in.purpose()
	if err := in.Validate(); err != nil {
		return Response{}, hosting.Invalid("", purpose, "").Because(err)
	}
	body, err := json.Marshal(in)
	if err != nil {
		return Response{}, fmt.Errorf("%s: %w", purpose, err)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, c.endpoint, bytes.NewReader(body))
	if err != nil {
		return Response{}, fmt.Errorf("%s: %w", purpose, err)
	}
	maps.Copy(request.Header, signature.Sign(c.secret, c.now(), signature.NewDelivery(), body))
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Accept", "application/json")
	response, err := c.http.Do(request)
	if err != nil {
		return Response{}, unreachable(purpose, err)
	}
	defer response.Body.Close()
	return readResponse(purpose, response)
}

// purpose says in words what a request is for.
func (r Request) purpose() string {
	switch r.Request {
	case RequestOpen:
		return "open a ticket at the desk for " + r.Contact
	case RequestPost:
		return fmt.Sprintf("post a message of kind %s on ticket %s", r.Kind, r.Ticket)
	case RequestFind:
		if r.Ticket == "" {
			return "look at the desk for a ticket opened earlier"
		}
		return "look on ticket " + r.Ticket + " for a message posted earlier"
	}
	return r.Request + " ticket " + r.Ticket
}
