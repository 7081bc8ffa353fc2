package hosting

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// InstallFields are what a reinstallation is asked for with (I11, I12). What was
// not said is empty and becomes the default, which the plan then names.
type InstallFields struct {
	// System is how the customer names it.
	System       string        `json:"system,omitempty"`
	Partitioning *Partitioning `json:"partitioning,omitempty"`
	RAID         RAIDLevel     `json:"raid,omitempty"`
	HostName     string        `json:"hostName,omitempty"`
	// SSHKeys are public keys as authorized_keys holds them.
	SSHKeys []string `json:"sshKeys,omitempty"`
	// Password refers to a crypt(3) hash in the secret store. Never the password.
	Password string `json:"password,omitempty"`
	// Keep names disks that stay untouched, by serial number or bay; nil is not
	// said, empty is none.
	Keep []string `json:"keep,omitzero"`
	// Erasure is the customer's consent to lose the data (I13, I14).
	Erasure *ErasureStatement `json:"erasure,omitempty"`
}

// ErasureStatement is a data-loss consent as it was made, with the name of the
// system that the customer put into it.
type ErasureStatement struct {
	System   string   `json:"system"`
	Evidence Evidence `json:"evidence"`
}

// Disk is a disk as the BMC lists it.
type Disk struct {
	Serial string `json:"serial"`
	Bay    string `json:"bay,omitempty"`
	Model  string `json:"model,omitempty"`
	Bytes  int64  `json:"bytes,omitempty"`
}

// String names the disk for people.
func (d Disk) String() string {
	s := d.Serial
	if d.Bay != "" {
		s += " (bay " + d.Bay + ")"
	}
	return s
}

// Machine is what is known of the hardware before an installation.
type Machine struct {
	// Disks are those that the BMC lists; none where it can not.
	Disks    []Disk   `json:"disks,omitempty"`
	Firmware Firmware `json:"firmware,omitempty"` // empty is not known
	MACs     []string `json:"macs,omitempty"`
}

// Plan is an installation in every particular; nothing in it is left to be
// guessed by who carries it out.
type Plan struct {
	System OperatingSystem `json:"system"`
	// Disks are those that are erased, in the order of their use. None means that
	// the BMC lists no disks: the installer takes the first RAID.Least of them.
	Disks []Disk `json:"disks,omitempty"`
	Keep  []Disk `json:"keep,omitempty"`
	// Unused are the other disks: they stay untouched as well.
	Unused     []Disk      `json:"unused,omitempty"`
	RAID       RAIDLevel   `json:"raid"`
	Layout     Layout      `json:"layout"`
	Partitions []Partition `json:"partitions"`
	HostName   string      `json:"hostName"`
	SSHKeys    []string    `json:"sshKeys,omitempty"`
	Password   string      `json:"password,omitempty"` // a reference
	Firmware   Firmware    `json:"firmware"`
	MACs       []string    `json:"macs"`
	// Defaults are the fields that the request left out: what stands for them
	// here is the default (I12).
	Defaults []Field `json:"defaults,omitempty"`
}

// String tells the plan in a line, for staff.
func (p Plan) String() string {
	s := p.System.Title() + " as " + p.HostName + ", partitioning " + Partitioning{p.Layout, p.Partitions}.String() + ", " + p.RAID.String()
	if len(p.Disks) > 0 {
		s += ", on " + strings.Join(serials(p.Disks), " ")
	}
	if len(p.Keep) > 0 {
		s += ", keeping " + strings.Join(serials(p.Keep), " ")
	}
	return s
}

// User is who logs in first: root, but where the distribution has another.
func (p Plan) User() string {
	if p.System.Answer == AnswerAutoinstall {
		return "ubuntu"
	}
	return "root"
}

// Least is how many disks a level needs.
func (r RAIDLevel) Least() int { return raidNeeds[r].least }

// Target is what a data-loss consent is bound to, besides the server and the
// ticket: the system, the disks that are erased and those that are kept (I14).
func (p Plan) Target() string {
	disks := serials(p.Disks)
	if len(disks) == 0 {
		disks = []string{fmt.Sprintf("(%d not listed by the BMC)", p.RAID.Least())}
	}
	t := "install " + p.System.ID + "; erase " + strings.Join(disks, " ")
	if len(p.Keep) > 0 {
		t += "; keep " + strings.Join(serials(p.Keep), " ")
	}
	return t
}

