package netboot_test

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/handrail/handrail/activities/netboot"
	"github.com/handrail/handrail/hosting"
)

// The whole of it: script, answer, permission, reports; and after each state
// what is not to be had any more.
func TestServer_course(t *testing.T) {
	t.Parallel()
	b := planned(hosting.AnswerPreseed, hosting.RAIDNone, hosting.LayoutCustom)
	p := serve(t, b)
	write(t, p.secrets, "web", hash+"\n")
	at := p.handedOut()
	raw, err := base64.RawURLEncoding.DecodeString(strings.TrimPrefix(at, "/t/"))
	if err != nil || sha256.Sum256(raw) != p.token {
		t.Error("what is stored is not the sum of the token")
	}
	if left := time.Until(p.until); left > netboot.DefaultTokenLife || left < netboot.DefaultTokenLife-time.Minute {
		t.Errorf("the token is good for %v", left)
	}
	if r := p.ask(mac); r.body != netboot.DiskScript {
		t.Errorf("asked again: %+v", r)
	}
	answer := p.get(at + "/answer")
	if answer.status != http.StatusOK || !strings.Contains(answer.body, "passwd/root-password-crypted password "+hash+"\n") || answer.header.Get("Cache-Control") != "no-store" {
		t.Errorf("%+v", answer)
	}
	if r := p.post(at+"/progress", url.Values{"stage": {"looking for the disks"}, "percent": {"5"}}); r.status != http.StatusNoContent || r.body != "" {
		t.Errorf("%+v", r)
	}
	if r := p.post(at+"/done", nil); r.status != http.StatusConflict || p.now().State != hosting.BootHandedOut {
		t.Errorf("done before it began: %+v", r)
	}
	if r := p.post(at+"/begin", url.Values{"disks": {"S3Z9NB0K1"}}); r.status != http.StatusOK || r.body != "go\n" {
		t.Errorf("%+v", r)
	}
	if r := p.post(at+"/begin", url.Values{"disks": {"S3Z9NB0K1"}}); r.status != http.StatusConflict || !strings.Contains(r.body, "erase the disks before") {
		t.Errorf("a second permission: %+v", r)
	}
	for _, path := range []string{"/answer", "/script", "/user-data", "/meta-data"} {
		if r := p.get(at + path); r.status != http.StatusGone || strings.Contains(r.body, hash) {
			t.Errorf("%s after the permission: %+v", path, r)
		}
	}
	if r := p.post(at+"/hostkey", url.Values{"key": {"ssh-ed25519 AAAA", "ssh-rsa BBBB"}}); r.status != http.StatusNoContent {
		t.Errorf("%+v", r)
	}
	for range 2 { // an answer that was lost
		if r := p.post(at+"/done", nil); r.status != http.StatusNoContent {
			t.Errorf("%+v", r)
		}
	}
	got := p.now()
	if got.State != hosting.BootDone || !slices.Equal(got.HostKeys, []string{"ssh-ed25519 AAAA", "ssh-rsa BBBB"}) {
		t.Errorf("%+v", got)
	}
	if last := p.last(); last.State != hosting.BootDone || last.Workflow != b.Workflow || last.Plan.HostName != "" || last.HostKeys != nil {
		t.Errorf("the bell carries %+v", last)
	}
	for _, path := range []string{"/answer", "/script"} {
		if r := p.get(at + path); r.status != http.StatusNotFound {
			t.Errorf("%s after the end: %+v", path, r)
		}
	}
	p.keepsSecrets(at)
}

// keepsSecrets looks for the token and the hash in the log.
func (p place) keepsSecrets(at string) {
	p.t.Helper()
	text := p.log.String()
	if strings.Contains(text, strings.TrimPrefix(at, "/t/")) || strings.Contains(text, hash) {
		p.t.Errorf("a secret is in the log:\n%s", text)
	}
	if !strings.Contains(text, "route=begin") || !strings.Contains(text, "operation=op-1") {
		p.t.Errorf("the log does not say what was done:\n%s", text)
	}
}

// Whoever is not iPXE gets nothing that is secret, and the boot keeps waiting:
// Debian's installer comes to the same URL.
func TestServer_onlyIPXEGetsTheScript(t *testing.T) {
	t.Parallel()
	p := serve(t, planned(hosting.AnswerPreseed, hosting.RAIDNone, hosting.LayoutDefault))
	for _, agent := range []string{"debian-installer", "curl/7.88.1", "", "Mozilla/5.0 iPXE/1.0"} {
		if r := p.do(http.MethodGet, "/boot/"+mac, http.Header{"User-Agent": {agent}}, ""); r.status != http.StatusOK || r.body != netboot.PreseedStub {
			t.Errorf("%q: %+v", agent, r)
		}
	}
	// What DHCP tells iPXE as it stands, which Debian's wget escapes.
	if r := p.do(http.MethodGet, "/boot/$%7Bnet0/mac%7D", http.Header{"User-Agent": {"debian-installer"}}, ""); r.body != netboot.PreseedStub {
		t.Errorf("%+v", r)
	}
	if r := p.do(http.MethodHead, "/boot/"+mac, http.Header{"User-Agent": {"iPXE/1.0"}}, ""); r.status != http.StatusMethodNotAllowed {
		t.Errorf("%+v", r)
	}
	if p.now().State != hosting.BootArmed {
		t.Errorf("%+v", p.now())
	}
	p.handedOut()
}

