package letters_test

import (
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode"

	"golang.org/x/net/html"
	"pgregory.net/rapid"

	"github.com/handrail/handrail/activities/letters"
	"github.com/handrail/handrail/hosting"
)

// spoken reads English words for a duration back.
func spoken(t *rapid.T, words string, lengths map[string]time.Duration) time.Duration {
	var sum time.Duration
	fields := strings.Fields(words)
	for i := 0; i+1 < len(fields); i += 2 {
		n, err := strconv.Atoi(fields[i])
		if err != nil {
			t.Fatalf("%q: %v", words, err)
		}
		sum += time.Duration(n) * lengths[strings.TrimSuffix(fields[i+1], "s")]
	}
	return sum
}

// written returns the letter with text in every string that people write.
func written(l hosting.Letter, text string) hosting.Letter {
	for _, field := range []*string{&l.Provider, &l.Ticket, &l.Person, &l.Server, &l.Reference, &l.Workflow, &l.Step, &l.Error, &l.By, &l.Reason} {
		*field = text
	}
	l.Unclear = []hosting.UnclearField{{Field: hosting.FieldPower, Value: text, Why: text}}
	l.Redacted = []string{text, text}
	l.Missing = []hosting.Field{hosting.FieldPower, hosting.FieldBackup, hosting.FieldSystem, hosting.FieldKeepDisks, hosting.FieldErasure}
	l.Power = hosting.PowerPermission{Grant: hosting.GrantWindow, Window: &hosting.Window{From: text, To: text, Zone: text}}
	l.Backup = hosting.BackupCurrent
	l.Report = &hosting.Report{Text: text, Actions: []hosting.Deed{{Text: text}}}
	l.Ahead = hosting.Procedure(text)
	if l.Procedure != hosting.OSReinstall {
		l.Procedure = hosting.Procedure(text)
	}
	l.Unclear = append(l.Unclear, hosting.UnclearField{Field: hosting.FieldSystem, Value: text, Problem: hosting.ProblemUnknownSystem})
	l.Offered, l.Disks = []string{text}, []hosting.Disk{{Serial: text, Bay: text, Model: text, Bytes: 1}}
	l.Plan = &hosting.Plan{
		System: hosting.OperatingSystem{Distribution: text}, RAID: hosting.RAID1, HostName: text, SSHKeys: []string{text}, Disks: l.Disks, Keep: l.Disks, Unused: l.Disks,
		Partitions: []hosting.Partition{{Mount: text, FileSystem: text}},
	}
	l.Access = &hosting.Access{Address: text, User: text, HostKeys: []string{text}}
	return l
}

// structure lists the tags and attributes of an HTML text, in order.
func structure(text string) []string {
	var tags []string
	z := html.NewTokenizer(strings.NewReader(text))
	for {
		switch z.Next() {
		case html.ErrorToken:
			return tags
		case html.StartTagToken, html.EndTagToken, html.SelfClosingTagToken, html.CommentToken:
			token := z.Token()
			tags = append(tags, token.String())
		}
	}
}

var attacks = []string{
	"<script>alert(1)</script>",
	`"><img src=x onerror=alert(1)>`,
	"</title></style></pre><h1>x",
	"<!--", "{{.Error}}", "&lt;b&gt;", "x\r\nBcc: evil@example.com\r\n\r\n<b>", "javascript:alert(1)",
	"a\u202eb\u2066c\x00d\x1be\u2028f",
}

// Whatever people write, it is text: the mail's HTML keeps its structure, no
// control character gets through, and a subject is one line.
func TestNothingWrittenBreaksALetter(t *testing.T) {
	t.Parallel()
	book := load(t)
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.SampledFrom(hosting.LetterNames()).Draw(t, "letter")
		attack := rapid.OneOf(rapid.SampledFrom(attacks), rapid.StringN(1, 60, 200)).Draw(t, "attack")
		if strings.TrimSpace(attack) == "" {
			t.Skip("nothing written")
		}
		l := letter(name)
		l.Language = rapid.SampledFrom(hosting.Languages()).Draw(t, "language")
		l.Procedure = rapid.SampledFrom([]hosting.Procedure{hosting.ServerIntervention, hosting.OSReinstall}).Draw(t, "procedure")
		l.Erased = rapid.Bool().Draw(t, "erased")

		subject, body, err := book.Ticket(written(l, attack))
		if err != nil {
			t.Fatal(err)
		}
		visible(t, subject, "")
		visible(t, body, "\n\t")
		m, err := book.Mail(written(l, attack))
		if hosting.KindOf(err) == hosting.FaultInvalidRequest && strings.Contains(err.Error(), "there is no mail") {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		visible(t, m.Subject, "")
		visible(t, m.Text, "\n\t")
		visible(t, m.HTML, "\n\t")
		harmless, err := book.Mail(written(l, "x"))
		if err != nil {
			t.Fatal(err)
		}
		if got, want := structure(m.HTML), structure(harmless.HTML); !slices.Equal(got, want) {
			t.Errorf("the structure became\n%v\nfrom\n%v", got, want)
		}
	})
}

func visible(t *rapid.T, text, allowed string) {
	for _, r := range text {
		if !strings.ContainsRune(allowed, r) && (unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r)) {
			t.Errorf("%U in %q", r, text)
		}
	}
}

// What a customer wrote takes one line of a ticket, so that it can not pose as
// a line of ours.
func TestQuotesStayOnTheirLine(t *testing.T) {
	t.Parallel()
	l := cases["missing"]
	l.Unclear = []hosting.UnclearField{{Field: hosting.FieldPower, Value: "no\n\nHandrail Hosting wrote:\nsend your password" + strings.Repeat("!", 500)}}
	_, body, err := load(t).Ticket(l)
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(strings.Split(body, "\n"), func(line string) bool { return strings.HasPrefix(line, "Handrail Hosting wrote") })
	if i >= 0 || !strings.Contains(body, "no Handrail Hosting wrote: send your password!!!") || strings.Contains(body, strings.Repeat("!", 200)) {
		t.Errorf("the quote broke out:\n%s", body)
	}
}

// A subject is cut, not left to grow.
func TestSubjectIsShort(t *testing.T) {
	t.Parallel()
	subject, _, err := load(t).Ticket(with(hosting.LetterQueued, func(l *hosting.Letter) { l.Server = strings.Repeat("ł", 5000) }))
	if err != nil || len([]rune(subject)) > 180 {
		t.Errorf("a subject of %d characters, %v", len([]rune(subject)), err)
	}
}

// A book is used by many activities at once.
func TestConcurrentUse(t *testing.T) {
	t.Parallel()
	book := load(t)
	want, err := book.Mail(cases["summary-resolved"])
	if err != nil {
		t.Fatal(err)
	}
	results := make(chan letters.Mail)
	for range 8 {
		go func() {
			m, err := book.Mail(cases["summary-resolved"])
			if err != nil {
				t.Error(err)
			}
			results <- m
		}()
	}
	for range 8 {
		if got := <-results; !reflect.DeepEqual(got, want) {
			t.Errorf("got %+v", got)
		}
	}
}
