package letters

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"text/template"
	"unicode"

	"github.com/handrail/handrail/hosting"
)

// installWords is what a language needs to speak of an installation.
type installWords struct {
	problems map[hosting.Problem]string // all but the unreadable
	shortage shortage
	raid     map[hosting.RAIDLevel]string
	rest     string // of a disk, as a size
	bay      string // %s: its number or name
	byRule   string // what stands beside a default
	unlisted string // %d: the number of disks
	decimal  string // the sign before decimals
}

// shortage says how many disks are needed and how many there are.
type shortage struct {
	need [2]string // %d: one, more
	have [3]string // %d, but for the first: none, one, more
}

var installVocabularies = map[hosting.Language]installWords{
	hosting.English: {
		problems: map[hosting.Problem]string{
			hosting.ProblemUnknownSystem:  "we do not offer this system",
			hosting.ProblemSeveralSystems: "several of our systems are called that; please give the full name of one of them",
			hosting.ProblemFirmware:       "this system does not start on the hardware of this server",
			hosting.ProblemTooFewDisks:    "there are not enough free disks for it",
			hosting.ProblemUnknownDisk:    "no disk of this server has this serial number or bay",
			hosting.ProblemDisksNotListed: "the server does not tell us which disks it has, so we cannot promise to keep one of them",
			hosting.ProblemTooLarge:       "the partitions do not fit on the disks",
			hosting.ProblemOtherSystem:    "this names another operating system than the one that is to be installed",
		},
		shortage: shortage{
			need: [2]string{"this needs at least %d disk", "this needs at least %d disks"},
			have: [3]string{"this server has no disk that can be used for it", "this server has only %d disk that can be used for it", "this server has only %d disks that can be used for it"},
		},
		raid: map[hosting.RAIDLevel]string{
			hosting.RAIDNone: "none: the system uses a single disk", hosting.RAID0: "RAID 0, without protection against the failure of a disk",
			hosting.RAID1: "RAID 1", hosting.RAID5: "RAID 5", hosting.RAID6: "RAID 6", hosting.RAID10: "RAID 10",
		},
		rest: "the rest", bay: "bay %s", byRule: "default", unlisted: "the server does not list its disks; the installer takes the first that it finds (number of disks: %d)", decimal: ".",
	},
	hosting.Italian: {
		problems: map[hosting.Problem]string{
			hosting.ProblemUnknownSystem:  "non offriamo questo sistema",
			hosting.ProblemSeveralSystems: "questo nome corrisponde a più sistemi della nostra offerta; indichi il nome completo di uno di essi",
			hosting.ProblemFirmware:       "questo sistema non si avvia sull'hardware di questo server",
			hosting.ProblemTooFewDisks:    "i dischi liberi non sono sufficienti",
			hosting.ProblemUnknownDisk:    "nessun disco di questo server ha questo numero di serie o si trova in questo vano",
			hosting.ProblemDisksNotListed: "il server non ci comunica quali dischi contiene, quindi non possiamo garantire che uno di essi venga conservato",
			hosting.ProblemTooLarge:       "lo spazio sui dischi non basta per queste partizioni",
			hosting.ProblemOtherSystem:    "qui è indicato un sistema operativo diverso da quello da installare",
		},
		shortage: shortage{
			need: [2]string{"serve almeno %d disco", "servono almeno %d dischi"},
			have: [3]string{"su questo server non c'è alcun disco utilizzabile", "su questo server c'è solo %d disco utilizzabile", "su questo server ci sono solo %d dischi utilizzabili"},
		},
		raid: map[hosting.RAIDLevel]string{
			hosting.RAIDNone: "nessuno: il sistema usa un solo disco", hosting.RAID0: "RAID 0, senza protezione dal guasto di un disco",
			hosting.RAID1: "RAID 1", hosting.RAID5: "RAID 5", hosting.RAID6: "RAID 6", hosting.RAID10: "RAID 10",
		},
		rest: "il resto", bay: "vano %s", byRule: "valore predefinito", unlisted: "il server non elenca i suoi dischi; il programma di installazione usa i primi che trova (numero di dischi: %d)", decimal: ",",
	},
	hosting.Polish: {
		problems: map[hosting.Problem]string{
			hosting.ProblemUnknownSystem:  "nie mamy tego systemu w ofercie",
			hosting.ProblemSeveralSystems: "ta nazwa pasuje do kilku oferowanych systemów; prosimy podać pełną nazwę jednego z nich",
			hosting.ProblemFirmware:       "ten system nie uruchamia się na sprzęcie tego serwera",
			hosting.ProblemTooFewDisks:    "jest na to za mało wolnych dysków",
			hosting.ProblemUnknownDisk:    "żaden dysk tego serwera nie ma takiego numeru seryjnego ani nie znajduje się w takiej kieszeni",
			hosting.ProblemDisksNotListed: "serwer nie podaje, jakie ma dyski, więc nie możemy zagwarantować zachowania żadnego z nich",
			hosting.ProblemTooLarge:       "te partycje nie mieszczą się na dyskach",
			hosting.ProblemOtherSystem:    "podano tu inny system operacyjny niż ten, który ma zostać zainstalowany",
		},
		shortage: shortage{
			need: [2]string{"potrzeba co najmniej %d dysku", "potrzeba co najmniej %d dysków"},
			have: [3]string{"na tym serwerze nie można użyć żadnego dysku", "na tym serwerze można użyć tylko %d dysku", "na tym serwerze można użyć tylko %d dysków"},
		},
		raid: map[hosting.RAIDLevel]string{
			hosting.RAIDNone: "brak: system korzysta z jednego dysku", hosting.RAID0: "RAID 0, bez ochrony przed awarią dysku",
			hosting.RAID1: "RAID 1", hosting.RAID5: "RAID 5", hosting.RAID6: "RAID 6", hosting.RAID10: "RAID 10",
		},
		rest: "reszta", bay: "kieszeń %s", byRule: "wartość domyślna", unlisted: "serwer nie podaje listy dysków; program instalacyjny użyje pierwszych, które znajdzie (liczba dysków: %d)", decimal: ",",
	},
}

