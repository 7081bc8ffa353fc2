package ticket_test

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/handrail/handrail/activities/desk/ticket"
	"github.com/handrail/handrail/hosting"
)

// The secret is never in what is returned, and what is told of it are labels
// (DESIGN rule 5, O3).
func TestParse_SecretsAreRemoved_O3(t *testing.T) {
	t.Parallel()
	const secret = "Tr0ub4dor&3"
	for name, test := range map[string]struct{ body, label string }{
		"password label":          {"Password: " + secret, "Password"},
		"password in Polish":      {"Hasło: " + secret, "Hasło"},
		"without diacritics":      {"haslo do roota = " + secret, "haslo do roota"},
		"password in Italian":     {"Parola d’ordine: " + secret, "Parola d’ordine"},
		"credentials":             {"Credentials: root / " + secret, "Credentials"},
		"on the next line":        {"Credentials:\nroot\n" + secret, "Credentials"},
		"paragraphs":              {"Credenziali:\n\nroot\n\n" + secret + "\n\nServer: DS-1", "Credenziali"},
		"a lone word after a gap": {"Login: root\n\n" + secret + "\n\nThe server hangs.", "Login"},
		"cells of a table":        {"Server\tDS-1\tPassword\t" + secret, "Password"},
		"a label of its own":      {"Details: x\nPassword\n" + secret, "Password"},
		"in a sentence":           {"Details: the root password for DS-1 is " + secret + ", please keep it", "password"},
		"a weak one":              {"Details: my password is hunter and\nDetails: the password is correcthorse", "password"},
		"announced":               {"Details: here is the password:\n" + secret, "password"},
		"announced by itself":     {"I give you the root password:\n\n" + secret + "\n\nbye bye", "password"},
		"pw=":                     {"I tried it with user=root pw=" + secret + " and it failed", "pw"},
		"in a file":               {"Details: DB_PASSWORD=" + secret, "PASSWORD"},
		"in camel case":           {"Details: {\"rootPassword\": \"" + secret + "\"}", "Password"},
		"user/pass":               {"Details: access is user/pass root/" + secret, "user/pass"},
		"user/hasło":              {"Opis: dostęp użytkownik/hasło root " + secret, "użytkownik/hasło"},
		"root slash":              {"Details: log in with root/" + secret, "password"},
		"in a URL":                {"Details: see https://root:" + secret + "@192.0.2.1/kvm", "password"},
		"bearer":                  {"Details: curl -H 'Authorization: Bearer abcdef0123456789' " + secret + " password: " + secret, "Bearer"},
		"a passphrase":            {"Passphrase: correct horse " + secret + " staple", "Passphrase"},
		"passphrase in a line":    {"Details: key, and the passphrase: correct " + secret, "passphrase"},
		"twice":                   {"Password: " + secret + "\n\nDetails: I used " + secret + "! for root", "Password"},
		"twice, first in text":    {"Details: I used " + secret + "\n\nHasło: " + secret, "Hasło"},
		"with a note in brackets": {"Password (old, new " + secret + "): " + secret, "Password"},
		"as the server":           {"Server: " + secret + "\nPassword: " + secret, "Password"},
		"as an unclear answer":    {"Authorization: password " + secret, "password"},
		"as a reason":             {"Reason: hasło to " + secret, "hasło"},
		"private key":             {"-----BEGIN RSA PRIVATE KEY-----\nMIIE" + secret + "\n-----END RSA PRIVATE KEY-----\nServer: DS-1", "private key"},
		"private key in one line": {"key —–BEGIN OPENSSH PRIVATE KEY----- b3Bl" + secret + " -----END OPENSSH PRIVATE KEY----- ok", "private key"},
		"private key, cut off":    {"-----BEGIN PGP PRIVATE KEY BLOCK-----\n\nxcFG\n" + secret, "private key"},
		"PuTTY's private key":     {"PuTTY-User-Key-File-3: ssh-rsa\nPrivate-Lines: 1\n" + secret + "\nPrivate-MAC: 00ff\nServer: DS-1", "private key"},
		"hidden in the label":     {"Pass\u200bword\u00a0: " + secret, "Password"},
	} {
		for _, in := range []ticket.Incoming{
			{Body: test.body},
			{Body: "Hello,\r\n\r\n" + strings.ReplaceAll(test.body, "\n", "\r\n") + "\r\n", Subject: "re: my password " + secret},
			{Body: "<p>" + strings.ReplaceAll(strings.ReplaceAll(test.body, "&", "&amp;"), "\n", "</p><p>") + "</p>", ContentType: "text/html"},
		} {
			if in.ContentType != "" && strings.Contains(test.body, "\t") {
				continue // a tab is no cell in HTML
			}
			e := ticket.Parse(in, provider)
			text := asJSON(t, e)
			if strings.Contains(text, "ub4dor") || strings.Contains(text, "hunter and") && name == "a weak one" || strings.Contains(text, "correcthorse") {
				t.Errorf("%s: the secret is in %s", name, text)
			}
			if !slices.ContainsFunc(e.Fields.Redacted, func(l string) bool { return strings.EqualFold(l, test.label) }) {
				t.Errorf("%s: %q is not among the labels %q of %s", name, test.label, e.Fields.Redacted, text)
			}
		}
	}
}

