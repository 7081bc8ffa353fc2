package records_test

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/handrail/handrail/hosting"
)

func TestServersComeBackAsTheyWereImported(t *testing.T) {
	t.Parallel()
	s := open(t)
	must(t, s.ImportServers(t.Context(), servers())) // a repeat changes nothing
	for _, want := range servers() {
		got, err := s.ReadServer(t.Context(), " "+strings.ToUpper(want.ServiceID))
		must(t, err)
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s was read as\n%+v, imported as\n%+v", want.ServiceID, got, want)
		}
	}
	_, err := s.ReadServer(t.Context(), "srv-404")
	wantFault(t, err, hosting.FaultInvalidRequest, "srv-404", "not in the records")
}

func TestImportReplaces(t *testing.T) {
	t.Parallel()
	s := open(t)
	all := servers()
	a, b := &all[0], &all[1]
	a.PrimaryIP, b.PrimaryIP = b.PrimaryIP, a.PrimaryIP // within one import addresses may be swapped
	a.IPs, a.BMC, a.Bays = nil, hosting.BMC{}, nil
	b.IPs = []string{"::ffff:192.0.2.11"} // an IPv4 address in other clothes
	must(t, s.ImportServers(t.Context(), all))
	got, err := s.ReadServer(t.Context(), "srv-1")
	must(t, err)
	if !reflect.DeepEqual(got, *a) {
		t.Errorf("got %+v, want %+v", got, *a)
	}
	got, err = s.ReadServer(t.Context(), "srv-2")
	must(t, err)
	if !slices.Equal(got.IPs, []string{"192.0.2.11"}) {
		t.Errorf("srv-2 has %v", got.IPs)
	}
}

func TestAddressesOfRetiredServersAreFree(t *testing.T) {
	t.Parallel()
	s := open(t)
	heir := servers()[1]
	heir.HostName = "old.acme.example"
	heir.IPs = []string{"192.0.2.4"} // srv-4's
	must(t, s.ImportServers(t.Context(), []hosting.Server{heir}))
	old, err := s.ReadServer(t.Context(), "srv-4")
	must(t, err)
	if old.PrimaryIP != "" {
		t.Errorf("the retired server still has %s", old.PrimaryIP)
	}
}

// A network card leads to one server in service, whatever retired ones had it.
func TestNetworkCardsMoveOn(t *testing.T) {
	t.Parallel()
	s := open(t)
	read := func(id string) hosting.Server {
		t.Helper()
		got, err := s.ReadServer(t.Context(), id)
		must(t, err)
		return got
	}
	all := servers()
	a, b, old := &all[0], &all[1], &all[3]
	a.MACs, b.MACs = []string{" 52-54-00-00-02-01"}, []string{"52:54:00:00:01:01", "52:54:00:00:04:01", "5254.0000.0101"}
	must(t, s.ImportServers(t.Context(), all)) // swapped, and one of the retired server's
	if got := read("srv-2").MACs; !slices.Equal(got, []string{"52:54:00:00:01:01", "52:54:00:00:04:01"}) {
		t.Errorf("srv-2 has %v", got)
	}
	if got := s.identify("srv-1", customer).Server.MACs; !slices.Equal(got, []string{"52:54:00:00:02:01"}) {
		t.Errorf("srv-1 is identified with %v", got)
	}
	if got := read("srv-4").MACs; !slices.Equal(got, old.MACs) {
		t.Errorf("the retired server has %v", got)
	}
	// Back in service, it may have only what is nobody else's.
	old.State, old.HostName = hosting.ServerActive, ""
	wantFault(t, s.ImportServers(t.Context(), []hosting.Server{*old}), hosting.FaultConflict, "network card", "srv-4")
	old.MACs = nil
	must(t, s.ImportServers(t.Context(), []hosting.Server{*old}))
	b.State = hosting.ServerRetired
	must(t, s.ImportServers(t.Context(), []hosting.Server{*b}))
	old.MACs = []string{"52:54:00:00:04:01"}
	must(t, s.ImportServers(t.Context(), []hosting.Server{*old}))
}

