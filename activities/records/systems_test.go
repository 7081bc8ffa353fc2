package records_test

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/handrail/handrail/hosting"
)

var checksum = strings.Repeat("0a", 32)

func system(id, distribution, version string) hosting.OperatingSystem {
	return hosting.OperatingSystem{
		ID: id, Distribution: distribution, Version: version, Architecture: "x86_64", Firmware: []hosting.Firmware{hosting.FirmwareUEFI},
		Method: hosting.MethodInstaller, Answer: hosting.AnswerPreseed, Mirror: "http://deb.example/debian",
		Kernel: hosting.BootFile{Path: id + "/linux", SHA256: checksum}, Initrd: hosting.BootFile{Path: id + "/initrd.gz", SHA256: checksum},
	}
}

func catalogue() []hosting.OperatingSystem {
	image := system("debian-12-minimal", "Debian", "12")
	image.Edition, image.Method, image.Answer, image.Mirror = "Minimal", hosting.MethodImage, hosting.AnswerOrder, ""
	image.Image = hosting.BootFile{Path: "images/debian-12.tar.zst", SHA256: checksum}
	rescue := system("rescue", "Handrail", "rescue")
	rescue.Method, rescue.Answer, rescue.Mirror = hosting.MethodRescue, hosting.AnswerOrder, ""
	arm := system("debian-12-arm", "Debian", "12")
	arm.Architecture = "aarch64"
	gone := system("ubuntu-old", "Ubuntu", "24.04")
	gone.Withdrawn = true
	return []hosting.OperatingSystem{
		system("debian-9", "Debian", "9"), arm, system("debian-12", "Debian", "12"), image, rescue, system("ubuntu-24.04", "Ubuntu", "24.04"), gone,
	}
}

func TestCatalogue_I11(t *testing.T) {
	t.Parallel()
	s, ctx := open(t), t.Context()
	empty, err := s.MatchSystem(ctx, "Debian 12")
	if must(t, err); len(empty.Systems)+len(empty.Offered) != 0 {
		t.Errorf("an empty catalogue offers %+v", empty)
	}
	given := catalogue()
	slices.Reverse(given)
	for range 2 { // a repeat changes nothing
		must(t, s.ImportSystems(ctx, given))
	}
	must(t, s.ImportSystems(ctx, nil))
	must(t, s.ImportSystems(ctx, given[:2])) // those that are left out stay
	got, err := s.Systems(ctx)
	must(t, err)
	if want := catalogue(); !reflect.DeepEqual(got, want) {
		t.Errorf("the catalogue is\n%+v, want\n%+v", got, want)
	}

	for words, want := range map[string][]string{
		"debian 9":          {"debian-9"},
		"Debian 12 Minimal": {"debian-12-minimal"},
		"ubuntu":            {"ubuntu-24.04"},
		"UBUNTU-OLD":        nil,
		"Handrail rescue":   nil,
		"Windows":           nil,
	} {
		m, err := s.MatchSystem(ctx, words)
		must(t, err)
		var ids []string
		for _, v := range m.Systems {
			ids = append(ids, v.ID)
		}
		if !slices.Equal(ids, want) {
			t.Errorf("%q names %v, want %v", words, ids, want)
		}
		if offered := []string{"Debian 9", "Debian 12", "Debian 12 Minimal", "Ubuntu 24.04"}; !slices.Equal(m.Offered, offered) {
			t.Errorf("offered are %v, want %v", m.Offered, offered)
		}
	}
}

func TestImportSystemsRefuses(t *testing.T) {
	t.Parallel()
	s, ctx := open(t), t.Context()
	must(t, s.ImportSystems(ctx, catalogue()))
	good := system("rocky-9", "Rocky Linux", "9")
	bad := good
	bad.ID, bad.Kernel.SHA256 = "rocky-10", "none"
	wantFault(t, s.ImportSystems(ctx, []hosting.OperatingSystem{good, bad}), hosting.FaultInvalidRequest, "rocky-10")
	wantFault(t, s.ImportSystems(ctx, []hosting.OperatingSystem{good, good}), hosting.FaultInvalidRequest, "twice")
	double := system("debian-twelve", "DEBIAN", "12")
	wantFault(t, s.ImportSystems(ctx, []hosting.OperatingSystem{good, double}), hosting.FaultConflict, "same operating system")
	if n := s.count("SELECT count(*) FROM operating_systems"); n != len(catalogue()) {
		t.Errorf("half of an import was written: %d entries", n)
	}
	// One takes the place of another in one import, in whatever order.
	old := system("debian-12", "Debian", "12")
	old.Withdrawn = true
	must(t, s.ImportSystems(ctx, []hosting.OperatingSystem{double, old}))
}
