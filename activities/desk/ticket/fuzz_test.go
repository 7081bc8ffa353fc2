package ticket_test

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"pgregory.net/rapid"

	"github.com/handrail/handrail/activities/desk/ticket"
	"github.com/handrail/handrail/hosting"
)

// planted is put into every fuzzed message as a password.
const planted = "Pl4ntedS3cretXq7"

// FuzzParse: whatever comes in, the event is bounded and valid, holds no
// planted password, and an answer only where its text is the statement.
func FuzzParse(f *testing.F) {
	for _, path := range tickets(f) {
		in := readTicket(f, path)
		f.Add(in.Subject, in.Body, "", strings.Contains(in.ContentType, "html"))
		f.Add(in.Subject, "", in.Body, strings.Contains(in.ContentType, "html"))
	}
	f.Add("Re: [#1] x", "-----BEGIN PRIVATE KEY-----\n<s><pre><td><li>", "</s></pre>\x00\xff\u202e~~ ", true)
	f.Add("", "> \n\nOn x wrote:\nFrom: a@b\nSent: c\nPassword\t\nhasło to", "user/pass "+planted+"\n\n"+allowed+"\nbut", false)
	f.Fuzz(func(t *testing.T, subject, before, after string, html bool) {
		in := ticket.Incoming{ID: "m-1", Ticket: "T-1", Author: "a@b.c", At: at, Subject: subject, Body: before + "\nPassword: " + planted + "\n" + after}
		if html {
			in.ContentType = "text/html"
		}
		if strings.Contains(subject, planted[:8]) || strings.Contains(before+after, planted[:8]) && !strings.Contains(before+after, planted) {
			t.Skip("a part of the password, which nobody can know to be one")
		}
		if (html || strings.Contains(before, "<")) && strings.Contains(after, planted) {
			t.Skip("it may be known as a password only from what a mail program does not show")
		}
		e := ticket.Parse(in, provider)
		checkEvent(t, e)
		if text := asJSON(t, e); strings.Contains(text, planted) {
			t.Fatalf("the password is in %s", text)
		}
	})
}

type failer interface {
	Helper()
	Fatal(...any)
	Fatalf(string, ...any)
}

func checkEvent(t failer, e hosting.TicketEvent) {
	t.Helper()
	text := asJSON(t, e)
	// The text, the details, the statements and the unclear values, each byte of
	// which is at most six in JSON.
	if len(e.Text) > 16<<10 || len(e.Fields.Details) > 4<<10 || len(text) > 6*(64<<10) {
		t.Fatalf("unbounded: text %d, details %d, whole %d", len(e.Text), len(e.Fields.Details), len(text))
	}
	for _, s := range []string{e.ID, e.Ticket, e.Author, e.Subject, e.Text, e.Fields.Details, e.Fields.Server} {
		if !utf8.ValidString(s) {
			t.Fatalf("%q is not UTF-8", s)
		}
	}
	for _, u := range e.Fields.Unclear {
		if !utf8.ValidString(u.Value) || !utf8.ValidString(u.Why) || u.Why == "" || u.Field == "" {
			t.Fatalf("unclear: %+v", u)
		}
	}
	if p := e.Fields.Power; p != nil {
		checkEvidence(t, p.Evidence)
		said, _ := hosting.RecognizeStatement(p.Evidence.Text, provider)
		if permission, ok := said.Permission(); !ok || permission.Grant != p.Permission.Grant || p.Permission.Validate() != nil {
			t.Fatalf("%q is taken for %+v", p.Evidence.Text, p.Permission)
		}
	}
	checkInstallation(t, e.Fields.Install)
	if b := e.Fields.Backup; b != nil {
		checkEvidence(t, b.Evidence)
		said, _ := hosting.RecognizeStatement(b.Evidence.Text, provider)
		if answer, ok := said.Backup(); !ok || answer != b.Answer {
			t.Fatalf("%q is taken for %s", b.Evidence.Text, b.Answer)
		}
	}
}

func checkInstallation(t failer, f hosting.InstallFields) {
	t.Helper()
	for _, k := range f.SSHKeys {
		if again, err := hosting.ParsePublicKey(k); err != nil || again != k {
			t.Fatalf("%q is taken for a public key: %v", k, err)
		}
	}
	if len(f.SSHKeys) > 16 || len(f.Keep) > 32 || len(f.System) > 80 || f.Password != "" || f.HostName != "" && !hosting.HostNameValid(f.HostName) || f.RAID != "" && !f.RAID.Known() {
		t.Fatalf("the installation is %+v", f)
	}
	if p := f.Partitioning; p != nil && p.Validate() != nil {
		t.Fatalf("the partitioning is %+v", p)
	}
	if s := f.Erasure; s != nil {
		checkEvidence(t, s.Evidence)
		if said, _ := hosting.RecognizeStatement(s.Evidence.Text, provider); said.Kind != hosting.EraseDisks || hosting.Fold(said.System) != hosting.Fold(s.System) {
			t.Fatalf("%q is a consent for %q", s.Evidence.Text, s.System)
		}
	}
}

