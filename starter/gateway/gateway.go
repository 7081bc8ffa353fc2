// Package gateway is the door through which outside systems reach Handrail:
// signed events of the ticket desk become signals and starts.
package gateway

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"time"

	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"

	"github.com/handrail/handrail/activities/desk/httpdesk"
	"github.com/handrail/handrail/activities/desk/signature"
	"github.com/handrail/handrail/activities/desk/ticket"
	"github.com/handrail/handrail/hosting"
	"github.com/handrail/handrail/starter/launch"
	"github.com/handrail/handrail/workflows"
)

// maxDelivery bounds a webhook's body, in bytes.
const maxDelivery = 1 << 20

// Config is what the gateway needs besides Temporal.
type Config struct {
	Listen      string // host:port
	Provider    string // the company's name, as it stands in statements
	DeskSecrets []signature.Secret
}

// Gateway turns deliveries into signals and starts.
type Gateway struct {
	config   Config
	temporal client.Client
	log      *slog.Logger
}

// New returns a gateway; it listens with Serve.
func New(c Config, tc client.Client, logger *slog.Logger) (*Gateway, error) {
	if len(c.DeskSecrets) == 0 {
		return nil, errors.New("the gateway has no secret for the ticket desk: nothing could be let in")
	}
	for _, s := range c.DeskSecrets {
		if err := s.Check(); err != nil {
			return nil, err
		}
	}
	return &Gateway{config: c, temporal: tc, log: logger}, nil
}

// Handler serves POST /hooks/desk and GET /healthz.
func (g *Gateway) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/hooks/desk", signature.Guard{
		Verifier: &signature.Verifier{Secrets: g.config.DeskSecrets}, Limit: maxDelivery, Repeated: http.StatusOK,
		Next: http.HandlerFunc(g.deskEvent),
	})
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), 3*time.Second)
		defer cancel()
		if _, err := g.temporal.CheckHealth(ctx, &client.CheckHealthRequest{}); err != nil {
			answer(w, http.StatusServiceUnavailable, "temporal does not answer", false)
			return
		}
		answer(w, http.StatusOK, "", false)
	})
	return mux
}

// Start listens until the context ends. It returns the address, and a channel
// that yields once, when everything has stopped.
func (g *Gateway) Start(ctx context.Context) (address string, done <-chan error, err error) {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", g.config.Listen)
	if err != nil {
		return "", nil, fmt.Errorf("the gateway can not listen: %w; is another one running?", err)
	}
	server := &http.Server{
		Handler: g.Handler(), ReadTimeout: 10 * time.Second, ReadHeaderTimeout: 5 * time.Second,
		WriteTimeout: 30 * time.Second, IdleTimeout: time.Minute, MaxHeaderBytes: 16 << 10,
		ErrorLog: slog.NewLogLogger(g.log.Handler(), slog.LevelWarn),
	}
	context.AfterFunc(ctx, func() {
		grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
		defer cancel()
		server.Shutdown(grace) //nolint:errcheck,gosec // what is open then is cut off with the process
	})
	ended := make(chan error, 1)
	go func() {
		err := server.Serve(listener)
		if errors.Is(err, http.ErrServerClosed) {
			err = nil
		}
		ended <- err
	}()
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

func (g *Gateway) deskEvent(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		answer(w, http.StatusBadRequest, "the body could not be read", false)
		return
	}
	incoming, err := httpdesk.DecodeDelivery(body)
	if err != nil {
		g.log.Warn("delivery refused", "error", err)
		answer(w, http.StatusUnprocessableEntity, err.Error(), false)
		return
	}
	taken, err := g.Take(r.Context(), ticket.Parse(incoming, g.config.Provider))
	if err != nil {
		// The desk delivers again; the signal is known by its id if it came twice.
		g.log.Error("delivery not passed on", "ticket", incoming.Ticket, "message", incoming.ID, "error", err)
		answer(w, http.StatusServiceUnavailable, "not passed on; deliver it again", false)
		return
	}
	g.log.Info("delivery", "ticket", incoming.Ticket, "message", incoming.ID, "taken", taken)
	answer(w, http.StatusOK, "", taken)
}

// Take passes a ticket event on: to the operations of its ticket, or, where the
// subject asks for a procedure and none runs, to a new one (H10, I15). It
// reports whether anybody took it.
func (g *Gateway) Take(ctx context.Context, e hosting.TicketEvent) (bool, error) {
	if e.Kind == hosting.TicketMessage && e.Procedure != "" {
		return g.start(ctx, e)
	}
	ids, err := launch.Running(ctx, g.temporal, e.Ticket)
	if err != nil {
		return false, err
	}
	taken := false
	for _, id := range ids {
		err := g.temporal.SignalWorkflow(ctx, id, "", "ticket-event", e)
		if _, gone := errors.AsType[*serviceerror.NotFound](err); gone {
			continue
		}
		if err != nil {
			return false, err
		}
		taken = true
	}
	return taken, nil
}

// start signals the ticket's operation and starts it if there has been none.
func (g *Gateway) start(ctx context.Context, e hosting.TicketEvent) (bool, error) {
	request := workflows.Request{
		Server: e.Fields.Server, Ticket: e.Ticket,
		RequestedBy: hosting.Requester{Contact: e.Author, Role: hosting.RoleCustomer},
	}
	o := launch.Options(e.Procedure, request)
	o.WorkflowIDConflictPolicy = 0
	_, err := g.temporal.SignalWithStartWorkflow(ctx, o.ID, "ticket-event", e, o, string(e.Procedure), request)
	if _, closed := errors.AsType[*serviceerror.WorkflowExecutionAlreadyStarted](err); closed {
		return false, nil
	}
	return err == nil, err
}

func answer(w http.ResponseWriter, status int, problem string, taken bool) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(struct { //nolint:errcheck // nothing can be done for a caller who is gone
		Taken bool   `json:"taken"`
		Error string `json:"error,omitempty"`
	}{taken, problem})
}
