// Package redfish speaks Redfish to a BMC: power, boot override, virtual media
// and inventory, each as the capability interfaces of package board. Resources
// are decoded with gofish's schemas; the requests are our own, bounded in time,
// length and number. Whatever the BMC answers, a call ends in a *hosting.Fault
// or a *board.SendError within its deadline.
package redfish

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"github.com/handrail/handrail/activities/bmc/board"
	"github.com/handrail/handrail/hosting"
)

// Config says which BMC is spoken to and how.
type Config struct {
	// Server is the service id, for messages; Secret the reference of the
	// login, likewise.
	Server, Secret string
	// Address is host:port.
	Address string
	// System is the id of the customer's system, or empty where the BMC has
	// just one.
	System string
	TLS    hosting.BMCTLS
	Login  board.Login
	// Memory keeps what does not change between attempts; nil keeps nothing.
	Memory *Memory
	// Limits are DefaultLimits where zero.
	Limits Limits
	// RoundTripper takes the place of the network in tests.
	RoundTripper http.RoundTripper
}

func (c Config) limits() Limits {
	if c.Limits == (Limits{}) {
		return DefaultLimits
	}
	return c.Limits
}

// Client is a line to one system behind one BMC, good for one attempt and one
// goroutine.
type Client struct {
	cfg  Config
	http *transport
	// last is the system as it was read last.
	last *system
	// quirks are the last system's.
	quirks []quirk
}

var (
	_ board.PowerActor      = (*Client)(nil)
	_ board.BootReader      = (*Client)(nil)
	_ board.BootOverrider   = (*Client)(nil)
	_ board.MediaDrive      = (*Client)(nil)
	_ board.InventoryReader = (*Client)(nil)
)

// New prepares a client; nothing is sent before it is used. An error is an
// InvalidRequest about the record.
func New(cfg Config) (*Client, error) {
	if cfg.Memory == nil {
		cfg.Memory = NewMemory()
	}
	t, err := newTransport(cfg)
	if err != nil {
		return nil, err
	}
	return &Client{cfg: cfg, http: t}, nil
}

// Protocol is Redfish.
func (c *Client) Protocol() hosting.Protocol { return hosting.Redfish }

// Close closes the connections. There is no session to end.
func (c *Client) Close() { c.http.close() }

// Requests is the number of HTTP requests made so far.
func (c *Client) Requests() int { return int(c.http.made.Load()) }

// get reads the resource at path into v. An error is a *hosting.Fault.
func (c *Client) get(ctx context.Context, path string, v any) (reply, error) {
	r, err := c.http.do(ctx, http.MethodGet, path, nil, nil)
	if err != nil {
		return r, c.unanswered(err)
	}
	if r.status != http.StatusOK {
		return r, c.refused(http.MethodGet, path, r)
	}
	if err := decode(r.body, v); err != nil {
		return r, c.nonsense(path, err)
	}
	return r, nil
}

// change sends an idempotent change. An error is a *hosting.Fault.
func (c *Client) change(ctx context.Context, method, path string, payload any, header map[string]string) error {
	r, err := c.http.do(ctx, method, path, payload, header)
	if err != nil {
		return c.unanswered(err)
	}
	if r.status < 200 || r.status > 299 {
		return c.refused(method, path, r)
	}
	return nil
}

// patch changes a resource. Some BMCs want the resource's ETag, some want it
// strong, some want none: on 412 the next form is tried.
func (c *Client) patch(ctx context.Context, path, etag string, payload any) error {
	var err error
	for _, header := range etagForms(etag) {
		err = c.change(ctx, http.MethodPatch, path, payload, header)
		if s := status(err); s != http.StatusPreconditionFailed && s != http.StatusPreconditionRequired {
			return err
		}
	}
	return err
}

func etagForms(etag string) []map[string]string {
	if etag == "" {
		return []map[string]string{nil}
	}
	forms := []map[string]string{{"If-Match": etag}}
	if len(etag) > 2 && etag[:2] == "W/" {
		forms = append(forms, map[string]string{"If-Match": etag[2:]})
	}
	return append(forms, nil)
}

// decode reads a resource as far as it fits: a property of an unexpected type
// is left out, as BMCs have many, but what is no JSON object at all is refused.
func decode(body []byte, v any) error {
	err := json.Unmarshal(body, v)
	if mistyped, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		if mistyped.Field == "" {
			return errNotTheThing
		}
		return nil
	}
	if err != nil {
		return fmt.Errorf("%w: %w", errNotJSON, err)
	}
	return nil
}

// decodeAs reads the named properties of a resource into one of gofish's
// types. Those refuse a whole resource for one property of an unexpected type,
// so they are given no more than is needed, and of that what they can read.
func decodeAs[T any](body []byte, properties ...string) (T, error) {
	var v T
	var all map[string]json.RawMessage
	if err := json.Unmarshal(body, &all); err != nil || all == nil {
		return v, errNotTheThing
	}
	kept := make(map[string]json.RawMessage, len(properties))
	for _, p := range properties {
		raw, ok := all[p]
		if !ok {
			continue
		}
		kept[p] = raw
		if _, err := decodeKept[T](kept); err != nil {
			delete(kept, p)
		}
	}
	return decodeKept[T](kept)
}

func decodeKept[T any](kept map[string]json.RawMessage) (T, error) {
	var v T
	body, err := json.Marshal(kept)
	if err != nil {
		return v, err
	}
	err = json.Unmarshal(body, &v)
	return v, err
}
