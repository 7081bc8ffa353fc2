// Package vendor knows how the BMCs of different makers differ, as data. What
// the profiles say was learnt from recorded BMCs and from what their users
// report; no firmware is imitated beyond what a client has to cope with.
package vendor

import (
	"fmt"
	"net/http"

	"github.com/handrail/handrail/hosting"
)

// Profile is one maker's BMC.
type Profile struct {
	Name         string // dell, hpe, lenovo, supermicro, plain
	Manufacturer string // as in the system resource and the FRU
	Model        string
	User         string // the account that such machines are delivered with
	BIOS         string
	Firmware     string // of the BMC
	EnterpriseID uint32 // IANA private enterprise number, for Get Device ID
	ProductID    uint16

	Root    Root
	Errors  Errors
	Reset   Reset
	Boot    Boot
	Media   Media
	Storage Storage
	NIC     NIC
	// Starts is the firmware that the machine boots with.
	Starts hosting.Firmware
	// DIMM names the memory module in slot i, from 0: resource id and label.
	DIMM func(i int) (id, label string)

	System, Manager, Chassis string // resource ids
	// Transitional tells that PoweringOn and PoweringOff are shown; other BMCs
	// show the old state until the new one is reached.
	Transitional bool
	// Sessions is how many sessions fit.
	Sessions int
	// ETag is how entity tags look: "" for none, or a format for the hash.
	ETag string
}

// Root is what the service root says of itself.
type Root struct {
	Version string // RedfishVersion
	Vendor  string
	Product string
	Expand  bool // $expand works on collections
}

// Errors is how errors and successes are worded.
type Errors struct {
	Registry string // of common messages: "Base.1.8"
	Code     string // the code of the error object; empty for Registry.GeneralError
	// SuccessBody tells that successes are 200 with a message, not 204.
	SuccessBody bool
}

// Refusal is how a BMC says no.
type Refusal struct {
	Status    int
	MessageID string
	Message   string
}

// Reset is how a system is reset.
type Reset struct {
	Types  []string
	Inline bool // the types stand in the system resource
	Info   bool // the types stand in an ActionInfo resource
	// WhenOn and WhenOff answer a reset that would change nothing on a machine
	// that is on, or off; nil accepts it.
	WhenOn, WhenOff *Refusal
	// Busy answers On for a while after the machine went off; nil does not.
	Busy *Refusal
}

// Boot is how the boot override is set.
type Boot struct {
	Targets []string
	// Mode tells that BootSourceOverrideMode may be written.
	Mode bool
	// InPOST refuses changes during the power-on self-test; nil does not.
	InPOST *Refusal
	// Continuous tells that an override may stay.
	Continuous bool
	// Progress tells that BootProgress shows the self-test, OEM names the
	// section in which PostState does.
	Progress bool
	OEM      string
}

// Media is where virtual media lives and how it is handled.
type Media struct {
	Managers, Systems []Slot
	// Insert and Eject tell which standard actions exist, Info that the
	// parameters of Insert stand in an ActionInfo resource.
	Insert, Eject, Info bool
	// Linked tells that the system links to the manager's slots.
	Linked bool
	// Patch tells that Image and Inserted may be written instead.
	Patch bool
	// Task tells that an insertion is a task.
	Task bool
	// NoMedia answers Eject on an empty slot; nil accepts it.
	NoMedia *Refusal
}

// Slot is a place for virtual media. Slots of one machine with one id are one.
type Slot struct {
	ID    string
	Types []string // nil is shown as null
}

// Storage is how drives are presented. The formats take the bay.
type Storage struct {
	ID    string
	Name  string
	Drive string // resource id
	Label string // ServiceLabel; empty where there is none
	// Backplane is the chassis that holds the drives, where it is not the
	// storage resource.
	Backplane string
	Located   bool // PhysicalLocation tells the bay
	Simple    bool // SimpleStorage exists as well
}

// NIC is how network cards are presented.
type NIC struct {
	ID    string // resource id; the format takes the port, from 1
	Upper bool   // addresses are in upper case
	// ToManager tells that the card between the system and the BMC is listed too.
	ToManager bool
}

// Bay is the name of a drive bay, as the inventory shows it: its label where
// there is one, else its resource id.
func (s Storage) Bay(i int) string {
	if s.Label != "" {
		return fmt.Sprintf(s.Label, i)
	}
	return fmt.Sprintf(s.Drive, i)
}

// Profiles lists the profiles by name.
func Profiles() []string {
	return []string{Dell.Name, HPE.Name, Lenovo.Name, Supermicro.Name, Plain.Name}
}

func refusal(status int, id, message string) *Refusal {
	return &Refusal{Status: status, MessageID: id, Message: message}
}

var (
	cd    = []string{"CD", "DVD"}
	usb   = []string{"Floppy", "USBStick"}
	every = []string{"CD", "DVD", "Floppy", "USBStick"}
)

const (
	conflict   = http.StatusConflict
	badRequest = http.StatusBadRequest
)
