package hosting

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func fields() []Field {
	return []Field{FieldServer, FieldReason, FieldDetails, FieldFailedTools, FieldPower, FieldBackup, FieldCredentials}
}

func TestLabel_EveryFieldInEveryLanguage_I16(t *testing.T) {
	t.Parallel()
	for _, f := range fields() {
		for _, lang := range Languages() {
			label := Label(f, lang)
			got, gotLang, ok := FieldByLabel(label)
			if label == "" || !ok || got != f || (gotLang != lang && gotLang != "") {
				t.Errorf("label of %s in %s is %q, which reads as %v %s %s", f, lang, label, ok, got, gotLang)
			}
		}
		if Label(f, "de") != Label(f, English) {
			t.Errorf("label of %s in a language without texts is %q", f, Label(f, "de"))
		}
	}
}

func TestLabels_NeverNameTwoThings(t *testing.T) {
	t.Parallel()
	t.Run("fields", func(t *testing.T) { unambiguous(t, fieldLabels) })
	t.Run("reasons", func(t *testing.T) { unambiguous(t, reasonPhrases) })
	t.Run("tools", func(t *testing.T) { unambiguous(t, toolPhrases) })
	t.Run("procedures", func(t *testing.T) { unambiguous(t, procedureTitles) })
}

func unambiguous[T ~string](t *testing.T, table []phrases[T]) {
	t.Helper()
	meanings := map[string]T{}
	for _, p := range table {
		for _, said := range p.said {
			key := spaced(said)
			if other, ok := meanings[key]; ok && other != p.meaning {
				t.Errorf("%q means both %s and %s", said, other, p.meaning)
			}
			meanings[key] = p.meaning
		}
	}
}

func TestFieldByLabel_I16(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]labelEntry{
		"Server":                                {FieldServer, ""},
		"AUTHORIZATION:":                        {FieldPower, English},
		"**Authorization:**":                    {FieldPower, English},
		"Autorizzazione":                        {FieldPower, Italian},
		"upowaznienie":                          {FieldPower, Polish},
		"Stan kopii\u00a0zapasowej :":           {FieldBackup, Polish},
		"backup":                                {FieldBackup, ""},
		"Szczegóły":                             {FieldDetails, Polish},
		"Cosa e successo?":                      {FieldDetails, Italian},
		"Details (what happened, since when)":   {FieldDetails, English},
		"Server [ID / IP]":                      {FieldServer, ""},
		"Hasło do roota":                        {FieldCredentials, Polish},
		"Parola d’ordine":                       {FieldCredentials, Italian},
		"":                                      {},
		"Authorization granted":                 {},
		"I say that Authorization":              {},
		"Server" + strings.Repeat("\u200b", 99): {},
	} {
		f, lang, ok := FieldByLabel(text)
		if (labelEntry{f, lang}) != want || ok != (want.meaning != "") {
			t.Errorf("%q: %v %s %q, want %s %q", text, ok, f, lang, want.meaning, want.language)
		}
	}
}

func TestReasonByText_I3(t *testing.T) {
	t.Parallel()
	for _, r := range Reasons() {
		for _, lang := range Languages() {
			text := ReasonText(r, lang)
			if got, ok := ReasonByText(text + "."); text == "" || !ok || got != r {
				t.Errorf("%s in %s is %q, which reads as %v %s", r, lang, text, ok, got)
			}
		}
	}
	for text, want := range map[string]Reason{
		"hang or unresponsive":                         ReasonUnresponsive,
		"The server hangs since this morning":          ReasonUnresponsive,
		"il server non risponde più":                   ReasonUnresponsive,
		"serwer zawiesił się":                          ReasonUnresponsive,
		"problem after update":                         ReasonUpdate,
		"dopo l’aggiornamento del kernel":              ReasonUpdate,
		"faulty component replacement":                 ReasonFaultyPart,
		"wymiana dysku":                                ReasonFaultyPart,
		"network or firewall misconfiguration":         ReasonNetwork,
		"after-update":                                 ReasonUpdate,
		"unresponsive after update":                    "", // two reasons: ask
		"something else":                               "",
		"changing the disk":                            "", // "hang" is no word of it
		"":                                             "",
		strings.Repeat("x ", maxPhraseBytes) + "hangs": "",
	} {
		if got, ok := ReasonByText(text); got != want || ok != (want != "") {
			t.Errorf("%.80q: %v %s, want %s", text, ok, got, want)
		}
	}
}

func TestRemoteToolsByText_I2(t *testing.T) {
	t.Parallel()
	for text, want := range map[string][]RemoteTool{
		"SSH, RDP":                         {ToolSSH, ToolRDP},
		"pannello di controllo e ssh":      {ToolSSH, ToolPanel},
		"zdalny pulpit/IPMI":               {ToolRDP, ToolIPMI},
		"- ssh\n- iDRAC\n- customer panel": {ToolSSH, ToolIPMI, ToolPanel},
		"Remote Desktop":                   {ToolRDP},
		"none":                             nil,
		"sshd_config":                      nil,
	} {
		if got := RemoteToolsByText(text); !slices.Equal(got, want) {
			t.Errorf("%q: %v, want %v", text, got, want)
		}
	}
}

