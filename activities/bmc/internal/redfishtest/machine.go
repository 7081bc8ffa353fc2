// Package redfishtest serves a machine's Redfish resources statefully, so that
// tests have a BMC that does what it is told: from a recording of a real one,
// or from a small sample.
package redfishtest

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// User and Password are what a machine accepts.
const (
	User     = "operator"
	Password = "correct horse"
)

// Resource is a decoded Redfish resource.
type Resource = map[string]any

// Machine is a BMC with its systems. Its fields are set before it is served.
type Machine struct {
	// Fault may answer a request in the machine's place; it returns whether it
	// did.
	Fault func(w http.ResponseWriter, r *http.Request) bool
	// OffDelay is how long the machine takes to go off.
	OffDelay time.Duration
	// Stuck machines take resets and do not move.
	Stuck bool

	mu        sync.Mutex
	resources map[string]Resource
	requests  []string
	bodies    []string
}

// FromRecording reads a recording from the folder bmc-recordings beside the
// repository. Without it the test is skipped, or fails where CI is set.
func FromRecording(t testing.TB, name string) *Machine {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for dir != filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			break
		}
		dir = filepath.Dir(dir)
	}
	file := filepath.Join(dir, "..", "shared", "bmc-recordings", name)
	body, err := os.ReadFile(file)
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatalf("no recording of a BMC: %v", err)
		}
		t.Skipf("no recording of a BMC: %v", err)
	}
	m := &Machine{}
	if err := json.Unmarshal(body, &m.resources); err != nil {
		t.Fatal(err)
	}
	return m
}

// Sample is a machine with one system, "Systems/1", in which everything is as
// the specification has it.
func Sample() *Machine {
	return &Machine{resources: map[string]Resource{
		"/redfish/v1": {"@odata.id": "/redfish/v1/", "Systems": link("/redfish/v1/Systems")},
		"/redfish/v1/Systems": {"@odata.id": "/redfish/v1/Systems", "Members": []any{
			link("/redfish/v1/Systems/1"),
		}},
		"/redfish/v1/Systems/1": {
			"@odata.id": "/redfish/v1/Systems/1", "Id": "1", "Manufacturer": "Sample", "PowerState": "On",
			"UUID": "11111111-2222-3333-4444-555555555555", "SerialNumber": "S1",
			"Boot": Resource{"BootSourceOverrideEnabled": "Disabled", "BootSourceOverrideTarget": "None"},
			"Actions": Resource{"#ComputerSystem.Reset": Resource{
				"target":                            "/redfish/v1/Systems/1/Actions/ComputerSystem.Reset",
				"ResetType@Redfish.AllowableValues": []any{"On", "ForceOff", "GracefulShutdown", "GracefulRestart", "ForceRestart"},
			}},
		},
	}}
}

func link(path string) Resource { return Resource{"@odata.id": path} }

// AddSystem puts a further system into the collection of systems.
func (m *Machine) AddSystem(id string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	path := "/redfish/v1/Systems/" + id
	m.resources[path] = Resource{"@odata.id": path, "Id": id, "PowerState": "On", "UUID": "other-" + id}
	systems := m.resources["/redfish/v1/Systems"]
	systems["Members"] = append(systems["Members"].([]any), link(path))
}

// Add puts a resource at a path.
func (m *Machine) Add(path string, r Resource) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.resources[path] = r
}

// Change changes a resource.
func (m *Machine) Change(path string, change func(Resource)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	change(m.resources[path])
}

// Move gives the resource at a path another one, as after a change of board.
func (m *Machine) Move(from, to string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.resources[to] = m.resources[from]
	delete(m.resources, from)
}

// Get returns a copy of a resource's top level.
func (m *Machine) Get(path string) Resource {
	m.mu.Lock()
	defer m.mu.Unlock()
	return maps.Clone(m.resources[path])
}

// Requests lists "METHOD path" of all requests so far; Sent lists path and body
// of those that change something.
func (m *Machine) Requests() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.requests)
}

// Sent lists "METHOD path body" of the requests that change something.
func (m *Machine) Sent() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.bodies)
}

// ServeHTTP answers as the BMC.
func (m *Machine) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body := make([]byte, 0, 512)
	if r.Body != nil {
		buf := make([]byte, 4096)
		n, _ := r.Body.Read(buf)
		body = append(body, buf[:n]...)
	}
	m.mu.Lock()
	m.requests = append(m.requests, r.Method+" "+r.URL.Path)
	if r.Method != http.MethodGet {
		m.bodies = append(m.bodies, strings.TrimSpace(r.Method+" "+r.URL.Path+" "+string(body)))
	}
	m.mu.Unlock()
	if m.Fault != nil && m.Fault(w, r) {
		return
	}
	if user, password, _ := r.BasicAuth(); user != User || password != Password {
		refuse(w, http.StatusUnauthorized, "Base.1.8.InsufficientPrivilege", "who are you")
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	path := strings.TrimSuffix(r.URL.Path, "/")
	switch r.Method {
	case http.MethodGet:
		m.get(w, path)
	case http.MethodPost:
		m.act(w, path, body)
	case http.MethodPatch:
		m.patch(w, path, body, r.Header.Get("If-Match"))
	default:
		refuse(w, http.StatusMethodNotAllowed, "Base.1.8.OperationNotAllowed", "")
	}
}

func refuse(w http.ResponseWriter, status int, id, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	fmt.Fprintf(w, `{"error":{"code":%q,"message":%q,"@Message.ExtendedInfo":[{"MessageId":%q,"Message":%q}]}}`, id, message, id, message)
}

func (m *Machine) get(w http.ResponseWriter, path string) {
	res, ok := m.resources[path]
	if !ok {
		refuse(w, http.StatusNotFound, "Base.1.8.ResourceMissingAtURI", "no such resource")
		return
	}
	w.Header().Set("Content-Type", "application/json")
	if tag, ok := res["@odata.etag"].(string); ok {
		w.Header().Set("ETag", tag)
	}
	_ = json.NewEncoder(w).Encode(res)
}
