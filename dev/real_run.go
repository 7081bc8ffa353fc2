package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/handrail/handrail/dev/datacenter"
	"github.com/handrail/handrail/dev/datacenter/chassis"
	"github.com/handrail/handrail/dev/datacenter/fault"
	"github.com/handrail/handrail/dev/qemu"
	"github.com/handrail/handrail/dev/qemu/login"
	"github.com/handrail/handrail/dev/ticketdesk"
	"github.com/handrail/handrail/hosting"
	"github.com/handrail/handrail/workflows"
)

// realOptions are the flags of dev -real-machine.
type realOptions struct {
	dir      string // dev's data folder
	rescue   string // the folder of boot files; empty is one in dir
	firmware string
	medium   bool // see realMachine
}

// realRun is one reinstallation of a real machine, from the ticket to the login.
type realRun struct {
	*system
	*reporter
	real    *realMachine
	machine *datacenter.Machine
	times   milestones
	key     ssh.Signer // the customer's
	public  string
	ticket  string
	id      string // the workflow's
	blank   map[string]string
	boots   []chassis.Boot // since the ticket
	step    string         // what is being done, for who reads of its failure
}

// realLimit bounds everything after the system runs: the policy gives the
// installation an hour.
const realLimit = 90 * time.Minute

// realHost is the name that the customer asks for.
const realHost = "real1.example.net"

// reinstallForReal starts a system with a real machine, has it reinstalled as a
// customer would, and proves it by logging in.
func reinstallForReal(ctx context.Context, o realOptions) (err error) {
	r := &realRun{reporter: newReporter(os.Stdout), step: "look for what it needs"}
	firmware := hosting.Firmware(o.firmware)
	if realServers[firmware] == "" {
		return fmt.Errorf("-firmware %q is neither uefi nor legacy", o.firmware)
	}
	if err := qemu.Installed(firmware); err != nil {
		return err
	}
	folder, err := openFolder(ctx, filepath.Join(o.dir, "real-machine"), true)
	if err != nil {
		return err
	}
	defer folder.close()
	r.real = &realMachine{firmware: firmware, files: o.rescue, folder: filepath.Join(folder.path, "machine"), bootPort: defaultPorts.boot, medium: o.medium}
	if o.rescue == "" {
		r.real.files = filepath.Join(filepath.Dir(folder.path), "rescue")
	}
	if err := r.run(ctx, folder); err != nil {
		return fmt.Errorf("%s: %w\n(%sthe log is %s)", r.step, err, r.real.whereConsole(), folder.logPath())
	}
	return nil
}

func (r *realRun) run(ctx context.Context, kept *folder) (err error) {
	r.step = "build the boot files"
	if err := r.real.prepare(ctx, r.w); err != nil {
		return err
	}
	r.step = "start the system"
	began := time.Now()
	s, err := start(ctx, config{
		dir: kept.path, databaseURL: os.Getenv("DATABASE_URL"), ports: defaultPorts, servers: realFleet, policy: realPolicy, real: r.real,
		log:      slog.New(slog.NewTextHandler(kept.log, nil)),
		progress: func(part string) { fmt.Fprintf(r.w, "  starting the %s …\n", part) },
	})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.stop(ctx)) }()
	r.system, r.machine = s, s.center.Machine(realServers[r.real.firmware])
	s.places(r.w, time.Since(began))
	ctx, cancel := context.WithTimeout(ctx, realLimit)
	defer cancel()
	for _, step := range []struct {
		name string
		do   func(context.Context) error
	}{
		{"look at the machine", func(context.Context) error { return r.delivered() }},
		{"write the ticket", func(context.Context) error { return r.ask() }},
		{"reinstall", r.follow},
		{"look at what was left", func(context.Context) error { return r.inspect() }},
		{"log in to the installed system", r.enter},
	} {
		r.step = step.name
		if err := step.do(ctx); err != nil {
			return err
		}
	}
	fmt.Fprintln(r.w)
	r.times.table(r.w, r.began)
	return nil
}

// delivered looks at the machine as its customer has it: with empty disks.
func (r *realRun) delivered() (err error) {
	if r.real.medium {
		if err := r.machine.SetFault(fault.Fault{Name: fault.NoNetworkBoot}); err != nil {
			return err
		}
	}
	fmt.Fprintf(r.w, "\nThe machine of %s is real: QEMU behind the BMC of a %s, %s firmware, %d empty disks.\nIts serial console: %s\n\n",
		r.machine.Server(), r.machine.Vendor(), r.real.firmware, len(r.machine.Hardware().Drives), r.real.console())
	r.blank, err = r.diskSums()
	return err
}

// diskSums are the checksums of the disks' images, by serial number. A write to
// a disk changes its image.
func (r *realRun) diskSums() (map[string]string, error) {
	sums := make(map[string]string)
	for _, d := range r.machine.Hardware().Drives {
		sum, err := checksum(r.real.front.Machine().DiskImage(d.Serial))
		if err != nil {
			return nil, err
		}
		sums[d.Serial] = sum
	}
	return sums, nil
}

// ask opens the customer's ticket, which leaves nothing to ask.
func (r *realRun) ask() (err error) {
	if r.key, r.public, err = login.NewKey(); err != nil {
		return err
	}
	owner, err := r.owner()
	if err != nil {
		return err
	}
	subject, body := ticketdesk.ReinstallText(hosting.English, r.machine.ID(), r.provider, ticketdesk.Reinstallation{
		System: "Debian 12", HostName: realHost, SSHKeys: []string{r.public},
		Power: hosting.PowerAllowed, Backup: hosting.BackupExists, Erase: true,
	})
	r.restart()
	if r.ticket, err = r.desk.Create(owner.Email, subject, body); err != nil {
		return err
	}
	r.id = workflows.IDPrefix(hosting.OSReinstall) + "/" + r.ticket
	r.event(fmt.Sprintf("ticket %s by %s: %s", r.ticket, owner.Name, subject))
	return nil
}

// owner is who may speak for the machine's organization and writes English.
func (r *realRun) owner() (hosting.Contact, error) {
	for _, o := range r.center.Organizations() {
		if o.ID != r.machine.Server().Organization {
			continue
		}
		for _, c := range o.Contacts {
			if c.Active && c.Language == hosting.English {
				return c, nil
			}
		}
	}
	return hosting.Contact{}, fmt.Errorf("nobody speaks for %s in English", r.machine.Server().Organization)
}
