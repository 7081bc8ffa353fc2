package main

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/handrail/handrail/activities/records"
	"github.com/handrail/handrail/dev/postgres/pgtest"
	"github.com/handrail/handrail/hosting"
)

// The example of the help text is a file that can be imported.
func TestImportsItsOwnExample(t *testing.T) {
	url := pgtest.Clone(t, "records", records.Migrate)
	t.Setenv("DATABASE_URL", url)
	long := importCommand().Long
	example := long[strings.Index(long, "  {") : strings.LastIndex(long, "}")+1]
	path := filepath.Join(t.TempDir(), "inventory.json")
	hash := strings.Repeat("ab", 32)
	example = strings.NewReplacer("SHA-256 of the certificate, in hex", hash, "as sha256sum prints it", hash).Replace(example)
	if err := os.WriteFile(path, []byte(example), 0o600); err != nil {
		t.Fatal(err)
	}
	for range 2 { // a repeat changes nothing
		c := command()
		var out bytes.Buffer
		c.SetOut(&out)
		c.SetArgs([]string{"import", path})
		if err := c.ExecuteContext(t.Context()); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(out.String(), "1 customers, 1 servers and 1 operating systems") {
			t.Errorf("it says %q", out.String())
		}
	}
	r, err := records.Open(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	s, err := r.ReadServer(t.Context(), "srv-1001")
	if err != nil || s.State != hosting.ServerActive || len(s.BMC.Endpoints) != 2 {
		t.Errorf("the record is %+v, %v", s, err)
	}
	if !slices.Equal(s.MACs, []string{"52:54:00:12:34:56"}) {
		t.Errorf("its network cards are %v", s.MACs)
	}
	systems, err := r.Systems(t.Context())
	if err != nil || len(systems) != 1 || systems[0].Title() != "Debian 12" {
		t.Errorf("the catalogue is %+v, %v", systems, err)
	}
}

// A system that is of no use keeps the whole file out, before anything of it is
// written.
func TestImportRefusesAUselessSystem(t *testing.T) {
	t.Parallel()
	in := inventory{
		Organizations: []hosting.Organization{{ID: "rossi", Name: "Rossi S.p.A."}},
		Systems:       []hosting.OperatingSystem{{ID: "debian-12"}},
	}
	url := pgtest.Clone(t, "records", records.Migrate)
	if err := in.write(t.Context(), url); hosting.KindOf(err) != hosting.FaultInvalidRequest || !strings.Contains(err.Error(), "debian-12") {
		t.Errorf("it was answered: %v", err)
	}
	r, err := records.Open(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	server := hosting.Server{ServiceID: "srv-1", Organization: "rossi", PrimaryIP: "192.0.2.1", Site: "milan", Kind: hosting.Dedicated, State: hosting.ServerStaging}
	if err := r.ImportServers(t.Context(), []hosting.Server{server}); hosting.KindOf(err) != hosting.FaultInvalidRequest {
		t.Errorf("the customer was written: %v", err)
	}
}

func TestInventoryRefusals(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"misspelled":  `{"servers": [{"serviceID": "a", "sevice": "b"}]}`,
		"not JSON":    `servers:`,
		"two objects": `{} {}`,
	} {
		path := filepath.Join(t.TempDir(), "inventory.json")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if in, err := readInventory(path); err == nil {
			t.Errorf("%s: read %+v", name, in)
		} else if !strings.Contains(err.Error(), path) {
			t.Errorf("%s: the error does not name the file: %v", name, err)
		}
	}
}
