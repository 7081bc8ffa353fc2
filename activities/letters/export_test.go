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
	for _, p := range []hosting.Procedure{hosting.ServerIntervention} {
		if v.procedure[p] == "" {
			missing = append(missing, "procedure "+string(p))
		}
	}
	return missing
}
