package letters

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"text/template"
	"time"

	"github.com/handrail/handrail/hosting"
)

// quoteLimit is the length, in runes, to which what somebody wrote is quoted.
const quoteLimit = 200

// vocabulary is what the template functions need to know of a language.
type vocabulary struct {
	and        string
	quotes     [2]string
	units      []unit // the longest first
	form       func(n int64) int
	noTime     string
	permission map[hosting.PowerGrant]string // %s: the window's from, to and zone
	backup     map[hosting.BackupAnswer]string
	power      map[hosting.PowerState]string
	acts       map[hosting.PowerAction]string
	outcomes   map[hosting.PowerOutcome]string
	procedure  map[hosting.Procedure]string
}

// unit is a unit of time and its forms, as vocabulary.form numbers them.
type unit struct {
	length time.Duration
	forms  []string
}

const day = 24 * time.Hour

var vocabularies = map[hosting.Language]vocabulary{
	hosting.English: {
		and: "and", quotes: [2]string{"“", "”"}, form: singular, noTime: "none",
		units: []unit{
			{day, []string{"day", "days"}},
			{time.Hour, []string{"hour", "hours"}},
			{time.Minute, []string{"minute", "minutes"}},
			{time.Second, []string{"second", "seconds"}},
		},
		permission: map[hosting.PowerGrant]string{
			hosting.GrantNone:    "not answered yet",
			hosting.GrantAllowed: "allowed at any time",
			hosting.GrantRefused: "not allowed",
			hosting.GrantWindow:  "allowed only from %s to %s (time zone %s)",
		},
		backup: map[hosting.BackupAnswer]string{
			hosting.BackupNone:     "not answered yet",
			hosting.BackupCurrent:  "you have a current backup",
			hosting.BackupLossOkay: "there is no recent backup, and you accept the loss of data",
		},
		power: map[hosting.PowerState]string{
			hosting.PowerOn:      "powered on",
			hosting.PowerOff:     "powered off",
			hosting.PoweringOn:   "powering on",
			hosting.PoweringOff:  "powering off",
			hosting.PowerUnknown: "not known; it could not be read",
		},
		acts: map[hosting.PowerAction]string{
			hosting.ActOn:          "Powered on",
			hosting.ActGracefulOff: "Shut down",
			hosting.ActForcedOff:   "Powered off by force",
			hosting.ActCycle:       "Powered off and on again",
			hosting.ActWarmReset:   "Restarted without powering off",
		},
		outcomes: map[hosting.PowerOutcome]string{
			hosting.Reached:       "verified",
			hosting.Already:       "it was so already",
			hosting.Unmoved:       "the server did not react",
			hosting.Contradictory: "the server's controllers disagree",
			hosting.Unknown:       "what came of it could not be seen",
		},
		procedure: map[hosting.Procedure]string{hosting.ServerIntervention: "server intervention", hosting.OSReinstall: "reinstallation of the operating system"},
	},
	hosting.Italian: {
		and: "e", quotes: [2]string{"«", "»"}, form: singular, noTime: "nessuno",
		units: []unit{
			{day, []string{"giorno", "giorni"}},
			{time.Hour, []string{"ora", "ore"}},
			{time.Minute, []string{"minuto", "minuti"}},
			{time.Second, []string{"secondo", "secondi"}},
		},
		permission: map[hosting.PowerGrant]string{
			hosting.GrantNone:    "nessuna risposta finora",
			hosting.GrantAllowed: "consentiti in qualsiasi momento",
			hosting.GrantRefused: "non consentiti",
			hosting.GrantWindow:  "consentiti solo dal %s al %s (fuso orario %s)",
		},
		backup: map[hosting.BackupAnswer]string{
			hosting.BackupNone:     "nessuna risposta finora",
			hosting.BackupCurrent:  "dispone di un backup aggiornato",
			hosting.BackupLossOkay: "non c'è un backup recente e accetta la perdita dei dati",
		},
		power: map[hosting.PowerState]string{
			hosting.PowerOn:      "acceso",
			hosting.PowerOff:     "spento",
			hosting.PoweringOn:   "in accensione",
			hosting.PoweringOff:  "in spegnimento",
			hosting.PowerUnknown: "sconosciuto: non è stato possibile leggerlo",
		},
		acts: map[hosting.PowerAction]string{
			hosting.ActOn:          "Accensione",
			hosting.ActGracefulOff: "Spegnimento regolare",
			hosting.ActForcedOff:   "Spegnimento forzato",
			hosting.ActCycle:       "Spegnimento e riaccensione",
			hosting.ActWarmReset:   "Riavvio senza spegnimento",
		},
		outcomes: map[hosting.PowerOutcome]string{
			hosting.Reached:       "verificato",
			hosting.Already:       "era già così",
			hosting.Unmoved:       "il server non ha reagito",
			hosting.Contradictory: "i controller del server danno indicazioni discordanti",
			hosting.Unknown:       "non è stato possibile vederne l'esito",
		},
		procedure: map[hosting.Procedure]string{hosting.ServerIntervention: "intervento sul server", hosting.OSReinstall: "reinstallazione del sistema operativo"},
	},
	hosting.Polish: {
		and: "i", quotes: [2]string{"„", "”"}, form: polishForm, noTime: "brak",
		units: []unit{
			{day, []string{"dzień", "dni", "dni"}},
			{time.Hour, []string{"godzina", "godziny", "godzin"}},
			{time.Minute, []string{"minuta", "minuty", "minut"}},
			{time.Second, []string{"sekunda", "sekundy", "sekund"}},
		},
		permission: map[hosting.PowerGrant]string{
			hosting.GrantNone:    "jeszcze bez odpowiedzi",
			hosting.GrantAllowed: "dozwolone w dowolnym czasie",
			hosting.GrantRefused: "niedozwolone",
			hosting.GrantWindow:  "dozwolone tylko od %s do %s (strefa czasowa %s)",
		},
		backup: map[hosting.BackupAnswer]string{
			hosting.BackupNone:     "jeszcze bez odpowiedzi",
			hosting.BackupCurrent:  "mają Państwo aktualną kopię zapasową",
			hosting.BackupLossOkay: "nie ma aktualnej kopii zapasowej i akceptują Państwo utratę danych",
		},
		power: map[hosting.PowerState]string{
			hosting.PowerOn:      "włączony",
			hosting.PowerOff:     "wyłączony",
			hosting.PoweringOn:   "w trakcie włączania",
			hosting.PoweringOff:  "w trakcie wyłączania",
			hosting.PowerUnknown: "nieznany – nie udało się go odczytać",
		},
		acts: map[hosting.PowerAction]string{
			hosting.ActOn:          "Włączenie",
			hosting.ActGracefulOff: "Zamknięcie systemu i wyłączenie",
			hosting.ActForcedOff:   "Wymuszone wyłączenie",
			hosting.ActCycle:       "Wyłączenie i ponowne włączenie",
			hosting.ActWarmReset:   "Ponowne uruchomienie bez wyłączania",
		},
		outcomes: map[hosting.PowerOutcome]string{
			hosting.Reached:       "sprawdzono",
			hosting.Already:       "tak już było",
			hosting.Unmoved:       "serwer nie zareagował",
			hosting.Contradictory: "kontrolery serwera podają sprzeczne informacje",
			hosting.Unknown:       "nie udało się sprawdzić skutku",
		},
		procedure: map[hosting.Procedure]string{hosting.ServerIntervention: "interwencja na serwerze", hosting.OSReinstall: "reinstalacja systemu operacyjnego"},
	},
}

