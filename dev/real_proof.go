package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/handrail/handrail/activities/desk"
	"github.com/handrail/handrail/dev/qemu/login"
	"github.com/handrail/handrail/hosting"
)

// inspect checks what the reinstallation left behind: on the ticket, in the BMC,
// and on the disks that it was not to touch.
func (r *realRun) inspect() error {
	if v := r.machine.View(); v.Override.Active() || len(v.Media) > 0 {
		return fmt.Errorf("the override is %s, media: %v", v.Override.Target, v.Media)
	}
	if n := len(r.boots); n != 2 || (r.boots[0].Image != "") != r.real.medium || r.boots[0].From == r.boots[1].From || r.boots[1].From != "Hdd" {
		return fmt.Errorf("the machine was to boot into the installer and then from its disk: %+v", r.boots)
	}
	after, err := r.diskSums()
	if err != nil {
		return err
	}
	var written []string
	for serial, sum := range after {
		if sum != r.blank[serial] {
			written = append(written, serial)
		}
	}
	if want := r.machine.Hardware().Drives[0].Serial; !slices.Equal(written, []string{want}) {
		return fmt.Errorf("disks %v were written on, and the consent was for %s", written, want)
	}
	r.event(fmt.Sprintf("it boots from its disk, override and media gone; of %d disks only %s was written on", len(after), written[0]))
	return nil
}

// summary is the last text on the ticket, which has to be closed.
func (r *realRun) summary() (string, error) {
	thread, err := r.desk.Thread(r.ticket)
	if err != nil {
		return "", err
	}
	if thread.State != desk.Closed || len(thread.Messages) == 0 {
		return "", fmt.Errorf("the ticket is %s with %d messages", thread.State, len(thread.Messages))
	}
	last := thread.Messages[len(thread.Messages)-1]
	if last.Kind == desk.Customer {
		return "", errors.New("the ticket has no summary")
	}
	return last.Body, nil
}

// vouched are the host keys that were reported and stand in the summary, which
// is all that the customer has to go by.
func vouched(reported []string, summary string) (keys []string) {
	for _, key := range reported {
		if prints := hosting.Fingerprints([]string{key}); len(prints) == 1 && strings.Contains(summary, prints[0]) {
			keys = append(keys, key)
		}
	}
	return keys
}

// enter logs in as the customer, who has a key and the ticket.
func (r *realRun) enter(ctx context.Context) error {
	s, err := r.look(ctx)
	if err != nil {
		return err
	}
	text, err := r.summary()
	if err != nil {
		return err
	}
	r.quote("the summary on the ticket", text)
	keys := vouched(s.Boot.HostKeys, text)
	if len(keys) == 0 {
		return fmt.Errorf("none of the host keys that were reported stands in the summary: %v", hosting.Fingerprints(s.Boot.HostKeys))
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Minute)
	defer cancel()
	client, err := login.Await(ctx, r.machine.SSHAddress(), r.key, keys)
	if err != nil {
		return err
	}
	defer client.Close() //nolint:errcheck // nothing was written
	defer context.AfterFunc(ctx, func() { _ = client.Close() })()
	r.mark("login with the customer's key, host key as in the summary", time.Now())
	return r.identify(client)
}

// expected is what commands on the installed system have to say.
var expected = []struct{ command, word string }{
	{"hostname", strings.SplitN(realHost, ".", 2)[0]},
	{"cat /etc/os-release", `VERSION_ID="12"`},
	{"findmnt /", "/dev/"},
}

// identify has the installed system say who it is.
func (r *realRun) identify(client *ssh.Client) error {
	for _, x := range expected {
		out, err := login.Command(client, x.command)
		r.quote("# "+x.command, out)
		if err != nil {
			return fmt.Errorf("%s: %w", x.command, err)
		}
		if !strings.Contains(out, x.word) {
			return fmt.Errorf("%s does not say %s", x.command, x.word)
		}
	}
	return nil
}

// quote shows what somebody else says.
func (r *realRun) quote(title, text string) {
	r.event(title)
	out := &indented{w: r.w, start: true}
	fmt.Fprintln(out, strings.TrimRight(text, "\n"))
}
