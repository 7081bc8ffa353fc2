package ticket_test

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/handrail/handrail/activities/desk/ticket"
	"github.com/handrail/handrail/hosting"
)

const (
	publicKey = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAINjNOXnLiRTH4ltIZkh4DY++2CecN96JQHMWt9aC2lZy anna@laptop"
	otherKey  = "ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBBokOC4fsWQazGPNT7f7AUNl5CGlS6ifEyRAt97s9zAFECPULvFyq76Sg0YXXlZssu7cKUPpnIpkZsbp/ZnYM68="
)

var erasure = hosting.ErasureText(hosting.English, "Debian 12")

func TestParse_Installation_I17(t *testing.T) {
	t.Parallel()
	single := &hosting.Partitioning{Layout: hosting.LayoutSingle}
	for name, test := range map[string]struct {
		body string
		want hosting.InstallFields
	}{
		"system":                   {"OS: Debian 12\nwith a desktop", hosting.InstallFields{System: "Debian 12"}},
		"system, twice the same":   {"OS: Debian 12\nPreferred OS: **debian 12**", hosting.InstallFields{System: "debian 12"}},
		"system below its label":   {"Sistema operativo:\n\n- Debian 12", hosting.InstallFields{System: "Debian 12"}},
		"our form, not filled":     {"Preferred OS: ...\nPartitioning: ...\nRAID: ...\nNew host name: ...\nSSH public key: ...\nDisks to keep: ...\nData loss: ...", hosting.InstallFields{}},
		"layout by its name":       {"Partizionamento: una sola partizione", hosting.InstallFields{Partitioning: single}},
		"layout in parentheses":    {"Partitioning (optional): single", hosting.InstallFields{Partitioning: single}},
		"RAID none":                {"RAID: none", hosting.InstallFields{RAID: hosting.RAIDNone}},
		"RAID brak":                {"Poziom RAID: brak", hosting.InstallFields{RAID: hosting.RAIDNone}},
		"RAID n/a":                 {"RAID: n/a", hosting.InstallFields{}},
		"RAID":                     {"RAID level = RAID-1", hosting.InstallFields{RAID: hosting.RAID1}},
		"host name":                {"New host name: `DB1.Example.com.`", hosting.InstallFields{HostName: "db1.example.com"}},
		"disks":                    {"Disks to keep: S1, bay 2 and S3", hosting.InstallFields{Keep: []string{"S1", "bay 2", "S3"}}},
		"disks in a list":          {"Dischi da conservare:\n- S1\n- vano 2\n\nS4\n\nGrazie", hosting.InstallFields{Keep: []string{"S1", "vano 2", "S4"}}},
		"disks, then other things": {"Dyski do zachowania: S1\n\nProszę o szybką odpowiedź w tej sprawie", hosting.InstallFields{Keep: []string{"S1"}}},
		"disks, twice":             {"Disks to keep: none\nKeep disks: S1", hosting.InstallFields{Keep: []string{"S1"}}},
		"disks in words":           {"Disks to keep: all the old ones!", hosting.InstallFields{Keep: []string{"all the old ones!"}}},
		"no disks":                 {"Disks to keep: none", hosting.InstallFields{Keep: []string{}}},
		"no disks in Italian":      {"Dischi da conservare: nessuno.", hosting.InstallFields{Keep: []string{}}},
		"no disks in Polish":       {"Dyski do zachowania: brak", hosting.InstallFields{Keep: []string{}}},
		"a key":                    {"SSH public key: " + publicKey, hosting.InstallFields{SSHKeys: []string{publicKey}}},
		"keys":                     {"Public keys:\n\n* " + publicKey + "\n\n* " + otherKey + "\n* " + publicKey + "\n\nThank you for it", hosting.InstallFields{SSHKeys: []string{publicKey, otherKey}}},
		"a key as credentials":     {"Chiavi SSH: " + publicKey, hosting.InstallFields{SSHKeys: []string{publicKey}}},
		"a key broken into lines":  {"SSH public key:\nssh-ed25519\n" + publicKey[12:40] + "\n" + publicKey[40:], hosting.InstallFields{SSHKeys: []string{publicKey}}},
		"a key in our question":    {"ok\n> SSH public key: " + publicKey + "\n> OS: Debian 12", hosting.InstallFields{}},
	} {
		e := parse(test.body)
		if got, want := asJSON(t, e.Fields.Install), asJSON(t, test.want); got != want || len(e.Fields.Unclear) > 0 || len(e.Fields.Redacted) > 0 {
			t.Errorf("%s:\n got %s\nwant %s, unclear %+v, redacted %q", name, got, want, e.Fields.Unclear, e.Fields.Redacted)
		}
	}
}