// singular tells one from every other number, as English and Italian do.
func singular(n int64) int {
	if n == 1 {
		return 0
	}
	return 1
}

// polishForm is 0 for one, 1 for numbers ending in 2 to 4 but for those ending
// in 12 to 14, and 2 for all others (Unicode CLDR, plural rules of Polish).
func polishForm(n int64) int {
	switch {
	case n == 1:
		return 0
	case n%10 >= 2 && n%10 <= 4 && (n%100 < 12 || n%100 > 14):
		return 1
	}
	return 2
}

// funcs are the template functions, for one language.
func (v vocabulary) funcs(l hosting.Language) template.FuncMap {
	funcs := template.FuncMap{
		"label":   func(f hosting.Field) (string, error) { return known(hosting.Label(f, l), "field", f) },
		"reasons": func() []string { return reasons(l) },
		"requestsubject": func(p hosting.Procedure, server string) string {
			id, _, _ := strings.Cut(server, " (") // hosting.Server.String adds the name
			return hosting.Subject(p, l, oneLine(id, quoteLimit))
		},
		"statement": func(k hosting.StatementKind, provider string) (string, error) {
			return known(hosting.StatementText(k, l, provider), "statement", k)
		},
		"duration":   func(d hosting.Duration) string { return v.duration(d.D()) },
		"permission": v.permitted,
		"backup":     func(a hosting.BackupAnswer) (string, error) { return known(v.backup[a], "backup answer", a) },
		"powerstate": v.powerState,
		"procedure":  v.procedureName,
		"deed":       v.deed,
		"quoted":     func(s string) string { return v.quotes[0] + oneLine(s, quoteLimit) + v.quotes[1] },
		"line":       func(s string) string { return oneLine(s, quoteLimit) },
		"list":       v.list,
		"language":   func() string { return string(l) },
	}
	maps.Copy(funcs, installVocabularies[l].funcs(l))
	return funcs
}

