package netboot_test

import (
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/handrail/handrail/activities/netboot"
	"github.com/handrail/handrail/hosting"
)

var update = flag.Bool("update", false, "write what is rendered to testdata")

// rendered are the texts of a boot by the ending of their golden files.
func rendered(t testing.TB, b netboot.Boot) map[string]string {
	t.Helper()
	texts := map[string]func() (string, error){"answer": b.Answer, "ipxe": func() (string, error) { return b.Script(mac) }}
	if b.Plan.System.Method == hosting.MethodInstaller {
		texts["sh"] = b.InstallerScript
	}
	if b.Plan.System.Answer == hosting.AnswerAutoinstall {
		texts["meta-data"] = b.MetaData
	}
	out := map[string]string{}
	for ending, render := range texts {
		text, err := render()
		if err != nil {
			t.Fatalf("%s of %s: %v", ending, b.Plan.System.ID, err)
		}
		out[ending] = text
	}
	return out
}

// samples are the boots that are rendered into golden files, by their names.
func samples() map[string]netboot.Boot {
	all := map[string]netboot.Boot{"rescue": written(rescued())}
	for format := range systems {
		for _, raid := range []hosting.RAIDLevel{hosting.RAIDNone, hosting.RAID1} {
			for _, layout := range []hosting.Layout{hosting.LayoutDefault, hosting.LayoutCustom} {
				all[string(format)+"-raid-"+string(raid)+"-"+string(layout)] = written(planned(format, raid, layout))
			}
		}
		all[string(format)+"-unlisted"] = written(unlisted(planned(format, hosting.RAID1, hosting.LayoutDefault)))
	}
	return all
}

// I11, I12: every format, with and without RAID, with the default layout (UEFI,
// keys) and one of the customer's (BIOS, a password).
func TestGolden(t *testing.T) {
	t.Parallel()
	for name, b := range samples() {
		for ending, got := range rendered(t, b) {
			path := filepath.Join("testdata", name+"."+ending)
			if *update {
				write(t, "testdata", name+"."+ending, got)
				continue
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Error(err)
				continue
			}
			if got != string(want) {
				t.Errorf("%s differs; go test -update writes:\n%s", path, got)
			}
		}
	}
	if *update {
		return
	}
	// What no test renders any more is no golden file.
	found, err := filepath.Glob("testdata/*.*")
	if err != nil {
		t.Fatal(err)
	}
	want := 0
	for _, b := range samples() {
		want += len(rendered(t, b))
	}
	if len(found) != want {
		t.Errorf("%d golden files, %d are rendered", len(found), want)
	}
}
