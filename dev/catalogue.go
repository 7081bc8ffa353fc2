package main

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"

	"github.com/handrail/handrail/hosting"
)

// bootFiles is the folder of the files that machines fetch.
func (s *system) bootFiles() string {
	if r := s.config.real; r != nil {
		return r.files
	}
	return s.path("boot-files")
}

// bootFile is a stand-in for a file that a simulated machine fetches: it is
// fetched and its checksum checked like a real one, and never run.
func (s *system) bootFile(name string) (hosting.BootFile, error) {
	content := []byte("stands in for " + name + " in a simulated data centre\n")
	path := s.path("boot-files", name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil { //nolint:gosec // nothing in it is secret
		return hosting.BootFile{}, err
	}
	if err := os.WriteFile(path, content, 0o644); err != nil { //nolint:gosec // likewise
		return hosting.BootFile{}, err
	}
	sum := sha256.Sum256(content)
	return hosting.BootFile{Path: name, SHA256: hex.EncodeToString(sum[:])}, nil
}

// bootMedium is what boots a machine over the network from a virtual drive.
const bootMedium = "boot.iso"

// offered are the systems of dev's catalogue: every way of installing one.
var offered = []hosting.OperatingSystem{
	{ID: "debian-12", Distribution: "Debian", Version: "12", Method: hosting.MethodImage, Answer: hosting.AnswerOrder},
	{ID: "debian-12-installer", Distribution: "Debian", Version: "12", Edition: "Installer", Method: hosting.MethodInstaller, Answer: hosting.AnswerPreseed, Mirror: "http://mirror.example/debian"},
	{ID: "ubuntu-24.04", Distribution: "Ubuntu", Version: "24.04", Edition: "Server", Method: hosting.MethodInstaller, Answer: hosting.AnswerAutoinstall, Mirror: "http://mirror.example/ubuntu"},
	{ID: "rocky-9", Distribution: "Rocky Linux", Version: "9", Edition: "Minimal", Method: hosting.MethodInstaller, Answer: hosting.AnswerKickstart, Mirror: "http://mirror.example/rocky/9/BaseOS/x86_64/os"},
	{ID: "alma-9", Distribution: "AlmaLinux", Version: "9", Method: hosting.MethodInstaller, Answer: hosting.AnswerKickstart, Mirror: "http://mirror.example/alma/9/BaseOS/x86_64/os"},
	{ID: "rescue", Distribution: "Rescue", Version: "1", Method: hosting.MethodRescue, Answer: hosting.AnswerOrder},
}

// titles are what a customer can ask for.
func (s *system) titles() []string {
	var titles []string
	for _, o := range s.systems {
		if o.Installable() {
			titles = append(titles, o.Title())
		}
	}
	return titles
}

// catalogue writes the boot files and returns the systems with them.
func (s *system) catalogue() ([]hosting.OperatingSystem, error) {
	if r := s.config.real; r != nil {
		return r.catalogue()
	}
	if _, err := s.bootFile(bootMedium); err != nil {
		return nil, err
	}
	var all []hosting.OperatingSystem
	for _, o := range offered {
		o.Architecture, o.Firmware = "x86_64", []hosting.Firmware{hosting.FirmwareUEFI, hosting.FirmwareLegacy}
		files := map[string]*hosting.BootFile{"vmlinuz": &o.Kernel, "initrd": &o.Initrd}
		if o.Method == hosting.MethodImage {
			files[o.ID+".tar.zst"] = &o.Image
		}
		for name, file := range files {
			var err error
			if *file, err = s.bootFile(o.ID + "/" + name); err != nil {
				return nil, err
			}
		}
		all = append(all, o)
	}
	return all, nil
}
