package redfish_test

import (
	"bytes"
	"errors"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/handrail/handrail/activities/bmc/board"
	"github.com/handrail/handrail/activities/bmc/redfish"
	"github.com/handrail/handrail/hosting"
)

// scripted answers each path with a body; requests that change something get
// the status.
type scripted struct {
	bodies map[string][]byte
	status int
}

func (s scripted) RoundTrip(r *http.Request) (*http.Response, error) {
	answer := &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Request: r, ProtoMajor: 1, ProtoMinor: 1}
	body, ok := s.bodies[strings.TrimSuffix(r.URL.Path, "/")]
	switch {
	case r.Method != http.MethodGet:
		answer.StatusCode = s.status
	case !ok:
		answer.StatusCode = http.StatusNotFound
	}
	answer.Body = io.NopCloser(bytes.NewReader(body))
	return answer, nil
}

const (
	fuzzSystems = `{"Members":[{"@odata.id":"/redfish/v1/Systems/1"}],"Members@odata.nextLink":""}`
	fuzzSystem  = `{"@odata.type":"#ComputerSystem.v1_14_0.ComputerSystem","Id":"1","Manufacturer":"Supermicro","UUID":"u","PowerState":"On",
"Actions":{"#ComputerSystem.Reset":{"target":"/redfish/v1/Systems/1/Actions/ComputerSystem.Reset","@Redfish.ActionInfo":"/info"}},
"Boot":{"BootSourceOverrideEnabled":"Disabled","BootSourceOverrideTarget":"None","BootSourceOverrideTarget@Redfish.AllowableValues":["Pxe","UsbCd"]},
"VirtualMedia":{"@odata.id":"/media"},"Memory":{"@odata.id":"/memory"},"Storage":{"@odata.id":"/storage"},"LastResetTime":"x","BootProgress":{"LastState":"OSRunning"}}`
	fuzzInfo  = `{"Parameters":[{"Name":"ResetType","DataType":"String","AllowableValues":["On","ForceOff"]}]}`
	fuzzMedia = `{"Id":"CD","MediaTypes":null,"Image":null,"Inserted":false,"ConnectedVia":"NotConnected","Actions":{"#VirtualMedia.InsertMedia":{"target":"/media/1/insert"}}}`
	fuzzPart  = `{"DeviceLocator":"A1","CapacityMiB":32768,"SerialNumber":"S","Status":{"State":"Enabled","Health":"OK"},"Drives":[{"@odata.id":"/drive"}],"PhysicalLocation":{"PartLocation":{"ServiceLabel":"Bay 0"}},"CapacityBytes":1,"Location":[]}`
)

// FuzzRedfishReader: whatever a BMC says, reading it and acting on it ends in a
// value or in one of the typed faults, and in time.
func FuzzRedfishReader(f *testing.F) {
	f.Add([]byte(fuzzSystems), []byte(fuzzSystem), []byte(fuzzInfo), []byte(fuzzMedia), []byte(fuzzPart), 204)
	f.Add([]byte(fuzzSystems), []byte(strings.ReplaceAll(fuzzSystem, "Supermicro", "Lenovo")), []byte(`{"Parameters":null}`), []byte(`{"MediaTypes":["CD"],"Inserted":true,"Image":7}`), []byte(`{"Status":[],"CapacityMiB":-1,"CapacityBytes":9223372036854775807}`), 412)
	f.Add([]byte(`<html>`), []byte(`null`), []byte(`[]`), []byte(`{`), []byte(``), 500)
	f.Add([]byte(`{"Members":[{"@odata.id":"/redfish/v1/Systems/1"},{"@odata.id":"//evil/x"}]}`), []byte(`{"PowerState":{}}`), []byte(`{"Parameters":[{}]}`), []byte(`{"Actions":[]}`), []byte(`{"Drives":[{"@odata.id":"/storage"}]}`), 307)
	f.Fuzz(func(t *testing.T, systems, system, info, media, part []byte, status int) {
		if status < 100 || status > 999 {
			return
		}
		one := func(path string) []byte { return []byte(`{"Members":[{"@odata.id":"` + path + `"}]}`) }
		answers := scripted{status: status, bodies: map[string][]byte{
			"/redfish/v1/Systems": systems, "/redfish/v1/Systems/1": system, "/info": info,
			"/media": one("/media/1"), "/media/1": media, "/memory": one("/dimm"), "/dimm": part, "/storage": one("/part"), "/part": part, "/drive": part,
		}}
		c, err := redfish.New(redfish.Config{
			Server: "srv-1", Address: "bmc:443", RoundTripper: answers, Login: board.Login{User: "u", Password: "p"},
			Limits: redfish.Limits{Request: time.Second, Body: 1 << 16, Requests: 50},
		})
		if err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		for _, what := range slices.Sorted(maps.Keys(exchanges)) {
			err := exchanges[what](t.Context(), c)
			if fault, ok := errors.AsType[*hosting.Fault](err); err != nil && (!ok || fault.Kind == "" || len(fault.Error()) > 4000) {
				t.Errorf("%s: %v is no typed fault", what, err)
			}
		}
		if took := time.Since(start); took > 2*time.Second {
			t.Errorf("took %s", took)
		}
	})
}
