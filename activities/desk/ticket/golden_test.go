package ticket_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"io"
	"net/mail"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/handrail/handrail/activities/desk/ticket"
)

const provider = "Handrail Hosting"

var update = flag.Bool("update", false, "write the golden files anew")

// readTicket reads a message from testdata.
func readTicket(t testing.TB, path string) ticket.Incoming {
	t.Helper()
	file, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	message, err := mail.ReadMessage(bytes.NewReader(file))
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	body, err := io.ReadAll(message.Body)
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	at, err := message.Header.Date()
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	header := message.Header.Get
	return ticket.Incoming{
		ID: header("Message-ID"), Ticket: "T-4711", Author: header("From"), At: at.UTC(),
		Subject: header("Subject"), ContentType: header("Content-Type"), Body: string(body),
	}
}

func tickets(t testing.TB) []string {
	t.Helper()
	paths, err := filepath.Glob("testdata/*.eml")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no tickets in testdata: %v", err)
	}
	return paths
}

// Tickets as customers write them (I15, I16, I8): plain, from Outlook and Gmail,
// and replies with our own question below.
func TestParse_Tickets_I8_I15_I16(t *testing.T) {
	t.Parallel()
	for _, path := range tickets(t) {
		t.Run(filepath.Base(path), func(t *testing.T) {
			t.Parallel()
			var got bytes.Buffer
			encoder := json.NewEncoder(&got)
			encoder.SetEscapeHTML(false)
			encoder.SetIndent("", "  ")
			if err := encoder.Encode(ticket.Parse(readTicket(t, path), provider)); err != nil {
				t.Fatal(err)
			}
			golden := strings.TrimSuffix(path, ".eml") + ".json"
			if *update {
				if err := os.WriteFile(golden, got.Bytes(), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got.Bytes(), want) {
				t.Errorf("got\n%s\nwant\n%s", got.Bytes(), want)
			}
		})
	}
}
