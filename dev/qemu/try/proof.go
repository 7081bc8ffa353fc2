package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/handrail/handrail/dev/qemu"
	"github.com/handrail/handrail/dev/qemu/login"
	"golang.org/x/crypto/ssh"
)

// mustFail waits for the failure that was arranged and looks at the disks.
func (t trial) mustFail(ctx context.Context, s *store, say func(string), before string) error {
	how, err := s.ending(ctx)
	switch {
	case err != nil:
		return err
	case how == "":
		return errors.New("the machine was installed, and should not have been")
	case t.fingerprints() != before:
		return errors.New("the disks were written on")
	}
	say("PROVED: it failed, and the disks are as they were")
	return nil
}

// proveInstallation waits for the end of the installation, and then asks the
// installed system who it is.
func (t trial) proveInstallation(ctx context.Context, m *qemu.Machine, s *store, say func(string), key ssh.Signer) error {
	how, err := s.ending(ctx)
	if err == nil && how != "" {
		err = errors.New(how)
	}
	if err != nil {
		return err
	}
	client, err := login.Await(ctx, m.SSHAddress(), key, s.hostKeys())
	if err != nil {
		return fmt.Errorf("logging in to the installed system: %w", err)
	}
	say("logged in with the host key that was reported")
	if err := show(client, "hostname -f; uname -r; findmnt -n -t ext4,xfs,vfat -o TARGET,SOURCE,FSTYPE,SIZE; swapon --show=NAME,SIZE --noheadings; cat /proc/mdstat; [ -d /sys/firmware/efi ] && echo firmware uefi || echo firmware legacy; cat /proc/cmdline; systemctl is-system-running --wait; systemctl --failed --no-legend"); err != nil {
		say("a look at the system: " + err.Error())
	}
	if name, err := login.Command(client, "hostname -f"); err != nil || strings.TrimSpace(name) != "web1.example.net" {
		return fmt.Errorf("the system calls itself %q (%w)", name, err)
	}
	say("pressing the power button")
	if err := m.PressButton(ctx); err != nil {
		return err
	}
	for m.On() {
		select {
		case <-ctx.Done():
			return errors.New("the system does not follow the power button")
		case <-time.After(time.Second):
		}
	}
	say("PROVED: installed, started from its disk, and shut down by the button")
	return nil
}

// proveRescue logs in to the rescue system and looks at the disks.
func (t trial) proveRescue(ctx context.Context, m *qemu.Machine, s *store, say func(string), key ssh.Signer) error {
	for len(s.hostKeys()) == 0 {
		select {
		case how := <-s.ended:
			return errors.New(how)
		case <-ctx.Done():
			return errors.New("the rescue system does not report")
		case <-time.After(time.Second):
		}
	}
	client, err := login.Await(ctx, m.SSHAddress(), key, s.hostKeys())
	if err != nil {
		return fmt.Errorf("logging in to the rescue system: %w", err)
	}
	say("logged in with the host key that was reported")
	for _, line := range []string{"repair look", "repair check", "repair mount && ls /mnt /mnt/boot && cat /mnt/etc/hostname", "repair unmount"} {
		fmt.Println("# " + line)
		if err := show(client, line); err != nil {
			return fmt.Errorf("%s: %w", line, err)
		}
	}
	say("pressing the power button")
	if err := m.PressButton(ctx); err != nil {
		return err
	}
	for m.On() {
		select {
		case <-ctx.Done():
			return errors.New("the rescue system does not follow the power button")
		case <-time.After(time.Second):
		}
	}
	say("PROVED: the rescue system lets in, looks, checks, mounts")
	return nil
}

// show prints what a command says.
func show(client *ssh.Client, line string) error {
	out, err := login.Command(client, line)
	for l := range strings.Lines(out) {
		fmt.Print("          | " + l)
	}
	return err
}
