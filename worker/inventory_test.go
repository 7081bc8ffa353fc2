package main

import (
	"bytes"
	"os"
	"path/filepath"
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
	if err := os.WriteFile(path, []byte(strings.Replace(example, "SHA-256 of the certificate, in hex", strings.Repeat("ab", 32), 1)), 0o600); err != nil {
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
		if !strings.Contains(out.String(), "1 customers and 1 servers") {
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
