package ipxe_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/handrail/handrail/dev/datacenter/ipxe"
)

// site serves files and notes who asked for what.
type site struct {
	*httptest.Server
	mu    sync.Mutex
	asked []string
	slept time.Duration
}

func serve(t *testing.T, files map[string]string) *site {
	t.Helper()
	s := &site{}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		s.asked = append(s.asked, r.URL.Path)
		s.mu.Unlock()
		content, there := files[r.URL.Path]
		if !there || r.Header.Get("User-Agent") != ipxe.UserAgent {
			http.NotFound(w, r)
			return
		}
		_, _ = w.Write([]byte(content))
	}))
	t.Cleanup(s.Close)
	return s
}

func (s *site) boot(ctx context.Context, uefi bool) (ipxe.Outcome, error) {
	m := ipxe.Machine{HTTP: s.Client(), MAC: "02:00:5e:10:00:01", UEFI: uefi, Sleep: func(_ context.Context, d time.Duration) error {
		s.slept += d
		return nil
	}}
	o, err := m.Boot(ctx, s.URL+"/boot/script")
	o.Kernel = strings.TrimPrefix(o.Kernel, s.URL)
	for i, u := range o.Initrds {
		o.Initrds[i] = strings.TrimPrefix(u, s.URL)
	}
	return o, err
}

var disk = ipxe.Outcome{}

func TestScripts(t *testing.T) {
	t.Parallel()
	linux := ipxe.Outcome{Kernel: "/files/vmlinuz", CommandLine: "initrd=initrd a=1 -- b", Initrds: []string{"/files/initrd"}}
	for name, tt := range map[string]struct {
		script string
		want   ipxe.Outcome
		fails  string // what the error says
	}{
		"a kernel":           {"kernel /files/vmlinuz initrd=initrd a=1 -- b\ninitrd /files/initrd\nboot", linux, ""},
		"relative addresses": {"kernel ../files/vmlinuz initrd=initrd a=1 -- b\ninitrd ../files/initrd\nboot", linux, ""},
		"arguments later":    {"kernel --name k /files/vmlinuz x\ninitrd /files/initrd\nimgargs k initrd=initrd a=1 -- b\nboot k", linux, ""},
		"settings":           {"set base /files\nset k ${base}/vmlinuz\nkernel ${k} ${net0/mac} ${nothing}\nboot", ipxe.Outcome{Kernel: "/files/vmlinuz", CommandLine: "02:00:5e:10:00:01 "}, ""},
		"the platform":       {"kernel /files/vmlinuz ${platform}\nboot", ipxe.Outcome{Kernel: "/files/vmlinuz", CommandLine: "pcbios"}, ""},
		"boot with address":  {"boot /files/vmlinuz quiet", ipxe.Outcome{Kernel: "/files/vmlinuz", CommandLine: "quiet"}, ""},
		"comments":           {"# kernel /gone\n\n  # boot\nkernel /files/vmlinuz # quiet\nboot", ipxe.Outcome{Kernel: "/files/vmlinuz"}, ""},
		"carriage returns":   {"kernel /files/vmlinuz a\r\nboot\r", ipxe.Outcome{Kernel: "/files/vmlinuz", CommandLine: "a"}, ""},
		"exit":               {"exit\nfoo", disk, ""},
		"exit 0":             {"echo from disk\nexit 0\nfoo", disk, ""},
		"the end":            {"echo nothing", disk, ""},
		"sanboot":            {"sanboot --no-describe --drive 0x80\nfoo", disk, ""},
		"or":                 {"kernel /gone || kernel /files/vmlinuz\nboot", ipxe.Outcome{Kernel: "/files/vmlinuz"}, ""},
		"or not needed":      {"kernel /files/vmlinuz || foo\nboot", ipxe.Outcome{Kernel: "/files/vmlinuz"}, ""},
		"or exit":            {"kernel /gone || exit\nfoo", disk, ""},
		"and":                {"kernel /files/vmlinuz && boot || foo", ipxe.Outcome{Kernel: "/files/vmlinuz"}, ""},
		"and not reached":    {"kernel /gone && foo || echo gone", disk, ""},
		"chain":              {"chain /other\nfoo", ipxe.Outcome{Kernel: "/files/vmlinuz", CommandLine: "chained"}, ""},
		"chain that ends":    {"chain /nothing\nsanboot", disk, ""},
		"goto":               {"goto there\nfoo\n:there\nkernel /files/vmlinuz\nboot", ipxe.Outcome{Kernel: "/files/vmlinuz"}, ""},
		"the other way":      {"iseq ${platform} efi && goto efi || goto bios\nfoo\n:efi\nfoo\n:bios\nsanboot || exit 1", disk, ""},
		"is set":             {"isset ${nothing} || isset ${net0/mac} && exit\nfoo", disk, ""},
		"no label":           {"goto nowhere", disk, "no label nowhere"},
		"round and round":    {":a\ngoto a", disk, "do not come to an end"},
		"freed":              {"kernel /files/vmlinuz\nimgfree\nboot", disk, "no image"},
		"unknown command":    {"kernle /files/vmlinuz\nboot", disk, "line 2 of"},
		"unknown option":     {"kernel --quick /files/vmlinuz\nboot", disk, "unrecognized option --quick"},
		"missing kernel":     {"kernel /gone\nboot", disk, "404"},
		"missing initrd":     {"kernel /files/vmlinuz\ninitrd /gone\nboot", disk, "404"},
		"empty kernel":       {"kernel /files/empty\nboot", disk, "empty"},
		"no kernel":          {"boot", disk, "no image"},
		"another image":      {"kernel /files/vmlinuz\nimgargs linux a\nboot", disk, "no such image"},
		"exit with status":   {"exit 1", disk, "status 1"},
		"an endless chain":   {"chain /boot/script", disk, "deep"},
		"chain to a kernel":  {"chain /files/vmlinuz", disk, "exec format error"},
		"SAN":                {"sanboot iscsi:192.0.2.1::::iqn", disk, "no SAN"},
		"a file transfer":    {"kernel tftp://192.0.2.1/vmlinuz\nboot", disk, "not supported"},
		"sleep until soon":   {"sleep soon", disk, "no number"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := serve(t, map[string]string{
				"/boot/script": "#!ipxe\n" + tt.script, "/files/vmlinuz": "MZ", "/files/initrd": "0707", "/files/empty": "",
				"/other": "#!ipxe\nkernel /files/vmlinuz chained\nboot\n", "/nothing": "#!ipxe\n",
			})
			got, err := s.boot(t.Context(), false)
			if tt.fails != "" {
				if err == nil || !strings.Contains(err.Error(), tt.fails) {
					t.Errorf("error %v, want one about %q", err, tt.fails)
				}
				return
			}
			if err != nil || !reflect.DeepEqual(got, tt.want) {
				t.Errorf("got %+v, %v; want %+v", got, err, tt.want)
			}
		})
	}
}

