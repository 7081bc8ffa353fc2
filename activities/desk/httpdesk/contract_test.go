package httpdesk_test

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/handrail/handrail/activities/desk/httpdesk"
	"github.com/handrail/handrail/activities/desk/signature"
)

// blocks returns the code blocks of CONTRACT.md by their info strings.
func blocks(t *testing.T) map[string][]string {
	t.Helper()
	text, err := os.ReadFile("CONTRACT.md")
	if err != nil {
		t.Fatal(err)
	}
	found := map[string][]string{}
	for _, m := range regexp.MustCompile("(?s)```([a-z]+ [a-z]+)\n(.*?)```").FindAllSubmatch(text, -1) {
		found[string(m[1])] = append(found[string(m[1])], string(m[2]))
	}
	return found
}

// example returns a value of the signed example.
func example(t *testing.T, name string) string {
	t.Helper()
	for _, block := range blocks(t)["text example"] {
		for line := range strings.Lines(block) {
			if key, value, ok := strings.Cut(line, ":"); ok && key == name {
				return strings.TrimSpace(value)
			}
		}
	}
	t.Fatalf("CONTRACT.md has no example of %s", name)
	return ""
}

func TestContract_ExampleSignatureIsRight(t *testing.T) {
	t.Parallel()
	at := time.Unix(1795312800, 0)
	body := []byte(example(t, "body"))
	h := signature.Sign(signature.Secret(example(t, "secret")), at, example(t, "delivery"), body)
	if got, want := h.Get(signature.HeaderSignature), example(t, "signature"); got != want {
		t.Errorf("Sign returns %s, the document says %s", got, want)
	}
	if h.Get(signature.HeaderTimestamp) != example(t, "timestamp") {
		t.Errorf("the timestamp is %s", h.Get(signature.HeaderTimestamp))
	}
}

// program skips where an outside program is missing, but not in CI.
func program(t *testing.T, names ...string) {
	t.Helper()
	for _, name := range names {
		if _, err := exec.LookPath(name); err != nil {
			if os.Getenv("CI") != "" {
				t.Fatalf("%s is not installed", name)
			}
			t.Skipf("%s is not installed", name)
		}
	}
}

func shell(t *testing.T, script string, env ...string) string {
	t.Helper()
	command := exec.CommandContext(t.Context(), "sh", "-eu", "-c", script)
	command.Env = append(os.Environ(), env...)
	var stderr bytes.Buffer
	command.Stderr = &stderr
	out, err := command.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, &stderr)
	}
	return string(out)
}

func TestContract_OpensslAgrees(t *testing.T) {
	t.Parallel()
	program(t, "sh", "openssl")
	got, _, _ := strings.Cut(shell(t, blocks(t)["sh openssl"][0]), " ")
	if want := strings.TrimPrefix(example(t, "signature"), "v1="); got != want {
		t.Errorf("openssl prints %s, the document says %s", got, want)
	}
}

func TestContract_CurlGetsAnAnswerFromADesk(t *testing.T) {
	t.Parallel()
	program(t, "sh", "openssl", "curl")
	d := startDesk(t)
	out := shell(t, blocks(t)["sh curl"][0], "SECRET="+string(secret), "DESK_URL="+d.Endpoint())
	var answer httpdesk.Response
	if err := json.Unmarshal([]byte(out), &answer); err != nil || answer.Ticket != "1001" || len(answer.Messages) != 1 {
		t.Errorf("curl prints %s (%v)", out, err)
	}
}

// Every JSON example is what the code takes, field by field.
func TestContract_ExamplesDecode(t *testing.T) {
	t.Parallel()
	all := blocks(t)
	strict := func(text string, into any) {
		t.Helper()
		decoder := json.NewDecoder(strings.NewReader(text))
		decoder.DisallowUnknownFields()
		if err := decoder.Decode(into); err != nil {
			t.Errorf("%v in %s", err, text)
		}
	}
	seen := map[string]bool{}
	for _, text := range all["json request"] {
		var r httpdesk.Request
		strict(text, &r)
		if err := r.Validate(); err != nil {
			t.Errorf("%v in %s", err, text)
		}
		seen[r.Request] = true
	}
	if len(seen) != 5 || len(all["json answer"]) != 5 {
		t.Errorf("the document shows %d kinds of request and %d answers, want 5 each", len(seen), len(all["json answer"]))
	}
	for _, text := range all["json answer"] {
		strict(text, new(httpdesk.Response))
	}
	for _, text := range all["json message"] {
		strict(text, new(httpdesk.Message))
	}
	for _, text := range all["json delivery"] {
		if _, err := httpdesk.DecodeDelivery([]byte(text)); err != nil {
			t.Errorf("%v in %s", err, text)
		}
	}
}
