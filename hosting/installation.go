package hosting

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
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
	// said.
	Keep []string `json:"keep,omitempty"`
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
	Disks      []Disk      `json:"disks,omitempty"`
	Keep       []Disk      `json:"keep,omitempty"`
	RAID       RAIDLevel   `json:"raid"`
	Layout     Layout      `json:"layout"`
	Partitions []Partition `json:"partitions"`
	HostName   string      `json:"hostName"`
	SSHKeys    []string    `json:"sshKeys,omitempty"`
	Password   string      `json:"password,omitempty"` // a reference
	Firmware   Firmware    `json:"firmware"`
	MACs       []string    `json:"macs"`
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

func serials(disks []Disk) []string {
	var out []string
	for _, d := range disks {
		out = append(out, d.Serial)
	}
	slices.Sort(out)
	return out
}

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
)

var hostNamePattern = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?){0,5}$`)

// HostNameValid reports whether a name can be a machine's (RFC 1123).
func HostNameValid(name string) bool { return len(name) <= 200 && hostNamePattern.MatchString(name) }

// NewPlan makes a plan of a request for a system of the catalogue on a machine,
// or says which fields keep it from being one. The server gives what the request
// leaves out.
func NewPlan(f InstallFields, s OperatingSystem, m Machine, server Server) (Plan, []UnclearField) {
	p := Plan{
		System: s, RAID: cmp.Or(f.RAID, RAIDNone), HostName: strings.ToLower(cmp.Or(f.HostName, server.HostName, server.ServiceID)),
		SSHKeys: f.SSHKeys, Password: f.Password, Firmware: cmp.Or(m.Firmware, s.Firmware[0]), MACs: m.MACs,
	}
	layout := Partitioning{Layout: LayoutDefault}
	if f.Partitioning != nil {
		layout = *f.Partitioning
	}
	p.Layout, p.Partitions = layout.Layout, layout.Plan()
	var wrong []UnclearField
	add := func(field Field, value string, problem Problem, why string) {
		wrong = append(wrong, UnclearField{Field: field, Value: value, Problem: problem, Why: why})
	}
	if !slices.Contains(s.Firmware, p.Firmware) {
		add(FieldSystem, f.System, ProblemFirmware, s.Title()+" does not start on "+string(p.Firmware)+" firmware")
	}
	if !HostNameValid(p.HostName) {
		add(FieldHostName, p.HostName, ProblemUnreadable, "it is no host name")
	}
	if err := layout.Validate(); err != nil {
		add(FieldPartitioning, layout.String(), ProblemUnreadable, err.Error())
	}
	wrong = append(wrong, p.chooseDisks(f.Keep, m.Disks)...)
	if len(wrong) == 0 && !p.fits() {
		add(FieldPartitioning, layout.String(), ProblemTooLarge, "the partitions do not fit on the disks")
	}
	return p, wrong
}

// chooseDisks decides which disks are erased and which are kept.
func (p *Plan) chooseDisks(keep []string, disks []Disk) []UnclearField {
	if len(disks) == 0 {
		if len(keep) > 0 {
			return []UnclearField{{Field: FieldKeepDisks, Value: strings.Join(keep, ", "), Problem: ProblemDisksNotListed, Why: "the BMC lists no disks"}}
		}
		return nil
	}
	for _, name := range keep {
		i := slices.IndexFunc(disks, func(d Disk) bool {
			return strings.EqualFold(name, d.Serial) || d.Bay != "" && strings.EqualFold(name, d.Bay)
		})
		if i < 0 {
			return []UnclearField{{Field: FieldKeepDisks, Value: name, Problem: ProblemUnknownDisk, Why: "no disk has this serial number or bay"}}
		}
		if !slices.Contains(p.Keep, disks[i]) {
			p.Keep = append(p.Keep, disks[i])
		}
	}
	free := slices.DeleteFunc(slices.Clone(disks), func(d Disk) bool { return d.Serial == "" || slices.Contains(p.Keep, d) })
	need := raidNeeds[p.RAID]
	n := len(free)
	if p.RAID == RAIDNone {
		n = min(n, 1)
	} else if p.RAID == RAID10 {
		n -= n % 2
	}
	if n < need.least {
		return []UnclearField{{
			Field: FieldRAID, Value: p.RAID.String(), Problem: ProblemTooFewDisks,
			Why: fmt.Sprintf("it needs %d disks, %d of %d are free", need.least, len(free), len(disks)),
		}}
	}
	p.Disks = free[:n]
	return nil
}

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
