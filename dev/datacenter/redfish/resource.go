package redfish

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
)

// doc is a Redfish resource as JSON; body is what a client sent.
type (
	doc  map[string]any
	body map[string]json.RawMessage
)

// reply is an answer before it is written. A nil body is none.
type reply struct {
	status int
	header map[string]string
	body   any
}

// resource is what stands at a path. What is nil is not allowed there.
type resource struct {
	kind string // @odata.type without the hash
	get  func() doc
	// watch answers GET instead where that is more than a document.
	watch  func() reply
	patch  func(body) reply
	post   func(body) reply
	remove func() reply
	// public resources are read, publicPost ones posted to, without credentials.
	public, publicPost bool
}

func (r *resource) allow() string {
	var methods []string
	for _, m := range []struct {
		name string
		ok   bool
	}{
		{"GET, HEAD", r.get != nil || r.watch != nil}, {"PATCH", r.patch != nil}, {"POST", r.post != nil}, {"DELETE", r.remove != nil},
	} {
		if m.ok {
			methods = append(methods, m.name)
		}
	}
	return strings.Join(methods, ", ")
}

func (s *Service) add(path string, r resource) { s.resources[path] = &r }

// collection adds a resource that lists others.
func (s *Service) collection(path, kind, name string, members ...string) {
	s.add(path, resource{kind: kind + "." + kind, get: func() doc { return list(name, members) }})
}

func list(name string, members []string) doc {
	return doc{"Name": name, "Members": refs(members), "Members@odata.count": len(members)}
}

func (s *Service) find(path string) (*resource, bool) {
	if r, ok := s.resources[path]; ok {
		return r, true
	}
	for prefix, f := range map[string]func(id string) (*resource, bool){
		sessionsPath + "/": s.session, tasksPath + "/": s.task, monitorsPath + "/": s.monitor,
	} {
		if id, ok := strings.CutPrefix(path, prefix); ok {
			return f(id)
		}
	}
	return nil, false
}

func ref(path string) doc { return doc{"@odata.id": path} }

func refs(paths []string) []doc {
	out := make([]doc, len(paths))
	for i, p := range paths {
		out[i] = ref(p)
	}
	return out
}

// load returns a resource complete with its annotations.
func (s *Service) load(res *resource, path string) doc {
	d := res.get()
	d["@odata.id"] = path
	d["@odata.type"] = "#" + res.kind
	if tag := s.etag(d); tag != "" {
		d["@odata.etag"] = tag
	}
	return d
}

func (s *Service) etag(d doc) string {
	if s.Hardware.ETag == "" {
		return ""
	}
	raw, err := json.Marshal(d)
	if err != nil {
		return ""
	}
	sum := sha256.Sum256(raw)
	return fmt.Sprintf(s.Hardware.ETag, hex.EncodeToString(sum[:8]))
}

func (s *Service) get(res *resource, path string, r *http.Request) reply {
	if res.watch != nil {
		return res.watch()
	}
	d := s.load(res, path)
	if a, ok := s.query(d, r); !ok {
		return a
	}
	a := reply{status: http.StatusOK, body: d, header: make(map[string]string)}
	if tag, ok := d["@odata.etag"].(string); ok {
		a.header["ETag"] = tag
		if r.Header.Get("If-None-Match") == tag {
			a.status, a.body = http.StatusNotModified, nil
		}
	}
	return a
}

// query applies the query parameters, of which only $expand of a collection's
// members is known, and that not to every vendor.
func (s *Service) query(d doc, r *http.Request) (reply, bool) {
	for name, values := range r.URL.Query() {
		switch {
		case !strings.HasPrefix(name, "$"):
		case name == "$expand" && s.Hardware.Root.Expand && expandable(values[0]):
			s.expand(d)
		default:
			return s.problem(queryUnsupported, name), false
		}
	}
	return reply{}, true
}

func expandable(v string) bool {
	what, levels, given := strings.Cut(v, "(")
	return (what == "." || what == "*") && (!given || levels == "$levels=1)")
}

func (s *Service) expand(d doc) {
	members, _ := d["Members"].([]doc)
	for i, m := range members {
		path, _ := m["@odata.id"].(string)
		if res, ok := s.find(path); ok {
			members[i] = s.load(res, path)
		}
	}
}

// matches reports whether an If-Match header lets a change through.
func (s *Service) matches(res *resource, path, want string) bool {
	if want == "" || want == "*" || res.get == nil || s.Hardware.ETag == "" {
		return true
	}
	have, _ := s.load(res, path)["@odata.etag"].(string)
	return strings.TrimPrefix(want, "W/") == strings.TrimPrefix(have, "W/")
}

// field reads a property of a body and reports whether it is there and of
// that type; a wrong type is a problem.
func field[T any](s *Service, b body, name string) (v T, ok bool, wrong *reply) {
	raw, ok := b[name]
	if !ok || string(raw) == "null" {
		return v, false, nil
	}
	if json.Unmarshal(raw, &v) != nil {
		a := s.problem(wrongType, string(raw), name)
		return v, false, &a
	}
	return v, true, nil
}
