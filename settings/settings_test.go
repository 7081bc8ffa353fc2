package settings_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/handrail/handrail/settings"
)

// environment is a lookup in a map, as os.LookupEnv is one in the process.
func environment(values map[string]string) func(string) (string, bool) {
	return func(name string) (string, bool) {
		v, ok := values[name]
		return v, ok
	}
}

// file writes a file into a directory of the test's own.
func file(t *testing.T, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "value")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestRead(t *testing.T) {
	t.Parallel()
	var plain, secret string
	name := settings.Setting{Name: "NAME", Help: "what it is for", Set: settings.To(&plain)}
	required := name
	required.Required = true
	defaulted := name
	defaulted.Default = "by default"
	hidden := settings.Setting{Name: "KEY", Help: "a key", Secret: true, Required: true, Set: settings.To(&secret)}
	for title, c := range map[string]struct {
		setting settings.Setting
		env     map[string]string
		want    string // of either variable
		wrong   string
	}{
		"given":                    {name, map[string]string{"NAME": "value"}, "value", ""},
		"given with blanks":        {name, map[string]string{"NAME": "  value\n"}, "value", ""},
		"not given":                {name, nil, "", ""},
		"nothing but blanks":       {required, map[string]string{"NAME": " \t"}, "", "NAME is not set: what it is for"},
		"required":                 {required, nil, "", "NAME is not set: what it is for"},
		"required but empty":       {required, map[string]string{"NAME": ""}, "", "NAME is not set: what it is for"},
		"default":                  {defaulted, nil, "by default", ""},
		"default overruled":        {defaulted, map[string]string{"NAME": "x"}, "x", ""},
		"no file for what is open": {required, map[string]string{"NAME_FILE": "/dev/null"}, "", "NAME is not set: what it is for"},
		"secret":                   {hidden, map[string]string{"KEY": " with blanks "}, " with blanks ", ""},
		"secret from a file":       {hidden, map[string]string{"KEY_FILE": file(t, " from file \r\n")}, " from file ", ""},
		"secret's file is empty":   {hidden, map[string]string{"KEY_FILE": file(t, "\n")}, "", "KEY_FILE: "},
		"secret's file is no file": {hidden, map[string]string{"KEY_FILE": t.TempDir()}, "", "KEY_FILE: "},
		"secret's file is not there": {
			hidden,
			map[string]string{"KEY_FILE": "/nowhere/at/all"},
			"",
			"KEY_FILE: open /nowhere/at/all: no such file or directory",
		},
		"secret's file is huge": {hidden, map[string]string{"KEY_FILE": file(t, strings.Repeat("x", 1<<20+1))}, "", "can not be the right file"},
		"secret twice":          {hidden, map[string]string{"KEY": "a", "KEY_FILE": "b"}, "", "both KEY and KEY_FILE are set: leave one out"},
		"secret missing":        {hidden, nil, "", "KEY (or KEY_FILE) is not set: a key"},
	} {
		plain, secret = "", ""
		err := settings.Read(environment(c.env), []settings.Setting{c.setting})
		if c.wrong == "" {
			if got := plain + secret; err != nil || got != c.want {
				t.Errorf("%s: %q, %v; want %q", title, got, err, c.want)
			}
			continue
		}
		if err == nil || !strings.Contains(err.Error(), c.wrong) {
			t.Errorf("%s: %v; want %q", title, err, c.wrong)
		}
	}
}

func TestRead_allProblemsAtOnce(t *testing.T) {
	t.Parallel()
	var s string
	var n int
	err := settings.Read(environment(map[string]string{"PORT": "many"}), []settings.Setting{
		{Name: "ONE", Help: "the first", Required: true, Set: settings.To(&s)},
		{Name: "PORT", Help: "the second", Set: settings.Int(&n, 1, 9)},
		{Name: "FINE", Help: "optional", Set: settings.To(&s)},
		{Name: "THREE", Help: "the third", Required: true, Secret: true, Set: settings.To(&s)},
	})
	want := strings.Join([]string{
		"ONE is not set: the first",
		`PORT="many" is not usable: write a number from 1 to 9`,
		"THREE (or THREE_FILE) is not set: the third",
	}, "\n")
	if err == nil || err.Error() != want {
		t.Errorf("got:\n%v\nwant:\n%s", err, want)
	}
}

