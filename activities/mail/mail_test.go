package mail_test

import (
	"context"
	"log/slog"
	"strings"
	"testing"

	"github.com/handrail/handrail/activities/mail"
	"github.com/handrail/handrail/dev/mailbox"
	"github.com/handrail/handrail/hosting"
)

func openMailbox(t *testing.T) (*mailbox.Mailbox, *mail.Activities) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	m, err := mailbox.Start(ctx, mailbox.Config{
		SMTPAddress: "127.0.0.1:0", WebAddress: "127.0.0.1:0", Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		cancel()
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		if err := m.Wait(); err != nil {
			t.Error(err)
		}
	})
	return m, plain(t, portOf(t, m.SMTPAddr()))
}

func TestSendMail(t *testing.T) {
	t.Parallel()
	box, a := openMailbox(t)
	if err := a.SendMail(t.Context(), sending()); err != nil {
		t.Fatal(err)
	}
	got := box.Messages()[0]
	want, err := book.Mail(summary())
	if err != nil {
		t.Fatal(err)
	}
	lines := func(s string) string { return strings.TrimSpace(strings.ReplaceAll(s, "\r\n", "\n")) }
	for _, check := range []struct{ what, got, want string }{
		{"envelope sender", got.Sender, "support@handrail.example"},
		{"envelope recipients", strings.Join(got.Recipients, ","), "anna@example.com"},
		{"From", got.From, `"Handrail Hosting" <support@handrail.example>`},
		{"To", got.To, "<anna@example.com>"},
		{"Subject", got.Subject, want.Subject},
		{"Content-Language", got.Language, "pl"},
		{"Auto-Submitted", strings.Join(got.Header("Auto-Submitted"), ","), "auto-generated"},
		{"text", lines(got.Text), lines(want.Text)},
		{"HTML", lines(got.HTML), lines(want.HTML)},
	} {
		if check.got != check.want {
			t.Errorf("%s is %q, want %q", check.what, check.got, check.want)
		}
	}
	if kind := got.Header("Content-Type"); len(kind) != 1 || !strings.HasPrefix(kind[0], "multipart/alternative;") {
		t.Errorf("Content-Type is %q, want multipart/alternative", kind)
	}
	if len(got.Header("Date")) != 1 {
		t.Error("it has no date")
	}
	if strings.Contains(string(got.Raw), "op-1/summary/1") {
		t.Error("the key stands in the mail")
	}
}

// A mail that is sent again is recognizable as the same (DESIGN rule 3).
func TestMessageIDComesFromTheKey(t *testing.T) {
	t.Parallel()
	box, a := openMailbox(t)
	in := sending()
	for _, key := range []string{"op-1/summary/1", "op-1/summary/1", "op-1/summary/2"} {
		in.Key = key
		if err := a.SendMail(t.Context(), in); err != nil {
			t.Fatal(err)
		}
	}
	got := box.Messages() // the newest first
	if got[1].MessageID != got[2].MessageID || got[0].MessageID == got[1].MessageID {
		t.Errorf("ids %s, %s, %s: want the first two alike and the third not", got[2].MessageID, got[1].MessageID, got[0].MessageID)
	}
	if !strings.HasSuffix(got[0].MessageID, "@handrail.example>") {
		t.Errorf("the id %s is not in the sender's domain", got[0].MessageID)
	}
}

// Nothing that a customer writes gets a line of its own among the headers.
func TestHeaderInjection(t *testing.T) {
	t.Parallel()
	const attack = "SRV-1\r\nBcc: evil@example.com\r\nX-Evil: 1\r\n\r\n<script>"
	box, a := openMailbox(t)
	in := sending()
	in.Letter.Server, in.Letter.Ticket, in.Letter.Person, in.Letter.Provider = attack, attack, attack, attack
	in.Key = attack
	in.Letter.Language = "en\r\nX-Evil: 1"
	if err := a.SendMail(t.Context(), in); err != nil {
		t.Fatal(err)
	}
	got := box.Messages()[0]
	if len(got.Header("Bcc")) > 0 || len(got.Header("X-Evil")) > 0 || len(got.Recipients) != 1 {
		t.Errorf("a header was injected:\n%s", got.Raw)
	}
	if !strings.Contains(got.Subject, "SRV-1 Bcc: evil@example.com X-Evil: 1 <script>") {
		t.Errorf("the subject is %q, want the server's name in one line", got.Subject)
	}
	if strings.Contains(got.HTML, "<script>") {
		t.Error("the script stands in the HTML")
	}
}

