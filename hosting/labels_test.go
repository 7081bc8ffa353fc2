package hosting

import (
	"slices"
	"strings"
	"testing"
)

func fields() []Field {
	return []Field{
		FieldServer, FieldReason, FieldDetails, FieldFailedTools, FieldPower, FieldBackup, FieldCredentials,
		FieldSystem, FieldPartitioning, FieldRAID, FieldHostName, FieldSSHKeys, FieldKeepDisks, FieldErasure,
	}
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
	t.Run("layouts", func(t *testing.T) { unambiguous(t, layoutPhrases) })
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
		"Hostname":                              {FieldServer, ""},
		"New hostname":                          {FieldHostName, English},
		"OS":                                    {FieldSystem, ""},
		"Preferowany system operacyjny":         {FieldSystem, Polish},
		"Partizionamento (facoltativo):":        {FieldPartitioning, Italian},
		"RAID":                                  {FieldRAID, ""},
		"SSH public key(s)":                     {FieldSSHKeys, English},
		"SSH key":                               {FieldCredentials, English},
		"SSH private key":                       {FieldCredentials, English},
		"Dyski do zachowania":                   {FieldKeepDisks, Polish},
		"Data loss":                             {FieldErasure, English},
		"Data–loss acknowledgement":             {FieldErasure, English},
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
