package netboot

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/handrail/handrail/hosting"
)

// DiskScript is the iPXE script for a machine that nothing is pending for. With
// UEFI, leaving iPXE goes on in the firmware's boot order; a BIOS may not try the
// disk after the network, so iPXE starts it.
const DiskScript = `#!ipxe
echo Handrail: nothing is to be done with this machine, it starts from its disk
iseq ${platform} efi && goto efi || goto bios
:efi
exit 0
:bios
sanboot --no-describe --drive 0x80 || exit 1
`

// PreseedStub is what Debian's installer gets when it takes the address of the
// boot script for that of its answer file, which DHCP makes it do. It holds
// nothing secret: it includes the file that the installer's own command line
// names, and where that names none it has no effect.
const PreseedStub = `# Handrail: the answers are at the URL that the kernel's command line names.
d-i preseed/include_command string sed -e 's/.*handrail[.]answer=//' -e t -e d /proc/cmdline | sed 's/ .*//'
`

// Script returns the iPXE script that starts the boot's kernel on the machine
// whose card has the address mac (lower case, colons). The lines that begin with
// kernel and initrd hold nothing but the command: our rescue system follows them
// too.
func (b Boot) Script(mac string) (string, error) {
	if err := b.check(); err != nil {
		return "", err
	}
	card, ok := parseMAC(mac)
	if !ok {
		return "", hosting.Invalid(b.Server, "the machine has no network card's address", "report this as an error of the program")
	}
	s := b.Plan.System
	arguments := append([]string{"initrd=initrd"}, b.arguments(card)...)
	if s.Arguments != "" {
		arguments = append(arguments, strings.Fields(s.Arguments)...)
	}
	script := fmt.Sprintf(`#!ipxe
echo Handrail: %s of %s, boot %s
kernel %s/files/%s %s
initrd --name initrd %s/files/%s
boot
`, b.Purpose, s.ID, b.ID, b.Base, s.Kernel.Path, strings.Join(arguments, " "), b.Base, s.Initrd.Path)
	if !harmless.MatchString(script) {
		return "", hosting.Invalid(b.Server, "the boot script would hold characters that iPXE gives a meaning to", "look at the arguments of "+s.ID+" in the catalogue")
	}
	return script, nil
}

// harmless has none of the characters that iPXE's scripts give a meaning to
// within a line: quotes, dollars, backslashes, bars, ampersands. The only number
// sign is the one of the first line.
var harmless = regexp.MustCompile(`^#!ipxe\n[A-Za-z0-9_.,:;=/@+~ \[\]\n-]*$`)

// arguments are ours for the kernel, by what reads them. BOOTIF names the card
// to the installers in PXE's way.
func (b Boot) arguments(mac string) []string {
	p, at := b.Plan, b.URL()
	card := "BOOTIF=01-" + strings.ReplaceAll(mac, ":", "-")
	switch p.System.Answer {
	case hosting.AnswerPreseed:
		host, domain, _ := strings.Cut(p.HostName, ".")
		args := []string{
			"auto=true", "priority=critical", "interface=auto", card, "hostname=" + host,
			"url=" + at + "/answer", "handrail.answer=" + at + "/answer",
		}
		if domain != "" {
			args = append(args, "domain="+domain)
		}
		return args
	case hosting.AnswerAutoinstall:
		// Without the first, cloud-init reads the installer's image as its settings.
		return []string{"cloud-config-url=/dev/null", "ip=dhcp", card, "autoinstall", "ds=nocloud;s=" + at + "/"}
	case hosting.AnswerKickstart:
		return []string{"inst.text", "ip=dhcp", card, "inst.repo=" + p.System.Mirror, "inst.ks=" + at + "/answer"}
	default:
		return []string{card, "handrail.url=" + at}
	}
}
