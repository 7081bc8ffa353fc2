package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/handrail/handrail/dev/qemu"
	"github.com/handrail/handrail/dev/qemu/login"
	"github.com/handrail/handrail/hosting"
)

// debianInstaller is the method that installs with Debian's own installer.
const debianInstaller = "debian-installer"

// installerFiles is where Debian's package debian-installer-12-netboot-amd64 has
// the installer.
const installerFiles = "/usr/lib/debian-installer/images/12/amd64/text/debian-installer/amd64"

// settle fills in what the method decides where no option did.
func (t *trial) settle() error {
	switch t.method {
	case string(hosting.MethodImage):
		t.within = cmp.Or(t.within, 30*time.Minute)
	case debianInstaller:
		if t.from != string(qemu.FromNetwork) || t.purpose != string(hosting.BootInstall) || t.spoil != "" {
			return errors.New("-from, -purpose and -spoil are for -method image")
		}
		t.files, t.memory, t.within = cmp.Or(t.files, installerFiles), cmp.Or(t.memory, 1024), cmp.Or(t.within, 10*time.Minute)
	default:
		return fmt.Errorf("there is no method %q: image or %s", t.method, debianInstaller)
	}
	return nil
}

// runInstaller starts Debian's installer over the network and waits until it has
// told that it goes by our answers. What comes then needs a mirror. The folder
// stays where something did not come: the console's log is in it.
func (t trial) runInstaller(ctx context.Context) (err error) {
	for _, name := range []string{"linux", "initrd.gz"} {
		if _, err := os.Stat(filepath.Join(t.files, name)); err != nil {
			return fmt.Errorf("%w: install Debian's package debian-installer-12-netboot-amd64, or give its folder with -files", err)
		}
	}
	if t.folder == "" {
		if t.folder, err = os.MkdirTemp("", "installer-try-"); err != nil {
			return err
		}
		defer func() {
			if err == nil {
				os.RemoveAll(t.folder) //nolint:errcheck // nobody looks at it again
			}
		}()
	}
	say := clock(time.Now())
	w := &witness{say: say, came: map[string]bool{}, all: make(chan struct{})}
	s, m, err := t.prepareInstaller(ctx, w)
	if err != nil {
		return err
	}
	defer m.PowerOff()
	before := t.fingerprints()
	say(fmt.Sprintf("power on, from %s (%s, disks: %d, memory: %d MiB)", t.from, t.firmware, t.disks, t.memory))
	if err := m.PowerOn(qemu.Boot{From: qemu.FromNetwork}); err != nil {
		return err
	}
	if err := w.await(ctx, s); err != nil {
		return fmt.Errorf("%w; the serial console is in %s", err, m.Console())
	}
	m.PowerOff()
	if t.fingerprints() != before {
		return fmt.Errorf("the disks were written on; the serial console is in %s", m.Console())
	}
	say("the disks are as they were: permission to erase was " + w.permission())
	say("PROVED: Debian's installer goes by our answers; the rest needs a mirror with .udeb files")
	return nil
}

// prepareInstaller arms a boot of the installer, serves it under the eyes of the
// witness, and makes the machine.
func (t trial) prepareInstaller(ctx context.Context, w *witness) (*store, *qemu.Machine, error) {
	_, key, err := login.NewKey()
	if err != nil {
		return nil, nil, err
	}
	listener, base, err := t.open(ctx)
	if err != nil {
		return nil, nil, err
	}
	system, err := t.installer(base + "/none")
	if err != nil {
		return nil, nil, err
	}
	boot, err := t.boot(key, system)
	if err != nil {
		return nil, nil, err
	}
	s := &store{heard: w.say, mac: mac, boot: boot, ended: make(chan string, 1)}
	if err := t.serve(listener, base, s, w.watching); err != nil {
		return nil, nil, err
	}
	m, err := t.machine(ctx, base)
	return s, m, err
}

