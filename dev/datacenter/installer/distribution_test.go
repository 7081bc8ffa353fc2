package installer_test

import (
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/handrail/handrail/dev/datacenter/installer"
)

// edited is a gateway's answers with something replaced.
type edited struct {
	rendered
	old, with string
}

func (e edited) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := e.rendered.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	raw, err := io.ReadAll(resp.Body)
	resp.Body = io.NopCloser(strings.NewReader(strings.ReplaceAll(string(raw), e.old, e.with)))
	return resp, err
}

// An answer that would not do what it should is not carried out.
func TestAnswersThatCanNotBeMeant(t *testing.T) {
	t.Parallel()
	const at = "http://192.0.2.10:8081/t/AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"
	lines := map[string]string{
		"preseed": "auto=true url=" + at + "/answer handrail.answer=" + at + "/answer", "kickstart": "inst.ks=" + at + "/answer",
		"autoinstall": "autoinstall ds=nocloud;s=" + at + "/",
	}
	for name, tt := range map[string]struct{ format, old, with, line, why string }{
		"preseed asks nobody":         {"preseed", "handrail.sh erase", "handrail.sh look", "", "does not ask before it erases"},
		"preseed without include":     {"preseed", "preseed/include_command", "preseed/other", "", "does not fetch the script"},
		"preseed includes nothing":    {"preseed", "", "", "auto=true url=" + at + "/answer", "does not name"},
		"preseed is none":             {"preseed", "d-i ", "# d-i ", "", "preconfiguration file"},
		"autoinstall asks nobody":     {"autoinstall", "handrail.sh erase", "handrail.sh look", "", "does not ask before it erases"},
		"autoinstall asks too late":   {"autoinstall", "early-commands", "late-commands-2", "", "does not fetch the script"},
		"autoinstall would wait":      {"autoinstall", "", "", "ds=nocloud;s=" + at + "/", "waits for a confirmation"},
		"autoinstall of no version":   {"autoinstall", "version: 1", "version: 0", "", "version 1"},
		"autoinstall is no YAML":      {"autoinstall", "autoinstall:", "autoinstall: [", "", "can not be read"},
		"no cloud-config":             {"autoinstall", "#cloud-config", "#cloud", "", "no cloud-config"},
		"another data source":         {"autoinstall", "", "", "autoinstall ds=ec2", "no data source"},
		"kickstart asks too late":     {"kickstart", "%pre ", "%post ", "", "does not fetch the script"},
		"kickstart with an open end":  {"kickstart", "%end", "", "", "does not end"},
		"a script without disks":      {"kickstart", "for serial in S", "for serial in $S", "", "which disks"},
		"a script that is a page":     {"kickstart", "#!/bin/sh", "<html>", "", "is none"},
		"a script that does not send": {"kickstart", "send 12 begin", "echo begin", "", "does not ask before it erases"},
		"no answer file":              {"kickstart", "", "", "quiet", "names no answer file"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			web := &http.Client{Transport: edited{rendered{filepath.Join(testdata, tt.format+"-raid-1-default")}, tt.old, tt.with}}
			if tt.old == "" {
				web.Transport = rendered{filepath.Join(testdata, tt.format+"-raid-1-default")}
			}
			line := lines[tt.format]
			if tt.line != "" {
				line = tt.line
			}
			a, err := installer.Client{HTTP: web, Sleep: hurry}.Read(t.Context(), line, "http://192.0.2.10:8081/boot/52:54:00:12:34:56")
			if err == nil || !strings.Contains(err.Error(), tt.why) {
				t.Errorf("%+v, %v; want an error about %q", a, err, tt.why)
			}
		})
	}
}
