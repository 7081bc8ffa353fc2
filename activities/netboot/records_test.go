package netboot_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/handrail/handrail/activities/netboot"
	"github.com/handrail/handrail/activities/records"
	"github.com/handrail/handrail/dev/postgres/pgtest"
	"github.com/handrail/handrail/hosting"
)

// The same course on the real records: what they refuse is what the machine is
// answered.
func TestServer_onTheRecords(t *testing.T) {
	t.Parallel()
	r, armed := arm(t)
	bell := &memory{}
	server := httptest.NewUnstartedServer(nil)
	handler, err := netboot.New(netboot.Config{
		Store: r, Bell: bell, Passwords: netboot.PasswordFiles(""), Base: "http://" + server.Listener.Addr().String(), Files: t.TempDir(), Log: discard,
	})
	if err != nil {
		t.Fatal(err)
	}
	server.Config.Handler = handler
	server.Start()
	t.Cleanup(server.Close)
	p := place{memory: bell, t: t, url: server.URL}

	if got := p.ask("52:54:00:00:00:01"); got.body != netboot.DiskScript {
		t.Errorf("another machine: %+v", got)
	}
	at := p.handedOut()
	if got := p.ask("52-54-00-12-34-56"); got.body != netboot.DiskScript {
		t.Errorf("asked again: %+v", got)
	}
	if got := p.get(at + "/answer"); got.status != http.StatusOK || !strings.Contains(got.body, "DISKS='S3Z9NB0K1 wd-wcc4n/7:1'") {
		t.Errorf("%+v", got)
	}
	disks := url.Values{"disks": {"wd-wcc4n/7:1", "S3Z9NB0K1"}}
	for i, want := range []int{http.StatusOK, http.StatusConflict} {
		if got := p.post(at+"/begin", disks); got.status != want {
			t.Errorf("permission %d: %+v", i+1, got)
		}
	}
	if got := p.get(at + "/answer"); got.status != http.StatusGone {
		t.Errorf("%+v", got)
	}
	if got := p.post(at+"/hostkey", url.Values{"key": {"no key"}}); got.status != http.StatusBadRequest {
		t.Errorf("%+v", got)
	}
	for _, report := range []struct {
		path string
		form url.Values
	}{
		{"/progress", url.Values{"stage": {"unpacking"}, "percent": {"60"}}},
		{"/hostkey", url.Values{"key": {sshKey}}},
		{"/done", nil},
		{"/done", nil},
	} {
		if got := p.post(at+report.path, report.form); got.status != http.StatusNoContent {
			t.Errorf("%s: %+v", report.path, got)
		}
	}
	if got := p.post(at+"/failed", url.Values{"error": {"too late"}}); got.status != http.StatusNotFound {
		t.Errorf("%+v", got)
	}
	b, err := r.ReadBoot(t.Context(), records.BootRef{Operation: armed.Operation, Attempt: 1})
	if err != nil {
		t.Fatal(err)
	}
	key := strings.Join(strings.Fields(sshKey)[:2], " ")
	if b.State != hosting.BootDone || b.Stage != "unpacking" || !slices.Equal(b.HostKeys, []string{key}) || b.AskedAgainAt == nil {
		t.Errorf("%+v", b)
	}
	if last := bell.last(); last.ID != armed.ID || last.Workflow != "reinstall/1001" || last.State != hosting.BootDone {
		t.Errorf("the bell: %+v", last)
	}
}

// arm opens an operation on records of its own and arms a boot on a consent.
func arm(t *testing.T) (*records.Records, hosting.NetworkBoot) {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	r, err := records.Open(t.Context(), pgtest.Clone(t, "records", records.Migrate))
	must(err)
	t.Cleanup(r.Close)
	plan := planned(hosting.AnswerOrder, hosting.RAID1, hosting.LayoutDefault).Plan
	must(r.ImportOrganizations(t.Context(), []hosting.Organization{{ID: "acme", Name: "Acme", Contacts: []hosting.Contact{
		{Name: "Ann", Email: "ann@acme.example", Language: hosting.English, Primary: true, Active: true},
	}}}))
	must(r.ImportServers(t.Context(), []hosting.Server{{
		ServiceID: "srv-1", Name: "Web", HostName: "web.acme.example", PrimaryIP: "192.0.2.1", Organization: "acme", Site: "mil1",
		Kind: hosting.Dedicated, State: hosting.ServerActive, StagedAt: new(time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)), MACs: plan.MACs,
	}}))
	op, err := r.OpenOperation(t.Context(), records.Opening{
		Procedure: hosting.OSReinstall, Workflow: "reinstall/1001", Run: "run-1", Ticket: "1001",
		RequestedBy: hosting.Requester{Contact: "ann@acme.example", Role: hosting.RoleCustomer},
	})
	must(err)
	must(r.AssignServer(t.Context(), records.Assignment{Operation: op.ID, Server: "srv-1", Ticket: "1001"}))
	consent, err := r.RecordConsent(t.Context(), hosting.Consent{Operation: op.ID, Server: "srv-1", Target: plan.Target(), Evidence: hosting.Evidence{
		Statement: hosting.EraseDisks, Version: 1, Language: hosting.English, Text: "erase", Author: "ann@acme.example",
		At: time.Now(), Message: "1001-1",
	}})
	must(err)
	b, err := r.ArmBoot(t.Context(), records.Arming{
		Operation: op.ID, Server: "srv-1", Purpose: hosting.BootInstall, Attempt: 1, Plan: plan,
		Spending: &records.Spending{Consent: consent.ID, Operation: op.ID, Server: "srv-1", Target: plan.Target(), Key: "install"},
	})
	must(err)
	return r, b
}
