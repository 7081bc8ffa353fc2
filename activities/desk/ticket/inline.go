package ticket

import (
	"regexp"
	"strings"

	"github.com/handrail/handrail/hosting"
)

// leak is a way in which people write secrets into running text.
type leak struct {
	pattern *regexp.Regexp
	// label and secret are the groups of the pattern; label 0 means name.
	label, secret int
	name          string
	// unless spares what matches and yet is no secret; nil spares nothing.
	unless func(secret string) bool
}

// secretWords are the words for secrets in the three languages.
const secretWords = `pass ?(?:words?|code|phrase|wd)|pass|pwd?|psw|pin|hasł(?:o|a|em)|haslo|hasla|haslem|parola(?: d.ordine| chiave)|` +
	`secret|token|api[ _-]?key|(?:private|ssh) key|chiave (?:privata|api|ssh)|klucz (?:prywatny|api|ssh)|` +
	`credentials|credenziali(?: di accesso)?|poświadczenia|dane (?:logowania|dostępowe)`

// between are a few words between that and the secret: "password for root:".
const between = `(?:[ \t]+[\pL\pN@._'-]{1,40}){0,3}`

// oneValue is a word, or several in quotes.
const oneValue = `("[^"]*"|'[^']*'|“[^”]*”|„[^”]*”|«[^»]*»|\S+)`

var leaks = []leak{
	// user/pass root/abc
	{pattern: regexp.MustCompile(`(?i)((?:user(?: ?name)?|login|utente|użytkownik)[ \t]*[/&+][ \t]*(?:pass(?:word)?|pwd?|hasło|haslo))[ \t:=–-]*([^\s:=–-].*)$`), label: 1, secret: 2},
	// password: abc def
	{pattern: regexp.MustCompile(`(?i)(?:^|[^\pL\pN])[\pL\pN]*?(` + secretWords + `)(?:[ \t]*\([^)]{0,60}\))?` + between +
		`["'*_\]]*[ \t]*(?:[:：]|[-=]+>|→|\t)[ \t]*(\S.*)$`), label: 1, secret: 2},
	// pw=abc
	{pattern: regexp.MustCompile(`(?i)(` + secretWords + `)["'*_\]]*[ \t]*=[ \t]*("[^"]*"|'[^']*'|\S+)`), label: 1, secret: 2},
	// the password is abc
	{pattern: regexp.MustCompile(`(?i)(?:^|[^\pL\pN])(` + secretWords + `)` + between +
		`[ \t]+(?:is|are|was|è|e'|sono|era|jest|brzmi)[ \t]+` + oneValue), label: 1, secret: 2, unless: saysNoSecret},
	// hasło to abc
	{pattern: regexp.MustCompile(`(?i)(?:^|[^\pL\pN])(hasło|haslo|pin)` + between + `[ \t]+to[ \t]+` + oneValue), label: 1, secret: 2, unless: saysNoSecret},
	// password abc1
	{pattern: regexp.MustCompile(`(?i)(?:^|[^\pL\pN])(` + secretWords + `)[ \t]+[-–—]?[ \t]*(\S+)`), label: 1, secret: 2, unless: plainWord},
	// root/abc1
	{
		pattern: regexp.MustCompile(`(?i)(?:^|[^\pL\pN/._-])(?:root|admin|administrator|amministratore|ubuntu|debian|centos)[ \t]*[/:|][ \t]*(\S+)`),
		secret:  1, name: "password", unless: plainWord,
	},
	// https://user:abc@host
	{pattern: regexp.MustCompile(`://[^\s/:@]{0,100}:([^\s/@]+)@`), secret: 1, name: "password"},
	{pattern: regexp.MustCompile(`(?i)(bearer)[ \t]+([\w.~+/-]{12,}=*)`), label: 1, secret: 2},
	{pattern: regexp.MustCompile(`\b(?:gh[pousr]_\w{20,}|glpat-[\w-]{16,}|xox[abprs]-[\w-]{10,}|AKIA[0-9A-Z]{16}|sk-[\w-]{20,})`), name: "token"},
}

