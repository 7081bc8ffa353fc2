package mail_test

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-smtp"

	"github.com/handrail/handrail/activities/mail"
	"github.com/handrail/handrail/hosting"
)

func TestRefusals(t *testing.T) {
	t.Parallel()
	no := &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: "No such user here"}
	later := &smtp.SMTPError{Code: 451, EnhancedCode: smtp.EnhancedCode{4, 7, 1}, Message: "Greylisted, try again"}
	tests := []struct {
		name   string
		server server
		kind   hosting.FaultKind
		says   []string
	}{
		{"recipient for good", server{rcptErr: no}, hosting.FaultInvalidRequest, []string{"SRV-1001", "the recipient anna@example.com", "No such user here", "customer's contacts"}},
		{"recipient for now", server{rcptErr: later}, hosting.FaultUnreachable, []string{"Greylisted"}},
		{"sender for good", server{mailErr: no}, hosting.FaultInvalidRequest, []string{"the sender support@handrail.example", "check from"}},
		{"sender for now", server{mailErr: later}, hosting.FaultUnreachable, []string{"Greylisted"}},
		{"content for good", server{dataErr: no}, hosting.FaultInvalidRequest, []string{"refused the mail"}},
		{"content for now", server{dataErr: later}, hosting.FaultUnreachable, []string{"Greylisted"}},
	}
	for i := range tests {
		tt := &tests[i]
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			err := plain(t, serve(t, &tt.server, security{})).SendMail(t.Context(), sending())
			expect(t, err, tt.kind, tt.says...)
			if tt.server.got.Load() != 0 {
				t.Error("the server kept the mail")
			}
		})
	}
}

func expect(t *testing.T, err error, kind hosting.FaultKind, says ...string) {
	t.Helper()
	if got := hosting.KindOf(err); got != kind {
		t.Fatalf("kind %q, want %q: %v", got, kind, err)
	}
	for _, part := range says {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("the error does not say %q: %v", part, err)
		}
	}
}

func TestTLS(t *testing.T) {
	t.Parallel()
	config, ca := certificate(t)
	for name, tt := range map[string]struct {
		mode     mail.TLSMode
		implicit bool
	}{"starttls by default": {"", false}, "implicit": {mail.ImplicitTLS, true}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := &server{offersAuth: true}
			port := serve(t, s, security{config: config, implicit: tt.implicit})
			c := mail.Config{TLS: tt.mode, Port: port, CA: ca, User: "handrail", PasswordRef: "mail"}
			if err := configured(t, c).SendMail(t.Context(), sending()); err != nil {
				t.Fatal(err)
			}
			if s.users.Load() != 1 || s.got.Load() != 1 {
				t.Errorf("%d log-ins and %d mails, want one each", s.users.Load(), s.got.Load())
			}
			c.CA = ""
			expect(t, configured(t, c).SendMail(t.Context(), sending()), hosting.FaultUnreachable, "certificate", "trusted")
			if s.users.Load() != 1 || s.got.Load() != 1 {
				t.Error("something was sent to a server that could not be verified")
			}
		})
	}
}

// Without STARTTLS nothing is said in the clear.
func TestTLSIsMandatory(t *testing.T) {
	t.Parallel()
	s := &server{offersAuth: true}
	c := mail.Config{Port: serve(t, s, security{}), User: "handrail", PasswordRef: "mail"}
	expect(t, configured(t, c).SendMail(t.Context(), sending()), hosting.FaultUnreachable, "STARTTLS")
	if s.got.Load() != 0 || s.users.Load() != 0 {
		t.Error("something was sent in the clear")
	}
}

// A refused log-in is final, holds no secret although the server repeats it,
// and leaves no connection open.
func TestRefusedLogin(t *testing.T) {
	t.Parallel()
	config, ca := certificate(t)
	s := &server{offersAuth: true}
	c := mail.Config{Port: serve(t, s, security{config: config}), CA: ca, User: "somebody", PasswordRef: "mail"}
	err := configured(t, c).SendMail(t.Context(), sending())
	expect(t, err, hosting.FaultInvalidRequest, "refused the user somebody (535)")
	if strings.Contains(err.Error(), password) {
		t.Errorf("the error holds the password: %v", err)
	}
	for range 2 { // the session before STARTTLS, and the one after
		select {
		case <-s.left:
		case <-time.After(10 * time.Second):
			t.Fatal("the connection is still open")
		}
	}
}

func TestUnknownPassword(t *testing.T) {
	t.Parallel()
	c := mail.Config{User: "handrail", PasswordRef: "elsewhere"}
	if err := configured(t, c).SendMail(t.Context(), sending()); err == nil || !strings.Contains(err.Error(), `"elsewhere"`) {
		t.Errorf("got %v, want it to name the reference", err)
	}
}

// polite answers like a server that takes everything.
func polite(line string) string {
	switch {
	case strings.HasPrefix(line, "EHLO"), strings.HasPrefix(line, "MAIL"), strings.HasPrefix(line, "RCPT"), line == "NOOP":
		return "250 fine\r\n"
	case line == "DATA":
		return "354 go on\r\n"
	}
	return ""
}

// The server's word counts: what goes wrong after it does not send a mail twice.
func TestAcceptedIsDone(t *testing.T) {
	t.Parallel()
	port := script(t, "220 hello\r\n", func(line string) string {
		if line == "." {
			return "250 kept\r\n!"
		}
		return polite(line)
	})
	if err := plain(t, port).SendMail(t.Context(), sending()); err != nil {
		t.Error(err)
	}
}

func TestStrangeServers(t *testing.T) {
	t.Parallel()
	silent := func(string) string { return "" }
	tests := []struct {
		name, greeting string
		answer         func(string) string
		kind           hosting.FaultKind
		says           string
	}{
		{"silent", "", silent, hosting.FaultUnreachable, "did not finish within"},
		{"silent after the mail", "220 hello\r\n", polite, hosting.FaultUnreachable, "did not finish within"},
		{"endless", strings.Repeat("220-"+strings.Repeat("x", 1000)+"\r\n", 2000), silent, hosting.FaultUnreachable, "said more than"},
		{"not SMTP", "HTTP/1.1 400 Bad Request\r\n\r\n", silent, hosting.FaultUnreachable, ""},
		{"full", "421 too busy\r\n", silent, hosting.FaultUnreachable, "too busy"},
		{"closed to us", "554 no service for you\r\n", silent, hosting.FaultInvalidRequest, "refused the connection"},
		{"gone in the middle", "220 hello\r\n", func(line string) string {
			if line == "DATA" {
				return "!"
			}
			return polite(line)
		}, hosting.FaultUnreachable, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			a := mail.WithTimeout(plain(t, script(t, tt.greeting, tt.answer)), 500*time.Millisecond)
			if tt.name == "endless" { // its end is a number of bytes, not a time
				a = mail.WithTimeout(a, time.Minute)
			}
			err := a.SendMail(t.Context(), sending())
			expect(t, err, tt.kind, tt.says)
			if len(err.Error()) > 1000 {
				t.Errorf("the error is %d bytes long", len(err.Error()))
			}
		})
	}
}

func TestNobodyListens(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := portOf(t, l.Addr().String())
	l.Close()
	expect(t, plain(t, port).SendMail(t.Context(), sending()), hosting.FaultUnreachable, "SRV-1001", "127.0.0.1", "refused")
}

// A worker that stops does not wait for a mail server.
func TestCancellation(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	port := script(t, "220 hello\r\n", func(string) string {
		cancel()
		return ""
	})
	if err := plain(t, port).SendMail(ctx, sending()); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want the cancellation", err)
	}
}
