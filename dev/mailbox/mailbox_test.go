package mailbox_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/smtp"
	"strings"
	"testing"

	"github.com/handrail/handrail/dev/mailbox"
)

func start(t *testing.T) *mailbox.Mailbox {
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
	return m
}

func send(t *testing.T, m *mailbox.Mailbox, lines ...string) {
	t.Helper()
	err := smtp.SendMail(m.SMTPAddr(), nil, "support@handrail.example", []string{"anna@example.com"}, []byte(strings.Join(lines, "\r\n")))
	if err != nil {
		t.Fatal(err)
	}
}

// page returns the body, the status and the headers of a page.
func page(t *testing.T, m *mailbox.Mailbox, path, host string) (string, *http.Response) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, m.URL()+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Host = host
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body), resp
}

var alternative = []string{
	"From: Handrail Hosting <support@handrail.example>",
	"To: anna@example.com",
	"Subject: =?UTF-8?Q?Pro=C5=9Bba_o_interwencj=C4=99?=",
	"Message-ID: <1@handrail.example>",
	"Content-Language: pl",
	"MIME-Version: 1.0",
	`Content-Type: multipart/alternative; boundary="b"`,
	"",
	"--b",
	"Content-Type: text/plain; charset=utf-8",
	"Content-Transfer-Encoding: quoted-printable",
	"",
	"Dzie=C5=84 dobry",
	"--b",
	"Content-Type: text/html; charset=iso-8859-2",
	"Content-Transfer-Encoding: base64",
	"",
	"PHA+RHppZfE8L3A+", // <p>Dzień</p> in ISO 8859-2
	"--b--",
}

func TestKeepsWhatArrives(t *testing.T) {
	t.Parallel()
	m := start(t)
	send(t, m, alternative...)
	send(t, m, "Subject: second", "", "no MIME at all")

	got := m.Messages()
	if len(got) != 2 || got[0].Subject != "second" || strings.TrimSpace(got[0].Text) != "no MIME at all" {
		t.Fatalf("got %+v, want two, the newest first", got)
	}
	first := got[1]
	for _, check := range []struct{ what, got, want string }{
		{"sender", first.Sender, "support@handrail.example"},
		{"recipients", strings.Join(first.Recipients, ","), "anna@example.com"},
		{"from", first.From, "Handrail Hosting <support@handrail.example>"},
		{"subject", first.Subject, "Prośba o interwencję"},
		{"message id", first.MessageID, "<1@handrail.example>"},
		{"language", first.Language, "pl"},
		{"text", first.Text, "Dzień dobry"},
		{"HTML", first.HTML, "<p>Dzień</p>"},
		{"header", strings.Join(first.Header("mime-version"), ","), "1.0"},
	} {
		if check.got != check.want {
			t.Errorf("%s %q, want %q", check.what, check.got, check.want)
		}
	}
}

func TestListPage(t *testing.T) {
	t.Parallel()
	m := start(t)
	if body, _ := page(t, m, "", ""); !strings.Contains(body, "No mail yet") {
		t.Errorf("the empty page does not say so: %s", body)
	}
	send(t, m, alternative...)
	send(t, m, "Subject: second", "", "text")
	body, resp := page(t, m, "", "")
	if resp.StatusCode != http.StatusOK || !strings.Contains(body, `http-equiv="refresh"`) {
		t.Errorf("status %d, page %s", resp.StatusCode, body)
	}
	older, newer := strings.Index(body, "Prośba o interwencję"), strings.Index(body, "second")
	if newer < 0 || older < newer {
		t.Errorf("the newest does not stand first: %s", body)
	}
	for _, part := range []string{"anna@example.com", "support@handrail.example", " UTC</time>", `href="/message/1"`} {
		if !strings.Contains(body, part) {
			t.Errorf("the list lacks %q", part)
		}
	}
}

// What somebody wrote never becomes part of our own pages.
func TestPagesEscape(t *testing.T) {
	t.Parallel()
	m := start(t)
	const attack = `<script>alert(1)</script>"><img src=x onerror=alert(1)>`
	send(t, m, "From: "+attack, "To: "+attack, "Subject: "+attack, "Message-ID: "+attack,
		`Content-Language: pl" onmouseover="alert(1)`, "", attack)
	for _, path := range []string{"", "message/1"} {
		body, resp := page(t, m, path, "")
		for _, bad := range []string{"<script", "<img", `" onmouseover`} {
			if strings.Contains(body, bad) {
				t.Errorf("/%s holds %s unescaped:\n%s", path, bad, body)
			}
		}
		if policy := resp.Header.Get("Content-Security-Policy"); !strings.Contains(policy, "default-src 'none'") || strings.Contains(policy, "script-src") {
			t.Errorf("/%s has the policy %q", path, policy)
		}
	}
}

