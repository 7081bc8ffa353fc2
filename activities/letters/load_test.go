package letters_test

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/handrail/handrail/activities/letters"
	"github.com/handrail/handrail/hosting"
)

// directory writes files, given by name and text in turn, into a new one.
func directory(t *testing.T, files ...string) string {
	t.Helper()
	dir := t.TempDir()
	for i := 0; i < len(files); i += 2 {
		path := filepath.Join(dir, files[i])
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(files[i+1]), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

const subject = `{{define "subject"}}s{{end}}`

// Templates are edited on disk, one by one (H24).
func TestOverride_H24(t *testing.T) {
	t.Parallel()
	book, err := letters.Load(directory(t,
		"en/queued.ticket.txt", subject+"Dear {{.Person}}, wait for {{procedure .Ahead}}. {{template \"closing\" .}}",
		"en/README.md", "notes", ".git/config", "x", "en/.queued.swp", "x",
	))
	if err != nil {
		t.Fatal(err)
	}
	l := cases["queued"]
	_, body, err := book.Ticket(l)
	if want := "Dear Anna Nowak, wait for server intervention. Kind regards\nHandrail Hosting\n"; err != nil || body != want {
		t.Errorf("got %q, %v, want %q", body, err, want)
	}
	l.Language = hosting.Italian
	if _, body, err = book.Ticket(l); err != nil || !strings.HasPrefix(body, "Buongiorno") {
		t.Errorf("the Italian letter became %q, %v", body, err)
	}
}

func original(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("templates", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// Whatever is wrong with a template is found when it is loaded, with the place
// and what there is instead (H24).
func TestRefusals_H24(t *testing.T) {
	t.Parallel()
	const fields = ".Name, .Language, .Provider, .Ticket, .Procedure, .Person, .Server, .Reference, .Missing, .Unclear, .Redacted, " +
		".Power, .Backup, .Offered, .Plan, .Disks, .Keep, .Access, .Ahead, .Erased, .Report, .Workflow, .Step, .Error, .By, .Reason"
	tests := []struct {
		name, file, text string
		says             []string
	}{
		{"unknown field", "en/queued.ticket.txt", subject + "\n\nHello {{.Persson}}", []string{"en/queued.ticket.txt:3:", "Letter has no field .Persson", fields}},
		{"in a branch that no sample reaches", "en/queued.ticket.txt", subject + `a{{if eq .Provider "nobody"}}{{.Persson}}{{end}}`, []string{"en/queued.ticket.txt:1:", ".Persson"}},
		{"in an else", "en/queued.ticket.txt", subject + `a{{if .Provider}}{{else}}{{.Persson}}{{end}}`, []string{".Persson"}},
		{"in a list's elements", "pl/missing.ticket.txt", subject + `a{{range .Unclear}}{{.Valeu}}{{end}}`, []string{"UnclearField has no field .Valeu", ".Field, .Value, .Why"}},
		{"below a variable", "en/queued.ticket.txt", subject + `a{{with $r := .Report}}{{$r.Powder}}{{end}}`, []string{"Report has no field .Powder", ".Resolved, .Text, .Actions, .Downtime, .Power"}},
		{"below a variable of a range", "en/queued.ticket.txt", subject + `a{{range $i, $u := .Unclear}}{{$u.Valeu}}{{end}}`, []string{"UnclearField has no field .Valeu"}},
		{"below the letter inside a list", "en/queued.ticket.txt", subject + `a{{range .Missing}}{{$.Persson}}{{end}}`, []string{"Letter has no field .Persson"}},
		{"below a field", "en/queued.ticket.txt", subject + `a{{with .Power.Window}}{{.Form}}{{end}}`, []string{"Window has no field .Form", ".From, .To, .Zone"}},
		{"below parentheses", "en/queued.ticket.txt", subject + `a{{if false}}{{(index .Unclear 0).Field}}{{(.Report).Powder}}{{end}}`, []string{".Powder"}},
		{"of a plain value", "en/queued.ticket.txt", subject + `a{{if false}}{{.Person.Name}}{{end}}`, []string{"string has no field .Name"}},
		{"as an argument", "en/queued.ticket.txt", subject + `a{{if false}}{{printf "%s" .Persson | line}}{{end}}`, []string{".Persson"}},
		{"in a definition that is not used", "en/queued.ticket.txt", subject + `a{{define "x"}}{{.Persson}}{{end}}`, []string{"en/queued.ticket.txt:1:", ".Persson"}},
		{"in a definition that takes something else", "en/queued.ticket.txt", subject + `a{{define "x"}}{{.Value}}{{.Person}}{{end}}{{range .Unclear}}{{template "x" .}}{{end}}`, []string{"UnclearField has no field .Person"}},
		{"in the subject", "en/queued.ticket.txt", `{{define "subject"}}{{.Persson}}{{end}}a`, []string{".Persson"}},
		{"in HTML", "it/summary.mail.html", `{{define "content"}}{{if false}}{{.Persson}}{{end}}{{end}}{{template "layout" .}}`, []string{"it/summary.mail.html:1:", ".Persson"}},
		{"in the layout", "layout.html", `{{define "layout"}}{{.Persson}}{{end}}`, []string{"layout.html:1:", ".Persson"}},
		{"unknown function", "en/queued.ticket.txt", subject + "\n{{shout .Person}}", []string{"en/queued.ticket.txt:2", `function "shout" not defined`, "duration", fields}},
		{"function with too few arguments", "en/queued.ticket.txt", subject + `a{{if false}}{{statement "power-allowed"}}{{end}}`, []string{"statement takes 2 arguments, not 1", "{{statement StatementKind string}}"}},
		{"function of another type", "en/queued.ticket.txt", subject + `a{{if false}}{{duration .Person}}{{end}}`, []string{".Person is a string, and duration takes a Duration"}},
		{"unknown statement", "en/queued.ticket.txt", subject + `a{{statement "power-maybe" .Provider}}`, []string{"en/queued.ticket.txt:1:", `no statement "power-maybe"`}},
		{"unknown label", "en/queued.ticket.txt", subject + `a{{label "powder"}}`, []string{`no field "powder"`}},
		{"a range over one thing", "en/queued.ticket.txt", subject + `a{{if false}}{{range .Report}}{{end}}{{end}}`, []string{"not a list"}},
		{"in a phrase", "pl/phrases.txt", strings.Replace(original(t, "pl/phrases.txt"), "{{.Provider}}", "{{.Povider}}", 1), []string{"pl/phrases.txt:", "Letter has no field .Povider"}},
		{"in a phrase that is given an element", "pl/phrases.txt", strings.Replace(original(t, "pl/phrases.txt"), "{{with .Value}}", "{{with .Valeu}}", 1), []string{"pl/phrases.txt:", "UnclearField has no field .Valeu"}},
		{"in a phrase that is not used", "pl/phrases.txt", original(t, "pl/phrases.txt") + `{{define "x"}}{{template "greating" .}}{{end}}`, []string{`no template "greating"`}},
		{"a phrase defined twice", "en/phrases.txt", original(t, "en/phrases.txt") + `{{define "closing"}}b{{end}}`, []string{"en/phrases.txt:", "multiple definition"}},
		{"unknown template", "en/queued.ticket.txt", subject + `a{{if false}}{{template "greating" .}}{{end}}`, []string{`no template "greating"`, "greeting"}},
		{"bad syntax", "en/queued.ticket.txt", subject + "\n\n{{if .Person}}", []string{"en/queued.ticket.txt:3", "unexpected EOF"}},
		{"unclosed action", "en/queued.ticket.txt", subject + "{{.Person", []string{"en/queued.ticket.txt:1", "unclosed action"}},
		{"fails on a letter without a report", "en/summary.ticket.txt", subject + "a{{.Report.Text}}", []string{"en/summary.ticket.txt:1:", "nil pointer", "with nothing"}},
		{"recursion", "en/queued.ticket.txt", subject + `a{{define "x"}}{{template "x" .}}{{end}}{{template "x" .}}`, []string{"depth"}},
		{"no subject", "en/queued.ticket.txt", "a", []string{"en/queued.ticket.txt", `no "subject"`}},
		{"empty text", "en/queued.ticket.txt", subject + "{{.Person}}", []string{"en/queued.ticket.txt", "empty"}},
		{"broken HTML", "en/summary.mail.html", `{{define "content"}}<a href="{{if .Person}}x{{else}}">{{end}}{{end}}{{template "layout" .}}`, []string{"en/summary.mail.html:1", "different contexts"}},
		{"unknown file", "en/greeting.ticket.txt", "hello", []string{"en/greeting.ticket.txt", "layout.html", "en, it, pl", "missing.ticket.txt", "summary.mail.html"}},
		{"unknown language", "de/queued.ticket.txt", "hallo", []string{"de/queued.ticket.txt", "en, it, pl"}},
		{"mail of a letter that is not mailed", "en/queued.mail.txt", subject + "a", []string{"en/queued.mail.txt"}},
		{"too large", "en/queued.ticket.txt", strings.Repeat("a", 256<<10+1), []string{"en/queued.ticket.txt", "256 KiB"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := letters.Load(directory(t, tt.file, tt.text))
			if err == nil {
				t.Fatal("it was accepted")
			}
			if kind := hosting.KindOf(err); kind != hosting.FaultInvalidRequest {
				t.Errorf("kind %q, want InvalidRequest", kind)
			}
			for _, part := range tt.says {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("the error does not say %q: %v", part, err)
				}
			}
		})
	}
}

// A phrase that no letter includes any more does not keep the rest from loading.
func TestUnusedPhrases(t *testing.T) {
	t.Parallel()
	files := []string{"en/phrases.txt", original(t, "en/phrases.txt") + `{{define "x"}}{{.Anything}}{{end}}`}
	for _, name := range hosting.LetterNames() {
		files = append(files, "en/"+string(name)+".ticket.txt", subject+"a")
	}
	if _, err := letters.Load(directory(t, files...)); err != nil {
		t.Error(err)
	}
}

// What the checker must not refuse.
func TestAccepted(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"method":                   `{{with .Report}}{{.Downtime.D}}{{.Downtime.String | line}}{{end}}`,
		"method of a field":        `{{if .Power.Answered}}x{{end}}`,
		"pointer as value":         `{{with .Power.Window}}{{.}}{{end}}`,
		"and, or":                  `{{with (or .Server .Reference)}}{{.}}{{end}}{{with and .Report .Report.Text}}{{.}}{{end}}`,
		"index":                    `{{if .Unclear}}{{(index .Unclear 0).Value}}{{end}}`,
		"assignment":               `{{$x := "a"}}{{range .Redacted}}{{$x = .}}{{end}}{{$x}}`,
		"variable of another type": `{{$x := .Report}}{{if $x}}{{$x := .Power}}{{$x.Grant}}{{end}}`,
		"break and continue":       `{{range $i, $m := .Missing}}{{if $i}}{{break}}{{end}}{{label $m}}{{continue}}{{else}}none{{end}}`,
		"numbers":                  `{{if gt (len .Missing) 2}}many{{end}}{{printf "%d" 3}}`,
		"comment":                  `{{/* .Persson */}}`,
		"definition with a part":   `{{define "x"}}{{.Value}}{{end}}{{range .Unclear}}{{template "x" .}}{{end}}`,
		"phrase of its own":        `{{define "closing"}}mine{{end}}{{template "closing"}}`,
	} {
		if _, err := letters.Load(directory(t, "en/queued.ticket.txt", subject+"a"+text)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestDirectory(t *testing.T) {
	t.Parallel()
	if _, err := letters.Load(filepath.Join(t.TempDir(), "none")); hosting.KindOf(err) != hosting.FaultInvalidRequest {
		t.Errorf("a directory that does not exist: %v", err)
	}
	if _, err := letters.Load(t.TempDir()); err != nil {
		t.Errorf("an empty directory: %v", err)
	}
	dir, outside := t.TempDir(), filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(outside, []byte(subject+"a"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(dir, "en"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(outside, filepath.Join(dir, "en", "queued.ticket.txt")); err != nil {
		t.Fatal(err)
	}
	if _, err := letters.Load(dir); err == nil {
		t.Error("a link out of the directory was followed")
	}
}

// The guide for those who edit templates names every field, function and file.
func TestGuideIsComplete(t *testing.T) {
	t.Parallel()
	guide := original(t, "README.md")
	var names []string
	for f := range reflect.TypeFor[hosting.Letter]().Fields() {
		names = append(names, "`."+f.Name+"`")
	}
	for f := range reflect.TypeFor[hosting.Report]().Fields() {
		names = append(names, "`.Report."+f.Name+"`")
	}
	names = append(names, letters.FunctionNames()...)
	for _, name := range names {
		if !strings.Contains(guide, name) {
			t.Errorf("templates/README.md does not name %s", name)
		}
	}
}

// The samples reach every field, so that a template that fails on one is found.
func TestSamplesFillEveryField(t *testing.T) {
	t.Parallel()
	filled := map[string]bool{}
	for _, l := range letters.Samples() {
		for f, v := range reflect.ValueOf(l).Fields() {
			filled[f.Name] = filled[f.Name] || !v.IsZero()
		}
	}
	for name, ok := range filled {
		if !ok && name != "Name" && name != "Language" {
			t.Errorf("no sample fills %s", name)
		}
	}
}

func BenchmarkLoad(b *testing.B) {
	for b.Loop() {
		if _, err := letters.Load(""); err != nil {
			b.Fatal(err)
		}
	}
}
