package board

import (
	"encoding/json"
	"log/slog"
	"slices"
	"time"

	"github.com/handrail/handrail/hosting"
)

// Login is a BMC's user and password. It shows the password in no form of
// printing, logging or encoding; only the code that speaks to the BMC reads it.
type Login struct {
	User     string
	Password string
}

// String names the user only.
func (l Login) String() string { return l.User + ":(hidden)" }

// GoString is String, so that %#v hides the password too.
func (l Login) GoString() string { return l.String() }

// LogValue is String for structured logs.
func (l Login) LogValue() slog.Value { return slog.StringValue(l.String()) }

// MarshalJSON is String: a login that is returned from an activity by mistake
// does not reach a history.
func (l Login) MarshalJSON() ([]byte, error) { return json.Marshal(l.String()) }

// Power is one look at the machine's power.
type Power struct {
	State hosting.PowerState
	// Said is the BMC's own word for it.
	Said string
	// Marks are what else would show a reset.
	Marks Marks
}

// Marks are properties that show that a machine was reset although it was On
// at every look. Empty strings are properties that the BMC does not have.
type Marks struct {
	// LastReset is the BMC's time of the last reset, as it writes it (Redfish
	// ComputerSystem.LastResetTime).
	LastReset string `json:"lastReset,omitempty"`
	// Boot is the stage of the boot (Redfish BootProgress.LastState).
	Boot string `json:"boot,omitempty"`
}

// bootStages are the values of BootProgress.LastState in the order in which a
// machine goes through them (DMTF ComputerSystem schema, BootProgressTypes).
var bootStages = []string{
	"None",
	"PrimaryProcessorInitializationStarted",
	"BusInitializationStarted",
	"MemoryInitializationStarted",
	"SecondaryProcessorInitializationStarted",
	"PCIResourceConfigStarted",
	"SystemHardwareInitializationComplete",
	"SetupEntered",
	"OSBootStarted",
	"OSRunning",
}

// ShowReset reports in words what shows that the machine was reset since the
// earlier marks were read; empty if nothing does.
func (m Marks) ShowReset(since Marks) string {
	if m.LastReset != "" && since.LastReset != "" && m.LastReset != since.LastReset {
		return "the BMC's last reset time went from " + since.LastReset + " to " + m.LastReset
	}
	was, is := slices.Index(bootStages, since.Boot), slices.Index(bootStages, m.Boot)
	if is >= 0 && is < was {
		return "the boot went back from " + since.Boot + " to " + m.Boot
	}
	return ""
}

// Device is something to boot from.
type Device string

// The devices of a boot override.
const (
	BootPXE  Device = "pxe"
	BootHTTP Device = "http" // UEFI HTTP boot
	BootCD   Device = "cd"   // virtual media included
	BootDisk Device = "disk"
	BootBIOS Device = "bios" // the set-up of the firmware
)

// Devices lists the devices of a boot override.
func Devices() []Device { return []Device{BootPXE, BootHTTP, BootCD, BootDisk, BootBIOS} }

// Mode is the firmware mode of a boot override; empty leaves the BMC's own.
type Mode string

// The modes of a boot override.
const (
	ModeAny    Mode = ""
	ModeUEFI   Mode = "uefi"
	ModeLegacy Mode = "legacy"
)

// Modes lists the modes of a boot override.
func Modes() []Mode { return []Mode{ModeAny, ModeUEFI, ModeLegacy} }

// Boot is a wanted boot override.
type Boot struct {
	Device Device
	Mode   Mode
}

// BootState is an override as it was read back.
type BootState struct {
	// Target is the device in the protocol's own words ("Pxe", "UsbCd").
	Target string
	// Mode is as the BMC tells it; empty where it does not.
	Mode Mode
	// Note says what could not be read back, if anything.
	Note string
}

// BootSetup is an override as it stands and what may be set.
type BootSetup struct {
	// Override is the device of the next boot; empty where there is no override,
	// or where it is none that we know: then Other tells it in the protocol's
	// own words.
	Override Device
	Other    string
	// Lasting tells that the override holds for more than the next boot.
	Lasting bool
	// Mode is that of the override; empty where the BMC does not tell.
	Mode Mode
	// Devices are those that the override accepts.
	Devices []Device
	// Note says what leaves a doubt, if anything.
	Note string
}

// Media is an inserted image.
type Media struct {
	// Slot is the virtual drive, in the protocol's own words.
	Slot string
	// Image is the URL that the BMC tells.
	Image string
	// Already tells that it was in before and nothing was sent.
	Already bool
}

// PartKind is a kind of part in an inventory.
type PartKind string

// The kinds of part.
const (
	MemoryModule PartKind = "memory"
	DiskDrive    PartKind = "drive"
)

// Health is a part's health as the BMC judges it.
type Health string

// The states of health.
const (
	HealthOK       Health = "ok"
	HealthWarning  Health = "warning"
	HealthCritical Health = "critical"
	HealthUnknown  Health = "unknown"
)

// Part is one memory module or drive. Empty strings and a size of 0 are what
// the BMC does not tell.
type Part struct {
	Kind         PartKind `json:"kind"`
	Slot         string   `json:"slot,omitempty"`
	Serial       string   `json:"serial,omitempty"`
	Manufacturer string   `json:"manufacturer,omitempty"`
	Model        string   `json:"model,omitempty"`
	PartNumber   string   `json:"partNumber,omitempty"`
	// SizeBytes is the capacity; a memory module's is its MiB times 2^20.
	SizeBytes int64  `json:"sizeBytes,omitempty"`
	Health    Health `json:"health"`
}

// Inventory lists the parts that are fitted; empty slots are left out.
type Inventory struct {
	Via    hosting.Protocol `json:"via"`
	At     time.Time        `json:"at"`
	Memory []Part           `json:"memory,omitempty"`
	Drives []Part           `json:"drives,omitempty"`
	// Partial tells that the protocol or the BMC does not show everything, so
	// that what is missing here may well be fitted.
	Partial bool `json:"partial,omitempty"`
	// Unread are the places that could not be read.
	Unread []string `json:"unread,omitempty"`
}