// known refuses the name of something that has no words.
func known[K ~string](words, what string, name K) (string, error) {
	if words == "" {
		return "", fmt.Errorf("there is no %s %q", what, name)
	}
	return words, nil
}

// reasons lists the reasons for an intervention in the words that are
// understood in a ticket (I3).
func reasons(l hosting.Language) []string {
	var words []string
	for _, r := range hosting.Reasons() {
		words = append(words, hosting.ReasonText(r, l))
	}
	return words
}

// duration puts a time into words with its two longest units, rounded to the
// shorter of them: "1 hour 5 minutes", "45 seconds". A time shorter than a
// second counts as one.
func (v vocabulary) duration(d time.Duration) string {
	if d <= 0 {
		return v.noTime
	}
	last := len(v.units) - 1
	unitOf := func(d time.Duration) int {
		return slices.IndexFunc(v.units, func(u unit) bool { return d >= u.length })
	}
	d = max(d, time.Second)
	d = d.Round(v.units[min(unitOf(d)+1, last)].length)
	i := unitOf(d) // rounding may have led to the next longer unit
	words := v.count(int64(d/v.units[i].length), v.units[i])
	if i == last {
		return words
	}
	if rest := d % v.units[i].length / v.units[i+1].length; rest > 0 {
		words += " " + v.count(int64(rest), v.units[i+1])
	}
	return words
}

func (v vocabulary) count(n int64, u unit) string {
	return fmt.Sprintf("%d %s", n, u.forms[v.form(n)])
}

func (v vocabulary) permitted(p hosting.PowerPermission) (string, error) {
	text, err := known(v.permission[p.Grant], "power permission", p.Grant)
	if err != nil || p.Grant != hosting.GrantWindow {
		return text, err
	}
	if p.Window == nil {
		return "", fmt.Errorf("the power permission has no window")
	}
	w := p.Window
	return fmt.Sprintf(text, oneLine(w.From, quoteLimit), oneLine(w.To, quoteLimit), oneLine(w.Zone, quoteLimit)), nil
}

// powerState is in words; a state that was not read is unknown.
func (v vocabulary) powerState(s hosting.PowerState) string {
	if words, ok := v.power[s]; ok {
		return words
	}
	return v.power[hosting.PowerUnknown]
}

// deed is a power action with what came of it, or what somebody wrote down.
func (v vocabulary) deed(d hosting.Deed) (string, error) {
	if d.Power == "" {
		return oneLine(d.Text, quoteLimit), nil
	}
	act, err := known(v.acts[d.Power], "power action", d.Power)
	if err != nil {
		return "", err
	}
	outcome, err := known(v.outcomes[d.Outcome], "outcome", d.Outcome)
	return act + ": " + outcome, err
}

func (v vocabulary) procedureName(p hosting.Procedure) string {
	if words, ok := v.procedure[p]; ok {
		return words
	}
	return oneLine(string(p), quoteLimit)
}

// list joins what somebody wrote: "a, b and c".
func (v vocabulary) list(items []string) string {
	clean := make([]string, len(items))
	for i, item := range items {
		clean[i] = oneLine(item, quoteLimit)
	}
	if len(clean) < 2 {
		return strings.Join(clean, "")
	}
	last := len(clean) - 1
	return strings.Join(clean[:last], ", ") + " " + v.and + " " + clean[last]
}
