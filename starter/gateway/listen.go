package gateway

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"golang.org/x/net/netutil"
)

const (
	// maxConnections bounds what is held open at one time; with the body's limit
	// it bounds the memory that strangers can claim.
	maxConnections = 128
	// grace is how long a delivery may take to end when the gateway stops.
	grace = 15 * time.Second
)

// Start listens until the context ends. It returns the address, and a channel
// that yields once, when everything has stopped.
func (g *Gateway) Start(ctx context.Context) (address string, done <-chan error, err error) {
	listener, err := g.listen(ctx)
	if err != nil {
		return "", nil, err
	}
	server := &http.Server{
		Handler: g.Handler(), ReadTimeout: 10 * time.Second, ReadHeaderTimeout: 5 * time.Second,
		WriteTimeout: 30 * time.Second, IdleTimeout: time.Minute, MaxHeaderBytes: 16 << 10,
		ErrorLog: slog.NewLogLogger(g.log.Handler(), slog.LevelWarn),
	}
	bootServer, bootListener, err := g.listenForMachines(ctx)
	if err != nil {
		listener.Close() //nolint:errcheck,gosec // it is being given up
		return "", nil, err
	}
	ended := make(chan error, 1)
	go func() { ended <- serveAll(ctx, server, listener, bootServer, bootListener) }()
	g.log.Info("gateway is listening", "address", listener.Addr().String())
	return listener.Addr().String(), ended, nil
}

// Serve listens until the context ends.
func (g *Gateway) Serve(ctx context.Context) error {
	_, done, err := g.Start(ctx)
	if err != nil {
		return err
	}
	return <-done
}

func (g *Gateway) listen(ctx context.Context) (net.Listener, error) {
	secure := &tls.Config{MinVersion: tls.VersionTLS12}
	if g.config.CertFile != "" {
		pair, err := tls.LoadX509KeyPair(g.config.CertFile, g.config.KeyFile)
		if err != nil {
			return nil, fmt.Errorf("the gateway's certificate: %w", err)
		}
		secure.Certificates = []tls.Certificate{pair}
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", g.config.Listen)
	if err != nil {
		return nil, fmt.Errorf("the gateway can not listen: %w; is another one running?", err)
	}
	listener = netutil.LimitListener(listener, maxConnections)
	if len(secure.Certificates) > 0 {
		listener = tls.NewListener(listener, secure)
	}
	return listener, nil
}

// serveAll serves the desk and, where there is a second listener, machines. If
// one of them ends the other is stopped as well.
func serveAll(ctx context.Context, desk *http.Server, listener net.Listener, boot *http.Server, bootListener net.Listener) error {
	if boot == nil {
		return serve(ctx, desk, listener)
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	ended := make(chan error, 1)
	go func() {
		defer stop()
		ended <- serve(ctx, boot, bootListener)
	}()
	err := serve(ctx, desk, listener)
	stop()
	return errors.Join(err, <-ended)
}

// serve returns when the last delivery has been answered, or cut off.
func serve(ctx context.Context, server *http.Server, listener net.Listener) error {
	stopped := make(chan error, 1)
	stop := context.AfterFunc(ctx, func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), grace)
		defer cancel()
		err := server.Shutdown(ctx)
		if err != nil {
			server.Close() //nolint:errcheck,gosec // it is being given up
			err = fmt.Errorf("the gateway stopped in the middle of a delivery: %w", err)
		}
		stopped <- err
	})
	err := server.Serve(listener)
	if !errors.Is(err, http.ErrServerClosed) {
		stop()
		return err
	}
	return <-stopped
}

// logged writes down what was refused at the door, and never what was in it.
func (g *Gateway) logged(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		watched := &statusWriter{ResponseWriter: w}
		next.ServeHTTP(watched, r)
		if watched.status == http.StatusUnauthorized || watched.status == http.StatusRequestEntityTooLarge {
			g.log.Warn("delivery turned away", "status", watched.status, "from", r.RemoteAddr)
		}
	})
}

// statusWriter remembers the status of an answer.
type statusWriter struct {
	http.ResponseWriter
	status int
}

func (w *statusWriter) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}

// Unwrap serves http.ResponseController.
func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
