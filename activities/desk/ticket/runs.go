package ticket

import (
	"regexp"
	"strings"

	"github.com/handrail/handrail/hosting"
)

// run is a statement that stands in lines of its own: the value of a labelled
// line with the lines that it goes on in, or lines without a label.
type run struct {
	first, last int // lines
	said        hosting.Recognized
	text        string // as written, without marks of lists and emphasis
	// broken says why the statement is not on its own; empty where it is.
	broken string
}

const (
	maxRunLines = 6
	minRun      = 20 // bytes; no statement is as short
	maxRun      = 1200
)

// findRuns returns the statements in the lines, in order.
func findRuns(lines []line, provider string) []run {
	var runs []run
	for i := 0; i < len(lines); i++ {
		if r, ok := runAt(lines, i, provider); ok {
			runs = append(runs, r)
			i = r.last
		}
	}
	for i := range runs {
		runs[i].broken = breakBefore(lines, runs, i)
		if runs[i].broken == "" {
			runs[i].broken = breakAfter(lines, runs, i)
		}
	}
	return runs
}

// runAt returns the longest statement that begins in line i and ends with a line.
func runAt(lines []line, i int, provider string) (run, bool) {
	var found run
	var ok bool
	joined := lines[i].text
	if lines[i].field == "" {
		joined = joined[len(bullet.FindString(joined)):]
	}
	for last := i; joined != "" && len(joined) <= maxRun && last < i+maxRunLines; {
		if text := strings.Trim(joined, "*_ "); len(text) >= minRun {
			if said, known := hosting.RecognizeStatement(text, provider); known {
				found, ok = run{first: i, last: last, said: said, text: text}, true
			}
		}
		last++
		if last == len(lines) || lines[last].text == "" || lines[last].field != "" {
			break
		}
		joined += "\n" + lines[last].text
	}
	return found, ok
}

// breakBefore says whether what stands before a statement makes it part of
// something longer: an unfinished sentence, or the announcement of whose words
// they are ("I do not agree that:").
func breakBefore(lines []line, runs []run, i int) string {
	first := runs[i].first
	if i > 0 && runs[i-1].last == first-1 {
		return ""
	}
	at := first - 1
	for at >= 0 && lines[at].whole() == "" {
		at--
	}
	if at < 0 || i > 0 && runs[i-1].last == at {
		return ""
	}
	before := lines[at]
	if lines[first].field != "" {
		// Our own question has no second answer to contradict this one when it is
		// sent back whole.
		if runs[i].said.Kind == hosting.EraseDisks && before.field == "" && !greets(before.text) && announces.MatchString(before.text) {
			return "the statement belongs to the words before it: " + quoted(before.text)
		}
		return ""
	}
	switch {
	case before.closing, greets(before.text), before.field != "" && before.text == "",
		before.field != "" && before.field != hosting.FieldDetails:
		return ""
	case at == first-1 && !sentenceEnd.MatchString(before.text), announces.MatchString(before.text):
		return "the statement belongs to the words before it: " + quoted(before.text)
	}
	return ""
}

// breakAfter says whether what follows a statement goes on with it, or takes
// some of it back.
func breakAfter(lines []line, runs []run, i int) string {
	last := runs[i].last
	at := last + 1
	for at < len(lines) && lines[at].whole() == "" {
		at++
	}
	if at == len(lines) || lines[at].field != "" || lines[at].closing || i+1 < len(runs) && runs[i+1].first == at {
		return ""
	}
	after := lines[at].text[len(bullet.FindString(lines[at].text)):]
	goesOn := at == last+1 && !sentenceEnd.MatchString(lines[last].text) && after == lines[at].text && !otherLabel.MatchString(after)
	spared := runs[i].said.Kind == hosting.EraseDisks && keepsData.MatchString(hosting.Fold(after))
	if goesOn || spared || matchesAny(restrictions, hosting.Fold(after)) {
		return "the statement is restricted or continued by the words after it: " + quoted(after)
	}
	return ""
}

var (
	sentenceEnd = regexp.MustCompile(`(?:^|[^.])[.!?][)"'”»*_]*$`)
	otherLabel  = regexp.MustCompile(`^\p{Lu}[\pL ]{1,30}: ?\S`)
	announces   = regexp.MustCompile(`(?:[,:;(–—-]|\.\.|…)[*_"'„“«]*$`)
)

// restrictions are how a sentence begins, folded, that takes back or narrows
// what was said before it.
var restrictions = []*regexp.Regexp{
	regexp.MustCompile(`^(?:but|only|unless|except|excluding|provided|however|although|though|as long as|on (?:the )?condition|not (?:before|after|until|during|now|yet|today)|` +
		`and only|or rather|(?:please |kindly |just )?(?:do not|don't|never|wait) ?(?:restart|reboot|power|turn|switch|shut|touch|act|start|begin|do |until|with|before)?)\b`),
	regexp.MustCompile(`^(?:ma|pero|solo|soltanto|tranne|salvo|eccetto|purche|tuttavia|a condizione|a patto|a meno che|anzi|non prima|non dopo|non ora|non adesso|` +
		`(?:per favore |vi prego di |si prega di |prego di )?non (?:riavvi|spegn|accend|tocc|proced|agi|far|fate|inizi))`),
	regexp.MustCompile(`^(?:ale|lecz|tylko|jedynie|jednak|chyba ze|oprocz|z wyjatkiem|pod warunkiem|o ile|wylacznie|nie przed|nie po |nie teraz|a wlasciwie|` +
		`(?:prosze |bardzo prosze )?nie (?:restart|wylacz|wlacz|uruchami|rusz|dotyk|robi|zaczyna))`),
}

// keepsData matches a sentence, folded, that asks to spare something: after a
// data-loss consent it takes some of it back.
var keepsData = regexp.MustCompile(`\b(?:keep|leave|preserve|spare|save|retain|conserv\w*|manten\w*|lasci\w*|salv\w*|tenete|tenga|zachowa\w*|zostaw\w*|pozostaw\w*|oszczedz\w*)\b` +
	`.*\b(?:disks?|drives?|data|raid|volumes?|partitions?|bays?|slots?|home|dischi|disco|dati|partizion\w+|vano|dysk\w*|dane|danych|partycj\w*|zatok\w*)\b`)

func quoted(text string) string { return `"` + cut(text, 200) + `"` }