func TestParse_InstallationUnclear_I17(t *testing.T) {
	t.Parallel()
	short := "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAA anna"
	for name, test := range map[string]struct {
		body  string
		field hosting.Field
	}{
		"two systems":           {"OS: Debian 12\nPreferred OS: Ubuntu", hosting.FieldSystem},
		"a system too long":     {"OS: " + strings.Repeat("Debian ", 20), hosting.FieldSystem},
		"partitioning":          {"Partitioning: as you like", hosting.FieldPartitioning},
		"two layouts":           {"Partitioning: single\nPartitions: / 50G", hosting.FieldPartitioning},
		"a layout that goes on": {"Partitioning: single\nbut with a large /home", hosting.FieldPartitioning},
		"RAID":                  {"RAID: the safest", hosting.FieldRAID},
		"two levels":            {"RAID: 1\nRAID: 5", hosting.FieldRAID},
		"none and a level":      {"RAID: none\nRAID: 5", hosting.FieldRAID},
		"a level that goes on":  {"RAID: 1\nbut only on the SSDs", hosting.FieldRAID},
		"host name":             {"New host name: my server", hosting.FieldHostName},
		"two host names":        {"New host name: a\nNew hostname: b", hosting.FieldHostName},
		"no key":                {"SSH public key: see the attachment", hosting.FieldSSHKeys},
		"a key cut off":         {"SSH public key: " + short, hosting.FieldSSHKeys},
		"a key with options":    {"SSH public key: command=\"id\" " + publicKey, hosting.FieldSSHKeys},
		"an old kind of key":    {"SSH public key: ssh-dss AAAAB3NzaC1kc3MAAACBAP", hosting.FieldSSHKeys},
	} {
		e := parse(test.body)
		if !unclear(e, test.field) || len(e.Fields.Unclear) != 1 || asJSON(t, e.Fields.Install) != "{}" {
			t.Errorf("%s: %s, unclear %+v", name, asJSON(t, e.Fields.Install), e.Fields.Unclear)
		}
	}
	var many strings.Builder
	for i := range 17 {
		many.WriteString(publicKey + " " + string(rune('a'+i)) + "\n")
	}
	if e := parse("SSH public keys:\n" + many.String()); !unclear(e, hosting.FieldSSHKeys) || e.Fields.Install.SSHKeys != nil {
		t.Errorf("17 keys: %+v", e.Fields)
	}
}

