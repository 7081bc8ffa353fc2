package bmc

import (
	"context"
	"crypto/sha256"
	"errors"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/handrail/handrail/activities/bmc/board"
	"github.com/handrail/handrail/activities/bmc/ipmi"
	"github.com/handrail/handrail/activities/bmc/redfish"
	"github.com/handrail/handrail/hosting"
)

// line is what one attempt has open to a BMC: at most one board for each of
// its endpoints, in the record's order of preference.
type line struct {
	a      *Activities
	target Target
	boards []board.Board
	logins []Login
}

func (a *Activities) line(t Target) (*line, error) {
	if err := t.validate(); err != nil {
		return nil, err
	}
	n := len(t.BMC.Endpoints)
	return &line{a: a, target: t, boards: make([]board.Board, n), logins: make([]Login, n)}, nil
}

func (l *line) close() {
	for _, b := range l.boards {
		if b != nil {
			b.Close()
		}
	}
}

func (l *line) endpoint(i int) hosting.BMCEndpoint { return l.target.BMC.Endpoints[i] }

// board opens the endpoint's board, once. A login that its BMC refused lately
// is not tried again.
func (l *line) board(ctx context.Context, i int) (board.Board, error) {
	if l.boards[i] != nil {
		return l.boards[i], nil
	}
	e := l.endpoint(i)
	login, err := l.a.Secrets.BMCLogin(ctx, e.Secret)
	if err != nil {
		return nil, secretFault(l.target.Server, e.Secret, err)
	}
	l.logins[i] = login
	if err := l.a.locked.check(l.target.Server, e, login); err != nil {
		return nil, err
	}
	b, err := l.a.dial(l.target.Server, e, login)
	if err != nil {
		return nil, err
	}
	l.boards[i] = b
	return b, nil
}

// use runs an exchange with one endpoint as the capability C.
func use[C board.Board](ctx context.Context, l *line, i int, capability string, exchange func(context.Context, C) error) error {
	b, err := l.board(ctx, i)
	if err != nil {
		return err
	}
	c, err := board.As[C](b, l.target.Server, capability)
	if err != nil {
		return err
	}
	err = exchange(ctx, c)
	if refusedLogin(err) {
		l.a.locked.add(l.endpoint(i), l.logins[i])
	}
	return err
}

func refusedLogin(err error) bool { return redfish.LoginRefused(err) || ipmi.LoginRefused(err) }

// mayFallBack reports whether another protocol may be tried after err: only
// where this one is unreachable or does not do it. A certificate that does not
// verify or a system that is not named is no reason to go round by a weaker
// door.
func mayFallBack(err error) bool {
	kind := hosting.KindOf(err)
	return kind == hosting.FaultUnreachable || kind == hosting.FaultUnsupported
}

// first runs an exchange with the endpoints in their order until one does not
// fail in a way that lets the next be tried. It returns which one that was.
func first[C board.Board](ctx context.Context, l *line, capability string, exchange func(context.Context, C) error) (int, error) {
	var failed faults
	for i := range l.target.BMC.Endpoints {
		if failed.refusedLogin(l.endpoint(i).Secret) {
			continue
		}
		err := use(ctx, l, i, capability, exchange)
		if err == nil {
			return i, nil
		}
		if ctx.Err() != nil {
			return i, ctx.Err()
		}
		if !mayFallBack(err) {
			return i, err
		}
		failed.add(l.endpoint(i), err)
	}
	return -1, failed.err(l.target.Server)
}

// attempt is one whole activity: a line, an exchange with fallback, heartbeats
// meanwhile.
func attempt[C board.Board](ctx context.Context, a *Activities, t Target, capability string, exchange func(context.Context, C) error) (via hosting.Protocol, err error) {
	l, err := a.line(t)
	if err != nil {
		return "", err
	}
	defer l.close()
	stop := a.beating(ctx, func() any { return capability })
	defer stop()
	i, err := first(ctx, l, capability, exchange)
	if err != nil {
		return "", err
	}
	return l.endpoint(i).Protocol, nil
}

// faults are the failures of the endpoints of one BMC.
type faults struct {
	all     []error
	refused []string // secrets whose login was refused
}

func (f *faults) add(e hosting.BMCEndpoint, err error) {
	f.all = append(f.all, err)
	if refusedLogin(err) {
		f.refused = append(f.refused, e.Secret)
	}
}

// refusedLogin reports whether that secret was refused before: a second try
// with it over another protocol only helps to lock the account.
func (f *faults) refusedLogin(secret string) bool { return slices.Contains(f.refused, secret) }

// err is the one failure, or all under one head: Unreachable where trying again
// may help.
func (f *faults) err(server string) error {
	switch len(f.all) {
	case 0:
		return hosting.Invalid(server, "the record names no BMC that can be used", "correct the BMC in the server's record")
	case 1:
		return f.all[0]
	}
	kind := hosting.FaultUnsupported
	for _, err := range f.all {
		if hosting.KindOf(err) == hosting.FaultUnreachable {
			kind = hosting.FaultUnreachable
		}
	}
	return hosting.NewFault(kind, server, "the BMC could be used over no protocol", "").Because(errors.Join(f.all...))
}

// lockoutTime is how long a refused login is not tried again: BMCs lock an
// account after a few failures, for everybody.
const lockoutTime = 5 * time.Minute

// lockouts remember refused logins. A login that was changed in the secret
// store is another one and is tried at once.
type lockouts struct {
	mu    sync.Mutex
	until map[lockout]time.Time
}

type lockout struct {
	protocol hosting.Protocol
	address  string
	login    [sha256.Size]byte
}

func newLockouts() *lockouts { return &lockouts{until: map[lockout]time.Time{}} }

func lockoutOf(e hosting.BMCEndpoint, l Login) lockout {
	return lockout{e.Protocol, e.Address, sha256.Sum256([]byte(l.User + "\x00" + l.Password))}
}

func (k *lockouts) add(e hosting.BMCEndpoint, l Login) {
	k.mu.Lock()
	defer k.mu.Unlock()
	now := time.Now()
	maps.DeleteFunc(k.until, func(_ lockout, until time.Time) bool { return !now.Before(until) })
	k.until[lockoutOf(e, l)] = now.Add(lockoutTime)
}

func (k *lockouts) check(server string, e hosting.BMCEndpoint, l Login) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	until, ok := k.until[lockoutOf(e, l)]
	if !ok || !time.Now().Before(until) {
		return nil
	}
	return hosting.NewFault(hosting.FaultUnsupported, server,
		"the BMC at "+e.Address+" refused the login a moment ago, so it is not tried again before "+until.UTC().Format(time.TimeOnly)+" UTC",
		"check the secret "+e.Secret+" against the BMC's user; a corrected one is used at once")
}
