package ticket

import (
	"regexp"
	"strings"

	"github.com/handrail/handrail/hosting"
)

// installation takes what a reinstallation is asked for with (I11, I12, I17).
func (m *message) installation() {
	m.system()
	m.partitioning()
	m.raid()
	m.hostName()
	m.keys()
	m.keep()
	m.erasure()
}

// maxSystem is the longest name of a system, in bytes: no longer one fits into
// the data-loss consent.
const maxSystem = 80

func (m *message) system() {
	f := &m.event.Fields.Install
	for _, v := range m.values(hosting.FieldSystem) {
		name := strings.Trim(v.first(), " *_`\"'")
		switch {
		case len(name) > maxSystem:
			m.unclear(hosting.FieldSystem, name, "it is too long for the name of a system")
		case f.System != "" && hosting.Fold(f.System) != hosting.Fold(name): // our own list, sent back whole
			m.unclear(hosting.FieldSystem, f.System+", "+name, "the message names two different systems")
			f.System = ""
			return
		default:
			f.System = name
		}
	}
}

func (m *message) partitioning() {
	f := &m.event.Fields.Install
	for _, v := range m.values(hosting.FieldPartitioning) {
		layout, err := hosting.ParsePartitioning(withoutBullets(v.paragraph()))
		switch {
		case err != nil:
			m.unclear(hosting.FieldPartitioning, v.paragraph(), err.Error())
		case f.Partitioning != nil && f.Partitioning.String() != layout.String():
			m.unclear(hosting.FieldPartitioning, v.paragraph(), "the message asks for another partitioning as well: "+f.Partitioning.String())
			f.Partitioning = nil
			return
		default:
			f.Partitioning = &layout
		}
	}
}

func withoutBullets(text string) string {
	lines := strings.Split(text, "\n")
	for i, l := range lines {
		lines[i] = l[len(bullet.FindString(l)):]
	}
	return strings.Join(lines, "\n")
}

func (m *message) raid() {
	f := &m.event.Fields.Install
	for _, v := range m.written(hosting.FieldRAID) {
		level, ok := hosting.ParseRAID(v.short())
		switch {
		case !ok && nothing(v.all()):
		case !ok:
			m.unclear(hosting.FieldRAID, v.paragraph(), "it is none of the levels none, 0, 1, 5, 6 and 10")
		case f.RAID != "" && f.RAID != level:
			m.unclear(hosting.FieldRAID, v.paragraph(), "the message asks for "+f.RAID.String()+" as well")
			f.RAID = ""
			return
		default:
			f.RAID = level
		}
	}
}

func (m *message) hostName() {
	f := &m.event.Fields.Install
	for _, v := range m.values(hosting.FieldHostName) {
		name := strings.ToLower(strings.Trim(v.first(), " .*`\"'"))
		switch {
		case !hosting.HostNameValid(name):
			m.unclear(hosting.FieldHostName, v.first(), "it is no host name: letters, digits, dashes and dots, at most 64")
		case f.HostName != "" && f.HostName != name:
			m.unclear(hosting.FieldHostName, f.HostName+", "+name, "the message gives two different host names")
			f.HostName = ""
			return
		default:
			f.HostName = name
		}
	}
}

const (
	maxKept     = 32
	maxDiskName = 80 // bytes
)

var (
	diskSplit = regexp.MustCompile(`[,;\n]| (?:and|e|ed|i|oraz) `)
	noDisks   = map[string]bool{
		"no": true, "no disk": true, "no disks": true, "none of them": true, "nessun disco": true, "nie": true, "zadnych": true, "zadnego": true, "zadne": true,
	}
)

// keep takes the disks that stay untouched. Nothing that was written here is
// passed over: what names no disk is found out when the disks are known, and
// asked about then. All the lists of a message count together.
func (m *message) keep() {
	f := &m.event.Fields.Install
	for _, v := range m.written(hosting.FieldKeepDisks) {
		text := withoutBullets(v.list())
		switch said := bare(text); {
		case said == "":
		case nothing(text) || noDisks[said]:
			if f.Keep == nil {
				f.Keep = []string{}
			}
		default:
			f.Keep = append(f.Keep, disks(text)...)
		}
	}
	if len(f.Keep) > maxKept {
		f.Keep = []string{cut(strings.Join(f.Keep, ", "), maxDiskName)}
	}
}

// list is the paragraph with what goes on after it like a list: a line of few
// words may name one more disk.
func (v value) list() string {
	var lines []string
	gap := false
	for _, l := range v.lines {
		if l == "" {
			gap = true
			continue
		}
		if gap && len(strings.Fields(l)) > 4 {
			break
		}
		lines = append(lines, l)
	}
	if len(lines) == 1 {
		return v.first()
	}
	return strings.Join(lines, "\n")
}

// disks are the names in a list.
func disks(text string) []string {
	var names []string
	for _, name := range diskSplit.Split(text, -1) {
		if name = strings.Trim(name, " .\t\"'`*()"); name != "" {
			names = append(names, cut(name, maxDiskName))
		}
	}
	return names
}
