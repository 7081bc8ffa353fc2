// Package mailbox is a mail server for development: it takes every mail, keeps
// the newest in memory, delivers none, and shows them on a web page.
package mailbox

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"syscall"
	"time"

	"github.com/emersion/go-smtp"
	"golang.org/x/net/netutil"
)

// Config says where the mailbox listens. Both addresses are host:port on
// loopback; port 0 takes a free one.
type Config struct {
	SMTPAddress string
	WebAddress  string
	// Logger takes a line for each mail; nil means slog.Default.
	Logger *slog.Logger
}

// The limits of what is kept and accepted.
const (
	keepMessages    = 500
	keepBytes       = 64 << 20
	messageBytes    = 10 << 20
	maxRecipients   = 50
	maxConnections  = 64
	idleTimeout     = time.Minute
	shutdownTimeout = time.Second
)

// Mailbox is a running mailbox.
type Mailbox struct {
	store    *store
	smtpAddr net.Addr
	webAddr  net.Addr
	stopped  chan struct{}
	err      error // of a listener that ended by itself; read after stopped
}

// Start listens on both addresses and serves until ctx is done.
func Start(ctx context.Context, config Config) (*Mailbox, error) {
	logger := config.Logger
	if logger == nil {
		logger = slog.Default()
	}
	smtpListener, err := listen(ctx, "SMTP", config.SMTPAddress)
	if err != nil {
		return nil, err
	}
	webListener, err := listen(ctx, "web page", config.WebAddress)
	if err != nil {
		return nil, errors.Join(err, smtpListener.Close())
	}
	m := &Mailbox{
		store:    &store{maxCount: keepMessages, maxBytes: keepBytes},
		smtpAddr: smtpListener.Addr(),
		webAddr:  webListener.Addr(),
		stopped:  make(chan struct{}),
	}
	go m.serve(ctx, newSMTPServer(m.store, logger), smtpListener, newWebServer(m.store, m.SMTPAddr(), logger), webListener)
	return m, nil
}

// SMTPAddr is where the mailbox takes mail, as host:port.
func (m *Mailbox) SMTPAddr() string { return m.smtpAddr.String() }

// URL is the address of the web page.
func (m *Mailbox) URL() string { return "http://" + m.webAddr.String() + "/" }

// Messages returns the mails that are kept, the newest first.
func (m *Mailbox) Messages() []Message { return m.store.list() }

// Wait returns when the mailbox has stopped: nil after its context was done,
// else why it could not go on.
func (m *Mailbox) Wait() error {
	<-m.stopped
	return m.err
}

// serve runs both servers until ctx is done or one of them fails.
func (m *Mailbox) serve(ctx context.Context, mail *smtp.Server, mailListener net.Listener, web *http.Server, webListener net.Listener) {
	defer close(m.stopped)
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var running sync.WaitGroup
	running.Go(func() { cancel(mail.Serve(mailListener)) })
	running.Go(func() { cancel(web.Serve(webListener)) })

	<-ctx.Done()
	if cause := context.Cause(ctx); !errors.Is(cause, context.Canceled) && !errors.Is(cause, context.DeadlineExceeded) {
		m.err = fmt.Errorf("mailbox stopped: %w", cause)
	}
	grace, done := context.WithTimeout(context.WithoutCancel(ctx), shutdownTimeout)
	defer done()
	if web.Shutdown(grace) != nil {
		web.Close()
	}
	mail.Close()
	mailListener.Close() // a server that is closed before it serves does not know its listener
	running.Wait()
}

// listen opens a listener on loopback with a bounded number of connections.
func listen(ctx context.Context, what, address string) (net.Listener, error) {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil, fmt.Errorf("mailbox: the address %q of the %s is not host:port: %w", address, what, err)
	}
	if ip, err := netip.ParseAddr(host); host != "localhost" && (err != nil || !ip.IsLoopback()) {
		return nil, fmt.Errorf("mailbox: the address %q of the %s is not on loopback: the mailbox has no log-in; use 127.0.0.1", address, what)
	}
	var config net.ListenConfig
	l, err := config.Listen(ctx, "tcp", address)
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, fmt.Errorf("mailbox: %s, for its %s, is in use: end the other program or choose another port: %w", address, what, err)
	}
	if err != nil {
		return nil, fmt.Errorf("mailbox: listen on %s for its %s: %w", address, what, err)
	}
	return netutil.LimitListener(l, maxConnections), nil
}