// serials returns the serial numbers in order, those in quotes that could be
// taken for several or for words of the target.
func serials(disks []Disk) []string {
	var out []string
	for _, d := range disks {
		if !plainSerial.MatchString(d.Serial) {
			out = append(out, strconv.Quote(d.Serial))
			continue
		}
		out = append(out, d.Serial)
	}
	slices.Sort(out)
	return out
}

var plainSerial = regexp.MustCompile(`^[A-Za-z0-9._:/+-]+$`)

// Problem is why a request can not be carried out as it stands, for the
// customer's language.
type Problem string

// The problems of a request.
const (
	ProblemUnreadable     Problem = "" // it was not understood
	ProblemUnknownSystem  Problem = "unknown-system"
	ProblemSeveralSystems Problem = "several-systems"
	ProblemFirmware       Problem = "wrong-firmware"
	ProblemTooFewDisks    Problem = "too-few-disks"
	ProblemUnknownDisk    Problem = "unknown-disk"
	ProblemDisksNotListed Problem = "disks-not-listed"
	ProblemTooLarge       Problem = "too-large"
	// ProblemOtherSystem: the data-loss consent names another system than the one
	// that is to be installed (I14).
	ProblemOtherSystem Problem = "other-system"
)

// Problems lists the problems of a request.
func Problems() []Problem {
	return []Problem{
		ProblemUnreadable, ProblemUnknownSystem, ProblemSeveralSystems, ProblemFirmware, ProblemTooFewDisks, ProblemUnknownDisk,
		ProblemDisksNotListed, ProblemTooLarge, ProblemOtherSystem,
	}
}

