package ticketdesk

import (
	"slices"
	"strings"
	"time"

	"github.com/handrail/handrail/activities/desk"
	"github.com/handrail/handrail/hosting"
)

// SampleKey is an SSH public key for newcomers who have none at hand. Nobody has
// its private half.
const SampleKey = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHuYTj3N8wTN62lJpntz5o6LjWi+39YhWMd1AkeSWn6v sample@ticket-desk"

// Reinstallation is what a request for a reinstallation says. What is empty is
// left open: Handrail asks for it, or takes the default.
type Reinstallation struct {
	// System is the title of an operating system.
	System string
	// Partitioning, RAID, HostName and Keep are in the customer's own words.
	Partitioning, RAID, HostName, Keep string
	// SSHKeys are public keys as .pub files hold them.
	SSHKeys []string
	// Power and Backup are the answers to these questions.
	Power, Backup hosting.StatementKind
	// Erase accepts the loss of the data, for this system.
	Erase bool
}

// ReinstallText is a request for a reinstallation as a customer of that language
// would write it.
func ReinstallText(l hosting.Language, server, provider string, r Reinstallation) (subject, body string) {
	return r.text(l, server, provider, time.Now())
}

func (r Reinstallation) text(l hosting.Language, server, provider string, now time.Time) (subject, body string) {
	lines := []string{labelled(hosting.FieldServer, l, server)}
	for _, f := range []struct {
		field hosting.Field
		value string
	}{
		{hosting.FieldSystem, r.System},
		{hosting.FieldPartitioning, r.Partitioning},
		{hosting.FieldRAID, r.RAID},
		{hosting.FieldHostName, r.HostName},
		{hosting.FieldKeepDisks, r.Keep},
		{hosting.FieldSSHKeys, strings.Join(r.SSHKeys, "\n")},
	} {
		if f.value != "" {
			lines = append(lines, labelled(f.field, l, f.value))
		}
	}
	lines = append(lines, statementLines(l, provider, now, r.Power, r.Backup)...)
	if r.Erase {
		lines = append(lines, erasureLine(l, r.System))
	}
	return hosting.Subject(hosting.OSReinstall, l, server), strings.Join(lines, "\n\n") + "\n"
}

// erasureLine is the consent to lose the data, behind its label; without a system
// it is the form to fill in.
func erasureLine(l hosting.Language, system string) string {
	text := hosting.ErasureText(l, system)
	if system == "" {
		text = hosting.StatementText(hosting.EraseDisks, l, "")
	}
	return labelled(hosting.FieldErasure, l, text)
}

// installAnswers are the ready-made answers to what a reinstallation asks for.
func (d *Desk) installAnswers(t Ticket) []answerChoice {
	if procedure, _, _, _ := hosting.ProcedureBySubject(t.Subject); procedure != hosting.OSReinstall {
		return nil
	}
	system := askedSystem(t, d.config.Provider)
	first := ""
	if len(d.config.Systems) > 0 {
		first = d.config.Systems[0]
	}
	return []answerChoice{
		{Name: string(hosting.EraseDisks), Title: "Data loss: accepted", Text: erasureLine(t.Language, system), Adjust: system == ""},
		{Name: string(hosting.FieldSystem), Title: "Operating system", Text: labelled(hosting.FieldSystem, t.Language, first), Adjust: true},
		{Name: string(hosting.FieldSSHKeys), Title: "SSH key: a sample", Text: labelled(hosting.FieldSSHKeys, t.Language, SampleKey)},
	}
}

// askedSystem is the system for which Handrail last asked for the consent.
func askedSystem(t Ticket, provider string) string {
	for _, m := range slices.Backward(t.Messages) {
		if m.Kind != desk.Question {
			continue
		}
		for line := range strings.Lines(m.Body) {
			_, text, _ := strings.Cut(line, ":")
			if said, ok := hosting.RecognizeStatement(text, provider); ok && said.Kind == hosting.EraseDisks {
				return said.System
			}
		}
	}
	return ""
}

// levels are the choices of RAID on the form.
func levels(l hosting.Language) []string {
	return []string{noRAID[l], string(hosting.RAID1), string(hosting.RAID5), string(hosting.RAID10)}
}

var noRAID = map[hosting.Language]string{hosting.English: "none", hosting.Italian: "nessuno", hosting.Polish: "brak"}