func checkEvidence(t failer, e hosting.Evidence) {
	t.Helper()
	said, ok := hosting.RecognizeStatement(e.Text, provider)
	if !ok || said.Kind != e.Statement || said.Version != e.Version || said.Language != e.Language {
		t.Fatalf("evidence %+v is recognized as %v %+v", e, ok, said)
	}
}

// Messages put together of what matters to the parser.
func TestParse_Anything(t *testing.T) {
	t.Parallel()
	pieces := []string{
		allowed, refused, backup, loss, "Authorization:", "Zgoda: ", "Backup:\t", "Details:", "Server: DS-1", "not", "But only tonight.", "Hello,", "Regards", "> ", "-- ",
		"On x <a@b.c> wrote:", "\n", "\n\n", "\r\n", " ", "\t", "**", "~~", "1. ", "<p>", "</p>", "<td>", "<s>", "<blockquote>", "</blockquote>", "<pre>", "Password:", "\u00a0", "\u200b", "\xff",
		statement(hosting.PowerWindow, hosting.English), statement(hosting.PowerWindow, hosting.Italian),
		hosting.ErasureText(hosting.English, "Debian 12"), hosting.ErasureText(hosting.Polish, "Ubuntu"), "Data loss: ", "RAID: 1", "OS: Debian 12", "Disks to keep:", "SSH key: ", publicKey,
	}
	rapid.Check(t, func(t *rapid.T) {
		body := strings.Join(rapid.SliceOfN(rapid.SampledFrom(pieces), 0, 30).Draw(t, "body"), "")
		e := ticket.Parse(ticket.Incoming{Body: body, At: at, ContentType: rapid.SampledFrom([]string{"", "text/html"}).Draw(t, "type")}, provider)
		checkEvent(t, e)
		// Whoever says both says neither (I6).
		own := strings.Contains(e.Text, "\n"+allowed+"\n") && strings.Contains(e.Text, "\n"+refused+"\n")
		if own && e.Fields.Power != nil {
			t.Fatalf("%q gives %+v", e.Text, e.Fields.Power)
		}
	})
}

// hostile are bodies that would cost a careless parser more than their length.
func hostile() map[string]string {
	fill := func(s string) string { return strings.Repeat(s, hostileSize/len(s)) }
	return map[string]string{
		"one line":           fill("a"),
		"spaces":             fill(" "),
		"line ends":          fill("\n"),
		"words":              fill("password "),
		"passwords":          fill("password: Abc123\n"),
		"many passwords":     manyPasswords(),
		"statements":         fill(allowed + "\n"),
		"starts of one":      fill("I authorize Handrail Hosting\n"),
		"letters":            fill("x\n"),
		"labels":             fill("Authorization:\n"),
		"labels with values": fill("Server: DS-1\nDetails: x\n"),
		"quote marks":        fill(">"),
		"attributions":       fill("On x\nwrote\n:\n"),
		"headers":            fill("To: a\nCc: b\n"),
		"key begins":         fill("-----BEGIN PRIVATE KEY-----"),
		"dashes":             fill("-"),
		"elements":           "<html>" + fill("<div>"),
		"struck elements":    "<html>" + fill("<s><span style='text-decoration:line-through'>"),
		"attributes":         "<html><div " + fill("a=b "),
		"cells":              "<html>" + fill("<td>x"),
		"entities":           "<html>" + fill("&amp;"),
		"open angles":        "<html>" + fill("<"),
		"comments":           "<html>" + fill("<!--"),
		"brackets":           fill("(["),
		"combining":          fill("e\u0301\u0336"),
		"starts of keys":     fill("ssh-rsa AAAAB3NzaC1yc2E\nAAAA\n"),
		"keys":               fill("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI "),
		"key labels":         fill("SSH key:\nssh-rsa\n"),
		"disks":              "Disks to keep:\n" + fill("S1,"),
		"partitions":         "Partitioning: " + fill("/a 1G,"),
	}
}

func manyPasswords() string {
	var b strings.Builder
	for i := 0; b.Len() < hostileSize; i++ {
		b.WriteString("pw=" + strings.Repeat("aB1!", 8) + time.Duration(i).String() + " ")
	}
	return b.String()
}

// A message of the greatest length is read in bounded time, whatever is in it.
// The bound is wide, for slow machines and the race detector; what it excludes
// is time that grows with the square of the length.
func TestParse_TimeIsBounded(t *testing.T) {
	for name, body := range hostile() {
		start := time.Now()
		checkEvent(t, ticket.Parse(ticket.Incoming{Body: body, Subject: body, ID: body}, provider))
		if took := time.Since(start); took > 20*time.Second {
			t.Errorf("%s: %v", name, took)
		} else {
			t.Logf("%s: %v", name, took)
		}
	}
}

func BenchmarkParse(b *testing.B) {
	in := readTicket(b, "testdata/en-outlook.eml")
	b.SetBytes(int64(len(in.Body)))
	for b.Loop() {
		ticket.Parse(in, provider)
	}
}