// A data-loss consent counts in its exact words only, and for one system (I13,
// I14).
func TestParse_Erasure_I13_I14(t *testing.T) {
	t.Parallel()
	other := hosting.ErasureText(hosting.English, "Ubuntu 24.04")
	for name, test := range map[string]struct {
		body    string
		want    string // the system
		unclear bool
	}{
		"labelled":                {"Data loss: " + erasure, "Debian 12", false},
		"below its label":         {"Data-loss acknowledgement:\n\n" + erasure, "Debian 12", false},
		"alone":                   {"Hello,\n\n" + erasure + "\n\nThanks", "Debian 12", false},
		"wrapped":                 {strings.Replace(erasure, " all data", "\nall data", 1), "Debian 12", false},
		"with the others":         {allowed + "\n" + backup + "\n" + erasure, "Debian 12", false},
		"twice":                   {"Data loss: " + erasure + "\n\n" + strings.ToUpper(erasure), "Debian 12", false},
		"in Polish":               {hosting.ErasureText(hosting.Polish, "Debian 12"), "Debian 12", false},
		"yes":                     {"Data loss: yes", "", true},
		"the loss of a backup":    {"Data loss: " + loss, "", true},
		"the form":                {"Data loss: " + hosting.StatementText(hosting.EraseDisks, hosting.English, provider), "", true},
		"for two systems":         {erasure + "\n" + other, "", true},
		"without the exception":   {"Data loss: I accept that installing Debian 12 permanently erases all data on the disks of this server.", "", true},
		"our question, sent back": {"If you agree, please answer with this line, in exactly these words:\n\n    Data loss: " + erasure, "", true},
		"after a greeting":        {"Hello,\nData loss: " + erasure, "Debian 12", false},
		"denied":                  {"Data loss: " + strings.Replace(erasure, "accept", "do not accept", 1), "", true},
		"announced":               {"I will never write:\n" + erasure, "", true},
		"restricted":              {erasure + "\nBut not before Monday.", "", true},
		"with a disk to keep":     {erasure + "\nPlease keep the data on the second disk.", "", true},
		"with one, in Italian":    {hosting.ErasureText(hosting.Italian, "Debian 12") + "\nConservate il disco 2.", "", true},
		"with one, in Polish":     {hosting.ErasureText(hosting.Polish, "Debian 12") + "\nProszę zachować drugi dysk.", "", true},
		"a disk in its own line":  {erasure + "\nDisks to keep: S2", "Debian 12", false},
		"quoted":                  {"> " + erasure, "", false},
		"below a question":        {"ok\n\nOn Sat, Nov 21, 2026 at 9:15 AM Support <s@handrail.example> wrote:\n\n" + erasure, "", false},
		"inside a sentence":       {"Is it right that " + erasure, "", false},
	} {
		e := parse(test.body)
		got := ""
		if s := e.Fields.Install.Erasure; s != nil {
			got = s.System
			if err := s.Evidence.Validate(); err != nil || s.Evidence.Statement != hosting.EraseDisks || s.Evidence.Message != "m-1" {
				t.Errorf("%s: evidence %+v, %v", name, s.Evidence, err)
			}
		}
		if !strings.EqualFold(got, test.want) || unclear(e, hosting.FieldErasure) != test.unclear {
			t.Errorf("%s: for %q, unclear %+v", name, got, e.Fields.Unclear)
		}
	}
}

// In a request for something else the words of a reinstallation are words.
func TestParse_InterventionIsNoInstallation_I16(t *testing.T) {
	t.Parallel()
	body := "Details: slow since noon.\nRAID: degraded\nOS: Debian 12\nData loss: none so far\nSSH public key: " + publicKey
	subject := hosting.Subject(hosting.ServerIntervention, hosting.English, "DS-1")
	e := ticket.Parse(ticket.Incoming{Subject: subject, Body: body}, provider)
	if f := e.Fields; asJSON(t, f.Install) != "{}" || len(f.Unclear) > 0 || len(f.Redacted) > 0 || !strings.HasSuffix(f.Details, publicKey) {
		t.Errorf("got %+v", f)
	}
	if e := ticket.Parse(ticket.Incoming{Subject: "Re: your message", Body: body}, provider); e.Fields.Install.System != "Debian 12" {
		t.Errorf("without a known subject: %+v", e.Fields)
	}
}

