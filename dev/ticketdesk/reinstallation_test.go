package ticketdesk_test

import (
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/handrail/handrail/activities/desk"
	"github.com/handrail/handrail/dev/ticketdesk"
	"github.com/handrail/handrail/hosting"
)

// The prepared ticket for a reinstallation passes every gate, in each language,
// if so chosen (I17).
func TestPages_PreparedReinstallationIsUnderstood_I17(t *testing.T) {
	t.Parallel()
	c := config(t)
	c.Systems = []string{"Debian 12", "Ubuntu 24.04 LTS"}
	d := start(t, c)
	for _, language := range hosting.Languages() {
		choices := url.Values{
			"for": {"OSReinstall"}, "contact": {ann}, "language": {string(language)}, "power": {"power-allowed"}, "backup": {"backup-exists"},
			"system": {"Ubuntu 24.04 LTS"}, "raid": {"1"}, "key": {"sample"}, "erase": {"accepted"},
		}
		form := get(t, d.URL()+"/new?"+choices.Encode())
		event := parse(form.field(t, "body"), form.field(t, "subject"), c.Provider)
		f := event.Fields
		if event.Procedure != hosting.OSReinstall || event.Language != language || f.Server != "DS-1042" || f.Power == nil || f.Backup == nil ||
			f.Install.System != "Ubuntu 24.04 LTS" || f.Install.RAID != hosting.RAID1 || !slices.Equal(f.Install.SSHKeys, []string{ticketdesk.SampleKey}) ||
			f.Install.Erasure == nil || f.Install.Erasure.System != "Ubuntu 24.04 LTS" || len(f.Unclear) > 0 || len(f.Redacted) > 0 {
			t.Errorf("in %s: %+v", language, event)
		}
		open := get(t, d.URL()+"/new?for=OSReinstall&contact="+ann+"&system=BeOS&raid=99&language="+string(language))
		event = parse(open.field(t, "body"), open.field(t, "subject"), c.Provider)
		if f := event.Fields; event.Procedure != hosting.OSReinstall || f.Install.System != "" || f.Install.RAID != "" || f.Install.Erasure != nil || len(f.Unclear) > 0 {
			t.Errorf("with everything left out, in %s: %+v", language, event)
		}
	}
}

func TestReinstallText_I17(t *testing.T) {
	t.Parallel()
	for language, words := range map[hosting.Language][3]string{
		hosting.English: {"/boot 1G, / rest", "none", "bay 3, S9"}, hosting.Italian: {"una sola partizione", "nessuno", "vano 3, S9"}, hosting.Polish: {"domyślne", "brak", "kieszeń 3, S9"},
	} {
		subject, body := ticketdesk.ReinstallText(language, "DS-1", "Example", ticketdesk.Reinstallation{
			System: "Debian 12", Partitioning: words[0], RAID: words[1], HostName: "db1", Keep: words[2], SSHKeys: []string{ticketdesk.SampleKey},
			Power: hosting.PowerWindow, Backup: hosting.LossAccepted, Erase: true,
		})
		f := parse(body, subject, "Example").Fields
		if i := f.Install; i.System != "Debian 12" || i.Partitioning == nil || i.RAID != hosting.RAIDNone || i.HostName != "db1" || len(i.Keep) != 2 || len(i.SSHKeys) != 1 ||
			i.Erasure == nil || f.Power == nil || f.Backup == nil || len(f.Unclear) > 0 {
			t.Errorf("in %s\n%s\nreads as %+v", language, body, f)
		}
	}
}

// On the ticket of a reinstallation the exact consent stands ready, for the
// system that Handrail asked about (I13).
func TestPages_OfferTheConsent_I13(t *testing.T) {
	t.Parallel()
	c := config(t)
	d := start(t, c)
	id, err := d.Create(giulia, hosting.Subject(hosting.OSReinstall, hosting.Italian, "DS-2001"), "Buongiorno")
	if err != nil {
		t.Fatal(err)
	}
	draft := func() string { return get(t, d.URL()+"/tickets/"+id+"?write=erase-disks").field(t, "body") }
	if got := draft(); !strings.Contains(got, "[sistema operativo]") {
		t.Errorf("before it is asked for, the answer is %q", got)
	}
	question := "Ecco la domanda:\n\n    Consenso alla perdita dei dati: " + hosting.ErasureText(hosting.Italian, "Debian 12") + "\n"
	for i, kind := range []desk.MessageKind{desk.Question, desk.Answer} {
		if _, err := client(t, d).Post(t.Context(), desk.Message{Ticket: id, Kind: kind, Key: string(kind), Body: []string{question, "Grazie"}[i]}); err != nil {
			t.Fatal(err)
		}
	}
	if f := parse(draft(), "", c.Provider).Fields; f.Install.Erasure == nil || f.Install.Erasure.System != "Debian 12" || len(f.Unclear) > 0 {
		t.Errorf("%q reads as %+v", draft(), f)
	}
	if key := get(t, d.URL()+"/tickets/"+id+"?write=ssh-keys").field(t, "body"); !slices.Equal(parse(key, "", c.Provider).Fields.Install.SSHKeys, []string{ticketdesk.SampleKey}) {
		t.Errorf("the sample key is not read from %q", key)
	}
	other := createIn(t, d, hosting.English)
	if got := get(t, d.URL()+"/tickets/"+other+"?write=erase-disks").field(t, "body"); got != "" {
		t.Errorf("another ticket offers %q", got)
	}
}
