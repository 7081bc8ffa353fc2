package bmc

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/handrail/handrail/activities/bmc/redfish"
	"github.com/handrail/handrail/hosting"
)

const secretWord = "s3cret:with:colons"

func TestSecrets(t *testing.T) {
	t.Setenv("HANDRAIL_TEST_BMC", "env-user:"+secretWord)
	dir := t.TempDir()
	write := func(name, content string, mode os.FileMode) string {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(content), mode); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, mode); err != nil { // whatever the umask
			t.Fatal(err)
		}
		return path
	}
	write("plain", "plain-user:"+secretWord+"\n", 0o600)
	write("structured.json", `{"user":"json-user","password":"`+secretWord+`"}`, 0o640)
	write("tabled.toml", "user = \"toml-user\"\npassword = \""+secretWord+"\"\n", 0o600)
	write("open", "u:"+secretWord, 0o644)
	write("halved", "user-only", 0o600)
	write("broken.json", `{"user":"`+secretWord, 0o600)
	outside := filepath.Join(t.TempDir(), "outside")
	if err := os.WriteFile(outside, []byte("u:"+secretWord), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(outside, filepath.Join(dir, "escape")); err != nil {
		t.Fatal(err)
	}
	all := filepath.Join(t.TempDir(), "all.toml")
	if err := os.WriteFile(all, []byte("[one]\nuser = \"one-user\"\npassword = \""+secretWord+"\"\n"), 0o600); err != nil {
		t.Fatal(err)
	}

	cases := []struct {
		store Secrets
		ref   string
		user  string // empty where it is refused
	}{
		{NewSecrets(dir), "file:plain", "plain-user"},
		{NewSecrets(dir), "file:structured", "json-user"},
		{NewSecrets(dir), "file:tabled", "toml-user"},
		{NewSecrets(dir), "env:HANDRAIL_TEST_BMC", "env-user"},
		{FileSecrets{Path: all}, "one", "one-user"},
		{FileSecrets{Path: all}, "two", ""},
		{NewSecrets(dir), "file:open", ""},
		{NewSecrets(dir), "file:halved", ""},
		{NewSecrets(dir), "file:broken", ""},
		{NewSecrets(dir), "file:absent", ""},
		{NewSecrets(dir), "file:escape", ""},
		{NewSecrets(dir), "file:../" + filepath.Base(dir) + "/plain", ""},
		{NewSecrets(dir), "file:", ""},
		{NewSecrets(dir), "plain", ""},
		{NewSecrets(dir), "vault:plain", ""},
		{NewSecrets(""), "file:plain", ""},
		{NewSecrets(dir), "env:HANDRAIL_TEST_ABSENT", ""},
		{FileSecrets{Path: filepath.Join(dir, "nowhere")}, "one", ""},
	}
	for _, c := range cases {
		got, err := c.store.BMCLogin(t.Context(), c.ref)
		switch {
		case c.user != "" && (err != nil || got.User != c.user || got.Password != secretWord):
			t.Errorf("%s: %s, %v", c.ref, got, err)
		case c.user == "" && err == nil:
			t.Errorf("%s: opened as %s", c.ref, got)
		case err != nil && strings.Contains(err.Error(), "s3cret"):
			t.Errorf("%s: the error holds the secret: %v", c.ref, err)
		}
	}
}

func TestLogin_NeverShows(t *testing.T) {
	t.Parallel()
	login := Login{User: "u", Password: secretWord}
	var log strings.Builder
	slog.New(slog.NewTextHandler(&log, nil)).Info("login", "login", login, "in", struct{ L Login }{login})
	encoded, err := json.Marshal(map[string]any{"login": login, "pointer": &login})
	if err != nil {
		t.Fatal(err)
	}
	shown := []string{log.String(), string(encoded)}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q"} {
		shown = append(shown, fmt.Sprintf(verb, login), fmt.Sprintf(verb, &login), fmt.Sprintf(verb, []Login{login}), fmt.Sprintf(verb, struct{ L Login }{login}))
	}
	for _, s := range shown {
		if strings.Contains(s, "s3cret") {
			t.Errorf("the password shows in %s", s)
		}
	}
}

// A refused login is not tried again, neither with the other protocol nor by
// the next attempt, until it was corrected or some time has passed.
func TestRefusedLoginIsNotHammered(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(hosting.PowerOn)
		login := Login{User: "u", Password: "old"}
		r.Secrets = secretsFunc(func() (Login, error) { return login, nil })
		tries := map[hosting.Protocol]int{}
		refuse := func(p hosting.Protocol) func() error {
			return func() error { tries[p]++; return refusedByBMC() }
		}
		r.redfish.readErr, r.ipmi.readErr = refuse(hosting.Redfish), refuse(hosting.IPMI)
		for i := range r.target.BMC.Endpoints {
			r.target.BMC.Endpoints[i].Secret = "file:same"
		}
		for range 3 {
			if _, err := r.ReadPower(t.Context(), r.target); hosting.KindOf(err) != hosting.FaultUnsupported {
				t.Fatalf("ReadPower = %v", err)
			}
		}
		if tries[hosting.Redfish] != 1 {
			t.Errorf("tried %v, want Redfish once", tries)
		}
		time.Sleep(lockoutTime)
		_, _ = r.ReadPower(t.Context(), r.target)
		if tries[hosting.Redfish] != 2 {
			t.Errorf("tried %v after the lockout, want Redfish twice", tries)
		}
		login.Password = "corrected"
		r.redfish.readErr = nil
		if _, err := r.ReadPower(t.Context(), r.target); err != nil {
			t.Errorf("a corrected login is not used at once: %v", err)
		}
	})
}

