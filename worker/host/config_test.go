package host_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/handrail/handrail/activities/mail"
	"github.com/handrail/handrail/activities/reach"
	"github.com/handrail/handrail/worker/host"
)

// The secrets of the configuration that tests use. None may be printed.
const (
	databasePassword = "db-Tr0ub4dor"
	deskSecret       = "desk-correct-horse-battery"
	mailPassword     = "mail-hunter2"
)

// environment is a complete one, with changes; a change to "" takes a variable
// out.
func environment(changes map[string]string) map[string]string {
	env := map[string]string{
		"HANDRAIL_SITES": "milan, rome", "DATABASE_URL": "postgres://handrail:" + databasePassword + "@127.0.0.1:1/handrail",
		"HANDRAIL_DESK_URL": "https://desk.example/handrail", "HANDRAIL_DESK_SECRET": deskSecret,
		"HANDRAIL_MAIL_FROM": "Support <support@example.com>", "HANDRAIL_MAIL_USER": "handrail", "HANDRAIL_MAIL_PASSWORD": mailPassword,
	}
	maps.Copy(env, changes)
	maps.DeleteFunc(env, func(_, v string) bool { return v == "" })
	return env
}

func read(env map[string]string) (host.Config, error) {
	var c host.Config
	err := c.Read(func(name string) (string, bool) { v, ok := env[name]; return v, ok })
	return c, err
}

