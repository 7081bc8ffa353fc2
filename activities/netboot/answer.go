package netboot

import (
	"bytes"
	"cmp"
	"embed"
	"encoding/json"
	"net/url"
	"strings"
	"text/template"

	"github.com/handrail/handrail/hosting"
)

//go:embed templates
var files embed.FS

var templates = template.Must(template.New("").Option("missingkey=error").Funcs(template.FuncMap{
	"quote": shellQuote, "json": toJSON, "join": strings.Join,
}).ParseFS(files, "templates/*.tmpl"))

// answerFiles are the templates of the answers.
var answerFiles = map[hosting.AnswerFormat]string{
	hosting.AnswerPreseed:     "preseed.cfg.tmpl",
	hosting.AnswerAutoinstall: "user-data.tmpl",
	hosting.AnswerKickstart:   "kickstart.tmpl",
	hosting.AnswerOrder:       "order.tmpl",
}

// Answer renders the file that the boot's installer reads: a preseed, cloud-init
// user-data with an autoinstall, a kickstart, or an order for our rescue system.
func (b Boot) Answer() (string, error) {
	if err := b.check(); err != nil {
		return "", err
	}
	return b.render(answerFiles[b.Plan.System.Answer])
}

// MetaData renders cloud-init's meta-data, which names the instance.
func (b Boot) MetaData() (string, error) {
	if err := b.check(); err != nil {
		return "", err
	}
	return b.render("meta-data.tmpl")
}

// InstallerScript renders the POSIX shell script that a distribution's installer
// fetches and runs: "start" reports, "erase" finds the disks, asks for
// permission and hands them to the installer, "finish" reports the host keys and
// the end. It stops the installer where permission is refused. The order of our
// rescue system has none (Unsupported).
func (b Boot) InstallerScript() (string, error) {
	if err := b.check(); err != nil {
		return "", err
	}
	if b.Purpose != hosting.BootInstall || b.Plan.System.Method != hosting.MethodInstaller {
		return "", hosting.NewFault(hosting.FaultUnsupported, b.Server, "the rescue system needs no script", "give it the order")
	}
	return b.render("installer.sh.tmpl")
}

func (b Boot) render(name string) (string, error) {
	var out bytes.Buffer
	if err := templates.ExecuteTemplate(&out, name, b.view()); err != nil {
		return "", err
	}
	return out.String(), nil
}

// view is a boot as the templates see it.
type view struct {
	Boot
	Parts   []part
	Count   int // of disks
	Serials []string
	UEFI    bool
	Array   bool
	Level   string
	// Host and Domain are the two halves of the host name.
	Host, Domain string
	Mirror       mirror
	Image        string
	// ByPassword: root may log in with it, because there is no key.
	ByPassword bool
}

// mirror is the URL of a distribution's packages in the parts that Debian's
// installer asks for.
type mirror struct{ URL, Protocol, Host, Directory string }

// part is a partition in the order in which it is made: the one that takes the
// rest of the disk is the last.
type part struct {
	hosting.Partition
	Number int // from 1, without what the firmware needs
}

// Swap reports whether it is swap space.
func (p part) Swap() bool { return p.FileSystem == "swap" }

// Rest reports whether it takes what the others leave.
func (p part) Rest() bool { return p.MiB == 0 }

// Least is the size in MiB below which it is not made.
func (p part) Least() int64 {
	if p.MiB == 0 && p.Mount == "/" {
		return 4096
	}
	return cmp.Or(p.MiB, 64)
}

// MB is Least in the megabytes of 10^6 bytes that Debian's installer counts in.
func (p part) MB() int64 { return (p.Least()*1048576 + 999999) / 1000000 }

func (b Boot) view() view {
	p := b.Plan
	v := view{
		Boot: b, Parts: inOrder(p.Partitions), Count: cmp.Or(len(p.Disks), p.RAID.Least()),
		UEFI: p.Firmware == hosting.FirmwareUEFI, Array: p.RAID != hosting.RAIDNone, Level: string(p.RAID),
		ByPassword: b.PasswordHash != "" && len(p.SSHKeys) == 0,
	}
	for _, d := range p.Disks {
		v.Serials = append(v.Serials, d.Serial)
	}
	v.Host, v.Domain, _ = strings.Cut(p.HostName, ".")
	if u, err := url.Parse(p.System.Mirror); err == nil {
		v.Mirror = mirror{p.System.Mirror, u.Scheme, u.Host, cmp.Or(u.Path, "/")}
	}
	if p.System.Image.Path != "" {
		v.Image = b.Base + "/files/" + p.System.Image.Path
	}
	return v
}

func inOrder(partitions []hosting.Partition) (parts []part) {
	for _, rest := range []bool{false, true} {
		for _, p := range partitions {
			if (p.MiB == 0) == rest {
				parts = append(parts, part{p, len(parts) + 1})
			}
		}
	}
	return parts
}

// shellQuote quotes a text for a POSIX shell, whatever is in it.
func shellQuote(text string) string {
	return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
}

// toJSON writes a value as JSON, which YAML reads as well.
func toJSON(v any) (string, error) {
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	err := e.Encode(v)
	return strings.TrimSpace(out.String()), err
}
