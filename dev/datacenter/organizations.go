package datacenter

import "github.com/handrail/handrail/hosting"

// organizations are the customers. Trattoria Aurora has a contact who has left,
// Old Harbour nobody who is the primary one.
func organizations() []hosting.Organization {
	return []hosting.Organization{
		{ID: "org-aurora", Name: "Trattoria Aurora S.r.l.", Contacts: []hosting.Contact{
			{Name: "Giulia Ferri", Email: "giulia@aurora.example", Language: hosting.Italian, Primary: true, Active: true},
			{Name: "Paolo Neri", Email: "paolo@aurora.example", Language: hosting.Italian, Active: false},
		}},
		{ID: "org-baltica", Name: "Baltica Logistyka sp. z o.o.", Contacts: []hosting.Contact{
			{Name: "Marek Zieliński", Email: "marek@baltica.example", Language: hosting.Polish, Primary: true, Active: true},
			{Name: "Anna Wójcik", Email: "anna@baltica.example", Language: hosting.Polish, Active: true},
		}},
		{ID: "org-cobalt", Name: "Cobalt Analytics Ltd", Contacts: []hosting.Contact{
			{Name: "Priya Shah", Email: "priya@cobalt.example", Language: hosting.English, Primary: true, Active: true},
			{Name: "Tom Archer", Email: "tom@cobalt.example", Language: hosting.English, Active: true},
		}},
		{ID: "org-duomo", Name: "Duomo Media S.p.A.", Contacts: []hosting.Contact{
			{Name: "Luca Galli", Email: "luca@duomo.example", Language: hosting.Italian, Primary: true, Active: true},
			{Name: "Emma Clarke", Email: "emma@duomo.example", Language: hosting.English, Active: true},
		}},
		{ID: "org-harbour", Name: "Old Harbour Books", Contacts: []hosting.Contact{
			{Name: "Nora Quinn", Email: "nora@harbour.example", Language: hosting.English, Active: true},
		}},
	}
}
