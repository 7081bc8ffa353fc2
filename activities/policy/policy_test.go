package policy_test

import (
	"bufio"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/handrail/handrail/activities/policy"
	"github.com/handrail/handrail/hosting"
)

func write(t *testing.T, text string) *policy.File {
	t.Helper()
	path := filepath.Join(t.TempDir(), "policy.toml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return &policy.File{Path: path}
}

func TestDefaultsWithoutAFile(t *testing.T) {
	t.Parallel()
	got, err := (&policy.File{}).ReadPolicy(t.Context())
	if err != nil || !reflect.DeepEqual(got, hosting.DefaultPolicy()) {
		t.Errorf("got %+v, %v, want the defaults", got, err)
	}
}

func TestExampleEqualsTheDefaults(t *testing.T) {
	t.Parallel()
	got, err := (&policy.File{Path: "policy.toml"}).ReadPolicy(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := hosting.DefaultPolicy()
	want.Estimates = got.Estimates // an empty table in the file
	if len(got.Estimates) != 0 || !reflect.DeepEqual(got, want) {
		t.Errorf("the example reads %+v, the defaults are %+v", got, want)
	}
}

// Every key stands in the example, below a comment of its own.
func TestExampleCommentsEveryKey(t *testing.T) {
	t.Parallel()
	f, err := os.Open("policy.toml")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	commented, table, before := map[string]bool{}, "", ""
	for lines := bufio.NewScanner(f); lines.Scan(); before = lines.Text() {
		line := lines.Text()
		if name, ok := strings.CutPrefix(line, "["); ok {
			table = strings.TrimSuffix(name, "]") + "."
			commented[strings.TrimSuffix(table, ".")] = strings.HasPrefix(before, "#")
		} else if name, _, ok := strings.Cut(line, " = "); ok && !strings.HasPrefix(line, "#") {
			commented[table+name] = strings.HasPrefix(before, "#")
		}
	}
	for _, key := range policy.Keys {
		key = strings.TrimSuffix(key, ".<step>")
		if !commented[key] {
			t.Errorf("policy.toml has no commented %s", key)
		}
	}
}

func TestFileOverridesWhatItNames(t *testing.T) {
	t.Parallel()
	got, err := write(t, `
provider = "Acme"
mail_summary = false
[customer]
reminders = ["1h"]
park = "2h"
expire = "3h"
[estimates]
power-cycle = "4m"
`).ReadPolicy(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := hosting.DefaultPolicy()
	want.Provider, want.MailSummary = "Acme", false
	want.Customer = hosting.CustomerPolicy{
		Reminders: []hosting.Duration{hosting.Duration(time.Hour)},
		Park:      hosting.Duration(2 * time.Hour),
		Expire:    hosting.Duration(3 * time.Hour),
	}
	want.Estimates = map[string]hosting.Duration{"power-cycle": hosting.Duration(4 * time.Minute)}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, text string
		says       []string // parts of the error
	}{
		{"unknown key", "provdier = \"Acme\"", []string{"unknown key provdier", "provider", "customer.reminders", "estimates.<step>"}},
		{"unknown key in a table", "[power]\noffwait = \"1m\"", []string{"unknown key power.offwait", "power.off_wait"}},
		{"unknown table", "[mail]\nhost = \"x\"", []string{"unknown key mail, mail.host"}},
		{"key in another letter case", "provider = \"a\"\nProvider = \"b\"", []string{"unknown key Provider"}},
		{"bad duration", "queue_poll = \"soon\"", []string{"queue_poll", `"soon" is not a duration`, "15m"}},
		{"duration without a unit", "queue_poll = 30", []string{`"30" is not a duration`}},
		{"bad estimate", "[estimates]\nwork = \"-1m\"", []string{`estimate for "work"`}},
		{"nested estimate", "[estimates.work]\nlong = \"1m\"", []string{"estimates"}},
		{"reminders out of order", "[customer]\nreminders = [\"72h\", \"24h\"]", []string{"customer.reminders", "earliest first"}},
		{"reminder after parking", "[customer]\nreminders = [\"200h\"]", []string{"customer.reminders", "remind before parking"}},
		{"reminder at once", "[customer]\nreminders = [\"0s\"]", []string{"customer.reminders"}},
		{"park after expire", "[customer]\npark = \"1000h\"", []string{"customer.park"}},
		{"no power wait", "[power]\nact_wait = \"0s\"", []string{"act_wait"}},
		{"duty without an address", "duty = \"the boss\"", []string{"duty", "the boss"}},
		{"empty provider", "provider = \"\"", []string{"provider"}},
		{"no TOML", "provider: Acme", []string{"line 1"}},
		{"wrong type", "mail_summary = \"yes\"", []string{"mail_summary"}},
		{"too large", strings.Repeat("#", 1<<20+1), []string{"larger"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := write(t, tt.text).ReadPolicy(t.Context())
			if err == nil {
				t.Fatal("it was accepted")
			}
			if kind := hosting.KindOf(err); kind != hosting.FaultInvalidRequest {
				t.Errorf("kind %q, want InvalidRequest", kind)
			}
			for _, part := range append(tt.says, "policy.toml") {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("the error does not say %q: %v", part, err)
				}
			}
		})
	}
}

func TestMissingFileIsRefused(t *testing.T) {
	t.Parallel()
	_, err := (&policy.File{Path: filepath.Join(t.TempDir(), "none.toml")}).ReadPolicy(t.Context())
	if hosting.KindOf(err) != hosting.FaultInvalidRequest || !strings.Contains(err.Error(), "none.toml") {
		t.Errorf("got %v, want an InvalidRequest naming the file", err)
	}
}