func TestImportRefuses(t *testing.T) {
	t.Parallel()
	s := open(t)
	redfish := func(secret string) hosting.BMC {
		return hosting.BMC{Endpoints: []hosting.BMCEndpoint{{Protocol: hosting.Redfish, Address: "10.0.0.9:443", Secret: secret}}}
	}
	for name, c := range map[string]struct {
		change func(*hosting.Server)
		kind   hosting.FaultKind
		says   string
	}{
		"address of another server":     {func(v *hosting.Server) { v.PrimaryIP = "192.0.2.3" }, hosting.FaultConflict, "192.0.2.3"},
		"further address of another":    {func(v *hosting.Server) { v.IPs = []string{"2001:DB8:0::1"} }, hosting.FaultConflict, "2001:db8::1"},
		"host name of another":          {func(v *hosting.Server) { v.HostName = "WEB.globex.example" }, hosting.FaultConflict, "host name"},
		"service id in another case":    {func(v *hosting.Server) { v.ServiceID, v.PrimaryIP, v.HostName = "SRV-1", "192.0.2.9", "" }, hosting.FaultConflict, "spelling"},
		"no address":                    {func(v *hosting.Server) { v.PrimaryIP = "" }, hosting.FaultInvalidRequest, "primary IP"},
		"address with a zone":           {func(v *hosting.Server) { v.PrimaryIP = "fe80::1%eth0" }, hosting.FaultInvalidRequest, "fe80"},
		"no address at all":             {func(v *hosting.Server) { v.IPs = []string{"db.acme.example"} }, hosting.FaultInvalidRequest, "can not be read"},
		"active, never handed over":     {func(v *hosting.Server) { v.StagedAt = nil }, hosting.FaultInvalidRequest, "handed over"},
		"unknown organization":          {func(v *hosting.Server) { v.Organization = "nobody" }, hosting.FaultInvalidRequest, "organization"},
		"unknown kind":                  {func(v *hosting.Server) { v.Kind = "toaster" }, hosting.FaultInvalidRequest, "dedicated or vps"},
		"password instead of reference": {func(v *hosting.Server) { v.BMC = redfish("Hunter2!") }, hosting.FaultInvalidRequest, "not a reference"},
		"user and password":             {func(v *hosting.Server) { v.BMC = redfish("root:hunter2") }, hosting.FaultInvalidRequest, "known store"},
		"machine of another server": {func(v *hosting.Server) {
			v.BMC = redfish("file:bmc/srv-2")
			v.BMC.Endpoints[0].Address, v.BMC.Endpoints[0].System = "10.0.0.1:443", "System.Embedded.1"
		}, hosting.FaultConflict, "same machine"},
		"BMC without port": {func(v *hosting.Server) {
			v.BMC = redfish("file:bmc/srv-2")
			v.BMC.Endpoints[0].Address = "10.0.0.9"
		}, hosting.FaultInvalidRequest, "host:port"},
		"network card of another server": {func(v *hosting.Server) { v.MACs = []string{"5254.0000.0101"} }, hosting.FaultConflict, "52:54:00:00:01:01"},
		"no network card":                {func(v *hosting.Server) { v.MACs = []string{"52:54:00"} }, hosting.FaultInvalidRequest, "52:54:00:12:34:56"},
		"a group of network cards":       {func(v *hosting.Server) { v.MACs = []string{"33:33:00:00:00:01"} }, hosting.FaultInvalidRequest, "network card"},
		"same slot twice": {func(v *hosting.Server) {
			v.Bays = []hosting.Bay{{Slot: "1", Kind: "fan"}, {Slot: "1", Kind: "fan"}}
		}, hosting.FaultInvalidRequest, "slot"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v := servers()[1]
			c.change(&v)
			err := s.ImportServers(t.Context(), []hosting.Server{v})
			wantFault(t, err, c.kind, c.says)
			if strings.Contains(strings.ToLower(err.Error()), "hunter2") {
				t.Errorf("the error repeats a password: %v", err)
			}
		})
	}
	twice := []hosting.Server{servers()[0], servers()[0]}
	wantFault(t, s.ImportServers(t.Context(), twice), hosting.FaultInvalidRequest, "twice")
}

func TestImportIsAllOrNothing(t *testing.T) {
	t.Parallel()
	s := open(t)
	all := servers()
	all[0].Name, all[2].Kind = "Renamed", "toaster"
	if err := s.ImportServers(t.Context(), all); err == nil {
		t.Fatal("a toaster was imported")
	}
	got, err := s.ReadServer(t.Context(), "srv-1")
	must(t, err)
	if got.Name != "Web" {
		t.Errorf("half of the import was written: the name is %q", got.Name)
	}
}

func TestThePrimaryContactCanChange_N21(t *testing.T) {
	t.Parallel()
	s := open(t)
	acme := organizations()[0]
	acme.Contacts = []hosting.Contact{{Name: "Dora", Email: " Dora@ACME.example", Language: hosting.English, Primary: true, Active: true}}
	must(t, s.ImportOrganizations(t.Context(), []hosting.Organization{acme}))
	subject := s.identify("srv-1", hosting.Requester{Contact: "ops", Role: hosting.RoleStaff})
	if subject.Contact.Email != "dora@acme.example" {
		t.Errorf("the primary contact is %+v", subject.Contact)
	}
	if _, ok := subject.Organization.Contact("anna@acme.example"); ok {
		t.Error("a contact that is no longer given is still active")
	}
	acme.Contacts = append(acme.Contacts, hosting.Contact{Email: "eva@acme.example", Language: "it", Primary: true, Active: true})
	wantFault(t, s.ImportOrganizations(t.Context(), []hosting.Organization{acme}), hosting.FaultConflict, "primary")
}