func TestAddresses(t *testing.T) {
	t.Parallel()
	tests := map[string]bool{
		"anna@example.com":              true,
		"anna.b+c@mail.example.com":     true,
		"o'neil@example.com":            true,
		"":                              false,
		"anna":                          false,
		"anna@":                         false,
		"@example.com":                  false,
		"Anna <anna@example.com>":       false,
		"<anna@example.com>":            false,
		"anna@example.com, b@x.example": false,
		"anna@example.com\r\nBcc: b@x":  false,
		"anna@example.com\nRCPT TO:<b>": false,
		" anna@example.com":             false,
		`"a b"@example.com`:             false,
		"anna@[127.0.0.1]":              false,
		strings.Repeat("a", 250) + "@example.com": false,
	}
	box, a := openMailbox(t)
	sent := 0
	for to, good := range tests {
		in := sending()
		in.To = to
		err := a.SendMail(t.Context(), in)
		if good {
			sent++
		}
		if good != (err == nil) || !good && hosting.KindOf(err) != hosting.FaultInvalidRequest {
			t.Errorf("%q: %v", to, err)
		}
	}
	if got := len(box.Messages()); got != sent {
		t.Errorf("%d mails arrived, want %d", got, sent)
	}
}

func TestRefusesWhatIsNoMail(t *testing.T) {
	t.Parallel()
	box, a := openMailbox(t)
	noKey, queued := sending(), sending()
	noKey.Key = ""
	queued.Letter.Name = hosting.LetterQueued // on tickets only
	for name, in := range map[string]mail.Sending{"no key": noKey, "a letter that is never mailed": queued} {
		if err := a.SendMail(t.Context(), in); hosting.KindOf(err) != hosting.FaultInvalidRequest {
			t.Errorf("%s: %v", name, err)
		}
	}
	if len(box.Messages()) != 0 {
		t.Error("a mail was sent")
	}
}

func TestConfig(t *testing.T) {
	t.Parallel()
	good := mail.Config{Host: "mail.example.com", From: "Handrail <support@handrail.example>"}
	tests := []struct {
		name   string
		change func(*mail.Config)
		says   string // empty: accepted
	}{
		{"defaults", func(*mail.Config) {}, ""},
		{"implicit TLS", func(c *mail.Config) { c.TLS = mail.ImplicitTLS }, ""},
		{"a user", func(c *mail.Config) { c.User, c.PasswordRef = "u", "mail" }, ""},
		{"plain on loopback", func(c *mail.Config) { c.TLS, c.Host = mail.PlainText, "localhost" }, ""},
		{"plain on loopback by IPv6", func(c *mail.Config) { c.TLS, c.Host = mail.PlainText, "::1" }, ""},
		{"plain elsewhere", func(c *mail.Config) { c.TLS = mail.PlainText }, "not be encrypted"},
		{"plain with a user", func(c *mail.Config) { c.TLS, c.Host, c.User, c.PasswordRef = mail.PlainText, "localhost", "u", "mail" }, "password would not be encrypted"},
		{"no host", func(c *mail.Config) { c.Host = "" }, "not a host name"},
		{"a URL for a host", func(c *mail.Config) { c.Host = "smtp://mail" }, "not a host name"},
		{"unknown TLS mode", func(c *mail.Config) { c.TLS = "opportunistic" }, "starttls, implicit or plain"},
		{"port", func(c *mail.Config) { c.Port = 70000 }, "70000"},
		{"user without password", func(c *mail.Config) { c.User = "u" }, "go together"},
		{"CA", func(c *mail.Config) { c.CA = "nothing" }, "no certificate"},
		{"no sender", func(c *mail.Config) { c.From = "" }, "sender"},
		{"injected sender", func(c *mail.Config) { c.From = "a@b.example\r\nBcc: x@y.example" }, "sender"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := good
			tt.change(&c)
			_, err := mail.New(c, book, store{})
			switch {
			case tt.says == "" && err != nil:
				t.Error(err)
			case tt.says != "" && (hosting.KindOf(err) != hosting.FaultInvalidRequest || !strings.Contains(err.Error(), tt.says)):
				t.Errorf("got %v, want an InvalidRequest that says %q", err, tt.says)
			}
		})
	}
	c := good
	c.User, c.PasswordRef = "u", "mail"
	if _, err := mail.New(c, book, nil); hosting.KindOf(err) != hosting.FaultInvalidRequest {
		t.Errorf("a user without a secret store: %v", err)
	}
}
