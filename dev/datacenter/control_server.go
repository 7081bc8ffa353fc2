package datacenter

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"golang.org/x/net/netutil"
)

// controlServer serves the control API on loopback.
type controlServer struct {
	url     string
	web     *http.Server
	serving sync.WaitGroup
	gate    gate
}

func serveControl(ctx, life context.Context, address string, h http.Handler, log *slog.Logger) (*controlServer, error) {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil, fmt.Errorf("control API of the data centre: %w", err)
	}
	if ip := net.ParseIP(host); ip == nil || !ip.IsLoopback() {
		return nil, fmt.Errorf("control API of the data centre: %s is not a loopback address; it has no authentication and is served on 127.0.0.1 only", host)
	}
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("control API of the data centre: %w", err)
	}
	s := &controlServer{url: "http://" + l.Addr().String()}
	s.web = &http.Server{
		Handler: s.gate.guard(h), MaxHeaderBytes: 16 << 10, BaseContext: func(net.Listener) context.Context { return life },
		ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second, WriteTimeout: 10 * time.Second, IdleTimeout: time.Minute,
		ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
	s.serving.Go(func() { _ = s.web.Serve(netutil.LimitListener(l, maxConnections)) })
	return s, nil
}

func (s *controlServer) close() error {
	err := s.web.Close()
	s.serving.Wait()
	s.gate.shut()
	return err
}
