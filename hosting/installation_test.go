package hosting

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

var machine = Machine{
	Disks: []Disk{
		{Serial: "S1", Bay: "Bay 1", Bytes: 960e9},
		{Serial: "S2", Bay: "Bay 2", Bytes: 960e9},
		{Serial: "S3", Bay: "3", Bytes: 960e9},
		{Serial: "S4", Bay: "4", Bytes: 480e9},
	},
	Firmware: FirmwareUEFI, MACs: []string{"02:00:00:00:00:01"},
}

var customers = Server{ServiceID: "DS-1042", HostName: "Web1.Example.com"}

func TestNewPlan_I12(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		fields      InstallFields
		erase, keep string
	}{
		"nothing said":     {InstallFields{}, "S1", ""},
		"RAID 1":           {InstallFields{RAID: RAID1}, "S1 S2 S3 S4", ""},
		"RAID 1, one kept": {InstallFields{RAID: RAID1, Keep: []string{"s4"}}, "S1 S2 S3", "S4"},
		"kept by its bay":  {InstallFields{Keep: []string{"bay 1", "slot 3"}}, "S2", "S1 S3"},
		"kept by a word":   {InstallFields{Keep: []string{"serial number: S1", "2"}}, "S3", "S1 S2"},
		"kept twice":       {InstallFields{Keep: []string{"S1", "Bay 1"}}, "S2", "S1"},
		"none kept":        {InstallFields{Keep: []string{}}, "S1", ""},
		"RAID 10, odd":     {InstallFields{RAID: RAID10}, "S1 S2 S3 S4", ""},
		"RAID 5 of three":  {InstallFields{RAID: RAID5, Keep: []string{"4"}}, "S1 S2 S3", "S4"},
	} {
		p, wrong := NewPlan(test.fields, debian(), machine, customers)
		if len(wrong) > 0 || strings.Join(serials(p.Disks), " ") != test.erase || strings.Join(serials(p.Keep), " ") != test.keep {
			t.Errorf("%s: erases %v, keeps %v, wrong %+v", name, p.Disks, p.Keep, wrong)
		}
	}
	p, _ := NewPlan(InstallFields{}, debian(), machine, customers)
	want := Plan{
		System: debian(), Disks: machine.Disks[:1], Unused: machine.Disks[1:], RAID: RAIDNone, Layout: LayoutDefault, Partitions: layouts[LayoutDefault],
		HostName: "web1.example.com", Firmware: FirmwareUEFI, MACs: machine.MACs,
		Defaults: []Field{FieldPartitioning, FieldRAID, FieldHostName, FieldKeepDisks},
	}
	if !reflect.DeepEqual(p, want) {
		t.Errorf("the defaults are\n%+v, want\n%+v", p, want)
	}
	p, wrong := NewPlan(InstallFields{
		Partitioning: &Partitioning{Layout: LayoutSingle}, RAID: RAIDNone, HostName: "DB1", Keep: []string{}, SSHKeys: []string{"k"}, Password: "vault:x",
	}, debian(), Machine{}, customers)
	want = Plan{
		System: debian(), RAID: RAIDNone, Layout: LayoutSingle, Partitions: layouts[LayoutSingle], HostName: "db1", Firmware: FirmwareUEFI,
		SSHKeys: []string{"k"}, Password: "vault:x",
	}
	if !reflect.DeepEqual(p, want) || len(wrong) > 0 {
		t.Errorf("what was said became\n%+v, want\n%+v, wrong %+v", p, want, wrong)
	}
}

