package gateway_test

import (
	"bytes"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"

	"github.com/handrail/handrail/activities/desk/httpdesk"
	"github.com/handrail/handrail/activities/desk/signature"
)

// What is not signed as agreed reaches nobody, and the answer says why.
func TestDelivery_turnedAway(t *testing.T) {
	t.Parallel()
	d := open(t)
	body, now := delivery(nil), time.Now()
	twice := signature.Sign(secret, now, "twice", body)
	twice.Add(signature.HeaderDelivery, "other")
	large := delivery(map[string]string{"body": strings.Repeat("x", httpdesk.MaxRequest)})
	for name, c := range map[string]struct {
		header http.Header
		body   []byte
		status int
		words  string
	}{
		"unsigned":            {nil, body, http.StatusUnauthorized, "not signed as agreed"},
		"header twice":        {twice, body, http.StatusUnauthorized, "not signed as agreed"},
		"another secret":      {signature.Sign("not the secret of the desk", now, "a", body), body, http.StatusUnauthorized, "does not match"},
		"tampered body":       {signature.Sign(secret, now, "b", body), delivery(map[string]string{"ticket": "1002"}), http.StatusUnauthorized, "does not match"},
		"expired":             {signature.Sign(secret, now.Add(-6*time.Minute), "c", body), body, http.StatusUnauthorized, "too far from the clock"},
		"from the future":     {signature.Sign(secret, now.Add(6*time.Minute), "d", body), body, http.StatusUnauthorized, "too far from the clock"},
		"oversized":           {signature.Sign(secret, now, "e", large), large, http.StatusRequestEntityTooLarge, "too large"},
		"oversized, unsigned": {nil, large, http.StatusRequestEntityTooLarge, "too large"},
	} {
		r := d.post(t, c.header, c.body)
		if r.status != c.status || !strings.Contains(r.Error, c.words) || r.Taken {
			t.Errorf("%s: %+v; want %d %s", name, r, c.status, c.words)
		}
	}
	if n := strings.Count(d.log.String(), "delivery turned away"); n != 8 {
		t.Errorf("%d of 8 in the log:\n%s", n, d.log)
	}
	d.reachedNobody(t)
}

func (d door) reachedNobody(t *testing.T) {
	t.Helper()
	for _, call := range d.temporal.AllCalls() {
		switch call.(type) {
		case *workflowservice.GetSystemInfoRequest, *healthpb.HealthCheckRequest:
		default:
			t.Errorf("Temporal was asked: %T", call)
		}
	}
}

func TestDelivery_otherMethods(t *testing.T) {
	t.Parallel()
	d := open(t)
	for _, method := range []string{http.MethodGet, http.MethodPut, http.MethodDelete} {
		request, err := http.NewRequestWithContext(t.Context(), method, d.url+"/hooks/desk", nil)
		if err != nil {
			t.Fatal(err)
		}
		if r := do(t, request); r.status != http.StatusMethodNotAllowed || r.header.Get("Allow") != http.MethodPost {
			t.Errorf("%s: %+v", method, r)
		}
	}
}

// A delivery that was accepted is not passed on again; one that could not be is,
// under the same id.
func TestDelivery_repeated(t *testing.T) {
	t.Parallel()
	d := open(t)
	body := delivery(nil)
	header := signature.Sign(secret, time.Now(), "the-same", body)
	d.temporal.Fail(func(string) error { return serviceerror.NewPermissionDenied("no", "") })
	if r := d.post(t, header, body); r.status != http.StatusServiceUnavailable || !strings.Contains(r.Error, "deliver it again") {
		t.Errorf("Temporal refuses: %+v", r)
	}
	d.temporal.Fail(nil)
	if r := d.post(t, header, body); r.status != http.StatusOK || !r.Taken {
		t.Errorf("again: %+v", r)
	}
	if r := d.post(t, header, body); r.status != http.StatusOK || !strings.Contains(r.Error, "accepted before") {
		t.Errorf("and again: %+v", r)
	}
	if got := d.events(t, "intervention/1001"); len(got) != 1 {
		t.Errorf("%d signals", len(got))
	}
}