func TestParse_HTMLTableWithPassword(t *testing.T) {
	t.Parallel()
	e := parseHTML("<table><tr><td>User</td><td>Password</td></tr><tr><td>root</td><td>Tr0ub4dor</td></tr><tr><td>Server</td><td>DS-1</td></tr></table>")
	if text := asJSON(t, e); strings.Contains(text, "Tr0ub4dor") || e.Fields.Server != "DS-1" {
		t.Errorf("got %s", text)
	}
}

// Words about secrets are not secrets, and what follows a value is kept.
func TestParse_RedactsNoMoreThanNeeded(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]string{
		"Details: the root password is wrong":                              "the root password is wrong",
		"Details: the password is not accepted any more":                   "the password is not accepted any more",
		"Details: please reset the password of the administrator":          "please reset the password of the administrator",
		"Details: ho perso la password, il server è irraggiungibile":       "ho perso la password, il server è irraggiungibile",
		"Details: hasło jest nieznane":                                     "hasło jest nieznane",
		"Details: /root/backup and https://example.com/a:b@c are not mine": "/root/backup and https://example.com/a:b@c are not mine",
		"Details: admin/panel does not load":                               "admin/panel does not load",
		"Password: n/a\nDetails: it hangs":                                 "it hangs",
		"Password: Tr0ub4dor&3\n\nIt hangs since noon.\nDetails: x":        "x",
	} {
		e := parse(body)
		if e.Fields.Details != want {
			t.Errorf("%q: details %q", body, e.Fields.Details)
		}
		if strings.Contains(body, "since noon") && !strings.Contains(e.Text, "It hangs since noon.") {
			t.Errorf("%q: text %q", body, e.Text)
		}
	}
	e := parse("Password: Tr0ub4dor&3\n" + allowed)
	if grant(e) != hosting.GrantAllowed {
		t.Errorf("a statement below a password does not count: %+v", e)
	}
}

// Wherever the credentials stand, and whatever is around them.
func TestParse_PlantedSecret_O3(t *testing.T) {
	t.Parallel()
	parts := rapid.SampledFrom([]string{
		"Hello,", "Server: DS-1", "Details: it hangs", "Authorization: " + allowed, backup, "", "> quoted", "-- ", "Kind regards", "Password:", "1. **Login:** root",
		"On Saturday Support <a@b.c> wrote:", "From: a\nSent: b\nTo: c", "-----BEGIN PRIVATE KEY-----", "<p>", "</td><td>", "<blockquote>", "</blockquote>", "~~", "\t", "Details:", "key=",
	})
	labels := rapid.SampledFrom([]string{"Password: ", "Hasło:\n", "* **Credenziali:** root / ", "Password\t", "root password = ", "PW - ", "Passwords:\n\nroot\n", "3) Private key: "})
	rapid.Check(t, func(t *rapid.T) {
		secret := rapid.StringMatching(`[A-Za-z]{4}[0-9]{3}[A-Za-z0-9]{3,12}`).Draw(t, "secret")
		before := rapid.SliceOfN(parts, 0, 6).Draw(t, "before")
		after := rapid.SliceOfN(rapid.OneOf(parts, rapid.Just(secret), rapid.Just("I use "+secret+".")), 0, 6).Draw(t, "after")
		glue := rapid.SampledFrom([]string{"\n", "\r\n", "\n\n"}).Draw(t, "line end")
		body := strings.Join(append(append(before, labels.Draw(t, "label")+secret), after...), glue)
		e := ticket.Parse(ticket.Incoming{Body: body, ContentType: rapid.SampledFrom([]string{"", "text/html"}).Draw(t, "type")}, provider)
		if text := asJSON(t, e); strings.Contains(text, secret) {
			t.Fatalf("%q is in %s", secret, text)
		}
	})
}
