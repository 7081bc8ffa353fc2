package hosting

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

var someFile = BootFile{Path: "debian/12/linux", SHA256: strings.Repeat("0a", 32)}

func debian() OperatingSystem {
	return OperatingSystem{
		ID: "debian-12", Distribution: "Debian", Version: "12", Architecture: "x86_64", Firmware: []Firmware{FirmwareUEFI, FirmwareLegacy},
		Method: MethodInstaller, Answer: AnswerPreseed, Kernel: someFile, Initrd: someFile, Mirror: "http://mirror.example/debian",
	}
}

func image() OperatingSystem {
	s := debian()
	s.ID, s.Edition, s.Method, s.Answer, s.Mirror, s.Image = "debian-12-image", "Minimal", MethodImage, AnswerOrder, "", someFile
	return s
}

func rescue() OperatingSystem {
	s := image()
	s.ID, s.Distribution, s.Edition, s.Method, s.Image = "rescue", "Rescue", "", MethodRescue, BootFile{}
	return s
}

func TestOperatingSystem_Validate_I11(t *testing.T) {
	t.Parallel()
	for _, s := range []OperatingSystem{debian(), image(), rescue()} {
		if err := s.Validate(); err != nil {
			t.Errorf("%s: %v", s.ID, err)
		}
	}
	for name, change := range map[string]func(*OperatingSystem){
		"no id":                          func(s *OperatingSystem) { s.ID = "" },
		"an id that is a path":           func(s *OperatingSystem) { s.ID = "../debian" },
		"no version":                     func(s *OperatingSystem) { s.Version = "" },
		"an edition in parentheses":      func(s *OperatingSystem) { s.Edition = "(minimal)" },
		"a name with a blank at its end": func(s *OperatingSystem) { s.Distribution = "Debian " },
		"a name of two blanks":           func(s *OperatingSystem) { s.Distribution = "Debian  GNU" },
		"a name that folds":              func(s *OperatingSystem) { s.Distribution = "Oﬃce" },
		"a title beyond the consent":     func(s *OperatingSystem) { s.Distribution, s.Edition = strings.Repeat("d", 40), strings.Repeat("e", 40) },
		"another architecture":           func(s *OperatingSystem) { s.Architecture = "sparc" },
		"no firmware":                    func(s *OperatingSystem) { s.Firmware = nil },
		"another firmware":               func(s *OperatingSystem) { s.Firmware = []Firmware{"open"} },
		"another method":                 func(s *OperatingSystem) { s.Method = "magic" },
		"an answer of another method":    func(s *OperatingSystem) { s.Answer = AnswerOrder },
		"arguments that end the line":    func(s *OperatingSystem) { s.Arguments = "quiet\nboot" },
		"arguments beyond measure":       func(s *OperatingSystem) { s.Arguments = strings.Repeat("a", 501) },
		"no mirror":                      func(s *OperatingSystem) { s.Mirror = "" },
		"a mirror with credentials":      func(s *OperatingSystem) { s.Mirror = "http://user:x@mirror.example/" },
		"an image for an installer":      func(s *OperatingSystem) { s.Image = someFile },
		"no kernel":                      func(s *OperatingSystem) { s.Kernel = BootFile{} },
		"no initrd":                      func(s *OperatingSystem) { s.Initrd = BootFile{} },
		"a kernel without checksum":      func(s *OperatingSystem) { s.Kernel.SHA256 = "" },
		"a kernel elsewhere":             func(s *OperatingSystem) { s.Kernel.Path = "a/../../etc/passwd" },
		"an absolute path":               func(s *OperatingSystem) { s.Initrd.Path = "/etc/passwd" },
		"a path that is not clean":       func(s *OperatingSystem) { s.Initrd.Path = "a//b" },
	} {
		s := debian()
		change(&s)
		if err := s.Validate(); KindOf(err) != FaultInvalidRequest || !strings.Contains(err.Error(), "operating system") {
			t.Errorf("%s: %v", name, err)
		}
	}
	s := image()
	if s.Image = (BootFile{}); s.Validate() == nil {
		t.Error("the method image needs no image")
	}
}

func TestOperatingSystem_Installable(t *testing.T) {
	t.Parallel()
	withdrawn := debian()
	withdrawn.Withdrawn = true
	if !debian().Installable() || !image().Installable() || withdrawn.Installable() || rescue().Installable() {
		t.Error("what can be installed is not what is offered")
	}
}