// A Temporal that hangs holds no desk up: it hears in time to deliver again.
func TestDelivery_temporalHangs(t *testing.T) {
	t.Parallel()
	d := open(t)
	d.gateway.SetTimeout(100 * time.Millisecond)
	d.temporal.Fail(func(string) error { return serviceerror.NewUnavailable("not now") }) // the SDK tries again until its time is over
	if r := d.send(t, delivery(nil)); r.status != http.StatusServiceUnavailable {
		t.Errorf("%+v", r)
	}
}

func TestDelivery_malformed(t *testing.T) {
	t.Parallel()
	d := open(t)
	for name, body := range map[string]string{
		"no JSON":          "hello",
		"nothing":          "",
		"a list":           "[]",
		"cut off":          string(delivery(nil)[:40]),
		"unknown field":    `{"id":"1","urgent":"yes"}`,
		"a number":         `{"id":1}`,
		"unknown kind":     string(delivery(map[string]string{"kind": "deleted"})),
		"no author":        string(delivery(map[string]string{"author": "-"})),
		"no time":          string(delivery(map[string]string{"at": "yesterday"})),
		"ticket is a path": string(delivery(map[string]string{"ticket": "../1001"})),
		"long body":        string(delivery(map[string]string{"body": strings.Repeat("x", httpdesk.MaxBody+1)})),
	} {
		if r := d.send(t, []byte(body)); r.status != http.StatusUnprocessableEntity || r.Error == "" {
			t.Errorf("%s: %+v", name, r)
		}
	}
	d.reachedNobody(t)
}

// Rule 5: a secret that a customer leaves on a ticket reaches neither the log,
// nor the answer, nor Temporal, whatever becomes of the delivery.
func TestDelivery_secretsStayOutside(t *testing.T) {
	t.Parallel()
	const planted = "Tr0ub4dor-and-3"
	bodies := map[string]string{
		"text":  "Details: it hangs, I tried root with " + planted + "\nPassword: " + planted + "\n",
		"html":  "<p>Details: it hangs</p><p>The root password is <b>" + planted + "</b></p>",
		"link":  "Details: see https://root:" + planted + "@kvm.example/",
		"quote": "Backup: yes\n> Password: " + planted + "\nand again " + planted,
	}
	for _, name := range slices.Sorted(maps.Keys(bodies)) {
		d := open(t)
		good := delivery(map[string]string{"body": bodies[name], "subject": "Server intervention request - DS-1042, password: " + planted})
		broken := delivery(map[string]string{"body": bodies[name], "kind": "nonsense"})
		replies := []reply{
			d.post(t, nil, good), d.send(t, broken), d.send(t, good[:len(good)-1]), d.send(t, []byte(`{"password":"`+planted+`"}`)),
		}
		d.temporal.Fail(func(string) error { return serviceerror.NewPermissionDenied("no", "") })
		replies = append(replies, d.send(t, good))
		d.temporal.Fail(nil)
		replies = append(replies, d.send(t, good))
		if last := replies[len(replies)-1]; !last.Taken {
			t.Errorf("%s: %+v", name, last)
		}
		for _, r := range replies {
			if strings.Contains(r.Error, planted) {
				t.Errorf("%s: the answer quotes it: %s", name, r.Error)
			}
		}
		if strings.Contains(d.log.String(), planted) {
			t.Errorf("%s: the log holds it:\n%s", name, d.log)
		}
		for _, call := range d.temporal.AllCalls() {
			if wire := marshal(t, call); bytes.Contains(wire, []byte(planted)) {
				t.Errorf("%s: %T holds it: %s", name, call, wire)
			}
		}
		if got := d.events(t, "intervention/1001"); len(got) != 1 || len(got[0].Fields.Redacted) == 0 {
			t.Errorf("%s: nothing was redacted: %+v", name, got)
		}
	}
}
