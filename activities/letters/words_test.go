package letters_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/handrail/handrail/activities/letters"
	"github.com/handrail/handrail/hosting"
)

func TestDuration_I27(t *testing.T) {
	t.Parallel()
	const day = 24 * time.Hour
	tests := []struct {
		d          time.Duration
		en, it, pl string
	}{
		{0, "none", "nessuno", "brak"},
		{-time.Second, "none", "nessuno", "brak"},
		{time.Millisecond, "1 second", "1 secondo", "1 sekunda"},
		{2 * time.Second, "2 seconds", "2 secondi", "2 sekundy"},
		{5 * time.Second, "5 seconds", "5 secondi", "5 sekund"},
		{12 * time.Second, "12 seconds", "12 secondi", "12 sekund"},
		{22 * time.Second, "22 seconds", "22 secondi", "22 sekundy"},
		{59*time.Second + 600*time.Millisecond, "1 minute", "1 minuto", "1 minuta"},
		{time.Minute + time.Second, "1 minute 1 second", "1 minuto 1 secondo", "1 minuta 1 sekunda"},
		{3*time.Minute + 14*time.Second, "3 minutes 14 seconds", "3 minuti 14 secondi", "3 minuty 14 sekund"},
		{59*time.Minute + 59*time.Second + 900*time.Millisecond, "1 hour", "1 ora", "1 godzina"},
		{time.Hour + 4*time.Minute + 29*time.Second, "1 hour 4 minutes", "1 ora 4 minuti", "1 godzina 4 minuty"},
		{2*time.Hour + 21*time.Minute, "2 hours 21 minutes", "2 ore 21 minuti", "2 godziny 21 minut"},
		{5 * time.Hour, "5 hours", "5 ore", "5 godzin"},
		{23*time.Hour + 59*time.Minute + 50*time.Second, "1 day", "1 giorno", "1 dzień"},
		{day + 90*time.Minute, "1 day 2 hours", "1 giorno 2 ore", "1 dzień 2 godziny"},
		{112 * day, "112 days", "112 giorni", "112 dni"},
	}
	for _, tt := range tests {
		for language, want := range map[hosting.Language]string{hosting.English: tt.en, hosting.Italian: tt.it, hosting.Polish: tt.pl} {
			if got := letters.Duration(language, tt.d); got != want {
				t.Errorf("%v in %s is %q, want %q", tt.d, language, got, want)
			}
		}
	}
}

// Polish has three forms: the last digit decides, but for the teens.
func TestPolishPlurals(t *testing.T) {
	t.Parallel()
	want := map[int]string{
		1: "minuta", 2: "minuty", 3: "minuty", 4: "minuty", 5: "minut", 9: "minut", 10: "minut", 11: "minut", 12: "minut", 13: "minut",
		14: "minut", 15: "minut", 20: "minut", 21: "minut", 22: "minuty", 24: "minuty", 25: "minut", 31: "minut", 33: "minuty", 44: "minuty", 51: "minut", 59: "minut",
	}
	for n, form := range want {
		got := letters.Duration(hosting.Polish, time.Duration(n)*time.Minute)
		if suffix := " " + form; len(got) < len(suffix) || got[len(got)-len(suffix):] != suffix {
			t.Errorf("%d: %q, want %q", n, got, form)
		}
	}
}

// The words are never further from the time than half of the shorter unit.
func TestDurationIsRounded(t *testing.T) {
	t.Parallel()
	lengths := map[string]time.Duration{
		"day": 24 * time.Hour, "hour": time.Hour, "minute": time.Minute, "second": time.Second,
	}
	rapid.Check(t, func(t *rapid.T) {
		d := time.Duration(rapid.Int64Range(int64(time.Second), int64(60*24*time.Hour)).Draw(t, "d"))
		said := spoken(t, letters.Duration(hosting.English, d), lengths)
		tolerance := time.Second / 2
		switch {
		case d >= 24*time.Hour:
			tolerance = time.Hour / 2
		case d >= time.Hour:
			tolerance = time.Minute / 2
		}
		if diff := (said - d).Abs(); diff > tolerance {
			t.Errorf("%v is said as %v", d, said)
		}
	})
}

func TestPermissionInWords_I6(t *testing.T) {
	t.Parallel()
	window := &hosting.Window{From: "2026-11-22 02:00", To: "2026-11-22 05:00", Zone: "Europe/Rome"}
	tests := []struct {
		p          hosting.PowerPermission
		en, it, pl string
	}{
		{hosting.PowerPermission{}, "not answered yet", "nessuna risposta finora", "jeszcze bez odpowiedzi"},
		{hosting.PowerPermission{Grant: hosting.GrantAllowed}, "allowed at any time", "consentiti in qualsiasi momento", "dozwolone w dowolnym czasie"},
		{hosting.PowerPermission{Grant: hosting.GrantRefused}, "not allowed", "non consentiti", "niedozwolone"},
		{hosting.PowerPermission{Grant: hosting.GrantWindow, Window: window}, "allowed only from 2026-11-22 02:00 to 2026-11-22 05:00 (time zone Europe/Rome)", "consentiti solo dal 2026-11-22 02:00 al 2026-11-22 05:00 (fuso orario Europe/Rome)", "dozwolone tylko od 2026-11-22 02:00 do 2026-11-22 05:00 (strefa czasowa Europe/Rome)"},
	}
	for _, tt := range tests {
		for language, want := range map[hosting.Language]string{hosting.English: tt.en, hosting.Italian: tt.it, hosting.Polish: tt.pl} {
			if got, err := letters.Permission(language, tt.p); err != nil || got != want {
				t.Errorf("%+v in %s is %q, %v, want %q", tt.p, language, got, err, want)
			}
		}
	}
	for _, p := range []hosting.PowerPermission{{Grant: "perhaps"}, {Grant: hosting.GrantWindow}} {
		if got, err := letters.Permission(hosting.English, p); err == nil {
			t.Errorf("%+v is put into words: %q", p, got)
		}
	}
}

func TestList(t *testing.T) {
	t.Parallel()
	for want, got := range map[string]string{
		"":         letters.List(hosting.English),
		"a":        letters.List(hosting.English, "a"),
		"a and b":  letters.List(hosting.English, "a", "b"),
		"a, b e c": letters.List(hosting.Italian, "a", "b", "c"),
		"a b i c":  letters.List(hosting.Polish, "a\nb", "c"),
	} {
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestEveryValueHasWords(t *testing.T) {
	t.Parallel()
	for _, l := range hosting.Languages() {
		if missing := letters.Untranslated(l); len(missing) > 0 {
			t.Errorf("%s has no words for %v", l, missing)
		}
	}
}