// Public keys stay, wherever they stand; what else stands where an SSH key can is
// removed (O3).
func TestParse_KeysAndSecrets_O3(t *testing.T) {
	t.Parallel()
	const secret = "Tr0ub4dor&3"
	private := "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNz" + secret + "\n-----END OPENSSH PRIVATE KEY-----"
	for name, test := range map[string]struct {
		body  string
		keys  int
		label string
	}{
		"a password":                    {"SSH key: " + secret, 0, "SSH key"},
		"a password, below":             {"Klucze SSH:\n" + secret, 0, "Klucze SSH"},
		"a key, then a password":        {"SSH key:\n" + publicKey + "\n" + secret, 1, "SSH key"},
		"a password, then a key":        {"Chiave SSH: " + secret + "\n" + publicKey, 1, "Chiave SSH"},
		"a private key":                 {"SSH public key:\n" + private, 0, "private key"},
		"a private key and its public":  {"SSH public key:\n" + private + "\n" + publicKey, 1, "private key"},
		"a private key without a frame": {"SSH public key: b3BlbnNzaC1rZXktdjEAAAAABG5vbmU" + secret, 0, "SSH public key"},
		"a password as a public key":    {"Public key:\n" + publicKey + "\n" + secret, 1, "Public key"},
		"a passphrase behind the key":   {"SSH public key: " + publicKey + " passphrase: " + secret, 0, "passphrase"},
		"as a private key":              {"Private key: " + publicKey + "\nPassword: " + secret, 0, "Private key"},
		"announced":                     {"Here is my ssh key:\n" + publicKey + "\n\nPassword: " + secret, 0, "Password"},
	} {
		e := parse(test.body)
		text := asJSON(t, e)
		if strings.Contains(text, "ub4dor") {
			t.Errorf("%s: the secret is in %s", name, text)
		}
		if len(e.Fields.Install.SSHKeys) != test.keys && name != "a passphrase behind the key" || !slices.Contains(e.Fields.Redacted, test.label) {
			t.Errorf("%s: keys %q, redacted %q", name, e.Fields.Install.SSHKeys, e.Fields.Redacted)
		}
	}
	for _, body := range []string{
		"Details: my ssh key is " + publicKey, "Here is my ssh key: " + publicKey, "Details: klucz ssh\n" + publicKey, "SSH key:\n" + publicKey, "SSH key\n" + publicKey,
	} {
		if e := parse(body); !strings.Contains(e.Text, publicKey) || len(e.Fields.Redacted) > 0 {
			t.Errorf("%q became %q, redacted %q", body, e.Text, e.Fields.Redacted)
		}
	}
}

// A secret beside public keys is found as it is without them.
func TestParse_PlantedBesideKeys_O3(t *testing.T) {
	t.Parallel()
	parts := rapid.SampledFrom([]string{
		publicKey, otherKey, "SSH key:", "SSH public key: ", "SSH public keys:\n" + publicKey, "Chiave SSH: " + otherKey, "ssh-rsa", "", "OS: Debian 12", "* " + publicKey, "ssh-rsa AAAAB3Nz",
	})
	labels := rapid.SampledFrom([]string{"SSH key: ", "Klucze SSH:\n", "SSH public key: ", "Password: ", "the ssh key is ", "SSH key:\n" + publicKey + "\n", publicKey + " password: "})
	rapid.Check(t, func(t *rapid.T) {
		secret := rapid.StringMatching(`[A-Za-z]{4}[0-9]{3}[A-Za-z0-9]{3,12}`).Draw(t, "secret")
		before, after := rapid.SliceOfN(parts, 0, 4).Draw(t, "before"), rapid.SliceOfN(parts, 0, 4).Draw(t, "after")
		body := strings.Join(append(append(before, labels.Draw(t, "label")+secret), after...), "\n")
		e := ticket.Parse(ticket.Incoming{Body: body}, provider)
		if text := asJSON(t, e); strings.Contains(text, secret) {
			t.Fatalf("%q is in %s", secret, text)
		}
		for _, k := range e.Fields.Install.SSHKeys {
			if !strings.HasPrefix(k, publicKey[:80]) && !strings.HasPrefix(k, otherKey[:80]) {
				t.Fatalf("%q is taken for a key", k)
			}
		}
	})
}
