package mailbox_test

import (
	"context"
	"os"
	"testing"
	"time"

	"github.com/handrail/handrail/activities/letters"
	"github.com/handrail/handrail/activities/mail"
	"github.com/handrail/handrail/dev/mailbox"
	"github.com/handrail/handrail/hosting"
)

func TestShot(t *testing.T) {
	if os.Getenv("SHOT") == "" {
		t.Skip()
	}
	m, err := mailbox.Start(context.Background(), mailbox.Config{SMTPAddress: "127.0.0.1:21025", WebAddress: "127.0.0.1:28025"})
	if err != nil {
		t.Fatal(err)
	}
	book, err := letters.Load("")
	if err != nil {
		t.Fatal(err)
	}
	a, err := mail.New(mail.Config{Host: "127.0.0.1", Port: 21025, TLS: mail.PlainText, From: "Handrail Hosting <support@handrail.example>"}, book, nil)
	if err != nil {
		t.Fatal(err)
	}
	w := &hosting.Window{From: "2026-11-22 02:00", To: "2026-11-22 05:00", Zone: "Europe/Rome"}
	_ = w
	for i, l := range []hosting.Letter{
		{Name: "reminder", Language: "pl", Server: "SRV-1004 (sklep)", Missing: []hosting.Field{"power", "backup"}, Redacted: []string{"Hasło"}},
		{Name: "attention", Language: "en", Server: "SRV-1002 (db-01)", Procedure: hosting.ServerIntervention, Workflow: "intervention/T-1002", Step: "Power cycle", Error: "SRV-1002: cycle: the BMC took GracefulShutdown, the machine is still on after 5m0s. To do: check the console; a forced action may be needed if it is authorized"},
		{Name: "summary", Language: "it", Server: "SRV-1003 (posta)", Person: "Giulia Bianchi", Report: &hosting.Report{Resolved: true, Text: "Il server era bloccato durante il riavvio.\nAbbiamo corretto la configurazione di GRUB.", Actions: []string{"Spegnimento forzato e accensione", "Riparazione del boot loader"}, Downtime: hosting.Duration(7*time.Minute + 12*time.Second), Power: hosting.PowerOn}},
		{Name: "summary", Language: "en", Server: "SRV-1001 (web-01)", Person: "Anna Smith", Report: &hosting.Report{Resolved: true, Text: "The file system was damaged; we repaired it.", Actions: []string{"Power cycle", "File-system check on /dev/sda2"}, Downtime: hosting.Duration(7*time.Minute + 12*time.Second), Power: hosting.PowerOn}},
	} {
		l.Provider, l.Ticket = "Handrail Hosting", "T-100"+string(rune('1'+i))
		if err := a.SendMail(context.Background(), mail.Sending{Key: "k" + string(rune('0'+i)), To: "anna@example.com", Letter: l}); err != nil {
			t.Error(err)
		}
	}
	t.Log(m.URL())
	time.Sleep(time.Minute)
}
