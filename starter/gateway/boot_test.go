package gateway_test

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"

	"github.com/handrail/handrail/activities/desk/signature"
	"github.com/handrail/handrail/activities/records"
	"github.com/handrail/handrail/hosting"
	"github.com/handrail/handrail/starter/gateway"
	"github.com/handrail/handrail/starter/internal/frontend"
)

// erasing is a store with one boot that was let erase disks, whatever the token.
type erasing struct{ hosting.NetworkBoot }

func (erasing) HandOutBoot(context.Context, string, [32]byte, time.Time) (*hosting.NetworkBoot, error) {
	return nil, nil
}

func (e erasing) BootByToken(context.Context, [32]byte) (hosting.NetworkBoot, error) {
	return e.NetworkBoot, nil
}

func (e erasing) BeginErasing(context.Context, [32]byte, []string) (hosting.NetworkBoot, error) {
	return e.NetworkBoot, nil
}

func (e erasing) ReportBoot(_ context.Context, _ [32]byte, r records.BootReport) (hosting.NetworkBoot, error) {
	b := e.NetworkBoot
	b.Stage, b.Percent = r.Stage, r.Percent
	if r.State != "" {
		b.State = r.State
	}
	return b, nil
}

var bootAddress = regexp.MustCompile(`"boot listener is listening","address":"([^"]+)"`)

// machines is a gateway that serves machines as well, until stop is called.
func machines(t *testing.T, f *frontend.Frontend) (boot string, log *logBuffer, stop func(), done <-chan error) {
	t.Helper()
	log = &logBuffer{}
	store := erasing{hosting.NetworkBoot{
		ID: "boot-1", Operation: "op-1", Workflow: "reinstall/1001", Server: "srv-1", Attempt: 2, State: hosting.BootErasing,
		Plan: hosting.Plan{HostName: "web"},
	}}
	g, err := gateway.New(gateway.Config{
		Listen: "127.0.0.1:0", DeskSecrets: []signature.Secret{secret},
		Boot: gateway.BootConfig{Listen: "127.0.0.1:0", URL: "http://192.0.2.10:8081", Files: t.TempDir(), Store: store},
	}, f.Dial(t), slog.New(slog.NewJSONHandler(log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	t.Cleanup(stop)
	_, done, err = g.Start(ctx)
	if err != nil {
		t.Fatal(err)
	}
	m := bootAddress.FindStringSubmatch(log.String())
	if m == nil {
		t.Fatalf("no boot listener: %s", log)
	}
	return m[1], log, stop, done
}

const bootToken = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"

func reported(t *testing.T, address, path string, form url.Values) int {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+address+"/t/"+bootToken+path, strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	return response.StatusCode
}

// What a machine reports wakes its operation, with no more than a reason to look.
func TestBoot_rings(t *testing.T) {
	t.Parallel()
	f := frontend.Start(t, &frontend.Workflow{
		ID: "reinstall/1001", Type: string(hosting.OSReinstall), Status: enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING,
	})
	address, log, stop, done := machines(t, f)
	if status := reported(t, address, "/progress", url.Values{"stage": {"partitioning"}, "percent": {"10"}}); status != http.StatusNoContent {
		t.Errorf("%d: %s", status, log)
	}
	if status := reported(t, address, "/done", nil); status != http.StatusNoContent {
		t.Errorf("%d: %s", status, log)
	}
	got := frontend.Signals[hosting.NetworkBoot](t, f, "reinstall/1001")
	if len(got) != 2 || got[0].ID != "boot-1" || got[0].Attempt != 2 || got[0].Stage != "partitioning" || got[0].Percent != 10 || got[1].State != hosting.BootDone {
		t.Fatalf("%+v", got)
	}
	if got[0].Plan.HostName != "" || got[0].Operation != "" {
		t.Errorf("the signal carries more than it needs: %+v", got[0])
	}
	f.Fail(func(string) error { return serviceerror.NewPermissionDenied("no", "") })
	if status := reported(t, address, "/done", nil); status != http.StatusServiceUnavailable {
		t.Errorf("Temporal refuses: %d", status)
	}
	if strings.Contains(log.String(), bootToken) {
		t.Error("the token is in the log")
	}
	stop()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", address); err == nil {
		conn.Close()
		t.Error("it still listens")
	}
}

// An operation that has ended needs no waking: the machine is not told to ask
// again for ever.
func TestBoot_operationHasEnded(t *testing.T) {
	t.Parallel()
	address, _, _, _ := machines(t, frontend.Start(t))
	if status := reported(t, address, "/done", nil); status != http.StatusNoContent {
		t.Errorf("%d", status)
	}
}

// The two listeners serve different things: what machines reach is not for the
// desk, and the other way round.
func TestBoot_isApart(t *testing.T) {
	t.Parallel()
	f := frontend.Start(t)
	address, _, _, _ := machines(t, f)
	get := func(address, path string) int {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+address+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		io.Copy(io.Discard, response.Body) //nolint:errcheck // it is small
		response.Body.Close()
		return response.StatusCode
	}
	if status := get(address, "/boot/52:54:00:12:34:56"); status != http.StatusOK {
		t.Errorf("%d", status)
	}
	if status := get(address, "/hooks/desk"); status != http.StatusNotFound {
		t.Errorf("%d", status)
	}
	desk := strings.TrimPrefix(open(t).url, "http://")
	if status := get(desk, "/boot/52:54:00:12:34:56"); status != http.StatusNotFound {
		t.Errorf("%d", status)
	}
}

func TestBoot_refuses(t *testing.T) {
	t.Parallel()
	taken, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	good := gateway.BootConfig{Listen: "127.0.0.1:0", URL: "http://192.0.2.10:8081", Files: t.TempDir(), Store: erasing{}}
	for want, change := range map[string]func(*gateway.BootConfig){
		"no records to hand boots out of":  func(c *gateway.BootConfig) { c.Store = nil },
		"it is not the URL of a host":      func(c *gateway.BootConfig) { c.URL = "http://192.0.2.10/boot" },
		"the folder of boot files is none": func(c *gateway.BootConfig) { c.Files = "/nowhere" },
		"is another one running?":          func(c *gateway.BootConfig) { c.Listen = taken.Addr().String() },
	} {
		c := good
		change(&c)
		g, err := gateway.New(gateway.Config{Listen: "127.0.0.1:0", DeskSecrets: []signature.Secret{secret}, Boot: c}, nil, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		if err := g.Serve(t.Context()); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v; want %s", err, want)
		}
	}
}
