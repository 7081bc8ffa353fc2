package vendor

import (
	"crypto/sha256"
	"encoding/base32"
	"fmt"
	"net"
)

// Hardware is one machine: a profile and what is built into it.
type Hardware struct {
	*Profile
	Host   string // the name that the operating system told the BMC
	Serial string
	UUID   [16]byte
	Drives []Drive
	DIMMs  []DIMM
	// MACs are the addresses of the network cards, in lower case with colons.
	MACs []string
	// Baseboard is the Redfish id of a second system behind the same BMC, for
	// GPUs; empty on most machines.
	Baseboard string
}

// Drive is a drive in a bay. Health is as in Redfish: OK, Warning, Critical.
type Drive struct {
	Bay          int
	Manufacturer string
	Model        string
	Serial       string
	Protocol     string // NVMe, SATA, SAS
	Media        string // SSD, HDD
	Bytes        int64
	Health       string
}

// DIMM is a slot for a memory module, empty where MiB is 0.
type DIMM struct {
	Slot         int
	Manufacturer string
	PartNumber   string
	Serial       string
	Type         string // DDR4, DDR5
	MiB          int
	Speed        int // MHz
	Health       string
}

// Order is what a machine is ordered with.
type Order struct {
	Service string // the service id; serial numbers follow from it
	Host    string
	Drives  int
	Drive   DriveModel
	DIMMs   int
	DIMM    DIMMModel
	NICs    int
	// FailingDrive and FailingDIMM count from 1; 0 is none.
	FailingDrive, FailingDIMM int
	Baseboard                 string
}

// DriveModel and DIMMModel are parts.
type (
	DriveModel struct {
		Manufacturer, Model, Protocol, Media string
		Bytes                                int64
	}
	DIMMModel struct {
		Manufacturer, PartNumber, Type string
		MiB, Speed                     int
	}
)

// The parts that the simulated machines are built of.
var (
	NVMe  = DriveModel{"Nordic Flash", "NF-7600 3.84TB", "NVMe", "SSD", 3_840_755_982_336}
	SATA  = DriveModel{"Nordic Flash", "NF-1200 960GB", "SATA", "SSD", 960_197_124_096}
	Disk  = DriveModel{"Adria Storage", "AS-18000 18TB", "SAS", "HDD", 18_000_207_937_536}
	RAM32 = DIMMModel{"Lombard Memory", "LM4R32G3200", "DDR4", 32 << 10, 3200}
	RAM64 = DIMMModel{"Lombard Memory", "LM5R64G4800", "DDR5", 64 << 10, 4800}
)

// Build makes a machine to order. One slot for memory is left empty.
func (p *Profile) Build(o Order) Hardware {
	h := Hardware{Profile: p, Host: o.Host, Serial: serial(o.Service, "system"), Baseboard: o.Baseboard}
	sum := sha256.Sum256([]byte("uuid " + o.Service))
	copy(h.UUID[:], sum[:])
	h.UUID[6], h.UUID[8] = h.UUID[6]&0x0f|0x40, h.UUID[8]&0x3f|0x80 // version 4
	for bay := range o.Drives {
		h.Drives = append(h.Drives, Drive{
			Bay: bay, Manufacturer: o.Drive.Manufacturer, Model: o.Drive.Model, Serial: serial(o.Service, fmt.Sprint("drive ", bay)),
			Protocol: o.Drive.Protocol, Media: o.Drive.Media, Bytes: o.Drive.Bytes, Health: health(bay+1 == o.FailingDrive),
		})
	}
	for slot := range o.DIMMs {
		h.DIMMs = append(h.DIMMs, DIMM{
			Slot: slot, Manufacturer: o.DIMM.Manufacturer, PartNumber: o.DIMM.PartNumber, Serial: serial(o.Service, fmt.Sprint("dimm ", slot)),
			Type: o.DIMM.Type, MiB: o.DIMM.MiB, Speed: o.DIMM.Speed, Health: health(slot+1 == o.FailingDIMM),
		})
	}
	h.DIMMs = append(h.DIMMs, DIMM{Slot: o.DIMMs})
	for port := range o.NICs {
		h.MACs = append(h.MACs, mac(o.Service, fmt.Sprint("nic ", port)))
	}
	return h
}

// MemoryGiB is all memory that is built in.
func (h Hardware) MemoryGiB() int {
	n := 0
	for _, d := range h.DIMMs {
		n += d.MiB
	}
	return n >> 10
}

// UUIDString is the UUID as people write it.
func (h Hardware) UUIDString() string {
	u := h.UUID
	return fmt.Sprintf("%x-%x-%x-%x-%x", u[:4], u[4:6], u[6:8], u[8:10], u[10:])
}

func health(failing bool) string {
	if failing {
		return "Critical"
	}
	return "OK"
}

// ManagerMAC is the address of the card between the system and its BMC, which
// no system boots from.
func (h Hardware) ManagerMAC() string { return mac(h.Serial, "manager") }

// mac gives a card of a machine the same locally administered unicast address
// (IEEE 802) in every run.
func mac(service, part string) string {
	sum := sha256.Sum256([]byte(part + " of " + service))
	sum[0] = sum[0]&^1 | 2
	return net.HardwareAddr(sum[:6]).String()
}

// serial gives a part of a machine the same serial number in every run.
func serial(service, part string) string {
	sum := sha256.Sum256([]byte(part + " of " + service))
	return base32.StdEncoding.EncodeToString(sum[:])[:12]
}
