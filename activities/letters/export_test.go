package letters

import (
	"maps"
	"slices"
	"time"

	"github.com/handrail/handrail/hosting"
)

// Samples are the letters that templates are tried on.
func Samples() []hosting.Letter {
	var all []hosting.Letter
	for _, s := range samples() {
		all = append(all, s.letter)
	}
	return all
}

// FunctionNames are the functions that templates can use.
func FunctionNames() []string {
	names := slices.Collect(maps.Keys(vocabularies[hosting.English].funcs(hosting.English)))
	return slices.AppendSeq(names, maps.Keys(builtins))
}

// Duration is a time in words.
func Duration(l hosting.Language, d time.Duration) string { return vocabularies[l].duration(d) }

// Permission is a power permission in words.
func Permission(l hosting.Language, p hosting.PowerPermission) (string, error) {
	return vocabularies[l].permitted(p)
}

// List joins items.
func List(l hosting.Language, items ...string) string { return vocabularies[l].list(items) }

// Disk is a disk in words.
func Disk(l hosting.Language, d hosting.Disk) string { return installVocabularies[l].disk(d) }

// Problem is why something can not be done, in words.
func Problem(l hosting.Language, u hosting.UnclearField) (string, error) {
	return installVocabularies[l].problem(u)
}

// Partitions are partitions in words.
func Partitions(l hosting.Language, p []hosting.Partition) string {
	return installVocabularies[l].partitions(p)
}

// Untranslated lists the values that a language has no words for.
func Untranslated(l hosting.Language) []string {
	v := vocabularies[l]
	var missing []string
	for _, g := range []hosting.PowerGrant{hosting.GrantNone, hosting.GrantAllowed, hosting.GrantRefused, hosting.GrantWindow} {
		if v.permission[g] == "" {
			missing = append(missing, "grant "+string(g))
		}
	}
	for _, a := range []hosting.BackupAnswer{hosting.BackupNone, hosting.BackupCurrent, hosting.BackupLossOkay} {
		if v.backup[a] == "" {
			missing = append(missing, "backup "+string(a))
		}
	}
	for _, s := range []hosting.PowerState{hosting.PowerOn, hosting.PowerOff, hosting.PoweringOn, hosting.PoweringOff, hosting.PowerUnknown} {
		if v.power[s] == "" {
			missing = append(missing, "power "+string(s))
		}
	}
	w := installVocabularies[l]
	for _, p := range hosting.Problems() {
		if p != hosting.ProblemUnreadable && w.problems[p] == "" {
			missing = append(missing, "problem "+string(p))
		}
	}
	for _, r := range []hosting.RAIDLevel{hosting.RAIDNone, hosting.RAID0, hosting.RAID1, hosting.RAID5, hosting.RAID6, hosting.RAID10} {
		if w.raid[r] == "" {
			missing = append(missing, "RAID "+string(r))
		}
	}
	for _, p := range []hosting.Procedure{hosting.ServerIntervention, hosting.OSReinstall} {
		if v.procedure[p] == "" {
			missing = append(missing, "procedure "+string(p))
		}
	}
	return missing
}
