package hosting

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
)

// InstallMethod is how an operating system comes onto a machine.
type InstallMethod string

// The methods. Installer is the distribution's own with an answer file, Image
// unpacks a root file system from the rescue system, Rescue installs nothing.
const (
	MethodInstaller InstallMethod = "installer"
	MethodImage     InstallMethod = "image"
	MethodRescue    InstallMethod = "rescue"
)

// AnswerFormat is the kind of answer file that an installer reads.
type AnswerFormat string

// The answer files: Debian's, Ubuntu's, and that of Rocky and Alma. Order is
// what our rescue system reads.
const (
	AnswerPreseed     AnswerFormat = "preseed"
	AnswerAutoinstall AnswerFormat = "autoinstall"
	AnswerKickstart   AnswerFormat = "kickstart"
	AnswerOrder       AnswerFormat = "order"
)

// Firmware is how a machine starts.
type Firmware string

// The firmwares.
const (
	FirmwareUEFI   Firmware = "uefi"
	FirmwareLegacy Firmware = "legacy"
)

// BootFile is a file that a machine fetches over HTTP: a path below the folder
// of boot files, and its checksum.
type BootFile struct {
	Path   string `json:"path,omitempty"`
	SHA256 string `json:"sha256,omitempty"` // in hex
}

// OperatingSystem is an entry of the catalogue (I11).
type OperatingSystem struct {
	ID           string        `json:"id"` // "debian-12"
	Distribution string        `json:"distribution"`
	Version      string        `json:"version"`
	Edition      string        `json:"edition,omitempty"` // empty is not applicable
	Architecture string        `json:"architecture"`      // x86_64 or aarch64
	Firmware     []Firmware    `json:"firmware"`
	Method       InstallMethod `json:"method"`
	Answer       AnswerFormat  `json:"answer"`
	Kernel       BootFile      `json:"kernel"`
	Initrd       BootFile      `json:"initrd"`
	Arguments    string        `json:"arguments,omitempty"` // to the kernel, besides our own
	Image        BootFile      `json:"image,omitzero"`      // with MethodImage: the root file system
	Mirror       string        `json:"mirror,omitempty"`    // with MethodInstaller: where it gets its packages
	// Withdrawn systems are kept for what refers to them and are not offered.
	Withdrawn bool `json:"withdrawn,omitempty"`
}

// Title names the system as customers do: "Debian 12", "Rocky Linux 9 Minimal".
func (s OperatingSystem) Title() string {
	return strings.Join(slices.DeleteFunc([]string{s.Distribution, s.Version, s.Edition}, func(w string) bool { return w == "" }), " ")
}

// Installable reports whether the system can be asked for in a reinstallation.
func (s OperatingSystem) Installable() bool { return s.Method != MethodRescue && !s.Withdrawn }

var (
	systemID     = regexp.MustCompile(`^[a-z0-9][a-z0-9.-]{1,63}$`)
	systemWords  = regexp.MustCompile(`^[\pL0-9][\pL0-9 ._+-]{0,39}$`)
	sha256Hex    = regexp.MustCompile(`^[0-9a-f]{64}$`)
	kernelOption = regexp.MustCompile(`^[A-Za-z0-9_.,:=/@+ -]*$`)
	mirrorURL    = regexp.MustCompile(`^https?://[A-Za-z0-9.:-]+(/[A-Za-z0-9._~/-]*)?$`)
)

// answersOf says which answer files a method reads.
var answersOf = map[InstallMethod][]AnswerFormat{
	MethodInstaller: {AnswerPreseed, AnswerAutoinstall, AnswerKickstart},
	MethodImage:     {AnswerOrder},
	MethodRescue:    {AnswerOrder},
}