func TestUEFIHasNoDriveNumbers(t *testing.T) {
	t.Parallel()
	s := serve(t, map[string]string{"/boot/script": "#!ipxe\niseq ${platform} efi && sanboot || goto out\nfoo\n:out\nexit 0\n"})
	if got, err := s.boot(t.Context(), true); err != nil || !reflect.DeepEqual(got, disk) {
		t.Errorf("%+v, %v", got, err)
	}
	s = serve(t, map[string]string{"/boot/script": "#!ipxe\nsanboot --no-describe --drive 0x80\n"})
	if _, err := s.boot(t.Context(), true); err == nil {
		t.Error("sanboot found a drive number")
	}
}

func TestNothingIsDownloadedBeyondTheFailure(t *testing.T) {
	t.Parallel()
	s := serve(t, map[string]string{"/boot/script": "#!ipxe\nsleep 7\nkernel /files/gone\ninitrd /files/initrd\nboot\n"})
	if _, err := s.boot(t.Context(), false); err == nil {
		t.Error("it boots without a kernel")
	}
	if want := []string{"/boot/script", "/files/gone"}; !reflect.DeepEqual(s.asked, want) || s.slept != 7*time.Second {
		t.Errorf("asked for %q after %s", s.asked, s.slept)
	}
}

func TestAScriptHasToSayWhatItIs(t *testing.T) {
	t.Parallel()
	for name, script := range map[string]string{"html": "<html>", "nothing": "", "late": "\n#!ipxe\nexit", "huge": "#!ipxe\n" + strings.Repeat("#", 70_000)} {
		s := serve(t, map[string]string{"/boot/script": script})
		if _, err := s.boot(t.Context(), false); err == nil {
			t.Errorf("%s: it was taken for a script", name)
		}
	}
}

func TestSettingsDoNotGrowForEver(t *testing.T) {
	t.Parallel()
	s := serve(t, map[string]string{"/files/vmlinuz": "MZ", "/boot/script": "#!ipxe\nset x 0123456789\n" +
		strings.Repeat("set x ${x}${x}\n", 200) + "set x $\nset y ${x}{y}\nkernel /files/vmlinuz ${y}\nboot\n"})
	if o, err := s.boot(t.Context(), false); err != nil || len(o.CommandLine) > 5000 {
		t.Errorf("%d bytes, %v", len(o.CommandLine), err)
	}
}

// Whatever a server answers, iPXE comes to an end.
func FuzzScript(f *testing.F) {
	for _, s := range []string{"kernel a b || exit\nboot", "set x ${x}${x}\necho ${x}", "chain script && chain script", "imgargs", "|| &&", "sanboot -d", "exit || exit"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, script string) {
		m := ipxe.Machine{
			HTTP: &http.Client{Transport: answering(script)}, MAC: "02:00:5e:10:00:01", Sleep: func(context.Context, time.Duration) error { return nil },
		}
		o, err := m.Boot(t.Context(), "http://192.0.2.1/boot/script")
		if err != nil && o.Kernel != "" {
			t.Errorf("failed with %v and boots %s", err, o.Kernel)
		}
	})
}

// answering gives every request one script, without a network.
type answering string

func (a answering) RoundTrip(r *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	_, _ = w.WriteString("#!ipxe\n" + string(a))
	return w.Result(), nil
}
