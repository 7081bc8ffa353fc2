package reach_test

import (
	"encoding/json"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/handrail/handrail/activities/reach"
	"github.com/handrail/handrail/hosting"
)

func tableFile(t testing.TB, content string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "reach.json")
	if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

func TestReadTable(t *testing.T) {
	t.Parallel()
	got, err := reach.ReadTable(tableFile(t, `{"192.0.2.1:22": "gate.example:2201", "[2001:DB8:0::1]:22": "[::1]:2202", "::ffff:0:0": "x:1"}`))
	if err == nil {
		t.Errorf("an address without a port is taken: %v", got)
	}
	got, err = reach.ReadTable(tableFile(t, `{"192.0.2.1:22": "gate.example:2201", "[2001:DB8:0::1]:22": "[::1]:2202"}`))
	if err != nil || len(got) != 2 || got["192.0.2.1:22"] != "gate.example:2201" || got["[2001:db8::1]:22"] != "[::1]:2202" {
		t.Errorf("%v, %v", got, err)
	}
	if got, err := reach.ReadTable(tableFile(t, `{}`)); err != nil || len(got) != 0 {
		t.Errorf("an empty table: %v, %v", got, err)
	}
	for name, c := range map[string]struct{ content, says string }{
		"no JSON":       {`192.0.2.1:22 gate:1`, "is not written as {"},
		"a list":        {`[]`, "is not written as {"},
		"a host name":   {`{"server.example:22": "gate:1"}`, "is not written as ip:port"},
		"port 0":        {`{"192.0.2.1:0": "gate:1"}`, "is not written as ip:port"},
		"to no port":    {`{"192.0.2.1:22": "gate"}`, "write it as host:port"},
		"to port 0":     {`{"192.0.2.1:22": "gate:0"}`, "write it as host:port"},
		"to port 65536": {`{"192.0.2.1:22": "gate:65536"}`, "write it as host:port"},
		"to a service":  {`{"192.0.2.1:22": "gate:ssh"}`, "write it as host:port"},
		"to nobody":     {`{"192.0.2.1:22": ":1"}`, "write it as host:port"},
		"to blanks":     {`{"192.0.2.1:22": "a b:1"}`, "write it as host:port"},
		"too long":      {`{"192.0.2.1:22": "` + strings.Repeat("a", 254) + `:1"}`, "write it as host:port"},
		"twice":         {`{"[::ffff:192.0.2.1]:22": "gate:1", "192.0.2.1:22": "gate:2"}`, "stands there twice"},
		"huge":          {strings.Repeat(" ", 1<<20+1), "can not be the right file"},
	} {
		_, err := reach.ReadTable(tableFile(t, c.content))
		if err == nil || !strings.Contains(err.Error(), c.says) || len(err.Error()) > 500 {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := reach.ReadTable("/nowhere"); err == nil {
		t.Error("a file that is not there is read")
	}
}

// What is read can be written and read again, and never leads nowhere.
func FuzzReadTable(f *testing.F) {
	f.Add(`{"192.0.2.1:22": "gate.example:2201"}`)
	f.Add(`{"[2001:db8::1%eth0]:22": "[::1%lo]:1"}`)
	f.Add(`{"1.2.3.4:5": null}`)
	f.Fuzz(func(t *testing.T, content string) {
		table, err := reach.ReadTable(tableFile(t, content))
		if err != nil {
			return
		}
		for from, to := range table {
			if _, _, err := net.SplitHostPort(to); err != nil {
				t.Errorf("%q leads to %q", from, to)
			}
		}
		again, err := json.Marshal(table)
		if err != nil {
			t.Fatal(err)
		}
		if same, err := reach.ReadTable(tableFile(t, string(again))); err != nil || len(same) != len(table) {
			t.Errorf("%s reads as %v, %v", again, same, err)
		}
	})
}

func TestNew(t *testing.T) {
	t.Parallel()
	for _, c := range []reach.Config{{Timeout: -1}, {Timeout: 2 * time.Minute}, {Through: reach.Table{"x": "y:1"}}} {
		if _, err := reach.New(c); err == nil {
			t.Errorf("%+v is taken", c)
		}
	}
}

// An address that can not be a server's is refused before anybody is asked.
func TestPlaces(t *testing.T) {
	t.Parallel()
	a, err := reach.New(reach.Config{})
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range []reach.Probe{
		{},
		{Address: "server.example"},
		{Address: "127.0.0.1"},
		{Address: "::1"},
		{Address: "0.0.0.0"},
		{Address: "::"},
		{Address: "169.254.169.254"},
		{Address: "fe80::1"},
		{Address: "2001:db8::1%eth0"},
		{Address: "224.0.0.1"},
		{Address: "255.255.255.255"},
		{Address: "::ffff:127.0.0.1"},
		{Address: "192.0.2.1:22"},
		{Address: "192.0.2.1", Port: -1},
		{Address: "192.0.2.1", Port: 65536},
		{Address: strings.Repeat("9", 5000)},
	} {
		if _, err := a.HostKeys(t.Context(), p); hosting.KindOf(err) != hosting.FaultInvalidRequest || len(err.Error()) > 300 {
			t.Errorf("HostKeys(%.40s): %v", p.Address, err)
		}
		if _, err := a.AwaitHostKey(t.Context(), reach.Expectation{Probe: p}); hosting.KindOf(err) != hosting.FaultInvalidRequest {
			t.Errorf("AwaitHostKey(%.40s): %v", p.Address, err)
		}
	}
}

// However an address is spelled, the table's way to it is taken.
func TestThrough(t *testing.T) {
	t.Parallel()
	k := generated(t)
	p, ctx := goServer(t, k), t.Context()
	spelled := []string{"2001:db8::7", "2001:DB8:0:0::7", "2001:0db8::0007"}
	rapid.Check(t, func(t *rapid.T) {
		from, to := rapid.SampledFrom(spelled).Draw(t, "from"), rapid.SampledFrom(spelled).Draw(t, "to")
		a, err := reach.New(reach.Config{Through: reach.Table{"[" + from + "]:2222": p.gate}})
		if err != nil {
			t.Fatal(err)
		}
		probe := reach.Probe{Address: to, Port: 2222}
		if got, err := a.AwaitHostKey(ctx, reach.Expectation{Probe: probe, Keys: k[:1].authorized()}); err != nil || len(got.Keys) != 1 {
			t.Errorf("%+v, %v", got, err)
		}
	})
}