// installer is Debian's installer as the catalogue would have it.
func (t trial) installer(mirror string) (hosting.OperatingSystem, error) {
	kernel, err := fingerprint(filepath.Join(t.files, "linux"))
	if err != nil {
		return hosting.OperatingSystem{}, err
	}
	initrd, err := fingerprint(filepath.Join(t.files, "initrd.gz"))
	if err != nil {
		return hosting.OperatingSystem{}, err
	}
	return hosting.OperatingSystem{
		ID: "debian-12-installer", Distribution: "Debian", Version: "12", Edition: "Installer", Architecture: "x86_64",
		Firmware: []hosting.Firmware{hosting.FirmwareUEFI, hosting.FirmwareLegacy},
		Method:   hosting.MethodInstaller, Answer: hosting.AnswerPreseed, Arguments: "console=tty0 console=ttyS0,115200",
		Kernel: hosting.BootFile{Path: "linux", SHA256: kernel}, Initrd: hosting.BootFile{Path: "initrd.gz", SHA256: initrd},
		Mirror: mirror,
	}, nil
}

// steps are the requests that an installer makes until it goes by our answers.
var steps = []struct {
	what, method, path string
	ipxe               bool
}{
	{"iPXE has the boot script", http.MethodGet, "/boot/*", true},
	{"iPXE has the kernel", http.MethodGet, "/files/linux", true},
	{"iPXE has the initrd", http.MethodGet, "/files/initrd.gz", true},
	{"the installer has the preseed stub", http.MethodGet, "/boot/*", false},
	{"the installer has the answer file", http.MethodGet, "/t/*/answer", false},
	{"the installer has its script", http.MethodGet, "/t/*/script", false},
	{"the installer's first progress report", http.MethodPost, "/t/*/progress", false},
}

// witness sees which of the steps were answered well, and tells each once.
type witness struct {
	say func(string)
	all chan struct{} // closed when all have come

	mu    sync.Mutex
	came  map[string]bool
	begun bool // permission to erase was asked for
}

// watching has the witness see what the handler answers.
func (w *witness) watching(handler http.Handler) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		a := &answered{ResponseWriter: rw}
		handler.ServeHTTP(a, r)
		w.see(r, a.status)
	})
}

func (w *witness) see(r *http.Request, status int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if asked, _ := path.Match("/t/*/begin", r.URL.Path); asked {
		w.begun = true
	}
	if status != http.StatusOK && status != http.StatusNoContent {
		return
	}
	for _, step := range steps {
		fits, _ := path.Match(step.path, r.URL.Path)
		if !fits || w.came[step.what] || r.Method != step.method || strings.HasPrefix(r.UserAgent(), "iPXE/") != step.ipxe {
			continue
		}
		w.came[step.what] = true
		w.say(step.what)
		if len(w.came) == len(steps) {
			close(w.all)
		}
	}
}

// await returns when all steps have come, or names those that have not.
func (w *witness) await(ctx context.Context, s *store) error {
	select {
	case <-w.all:
		return nil
	case how := <-s.ended:
		return fmt.Errorf("the installer has ended (%q); %s", how, w.missing())
	case <-ctx.Done():
		return fmt.Errorf("the waiting is over (%w); %s", context.Cause(ctx), w.missing())
	}
}

func (w *witness) missing() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	var names []string
	for _, step := range steps {
		if !w.came[step.what] {
			names = append(names, step.what)
		}
	}
	return "did not come: " + strings.Join(names, ", ")
}

// permission tells whether erasing was asked for.
func (w *witness) permission() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.begun {
		return "asked for"
	}
	return "not asked for"
}

// answered remembers the status of an answer.
type answered struct {
	http.ResponseWriter
	status int
}

// WriteHeader remembers the status.
func (a *answered) WriteHeader(status int) {
	a.status = cmp.Or(a.status, status)
	a.ResponseWriter.WriteHeader(status)
}

// Unwrap serves http.ResponseController.
func (a *answered) Unwrap() http.ResponseWriter { return a.ResponseWriter }
