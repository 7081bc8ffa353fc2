package hosting

import (
	"slices"
	"strings"
	"testing"
	"unicode"

	"pgregory.net/rapid"
)

const provider = "Żubr & Söhne Hosting S.p.A."

// filled is a statement as a customer answers it, window and all.
func filled(s Statement) string {
	return strings.NewReplacer("{provider}", provider,
		"{from}", "2026-11-22 02:00", "{to}", "2026-11-22 05:00", "{zone}", "Europe/Rome", "{system}", "Debian 12").Replace(s.Text)
}

func allStatements() []Statement {
	var all []Statement
	for _, p := range statements {
		all = append(all, p.Statement)
	}
	return all
}

func anyStatement(t *rapid.T) Statement {
	return rapid.SampledFrom(allStatements()).Draw(t, "statement")
}

func TestStatements_EveryVersionInEveryLanguage(t *testing.T) {
	t.Parallel()
	type version struct {
		kind    StatementKind
		version int
	}
	languages := map[version][]Language{}
	for _, s := range allStatements() {
		v := version{s.Kind, s.Version}
		languages[v] = append(languages[v], s.Language)
		if v.version > 1 && languages[version{s.Kind, s.Version - 1}] == nil {
			t.Errorf("%s: version %d has no predecessor before it", s.Kind, s.Version)
		}
	}
	for v, have := range languages {
		slices.Sort(have)
		if want := slices.Sorted(slices.Values(Languages())); !slices.Equal(have, want) {
			t.Errorf("%s version %d: languages %v, want %v", v.kind, v.version, have, want)
		}
	}
	for _, kind := range []StatementKind{PowerAllowed, PowerWindow, PowerRefused, BackupExists, LossAccepted, EraseDisks} {
		if languages[version{kind, 1}] == nil {
			t.Errorf("%s has no text", kind)
		}
	}
}

func TestStatementText_I6_I9(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		kind StatementKind
		lang Language
		want string
	}{
		"English":           {PowerAllowed, English, "I authorize Acme to power off, power on and restart this server at any time."},
		"Italian":           {PowerRefused, Italian, "Non autorizzo Acme a spegnere, accendere o riavviare questo server."},
		"Polish":            {BackupExists, Polish, "Potwierdzam, że istnieje aktualna kopia zapasowa danych z tego serwera."},
		"window as a form":  {PowerWindow, English, "I authorize Acme to power off, power on and restart this server only between YYYY-MM-DD HH:MM and YYYY-MM-DD HH:MM (time zone Continent/City)."},
		"erasure as a form": {EraseDisks, Polish, "Akceptuję, że instalacja systemu [system operacyjny] trwale usunie wszystkie dane z dysków tego serwera, z wyjątkiem dysków, o których zachowanie proszę."},
		"other language":    {BackupExists, "de", "I confirm that a current backup of the data on this server exists."},
		"unknown kind":      {"consent-to-nothing", English, ""},
	} {
		if got := StatementText(test.kind, test.lang, "Acme"); got != test.want {
			t.Errorf("%s:\n got %q\nwant %q", name, got, test.want)
		}
	}
}

func TestRecognizeStatement_RoundTripsUnderNoise_I8(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := anyStatement(t)
		text := quotes(t, noise(t, filled(s)))
		got, ok := RecognizeStatement(text, noise(t, provider))
		if !ok || got.Statement != s {
			t.Fatalf("%q is not recognized as %s %s: %v %+v", text, s.Kind, s.Language, ok, got)
		}
		if (got.Window != nil) != (s.Kind == PowerWindow) {
			t.Fatalf("window of %s is %v", s.Kind, got.Window)
		}
		if (got.System != "") != (s.Kind == EraseDisks) || got.System != "" && spaced(got.System) != " debian 12 " {
			t.Fatalf("system of %s is %q", s.Kind, got.System)
		}
		if got.Window != nil && *got.Window != (Window{"2026-11-22 02:00", "2026-11-22 05:00", "Europe/Rome"}) {
			t.Fatalf("%q reads as %v", text, got.Window)
		}
	})
}

