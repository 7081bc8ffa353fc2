// Package redfish is the Redfish service of a simulated BMC: stateful, with
// authentication, sessions, tasks and the peculiarities of a vendor's profile.
package redfish

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/handrail/handrail/dev/datacenter/chassis"
	"github.com/handrail/handrail/dev/datacenter/fault"
	"github.com/handrail/handrail/dev/datacenter/vendor"
	"github.com/handrail/handrail/hosting"
)

// Config is what a service is made of. All of it is needed.
type Config struct {
	Hardware vendor.Hardware
	Chassis  *chassis.Chassis
	Faults   *fault.Set
	User     string
	Password string
	Now      func() time.Time
	Log      *slog.Logger
}

// Service is the Redfish service of one BMC. It answers HTTP; the listener and
// TLS are its caller's.
type Service struct {
	Config
	resources map[string]*resource
	sessions  sessions
	tasks     tasks
	requests  atomic.Int64
}

const (
	base    = "/redfish/v1"
	maxBody = 64 << 10
)

// New returns a service.
func New(c Config) *Service {
	s := &Service{Config: c, resources: make(map[string]*resource)}
	s.sessions.limit = c.Hardware.Sessions
	s.addRoot()
	s.addSessions()
	s.addTasks()
	s.addSystem()
	s.addManager()
	s.addMedia()
	s.addMemory()
	s.addStorage()
	s.addNetwork()
	return s
}

// Requests is how many HTTP requests the service has received.
func (s *Service) Requests() int64 { return s.requests.Load() }

// OpenSessions is how many sessions are open.
func (s *Service) OpenSessions() int { return s.sessions.count(s.Now()) }

// ServeHTTP answers a request.
func (s *Service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.requests.Add(1)
	r.Body = http.MaxBytesReader(w, r.Body, maxBody)
	if s.disturb(w, r) {
		return
	}
	s.write(w, r, s.answer(r))
}

// disturb is where the faults of the transport show. It reports whether the
// request is dealt with.
func (s *Service) disturb(w http.ResponseWriter, r *http.Request) bool {
	if _, hit := s.Faults.Hit(fault.Hang, hosting.Redfish); hit {
		<-r.Context().Done()
		panic(http.ErrAbortHandler)
	}
	if f, hit := s.Faults.Hit(fault.Slow, hosting.Redfish); hit && !pause(r.Context(), f.Duration) {
		panic(http.ErrAbortHandler)
	}
	if _, hit := s.Faults.Hit(fault.Unavailable, hosting.Redfish); hit {
		a := s.problem(serviceUnavailable)
		a.header = map[string]string{"Retry-After": "30"}
		s.write(w, r, a)
		return true
	}
	if _, hit := s.Faults.Hit(fault.HTML, hosting.Redfish); hit {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = io.WriteString(w, loginPage)
		return true
	}
	return false
}

const loginPage = `<!DOCTYPE html><html><head><title>Remote management</title></head>
<body><form method="post" action="/login"><label>User <input name="user"></label>
<label>Password <input name="password" type="password"></label><button>Log in</button></form></body></html>
`

func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

func (s *Service) answer(r *http.Request) reply {
	path := strings.TrimSuffix(r.URL.Path, "/")
	res, ok := s.find(path)
	open := ok && (res.public && r.Method != http.MethodPost || res.publicPost && r.Method == http.MethodPost)
	if !open && !s.authenticated(r) {
		a := s.problem(noValidSession)
		a.header = map[string]string{"WWW-Authenticate": `Basic realm="` + s.Hardware.Name + ` BMC"`}
		return a
	}
	if !ok {
		return s.problem(resourceMissing, path)
	}
	a := s.dispatch(res, path, r)
	if a.header == nil {
		a.header = make(map[string]string)
	}
	a.header["Allow"] = res.allow()
	return a
}

func (s *Service) dispatch(res *resource, path string, r *http.Request) reply {
	switch {
	case (r.Method == http.MethodGet || r.Method == http.MethodHead) && (res.get != nil || res.watch != nil):
		return s.get(res, path, r)
	case r.Method == http.MethodPatch && res.patch != nil:
		if !s.matches(res, path, r.Header.Get("If-Match")) {
			return s.problem(preconditionFailed)
		}
		return s.withBody(r, res.patch)
	case r.Method == http.MethodPost && res.post != nil:
		return s.withBody(r, res.post)
	case r.Method == http.MethodDelete && res.remove != nil:
		return res.remove()
	default:
		return s.problem(methodNotAllowed)
	}
}

// withBody reads a JSON object, or nothing, and hands it over.
func (s *Service) withBody(r *http.Request, f func(body) reply) reply {
	raw, err := io.ReadAll(r.Body)
	if err != nil {
		return s.problem(bodyTooLarge)
	}
	b := body{}
	if len(raw) == 0 {
		return f(b)
	}
	if !strings.HasPrefix(r.Header.Get("Content-Type"), "application/json") {
		return s.problem(unsupportedMedia)
	}
	if json.Unmarshal(raw, &b) != nil {
		return s.problem(malformedJSON)
	}
	return f(b)
}

func (s *Service) write(w http.ResponseWriter, r *http.Request, a reply) {
	h := w.Header()
	h.Set("OData-Version", "4.0")
	h.Set("Cache-Control", "no-cache")
	for k, v := range a.header {
		h.Set(k, v)
	}
	if a.body == nil {
		w.WriteHeader(a.status)
		return
	}
	var out []byte
	if text, ok := a.body.(string); ok {
		h.Set("Content-Type", "application/xml; charset=utf-8")
		out = []byte(text)
	} else {
		h.Set("Content-Type", "application/json; charset=utf-8")
		var err error
		if out, err = json.Marshal(a.body); err != nil {
			s.Log.Error("a Redfish resource can not be written as JSON", "path", r.URL.Path, "error", err)
			w.WriteHeader(http.StatusInternalServerError)
			return
		}
	}
	w.WriteHeader(a.status)
	if r.Method != http.MethodHead {
		_, _ = w.Write(out)
	}
}
