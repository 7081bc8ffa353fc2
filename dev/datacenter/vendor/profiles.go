package vendor

import (
	"fmt"

	"github.com/handrail/handrail/hosting"
)

// Dell is an iDRAC 9: all reset types inline, virtual media under both the
// manager and the system, a transient 409 to On shortly after off.
var Dell = &Profile{
	Name: "dell", Manufacturer: "Dell Inc.", Model: "PowerEdge R750", User: "root",
	BIOS: "1.8.2", Firmware: "6.10.30.20", EnterpriseID: 674, ProductID: 256,
	Root:   Root{Version: "1.13.1", Vendor: "Dell", Product: "Integrated Dell Remote Access Controller", Expand: true},
	Errors: Errors{Registry: "Base.1.12"},
	Reset: Reset{
		Types:   []string{"On", "ForceOff", "ForceRestart", "GracefulRestart", "GracefulShutdown", "PushPowerButton", "Nmi", "PowerCycle"},
		Inline:  true,
		WhenOn:  refusal(conflict, "IDRAC.2.8.PSU501", "Server is already powered ON."),
		WhenOff: refusal(conflict, "IDRAC.2.8.PSU502", "Server is already powered OFF."),
		Busy:    refusal(conflict, "Base.1.12.ResourceInUse", "The change to the requested resource failed because the resource is in use or in transition."),
	},
	Boot: Boot{
		Targets: []string{"None", "Pxe", "Floppy", "Cd", "Hdd", "BiosSetup", "Utilities", "UefiTarget", "SDCard", "UefiHttp"},
		Mode:    true, Continuous: true, Progress: true,
	},
	Media: Media{
		Managers: []Slot{{"RemovableDisk", []string{"USBStick"}}, {"CD", cd}},
		Systems:  []Slot{{"1", []string{"CD", "DVD", "USBStick"}}, {"2", []string{"CD", "DVD", "USBStick"}}},
		Insert:   true, Eject: true,
		NoMedia: refusal(badRequest, "IDRAC.2.8.VRM0009", "No Virtual Media devices are currently connected."),
	},
	Storage: Storage{ID: "NonRAID.Integrated.1-1", Name: "HBA355i", Drive: "Disk.Bay.%d:Enclosure.Internal.0-1", Located: true, Simple: true},
	DIMM: func(i int) (string, string) {
		socket := fmt.Sprintf("%c%d", 'A'+i/8, i%8+1)
		return "DIMM.Socket." + socket, "DIMM " + socket
	},
	NIC: NIC{ID: "NIC.Embedded.%d-1-1", Upper: true}, Starts: hosting.FirmwareUEFI,
	System: "System.Embedded.1", Manager: "iDRAC.Embedded.1", Chassis: "System.Embedded.1", Sessions: 8,
}

// HPE is an iLO 5: no PowerCycle, no boot changes during the self-test,
// virtual media slot 1 is USB and slot 2 the CD.
var HPE = &Profile{
	Name: "hpe", Manufacturer: "HPE", Model: "ProLiant DL385 Gen10 Plus v2", User: "Administrator",
	BIOS: "A42 v2.60 (08/11/2022)", Firmware: "iLO 5 v2.72", EnterpriseID: 47196, ProductID: 8224,
	Root:   Root{Version: "1.6.0", Vendor: "HPE", Product: "ProLiant DL385 Gen10 Plus v2", Expand: true},
	Errors: Errors{Registry: "Base.1.4", Code: "iLO.0.10.ExtendedInfo", SuccessBody: true},
	Reset: Reset{
		Types:   []string{"On", "ForceOff", "GracefulShutdown", "ForceRestart", "Nmi", "PushPowerButton", "GracefulRestart"},
		Inline:  true,
		WhenOn:  refusal(badRequest, "iLO.2.14.InvalidOperationForSystemState", "The operation was not successful due to the current power state (Power is on)."),
		WhenOff: refusal(badRequest, "iLO.2.14.InvalidOperationForSystemState", "The operation was not successful due to the current power state (Power is off)."),
	},
	Boot: Boot{
		Targets:    []string{"None", "Cd", "Hdd", "Usb", "SDCard", "Utilities", "Diags", "BiosSetup", "Pxe", "UefiShell", "UefiHttp", "UefiTarget"},
		Continuous: true, OEM: "Hpe",
		InPOST: refusal(badRequest, "iLO.2.14.UnableToModifyDuringSystemPOST", "This property can not be changed while the system is in POST."),
	},
	Media: Media{
		Managers: []Slot{{"1", usb}, {"2", cd}},
		Insert:   true, Eject: true,
	},
	Storage: Storage{ID: "DE081000", Name: "HPE Smart Array P408i-p SR Gen10", Drive: "%d", Label: "Slot=2:Port=1I:Box=3:Bay=%d", Located: true},
	DIMM: func(i int) (string, string) {
		return fmt.Sprintf("proc%ddimm%d", i/8+1, i%8+1), fmt.Sprintf("PROC %d DIMM %d", i/8+1, i%8+1)
	},
	NIC: NIC{ID: "%d"}, Starts: hosting.FirmwareUEFI,
	System: "1", Manager: "1", Chassis: "1", Sessions: 12,
	Transitional: true, ETag: `W/"%s"`,
}