func catalogue() []OperatingSystem {
	system := func(id, distribution, version, edition string) OperatingSystem {
		s := debian()
		s.ID, s.Distribution, s.Version, s.Edition = id, distribution, version, edition
		return s
	}
	old := system("debian-10", "Debian", "10", "")
	old.Withdrawn = true
	return []OperatingSystem{
		old, system("debian-11", "Debian", "11", ""), debian(), image(), system("ubuntu-24.04", "Ubuntu", "24.04", "LTS"),
		system("rocky-9", "Rocky Linux", "9", ""), rescue(),
	}
}

func TestMatchSystems_I11(t *testing.T) {
	t.Parallel()
	for words, want := range map[string]string{
		"Debian 12":                            "debian-12", // not its longer edition
		"debian-12":                            "debian-12",
		" DEBIAN  12. ":                        "debian-12",
		"Debian 12 (bookworm)":                 "debian-12",
		"Debian 12 Minimal":                    "debian-12-image",
		"Debian":                               "debian-11 debian-12 debian-12-image",
		"Ubuntu 24.04":                         "ubuntu-24.04",
		"ubuntu":                               "ubuntu-24.04",
		"Rocky Linux 9":                        "rocky-9",
		"Rocky":                                "rocky-9",
		"Debian 10":                            "", // withdrawn
		"Rescue 12":                            "", // nothing that is installed
		"Debian 1":                             "",
		"Debian 12 or 11":                      "",
		"not Debian 12":                        "",
		"Windows Server 2025":                  "",
		"":                                     "",
		"(whatever)":                           "",
		"...":                                  "",
		"Debian 12" + strings.Repeat(" ", 300): "",
	} {
		var got []string
		for _, s := range MatchSystems(catalogue(), words) {
			got = append(got, s.ID)
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%.40q matches %q, want %q", words, got, want)
		}
	}
}

func TestOperatingSystem_Called_I14(t *testing.T) {
	t.Parallel()
	for words, want := range map[string]bool{
		"Debian 12": true, "debian 12.": true, "DEBIAN-12": true, "debian-12": true,
		"Debian": false, "Debian 12 Minimal": false, "Debian 11": false, "no Debian 12": false, "Debian 12 not": false, "": false, "Debian 1 2": false,
	} {
		if got := debian().Called(words); got != want {
			t.Errorf("%q: %v", words, got)
		}
	}
}

// A system that is in the catalogue is found by its own title, and its title
// fits into the exact sentence of the data-loss consent (I13, I17).
func TestOperatingSystem_TitleFitsTheConsent_I13(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := debian()
		word := rapid.StringMatching(`[\pL0-9][\pL0-9 ._+-]{0,39}`)
		s.Distribution, s.Version = word.Draw(t, "distribution"), word.Draw(t, "version")
		s.Edition = rapid.OneOf(rapid.Just(""), word).Draw(t, "edition")
		if s.Validate() != nil {
			t.Skip("no entry of a catalogue")
		}
		for _, lang := range Languages() {
			said, ok := RecognizeStatement(ErasureText(lang, s.Title()), provider)
			if !ok || said.Kind != EraseDisks || said.Language != lang || said.System != s.Title() || !s.Called(said.System) {
				t.Fatalf("%q in %s: %v %+v", s.Title(), lang, ok, said)
			}
		}
		if found := MatchSystems([]OperatingSystem{rescue(), s}, s.Title()); len(found) != 1 || found[0].ID != s.ID {
			t.Fatalf("%q matches %v", s.Title(), found)
		}
	})
}

// Whatever the words, what is matched is offered, and exact words match nothing
// else.
func FuzzMatchSystems(f *testing.F) {
	for _, words := range []string{"Debian 12", "debian", "(", " ", "rocky-9", "Ubuntu 24", "\xff"} {
		f.Add(words)
	}
	all := catalogue()
	f.Fuzz(func(t *testing.T, words string) {
		found := MatchSystems(all, words)
		exact := slices.ContainsFunc(found, func(s OperatingSystem) bool { return s.Called(strings.SplitN(words, "(", 2)[0]) })
		for _, s := range found {
			if !s.Installable() {
				t.Fatalf("%q matches %s, which is not offered", words, s.ID)
			}
			if exact && len(found) > 1 {
				t.Fatalf("%q is exact and matches %v", words, found)
			}
		}
	})
}
