package computer

import (
	"encoding/json"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/handrail/handrail/dev/datacenter/installer"
)

var delivered = time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)

func newState(t interface{ Fatal(...any) }) State {
	s, err := Delivered([]string{"A", "B", "C"}, "a.example", delivered, 0)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// Whatever is erased and installed in whatever order: what boots is whole, what
// is half does not boot, every loss is in the log, and no key outlives its system.
func TestDisksTellTheTruth(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		s := newState(rt)
		if c, ok := s.bootable(); !ok || c.System != "original" || s.HostKey() == "" {
			rt.Fatalf("delivered with %+v", s)
		}
		erased := 0
		for range rapid.IntRange(1, 10).Draw(rt, "installations") {
			disks := rapid.SliceOfNDistinct(rapid.IntRange(0, 2), 1, 3, rapid.ID).Draw(rt, "disks")
			old := s.BootID
			held := slices.ContainsFunc(disks, func(i int) bool { return s.Disks[i].Content.ID == old })
			id := s.erase(disks, installer.Answer{System: "new", HostName: "b.example"}, 1, delivered)
			erased += len(disks)
			if _, ok := s.bootable(); held && ok {
				rt.Fatalf("half installed it boots: %+v", s.Disks)
			}
			if rapid.Bool().Draw(rt, "finished") {
				a, err := newAccess()
				if err != nil {
					rt.Fatal(err)
				}
				s.install(id, a, delivered)
				if c, ok := s.bootable(); !ok || c.ID != id || s.HostKey() == "" {
					rt.Fatalf("installed it boots %+v", c)
				}
			}
			for kept := range s.Access {
				if !slices.ContainsFunc(s.Disks, func(d Disk) bool { return d.Content.ID == kept }) {
					rt.Fatal("a key has outlived its system")
				}
			}
		}
		generations := 0
		for _, d := range s.Disks {
			generations += d.Content.Generation
		}
		if generations != erased || len(s.Wipes) != erased {
			rt.Fatalf("%d disks erased, %d generations, %d wipes", erased, generations, len(s.Wipes))
		}
	})
}

func TestStateSurvivesItsFile(t *testing.T) {
	t.Parallel()
	s := newState(t)
	raw, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	var back State
	if err := json.Unmarshal(raw, &back); err != nil || back.HostKey() != s.HostKey() || !back.Has([]string{"A", "B", "C"}) || back.Has([]string{"A", "C", "B"}) {
		t.Errorf("%v: %+v", err, back)
	}
	copied := s.clone()
	copied.Disks[0].Content.Half = true
	delete(copied.Access, s.BootID)
	if s.HostKey() == "" {
		t.Error("a copy shares its disks or keys with the original")
	}
}

func TestTokensAreNotShown(t *testing.T) {
	t.Parallel()
	const token = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"
	if got := redact("GET http://192.0.2.1/t/" + token + "/answer: 404"); got != "GET http://192.0.2.1/t/(token)/answer: 404" {
		t.Error(got)
	}
	if got := hash(token); got != "630dcd2966c4336691125448bbb25b4ff412a49c732db2c8abc1b8581bd710dd" { // of the bytes 0 to 31
		t.Error(got)
	}
}
