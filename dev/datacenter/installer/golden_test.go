package installer_test

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/handrail/handrail/dev/datacenter/installer"
	"github.com/handrail/handrail/dev/datacenter/ipxe"
	"github.com/handrail/handrail/hosting"
)

// rendered is what the gateway would answer for one of its golden files.
type rendered struct{ at string } // the files' common beginning

const testdata = "../../../activities/netboot/testdata"

// stub is what Debian's installer gets at the address of the boot script.
const stub = "d-i preseed/include_command string sed -n -e 's/.*handrail[.]answer=//p' /proc/cmdline\n"

var endings = map[string]string{"answer": ".answer", "user-data": ".answer", "meta-data": ".meta-data", "script": ".sh"}

func (g rendered) RoundTrip(r *http.Request) (*http.Response, error) {
	name := path.Base(r.URL.Path)
	body, status := []byte("file"), http.StatusOK
	var err error
	switch {
	case strings.HasPrefix(r.URL.Path, "/boot/") && r.Header.Get("User-Agent") == ipxe.UserAgent:
		body, err = os.ReadFile(g.at + ".ipxe")
	case strings.HasPrefix(r.URL.Path, "/boot/"):
		body = []byte(stub)
	case endings[name] != "":
		body, err = os.ReadFile(g.at + endings[name])
	}
	if err != nil {
		status = http.StatusNotFound
	}
	return &http.Response{StatusCode: status, Status: http.StatusText(status), Body: io.NopCloser(bytes.NewReader(body)), Request: r}, nil
}

func hurry(ctx context.Context, _ time.Duration) error { return ctx.Err() }

func (g rendered) read(t *testing.T) (installer.Answer, error) {
	t.Helper()
	const script = "http://192.0.2.10:8081/boot/52:54:00:12:34:56"
	web := &http.Client{Transport: g}
	o, err := ipxe.Machine{HTTP: web, MAC: "52:54:00:12:34:56", UEFI: true, Sleep: hurry}.Boot(t.Context(), script)
	if err != nil || o.Kernel == "" || len(o.Initrds) != 1 {
		t.Fatalf("the script: %+v, %v", o, err)
	}
	return installer.Client{HTTP: web, Sleep: hurry}.Read(t.Context(), o.CommandLine, script)
}

// What the gateway renders is understood by what reads it here.
func TestReadsWhatTheGatewayRenders(t *testing.T) {
	t.Parallel()
	scripts, err := filepath.Glob(filepath.Join(testdata, "*.ipxe"))
	if err != nil || len(scripts) < 20 {
		t.Fatalf("%d golden scripts in %s: %v", len(scripts), testdata, err)
	}
	for _, file := range scripts {
		name := strings.TrimSuffix(filepath.Base(file), ".ipxe")
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a, err := rendered{strings.TrimSuffix(file, ".ipxe")}.read(t)
			if err != nil {
				t.Fatal(err)
			}
			format, kind, _ := strings.Cut(name, "-")
			if format == "rescue" {
				if !a.Rescue || a.Format != hosting.AnswerOrder || len(a.Keys) != 1 {
					t.Errorf("%+v", a)
				}
				return
			}
			want := []string{"S3Z9NB0K1", "wd-wcc4n/7:1"}
			switch {
			case kind == "unlisted":
				want = nil
			case strings.HasPrefix(kind, "raid-none"):
				want = want[:1]
			}
			count := max(len(want), 1)
			if kind == "unlisted" {
				count = 2
			}
			if string(a.Format) != format || !slices.Equal(a.Disks, want) || a.Count != count {
				t.Errorf("%s wants %d disks %q, should be %d %q", a.Format, a.Count, a.Disks, count, want)
			}
			host, keys := "web.acme.example", 1
			if strings.HasSuffix(kind, "custom") {
				host, keys = "web", 0
			}
			if a.HostName != host || len(a.Keys) != keys || a.Token() != "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8" {
				t.Errorf("host %q, keys %q, token %q", a.HostName, a.Keys, a.Token())
			}
		})
	}
}
