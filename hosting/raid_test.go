package hosting

import (
	"strings"
	"testing"
)

func TestParseRAID_I12(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]RAIDLevel{
		"1": RAID1, "RAID 1": RAID1, "raid-1": RAID1, "RAID1.": RAID1, "software RAID 5": RAID5, "md raid6": RAID6, "RAID 1+0": RAID10, "raid10": RAID10,
		"0": RAID0, "RAID level 5": RAID5, "livello 6": RAID6, "RAID software 1": RAID1, "poziom 1": RAID1, "RAID programowy 10": RAID10,
		"none": RAIDNone, "No RAID": RAIDNone, "Nessuno": RAIDNone, "senza RAID": RAIDNone, "brak": RAIDNone, "Bez RAID!": RAIDNone, "JBOD": RAIDNone,
	} {
		if got, ok := ParseRAID(text); !ok || got != want {
			t.Errorf("%q: %v %q, want %q", text, ok, got, want)
		}
	}
	for _, text := range []string{
		"", "RAID", "yes", "2", "RAID 50", "RAID 1 or 5", "not RAID 1", "11", "1.0", "hardware RAID 1", "RAID 1" + strings.Repeat(" ", 200) + "0",
	} {
		if got, ok := ParseRAID(text); ok {
			t.Errorf("%.40q is taken for %q", text, got)
		}
	}
}

func TestRAIDLevel_Needs(t *testing.T) {
	t.Parallel()
	for level, needs := range raidNeeds {
		if got, ok := ParseRAID(level.String()); !ok || got != level || !level.Known() {
			t.Errorf("%q reads as %v %q", level, ok, got)
		}
		for n := needs.least; n < needs.least+8; n++ {
			if data := needs.data(n); data < 1 || data > n {
				t.Errorf("%s over %d disks holds the data of %d", level, n, data)
			}
		}
	}
	if RAIDLevel("7").Known() || RAIDLevel("").Known() {
		t.Error("an unknown level is known")
	}
}

func FuzzParseRAID(f *testing.F) {
	for _, text := range []string{"RAID 1+0", "bez raid", "10", "\u0661", "raid １"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		level, ok := ParseRAID(text)
		if ok != level.Known() {
			t.Fatalf("%q: %v %q", text, ok, level)
		}
		digits := strings.Map(func(r rune) rune {
			if r >= '0' && r <= '9' {
				return r
			}
			return -1
		}, Fold(text))
		if ok && level != RAIDNone && digits != string(level) {
			t.Fatalf("%q is taken for %q", text, level)
		}
	})
}