// noise changes what must make no difference.
func noise(t *rapid.T, text string) string {
	var b strings.Builder
	if rapid.Bool().Draw(t, "decomposed") {
		text = strings.NewReplacer("ż", "z\u0307", "ę", "e\u0328", "ó", "o\u0301").Replace(text)
	}
	ascii := rapid.Bool().Draw(t, "without diacritics")
	spaces := rapid.SampledFrom([]string{" ", "  ", "\n", "\t", "\u00a0", "\r\n", " \u2009", " \u200b"})
	for _, r := range text {
		if ascii {
			r = foldPolish(r)
		}
		switch {
		case r == ' ':
			b.WriteString(spaces.Draw(t, "space"))
		case r == '-':
			b.WriteString(rapid.SampledFrom([]string{"-", "–", "—", "‑", "−"}).Draw(t, "dash"))
		case unicode.IsLetter(r) && rapid.IntRange(0, 3).Draw(t, "case") == 0:
			b.WriteRune(unicode.ToUpper(r))
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

func quotes(t *rapid.T, text string) string {
	around := rapid.SampledFrom([][2]string{{"", ""}, {`"`, `"`}, {"“", "”"}, {"„", "”"}, {"«", "»"}, {"'", "'"}, {"‘", "’"}, {" ", "\n"}})
	q := around.Draw(t, "quotes")
	return q[0] + text + q[1]
}

func foldPolish(r rune) rune {
	const with, without = "ąćęłńóśźżĄĆĘŁŃÓŚŹŻ", "acelnoszzACELNOSZZ"
	if i := slices.Index([]rune(with), r); i >= 0 {
		return []rune(without)[i]
	}
	return r
}

// A word too many, too few or another one is not the same statement, and never
// another one (I6: absent is never yes).
func TestRecognizeStatement_ChangedWord_I6(t *testing.T) {
	t.Parallel()
	words := []string{"not", "do", "non", "nie", "never", "mai", "nigdy", "I", "only", "solo", "tylko", "at", "any", "time", "allowed", "refuse", "?", "server"}
	for _, s := range allStatements() {
		words = append(words, strings.Fields(filled(s))...)
	}
	rapid.Check(t, func(t *rapid.T) {
		s := anyStatement(t)
		said := strings.Fields(filled(s))
		i := rapid.IntRange(0, len(said)-1).Draw(t, "place")
		word := rapid.OneOf(rapid.SampledFrom(words), rapid.StringMatching(`[a-zżè]{1,8}`)).Draw(t, "word")
		changed := slices.Clone(said)
		switch rapid.SampledFrom([]string{"insert", "append", "delete", "replace"}).Draw(t, "change") {
		case "insert":
			changed = slices.Insert(changed, i, word)
		case "append":
			changed = append(changed, word)
		case "delete":
			changed = slices.Delete(changed, i, i+1)
		case "replace":
			changed[i] = word
		}
		text := strings.Join(changed, " ")
		if fold(text).bare().key == fold(filled(s)).bare().key {
			return // the word was replaced by itself
		}
		got, ok := RecognizeStatement(text, provider)
		if !ok {
			return
		}
		// All that can differ is what was filled in; the window or the system is
		// then another.
		otherWindow := got.Window != nil && *got.Window != (Window{"2026-11-22 02:00", "2026-11-22 05:00", "Europe/Rome"})
		otherSystem := s.Kind == EraseDisks && !(OperatingSystem{Distribution: "Debian", Version: "12"}).Called(got.System)
		if got.Statement != s || !otherWindow && !otherSystem {
			t.Fatalf("%q counts as %s %s", text, got.Kind, got.Language)
		}
	})
}

// Any two statements are at least two words apart.
func TestStatements_TwoWordsApart(t *testing.T) {
	t.Parallel()
	all := allStatements()
	for i, a := range all {
		for _, b := range all[i+1:] {
			if d := wordDistance(words(a), words(b)); d < 2 {
				t.Errorf("%s %s and %s %s are %d word(s) apart", a.Kind, a.Language, b.Kind, b.Language, d)
			}
		}
	}
}

func words(s Statement) []string { return strings.Fields(fold(filled(s)).bare().key) }

func wordDistance(a, b []string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range a {
		diagonal := row[0]
		row[0] = i + 1
		for j := range b {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}

func TestRecognizeStatement_DoesNotCount(t *testing.T) {
	t.Parallel()
	allowed := StatementText(PowerAllowed, English, provider)
	for name, text := range map[string]string{
		"nothing":            "",
		"yes":                "yes",
		"sì":                 "Sì, autorizzo.",
		"tak":                "Tak",
		"sentence around":    "I do not say that " + allowed,
		"pleasantry before":  "Hello, " + allowed,
		"pleasantry after":   allowed + " Thank you!",
		"condition after":    strings.TrimSuffix(allowed, ".") + " if you call me first.",
		"question":           strings.TrimSuffix(allowed, ".") + "?",
		"hesitation":         strings.TrimSuffix(allowed, ".") + "...",
		"typed ellipsis":     strings.TrimSuffix(allowed, ".") + "…",
		"other provider":     StatementText(PowerAllowed, English, "Another Hosting"),
		"no provider":        "I authorize to power off, power on and restart this server at any time.",
		"crossed out":        strings.Join(strings.Split(allowed, ""), "\u0336"),
		"lookalike letters":  strings.ReplaceAll(allowed, "a", "а"), // Cyrillic
		"two statements":     allowed + " " + StatementText(PowerRefused, English, provider),
		"scare quotes":       strings.Replace(allowed, "authorize", `"authorize"`, 1),
		"very long":          strings.Repeat(" ", maxStatementBytes) + allowed,
		"a window of words":  strings.NewReplacer(momentForm, "tomorrow night").Replace(StatementText(PowerWindow, English, provider)),
		"condition in blank": strings.Replace(StatementText(PowerWindow, English, provider), "Continent/City", "Europe/Rome, not before my call", 1),
	} {
		if got, ok := RecognizeStatement(text, provider); ok {
			t.Errorf("%s: %q counts as %s", name, text, got.Kind)
		}
	}
	if _, ok := RecognizeStatement("I authorize  to power off, power on and restart this server at any time.", " "); ok {
		t.Error("a statement counts although no provider is named")
	}
}

func TestRecognizeStatement_WindowForms_I7(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		lang           Language
		from, to, zone string
		want           Window
		valid          bool
	}{
		"as asked":         {English, "2026-11-22 02:00", "2026-11-22 05:00", "Europe/Rome", Window{"2026-11-22 02:00", "2026-11-22 05:00", "Europe/Rome"}, true},
		"with T":           {Italian, "2026-11-22T02:00", "2026-11-22t05:00", "UTC", Window{"2026-11-22 02:00", "2026-11-22 05:00", "UTC"}, true},
		"dots":             {Polish, "22.11.2026 2:00", "22.11.2026 05:00", "europe/warsaw", Window{"2026-11-22 02:00", "2026-11-22 05:00", "Europe/Warsaw"}, true},
		"slashes":          {Italian, "05/11/2026 02:00", "05/11/2026 05:00", "Europe/Rome", Window{"2026-11-05 02:00", "2026-11-05 05:00", "Europe/Rome"}, true},
		"plain in English": {English, "22/11/2026 02:00", "22/11/2026 05:00", "AMERICA/PORT-AU-PRINCE", Window{"2026-11-22 02:00", "2026-11-22 05:00", "America/Port-au-Prince"}, true},
		"month or day?":    {English, "05/11/2026 02:00", "05/11/2026 05:00", "America/New_York", Window{"05/11/2026 02:00", "05/11/2026 05:00", "America/New_York"}, false},
		"month is day":     {English, "11/11/2026 02:00", "11/11/2026 05:00", "America/New_York", Window{"2026-11-11 02:00", "2026-11-11 05:00", "America/New_York"}, true},
		"not filled in":    {English, momentForm, momentForm, "Continent/City", Window{momentForm, momentForm, "Continent/City"}, false},
		"no such day":      {English, "2026-02-30 02:00", "2026-03-01 05:00", "UTC", Window{"2026-02-30 02:00", "2026-03-01 05:00", "UTC"}, false},
		"no such zone":     {English, "2026-11-22 02:00", "2026-11-22 05:00", "Europe/Atlantis", Window{"2026-11-22 02:00", "2026-11-22 05:00", "Europe/Atlantis"}, false},
		"the reader's own": {English, "2026-11-22 02:00", "2026-11-22 05:00", "Local", Window{"2026-11-22 02:00", "2026-11-22 05:00", "Local"}, false},
		"backwards":        {English, "2026-11-22 05:00", "2026-11-22 02:00", "UTC", Window{"2026-11-22 05:00", "2026-11-22 02:00", "UTC"}, false},
	} {
		text := StatementText(PowerWindow, test.lang, provider)
		text = strings.Replace(text, momentForm, test.from, 1)
		text = strings.Replace(text, momentForm, test.to, 1)
		text = strings.Replace(text, zoneForm[test.lang], test.zone, 1)
		got, ok := RecognizeStatement(text, provider)
		if !ok || got.Kind != PowerWindow || *got.Window != test.want {
			t.Errorf("%s: %q reads as %v %+v, want %+v", name, text, ok, got.Window, test.want)
			continue
		}
		permission, _ := got.Permission()
		if err := permission.Validate(); (err == nil) != test.valid {
			t.Errorf("%s: Validate says %v", name, err)
		}
	}
}

func TestRecognized_MeansWhatItSays(t *testing.T) {
	t.Parallel()
	for kind, want := range map[StatementKind]struct {
		grant  PowerGrant
		backup BackupAnswer
	}{
		PowerAllowed: {grant: GrantAllowed},
		PowerRefused: {grant: GrantRefused},
		PowerWindow:  {grant: GrantWindow},
		BackupExists: {backup: BackupCurrent},
		LossAccepted: {backup: BackupLossOkay},
		EraseDisks:   {}, // says nothing about power or backups
	} {
		text := strings.ReplaceAll(StatementText(kind, Polish, provider), systemForm[Polish], "Debian 12")
		r, ok := RecognizeStatement(text, provider)
		if !ok || r.Kind != kind {
			t.Errorf("%s: recognized as %v %s", kind, ok, r.Kind)
		}
		power, isPower := r.Permission()
		backup, isBackup := r.Backup()
		if power.Grant != want.grant || isPower != (want.grant != "") || backup != want.backup || isBackup != (want.backup != "") {
			t.Errorf("%s: permission %v %v, backup %v %v", kind, power, isPower, backup, isBackup)
		}
	}
}
