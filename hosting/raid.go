package hosting

import (
	"regexp"
	"slices"
	"strings"
)

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
	raidText = regexp.MustCompile(`^(?:(?:software |sw |md )?raid)?(?: software| programowy)?[ -]?(?:level |livello |poziom )?(0|1|5|6|10|1\+0)$`)
	noRAID   = []string{
		"none", "no", "no raid", "without raid", "without", "nessuno", "senza raid", "senza", "nessun raid", "niente", "brak", "bez raid", "bez", "nie", "single disk", "jbod",
	}
)

// ParseRAID reads how a customer asks for RAID, in any of the languages. RAID of
// a hardware controller is not what we set up, so it is not understood.
func ParseRAID(text string) (RAIDLevel, bool) {
	if len(text) > maxLabelBytes {
		return "", false
	}
	key := strings.Trim(fold(text).key, " .!-")
	if slices.Contains(noRAID, key) {
		return RAIDNone, true
	}
	m := raidText.FindStringSubmatch(key)
	if m == nil {
		return "", false
	}
	return RAIDLevel(strings.ReplaceAll(m[1], "1+0", "10")), true
}