func TestProcedureBySubject_I15(t *testing.T) {
	t.Parallel()
	for subject, want := range map[string]struct {
		server string
		lang   Language
	}{
		"Server intervention request - [DS-1042]":                              {"DS-1042", English},
		"Server intervention request - [192.0.2.10]":                           {"192.0.2.10", English},
		"Server intervention request - [DS-1042 / 192.0.2.10]":                 {"DS-1042", English},
		"Server intervention request – DS-1042":                                {"DS-1042", English},
		"SERVER  INTERVENTION\u00a0REQUEST — (DS-1042)":                        {"DS-1042", English},
		"Server intervention request: DS-1042 urgent!":                         {"DS-1042", English},
		"Server intervention request - [DS-1042] please hurry":                 {"DS-1042", English},
		"Server intervention request-web 1":                                    {"web 1", English},
		"Server intervention request - [2001:db8::10]":                         {"2001:db8::10", English},
		"Server intervention request":                                          {"", English},
		"Server intervention request - [server id / IP]":                       {"", English},
		"Server intervention request - DS-1042, DS-1043":                       {"DS-1042, DS-1043", English},
		"Server intervention request - [DS-1042 / DS-1043]":                    {"DS-1042 / DS-1043", English},
		"Re: [Ticket #123] Server intervention request - [DS-1042]":            {"DS-1042", English},
		"RE[2]: Fwd: [EXTERNAL] [#77] Server intervention request - [DS-1042]": {"DS-1042", English},
		"Ticket #4711: Server intervention request - [DS-1042]":                {"DS-1042", English},
		"R: I: Richiesta di intervento sul server - [web1.example.it]":         {"web1.example.it", Italian},
		"Rif: richiesta intervento server - DS-9":                              {"DS-9", Italian},
		"Odp: PD: Prośba o interwencję na serwerze – [DS-1042]":                {"DS-1042", Polish},
		"prosba o interwencje na serwerze - DS-1042 (192.0.2.10)":              {"DS-1042", Polish},
		"Zgłoszenie interwencji na serwerze - [id serwera / IP]":               {"", Polish},
	} {
		proc, server, lang, ok := ProcedureBySubject(subject)
		if !ok || proc != ServerIntervention || server != want.server || lang != want.lang {
			t.Errorf("%q: %v %s %q %s, want server %q %s", subject, ok, proc, server, lang, want.server, want.lang)
		}
	}
	for _, subject := range []string{
		"", "Re:", "Invoice 12", "About my server intervention request", "No server intervention request - [DS-1]",
		"Server intervention requests", "Server intervention", "[Server intervention request - DS-1]",
	} {
		if proc, server, _, ok := ProcedureBySubject(subject); ok {
			t.Errorf("%q asks for %s on %q", subject, proc, server)
		}
	}
}

func TestSubject_RoundTrips_I15(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		lang := rapid.SampledFrom(Languages()).Draw(t, "language")
		server := rapid.OneOf(rapid.StringMatching(`DS-[0-9]{1,6}`), rapid.StringMatching(`192\.0\.2\.[1-9]`), rapid.StringMatching(`[a-z]{1,9}[0-9]\.example\.(it|pl)`), rapid.Just("")).Draw(t, "server")
		prefix := rapid.SampledFrom([]string{"", "Re: ", "R: Odp: ", "FW: ", "[Ticket #9] ", "Re: [Support #AB-12] "}).Draw(t, "prefix")
		proc, got, gotLang, ok := ProcedureBySubject(prefix + Subject(ServerIntervention, lang, server))
		if !ok || proc != ServerIntervention || got != server || gotLang != lang {
			t.Fatalf("%v %s %q %s, want %q %s", ok, proc, got, gotLang, server, lang)
		}
	})
	if got := Subject("Unknown", English, "DS-1"); got != "" {
		t.Errorf("subject of an unknown procedure: %q", got)
	}
	if got, want := Subject(ServerIntervention, "de", ""), "Server intervention request - [server id / IP]"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestServerReference_O9(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		" DS-1042. ":               "DS-1042",
		"`DS-1042`":                "DS-1042",
		"web 1":                    "web 1",
		"DS-1042 (192.0.2.10)":     "DS-1042",
		"192.0.2.10/DS-1042":       "192.0.2.10",
		"192.0.2.10 (192.0.2.11)":  "192.0.2.10 (192.0.2.11)",
		"192.0.2.10 / 2001:db8::1": "192.0.2.10",
		"DS-1042 and DS-1043":      "DS-1042 and DS-1043",
		"web (production)":         "web (production)",
		"[server id / IP]":         "",
		"[DS-1042":                 "DS-1042",
		"DS-1042] ":                "DS-1042",
		"":                         "",
	} {
		if got := ServerReference(text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

func TestReferencesConflict_I4(t *testing.T) {
	t.Parallel()
	for pair, want := range map[[2]string]bool{
		{"DS-1", "DS-2"}:                 true,
		{"DS-1", "ds-1"}:                 false,
		{"192.0.2.1", "192.0.2.2"}:       true,
		{"192.0.2.1", "2001:db8::1"}:     false,
		{"192.0.2.1", "DS-1"}:            false,
		{"web1.example", "web2.example"}: false, // one server can have several names
		{"", ""}:                         false,
	} {
		if got := ReferencesConflict(pair[0], pair[1]); got != want {
			t.Errorf("%q: %v", pair, got)
		}
	}
}
