package hosting

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// Layout is how disks are partitioned (I12).
type Layout string

// The layouts. The default has a /boot, a swap and the rest for /; single has
// one partition for all.
const (
	LayoutDefault Layout = "default"
	LayoutSingle  Layout = "single"
	LayoutCustom  Layout = "custom"
)

// Partitioning is a layout; Partitions are set with LayoutCustom and only then.
type Partitioning struct {
	Layout     Layout      `json:"layout"`
	Partitions []Partition `json:"partitions,omitempty"`
}

// Partition is one partition as the installed system mounts it.
type Partition struct {
	// Mount is an absolute path, or "swap".
	Mount string `json:"mount"`
	// MiB is the size in mebibytes; 0 is the rest of the disk, for one of them.
	MiB        int64  `json:"mib,omitempty"`
	FileSystem string `json:"fileSystem"` // ext4, xfs, swap
}

// layouts are what the layouts without partitions of their own mean.
var layouts = map[Layout][]Partition{
	LayoutDefault: {{"/boot", 1024, "ext4"}, {"swap", 4096, "swap"}, {"/", 0, "ext4"}},
	LayoutSingle:  {{"/", 0, "ext4"}},
}

// minimum are the sizes in MiB below which a system can not be installed.
var minimum = map[string]int64{"/": 4096, "/boot": 512}

const (
	maxPartitions = 12
	maxPartMiB    = 1 << 30 // a pebibyte
)

// notSeparate matches what must be on the partition of / itself.
var notSeparate = regexp.MustCompile(`^/(?:bin|dev|etc|lib|lib32|lib64|proc|run|sbin|sys)(?:/|$)`)

var mountPoint = regexp.MustCompile(`^/([a-z0-9][a-z0-9._-]{0,30}(/[a-z0-9][a-z0-9._-]{0,30}){0,3})?$`)

// Plan returns the partitions of the layout.
func (p Partitioning) Plan() []Partition {
	if p.Layout == LayoutCustom {
		return slices.Clone(p.Partitions)
	}
	return slices.Clone(layouts[p.Layout])
}

// String writes it as ParsePartitioning reads it.
func (p Partitioning) String() string {
	if p.Layout != LayoutCustom {
		return string(p.Layout)
	}
	words := make([]string, len(p.Partitions))
	for i, part := range p.Partitions {
		words[i] = part.Mount + " " + cmp.Or(part.Size(), "rest")
		if part.Mount != "swap" {
			words[i] += " " + part.FileSystem
		}
	}
	return strings.Join(words, ", ")
}

// Size writes the size as ParsePartitioning reads it, such as 50G; empty where
// the partition takes the rest of the disk.
func (part Partition) Size() string {
	switch {
	case part.MiB <= 0:
		return ""
	case part.MiB%(1<<20) == 0:
		return fmt.Sprintf("%dT", part.MiB>>20)
	case part.MiB%(1<<10) == 0:
		return fmt.Sprintf("%dG", part.MiB>>10)
	}
	return fmt.Sprintf("%dM", part.MiB)
}

// Validate reports what is wrong with a layout, as InvalidRequest.
func (p Partitioning) Validate() error {
	if p.Layout != LayoutCustom {
		if _, known := layouts[p.Layout]; !known || len(p.Partitions) > 0 {
			return Invalid("", "the partitioning "+quote(string(p.Layout))+" is not one", "use default, single, or custom with partitions")
		}
		return nil
	}
	if len(p.Partitions) == 0 || len(p.Partitions) > maxPartitions {
		return Invalid("", fmt.Sprintf("%d partitions are none or too many", len(p.Partitions)), fmt.Sprintf("give between 1 and %d", maxPartitions))
	}
	seen, rest := map[string]bool{}, 0
	for _, part := range p.Partitions {
		if err := part.validate(); err != nil {
			return err
		}
		if seen[part.Mount] {
			return Invalid("", "two partitions for "+part.Mount, "give each mount point once")
		}
		seen[part.Mount] = true
		if part.MiB == 0 {
			rest++
		}
	}
	switch {
	case !seen["/"]:
		return Invalid("", "no partition for /", "the system itself needs one")
	case rest > 1:
		return Invalid("", "two partitions that take the rest of the disk", "leave the rest to one of them")
	}
	return nil
}

func (part Partition) validate() error {
	swap := part.Mount == "swap"
	switch {
	case !swap && !mountPoint.MatchString(part.Mount):
		return Invalid("", quote(part.Mount)+" is no mount point", "write an absolute path in small letters such as /srv, or swap")
	case part.Mount == "/boot/efi":
		return Invalid("", "/boot/efi among the partitions", "leave it out: it is added where the firmware needs it")
	case notSeparate.MatchString(part.Mount):
		return Invalid("", part.Mount+" on a partition of its own", "leave it out: a system does not start without it on /")
	case swap != (part.FileSystem == "swap") || !slices.Contains([]string{"ext4", "xfs", "swap"}, part.FileSystem):
		return Invalid("", "the file system "+quote(part.FileSystem)+" of "+part.Mount+" is not offered", "use ext4 or xfs")
	case part.MiB < 0 || part.MiB > maxPartMiB:
		return Invalid("", "the size of "+part.Mount+" can not be meant", "give gigabytes such as 50G, or rest")
	case part.Mount == "/boot" && part.FileSystem == "xfs":
		return Invalid("", "/boot on xfs", "use ext4 for /boot, which every boot loader reads")
	case part.MiB > 0 && part.MiB < max(64, minimum[part.Mount]):
		return Invalid("", fmt.Sprintf("%d MiB for %s is too little", part.MiB, part.Mount), fmt.Sprintf("give at least %d MiB", max(64, minimum[part.Mount])))
	}
	return nil
}
