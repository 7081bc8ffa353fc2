package httpdesk_test

import (
	"encoding/json"
	"io"
	"log"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/handrail/handrail/activities/desk/httpdesk"
	"github.com/handrail/handrail/activities/desk/signature"
	"github.com/handrail/handrail/activities/desk/ticket"
	"github.com/handrail/handrail/hosting"
)

func discard() *log.Logger { return log.New(io.Discard, "", 0) }

// delivery returns a good webhook with fields changed; nil takes one out.
func delivery(changes map[string]any) []byte {
	fields := map[string]any{
		"id": "1001-4", "kind": "message", "ticket": "1001", "subject": "Server intervention request", "author": ann,
		"at": "2026-11-22T02:00:00Z", "contentType": "text/html; charset=UTF-8", "body": "<p>My password is hunter2</p>",
	}
	for name, value := range changes {
		if fields[name] = value; value == nil {
			delete(fields, name)
		}
	}
	out, err := json.Marshal(fields)
	if err != nil {
		panic(err)
	}
	return out
}

func TestDecodeDelivery_Reads(t *testing.T) {
	t.Parallel()
	got, err := httpdesk.DecodeDelivery(delivery(nil))
	want := ticket.Incoming{
		ID: "1001-4", Kind: hosting.TicketMessage, Ticket: "1001", Subject: "Server intervention request", Author: ann,
		At: time.Date(2026, 11, 22, 2, 0, 0, 0, time.UTC), ContentType: "text/html; charset=UTF-8", Body: "<p>My password is hunter2</p>",
	}
	if err != nil || got != want {
		t.Errorf("%+v, %v; want %+v", got, err, want)
	}
	closed, err := httpdesk.DecodeDelivery(delivery(map[string]any{"kind": "closed", "body": nil, "contentType": nil, "author": ""}))
	if err != nil || closed.Kind != hosting.TicketClosed {
		t.Errorf("%+v, %v; want a closed ticket", closed, err)
	}
}

func TestDecodeDelivery_RefusesInWordsAndQuotesNoText(t *testing.T) {
	t.Parallel()
	good := string(delivery(nil))
	cases := map[string]struct {
		body []byte
		says string
	}{
		"empty":               {nil, "{"},
		"not JSON":            {[]byte("id=1"), "{"},
		"an array":            {[]byte(`["hunter2"]`), "{"},
		"null":                {[]byte(`null`), "{"},
		"cut off":             {[]byte(good[:len(good)-3]), "JSON"},
		"something after":     {[]byte(good + `{"hunter2":1}`), "follows"},
		"not UTF-8":           {[]byte(strings.Replace(good, "hunter2", "\xff", 1)), "UTF-8"},
		"unknown field":       {delivery(map[string]any{"hunter2": "x"}), "field that the contract does not know"},
		"name in other case":  {[]byte(strings.Replace(good, `"author"`, `"Author"`, 1)), "field that the contract does not know"},
		"field twice":         {[]byte(strings.Replace(good, `"author":`, `"author":"eve@evil.example","author":`, 1)), `"author" is given twice`},
		"number":              {delivery(map[string]any{"id": 7}), `"id" is not a string`},
		"nested":              {delivery(map[string]any{"body": map[string]string{"text": "hunter2"}}), `"body" is not a string`},
		"null value":          {[]byte(strings.Replace(good, `"1001-4"`, `null`, 1)), `"id" is not a string`},
		"no id":               {delivery(map[string]any{"id": nil}), `"id" is missing`},
		"no kind":             {delivery(map[string]any{"kind": nil}), `"kind"`},
		"unknown kind":        {delivery(map[string]any{"kind": "hunter2"}), `"kind"`},
		"no ticket":           {delivery(map[string]any{"ticket": nil}), `"ticket"`},
		"ticket with a slash": {delivery(map[string]any{"ticket": "1001/x"}), `"ticket"`},
		"no author":           {delivery(map[string]any{"author": nil}), `"author"`},
		"author with a name":  {delivery(map[string]any{"author": "Ann <ann@acme.example>"}), `"author"`},
		"two authors":         {delivery(map[string]any{"author": "ann@acme.example, eve@evil.example"}), `"author"`},
		"no time":             {delivery(map[string]any{"at": nil}), `"at"`},
		"zero time":           {delivery(map[string]any{"at": "0001-01-01T00:00:00Z"}), `"at"`},
		"another type":        {delivery(map[string]any{"contentType": "image/png"}), `"contentType"`},
		"another charset":     {delivery(map[string]any{"contentType": "text/plain; charset=iso-8859-2"}), `"contentType"`},
		"closed with a body":  {delivery(map[string]any{"kind": "closed"}), `"body"`},
		"long subject":        {delivery(map[string]any{"subject": strings.Repeat("x", 501)}), `"subject" is 501 bytes long`},
		"long body":           {delivery(map[string]any{"body": strings.Repeat("x", httpdesk.MaxBody+1)}), `"body" is`},
		"huge":                {delivery(map[string]any{"body": strings.Repeat("x", httpdesk.MaxRequest)}), "bytes"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := httpdesk.DecodeDelivery(c.body)
			wantKind(t, err, hosting.FaultInvalidRequest, c.says)
			if strings.Contains(err.Error(), "hunter2") || len(err.Error()) > 500 {
				t.Errorf("%q quotes what the customer wrote", err)
			}
		})
	}
}

// FuzzWebhook sends anything through verification and decoding: neither
// panics, what decodes is within its limits, and a delivery of which any byte
// was changed is refused.
func FuzzWebhook(f *testing.F) {
	good := delivery(nil)
	f.Add(good, "1795312800", "delivery-1", "v1=00", 3, byte(1))
	f.Add([]byte(`{"id":"\ud800","kind":"closed"}`), "-1", "", "v1=", 0, byte(0x80))
	f.Add([]byte(`{"body":{"a":[1,{}]}}`), "9223372036854775807", "a.b", "", 700, byte(0xff))
	now := time.Unix(1795312800, 0)
	f.Fuzz(func(t *testing.T, body []byte, timestamp, id, sum string, at int, flip byte) {
		v := &signature.Verifier{Secrets: []signature.Secret{secret}, Now: func() time.Time { return now }}
		forged := http.Header{signature.HeaderTimestamp: {timestamp}, signature.HeaderDelivery: {id}, signature.HeaderSignature: {sum}}
		if v.Verify(forged, body) == nil {
			t.Fatal("a delivery that nobody signed was let in")
		}
		if in, err := httpdesk.DecodeDelivery(body); err == nil {
			if len(in.Body) > httpdesk.MaxBody || in.ID == "" || in.At.IsZero() || strings.ContainsAny(in.Ticket, "/ \n") {
				t.Fatalf("%+v was let in", in)
			}
		} else if hosting.KindOf(err) != hosting.FaultInvalidRequest {
			t.Fatalf("%v is no InvalidRequest", err)
		}
		signed := signature.Sign(secret, now, "delivery-1", body)
		if tampered := slices.Clone(body); flip != 0 && len(tampered) > 0 {
			tampered[uint(at)%uint(len(tampered))] ^= flip
			if v.Verify(signed, tampered) == nil {
				t.Fatal("a tampered delivery was let in")
			}
		}
		if err := v.Verify(signed, body); err != nil {
			t.Fatalf("the delivery itself: %v", err)
		}
	})
}