// The HTML of a mail is shown, but in a frame in which it can do nothing.
func TestMailIsSandboxed(t *testing.T) {
	t.Parallel()
	m := start(t)
	const html = `<p style="color:red">hi</p><script>alert(1)</script>`
	send(t, m, "Content-Type: text/html", "", html)
	body, _ := page(t, m, "message/1", "")
	if !strings.Contains(body, `<iframe sandbox="" src="/message/1/html"`) || strings.Contains(body, "alert") {
		t.Errorf("the mail is not in a sandboxed frame:\n%s", body)
	}
	inner, resp := page(t, m, "message/1/html", "")
	if strings.TrimSpace(inner) != html {
		t.Errorf("the frame holds %q", inner)
	}
	policy := resp.Header.Get("Content-Security-Policy")
	if !strings.HasPrefix(policy, "sandbox; default-src 'none'") || strings.Contains(policy, "allow-") {
		t.Errorf("the frame has the policy %q", policy)
	}
	raw, resp := page(t, m, "message/1/raw", "")
	if !strings.Contains(raw, html) || resp.Header.Get("Content-Type") != "text/plain; charset=utf-8" || resp.Header.Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("the raw mail comes as %v: %s", resp.Header, raw)
	}
}

func TestRefusesOtherNamesAndUnknownMails(t *testing.T) {
	t.Parallel()
	m := start(t)
	for _, tt := range []struct {
		path, host string
		status     int
	}{
		{"", "mailbox.attacker.example", http.StatusMisdirectedRequest},
		{"", "10.0.0.1:8025", http.StatusMisdirectedRequest},
		{"", "localhost:8025", http.StatusOK},
		{"", "[::1]:8025", http.StatusOK},
		{"message/7", "", http.StatusNotFound},
		{"message/x", "", http.StatusNotFound},
		{"other", "", http.StatusNotFound},
	} {
		if _, resp := page(t, m, tt.path, tt.host); resp.StatusCode != tt.status {
			t.Errorf("/%s as %q: status %d, want %d", tt.path, tt.host, resp.StatusCode, tt.status)
		}
	}
}

func TestLimits(t *testing.T) {
	t.Parallel()
	m := start(t)
	big := "Subject: big\r\n\r\n" + strings.Repeat(strings.Repeat("x", 998)+"\r\n", 11<<10)
	if err := smtp.SendMail(m.SMTPAddr(), nil, "a@example.com", []string{"b@example.com"}, []byte(big)); err == nil {
		t.Error("a mail of 11 MB was taken")
	}
	many := make([]string, 51)
	for i := range many {
		many[i] = fmt.Sprintf("b%d@example.com", i)
	}
	if err := smtp.SendMail(m.SMTPAddr(), nil, "a@example.com", many, []byte("\r\n")); err == nil {
		t.Error("51 recipients were taken")
	}
	if got := m.Messages(); len(got) != 0 {
		t.Errorf("%d mails were kept", len(got))
	}
}

func TestStrangeMails(t *testing.T) {
	t.Parallel()
	nested := []string{"Subject: nested"}
	for i := range 20 {
		nested = append(nested, fmt.Sprintf("Content-Type: multipart/mixed; boundary=b%d", i), "", fmt.Sprintf("--b%d", i))
	}
	tests := map[string][]string{
		"no header":         {"\x00\x01 just bytes"},
		"no boundary":       {"Content-Type: multipart/mixed", "", "x"},
		"unfinished":        {"Content-Type: multipart/mixed; boundary=b", "", "--b", "Content-Type: text/plain"},
		"unknown encoding":  {"Content-Type: text/plain; charset=klingon", "", "x"},
		"broken base64":     {"Content-Type: text/plain", "Content-Transfer-Encoding: base64", "", "%%%"},
		"many levels":       nested,
		"empty":             {""},
		"bad encoded words": {"Subject: =?klingon?Q?x?= =?UTF-8?B?%%%?=", "", "x"},
	}
	m := start(t)
	for name, lines := range tests {
		send(t, m, lines...)
		got := m.Messages()[0]
		if name != "empty" && name != "unfinished" && got.Text == "" && got.HTML == "" {
			t.Errorf("%s: nothing to read in %+v", name, got)
		}
		if _, resp := page(t, m, fmt.Sprintf("message/%d", got.ID), ""); resp.StatusCode != http.StatusOK {
			t.Errorf("%s: status %d", name, resp.StatusCode)
		}
	}
}

func TestStartRefusals(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	for _, tt := range []struct{ smtp, web, says string }{
		{"0.0.0.0:0", "127.0.0.1:0", "not on loopback"},
		{"127.0.0.1:0", "example.com:0", "not on loopback"},
		{"1025", "127.0.0.1:0", "not host:port"},
		{"127.0.0.1:0", taken.Addr().String(), "web page, is in use"},
		{taken.Addr().String(), "127.0.0.1:0", "SMTP, is in use"},
	} {
		_, err := mailbox.Start(t.Context(), mailbox.Config{SMTPAddress: tt.smtp, WebAddress: tt.web})
		if err == nil || !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%s, %s: got %v, want it to say %q", tt.smtp, tt.web, err, tt.says)
		}
	}
}

func TestStopsWithItsContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	m, err := mailbox.Start(ctx, mailbox.Config{SMTPAddress: "127.0.0.1:0", WebAddress: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	conn, err := net.Dial("tcp", m.SMTPAddr()) // an idle client does not hold it up
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	cancel()
	if err := m.Wait(); err != nil {
		t.Error(err)
	}
	if _, err := net.Dial("tcp", m.SMTPAddr()); err == nil {
		t.Error("it still takes mail")
	}
}
