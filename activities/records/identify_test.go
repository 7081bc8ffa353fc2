package records_test

import (
	"reflect"
	"testing"

	"github.com/handrail/handrail/activities/records"
	"github.com/handrail/handrail/hosting"
)

func (s *store) identify(reference string, by hosting.Requester) records.Subject {
	s.t.Helper()
	subject, err := s.Identify(s.t.Context(), records.Identification{Reference: reference, Requester: by})
	must(s.t, err)
	return subject
}

func TestIdentify_I4_O9(t *testing.T) {
	t.Parallel()
	s := open(t)
	more := servers()[1]
	more.ServiceID, more.Name, more.HostName, more.PrimaryIP, more.MACs = "srv-5", "Żubr", "", "192.0.2.5", nil
	same := more
	same.ServiceID, same.Name, same.PrimaryIP = "srv-6", "database", "192.0.2.6"
	must(t, s.ImportServers(t.Context(), []hosting.Server{more, same}))

	anna := customer
	gone := hosting.Requester{Contact: "carlo@acme.example", Role: hosting.RoleCustomer} // not active
	zofia := hosting.Requester{Contact: " Zofia@Globex.example ", Role: hosting.RoleCustomer}
	staff := hosting.Requester{Contact: "ops", Role: hosting.RoleStaff}
	for _, c := range []struct {
		reference string
		by        hosting.Requester
		server    string
		problem   records.Problem
	}{
		{"srv-1", anna, "srv-1", records.Identified},
		{"  SRV-1\t", anna, "srv-1", records.Identified},
		{"192.0.2.1", anna, "srv-1", records.Identified},
		{"192.0.2.11", anna, "srv-1", records.Identified},
		{"2001:0DB8:0:0::1", anna, "srv-1", records.Identified},
		{"[2001:db8::1]", anna, "srv-1", records.Identified},
		{"::ffff:192.0.2.1", anna, "srv-1", records.Identified},
		{"Web.Acme.Example.", anna, "srv-1", records.Identified},
		{"WEB", anna, "srv-1", records.Identified}, // her own hides Globex's server of that name
		{"web", zofia, "srv-3", records.Identified},
		{"web", staff, "", records.Ambiguous},
		{"Database", anna, "", records.Ambiguous},
		{"srv-3", staff, "srv-3", records.Identified},
		{"srv-3", anna, "", records.NotOwner},
		{"srv-1", gone, "", records.NotOwner},
		{"srv-1", hosting.Requester{Role: hosting.RoleCustomer}, "", records.NotOwner},
		{"database", zofia, "", records.NotOwner}, // not "ambiguous": that would tell of two foreign servers
		{"srv-4", anna, "", records.Retired},
		{"192.0.2.4", staff, "", records.Retired},
		{"srv-4", zofia, "", records.NotOwner},
		{"srv-404", anna, "", records.NotFound},
		{"192.0.2.99", staff, "", records.NotFound},
		{"%", staff, "", records.NotFound},
		{"' OR true --", staff, "", records.NotFound},
		{"", staff, "", records.NotFound},
		{"  ", staff, "", records.NotFound},
	} {
		got := s.identify(c.reference, c.by)
		if got.Problem != c.problem || got.Server.ServiceID != c.server {
			t.Errorf("%q for %s is %q (problem %q), want %q (%q)",
				c.reference, c.by.Contact, got.Server.ServiceID, got.Problem, c.server, c.problem)
		}
		if got.Problem != records.Identified && !reflect.DeepEqual(got, records.Subject{Problem: got.Problem}) {
			t.Errorf("%q for %s tells more than its problem: %+v", c.reference, c.by.Contact, got)
		}
	}
}

func TestIdentifyFoldsCaseBeyondASCII(t *testing.T) {
	t.Parallel()
	s := open(t)
	if s.count("SELECT (lower('Ż') = 'ż')::int") == 0 {
		t.Skip("needs a database whose locale knows more than ASCII")
	}
	v := servers()[1]
	v.Name = "Żubr"
	must(t, s.ImportServers(t.Context(), []hosting.Server{v}))
	if got := s.identify("żUBR", customer); got.Server.ServiceID != v.ServiceID {
		t.Errorf("identified %q (problem %q)", got.Server.ServiceID, got.Problem)
	}
}

func TestIdentifyTellsTheOwner(t *testing.T) {
	t.Parallel()
	s := open(t)
	got := s.identify("srv-1", hosting.Requester{Contact: "ANNA@acme.example", Role: hosting.RoleCustomer})
	if !reflect.DeepEqual(got.Server, servers()[0]) || !reflect.DeepEqual(got.Organization, organizations()[0]) {
		t.Errorf("got %+v", got)
	}
	if got.Contact != organizations()[0].Contacts[0] {
		t.Errorf("the contact is %+v", got.Contact)
	}
	if staff := s.identify("srv-3", hosting.Requester{Contact: "ops", Role: hosting.RoleStaff}); staff.Contact.Email != "zofia@globex.example" {
		t.Errorf("staff are told %+v, want the primary contact", staff.Contact)
	}
	_, err := s.Identify(t.Context(), records.Identification{Reference: "srv-1", Requester: hosting.Requester{Contact: "x"}})
	wantFault(t, err, hosting.FaultInvalidRequest, "role")
}
