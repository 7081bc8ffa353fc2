package redfish_test

import (
	"encoding/pem"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/handrail/handrail/activities/bmc/board"
	"github.com/handrail/handrail/activities/bmc/internal/redfishtest"
	"github.com/handrail/handrail/activities/bmc/redfish"
	"github.com/handrail/handrail/hosting"
)

func TestTLS(t *testing.T) {
	t.Parallel()
	server := httptest.NewTLSServer(redfishtest.Sample())
	t.Cleanup(server.Close)
	ca := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}))
	pin := redfishtest.Fingerprint(server)
	var colons []string
	for i := 0; i < len(pin); i += 2 {
		colons = append(colons, strings.ToUpper(pin[i:i+2]))
	}
	cases := map[string]struct {
		rules hosting.BMCTLS
		ok    bool
		says  string
	}{
		"system's roots":       {hosting.BMCTLS{}, false, "does not prove to be"},
		"pinned":               {hosting.BMCTLS{Fingerprint: pin}, true, ""},
		"pinned, with colons":  {hosting.BMCTLS{Fingerprint: strings.Join(colons, ":")}, true, ""},
		"another pin":          {hosting.BMCTLS{Fingerprint: strings.Repeat("ab", 32)}, false, pin},
		"a pin beats insecure": {hosting.BMCTLS{Fingerprint: strings.Repeat("ab", 32), Insecure: true}, false, pin},
		"no pin":               {hosting.BMCTLS{Fingerprint: "abc"}, false, "64 hex digits"},
		"CA":                   {hosting.BMCTLS{CA: ca}, true, ""},
		"no CA":                {hosting.BMCTLS{CA: "-----"}, false, "PEM"},
		"insecure":             {hosting.BMCTLS{Insecure: true}, true, ""},
	}
	for name, x := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, err := redfish.New(redfish.Config{
				Server: "srv-1", Address: strings.TrimPrefix(server.URL, "https://"), TLS: x.rules, Limits: quick,
				Login: board.Login{User: redfishtest.User, Password: redfishtest.Password},
			})
			if err == nil {
				defer c.Close()
				_, err = c.ReadPower(t.Context())
			}
			switch {
			case x.ok && err != nil:
				t.Error(err)
			case !x.ok && (hosting.KindOf(err) != hosting.FaultInvalidRequest || !strings.Contains(err.Error(), x.says)):
				t.Errorf("%v, want InvalidRequest with %q", err, x.says)
			}
		})
	}
}

const samplePath = "/redfish/v1/Systems/1"

// What is remembered of a BMC does not outlive it.
func TestMemory(t *testing.T) {
	t.Parallel()
	m := redfishtest.Sample()
	server := httptest.NewTLSServer(m)
	t.Cleanup(server.Close)
	memory := redfish.NewMemory()
	read := func(want int) {
		t.Helper()
		c, err := redfish.New(redfish.Config{
			Server: "srv-1", Address: strings.TrimPrefix(server.URL, "https://"), Memory: memory, Limits: quick,
			TLS: hosting.BMCTLS{Insecure: true}, Login: board.Login{User: redfishtest.User, Password: redfishtest.Password},
		})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if _, err := c.ReadPower(t.Context()); err != nil {
			t.Fatal(err)
		}
		if c.Requests() != want {
			t.Errorf("%d requests, want %d", c.Requests(), want)
		}
	}
	read(2) // systems, system
	read(1)
	m.Change(samplePath, func(r redfishtest.Resource) { r["SerialNumber"] = "S2" })
	read(3) // another machine: looked for again
	read(1)
	m.Move(samplePath, "/redfish/v1/Systems/A")
	m.Change("/redfish/v1/Systems", func(r redfishtest.Resource) {
		r["Members"] = []any{redfishtest.Resource{"@odata.id": "/redfish/v1/Systems/A"}}
	})
	read(3) // gone from there: looked for again
	read(1)
	m.Change("/redfish/v1/Systems/A", func(r redfishtest.Resource) { delete(r, "SerialNumber"); delete(r, "UUID") })
	read(3)
	read(2) // a machine without identity is not remembered
	m.AddSystem("B")
	c := open(t, m, func(c *redfish.Config) { c.Memory = memory })
	if _, err := c.ReadPower(t.Context()); hosting.KindOf(err) != hosting.FaultInvalidRequest {
		t.Errorf("two systems: %v", err)
	}
}