// Lenovo is an XCC: no PowerCycle and no PushPowerButton, the reset types both
// inline and in an ActionInfo, ten slots for virtual media and no action on any.
var Lenovo = &Profile{
	Name: "lenovo", Manufacturer: "Lenovo", Model: "ThinkSystem SR670 V2", User: "USERID",
	BIOS: "U8E122J", Firmware: "TGBT42D", EnterpriseID: 19046, ProductID: 1138,
	Root:   Root{Version: "1.15.0", Vendor: "Lenovo", Expand: true},
	Errors: Errors{Registry: "Base.1.14"},
	Reset: Reset{
		Types:  []string{"On", "Nmi", "GracefulShutdown", "GracefulRestart", "ForceOn", "ForceOff", "ForceRestart"},
		Inline: true, Info: true,
	},
	Boot: Boot{
		Targets: []string{"None", "Pxe", "Cd", "Usb", "Hdd", "BiosSetup", "Diags", "UefiTarget"},
		Mode:    true, Progress: true,
	},
	Media: Media{
		Managers: lenovoSlots, Systems: lenovoSlots, Patch: true,
	},
	Storage: Storage{ID: "Direct_Attached_NVMe", Name: "Direct attached NVMe", Drive: "Drive.Bay_%d", Label: "Drive %d", Located: true},
	DIMM:    func(i int) (string, string) { return fmt.Sprint(i + 1), fmt.Sprintf("DIMM %d", i+1) },
	NIC:     NIC{ID: "NIC%d", Upper: true, ToManager: true}, Starts: hosting.FirmwareUEFI,
	System: "1", Manager: "1", Chassis: "1", Sessions: 16, ETag: `"%s"`,
}

var lenovoSlots = []Slot{
	{"EXT1", every}, {"EXT2", every}, {"EXT3", every}, {"EXT4", every},
	{"Remote1", every}, {"Remote2", every}, {"Remote3", every}, {"Remote4", every},
	{"RDOC1", every}, {"RDOC2", every},
}

// Supermicro lists the reset types in an ActionInfo only, wants no boot mode,
// boots virtual media as UsbCd, inserts it as a task and has no EjectMedia.
var Supermicro = &Profile{
	Name: "supermicro", Manufacturer: "Supermicro", Model: "SYS-821GE-TNHR", User: "ADMIN",
	BIOS: "1.4", Firmware: "11.01.01", EnterpriseID: 10876, ProductID: 6929,
	Root:   Root{Version: "1.11.0", Expand: true},
	Errors: Errors{Registry: "Base.1.10", SuccessBody: true},
	Reset: Reset{
		Types: []string{"On", "ForceOff", "GracefulShutdown", "GracefulRestart", "ForceRestart", "Nmi", "ForceOn", "PowerCycle"},
		Info:  true,
	},
	Boot: Boot{
		Targets:    []string{"None", "Pxe", "Floppy", "Cd", "Usb", "Hdd", "BiosSetup", "UsbCd", "UefiBootNext", "UefiHttp"},
		Continuous: true, Progress: true,
	},
	Media: Media{
		Managers: []Slot{{"VirtualMedia1", every}, {"VirtualMedia2", every}, {"VirtualMedia3", every}},
		Insert:   true, Info: true, Patch: true, Task: true, Linked: true,
	},
	Storage: Storage{ID: "NVMeSSD", Name: "NVMe Storage System", Drive: "Disk.Bay.%d", Backplane: "NVMeSSD.0.Group.0.StorageBackplane", Simple: true},
	DIMM:    func(i int) (string, string) { return fmt.Sprint(i + 1), fmt.Sprintf("P%d-DIMM%c1", i/8+1, 'A'+i%8) },
	NIC:     NIC{ID: "%d", ToManager: true}, Starts: hosting.FirmwareUEFI,
	System: "1", Manager: "1", Chassis: "1", Sessions: 16, ETag: `"%s"`,
}

// Plain is a small board's BMC: only On, ForceOff and Off, which is forced too,
// one slot for virtual media that does not say what it takes.
var Plain = &Profile{
	Name: "plain", Manufacturer: "Acme Boards", Model: "AB-1", User: "admin",
	BIOS: "0.9", Firmware: "1.0", EnterpriseID: 0, ProductID: 1,
	Root:   Root{Version: "1.0.2"},
	Errors: Errors{Registry: "Base.1.0"},
	Reset:  Reset{Types: []string{"On", "ForceOff", "Off"}, Inline: true},
	Boot:   Boot{Targets: []string{"None", "Pxe", "Hdd", "Cd"}, Mode: true},
	Media: Media{
		Managers: []Slot{{"Cd", nil}},
		Insert:   true, Eject: true,
	},
	Storage: Storage{ID: "1", Name: "On-board SATA", Drive: "Disk%d"},
	DIMM:    func(i int) (string, string) { return fmt.Sprintf("DIMM%d", i), fmt.Sprintf("DIMM%d", i) },
	NIC:     NIC{ID: "eth%d"}, Starts: hosting.FirmwareLegacy,
	System: "node", Manager: "bmc", Chassis: "chassis", Sessions: 4,
}
