// Package netboot is what a machine meets that boots over the network: the iPXE
// script for its card, the answer file for its installer, and the doors through
// which the installer asks for permission and reports (I11, I12, I14).
//
// A machine without a pending boot is told to start from its disk. All that is
// secret is behind a token, which the script carries and which is worth nothing
// any more when the boot has ended.
package netboot

import (
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/handrail/handrail/hosting"
)

// Boot is a boot as it is rendered for the machine. What is in it comes out of
// checked sets of characters, or nothing is rendered.
type Boot struct {
	hosting.NetworkBoot
	// Base is the gateway's URL as machines reach it, without a slash at its end.
	Base string
	// Token is what the machine shows: 32 random bytes in base64url.
	Token string
	// PasswordHash is what the plan's password refers to, a crypt(3) hash; empty
	// locks the password.
	PasswordHash string
}

// URL is where the machine fetches its answer and reports to.
func (b Boot) URL() string { return b.Base + "/t/" + b.Token }

var (
	baseURL = regexp.MustCompile(`^https?://([A-Za-z0-9][A-Za-z0-9.-]{0,252}|\[[0-9A-Fa-f:.]{2,45}\])(:[0-9]{1,5})?$`)
	// Serial numbers go through shells, boot loaders and lists of words.
	serialNumber = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._:+/-]{0,63}$`)
	bootID       = regexp.MustCompile(`^[A-Za-z0-9-]{1,64}$`)
)

// CheckBase reports whether a URL can be the gateway's as machines reach it.
func CheckBase(base string) error {
	if _, err := url.Parse(base); err != nil || !baseURL.MatchString(base) {
		return hosting.Invalid("", "it is not the URL of a host", "write it as http://192.0.2.10:8081, without a path")
	}
	return nil
}

// check reports what keeps a boot from being rendered, as InvalidRequest.
func (b Boot) check() error {
	wrong := func(what, do string) error {
		return hosting.Invalid(b.Server, "the network boot can not be written out: "+what, do)
	}
	p := b.Plan
	if err := CheckBase(b.Base); err != nil {
		return err
	}
	if err := p.System.Validate(); err != nil {
		return err
	}
	if _, ok := parseToken(b.Token); !ok || !bootID.MatchString(b.ID) {
		return wrong("it has no token or no id", "report this as an error of the program")
	}
	for _, m := range p.MACs {
		if n, ok := parseMAC(m); !ok || n != m {
			return wrong(fmt.Sprintf("%q is no network card", m), "write MACs in lower case with colons in the server's record")
		}
	}
	for _, k := range p.SSHKeys {
		if clean, err := hosting.ParsePublicKey(k); err != nil || clean != k {
			return wrong("an SSH key is none, or not in its plain form", "ask for the keys again")
		}
	}
	if b.PasswordHash != "" && !cryptHash.MatchString(b.PasswordHash) {
		return wrong("the password's hash is none", "correct the secret that the plan refers to")
	}
	if b.Purpose == hosting.BootRescue {
		if p.System.Answer != hosting.AnswerOrder {
			return wrong(p.System.ID+" is not a rescue system", "choose the rescue system of the catalogue")
		}
		return nil
	}
	return b.checkInstallation(wrong)
}

func (b Boot) checkInstallation(wrong func(what, do string) error) error {
	p := b.Plan
	custom := hosting.Partitioning{Layout: hosting.LayoutCustom, Partitions: p.Partitions}
	switch {
	case b.Purpose != hosting.BootInstall:
		return wrong("its purpose is not known", "report this as an error of the program")
	case p.System.Method == hosting.MethodRescue:
		return wrong(p.System.ID+" is not a system to install", "choose another one")
	case !hosting.HostNameValid(p.HostName):
		return wrong(fmt.Sprintf("%q is no host name", p.HostName), "use letters, digits, dashes and dots")
	case p.Firmware != hosting.FirmwareUEFI && p.Firmware != hosting.FirmwareLegacy:
		return wrong("the firmware is not known", "relaunch the step that checks the machine")
	case !p.RAID.Known():
		return wrong("the RAID level is not known", "use none, 0, 1, 5, 6 or 10")
	case len(p.Disks) > 0 && (len(p.Disks) < p.RAID.Least() || p.RAID == hosting.RAIDNone && len(p.Disks) > 1):
		return wrong(fmt.Sprintf("%s on %d disks", p.RAID, len(p.Disks)), "relaunch the step that checks the machine")
	case slices.ContainsFunc(p.Partitions, func(part hosting.Partition) bool { return strings.HasPrefix(part.Mount, "/boot/") }):
		return wrong("a partition below /boot", "leave it out: what the firmware needs is made anyway")
	}
	for _, d := range p.Disks {
		if !serialNumber.MatchString(d.Serial) {
			return wrong(fmt.Sprintf("the serial number %q holds what an installer can not carry", d.Serial), "install this server by hand")
		}
	}
	return custom.Validate()
}