func TestNewPlan_SaysWhatIsWrong_I11_I12(t *testing.T) {
	t.Parallel()
	small := Machine{Disks: []Disk{{Serial: "S1", Bytes: 8e9}, {Serial: "S2"}}}
	for name, test := range map[string]struct {
		fields  InstallFields
		machine Machine
		server  Server
		field   Field
		problem Problem
	}{
		"firmware":             {InstallFields{System: "Debian"}, Machine{Firmware: "coreboot"}, customers, FieldSystem, ProblemFirmware},
		"host name":            {InstallFields{HostName: "web_1"}, machine, customers, FieldHostName, ProblemUnreadable},
		"host name on file":    {InstallFields{}, machine, Server{HostName: "web_1"}, FieldHostName, ProblemUnreadable},
		"layout":               {InstallFields{Partitioning: &Partitioning{Layout: "best"}}, machine, customers, FieldPartitioning, ProblemUnreadable},
		"level":                {InstallFields{RAID: "7"}, machine, customers, FieldRAID, ProblemUnreadable},
		"too few disks":        {InstallFields{RAID: RAID5}, small, customers, FieldRAID, ProblemTooFewDisks},
		"all disks kept":       {InstallFields{Keep: []string{"S1", "S2"}}, small, customers, FieldRAID, ProblemTooFewDisks},
		"unknown disk":         {InstallFields{Keep: []string{"S1", "S9"}}, small, customers, FieldKeepDisks, ProblemUnknownDisk},
		"a disk by its number": {InstallFields{Keep: []string{"disk 1"}}, machine, customers, FieldKeepDisks, ProblemUnknownDisk},
		"disks not listed":     {InstallFields{Keep: []string{"S1"}}, Machine{}, customers, FieldKeepDisks, ProblemDisksNotListed},
		"too large": {
			InstallFields{Partitioning: &Partitioning{LayoutCustom, []Partition{{"/", 8 << 10, "ext4"}}}}, small, customers, FieldPartitioning, ProblemTooLarge,
		},
	} {
		_, wrong := NewPlan(test.fields, debian(), test.machine, test.server)
		if len(wrong) != 1 || wrong[0].Field != test.field || wrong[0].Problem != test.problem || wrong[0].Why == "" {
			t.Errorf("%s: %+v", name, wrong)
		}
		if unsaid := test.fields.unsaid(); len(wrong) == 1 && slices.Contains(unsaid, test.field) == (wrong[0].Value != "") {
			t.Errorf("%s: the value %q is not what was written", name, wrong[0].Value)
		}
	}
	if _, wrong := NewPlan(InstallFields{}, OperatingSystem{}, Machine{}, customers); len(wrong) != 1 || wrong[0].Problem != ProblemFirmware {
		t.Errorf("a system without firmware: %+v", wrong)
	}
}

// Disks that can not be told apart are never erased, and a name that fits
// several keeps them all.
func TestNewPlan_DisksOfOneSerial_I14(t *testing.T) {
	t.Parallel()
	m := Machine{Disks: []Disk{{Serial: "X", Bay: "1"}, {Serial: "x", Bay: "2"}, {Bay: "3"}, {Serial: "A", Bay: "0"}, {Serial: "B", Bay: "0"}, {Serial: "C", Bay: "9"}}}
	p, wrong := NewPlan(InstallFields{Keep: []string{"0"}}, debian(), m, customers)
	if len(wrong) > 0 || len(p.Disks) != 1 || p.Disks[0].Serial != "C" || len(p.Keep) != 2 {
		t.Errorf("erases %v, keeps %v, wrong %+v", p.Disks, p.Keep, wrong)
	}
}

func TestHostNameValid(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]bool{
		"web1": true, "web-1.example.com": true, "a": true, "1a": true, "9.example.com": true, strings.Repeat("a", 63): true,
		"": false, ".": false, "-a": false, "a-": false, "a..b": false, "a.": false, "A": false, "web_1": false, "żubr": false, "a b": false,
		"192.0.2.1": false, "1042": false, strings.Repeat("a", 64): false, strings.Repeat("a", 60) + ".exam": false,
		"a.b.c.d.e.f": true, "a.b.c.d.e.f.g": false, "$(reboot)": false, "a\n": false,
	} {
		if got := HostNameValid(name); got != want {
			t.Errorf("%q: %v", name, got)
		}
	}
}

// Two plans have one target only if they erase and keep the same disks for the
// same system (I14).
func TestPlan_TargetSaysWhatIsErased_I14(t *testing.T) {
	t.Parallel()
	disk := rapid.Custom(func(t *rapid.T) Disk {
		return Disk{Serial: rapid.SampledFrom([]string{"A", "B", "A B", "B; keep A", `"A" B`, "(1 not listed by the BMC)", "ż"}).Draw(t, "serial")}
	})
	disks := rapid.SliceOfNDistinct(disk, 0, 4, func(d Disk) string { return d.Serial })
	plan := rapid.Custom(func(t *rapid.T) Plan {
		p := Plan{System: OperatingSystem{ID: rapid.SampledFrom([]string{"debian-12", "debian-11"}).Draw(t, "system")}, RAID: rapid.SampledFrom([]RAIDLevel{RAIDNone, RAID1}).Draw(t, "RAID")}
		p.Disks, p.Keep = disks.Draw(t, "disks"), disks.Draw(t, "keep")
		return p
	})
	rapid.Check(t, func(t *rapid.T) {
		a, b := plan.Draw(t, "a"), plan.Draw(t, "b")
		count := func(p Plan) int { return max(len(p.Disks), p.RAID.Least()*(1-min(1, len(p.Disks)))) }
		same := a.System.ID == b.System.ID && slices.Equal(serials(a.Disks), serials(b.Disks)) && slices.Equal(serials(a.Keep), serials(b.Keep)) && count(a) == count(b)
		if (a.Target() == b.Target()) != same {
			t.Fatalf("%q and %q, of the same disks: %v", a.Target(), b.Target(), same)
		}
	})
	p, _ := NewPlan(InstallFields{RAID: RAID1, Keep: []string{"S4"}}, debian(), machine, customers)
	if got := p.Target(); got != "install debian-12; erase S1 S2 S3; keep S4" {
		t.Errorf("the target is %q", got)
	}
	p, _ = NewPlan(InstallFields{RAID: RAID1}, debian(), Machine{}, customers)
	if got := p.Target(); got != "install debian-12; erase (2 not listed by the BMC)" {
		t.Errorf("the target is %q", got)
	}
}

