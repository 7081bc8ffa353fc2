package ticketdesk

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/handrail/handrail/activities/desk/signature"
)

const (
	maxInFlight  = 8
	firstBackoff = 250 * time.Millisecond
	maxBackoff   = 15 * time.Second
)

// courier delivers the outbox to the gateway: in order within a ticket, one
// ticket independent of the other, until the gateway takes it or says that it
// never will.
type courier struct {
	tickets *store
	gateway string
	secret  signature.Secret
	log     *slog.Logger
	client  *http.Client
	wake    chan struct{}

	mu       sync.Mutex
	attempts map[string]*attempt // by ticket
}

// attempt is where the first undelivered webhook of a ticket stands.
type attempt struct {
	failed int
	next   time.Time
	busy   bool
	why    string // of the latest failure
}

func newCourier(tickets *store, c Config) *courier {
	return &courier{
		tickets: tickets, gateway: c.GatewayURL, secret: c.Secret, log: c.Logger,
		client:   &http.Client{Timeout: 10 * time.Second, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }},
		wake:     make(chan struct{}, 1),
		attempts: make(map[string]*attempt),
	}
}

// poke makes the courier look into the outbox now.
func (c *courier) poke() {
	select {
	case c.wake <- struct{}{}:
	default: // it has been poked already
	}
}

func (c *courier) run(ctx context.Context) {
	if c.gateway == "" {
		return
	}
	var sending sync.WaitGroup
	defer sending.Wait()
	defer c.client.CloseIdleConnections()
	for {
		due, wait := c.due(time.Now())
		for _, o := range due {
			sending.Go(func() { c.send(ctx, o) })
		}
		select {
		case <-ctx.Done():
			return
		case <-c.wake:
		case <-time.After(wait):
		}
	}
}

// due returns what is to be sent now, marked as busy, and how long nothing else
// will be.
func (c *courier) due(now time.Time) (due []outgoing, wait time.Duration) {
	heads := c.tickets.heads()
	c.mu.Lock()
	defer c.mu.Unlock()
	busy := 0
	for _, a := range c.attempts {
		if a.busy {
			busy++
		}
	}
	wait = maxBackoff
	for _, o := range heads {
		a := c.attempts[o.Payload.Ticket]
		if a == nil {
			a = &attempt{}
			c.attempts[o.Payload.Ticket] = a
		}
		switch left := a.next.Sub(now); {
		case a.busy || busy+len(due) >= maxInFlight: // whoever finishes pokes
		case left > 0:
			wait = min(wait, left)
		default:
			a.busy = true
			due = append(due, o)
		}
	}
	return due, wait
}

func (c *courier) send(ctx context.Context, o outgoing) {
	defer c.poke()
	err := c.post(ctx, o)
	if err != nil && ctx.Err() != nil {
		return // the desk is stopping: the webhook stays in the outbox
	}
	refused := errors.Is(err, errRefused)
	if refused {
		c.log.Error("the gateway refuses a webhook; it is dropped", "ticket", o.Payload.Ticket, "message", o.Payload.ID, "error", err)
	}
	if err == nil || refused {
		err = c.tickets.delivered(o.Delivery)
	}
	c.settle(o, err)
}

func (c *courier) settle(o outgoing, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err == nil {
		delete(c.attempts, o.Payload.Ticket)
		return
	}
	a := c.attempts[o.Payload.Ticket]
	a.busy, a.why = false, err.Error()
	backoff := min(firstBackoff<<min(a.failed, 10), maxBackoff)
	// Tickets that failed together should not all come back together.
	a.next = time.Now().Add(backoff/2 + rand.N(backoff/2))
	if a.failed++; a.failed == 1 {
		c.log.Warn("a webhook was not delivered; the desk tries on", "ticket", o.Payload.Ticket, "gateway", c.gateway, "error", err)
	}
}

// errRefused: the gateway understood the delivery and will never take it.
var errRefused = errors.New("the gateway refuses the delivery for good")

func (c *courier) post(ctx context.Context, o outgoing) error {
	body, err := json.Marshal(o.Payload)
	if err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, c.gateway, bytes.NewReader(body))
	if err != nil {
		return err
	}
	maps.Copy(request.Header, signature.Sign(c.secret, time.Now(), o.Delivery, body))
	request.Header.Set("Content-Type", "application/json")
	response, err := c.client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(response.Body, 64<<10)) // so that the connection is used again
	switch code := response.StatusCode; {
	case code/100 == 2:
		return nil
	case code == http.StatusBadRequest, code == http.StatusRequestEntityTooLarge, code == http.StatusUnprocessableEntity:
		return fmt.Errorf("%w: %s", errRefused, response.Status)
	default:
		return fmt.Errorf("the gateway answers %s", response.Status)
	}
}

// trouble says what is wrong with the delivery of a ticket's next webhook.
func (c *courier) trouble(ticket string) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	if a := c.attempts[ticket]; a != nil {
		return a.why
	}
	return ""
}

// heads returns the first undelivered webhook of each ticket.
func (s *store) heads() []outgoing {
	s.mu.Lock()
	defer s.mu.Unlock()
	var heads []outgoing
	seen := make(map[string]bool)
	for _, o := range s.book.Outbox {
		if !seen[o.Payload.Ticket] {
			seen[o.Payload.Ticket] = true
			heads = append(heads, o)
		}
	}
	return heads
}

// delivered takes a webhook out of the outbox.
func (s *store) delivered(id string) error {
	return s.change(func(b *book) error {
		b.Outbox = slices.DeleteFunc(b.Outbox, func(o outgoing) bool { return o.Delivery == id })
		return nil
	})
}

func (s *store) undelivered() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.book.Outbox)
}
