package redfish

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"path"
	"strings"
	"sync/atomic"
	"time"

	"github.com/handrail/handrail/activities/bmc/board"
)

// Limits bound what one attempt may cost, whatever a BMC answers.
type Limits struct {
	// Request is the total time for one request, its body included.
	Request time.Duration
	// Body is the longest body that is read, in bytes, after decompression.
	Body int64
	// Requests is how many requests one attempt may make.
	Requests int
	// Settle is how long a changed setting may take to be read back, and
	// SettlePoll the time between two looks at it.
	Settle, SettlePoll time.Duration
}

// DefaultLimits suit real BMCs: slow, and with bodies of less than 1 MB.
var DefaultLimits = Limits{
	Request:    15 * time.Second,
	Body:       8 << 20,
	Requests:   1000,
	Settle:     20 * time.Second,
	SettlePoll: time.Second,
}

const (
	maxRedirects   = 3
	maxHeaderBytes = 64 << 10
)

// transport makes bounded HTTP requests to one BMC and to nothing else. It
// takes the place of gofish's APIClient, which spends a request on the service
// root, reads bodies of any length and starts a goroutine for each member of a
// collection.
type transport struct {
	client *http.Client
	base   string // "https://host:port"
	login  board.Login
	limits Limits
	made   atomic.Int64
}

// reply is an answer whose body was read in full.
type reply struct {
	status int
	etag   string
	body   []byte
}

// The ways in which a request ends without an answer.
var (
	errTooLarge    = errors.New("the answer is longer than any Redfish resource")
	errBudget      = errors.New("the BMC leads from link to link without an end")
	errElsewhere   = errors.New("the BMC redirects or links to another place")
	errNotJSON     = errors.New("the answer is not JSON")
	errNotTheThing = errors.New("the answer is not the Redfish resource that was asked for")
)

// requestError is a request that ended without an answer.
type requestError struct {
	method, path string
	wrote        bool // something of it may have reached the BMC
	err          error
}

func (e *requestError) Error() string { return e.method + " " + e.path + ": " + e.err.Error() }
func (e *requestError) Unwrap() error { return e.err }

func newTransport(cfg Config) (*transport, error) {
	t := &transport{base: "https://" + cfg.Address, login: cfg.Login, limits: cfg.limits()}
	round := cfg.RoundTripper
	if round == nil {
		tlsConfig, err := tlsConfig(cfg.Server, cfg.Address, cfg.TLS)
		if err != nil {
			return nil, err
		}
		// No proxy: BMCs stand in a management network of their own.
		round = &http.Transport{
			DialContext:            (&net.Dialer{Timeout: t.limits.Request}).DialContext,
			TLSClientConfig:        tlsConfig,
			TLSHandshakeTimeout:    t.limits.Request,
			MaxIdleConnsPerHost:    inventoryReaders,
			MaxConnsPerHost:        inventoryReaders,
			IdleConnTimeout:        time.Minute,
			MaxResponseHeaderBytes: maxHeaderBytes,
		}
	}
	t.client = &http.Client{Transport: round, CheckRedirect: t.checkRedirect}
	return t, nil
}

// checkRedirect lets a GET move on the same BMC (iLO adds a slash this way). A
// request that changes something is never sent a second time.
func (t *transport) checkRedirect(req *http.Request, via []*http.Request) error {
	first := via[0]
	switch {
	case first.Method != http.MethodGet:
		return http.ErrUseLastResponse
	case req.URL.Scheme != first.URL.Scheme || req.URL.Host != first.URL.Host:
		return fmt.Errorf("%w: %s", errElsewhere, req.URL.Redacted())
	case len(via) > maxRedirects:
		return errBudget
	}
	return nil
}

func (t *transport) close() { t.client.CloseIdleConnections() }

// do makes one request. An answer of any status is a reply; everything else is
// a *requestError.
func (t *transport) do(ctx context.Context, method, link string, payload any, header map[string]string) (reply, error) {
	fail := func(wrote bool, err error) (reply, error) {
		return reply{}, &requestError{method: method, path: link, wrote: wrote, err: err}
	}
	if t.made.Add(1) > int64(t.limits.Requests) {
		return fail(false, errBudget)
	}
	target, err := localPath(link)
	if err != nil {
		return fail(false, err)
	}
	ctx, cancel := context.WithTimeout(ctx, t.limits.Request)
	defer cancel()
	var wrote atomic.Bool
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{WroteHeaders: func() { wrote.Store(true) }})
	req, err := t.request(ctx, method, target, payload)
	if err != nil {
		return fail(false, err)
	}
	for k, v := range header {
		req.Header.Set(k, v)
	}
	resp, err := t.client.Do(req)
	if err != nil {
		// net/http's own wrapping repeats method and address.
		if inner, ok := errors.AsType[*url.Error](err); ok {
			err = inner.Err
		}
		return fail(wrote.Load(), err)
	}
	defer resp.Body.Close()
	body, err := t.readBody(resp)
	if err == nil && method == http.MethodGet {
		err = ctx.Err() // a body that ended because we hung up is not whole
	}
	if err != nil {
		return fail(true, err)
	}
	return reply{status: resp.StatusCode, etag: resp.Header.Get("ETag"), body: body}, nil
}

func (t *transport) request(ctx context.Context, method, target string, payload any) (*http.Request, error) {
	var body io.Reader
	if payload != nil {
		encoded, err := json.Marshal(payload)
		if err != nil {
			return nil, err
		}
		body = bytes.NewReader(encoded)
	}
	req, err := http.NewRequestWithContext(ctx, method, t.base+target, body)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept", "application/json")
	req.Header.Set("OData-Version", "4.0") // Redfish specification, 6.5
	if payload != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	// Basic authentication: a session that is left open fills the BMC's table.
	req.SetBasicAuth(t.login.User, t.login.Password)
	return req, nil
}

// readBody reads the body within its limit. The answer to an act counts by its
// status, so a body that breaks off or is too long does not spoil it.
func (t *transport) readBody(resp *http.Response) ([]byte, error) {
	body, err := io.ReadAll(io.LimitReader(resp.Body, t.limits.Body+1))
	if resp.Request.Method != http.MethodGet {
		if int64(len(body)) > t.limits.Body {
			body = nil
		}
		return body, nil
	}
	switch {
	case err != nil:
		return nil, err
	case int64(len(body)) > t.limits.Body:
		return nil, fmt.Errorf("%w (over %d MB)", errTooLarge, t.limits.Body>>20)
	}
	return body, nil
}

// localPath is the path of a link on this BMC. A link with a host of its own
// is refused: it would carry the login there.
func localPath(link string) (string, error) {
	u, err := url.Parse(link)
	if err != nil {
		return "", fmt.Errorf("%w: a malformed link", errElsewhere)
	}
	if u.Scheme != "" || u.Host != "" || u.User != nil || !strings.HasPrefix(u.Path, "/") || path.Clean(u.Path) != strings.TrimSuffix(u.Path, "/") {
		return "", fmt.Errorf("%w: %s", errElsewhere, u.Redacted())
	}
	u.Fragment = ""
	return u.String(), nil
}