func file(t *testing.T, name, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestConfig(t *testing.T) {
	t.Parallel()
	c, err := read(environment(map[string]string{"HANDRAIL_LISTEN": ":9090", "HANDRAIL_BUILD_ID": "v7", "HANDRAIL_MAIL_TLS": "implicit"}))
	if err != nil {
		t.Fatal(err)
	}
	if strings.Join(c.Sites, " ") != "milan rome" || !strings.Contains(c.DatabaseURL, databasePassword) || c.DeskURL != "https://desk.example/handrail" ||
		string(c.DeskSecret) != deskSecret || string(c.MailPassword) != mailPassword || c.Listen != ":9090" || c.BuildID != "v7" || c.SitesOnly ||
		c.Mail != (mail.Config{Host: "localhost", User: "handrail", From: "Support <support@example.com>", TLS: mail.ImplicitTLS}) {
		t.Errorf("%+v", c)
	}
	if password, err := c.MailPassword.Secret(t.Context(), "mail"); err != nil || password != mailPassword {
		t.Errorf("%q, %v", password, err)
	}
}

// A worker beside the BMCs needs neither database, desk nor mail, and does not
// look at their settings.
func TestConfig_sitesOnly(t *testing.T) {
	t.Parallel()
	table := file(t, "reach.json", `{"192.0.2.1:22": "gate.example:2201"}`)
	c, err := read(map[string]string{"HANDRAIL_SITES_ONLY": "true", "HANDRAIL_SITES": "milan", "HANDRAIL_REACH": table, "HANDRAIL_MAIL_PORT": "none of its business"})
	if err != nil || !c.SitesOnly || c.Listen != "127.0.0.1:9090" || c.Reach["192.0.2.1:22"] != "gate.example:2201" {
		t.Errorf("%+v, %v", c, err)
	}
	if _, err := read(map[string]string{"HANDRAIL_SITES_ONLY": "true"}); err == nil || err.Error() != "HANDRAIL_SITES is not set: sites whose BMCs this worker reaches, separated by commas" {
		t.Errorf("%v", err)
	}
}

// Every wrong setting gives one line that names its variable and says what
// would be right, without the secrets of the others.
func TestConfig_wrong(t *testing.T) {
	t.Parallel()
	noPEM, typo := file(t, "ca.pem", "not a certificate"), file(t, "policy.toml", "provder = \"x\"\n")
	noTable := file(t, "reach.json", `{"server.example:22": "gate.example:2201"}`)
	letters := t.TempDir()
	if err := os.WriteFile(filepath.Join(letters, "unknown.tmpl"), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ name, value, want string }{
		{"HANDRAIL_SITES", "", "HANDRAIL_SITES is not set"},
		{"HANDRAIL_SITES", ",", "it lists nothing"},
		{"HANDRAIL_SITES", "milan,milan", "names the same thing twice"},
		{"HANDRAIL_SITES", "Milan", `the site "Milan" is not written in lower-case letters`},
		{"HANDRAIL_SITES", "-milan", `the site "-milan"`},
		{"HANDRAIL_SITES", strings.Repeat("x", 32), "is not written in"},
		{"HANDRAIL_SITES_ONLY", "yes", "write true or false"},
		{"HANDRAIL_BMC_SECRETS", "/nowhere", "no such file or directory"},
		{"HANDRAIL_REACH", "/nowhere", "no such file or directory"},
		{"HANDRAIL_REACH", noTable, "is not written as ip:port"},
		{"HANDRAIL_LISTEN", "9090", "write it as host:port"},
		{"HANDRAIL_LISTEN", ":99999", "write it as host:port"},
		{"DATABASE_URL", "", "DATABASE_URL (or DATABASE_URL_FILE) is not set"},
		{"DATABASE_URL_FILE", "/nowhere", "both DATABASE_URL and DATABASE_URL_FILE are set"},
		{"HANDRAIL_DESK_URL", "", "HANDRAIL_DESK_URL is not set"},
		{"HANDRAIL_DESK_URL", "desk.example", "the desk's URL is not one"},
		{"HANDRAIL_DESK_URL", "http://desk.example/", "use https"},
		{"HANDRAIL_DESK_URL", "https://me:secret@desk.example/", "holds a user"},
		{"HANDRAIL_DESK_SECRET", "", "HANDRAIL_DESK_SECRET (or HANDRAIL_DESK_SECRET_FILE) is not set"},
		{"HANDRAIL_DESK_SECRET", "too-short", "HANDRAIL_DESK_SECRET (or HANDRAIL_DESK_SECRET_FILE) is not usable: the key shared with the ticket desk, 16 bytes or more"},
		{"HANDRAIL_DESK_CA", "/nowhere", "no such file or directory"},
		{"HANDRAIL_DESK_CA", noPEM, "the file holds no certificate in PEM"},
		{"HANDRAIL_MAIL_HOST", "mail server", "is not a host name"},
		{"HANDRAIL_MAIL_PORT", "smtp", "write a number from 1 to 65535"},
		{"HANDRAIL_MAIL_PORT", "0", "write a number from 1 to 65535"},
		{"HANDRAIL_MAIL_FROM", "", "HANDRAIL_MAIL_FROM is not set"},
		{"HANDRAIL_MAIL_FROM", "nobody", "write it as support@example.com"},
		{"HANDRAIL_MAIL_USER", "", "HANDRAIL_MAIL_USER and HANDRAIL_MAIL_PASSWORD go together"},
		{"HANDRAIL_MAIL_PASSWORD", "", "HANDRAIL_MAIL_USER and HANDRAIL_MAIL_PASSWORD go together"},
		{"HANDRAIL_MAIL_TLS", "ssl", "write one of [starttls implicit plain]"},
		{"HANDRAIL_MAIL_TLS", "plain", "the mail server's password would not be encrypted"},
		{"HANDRAIL_MAIL_CA", noPEM, "the file holds no certificate in PEM"},
		{"HANDRAIL_TEMPLATES", "/nowhere", "the directory of letter templates can not be opened"},
		{"HANDRAIL_TEMPLATES", letters, "unknown.tmpl"},
		{"HANDRAIL_POLICY", "/nowhere", "the policy file /nowhere is refused"},
		{"HANDRAIL_POLICY", typo, "unknown key provder"},
	} {
		t.Run(c.name+"="+c.value, func(t *testing.T) {
			t.Parallel()
			_, err := read(environment(map[string]string{c.name: c.value}))
			if err == nil {
				t.Fatal("it is taken")
			}
			text, prefix := err.Error(), c.name
			if strings.HasPrefix(c.name, "HANDRAIL_MAIL_") {
				prefix = "HANDRAIL_MAIL_"
			}
			if !strings.Contains(text, strings.TrimSuffix(prefix, "_FILE")) || !strings.Contains(text, c.want) || strings.Contains(text, "\n") {
				t.Errorf("%s\nwant %s", text, c.want)
			}
			for _, secret := range []string{databasePassword, deskSecret, mailPassword, "too-short"} {
				if strings.Contains(text, secret) {
					t.Errorf("it prints %s: %s", secret, text)
				}
			}
		})
	}
}

// Everything that is wrong is named at once.
func TestConfig_allProblemsAtOnce(t *testing.T) {
	t.Parallel()
	_, err := read(map[string]string{
		"HANDRAIL_SITES": "Milan", "HANDRAIL_SITES_ONLY": "maybe", "HANDRAIL_LISTEN": "x", "HANDRAIL_DESK_SECRET": "short", "HANDRAIL_MAIL_PORT": "x", "HANDRAIL_POLICY": "/nowhere",
	})
	if err == nil {
		t.Fatal("it is taken")
	}
	lines := strings.Split(err.Error(), "\n")
	want := []string{
		"HANDRAIL_SITES_ONLY", "HANDRAIL_SITES", "HANDRAIL_LISTEN", "DATABASE_URL", "HANDRAIL_DESK_URL", "HANDRAIL_DESK_SECRET", "HANDRAIL_MAIL_PORT", "HANDRAIL_MAIL_FROM", "HANDRAIL_POLICY",
	}
	for i, name := range want {
		if i >= len(lines) || !strings.HasPrefix(lines[i], name) {
			t.Fatalf("line %d does not name %s:\n%v", i+1, name, err)
		}
	}
	if len(lines) != len(want) {
		t.Errorf("%d lines, want %d:\n%v", len(lines), len(want), err)
	}
}

// A configuration that was put together in code is held to the same.
func TestConfig_validate(t *testing.T) {
	t.Parallel()
	c := host.Config{Sites: []string{"Milan"}, Reach: reach.Table{"server": "gate"}, Policy: "/nowhere", Templates: "/nowhere", Mail: mail.Config{Host: "mx.example", From: "a@example.com", TLS: mail.PlainText}}
	err := c.Validate()
	if err == nil {
		t.Fatal("it is taken")
	}
	for _, want := range []string{"HANDRAIL_SITES: ", "HANDRAIL_REACH: ", "HANDRAIL_POLICY: ", "HANDRAIL_TEMPLATES: ", "HANDRAIL_DESK_URL, ", "HANDRAIL_MAIL_…: mail to mx.example would not be encrypted"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is missing in:\n%v", want, err)
		}
	}
}

