package hosting

import (
	"testing"
	"time"
)

func TestEvidence_Validate_I8_O20(t *testing.T) {
	t.Parallel()
	whole := Evidence{
		Statement: PowerAllowed, Version: 1, Language: English, Text: "I authorize ...",
		Author: "mario@example.it", At: time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC), Message: "m-1",
	}
	for name, test := range map[string]struct {
		change func(*Evidence)
		ok     bool
	}{
		"whole":                   {func(*Evidence) {}, true},
		"recorded by staff":       {func(e *Evidence) { e.Message, e.RecordedBy, e.How = "", "anna", "called back on the number on file" }, true},
		"message and staff":       {func(e *Evidence) { e.RecordedBy, e.How = "anna", "phone" }, true},
		"no statement":            {func(e *Evidence) { e.Statement = "" }, false},
		"no text":                 {func(e *Evidence) { e.Text = "" }, false},
		"blank text":              {func(e *Evidence) { e.Text = " \n" }, false},
		"no author":               {func(e *Evidence) { e.Author = "" }, false},
		"blank author":            {func(e *Evidence) { e.Author = " " }, false},
		"no time":                 {func(e *Evidence) { e.At = time.Time{} }, false},
		"neither message nor who": {func(e *Evidence) { e.Message = "" }, false},
		"staff do not say how":    {func(e *Evidence) { e.Message, e.RecordedBy = "", "anna" }, false},
		"nobody recorded it":      {func(e *Evidence) { e.Message, e.How = "", "phone" }, false},
	} {
		e := whole
		test.change(&e)
		err := e.Validate()
		if (err == nil) != test.ok || (err != nil && KindOf(err) != FaultInvalidRequest) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
