package hosting

import (
	"testing"

	"pgregory.net/rapid"
)

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

func TestProcedureBySubject_Reinstall_I15_I17(t *testing.T) {
	t.Parallel()
	for subject, want := range map[string]struct {
		server string
		lang   Language
	}{
		"OS reinstall request - [DS-1042]":                                        {"DS-1042", English},
		"Re: Operating system reinstallation request – 192.0.2.10":                {"192.0.2.10", English},
		"Reinstallation request - [web1.example.com]":                             {"web1.example.com", English},
		"reinstall request":                                                       {"", English},
		"R: Richiesta di reinstallazione del sistema operativo - [DS-1042]":       {"DS-1042", Italian},
		"Richiesta di reinstallazione del server - DS-9":                          {"DS-9", Italian},
		"Richiesta reinstallazione - DS-9":                                        {"DS-9", Italian},
		"Odp: Prośba o reinstalację systemu operacyjnego - [DS-1042]":             {"DS-1042", Polish},
		"prosba o reinstalacje systemu - DS-1042":                                 {"DS-1042", Polish},
		"Zlecenie reinstalacji serwera - [id serwera / IP]":                       {"", Polish},
		"Prośba o ponowną instalację systemu operacyjnego – [DS-1042 / 10.0.0.1]": {"DS-1042", Polish},
	} {
		proc, server, lang, ok := ProcedureBySubject(subject)
		if !ok || proc != OSReinstall || server != want.server || lang != want.lang {
			t.Errorf("%q: %v %s %q %s, want server %q %s", subject, ok, proc, server, lang, want.server, want.lang)
		}
	}
	for _, subject := range []string{"Reinstallation", "Please reinstall DS-1", "No reinstallation request - [DS-1]", "Reinstallation requests"} {
		if proc, server, _, ok := ProcedureBySubject(subject); ok {
			t.Errorf("%q asks for %s on %q", subject, proc, server)
		}
	}
}

// Every title of every procedure is understood whole: none is taken for a
// shorter one with the name of a server behind it.
func TestProcedureTitles_AreReadWhole_I15(t *testing.T) {
	t.Parallel()
	for _, p := range procedureTitles {
		for _, said := range p.said {
			proc, server, lang, ok := ProcedureBySubject("Re: " + said + " - [DS-1042]")
			if !ok || proc != p.meaning || server != "DS-1042" || lang != p.language {
				t.Errorf("%q reads as %v %s %q %s", said, ok, proc, server, lang)
			}
		}
	}
}

func TestSubject_RoundTrips_I15(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		lang := rapid.SampledFrom(Languages()).Draw(t, "language")
		procedure := rapid.SampledFrom([]Procedure{ServerIntervention, OSReinstall}).Draw(t, "procedure")
		server := rapid.OneOf(rapid.StringMatching(`DS-[0-9]{1,6}`), rapid.StringMatching(`192\.0\.2\.[1-9]`), rapid.StringMatching(`[a-z]{1,9}[0-9]\.example\.(it|pl)`), rapid.Just("")).Draw(t, "server")
		prefix := rapid.SampledFrom([]string{"", "Re: ", "R: Odp: ", "FW: ", "[Ticket #9] ", "Re: [Support #AB-12] "}).Draw(t, "prefix")
		proc, got, gotLang, ok := ProcedureBySubject(prefix + Subject(procedure, lang, server))
		if !ok || proc != procedure || got != server || gotLang != lang {
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
		"(DS-1042]":                "DS-1042",
		"[DS-1042 (web-01)]":       "DS-1042 (web-01)",
		"[DS-1042 (192.0.2.10)]":   "DS-1042",
		"(DS-1042 [rack 4])":       "DS-1042 [rack 4]",
		"[DS-1042 (web-01)] now":   "DS-1042 (web-01)",
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
