// Package ticketdesk is the small ticket desk of dev: the server side of the
// HTTP desk's contract (activities/desk/httpdesk/CONTRACT.md), with web pages on
// which a newcomer can be the customer. It keeps its tickets in one JSON file
// and listens on loopback only, because its pages know no passwords.
package ticketdesk

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/mail"
	"net/url"
	"time"

	"github.com/handrail/handrail/activities/desk/signature"
	"github.com/handrail/handrail/hosting"
)

// Config says where the desk listens, whom it tells and who its customers are.
type Config struct {
	// Address is host:port on loopback; port 0 takes a free one.
	Address string
	// GatewayURL takes the webhooks; empty sends none.
	GatewayURL string
	// Secret signs both directions.
	Secret signature.Secret
	// DataFile keeps the tickets; it is made where it does not exist.
	DataFile string
	// Contacts and Servers are the choices of the form for a new ticket.
	Contacts []Contact
	Servers  []hosting.Server
	// Systems are the titles of the operating systems that the form offers for a
	// reinstallation; none leaves it to the writer.
	Systems []string
	// Provider is the company's name in statements.
	Provider string
	// Logger is slog's default where it is nil.
	Logger *slog.Logger
}

// Contact is a person who may write tickets, with the organization.
type Contact struct {
	hosting.Contact
	Organization     string // id
	OrganizationName string
}

// Contacts lists the active contacts of organizations.
func Contacts(organizations []hosting.Organization) []Contact {
	var all []Contact
	for _, o := range organizations {
		for _, c := range o.Contacts {
			if c.Active {
				all = append(all, Contact{Contact: c, Organization: o.ID, OrganizationName: o.Name})
			}
		}
	}
	return all
}

// Desk is a running ticket desk.
type Desk struct {
	config  Config
	tickets *store
	courier *courier
	server  *http.Server
	address string
	stop    context.CancelFunc
	stopped chan struct{}
}

// EndpointPath is where the desk takes Handrail's requests.
const EndpointPath = "/handrail"

// Start reads the data file, listens and begins to deliver webhooks that are
// still outstanding. The desk runs until ctx ends or Close. Errors say what of
// the configuration, the data file or the address is wrong.
func Start(ctx context.Context, c Config) (*Desk, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	tickets, err := openStore(c.DataFile)
	if err != nil {
		return nil, err
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", c.Address)
	if err != nil {
		return nil, fmt.Errorf("ticket desk: %w (is another one running?)", err)
	}
	d := &Desk{config: c, tickets: tickets, address: listener.Addr().String(), stopped: make(chan struct{})}
	d.courier = newCourier(tickets, c)
	d.server = &http.Server{
		Handler:           d.routes(),
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       20 * time.Second,
		WriteTimeout:      20 * time.Second,
		IdleTimeout:       time.Minute,
		MaxHeaderBytes:    32 << 10,
		ErrorLog:          slog.NewLogLogger(c.Logger.Handler(), slog.LevelWarn),
	}
	ctx, d.stop = context.WithCancel(ctx)
	go d.run(ctx, listener)
	return d, nil
}

func (d *Desk) run(ctx context.Context, listener net.Listener) {
	defer close(d.stopped)
	delivered := make(chan struct{})
	go func() {
		defer close(delivered)
		d.courier.run(ctx)
	}()
	context.AfterFunc(ctx, func() {
		grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
		defer cancel()
		if d.server.Shutdown(grace) != nil {
			_ = d.server.Close() // what is open after the grace is cut off
		}
	})
	if err := d.server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		d.config.Logger.Error("the ticket desk stopped listening", "error", err)
	}
	<-delivered
}

// Close stops the desk and waits until it has stopped. Webhooks that were not
// delivered stay in the data file.
func (d *Desk) Close() {
	d.stop()
	<-d.stopped
}

// URL is the address of the pages, without a final slash.
func (d *Desk) URL() string { return "http://" + d.address }

// Endpoint is the URL that takes Handrail's requests.
func (d *Desk) Endpoint() string { return d.URL() + EndpointPath }

func (c Config) check() error {
	host, _, err := net.SplitHostPort(c.Address)
	if err != nil {
		return hosting.Invalid("", fmt.Sprintf("the ticket desk's address %q is not host:port", c.Address), "use 127.0.0.1:8090")
	}
	if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return hosting.Invalid("", fmt.Sprintf("the ticket desk's address %q is not on loopback", c.Address),
			"use 127.0.0.1: everybody who reaches its pages can write as any customer")
	}
	if c.GatewayURL != "" {
		if u, err := url.Parse(c.GatewayURL); err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
			return hosting.Invalid("", "the gateway's URL is not one", "write it like http://127.0.0.1:8080/hooks/desk")
		}
	}
	if c.DataFile == "" || c.Provider == "" {
		return hosting.Invalid("", "the ticket desk needs a data file and the provider's name", "set both")
	}
	for _, contact := range c.Contacts {
		if a, err := mail.ParseAddress(contact.Email); err != nil || a.Address != contact.Email {
			return hosting.Invalid("", fmt.Sprintf("the contact %q has no valid e-mail address", contact.Name), "correct the contact")
		}
	}
	return c.Secret.Check()
}

// Create opens a ticket as a customer does and returns its number. The language
// is that of the contact, where it is known, else English.
func (d *Desk) Create(contact, subject, body string) (string, error) {
	return d.create(contact, d.languageOf(contact), subject, body)
}

func (d *Desk) create(contact string, language hosting.Language, subject, body string) (string, error) {
	id, err := d.tickets.create(contact, language, subject, body)
	d.courier.poke()
	return id, err
}

// Reply writes on a ticket as a customer does; a closed ticket opens again.
func (d *Desk) Reply(ticket, contact, body string) error {
	err := d.tickets.reply(ticket, contact, body)
	d.courier.poke()
	return err
}

// CloseTicket closes a ticket as a customer does.
func (d *Desk) CloseTicket(ticket, contact string) error {
	err := d.tickets.closeByCustomer(ticket, contact)
	d.courier.poke()
	return err
}

// Thread returns a copy of a ticket with its messages, oldest first.
func (d *Desk) Thread(ticket string) (Ticket, error) { return d.tickets.ticket(ticket) }

// Tickets returns copies of all tickets, the latest first.
func (d *Desk) Tickets() []Ticket { return d.tickets.all() }

// Undelivered is the number of webhooks that the gateway has not taken yet.
func (d *Desk) Undelivered() int { return d.tickets.undelivered() }

func (d *Desk) languageOf(contact string) hosting.Language {
	for _, c := range d.config.Contacts {
		if c.Email == contact && c.Language.Known() {
			return c.Language
		}
	}
	return hosting.English
}