// Whatever prints a configuration prints no secret, and still what it is.
func TestConfig_printsNoSecret(t *testing.T) {
	t.Parallel()
	c, err := read(environment(nil))
	if err != nil {
		t.Fatal(err)
	}
	printed := map[string]string{}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%t"} {
		printed[verb] = fmt.Sprintf(verb, c)
		printed[verb+" of a pointer"] = fmt.Sprintf(verb, &c)
		printed[verb+" inside"] = fmt.Sprintf(verb, struct{ Config host.Config }{c})
		printed[verb+" of the password"] = fmt.Sprintf(verb, c.MailPassword)
	}
	for name, handler := range map[string]func(*bytes.Buffer) slog.Handler{
		"slog JSON": func(b *bytes.Buffer) slog.Handler { return slog.NewJSONHandler(b, nil) },
		"slog text": func(b *bytes.Buffer) slog.Handler { return slog.NewTextHandler(b, nil) },
	} {
		var b bytes.Buffer
		slog.New(handler(&b)).Info("starting", "config", c, "pointer", &c, "password", c.MailPassword)
		printed[name] = b.String()
	}
	b, err := json.Marshal(c.MailPassword)
	if err != nil {
		t.Fatal(err)
	}
	printed["JSON of the password"] = string(b)
	for how, text := range printed {
		for _, secret := range []string{databasePassword, deskSecret, mailPassword, fmt.Sprintf("%x", mailPassword), fmt.Sprintf("%X", mailPassword)} {
			if strings.Contains(text, secret) {
				t.Errorf("%s: %s", how, text)
			}
		}
	}
	if !strings.Contains(printed["%+v"], "milan") || !strings.Contains(printed["%+v"], "desk.example") || !strings.Contains(printed["slog JSON"], "desk.example") {
		t.Errorf("nothing is left: %s\n%s", printed["%+v"], printed["slog JSON"])
	}
}