// funcs are the template functions that speak of an installation.
func (w installWords) funcs(l hosting.Language) template.FuncMap {
	return template.FuncMap{
		"erasure":      func(system string) string { return hosting.ErasureText(l, oneLine(system, quoteLimit)) },
		"unread":       func(all []hosting.UnclearField) []hosting.UnclearField { return withProblem(all, false) },
		"impossible":   func(all []hosting.UnclearField) []hosting.UnclearField { return withProblem(all, true) },
		"problem":      w.problem,
		"raid":         func(r hosting.RAIDLevel) (string, error) { return known(w.raid[r], "RAID level", r) },
		"partitions":   w.partitions,
		"bydefault":    w.bydefault,
		"disk":         w.disk,
		"unlisted":     func(p hosting.Plan) string { return fmt.Sprintf(w.unlisted, p.RAID.Least()) },
		"fingerprints": hosting.Fingerprints,
	}
}

// withProblem picks the fields that were understood and still can not be done,
// or those that were not understood.
func withProblem(all []hosting.UnclearField, understood bool) []hosting.UnclearField {
	var found []hosting.UnclearField
	for _, u := range all {
		if (u.Problem != hosting.ProblemUnreadable) == understood {
			found = append(found, u)
		}
	}
	return found
}

// problem is in words; what was not understood needs none.
func (w installWords) problem(u hosting.UnclearField) (string, error) {
	switch {
	case u.Problem == hosting.ProblemUnreadable:
		return "", nil
	case u.Problem == hosting.ProblemTooFewDisks && u.Need > 0:
		return w.shortage.words(u.Have, u.Need), nil
	}
	return known(w.problems[u.Problem], "problem", u.Problem)
}

func (s shortage) words(have, need int) string {
	words := fmt.Sprintf(s.need[min(max(need, 1), 2)-1], need) + "; "
	if have <= 0 {
		return words + s.have[0]
	}
	return words + fmt.Sprintf(s.have[min(have, 2)], have)
}

// partitions lists partitions in words: "/boot 1 GiB (ext4), swap 4 GiB, / the
// rest (ext4)".
func (w installWords) partitions(parts []hosting.Partition) string {
	words := make([]string, len(parts))
	for i, p := range parts {
		size := w.rest
		if s := p.Size(); s != "" {
			size = s[:len(s)-1] + " " + s[len(s)-1:] + "iB"
		}
		words[i] = oneLine(p.Mount, quoteLimit) + " " + size
		if p.Mount != p.FileSystem {
			words[i] += " (" + oneLine(p.FileSystem, quoteLimit) + ")"
		}
	}
	return strings.Join(words, ", ")
}

// bydefault marks what a request left out (I12); it is empty for what was said.
func (w installWords) bydefault(p hosting.Plan, f hosting.Field) string {
	if !slices.Contains(p.Defaults, f) {
		return ""
	}
	return " (" + w.byRule + ")"
}

// disk names a disk as people find it: serial number, bay, size and model.
func (w installWords) disk(d hosting.Disk) string {
	words := oneLine(d.Serial, quoteLimit)
	if d.Bay != "" {
		words += " (" + w.place(oneLine(d.Bay, quoteLimit)) + ")"
	}
	if d.Bytes > 0 {
		words += ", " + w.capacity(d.Bytes)
	}
	if d.Model != "" {
		words += ", " + oneLine(d.Model, quoteLimit)
	}
	return words
}

// place is a bay; a name that says what it is needs no word for it.
func (w installWords) place(bay string) string {
	if strings.IndexFunc(bay, unicode.IsLetter) == 0 {
		return bay
	}
	return fmt.Sprintf(w.bay, bay)
}

// capacity is a size as disks are sold: in decimal gigabytes and terabytes.
func (w installWords) capacity(bytes int64) string {
	if bytes < 1e12 {
		return strconv.FormatInt(max(1, (bytes+5e8)/1e9), 10) + " GB"
	}
	text := strings.TrimRight(strconv.FormatFloat(float64(bytes)/1e12, 'f', 2, 64), "0")
	return strings.ReplaceAll(strings.TrimSuffix(text, "."), ".", w.decimal) + " TB"
}
