package hosting

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestParsePartitioning_I12(t *testing.T) {
	t.Parallel()
	custom := func(parts ...Partition) string {
		return Partitioning{Layout: LayoutCustom, Partitions: parts}.String()
	}
	for text, want := range map[string]string{
		"default":                       "default",
		"Default.":                      "default",
		"as usual":                      "default",
		"Partizionamento predefinito":   "default",
		"DOMYŚLNE":                      "default",
		"domyslne partycjonowanie":      "default",
		"single partition":              "single",
		"una sola partizione":           "single",
		"jedna partycja":                "single",
		"/ rest":                        custom(Partition{"/", 0, "ext4"}),
		"/ 50G":                         custom(Partition{"/", 50 << 10, "ext4"}),
		"/boot 1G, swap 8G, / 50G":      custom(Partition{"/boot", 1 << 10, "ext4"}, Partition{"swap", 8 << 10, "swap"}, Partition{"/", 50 << 10, "ext4"}),
		"- /boot: 512 MB\n- / = rest":   custom(Partition{"/boot", 512, "ext4"}, Partition{"/", 0, "ext4"}),
		"/\t20 GB\n/srv\til resto\txfs": custom(Partition{"/", 20 << 10, "ext4"}, Partition{"/srv", 0, "xfs"}),
		"/ - 20G; SWAP 2g swap":         custom(Partition{"/", 20 << 10, "ext4"}, Partition{"swap", 2 << 10, "swap"}),
		"/ xfs 1,5T,/srv reszta":        custom(Partition{"/", 3 << 19, "xfs"}, Partition{"/srv", 0, "ext4"}),
		"/ 1.25 TiB":                    custom(Partition{"/", 5 << 18, "ext4"}),
		"/ 6144M (xfs)":                 custom(Partition{"/", 6 << 10, "xfs"}),
	} {
		got, err := ParsePartitioning(text)
		if err != nil || got.String() != want {
			t.Errorf("%q: %v %v, want %s", text, got, err, want)
		}
	}
}

func TestParsePartitioning_Refuses_I12(t *testing.T) {
	t.Parallel()
	for text, why := range map[string]string{
		"":                                    "0 partitions",
		":":                                   "is no partition",
		"=,;":                                 "is no partition",
		"whatever you think is best":          "is no partition",
		"/":                                   "is no partition",
		"/ 0G":                                "is no partition",
		"/ many":                              "is no partition",
		"/ 50":                                "is no partition",
		"/ 50X":                               "is no partition",
		"/ 99999999999G":                      "is no partition",
		"/ xfs":                               "is no partition",
		"/single":                             "is no partition",
		"srv 50G, / rest":                     "is no mount point",
		"/Data 50G, / rest":                   "is no mount point", // not the same folder as /data
		"/données 50G, / rest":                "is no mount point",
		"/srv/../etc 50G, / rest":             "is no mount point",
		"/srv/ 50G, / rest":                   "is no mount point",
		"/$(reboot) 50G, / rest":              "is no partition",
		"/etc 5G, / rest":                     "of its own",
		"/dev/shm 5G, / rest":                 "of its own",
		"/boot/efi 1G, / rest":                "/boot/efi",
		"/boot 1G":                            "no partition for /",
		"/ 1G":                                "too little",
		"/boot 100M, / rest":                  "too little",
		"/boot 1G xfs, / rest":                "xfs",
		"/ rest, /srv rest":                   "rest of the disk",
		"/ 50G, / rest":                       "two partitions for /",
		"/ 50G swap":                          "is no partition",
		"/ 50G btrfs":                         "is no partition",
		"/ 99999T":                            "can not be meant",
		"/ rest" + strings.Repeat(" ", 1<<12): "too long",
		"/ rest" + strings.Repeat(",swap 1G", 13): "partitions are none or too many",
	} {
		got, err := ParsePartitioning(text)
		if KindOf(err) != FaultInvalidRequest || !strings.Contains(err.Error(), why) || got.Layout != "" || got.Partitions != nil {
			t.Errorf("%.60q: %+v, %v, want %q", text, got, err, why)
		}
	}
}