// Validate reports the first thing that keeps the entry from being of use, as
// InvalidRequest naming it.
func (s OperatingSystem) Validate() error {
	wrong := func(what, do string) error { return Invalid("", "operating system "+quote(s.ID)+": "+what, do) }
	switch {
	case !systemID.MatchString(s.ID):
		return wrong("its id is not one", "use lower-case letters, digits, dots and dashes, such as debian-12")
	case !systemWords.MatchString(s.Distribution) || !systemWords.MatchString(s.Version) || s.Edition != "" && !systemWords.MatchString(s.Edition):
		return wrong("distribution, version or edition is missing or no plain name", "write them as customers do: Debian, 12")
	case len(s.Title()) > maxBlank || fold(s.Title()).written != s.Title():
		return wrong("nobody can write its name as it stands, or it is too long", fmt.Sprintf("use plain letters, single blanks and at most %d bytes for distribution, version and edition together", maxBlank))
	case s.Architecture != "x86_64" && s.Architecture != "aarch64":
		return wrong("the architecture "+quote(s.Architecture)+" is not known", "use x86_64 or aarch64")
	case len(s.Firmware) == 0 || slices.ContainsFunc(s.Firmware, func(f Firmware) bool { return f != FirmwareUEFI && f != FirmwareLegacy }):
		return wrong("firmware lists none, or one that is not known", "use uefi, legacy or both")
	case !slices.Contains(answersOf[s.Method], s.Answer):
		return wrong("method "+quote(string(s.Method))+" with answer "+quote(string(s.Answer))+" does not exist",
			"use installer with preseed, autoinstall or kickstart; image or rescue with order")
	case !kernelOption.MatchString(s.Arguments) || len(s.Arguments) > 500:
		return wrong("the kernel's arguments hold what a boot script can not carry", "use plain words of letters, digits and =,.:/")
	case (s.Method == MethodInstaller) != (s.Mirror != "") || s.Mirror != "" && !mirrorURL.MatchString(s.Mirror):
		return wrong("an installer, and only an installer, needs the URL of a mirror", "write it as http://mirror.example/debian")
	case (s.Method == MethodImage) != (s.Image != BootFile{}):
		return wrong("the method image, and only it, needs an image", "give its path and sha256")
	}
	files := []BootFile{s.Kernel, s.Initrd}
	if s.Method == MethodImage {
		files = append(files, s.Image)
	}
	for _, f := range files {
		if !f.ok() {
			return wrong("the boot file "+quote(f.Path)+" has no clean relative path or no SHA-256 in hex", "give path, below the folder of boot files, and sha256 as sha256sum prints it")
		}
	}
	return nil
}

func (f BootFile) ok() bool {
	return f.Path != "" && bootPath.MatchString(f.Path) && path.Clean(f.Path) == f.Path && !strings.HasPrefix(f.Path, "..") && sha256Hex.MatchString(f.SHA256)
}

var bootPath = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._/-]{0,199}$`)

// Called reports whether words are the title or the id of the system, and of no
// other: letter case, blanks and signs between the words make no difference, a
// word too few or too many does. A data-loss consent for other words is none for
// this system (I14).
func (s OperatingSystem) Called(words string) bool {
	return len(words) <= maxLabelBytes && (spaced(words) == spaced(s.Title()) || strings.EqualFold(strings.TrimSpace(words), s.ID))
}

// MatchSystems returns the entries that a customer's words name, without what
// they explain in parentheses: by id or title, else those whose title begins with
// them ("Debian").
func MatchSystems(catalogue []OperatingSystem, words string) []OperatingSystem {
	words, _, _ = strings.Cut(words, "(")
	key := spaced(words)
	if strings.TrimSpace(key) == "" || len(words) > maxLabelBytes {
		return nil
	}
	var exact, begun []OperatingSystem
	for _, s := range catalogue {
		switch {
		case !s.Installable():
		case s.Called(words):
			exact = append(exact, s)
		case strings.HasPrefix(spaced(s.Title()), key):
			begun = append(begun, s)
		}
	}
	if len(exact) > 0 {
		return exact
	}
	return begun
}