// Services that keep their systems elsewhere tell so in their root.
func TestSystemsFromTheRoot(t *testing.T) {
	t.Parallel()
	m := redfishtest.Sample()
	m.Move("/redfish/v1/Systems", "/redfish/v1/Computers")
	m.Change("/redfish/v1", func(r redfishtest.Resource) {
		r["Systems"] = redfishtest.Resource{"@odata.id": "/redfish/v1/Computers"}
	})
	if got, err := open(t, m).ReadPower(t.Context()); err != nil || got.State != hosting.PowerOn {
		t.Errorf("ReadPower = %+v, %v", got, err)
	}
}

func TestRedirectOnTheSameBMC(t *testing.T) {
	t.Parallel()
	m := redfishtest.Sample()
	m.Fault = func(w http.ResponseWriter, r *http.Request) bool {
		if strings.HasSuffix(r.URL.Path, "/") {
			return false
		}
		http.Redirect(w, r, r.URL.Path+"/", http.StatusPermanentRedirect)
		return true
	}
	if got, err := open(t, m).ReadPower(t.Context()); err != nil || got.State != hosting.PowerOn {
		t.Errorf("ReadPower = %+v, %v", got, err)
	}
}

func TestPlanReset(t *testing.T) {
	t.Parallel()
	all := hosting.PowerActions()
	cases := map[string]struct {
		takes []any
		want  []string // for on, graceful-off, forced-off, cycle, warm-reset; empty is Unsupported
	}{
		"everything":            {[]any{"On", "ForceOn", "ForceOff", "Off", "GracefulShutdown", "GracefulRestart", "ForceRestart", "PushPowerButton", "Nmi", "PowerCycle"}, []string{"On", "GracefulShutdown", "ForceOff", "", "GracefulRestart"}},
		"on, force off and off": {[]any{"On", "ForceOff", "Off"}, []string{"On", "", "ForceOff", "", ""}},
		"off only":              {[]any{"ForceOn", "Off"}, []string{"ForceOn", "", "Off", "", ""}},
		"restart by force":      {[]any{"On", "ForceRestart"}, []string{"On", "", "", "", "ForceRestart"}},
		"the button":            {[]any{"PushPowerButton"}, []string{"", "", "", "", ""}},
	}
	for name, x := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := redfishtest.Sample()
			m.Change(samplePath, func(r redfishtest.Resource) {
				reset := r["Actions"].(redfishtest.Resource)["#ComputerSystem.Reset"].(redfishtest.Resource)
				reset["ResetType@Redfish.AllowableValues"] = x.takes
			})
			c := open(t, m)
			for i, action := range all {
				got, err := c.PlanReset(t.Context(), action)
				if got != x.want[i] || (got == "") != (hosting.KindOf(err) == hosting.FaultUnsupported) {
					t.Errorf("%s: %q, %v; want %q", action, got, err, x.want[i])
				}
			}
		})
	}
}

