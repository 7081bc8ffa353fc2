// Package ipxe follows an iPXE script the way iPXE does, as far as boot scripts
// of servers go: what it does not know fails the boot, as a misspelt command
// does on a real machine.
package ipxe

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// UserAgent is how iPXE names itself to web servers.
const UserAgent = "iPXE/1.21.1"

// Machine is who follows a script.
type Machine struct {
	// HTTP fetches scripts and files; its timeout bounds each of them.
	HTTP *http.Client
	MAC  string // in lower case with colons
	UEFI bool
	// Sleep waits, or returns the error of the context.
	Sleep func(context.Context, time.Duration) error
}

// Outcome is what a script came to.
type Outcome struct {
	// Kernel is the URL of the kernel that is started; empty boots on from the
	// disk.
	Kernel string
	// CommandLine is what the kernel is told.
	CommandLine string
	// Initrds are URLs.
	Initrds []string
}

const (
	maxScript = 64 << 10
	maxFile   = 8 << 30
	maxChain  = 8 // scripts that call scripts
	maxSteps  = 1000
)

// Boot fetches the script at an address and follows it. What makes iPXE give up
// is an error in words.
func (m Machine) Boot(ctx context.Context, address string) (Outcome, error) {
	r := &run{Machine: m, settings: m.settings()}
	at, err := url.Parse(address)
	if err != nil {
		return Outcome{}, fmt.Errorf("the address of the boot script: %w", err)
	}
	switch err := r.chain(ctx, at, 0); {
	case r.booted:
		return r.outcome(), nil
	case err != nil:
		return Outcome{}, err
	default: // the script ended: iPXE hands back to the firmware
		return Outcome{}, nil
	}
}

func (m Machine) settings() map[string]string {
	s := map[string]string{
		"mac": m.MAC, "net0/mac": m.MAC, "netX/mac": m.MAC, "mac:hexhyp": strings.ReplaceAll(m.MAC, ":", "-"),
		"net0/mac:hexhyp": strings.ReplaceAll(m.MAC, ":", "-"), "netX/mac:hexhyp": strings.ReplaceAll(m.MAC, ":", "-"),
		"platform": "pcbios", "buildarch": "x86_64", "version": strings.TrimPrefix(UserAgent, "iPXE/"),
	}
	if m.UEFI {
		s["platform"] = "efi"
	}
	return s
}

// run is the state of iPXE while it follows scripts.
type run struct {
	Machine
	settings map[string]string
	kernel   *image
	initrds  []string
	steps    int
	booted   bool // a kernel runs, or the disk does
	disk     bool
}

// image is a kernel that was fetched.
type image struct {
	url, name, arguments string
}

func (r *run) outcome() Outcome {
	if r.disk {
		return Outcome{}
	}
	return Outcome{Kernel: r.kernel.url, CommandLine: r.kernel.arguments, Initrds: r.initrds}
}

// errExit ends a script by its own word.
var errExit = errors.New("exit")

// jump goes on at a label.
type jump string

func (j jump) Error() string { return "goto " + string(j) }

func (j jump) lands(line string) bool {
	words := strings.Fields(line)
	return len(words) > 0 && words[0] == ":"+string(j)
}

// chain fetches a script and follows it. Within it addresses are relative to it.
func (r *run) chain(ctx context.Context, at *url.URL, depth int) error {
	if depth >= maxChain {
		return fmt.Errorf("boot scripts call each other more than %d deep", maxChain)
	}
	text, err := r.script(ctx, at)
	if err != nil {
		return err
	}
	lines := strings.Split(text, "\n")
	if strings.TrimRight(lines[0], " \r") != "#!ipxe" {
		return fmt.Errorf("%s is no iPXE script: its first line is not #!ipxe (exec format error)", at)
	}
	for n := 0; n < len(lines); n++ {
		var to jump
		err := r.line(ctx, at, lines[n], depth)
		switch {
		case errors.Is(err, errExit):
			return nil
		case errors.As(err, &to):
			if n = slices.IndexFunc(lines, to.lands); n < 0 {
				return fmt.Errorf("%s: there is no label %s", at, string(to))
			}
		case err != nil:
			return fmt.Errorf("line %d of %s: %w", n+1, at, err)
		case r.booted:
			return nil
		}
	}
	return nil
}

// line executes the commands of one line: those behind || where the last one
// failed, those behind && where it did not.
func (r *run) line(ctx context.Context, at *url.URL, line string, depth int) error {
	words := strings.Fields(line)
	if len(words) > 0 && strings.HasPrefix(words[0], ":") {
		return nil // a label
	}
	var err error
	wanted := true
	for len(words) > 0 && !strings.HasPrefix(words[0], "#") {
		end, next := len(words), ""
		for i, w := range words {
			if w == "||" || w == "&&" || strings.HasPrefix(w, "#") {
				end, next = i, w
				break
			}
		}
		if wanted && end > 0 {
			err = r.command(ctx, at, words[:end], depth)
		}
		if _, jumps := errors.AsType[jump](err); jumps || r.booted || errors.Is(err, errExit) || ctx.Err() != nil || next != "||" && next != "&&" {
			return err
		}
		wanted = (next == "||") == (err != nil)
		words = words[end+1:]
	}
	return err
}
