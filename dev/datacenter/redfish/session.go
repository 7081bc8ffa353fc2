package redfish

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/handrail/handrail/dev/datacenter/fault"
	"github.com/handrail/handrail/hosting"
)

const (
	sessionsPath   = base + "/SessionService/Sessions"
	sessionTimeout = 30 * time.Minute
)

// sessions is a BMC's session table: small, and full of sessions that nobody
// closed until they time out.
type sessions struct {
	limit int

	mu   sync.Mutex
	list []session
	next int
}

type session struct {
	id    string
	token [sha256.Size]byte // of the token's hash
	user  string
	used  time.Time
}

func (t *sessions) expire(now time.Time) {
	t.list = slices.DeleteFunc(t.list, func(s session) bool { return now.Sub(s.used) > sessionTimeout })
}

func (t *sessions) count(now time.Time) int {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.expire(now)
	return len(t.list)
}

// open returns the id and token of a new session, or false where none fits.
func (t *sessions) open(user string, now time.Time) (id, token string, ok bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.expire(now)
	if len(t.list) >= t.limit {
		return "", "", false
	}
	t.next++
	id, token = strconv.Itoa(t.next), rand.Text()
	t.list = append(t.list, session{id: id, token: sha256.Sum256([]byte(token)), user: user, used: now})
	return id, token, true
}

// use reports whether a token is that of an open session, and keeps it open.
func (t *sessions) use(token string, now time.Time) bool {
	sum := sha256.Sum256([]byte(token))
	t.mu.Lock()
	defer t.mu.Unlock()
	t.expire(now)
	for i, s := range t.list {
		if subtle.ConstantTimeCompare(sum[:], s.token[:]) == 1 {
			t.list[i].used = now
			return true
		}
	}
	return false
}

func (t *sessions) get(id string) (session, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	i := slices.IndexFunc(t.list, func(s session) bool { return s.id == id })
	if i < 0 {
		return session{}, false
	}
	return t.list[i], true
}

func (t *sessions) close(id string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.list = slices.DeleteFunc(t.list, func(s session) bool { return s.id == id })
}

func (t *sessions) paths() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	out := make([]string, len(t.list))
	for i, s := range t.list {
		out[i] = sessionsPath + "/" + s.id
	}
	return out
}

func (s *Service) authenticated(r *http.Request) bool {
	if token := r.Header.Get("X-Auth-Token"); token != "" {
		return s.sessions.use(token, s.Now())
	}
	user, password, ok := r.BasicAuth()
	return ok && s.credentials(user, password)
}

func (s *Service) credentials(user, password string) bool {
	return same(user, s.User)&same(password, s.Password) == 1
}

// same compares in a time that tells neither content nor length.
func same(a, b string) int {
	x, y := sha256.Sum256([]byte(a)), sha256.Sum256([]byte(b))
	return subtle.ConstantTimeCompare(x[:], y[:])
}

func (s *Service) addSessions() {
	s.add(base+"/SessionService", resource{kind: "SessionService.v1_1_8.SessionService", get: func() doc {
		return doc{
			"Id": "SessionService", "Name": "Session Service", "ServiceEnabled": true,
			"SessionTimeout": int(sessionTimeout.Seconds()), "Status": healthy, "Sessions": ref(sessionsPath),
		}
	}})
	s.add(sessionsPath, resource{
		kind: "SessionCollection.SessionCollection", publicPost: true, post: s.login,
		get: func() doc { return list("Sessions", s.sessions.paths()) },
	})
}

func (s *Service) login(b body) reply {
	user, ok1, wrong1 := field[string](s, b, "UserName")
	password, ok2, wrong2 := field[string](s, b, "Password")
	switch {
	case wrong1 != nil:
		return *wrong1
	case wrong2 != nil:
		return *wrong2
	case !ok1 || !ok2 || !s.credentials(user, password):
		return s.problem(badLogin)
	}
	if _, full := s.Faults.Hit(fault.SessionsFull, hosting.Redfish); full {
		return s.problem(sessionLimit)
	}
	id, token, fits := s.sessions.open(user, s.Now())
	if !fits {
		return s.problem(sessionLimit)
	}
	res, _ := s.session(id)
	path := sessionsPath + "/" + id
	return reply{
		status: http.StatusCreated, body: s.load(res, path),
		header: map[string]string{"X-Auth-Token": token, "Location": path},
	}
}

// session is the resource of one session.
func (s *Service) session(id string) (*resource, bool) {
	one, found := s.sessions.get(id)
	if !found {
		return nil, false
	}
	return &resource{
		kind: "Session.v1_3_0.Session",
		get:  func() doc { return doc{"Id": id, "Name": "User Session", "UserName": one.user} },
		remove: func() reply {
			s.sessions.close(id)
			return s.done()
		},
	}, true
}