// A machine that nothing waits for starts from its disk; how its address is
// written does not matter.
func TestServer_boot(t *testing.T) {
	t.Parallel()
	for _, form := range []string{"52:54:00:12:34:56", "52-54-00-12-34-56", "525400123456", "5254.0012.3456", "01-52-54-00-12-34-56", "52:54:00:12:34:57"} {
		p := serve(t, planned(hosting.AnswerOrder, hosting.RAIDNone, hosting.LayoutDefault))
		if r := p.ask("52:54:00:00:00:01"); r.body != netboot.DiskScript {
			t.Errorf("another machine: %+v", r)
		}
		if r := p.ask(strings.ToUpper(form)); !strings.Contains(r.body, "\nkernel "+p.url+"/files/debian-12-image/vmlinuz ") {
			t.Errorf("%s: %+v", form, r)
		}
	}
	p := serve(t, hosting.NetworkBoot{})
	for _, form := range []string{"52:54:00:12:34", "52:54:00:12:34:5g", "00:00:00:00:00:00", "ff:ff:ff:ff:ff:ff", "x", "52:54-00:12:34:56", "%0a"} {
		if r := p.ask(form); r.status != http.StatusBadRequest {
			t.Errorf("%s: %+v", form, r)
		}
	}
	p.fail(errAway)
	if r := p.ask(mac); r.status != http.StatusServiceUnavailable {
		t.Errorf("%+v", r)
	}
}

// Ubuntu's installer reads three files.
func TestServer_autoinstall(t *testing.T) {
	t.Parallel()
	p := serve(t, planned(hosting.AnswerAutoinstall, hosting.RAID1, hosting.LayoutDefault))
	at := p.handedOut()
	for path, want := range map[string]string{"/user-data": "#cloud-config\n", "/meta-data": "instance-id: ", "/vendor-data": "", "/script": "#!/bin/sh\n"} {
		if r := p.get(at + path); r.status != http.StatusOK || !strings.HasPrefix(r.body, want) || want == "" && r.body != "" {
			t.Errorf("%s: %+v", path, r)
		}
	}
	rescue := serve(t, rescued())
	if at := rescue.handedOut(); rescue.get(at+"/script").status != http.StatusNotFound || rescue.get(at+"/answer").status != http.StatusOK || rescue.now().State != hosting.BootHandedOut {
		t.Error("the rescue system has an order and no script")
	}
}

// I14: the wrong disks end the boot, and the operation hears of it.
func TestServer_wrongDisks(t *testing.T) {
	t.Parallel()
	p := serve(t, planned(hosting.AnswerOrder, hosting.RAID1, hosting.LayoutDefault))
	at := p.handedOut()
	if r := p.post(at+"/begin", nil); r.status != http.StatusBadRequest || p.now().State != hosting.BootHandedOut {
		t.Errorf("no disks: %+v", r)
	}
	if r := p.post(at+"/begin", url.Values{"disks": {"S3Z9NB0K1", "KEPT-0001"}}); r.status != http.StatusConflict || !strings.Contains(r.body, "KEPT-0001") {
		t.Errorf("%+v", r)
	}
	if last := p.last(); p.now().State != hosting.BootFailed || last.State != hosting.BootFailed || last.ID == "" {
		t.Errorf("%+v, the bell: %+v", p.now(), last)
	}
	if r := p.post(at+"/begin", url.Values{"disks": {"S3Z9NB0K1", "wd-wcc4n/7:1"}}); r.status != http.StatusNotFound {
		t.Errorf("after the end: %+v", r)
	}
}

// A report that the operation can not be told of is made again; a permission
// that was given is not held back for that.
func TestServer_bellDoesNotRing(t *testing.T) {
	t.Parallel()
	p := serve(t, planned(hosting.AnswerOrder, hosting.RAIDNone, hosting.LayoutDefault))
	at := p.handedOut()
	p.silence(errAway)
	if r := p.post(at+"/progress", url.Values{"stage": {"disks"}, "percent": {"1"}}); r.status != http.StatusServiceUnavailable {
		t.Errorf("%+v", r)
	}
	if r := p.post(at+"/begin", url.Values{"disks": {"S3Z9NB0K1"}}); r.status != http.StatusOK {
		t.Errorf("%+v", r)
	}
	if r := p.post(at+"/failed", url.Values{"error": {"no"}}); r.status != http.StatusServiceUnavailable || p.now().State != hosting.BootFailed {
		t.Errorf("%+v", r)
	}
	p.silence(nil)
	if r := p.post(at+"/failed", url.Values{"error": {"no"}}); r.status != http.StatusNoContent || p.last().State != hosting.BootFailed {
		t.Errorf("%+v", r)
	}
}

// What can not be written out ends the boot with the reason, before anything is
// lost: staff read it instead of waiting.
func TestServer_givesUp(t *testing.T) {
	t.Parallel()
	wrong := planned(hosting.AnswerOrder, hosting.RAIDNone, hosting.LayoutDefault)
	wrong.Plan.Disks[0].Serial = "a serial with $(words)"
	p := serve(t, wrong)
	if r := p.ask(mac); r.status != http.StatusInternalServerError || p.now().State != hosting.BootFailed || !strings.Contains(p.now().Error, "serial number") || p.last().State != hosting.BootFailed {
		t.Errorf("%+v: %+v", r, p.now())
	}
	noHash := planned(hosting.AnswerOrder, hosting.RAIDNone, hosting.LayoutCustom)
	p = serve(t, noHash)
	write(t, p.secrets, "web", "hunter2")
	at := p.handedOut()
	if r := p.get(at + "/answer"); r.status != http.StatusInternalServerError || p.now().State != hosting.BootFailed || !strings.Contains(p.now().Error, "no crypt(3) hash") {
		t.Errorf("%+v: %+v", r, p.now())
	}
	if strings.Contains(p.log.String()+p.now().Error, "hunter2") {
		t.Error("what the secret holds is quoted")
	}
}
