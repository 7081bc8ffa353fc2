package cli_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/handrail/handrail/hosting"
)

// catalogue is one of every method, and one that is no longer offered.
func catalogue() []hosting.OperatingSystem {
	file := hosting.BootFile{Path: "debian-12/linux", SHA256: strings.Repeat("0a", 32)}
	both := []hosting.Firmware{hosting.FirmwareUEFI, hosting.FirmwareLegacy}
	return []hosting.OperatingSystem{
		{ID: "debian-11", Distribution: "Debian", Version: "11", Architecture: "x86_64", Firmware: both, Method: hosting.MethodInstaller, Answer: hosting.AnswerPreseed, Withdrawn: true},
		{ID: "debian-12", Distribution: "Debian", Version: "12", Architecture: "x86_64", Firmware: both, Method: hosting.MethodInstaller, Answer: hosting.AnswerPreseed, Kernel: file, Initrd: file, Mirror: "http://mirror.example/debian"},
		{ID: "debian-12-arm", Distribution: "Debian", Version: "12", Architecture: "aarch64", Firmware: both[:1], Method: hosting.MethodImage, Answer: hosting.AnswerOrder},
		{ID: "rescue", Distribution: "Handrail", Version: "rescue", Architecture: "x86_64", Firmware: both, Method: hosting.MethodRescue, Answer: hosting.AnswerOrder},
		{ID: "rocky-9-minimal", Distribution: "Rocky Linux", Version: "9", Edition: "Minimal", Architecture: "x86_64", Firmware: both, Method: hosting.MethodInstaller, Answer: hosting.AnswerKickstart},
	}
}

// I11: what can be installed, from the records.
func TestSystems_I11(t *testing.T) {
	t.Parallel()
	b := shelve()
	b.list = catalogue()
	s := withBook(t, b, "systems")
	golden(t, "systems.txt", s.out)
	if s.code != 0 || s.err != "" || !b.closed {
		t.Errorf("%+v", s)
	}
	b.list = catalogue()
	golden(t, "systems-all.txt", withBook(t, b, "systems", "--all").out)
	b.list = catalogue()
	var ids []string
	for _, s := range decode[[]hosting.OperatingSystem](t, withBook(t, b, "systems", "--json")) {
		ids = append(ids, s.ID)
	}
	if !slices.Equal(ids, []string{"debian-12", "debian-12-arm", "rocky-9-minimal"}) {
		t.Errorf("%v", ids)
	}
}

func TestSystems_problems(t *testing.T) {
	t.Parallel()
	if s := withBook(t, shelve(), "systems"); s.code != 0 || s.out != "no systems in the catalogue; they come with: worker import FILE\n" {
		t.Errorf("%+v", s)
	}
	if s := withBook(t, shelve(), "systems", "--json"); s.out != "[]\n" {
		t.Errorf("%+v", s)
	}
	b := shelve()
	b.away = errors.New("reading the catalogue: PostgreSQL is away")
	withBook(t, b, "systems").refuses(t, 1, "PostgreSQL is away")
	run(t, nil, "systems").refuses(t, 2, "DATABASE_URL (or DATABASE_URL_FILE) is not set")
	run(t, nil, "systems", "debian").refuses(t, 2, "usage: starter systems")
}

// --system is completed with the titles that are offered, each once.
func TestCompletion_systems(t *testing.T) {
	t.Parallel()
	for _, command := range []string{"start reinstall", "specify 1001", "consent 1001"} {
		b := shelve()
		b.list = catalogue()
		args := append([]string{"__complete"}, strings.Fields(command)...)
		got, files := suggested(withBook(t, b, append(args, "--system", "")...))
		if !slices.Equal(got, []string{"Debian 12", "Rocky Linux 9 Minimal"}) || files || !b.closed {
			t.Errorf("%s: %q, files %t", command, got, files)
		}
	}
}
