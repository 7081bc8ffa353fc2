package netboot_test

import (
	"encoding/json"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/handrail/handrail/hosting"
)

// The example of a catalogue is refused as it stands, because its checksums are
// the operator's to fill in; once they are, every entry can be written out.
func TestCatalogueExample(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../deploy/systems.example.json")
	if err != nil {
		t.Fatal(err)
	}
	systems := func(text string) []hosting.OperatingSystem {
		var file struct{ Systems []hosting.OperatingSystem }
		d := json.NewDecoder(strings.NewReader(text))
		d.DisallowUnknownFields()
		if err := d.Decode(&file); err != nil {
			t.Fatal(err)
		}
		return file.Systems
	}
	for _, s := range systems(string(text)) {
		if err := s.Validate(); err == nil || !strings.Contains(err.Error(), "no SHA-256") {
			t.Errorf("%s: %v", s.ID, err)
		}
	}
	formats := map[hosting.AnswerFormat]int{}
	for _, s := range systems(regexp.MustCompile(`"REPLACE [^"]*"`).ReplaceAllString(string(text), `"`+strings.Repeat("ab", 32)+`"`)) {
		b := written(planned(hosting.AnswerOrder, hosting.RAID1, hosting.LayoutDefault))
		if s.Method == hosting.MethodRescue {
			b = written(rescued())
		}
		b.Plan.System = s
		rendered(t, b)
		formats[s.Answer]++
	}
	if formats[hosting.AnswerPreseed] != 1 || formats[hosting.AnswerAutoinstall] != 1 || formats[hosting.AnswerKickstart] != 2 || formats[hosting.AnswerOrder] != 2 {
		t.Errorf("%v", formats)
	}
}
