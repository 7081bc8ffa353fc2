package hosting

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
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
		size := "rest"
		if part.MiB > 0 {
			size = fmt.Sprintf("%dM", part.MiB)
		}
		words[i] = part.Mount + " " + size
		if part.Mount != "swap" {
			words[i] += " " + part.FileSystem
		}
	}
	return strings.Join(words, ", ")
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
		return Invalid("", quote(part.Mount)+" is no mount point", "write an absolute path such as /srv, or swap")
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

// layoutPhrases are the layouts as customers name them.
var layoutPhrases = []phrases[Layout]{
	{LayoutDefault, English, []string{"default", "default partitioning", "standard", "automatic", "as usual"}},
	{LayoutDefault, Italian, []string{"predefinito", "predefinita", "standard", "partizionamento predefinito", "automatico"}},
	{LayoutDefault, Polish, []string{"domyślne", "domyślny", "standardowe", "domyślne partycjonowanie", "automatyczne"}},
	{LayoutSingle, English, []string{"single", "single partition", "one partition", "everything in one partition"}},
	{LayoutSingle, Italian, []string{"singola", "singola partizione", "una sola partizione", "una partizione", "partizione unica"}},
	{LayoutSingle, Polish, []string{"pojedyncza", "jedna partycja", "pojedyncza partycja"}},
}

// restWords stand for the rest of a disk.
var restWords = []string{"rest", "*", "remaining", "resto", "il resto", "reszta", "the rest"}

var (
	partitionSplit = regexp.MustCompile(`[,;\n]+`)
	partitionSize  = regexp.MustCompile(`^([0-9]{1,7})(?:[.,]0)? ?(m|mb|mib|g|gb|gib|t|tb|tib)$`)
)

// ParsePartitioning reads how a customer asks for a layout: its name, or a list
// such as "/boot 1G, swap 8G, / 50G, /srv rest xfs". What can not be read, or
// can not be meant, is an InvalidRequest.
func ParsePartitioning(text string) (Partitioning, error) {
	if len(text) > maxPhraseBytes {
		return Partitioning{}, Invalid("", "the partitioning is too long", "give the list of partitions and nothing else")
	}
	key := strings.TrimSpace(spaced(text))
	for _, p := range layoutPhrases {
		if slices.ContainsFunc(p.said, func(said string) bool { return strings.TrimSpace(spaced(said)) == key }) {
			return Partitioning{Layout: p.meaning}, nil
		}
	}
	custom := Partitioning{Layout: LayoutCustom}
	for _, entry := range partitionSplit.Split(fold(text).key, -1) {
		entry = strings.Trim(entry, " -.")
		if entry == "" {
			continue
		}
		part, err := parsePartition(entry)
		if err != nil {
			return Partitioning{}, err
		}
		custom.Partitions = append(custom.Partitions, part)
	}
	return custom, custom.Validate()
}

func parsePartition(entry string) (Partition, error) {
	words := strings.Fields(strings.NewReplacer(":", " ", "=", " ").Replace(entry))
	unclear := Invalid("", quote(entry)+" is no partition", "write mount point and size, such as /srv 100G or / rest")
	part := Partition{FileSystem: "ext4"}
	part.Mount, words = words[0], words[1:]
	if part.Mount == "swap" {
		part.FileSystem = "swap"
	} else if n := len(words); n > 0 && (words[n-1] == "ext4" || words[n-1] == "xfs") {
		part.FileSystem, words = words[n-1], words[:n-1]
	}
	size := strings.Join(words, " ")
	if size == "" {
		return part, unclear
	}
	if slices.Contains(restWords, size) {
		return part, nil
	}
	m := partitionSize.FindStringSubmatch(size)
	if m == nil {
		return part, unclear
	}
	n, err := strconv.ParseInt(m[1], 10, 64)
	if err != nil || n == 0 {
		return part, unclear
	}
	part.MiB = n << map[byte]int{'m': 0, 'g': 10, 't': 20}[m[2][0]]
	return part, nil
}

// RAIDLevel is how disks are put together; empty is not said.
type RAIDLevel string

// The levels. None uses a single disk.
const (
	RAIDNone RAIDLevel = "none"
	RAID0    RAIDLevel = "0"
	RAID1    RAIDLevel = "1"
	RAID5    RAIDLevel = "5"
	RAID6    RAIDLevel = "6"
	RAID10   RAIDLevel = "10"
)

// raidNeeds is the least number of disks of each level, and how many of n disks
// hold data.
var raidNeeds = map[RAIDLevel]struct {
	least int
	data  func(n int) int
}{
	RAIDNone: {1, func(int) int { return 1 }},
	RAID0:    {2, func(n int) int { return n }},
	RAID1:    {2, func(int) int { return 1 }},
	RAID5:    {3, func(n int) int { return n - 1 }},
	RAID6:    {4, func(n int) int { return n - 2 }},
	RAID10:   {4, func(n int) int { return n / 2 }},
}

// Known reports whether it is one of the levels.
func (r RAIDLevel) Known() bool { _, ok := raidNeeds[r]; return ok }

// String names the level as people do.
func (r RAIDLevel) String() string {
	if r == RAIDNone || r == "" {
		return "no RAID"
	}
	return "RAID " + string(r)
}

var (
	raidText = regexp.MustCompile(`^(?:(?:software |hardware |sw |md )?raid)?[ -]?(0|1|5|6|10|1\+0)$`)
	noRAID   = []string{"none", "no", "no raid", "without raid", "without", "nessuno", "no raid", "senza raid", "nessun raid", "brak", "bez raid", "nie", "single disk", "jbod"}
)

// ParseRAID reads how a customer asks for RAID, in any of the languages.
func ParseRAID(text string) (RAIDLevel, bool) {
	key := strings.Trim(fold(cutBytes(text, maxLabelBytes)).key, " .!-")
	if slices.Contains(noRAID, key) {
		return RAIDNone, true
	}
	m := raidText.FindStringSubmatch(key)
	if m == nil {
		return "", false
	}
	return RAIDLevel(strings.ReplaceAll(m[1], "1+0", "10")), true
}
