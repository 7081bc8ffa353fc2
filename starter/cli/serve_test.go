package cli_test

import (
	"context"
	"maps"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/handrail/handrail/activities/records"
	"github.com/handrail/handrail/dev/postgres/pgtest"
	"github.com/handrail/handrail/starter/cli"
	"github.com/handrail/handrail/starter/internal/frontend"
)

const deskSecret = "a secret that both sides share"

// A wrong configuration is refused as a whole, and no secret is printed.
func TestServe_refuses(t *testing.T) {
	t.Parallel()
	policy := filepath.Join(t.TempDir(), "policy.toml")
	if err := os.WriteFile(policy, []byte("provder = \"x\""), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		env   map[string]string
		lines []string
	}{
		"all at once": {
			map[string]string{"HANDRAIL_GATEWAY_LISTEN": "8080", "HANDRAIL_DESK_SECRET": "hunter2"},
			[]string{`HANDRAIL_GATEWAY_LISTEN="8080" is not usable: write it as host:port`, "HANDRAIL_DESK_SECRET (or HANDRAIL_DESK_SECRET_FILE) is not usable: the key shared with the ticket desk, 16 bytes or more"},
		},
		"one of two secrets": {map[string]string{"HANDRAIL_DESK_SECRET": deskSecret + ",hunter2"}, []string{"HANDRAIL_DESK_SECRET (or HANDRAIL_DESK_SECRET_FILE) is not usable"}},
		"policy":             {map[string]string{"HANDRAIL_DESK_SECRET": deskSecret, "HANDRAIL_POLICY": policy}, []string{"HANDRAIL_POLICY: the policy file"}},
		"no policy":          {map[string]string{"HANDRAIL_DESK_SECRET": deskSecret, "HANDRAIL_POLICY": "/nowhere"}, []string{"HANDRAIL_POLICY: the policy file /nowhere is refused"}},
		"half of the machines' settings": {
			map[string]string{"HANDRAIL_DESK_SECRET": deskSecret, "HANDRAIL_BOOT_LISTEN": "127.0.0.1:0"},
			[]string{"HANDRAIL_BOOT_URL is not set: ", "HANDRAIL_BOOT_FILES is not set: ", "DATABASE_URL (or DATABASE_URL_FILE) is not set: "},
		},
		"machines' address": {
			map[string]string{"HANDRAIL_DESK_SECRET": deskSecret, "HANDRAIL_BOOT_LISTEN": "here", "HANDRAIL_BOOT_URL": "http://192.0.2.10/boot"},
			[]string{`HANDRAIL_BOOT_LISTEN="here" is not usable: `, `HANDRAIL_BOOT_URL="http://192.0.2.10/boot" is not usable: it is not the URL of a host`},
		},
		"half a certificate": {map[string]string{"HANDRAIL_DESK_SECRET": deskSecret, "HANDRAIL_GATEWAY_CERT": "cert.pem"}, []string{"the gateway's certificate and its key go together"}},
	} {
		d := sit(frontend.Start(t))
		d.env = c.env
		s := d.run(t, "serve")
		lines := strings.Split(strings.TrimSpace(s.err), "\n")
		if s.code != 2 || len(lines) != len(c.lines) || strings.Contains(s.err, "hunter2") || strings.Contains(s.err, deskSecret) {
			t.Errorf("%s: %+v", name, s)
			continue
		}
		for i, want := range c.lines {
			if !strings.HasPrefix(lines[i], "starter: "+want) {
				t.Errorf("%s: %q, want %q", name, lines[i], want)
			}
		}
	}
}

// It serves until it is told to stop, which is no error.
func TestServe(t *testing.T) {
	t.Parallel()
	d := sit(frontend.Start(t))
	d.env = map[string]string{"HANDRAIL_DESK_SECRET": deskSecret, "HANDRAIL_GATEWAY_LISTEN": "127.0.0.1:0"}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan said, 1)
	go func() { ended <- d.runIn(ctx, "serve") }()
	for deadline := time.Now().Add(10 * time.Second); !strings.Contains(d.err.String(), "gateway is listening"); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("it does not listen: %s", d.err)
		}
	}
	stop()
	if s := <-ended; s.code != 0 || strings.Contains(s.err, deskSecret) {
		t.Errorf("%+v", s)
	}
}

// With its settings it serves machines out of the records; a database that is
// away or is not migrated is one clear line, without the password.
func TestServe_machines(t *testing.T) {
	t.Parallel()
	url := pgtest.Clone(t, "records", records.Migrate)
	env := map[string]string{
		"HANDRAIL_DESK_SECRET": deskSecret, "HANDRAIL_GATEWAY_LISTEN": "127.0.0.1:0", "HANDRAIL_BOOT_LISTEN": "127.0.0.1:0",
		"HANDRAIL_BOOT_URL": "http://192.0.2.10:8081/", "HANDRAIL_BOOT_FILES": t.TempDir(), "DATABASE_URL": url,
	}
	d := sit(frontend.Start(t))
	d.env = env
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan said, 1)
	go func() { ended <- d.runIn(ctx, "serve") }()
	address := regexp.MustCompile(`"boot listener is listening","address":"([^"]+)"`)
	for deadline := time.Now().Add(10 * time.Second); !address.MatchString(d.err.String()); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("it does not listen: %s", d.err)
		}
	}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+address.FindStringSubmatch(d.err.String())[1]+"/boot/52:54:00:12:34:56", nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("User-Agent", "iPXE/1.21.1")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	if response.StatusCode != http.StatusOK {
		t.Errorf("%d: %s", response.StatusCode, d.err)
	}
	stop()
	if s := <-ended; s.code != 0 || strings.Contains(s.err, url) {
		t.Errorf("%+v", s)
	}

	d = sit(frontend.Start(t))
	d.env = maps.Clone(env)
	d.env["DATABASE_URL"] = "postgres://handrail_gateway:hunter2@127.0.0.1:1/handrail"
	if s := d.run(t, "serve"); s.code == 0 || !strings.Contains(s.err, "DATABASE_URL: ") || strings.Contains(s.err, "hunter2") {
		t.Errorf("%+v", s)
	}
}

// Temporal that is away is one clear line. It is the process's own way to
// connect that is tried here, and so the process's environment that is set.
func TestDial_away(t *testing.T) {
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	listener.Close()
	t.Setenv("TEMPORAL_ADDRESS", address)
	d := sit(nil)
	d.Dial = cli.Std().Dial
	d.run(t, "list").refuses(t, 1, "Temporal at "+address+" does not answer: dial tcp "+address+": connect: connection refused. To do: set TEMPORAL_ADDRESS")

	t.Setenv("TEMPORAL_CONFIG_FILE", filepath.Join(t.TempDir(), "temporal.toml"))
	t.Setenv("TEMPORAL_PROFILE", "nobody's")
	d = sit(nil)
	d.Dial = cli.Std().Dial
	d.run(t, "list").refuses(t, 1, "the settings for Temporal: ")
}
