package main

import (
	"bytes"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestFolderIsHeldByOne(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	first, err := openFolder(t.Context(), dir, false)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := openFolder(t.Context(), dir, false); err == nil || !strings.Contains(err.Error(), "another dev runs") {
		t.Errorf("a second dev in the same folder: %v", err)
	}
	first.close()
	second, err := openFolder(t.Context(), dir, false)
	if err != nil {
		t.Fatalf("after the first one ended: %v", err)
	}
	second.close()
}

// -fresh forgets what dev wrote, and nothing else.
func TestFreshForgets(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, name := range []string{"tickets.json", "policy.toml", "holiday.jpg"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	f, err := openFolder(t.Context(), dir, true)
	if err != nil {
		t.Fatal(err)
	}
	f.close()
	for name, kept := range map[string]bool{"tickets.json": false, "policy.toml": false, "holiday.jpg": true} {
		if _, err := os.Stat(filepath.Join(dir, name)); (err == nil) != kept {
			t.Errorf("%s: kept %v, want %v", name, err == nil, kept)
		}
	}
}

// Whatever keeps dev from starting is one clear message that names the part.
func TestStartRefusals(t *testing.T) {
	t.Parallel()
	taken, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { taken.Close() }) //nolint:errcheck // the test is over
	port := taken.Addr().(*net.TCPAddr).Port
	spoil := func(name string) func(*config) error {
		return func(c *config) error {
			return os.WriteFile(filepath.Join(c.dir, name), []byte("not what it should be"), 0o600)
		}
	}
	for _, x := range []struct {
		name  string
		spoil func(*config) error
		want  []string
	}{
		{"port of Temporal", func(c *config) error { c.ports.temporal = port; return nil }, []string{"Temporal", "in use"}},
		{"port of the gateway", func(c *config) error { c.ports.gateway = port; return nil }, []string{"gateway", "in use"}},
		{"port of the desk", func(c *config) error { c.ports.desk = port; return nil }, []string{"ticket desk", "in use"}},
		{"port of the mailbox", func(c *config) error { c.ports.mailbox = port; return nil }, []string{"mailbox", "in use"}},
		{"port of the data centre", func(c *config) error { c.ports.control = port; return nil }, []string{"data centre", "in use"}},
		{"broken tickets", spoil("tickets.json"), []string{"ticket desk", "tickets.json"}},
		{"broken data centre", spoil("datacenter.json"), []string{"data centre", "datacenter.json"}},
		{"broken policy", spoil("policy.toml"), []string{"policy.toml"}},
		{"file in the folder's place", spoil("temporal"), []string{"data folder"}},
		{"broken Temporal", func(c *config) error {
			if err := os.Mkdir(filepath.Join(c.dir, "temporal"), 0o700); err != nil {
				return err
			}
			return os.WriteFile(filepath.Join(c.dir, "temporal", "temporal.db"), bytes.Repeat([]byte("junk"), 4096), 0o600)
		}, []string{"Temporal", "-fresh"}},
		{"no database there", func(c *config) error {
			c.databaseURL = "postgres://nobody:hunter2@127.0.0.1:1/none"
			return nil
		}, []string{"records", "127.0.0.1"}},
	} {
		t.Run(x.name, func(t *testing.T) {
			t.Parallel()
			c := testConfig(t.TempDir())
			c.servers = 2
			if err := x.spoil(&c); err != nil {
				t.Fatal(err)
			}
			s, err := start(t.Context(), c)
			if err == nil {
				s.stop(t.Context()) //nolint:errcheck // the test has failed
				t.Fatal("it started")
			}
			t.Log(err)
			for _, w := range x.want {
				if !strings.Contains(err.Error(), w) {
					t.Errorf("%q is not in: %v", w, err)
				}
			}
			if strings.Contains(err.Error(), "hunter2") {
				t.Errorf("the password is in: %v", err)
			}
		})
	}
}