// Quirks are data: each machine here has one, and the code asks for the effect.
func TestQuirks(t *testing.T) {
	t.Parallel()
	vendor := func(name string) *redfishtest.Machine {
		m := redfishtest.Sample()
		m.Change(samplePath, func(r redfishtest.Resource) { r["Manufacturer"] = name })
		return m
	}
	t.Run("Dell is busy after off", func(t *testing.T) {
		t.Parallel()
		for name, want := range map[string]board.Fate{"Dell Inc.": board.Busy, "Other": board.Refused} {
			m := vendor(name)
			m.Fault = func(w http.ResponseWriter, r *http.Request) bool {
				if r.Method == http.MethodPost {
					w.WriteHeader(http.StatusConflict)
				}
				return r.Method == http.MethodPost
			}
			c := open(t, m)
			if _, err := c.ReadPower(t.Context()); err != nil {
				t.Fatal(err)
			}
			for request, fate := range map[string]board.Fate{"On": want, "ForceOff": board.Refused} {
				sent, ok := errors.AsType[*board.SendError](c.SendReset(t.Context(), request))
				if !ok || sent.Fate != fate {
					t.Errorf("%s on %s: %v, want %s", request, name, sent, fate)
				}
			}
		}
	})
	t.Run("HPE refuses boot changes during POST", func(t *testing.T) {
		t.Parallel()
		m := vendor("HPE")
		m.Fault = func(w http.ResponseWriter, r *http.Request) bool {
			if r.Method == http.MethodPatch {
				w.WriteHeader(http.StatusBadRequest)
				_, _ = w.Write([]byte(`{"error":{"code":"iLO.0.10.ExtendedInfo","message":"See","@Message.ExtendedInfo":[{"MessageId":"iLO.2.14.UnableToModifyDuringSystemPOST"}]}}`))
			}
			return r.Method == http.MethodPatch
		}
		_, err := open(t, m).SetBootOnce(t.Context(), board.Boot{Device: board.BootPXE})
		if hosting.KindOf(err) != hosting.FaultUnreachable || !strings.Contains(err.Error(), "POST") {
			t.Errorf("SetBootOnce = %v, want it to be tried again", err)
		}
	})
	t.Run("Supermicro wants no boot mode", func(t *testing.T) {
		t.Parallel()
		m := vendor("Supermicro")
		m.Change(samplePath, func(r redfishtest.Resource) { r["Boot"].(redfishtest.Resource)["BootSourceOverrideMode"] = "UEFI" })
		patches := 0
		m.Fault = func(w http.ResponseWriter, r *http.Request) bool {
			if r.Method != http.MethodPatch {
				return false
			}
			if patches++; patches == 1 {
				w.WriteHeader(http.StatusBadRequest)
				return true
			}
			return false
		}
		got, err := open(t, m).SetBootOnce(t.Context(), board.Boot{Device: board.BootPXE, Mode: board.ModeUEFI})
		sent := m.Sent()
		if err != nil || got.Target != "Pxe" || len(sent) != 2 || !strings.Contains(sent[0], "Mode") || strings.Contains(sent[1], "Mode") {
			t.Errorf("SetBootOnce = %+v, %v after %v", got, err, sent)
		}
	})
}

func TestBootThatDoesNotShow(t *testing.T) {
	t.Parallel()
	m := redfishtest.Sample()
	m.Fault = func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method == http.MethodPatch {
			w.WriteHeader(http.StatusNoContent)
		}
		return r.Method == http.MethodPatch
	}
	if _, err := open(t, m).SetBootOnce(t.Context(), board.Boot{Device: board.BootPXE}); hosting.KindOf(err) != hosting.FaultUnmoved {
		t.Errorf("SetBootOnce = %v, want Unmoved", err)
	}
}

// Some BMCs want a strong ETag, some none.
func TestETagForms(t *testing.T) {
	t.Parallel()
	for name, takes := range map[string]string{"as it is": `W/"a1"`, "strong": `"a1"`, "none": ""} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := redfishtest.Sample()
			m.Change(samplePath, func(r redfishtest.Resource) { r["@odata.etag"] = `W/"a1"` })
			var tried []string
			m.Fault = func(w http.ResponseWriter, r *http.Request) bool {
				if r.Method != http.MethodPatch {
					return false
				}
				tried = append(tried, r.Header.Get("If-Match"))
				if r.Header.Get("If-Match") != takes {
					w.WriteHeader(http.StatusPreconditionFailed)
					return true
				}
				r.Header.Del("If-Match")
				return false
			}
			if _, err := open(t, m).SetBootOnce(t.Context(), board.Boot{Device: board.BootPXE}); err != nil || !slices.Contains(tried, takes) {
				t.Errorf("SetBootOnce = %v after %q", err, tried)
			}
		})
	}
}
