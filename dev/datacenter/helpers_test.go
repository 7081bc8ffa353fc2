package datacenter_test

import (
	"bytes"
	"crypto/tls"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/handrail/handrail/dev/datacenter"
	"github.com/handrail/handrail/dev/datacenter/chassis"
	"github.com/handrail/handrail/hosting"
)

// brisk is timing for tests that do not look at the way from here to there.
var brisk = chassis.Timing{
	GracefulOff: 60 * time.Millisecond, ForcedOff: 20 * time.Millisecond, PowerOn: 20 * time.Millisecond, CycleOff: 40 * time.Millisecond,
	POST: 80 * time.Millisecond, BootFlags: time.Minute, Busy: 50 * time.Millisecond, Task: 50 * time.Millisecond,
}

// instant is timing for tests in which nothing takes time.
var instant = chassis.Timing{BootFlags: time.Minute}

func start(t *testing.T, config datacenter.Config) *datacenter.Center {
	t.Helper()
	if config.Log == nil {
		config.Log = slog.New(slog.DiscardHandler)
	}
	if config.Timing == nil {
		config.Timing = &brisk
	}
	c, err := datacenter.Start(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return c
}

// vendorOf returns the first machine of a vendor that speaks a protocol.
func vendorOf(t *testing.T, c *datacenter.Center, vendor string, p hosting.Protocol) *datacenter.Machine {
	t.Helper()
	for _, m := range c.Machines() {
		if m.Vendor() == vendor && m.Address(p) != "" {
			return m
		}
	}
	t.Fatalf("no %s machine speaks %s", vendor, p)
	return nil
}

func await(t *testing.T, what string, ok func() bool) {
	t.Helper()
	deadline := time.Now().Add(10 * time.Second)
	for !ok() {
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within 10 s", what)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

func awaitPower(t *testing.T, m *datacenter.Machine, want hosting.PowerState) {
	t.Helper()
	await(t, m.ID()+" is "+string(want), func() bool { return m.Power() == want })
}

// peer returns the path of an independent program, or skips. In CI it has to
// be there.
func peer(t *testing.T, program string) string {
	t.Helper()
	path, err := exec.LookPath(program)
	if err == nil {
		return path
	}
	missing(t, program+" is not installed, so the simulated BMCs are not tried with it")
	return ""
}

func missing(t *testing.T, what string) {
	t.Helper()
	if os.Getenv("CI") != "" {
		t.Fatal(what)
	}
	t.Skip(what)
}

func run(t *testing.T, name string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s%s", name, strings.Join(args, " "), err, out, &stderr)
	}
	return string(out)
}

// client is a Redfish client of a machine without any cleverness.
type client struct {
	t    *testing.T
	m    *datacenter.Machine
	http http.Client
	head map[string]string
}

func newClient(t *testing.T, m *datacenter.Machine) *client {
	c := &client{t: t, m: m, http: http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, // who is who is another test's subject
	}}}
	t.Cleanup(c.http.CloseIdleConnections)
	return c
}

type answer struct {
	status int
	header http.Header
	body   map[string]any
	raw    string
}

func (a answer) messageID() string {
	e, _ := a.body["error"].(map[string]any)
	list, _ := e["@Message.ExtendedInfo"].([]any)
	if len(list) == 0 {
		return ""
	}
	m, _ := list[0].(map[string]any)
	id, _ := m["MessageId"].(string)
	return id
}

func (c *client) do(method, path string, send any) answer {
	c.t.Helper()
	a, err := c.try(method, path, send)
	if err != nil {
		c.t.Fatal(err)
	}
	return a
}

func (c *client) try(method, path string, send any) (answer, error) {
	var in io.Reader
	if send != nil {
		raw, err := json.Marshal(send)
		if err != nil {
			return answer{}, err
		}
		in = bytes.NewReader(raw)
	}
	r, err := http.NewRequestWithContext(c.t.Context(), method, "https://"+c.m.Address(hosting.Redfish)+path, in)
	if err != nil {
		return answer{}, err
	}
	r.Header.Set("Content-Type", "application/json")
	r.SetBasicAuth(c.m.Credentials())
	for k, v := range c.head {
		r.Header.Set(k, v)
	}
	if c.head["X-Auth-Token"] != "" || c.head["Authorization"] == "none" {
		r.Header.Del("Authorization")
	}
	resp, err := c.http.Do(r)
	if err != nil {
		return answer{}, err
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	a := answer{status: resp.StatusCode, header: resp.Header, raw: string(raw)}
	_ = json.Unmarshal(raw, &a.body) // what is not JSON is in raw
	return a, err
}

func (c *client) system() string { return "/redfish/v1/Systems/" + c.m.Hardware().System }

func (c *client) reset(kind string) answer {
	c.t.Helper()
	return c.do("POST", c.system()+"/Actions/ComputerSystem.Reset", map[string]string{"ResetType": kind})
}

func (c *client) boot(properties map[string]string) answer {
	c.t.Helper()
	return c.do("PATCH", c.system(), map[string]any{"Boot": properties})
}

func (c *client) power() string {
	c.t.Helper()
	s, _ := c.do("GET", c.system(), nil).body["PowerState"].(string)
	return s
}

// command runs a program that may fail.
func command(t *testing.T, name string, args ...string) (string, error) {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), name, args...).CombinedOutput()
	return string(out), err
}

// clock is a clock that a test moves.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func newClock() *clock { return &clock{at: time.Date(2026, 11, 22, 2, 0, 0, 0, time.UTC)} }

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}