// Whatever the Set of a secret says of it, the error does not.
func TestRead_neverQuotesASecret(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		secret := rapid.StringMatching(`[A-Za-z0-9:/@%?!]{8,40}`).Draw(t, "secret")
		err := settings.Read(environment(map[string]string{"KEY": secret}), []settings.Setting{{
			Name: "KEY", Help: "a key", Secret: true,
			Set: func(v string) error { return errors.New("parsing " + strconv.Quote(v) + ": bad") },
		}})
		if err == nil || err.Error() != "KEY (or KEY_FILE) is not usable: a key" {
			t.Fatalf("%v", err)
		}
	})
}

func TestValues(t *testing.T) {
	t.Parallel()
	var address, content string
	var flag bool
	var number int
	type color string
	var hue color
	for title, c := range map[string]struct {
		set   func(string) error
		good  []string
		bad   []string
		words string
	}{
		"Bool":    {settings.Bool(&flag), []string{"true", "false"}, []string{"yes", "1", "TRUE", "t", "ture"}, "write true or false"},
		"Int":     {settings.Int(&number, 1, 65535), []string{"1", "587", "65535"}, []string{"0", "65536", "-1", "1.5", "x", "0x10", "99999999999999999999"}, "write a number from 1 to 65535"},
		"OneOf":   {settings.OneOf(&hue, "red", "blue"), []string{"red", "blue"}, []string{"Red", "green", "red,blue"}, "write one of [red blue]"},
		"Address": {settings.Address(&address), []string{"127.0.0.1:8080", ":9090", "[::1]:0", "gateway:80"}, []string{"8080", "127.0.0.1", "a:b:c", ":x", ":65536", ":-1"}, "write it as host:port"},
		"File":    {settings.File(&content), []string{file(t, "content")}, []string{"/nowhere/at/all"}, "no such file"},
	} {
		for _, v := range c.good {
			if err := c.set(v); err != nil {
				t.Errorf("%s refuses %q: %v", title, v, err)
			}
		}
		for _, v := range c.bad {
			if err := c.set(v); err == nil || !strings.Contains(err.Error(), c.words) {
				t.Errorf("%s of %q: %v; want %q", title, v, err, c.words)
			}
		}
	}
	if flag || number != 65535 || hue != "blue" || address != "gateway:80" || content != "content" {
		t.Errorf("stored: %v %d %s %s %s", flag, number, hue, address, content)
	}
}

// A list that was written in whatever way reads as what was meant, and reading
// it again does not add to it.
func TestList(t *testing.T) {
	t.Parallel()
	blank := rapid.SampledFrom([]string{"", " ", "  ", "\t"})
	rapid.Check(t, func(t *rapid.T) {
		want := rapid.SliceOfNDistinct(rapid.StringMatching(`[a-z0-9-]{1,8}`), 1, 6, rapid.ID[string]).Draw(t, "parts")
		var written strings.Builder
		for _, part := range want {
			if rapid.Bool().Draw(t, "empty part") {
				written.WriteString(blank.Draw(t, "blank") + ",")
			}
			written.WriteString(blank.Draw(t, "before") + part + blank.Draw(t, "after") + ",")
		}
		got := []string{"from before"}
		set := settings.List(&got)
		for range 2 {
			if err := set(written.String()); err != nil || !slices.Equal(got, want) {
				t.Fatalf("%q: %v, %v; want %v", written.String(), got, err, want)
			}
		}
	})
	var kept []string
	for _, wrong := range []string{",", " , ,", "a,b, a"} {
		if err := settings.List(&kept)(wrong); err == nil || kept != nil {
			t.Errorf("%q was taken: %v", wrong, kept)
		}
	}
}

func TestHelp(t *testing.T) {
	t.Parallel()
	got := settings.Help([]settings.Setting{
		{Name: "A", Help: "first", Required: true}, {Name: "B", Help: "second", Default: "x"}, {Name: "C", Help: "third", Secret: true},
	})
	want := "  A, required\n      first\n  B, default x\n      second\n  C (or C_FILE)\n      third\n"
	if got != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
}