// anyPartitioning draws a layout that can be meant.
func anyPartitioning(t *rapid.T) Partitioning {
	layout := rapid.SampledFrom([]Layout{LayoutDefault, LayoutSingle, LayoutCustom}).Draw(t, "layout")
	if layout != LayoutCustom {
		return Partitioning{Layout: layout}
	}
	mounts := rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"/boot", "swap", "/srv", "/home", "/var", "/var/lib/mysql", "/tmp", "/opt/a-b.c_d"}), 0, 8, rapid.ID).Draw(t, "mounts")
	rest := rapid.IntRange(-1, len(mounts)).Draw(t, "rest")
	p := Partitioning{Layout: LayoutCustom}
	for i, mount := range append(mounts, "/") {
		part := Partition{Mount: mount, FileSystem: rapid.SampledFrom([]string{"ext4", "xfs"}).Draw(t, "file system")}
		switch mount {
		case "swap":
			part.FileSystem = "swap"
		case "/boot":
			part.FileSystem = "ext4"
		}
		if i != rest {
			part.MiB = rapid.Int64Range(4096, maxPartMiB).Draw(t, "MiB")
		}
		p.Partitions = append(p.Partitions, part)
	}
	return p
}

func TestPartitioning_RoundTrips_I12(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		p := anyPartitioning(t)
		if err := p.Validate(); err != nil {
			t.Fatal(err)
		}
		text := p.String()
		if rapid.Bool().Draw(t, "on lines") {
			text = strings.ReplaceAll(text, ", ", "\n")
		}
		got, err := ParsePartitioning(text)
		if err != nil || got.String() != p.String() {
			t.Fatalf("%q reads as %q, %v", text, got, err)
		}
	})
}

func TestLayouts_AreValidPlans(t *testing.T) {
	t.Parallel()
	for layout := range layouts {
		p := Partitioning{Layout: layout}
		if err := p.Validate(); err != nil {
			t.Error(err)
		}
		custom := Partitioning{Layout: LayoutCustom, Partitions: p.Plan()}
		if err := custom.Validate(); err != nil {
			t.Errorf("%s: %v", layout, err)
		}
		p.Plan()[0].Mount = "changed"
		if layouts[layout][0].Mount == "changed" {
			t.Errorf("a plan of %s changes the layout itself", layout)
		}
	}
	for name, p := range map[string]Partitioning{
		"none":                {},
		"unknown":             {Layout: "best"},
		"default with a list": {Layout: LayoutDefault, Partitions: []Partition{{"/", 0, "ext4"}}},
		"negative size":       {Layout: LayoutCustom, Partitions: []Partition{{"/", -1, "ext4"}}},
		"swap on a mount":     {Layout: LayoutCustom, Partitions: []Partition{{"/", 0, "swap"}}},
		"a file system of no": {Layout: LayoutCustom, Partitions: []Partition{{"/", 0, "ext4 -O x"}}},
	} {
		if err := p.Validate(); KindOf(err) != FaultInvalidRequest {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// What is read is valid, bounded and reads the same again, whatever came in.
func FuzzParsePartitioning(f *testing.F) {
	for _, text := range []string{"default", "/boot 1G, swap 8G, / rest xfs", ":", "= ;", "/ 1,5 T", "- / \t(xfs) 100%", "ſwap 1G, / rest", "/\u200b 5G", "\xff"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		p, err := ParsePartitioning(text)
		if err != nil {
			if KindOf(err) != FaultInvalidRequest {
				t.Fatalf("%q: %v", text, err)
			}
			return
		}
		if err := p.Validate(); err != nil {
			t.Fatalf("%q reads as %q: %v", text, p, err)
		}
		if again, err := ParsePartitioning(p.String()); err != nil || again.String() != p.String() {
			t.Fatalf("%q reads as %q, and that as %q: %v", text, p, again, err)
		}
	})
}
