// Package gateway is the door through which outside systems reach Handrail:
// signed events of the ticket desk become signals and starts.
package gateway

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"time"

	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"

	"github.com/handrail/handrail/activities/desk/httpdesk"
	"github.com/handrail/handrail/activities/desk/signature"
	"github.com/handrail/handrail/activities/desk/ticket"
	"github.com/handrail/handrail/hosting"
	"github.com/handrail/handrail/starter/launch"
)

// Config is what the gateway needs besides Temporal.
type Config struct {
	Listen      string // host:port
	Provider    string // the company's name, as it stands in statements
	DeskSecrets []signature.Secret
	// CertFile and KeyFile are the paths of a certificate chain and its key, in
	// PEM. Without them the gateway speaks plain HTTP: put a proxy before it, or
	// let it listen on loopback.
	CertFile, KeyFile string
	// Boot serves machines that boot over the network.
	Boot BootConfig
}

// passOnTimeout is how long Temporal may take for one delivery. It is shorter
// than a desk waits, which then hears why.
const passOnTimeout = 12 * time.Second

// Gateway turns deliveries into signals and starts.
type Gateway struct {
	config   Config
	temporal client.Client
	verifier *signature.Verifier
	timeout  time.Duration
	log      *slog.Logger
	bootURL  string
}

// New returns a gateway; it listens with Start or Serve.
func New(c Config, tc client.Client, logger *slog.Logger) (*Gateway, error) {
	if len(c.DeskSecrets) == 0 {
		return nil, errors.New("the gateway has no secret for the ticket desk: nothing could be let in")
	}
	for _, s := range c.DeskSecrets {
		if err := s.Check(); err != nil {
			return nil, err
		}
	}
	if (c.CertFile == "") != (c.KeyFile == "") {
		return nil, errors.New("the gateway's certificate and its key go together: give both or none")
	}
	return &Gateway{
		config: c, temporal: tc, verifier: &signature.Verifier{Secrets: c.DeskSecrets}, timeout: passOnTimeout, log: logger,
	}, nil
}

// Handler serves POST /hooks/desk and GET /healthz.
func (g *Gateway) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/hooks/desk", g.logged(signature.Guard{
		Verifier: g.verifier, Limit: httpdesk.MaxRequest, Repeated: http.StatusOK, Next: http.HandlerFunc(g.deskEvent),
	}))
	mux.HandleFunc("GET /healthz", g.healthz)
	return mux
}

func (g *Gateway) healthz(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), min(g.timeout, 3*time.Second))
	defer cancel()
	if _, err := g.temporal.CheckHealth(ctx, &client.CheckHealthRequest{}); err != nil {
		answer(w, http.StatusServiceUnavailable, refusal{"temporal does not answer"})
		return
	}
	answer(w, http.StatusOK, struct{}{})
}

func (g *Gateway) deskEvent(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		answer(w, http.StatusBadRequest, refusal{"the body could not be read"})
		return
	}
	incoming, err := httpdesk.DecodeDelivery(body)
	if err != nil {
		g.log.Warn("delivery not understood", "error", err)
		answer(w, http.StatusUnprocessableEntity, refusal{err.Error()})
		return
	}
	log := g.log.With("ticket", incoming.Ticket, "message", incoming.ID)
	ctx, cancel := context.WithTimeout(r.Context(), g.timeout)
	defer cancel()
	taken, err := g.Take(ctx, ticket.Parse(incoming, g.config.Provider))
	switch {
	case err == nil:
		log.Info("delivery", "taken", taken)
		answer(w, http.StatusOK, receipt{taken})
	case hosting.KindOf(err).Final():
		log.Warn("delivery refused", "error", err)
		answer(w, http.StatusUnprocessableEntity, refusal{err.Error()})
	default:
		// The desk delivers again; a signal that came twice is known by its id.
		log.Error("delivery not passed on", "error", err)
		answer(w, http.StatusServiceUnavailable, refusal{"it could not be passed on; deliver it again"})
	}
}

// Take passes a ticket event on: to the operations of its ticket that run, and,
// where the subject asks for a procedure that is not among them, to a new one
// (H10, I15). It reports whether anybody took it.
func (g *Gateway) Take(ctx context.Context, e hosting.TicketEvent) (taken bool, err error) {
	running, err := launch.Running(ctx, g.temporal, e.Ticket)
	if err != nil {
		return false, err
	}
	asked := e.Kind == hosting.TicketMessage && e.Procedure != ""
	for _, operation := range running {
		err := g.temporal.SignalWorkflow(ctx, launch.ID(operation), "", launch.SignalTicketEvent, e)
		if _, ended := errors.AsType[*serviceerror.NotFound](err); ended {
			continue
		}
		if err != nil {
			return false, err
		}
		taken = true
		asked = asked && launch.Procedure(operation) != e.Procedure
	}
	if !asked {
		return taken, nil
	}
	started, err := launch.SignalOrStart(ctx, g.temporal, e)
	return taken || started, err
}

// receipt answers a delivery: taken tells whether an operation has it.
type receipt struct {
	Taken bool `json:"taken"`
}

// refusal says in words why not.
type refusal struct {
	Error string `json:"error"`
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(body) //nolint:errcheck // nothing can be done for a caller who is gone
}