// asksForSecret matches a line that announces a secret for the next one.
var asksForSecret = regexp.MustCompile(`(?i)(?:^|[^\pL\pN])(` + secretWords + `)` + between + `["'*_]*[ \t]*[:：=][*_ ]*$`)

// plainWord spares a word that does not look like a secret.
func plainWord(secret string) bool {
	return !looksSecret(strings.Trim(secret, ".,;:!?\"'“”„«»()[]<>")) || strings.HasPrefix(secret, removed)
}

// saysNoSecret spares "the password is wrong" and "the password is not ...".
func saysNoSecret(secret string) bool {
	return strings.HasPrefix(secret, removed) || aboutSecrets[strings.Trim(hosting.Fold(secret), ".,;:!?")]
}

// aboutSecrets are words, folded, that say something of a secret without being
// it.
var aboutSecrets = words(`wrong right correct incorrect invalid valid expired unknown lost forgotten known changed reset rejected refused accepted blocked locked
	needed required missing empty same different below above attached there here working not no never always still now also only already very too being
	the a an in on at with for from set stored saved
	sbagliata errata corretta scaduta sconosciuta persa dimenticata cambiata rifiutata bloccata richiesta necessaria mancante vuota
	stata stato non il la un una in su ancora gia solo sempre molto quella questa
	bledne zle poprawne nieznane niewazne wygaslo zgubione zapomniane zmienione odrzucane odrzucone zablokowane wymagane potrzebne puste
	nie w na tylko juz jeszcze bardzo`)

func words(text string) map[string]bool {
	set := map[string]bool{}
	for _, w := range strings.Fields(text) {
		set[w] = true
	}
	return set
}

// inline removes secrets from running text.
func (r *redactor) inline(lines []line) {
	for i := range lines {
		lines[i].head = r.inlineText(lines[i].head)
		lines[i].text = r.inlineText(lines[i].text)
	}
}

// mayLeak is what every leak has one of, in lower case: a cheap first look.
var mayLeak = []string{
	"pass", "pw", "psw", "pin", "has", "parola", "secret", "token", "key", "chiave", "klucz", "credential", "credenz", "poświadczenia", "dane",
	"root", "admin", "amministratore", "ubuntu", "debian", "centos", "://", "bearer", "gh", "glpat-", "xox", "akia", "sk-",
}

func (r *redactor) inlineText(text string) string {
	lower := strings.ToLower(text)
	if !containsAny(lower, mayLeak) {
		return text
	}
	var out strings.Builder
	at := 0
	for _, key := range publicKeys(text) { // they may look like anything
		out.WriteString(r.stopAll(text[at:key[0]]) + text[key[0]:key[1]])
		at = key[1]
	}
	return out.String() + r.stopAll(text[at:])
}

func (r *redactor) stopAll(text string) string {
	for _, l := range leaks {
		text = r.stop(l, text)
	}
	return text
}

func containsAny(text string, parts []string) bool {
	for _, p := range parts {
		if strings.Contains(text, p) {
			return true
		}
	}
	return false
}

// stop removes what one leak finds in a text.
func (r *redactor) stop(l leak, text string) string {
	var out strings.Builder
	at := 0
	for _, groups := range l.pattern.FindAllStringSubmatchIndex(text, -1) {
		from, to := groups[2*l.secret], groups[2*l.secret+1]
		secret := text[from:to]
		if secret == removed || l.unless != nil && l.unless(secret) {
			continue
		}
		label := l.name
		if l.label > 0 {
			label = text[groups[2*l.label]:groups[2*l.label+1]]
		}
		r.note(label)
		r.remember(strings.Trim(secret, `"'“”„«»`))
		out.WriteString(text[at:from] + removed)
		at = to
	}
	return out.String() + text[at:]
}
