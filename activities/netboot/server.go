package netboot

import (
	"cmp"
	"context"
	"crypto/sha256"
	"log/slog"
	"net/http"
	"os"
	"time"

	"github.com/handrail/handrail/activities/records"
	"github.com/handrail/handrail/hosting"
)

// Store keeps the network boots; *records.Records is one. Its tokens are SHA-256
// sums. A token that is worth nothing is NotAuthorized, whatever the reason.
type Store interface {
	HandOutBoot(ctx context.Context, mac string, token [32]byte, expires time.Time) (*hosting.NetworkBoot, error)
	BootByToken(ctx context.Context, token [32]byte) (hosting.NetworkBoot, error)
	BeginErasing(ctx context.Context, token [32]byte, disks []string) (hosting.NetworkBoot, error)
	ReportBoot(ctx context.Context, token [32]byte, report records.BootReport) (hosting.NetworkBoot, error)
}

// Bell wakes the operation that waits for a machine. What it carries is no more
// than a reason to look: the store is the truth.
type Bell interface {
	Ring(ctx context.Context, boot hosting.NetworkBoot) error
}

// Config is what a Server needs.
type Config struct {
	Store     Store
	Bell      Bell
	Passwords Passwords
	// Base is the server's URL as machines reach it: scheme and host, no path.
	Base string
	// Files is the folder of boot files. Nothing in it is secret.
	Files string
	// TokenLife is how long a token is worth something, if its boot does not end
	// before; 0 is DefaultTokenLife.
	TokenLife time.Duration
	Log       *slog.Logger
}

// DefaultTokenLife is longer than an installation takes.
const DefaultTokenLife = 4 * time.Hour

// storeTimeout is how long the store or the bell may take for one request.
const storeTimeout = 15 * time.Second

// Server answers machines that boot over the network, in plain HTTP: firmware
// and installers know no certificate of ours. It belongs into a network that
// only machines being provisioned and BMCs are in.
type Server struct {
	config   Config
	handler  http.Handler
	strange  *buckets // of addresses: requests that showed no good token
	asking   *buckets // of addresses: requests for boot scripts
	speaking *buckets // of boots: reports that ring the bell
	now      func() time.Time
}

// New returns a server, or says what its configuration lacks.
func New(c Config) (*Server, error) {
	if err := CheckBase(c.Base); err != nil {
		return nil, err
	}
	if info, err := os.Stat(c.Files); err != nil || !info.IsDir() {
		return nil, hosting.Invalid("", "the folder of boot files is none", "give the path of a folder with kernels, initrds and images")
	}
	c.TokenLife = cmp.Or(c.TokenLife, DefaultTokenLife)
	s := &Server{
		config:  c,
		strange: newBuckets(20, 3*time.Second), asking: newBuckets(60, time.Second), speaking: newBuckets(30, 10*time.Second),
		now: time.Now,
	}
	s.handler = s.routes()
	return s, nil
}

// ServeHTTP answers one request and writes it down, without its token.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.handler.ServeHTTP(w, r) }

func (s *Server) routes() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /boot/{mac...}", s.logged("boot", s.boot))
	for path, render := range map[string]func(Boot) (string, error){
		"answer": Boot.Answer, "user-data": Boot.Answer, "meta-data": Boot.MetaData, "script": Boot.InstallerScript,
		"vendor-data": func(Boot) (string, error) { return "", nil },
	} {
		mux.Handle("GET /t/{token}/"+path, s.logged(path, s.withToken(s.answer(render))))
	}
	for path, report := range map[string]report{"begin": s.begin, "progress": s.progress, "hostkey": s.hostKey, "done": s.done, "failed": s.failed} {
		mux.Handle("POST /t/{token}/"+path, s.logged(path, s.withToken(s.form(report))))
	}
	mux.Handle("GET /files/{path...}", s.logged("file", s.file))
	return mux
}

// withToken looks at the token's form. What is no token is told apart from an
// unknown one by nobody.
func (s *Server) withToken(serve func(*exchange)) func(*exchange) {
	return func(x *exchange) {
		if !s.strange.left(address(x.r)) {
			x.Header().Set("Retry-After", "60")
			x.text(http.StatusTooManyRequests, "too many requests\n")
			return
		}
		secret := x.r.PathValue("token")
		if raw, ok := parseToken(secret); ok {
			x.secret, x.token = secret, sha256.Sum256(raw)
			serve(x)
			return
		}
		s.unknown(x)
	}
}

// unknown is the answer to any token that is worth nothing: one that never was,
// has expired, or whose boot has ended.
func (s *Server) unknown(x *exchange) {
	s.strange.take(address(x.r))
	x.text(http.StatusNotFound, "not found\n")
}

// refuse answers with what the store says, or does not.
func (s *Server) refuse(x *exchange, err error) {
	x.note("error", err)
	switch kind := hosting.KindOf(err); kind {
	case hosting.FaultNotAuthorized:
		s.unknown(x)
	case hosting.FaultConflict:
		x.text(http.StatusConflict, reason(err))
	case hosting.FaultInvalidRequest:
		x.text(http.StatusBadRequest, reason(err))
	default:
		s.unwell(x)
	}
}

func (s *Server) unwell(x *exchange) {
	x.Header().Set("Retry-After", "10")
	x.text(http.StatusServiceUnavailable, "not now; ask again\n")
}