var hostNamePattern = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?){0,5}$`)

// maxHostName is the longest name that Linux takes, in bytes.
const maxHostName = 64

// HostNameValid reports whether a name can be a machine's (RFC 1123): labels of
// small letters, digits and dashes. A name that ends in a number is taken for an
// address by some programs, so it is none.
func HostNameValid(name string) bool {
	last := name[strings.LastIndexByte(name, '.')+1:]
	return len(name) <= maxHostName && hostNamePattern.MatchString(name) && strings.Trim(last, "0123456789") != ""
}

// NewPlan makes a plan of a request for a system of the catalogue on a machine,
// or says which fields keep it from being one. The server gives what the request
// leaves out.
func NewPlan(f InstallFields, s OperatingSystem, m Machine, server Server) (Plan, []UnclearField) {
	p := Plan{
		System: s, RAID: cmp.Or(f.RAID, RAIDNone), HostName: strings.ToLower(cmp.Or(f.HostName, server.HostName, server.ServiceID)),
		SSHKeys: slices.Clone(f.SSHKeys), Password: f.Password, Firmware: m.Firmware, MACs: m.MACs, Defaults: f.unsaid(),
	}
	if p.Firmware == "" && len(s.Firmware) > 0 {
		p.Firmware = s.Firmware[0]
	}
	layout := Partitioning{Layout: LayoutDefault}
	if f.Partitioning != nil {
		layout = *f.Partitioning
	}
	p.Layout, p.Partitions = layout.Layout, layout.Plan()
	var wrong []UnclearField
	note := func(u UnclearField) {
		if slices.Contains(p.Defaults, u.Field) {
			u.Value = "" // the customer did not write it
		}
		wrong = append(wrong, u)
	}
	add := func(field Field, value string, problem Problem, why string) {
		note(UnclearField{Field: field, Value: value, Problem: problem, Why: why})
	}
	if !slices.Contains(s.Firmware, p.Firmware) {
		add(FieldSystem, f.System, ProblemFirmware, s.Title()+" does not start on "+string(p.Firmware)+" firmware")
	}
	if !HostNameValid(p.HostName) {
		add(FieldHostName, p.HostName, ProblemUnreadable, p.HostName+" is no host name")
	}
	if err := layout.Validate(); err != nil {
		add(FieldPartitioning, layout.String(), ProblemUnreadable, err.Error())
	}
	if !p.RAID.Known() {
		add(FieldRAID, string(p.RAID), ProblemUnreadable, "it is none of the levels")
	} else {
		for _, u := range p.chooseDisks(f.Keep, m.Disks) {
			note(u)
		}
	}
	if len(wrong) == 0 && !p.fits() {
		add(FieldPartitioning, layout.String(), ProblemTooLarge, "the partitions do not fit on the disks")
	}
	return p, wrong
}

// Says reports whether the request says something on a field.
func (f InstallFields) Says(field Field) bool {
	return map[Field]bool{
		FieldSystem: f.System != "", FieldPartitioning: f.Partitioning != nil, FieldRAID: f.RAID != "", FieldHostName: f.HostName != "",
		FieldKeepDisks: f.Keep != nil, FieldSSHKeys: len(f.SSHKeys) > 0, FieldErasure: f.Erasure != nil,
	}[field]
}

// unsaid lists what a request leaves to the defaults.
func (f InstallFields) unsaid() (fields []Field) {
	for _, field := range []Field{FieldPartitioning, FieldRAID, FieldHostName, FieldKeepDisks} {
		if !f.Says(field) {
			fields = append(fields, field)
		}
	}
	return fields
}

// chooseDisks decides which disks are erased and which are kept. A name that fits
// several disks keeps all of them. Disks that have one serial number can not be
// told apart, and one with a serial number that a boot loader trips over can not
// be named: none of them is erased.
func (p *Plan) chooseDisks(keep []string, disks []Disk) []UnclearField {
	if len(disks) == 0 {
		if len(keep) > 0 {
			return []UnclearField{{Field: FieldKeepDisks, Value: strings.Join(keep, ", "), Problem: ProblemDisksNotListed, Why: "the BMC lists no disks"}}
		}
		return nil
	}
	for _, name := range keep {
		if !slices.ContainsFunc(disks, func(d Disk) bool { return d.called(name) }) {
			return []UnclearField{{Field: FieldKeepDisks, Value: name, Problem: ProblemUnknownDisk, Why: "no disk has this serial number or bay"}}
		}
	}
	var free []Disk
	count := map[string]int{}
	for _, d := range disks {
		count[strings.ToLower(d.Serial)]++
	}
	for _, d := range disks {
		switch {
		case slices.ContainsFunc(keep, d.called):
			p.Keep = append(p.Keep, d)
		case plainSerial.MatchString(d.Serial) && count[strings.ToLower(d.Serial)] == 1:
			free = append(free, d)
		}
	}
	need := raidNeeds[p.RAID]
	n := len(free)
	if p.RAID == RAIDNone {
		n = min(n, 1)
	} else if p.RAID == RAID10 {
		n -= n % 2
	}
	if n < need.least {
		return []UnclearField{{
			Field: FieldRAID, Value: string(p.RAID), Problem: ProblemTooFewDisks,
			Why: fmt.Sprintf("%s needs %d disks, %d of %d are free", p.RAID, need.least, len(free), len(disks)), Have: len(free), Need: need.least,
		}}
	}
	p.Disks = free[:n]
	p.Unused = slices.DeleteFunc(slices.Clone(disks), func(d Disk) bool { return slices.Contains(p.Disks, d) || slices.Contains(p.Keep, d) })
	return nil
}

// called reports whether a customer's words name the disk: its serial number or
// its bay, with or without the word for that.
func (d Disk) called(name string) bool {
	name = strings.TrimSpace(name)
	serial, bay := serialWord.ReplaceAllString(name, ""), bayWord.ReplaceAllString(name, "")
	return d.Serial != "" && (strings.EqualFold(name, d.Serial) || strings.EqualFold(serial, d.Serial)) ||
		d.Bay != "" && (strings.EqualFold(name, d.Bay) || strings.EqualFold(bay, bayWord.ReplaceAllString(d.Bay, "")))
}

var (
	serialWord = regexp.MustCompile(`(?i)^(?:serial(?: number)?|s/n|sn|seriale|numero (?:di serie|seriale)|numer seryjny)[ :.#]+`)
	bayWord    = regexp.MustCompile(`(?i)^(?:bay|slot|vano|alloggiamento|baia|zatoka|kieszeń|kieszen)[ :.#]+`)
)

// fits reports whether the partitions have room, as far as sizes are known.
func (p *Plan) fits() bool {
	if len(p.Disks) == 0 || slices.ContainsFunc(p.Disks, func(d Disk) bool { return d.Bytes == 0 }) {
		return true
	}
	smallest := slices.MinFunc(p.Disks, func(a, b Disk) int { return cmp.Compare(a.Bytes, b.Bytes) }).Bytes
	room := smallest >> 20 * int64(raidNeeds[p.RAID].data(len(p.Disks)))
	var wanted int64 = 1024 // firmware's partition, metadata
	for _, part := range p.Partitions {
		wanted += max(part.MiB, cmp.Or(minimum[part.Mount], 64))
	}
	return wanted <= room
}