// "None" is an answer: it must survive the way through a signal.
func TestInstallFields_KeepNoneIsNotNothing_I12(t *testing.T) {
	t.Parallel()
	for _, keep := range [][]string{nil, {}, {"S1"}} {
		text, err := json.Marshal(RequestFields{Install: InstallFields{Keep: keep}})
		if err != nil {
			t.Fatal(err)
		}
		var got RequestFields
		if err := json.Unmarshal(text, &got); err != nil || (got.Install.Keep == nil) != (keep == nil) || len(got.Install.Keep) != len(keep) {
			t.Errorf("%#v becomes %s and then %#v, %v", keep, text, got.Install.Keep, err)
		}
	}
}

func checkPlan(t interface{ Fatalf(string, ...any) }, f InstallFields, s OperatingSystem, m Machine) {
	p, wrong := NewPlan(f, s, m, customers)
	for _, u := range wrong {
		if u.Field == "" || u.Why == "" || !slices.Contains(Problems(), u.Problem) {
			t.Fatalf("wrong: %+v", u)
		}
	}
	if len(wrong) > 0 {
		return
	}
	for _, d := range p.Disks {
		if d.Serial == "" || slices.Contains(p.Keep, d) || !slices.Contains(m.Disks, d) || slices.ContainsFunc(f.Keep, d.called) {
			t.Fatalf("%v is erased; kept are %v of %v", d, p.Keep, m.Disks)
		}
		if n := slices.IndexFunc(m.Disks, func(o Disk) bool { return o != d && strings.EqualFold(o.Serial, d.Serial) }); n >= 0 {
			t.Fatalf("%v is erased, and %v has its serial number", d, m.Disks[n])
		}
	}
	if len(m.Disks) > 0 && len(p.Disks) < p.RAID.Least() {
		t.Fatalf("%s on %d disks", p.RAID, len(p.Disks))
	}
	if !HostNameValid(p.HostName) || !slices.Contains(s.Firmware, p.Firmware) || (Partitioning{Layout: LayoutCustom, Partitions: p.Partitions}).Validate() != nil {
		t.Fatalf("the plan is %+v", p)
	}
}

// Whatever is asked for on whatever machine: a plan erases only disks that are
// there, that can be told apart and that were not to be kept (I14).
func TestNewPlan_Anything(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.SampledFrom([]string{"", "A", "a", "B", "C", "1", "2", "bay 1", "Bay 2", "serial A", " "})
		var m Machine
		for i := range rapid.IntRange(0, 7).Draw(t, "disks") {
			d := Disk{Bytes: rapid.Int64Range(-1, 1e13).Draw(t, "bytes")}
			d.Serial, d.Bay = rapid.OneOf(name, rapid.Just(fmt.Sprint("S", i))).Draw(t, "serial"), name.Draw(t, "bay")
			m.Disks = append(m.Disks, d)
		}
		f := InstallFields{
			RAID:     rapid.SampledFrom([]RAIDLevel{"", RAIDNone, RAID0, RAID1, RAID5, RAID6, RAID10, "7"}).Draw(t, "RAID"),
			HostName: rapid.SampledFrom([]string{"", "db1", "db_1"}).Draw(t, "host name"),
			Keep:     rapid.SliceOfN(name, 0, 3).Draw(t, "keep"),
		}
		if rapid.Bool().Draw(t, "partitioned") {
			p := anyPartitioning(t)
			f.Partitioning = &p
		}
		checkPlan(t, f, debian(), m)
	})
}

func FuzzNewPlan(f *testing.F) {
	f.Add("1", "bay 1,S2", "db1", "/ rest", "S1,S2,S3", "bay 1,bay 2", int64(960e9), "uefi")
	f.Add("10", "", "", "default", "A,a,,B;C", "1,1,1,2", int64(-1), "")
	f.Fuzz(func(t *testing.T, raid, keep, hostName, layout, serials, bays string, bytes int64, firmware string) {
		var m Machine
		m.Firmware = Firmware(firmware)
		bay := strings.Split(bays, ",")
		for i, serial := range strings.Split(serials, ",") {
			if len(m.Disks) < 64 {
				m.Disks = append(m.Disks, Disk{Serial: serial, Bay: bay[i%len(bay)], Bytes: bytes})
			}
		}
		fields := InstallFields{RAID: RAIDLevel(raid), HostName: hostName, Keep: strings.Split(keep, ",")}
		if p, err := ParsePartitioning(layout); err == nil {
			fields.Partitioning = &p
		}
		checkPlan(t, fields, debian(), m)
	})
}
