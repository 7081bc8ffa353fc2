// Package installer is what runs on a simulated machine that was booted over the
// network: our rescue system, or a distribution's installer. It reads the answer
// file that the kernel's command line names, asks before it erases, reports.
package installer

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/handrail/handrail/hosting"
)

// Answer is what an installer read from its answer file.
type Answer struct {
	Format hosting.AnswerFormat
	// Rescue installs nothing; the machine is to be looked at.
	Rescue   bool
	System   string // what is installed, as far as the answer says
	HostName string
	// Disks are the serial numbers of those to be erased; where there are none,
	// the first Count of the machine.
	Disks []string
	Count int
	// MACs are those of the machine that is meant, in lower case with colons; none
	// is any.
	MACs []string
	// Image and its SHA-256, in hex, where a root file system is unpacked.
	Image, ImageSHA256 string
	// Keys may log in, as authorized_keys holds them.
	Keys []string

	to calls
}

// Token is that of the boot, with which the answer was fetched.
func (a Answer) Token() string { return a.to.token() }

// source is a word on the kernel's command line that names an answer file.
type source struct {
	word string
	read func(c Client, ctx context.Context, line arguments, value string) (Answer, error)
}

// sources in the order in which they are looked for: Ubuntu's installer takes
// its own image from a url as well.
var sources = []source{
	{"handrail.url", Client.order},
	{"ds", Client.autoinstall},
	{"inst.ks", Client.kickstart},
	{"url", Client.preseed},
	{"preseed/url", Client.preseed},
}

// Read reads the answer file that a kernel's command line names. bootFile is the
// address that the machine booted from, as DHCP told it.
func (c Client) Read(ctx context.Context, commandLine, bootFile string) (Answer, error) {
	line := parseCommandLine(commandLine)
	line.bootFile = bootFile
	for _, s := range sources {
		value, given := line.value(s.word)
		if !given {
			continue
		}
		a, err := s.read(c, ctx, line, value)
		if err == nil && !a.Rescue && !a.to.has["begin"] {
			err = errors.New("the answer file does not ask before it erases")
		}
		return a, err
	}
	return Answer{}, errors.New("the kernel's command line names no answer file, so the installer waits at its first question")
}

func (c Client) order(ctx context.Context, _ arguments, value string) (Answer, error) {
	text, err := c.fetch(ctx, value+"/answer")
	if err != nil {
		return Answer{to: callsTo(value)}, err
	}
	a, err := readOrder(text)
	a.to = callsTo(value)
	return a, err
}

// arguments are those of a kernel.
type arguments struct {
	words    []string
	bootFile string
}

var argument = regexp.MustCompile(`(?:[^\s"]|"[^"]*")+`)

func parseCommandLine(text string) arguments {
	var a arguments
	for _, w := range argument.FindAllString(text, -1) {
		a.words = append(a.words, strings.ReplaceAll(w, `"`, ""))
	}
	return a
}

// value returns that of the last argument of a name, as kernels do.
func (a arguments) value(name string) (value string, given bool) {
	for _, w := range a.words {
		if key, v, has := strings.Cut(w, "="); has && key == name {
			value, given = v, true
		}
	}
	return value, given
}

func (a arguments) has(word string) bool {
	for _, w := range a.words {
		if w == word {
			return true
		}
	}
	return false
}

// choose returns the disks to be erased out of those that the machine has.
func (a Answer) choose(have []string) ([]string, error) {
	if len(a.Disks) == 0 {
		if len(have) < a.Count {
			return nil, fmt.Errorf("%d disks are needed and %d found", a.Count, len(have))
		}
		return have[:a.Count], nil
	}
	var chosen []string
	for _, wanted := range a.Disks {
		found := ""
		for _, h := range have {
			if strings.EqualFold(h, wanted) {
				found = h
			}
		}
		if found == "" {
			return nil, fmt.Errorf("no disk has the serial number %s; here are: %s", wanted, strings.Join(have, " "))
		}
		chosen = append(chosen, found)
	}
	return chosen, nil
}
