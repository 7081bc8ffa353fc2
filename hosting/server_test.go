package hosting

import (
	"encoding/json"
	"testing"
)

func TestOrganization_Contact_O7(t *testing.T) {
	t.Parallel()
	org := Organization{ID: "org-1", Contacts: []Contact{
		{Name: "Left", Email: "left@example.it", Primary: true},
		{Name: "No address", Active: true},
		{Name: "Mario", Email: "Mario@Example.it", Active: true},
		{Name: "Anna", Email: "anna@example.it", Active: true, Primary: true},
	}}
	for email, want := range map[string]string{
		"mario@example.it":      "Mario",
		" MARIO@EXAMPLE.IT\n":   "Mario",
		"anna@example.it":       "Anna",
		"left@example.it":       "", // no longer active
		"mario@example.it.evil": "",
		"":                      "", // nobody's address, not that of who has none
		" ":                     "",
	} {
		contact, ok := org.Contact(email)
		if contact.Name != want || ok != (want != "") {
			t.Errorf("%q: %v %q, want %q", email, ok, contact.Name, want)
		}
	}
	if primary, ok := org.PrimaryContact(); !ok || primary.Name != "Anna" {
		t.Errorf("primary contact: %v %q", ok, primary.Name)
	}
	if _, ok := (Organization{}).PrimaryContact(); ok {
		t.Error("an organization without contacts has a primary one")
	}
}

func TestServer_String_H12(t *testing.T) {
	t.Parallel()
	if got := (Server{ServiceID: "DS-1", Name: "web"}).String(); got != "DS-1 (web)" {
		t.Errorf("got %q", got)
	}
	if got := (Server{ServiceID: "DS-1"}).String(); got != "DS-1" {
		t.Errorf("got %q", got)
	}
}

func TestLanguage_Known(t *testing.T) {
	t.Parallel()
	for lang, want := range map[Language]bool{English: true, Italian: true, Polish: true, "": false, "de": false, "EN": false} {
		if lang.Known() != want {
			t.Errorf("%q known: %v", lang, !want)
		}
	}
	if Languages()[0] != English {
		t.Error("English is not first")
	}
}

// An unknown hot-swap capability is not a "no" that somebody entered (I24).
func TestBay_HotSwapUnknown_I24(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]*bool{`{"slot":"1"}`: nil, `{"slot":"1","hotSwap":false}`: new(false), `{"slot":"1","hotSwap":true}`: new(true)} {
		var bay Bay
		if err := json.Unmarshal([]byte(text), &bay); err != nil {
			t.Fatal(err)
		}
		if (bay.HotSwap == nil) != (want == nil) || (want != nil && *bay.HotSwap != *want) {
			t.Errorf("%s reads as %v", text, bay.HotSwap)
		}
		back, err := json.Marshal(bay)
		if err != nil {
			t.Fatal(err)
		}
		var again Bay
		if err := json.Unmarshal(back, &again); err != nil || (again.HotSwap == nil) != (want == nil) {
			t.Errorf("%s comes back as %s, %v", text, back, err)
		}
	}
}