// refusedByBMC is a refused login as the Redfish client tells it.
func refusedByBMC() error {
	return hosting.NewFault(hosting.FaultUnsupported, "srv-1", "the BMC refused the login", "check the secret").Because(&redfish.StatusError{Status: 401})
}

type secretsFunc func() (Login, error)

func (f secretsFunc) BMCLogin(context.Context, string) (Login, error) { return f() }

func TestFallback(t *testing.T) {
	t.Parallel()
	t.Run("IPMI reads where Redfish can not be reached", func(t *testing.T) {
		t.Parallel()
		r := newRig(hosting.PowerOff)
		r.redfish.readErr = unreachable
		got, err := r.ReadPower(t.Context(), r.target)
		if err != nil || got.Via != hosting.IPMI || got.State != hosting.PowerOff || got.At.IsZero() {
			t.Errorf("ReadPower = %+v, %v", got, err)
		}
	})
	t.Run("neither", func(t *testing.T) {
		t.Parallel()
		r := newRig(hosting.PowerOff)
		r.redfish.readErr = func() error { return hosting.NewFault(hosting.FaultUnsupported, "srv-1", "HTML", "") }
		r.ipmi.readErr = unreachable
		if _, err := r.ReadPower(t.Context(), r.target); hosting.KindOf(err) != hosting.FaultUnreachable || !strings.Contains(err.Error(), "HTML") {
			t.Errorf("ReadPower = %v, want both told", err)
		}
	})
	t.Run("what no protocol carries", func(t *testing.T) {
		t.Parallel()
		r := newRig(hosting.PowerOn) // the fakes do power only
		if _, err := r.InsertMedia(t.Context(), MediaOrder{Target: r.target, Image: "http://10.0.0.1/a.iso"}); hosting.KindOf(err) != hosting.FaultUnsupported {
			t.Errorf("InsertMedia = %v", err)
		}
	})
	t.Run("a secret that can not be opened", func(t *testing.T) {
		t.Parallel()
		r := newRig(hosting.PowerOn)
		r.Secrets = secretsFunc(func() (Login, error) { return Login{}, os.ErrNotExist })
		if _, err := r.ReadPower(t.Context(), r.target); hosting.KindOf(err) != hosting.FaultInvalidRequest || !strings.Contains(err.Error(), "file:a") {
			t.Errorf("ReadPower = %v", err)
		}
	})
}

func TestOrders_Refused(t *testing.T) {
	t.Parallel()
	r := newRig(hosting.PowerOn)
	none := Target{Server: "srv-1"}
	for name, run := range map[string]func() error{
		"no BMC": func() error { _, err := r.ReadPower(t.Context(), none); return err },
		"unknown device": func() error {
			_, err := r.SetBootOnce(t.Context(), BootOrder{Target: r.target, Device: "floppy"})
			return err
		},
		"unknown mode": func() error {
			_, err := r.SetBootOnce(t.Context(), BootOrder{Target: r.target, Device: BootPXE, Mode: "bios"})
			return err
		},
		"image without URL": func() error {
			_, err := r.InsertMedia(t.Context(), MediaOrder{Target: r.target, Image: "/a.iso"})
			return err
		},
		"image from a file": func() error {
			_, err := r.InsertMedia(t.Context(), MediaOrder{Target: r.target, Image: "file:///etc/shadow"})
			return err
		},
		"image with a secret": func() error {
			_, err := r.InsertMedia(t.Context(), MediaOrder{Target: r.target, Image: "http://u:pw@10.0.0.1/a.iso"})
			return err
		},
	} {
		err := run()
		if hosting.KindOf(err) != hosting.FaultInvalidRequest || strings.Contains(err.Error(), "pw@") {
			t.Errorf("%s: %v", name, err)
		}
	}
	unknown := New(anyLogin{})
	target := Target{Server: "srv-1", BMC: hosting.BMC{Endpoints: []hosting.BMCEndpoint{{Protocol: "snmp", Address: "bmc:161"}}}}
	if _, err := unknown.ReadPower(t.Context(), target); hosting.KindOf(err) != hosting.FaultInvalidRequest {
		t.Errorf("unknown protocol: %v", err)
	}
}
