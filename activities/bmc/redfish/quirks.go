package redfish

import (
	"slices"
	"strings"

	"github.com/handrail/handrail/activities/bmc/board"
	"github.com/handrail/handrail/hosting"
)

// quirk is a way in which some machines differ from the Redfish specification.
// All of them stand in the table below and nowhere else. Vendor is the start
// of ComputerSystem.Manufacturer, Model and Firmware (ComputerSystem.BiosVersion)
// are the start of theirs; empty applies to all. None is in the flow: the code
// asks for the effect, not for the vendor.
type quirk struct {
	Vendor, Model, Firmware string
	// Known says since when and from where it is known.
	Known string

	// BusyOn are statuses with which an On is refused for a while after an off.
	BusyOn []int
	// BusyBoot are message ids (their last part) with which a boot change is
	// refused while the machine is in POST.
	BusyBoot []string
	// BootAs are the override targets to try first for a device.
	BootAs map[board.Device][]string
	// NoBootMode tells that a refused override is to be sent without its mode.
	NoBootMode bool
	// MediaSlots are the starts of the ids of slots that take an image by URL,
	// where the others do not although they look alike.
	MediaSlots []string
	// EjectBesideInsert tells that the eject action may work although it is not
	// advertised: its target is the insert action's with the other name. Where
	// it does not exist the slot is patched.
	EjectBesideInsert bool
}

var quirks = []quirk{
	{
		Vendor: "Dell",
		Known:  "iDRAC 9: sushy and Ironic retry a 409 to On shortly after off",
		BusyOn: []int{409},
	},
	{
		Vendor:   "HPE",
		Known:    "iLO 5: HPE's message registry iLO.2, UnableToModifyDuringSystemPOST",
		BusyBoot: []string{"UnableToModifyDuringSystemPOST"},
	},
	{
		Vendor: "Supermicro",
		Known:  "X11 to H13: sushy chooses UsbCd for virtual media, as Cd does not boot it; some refuse BootSourceOverrideMode",
		BootAs: map[board.Device][]string{board.BootCD: {"UsbCd"}},

		NoBootMode:        true,
		EjectBesideInsert: true, // Supermicro Redfish Reference Guide, virtual media; SYS-821GE advertises insert only
	},
	{
		Vendor:     "Lenovo",
		Known:      "XCC 2.x: lenovo/python-redfish-lenovo issue 21, only EXT takes a URL; RDOC and Remote belong to upload and console",
		MediaSlots: []string{"EXT"},
	},
}

// quirksOf returns what applies to a machine.
func quirksOf(manufacturer, model, firmware string) []quirk {
	var apply []quirk
	for _, q := range quirks {
		if startsFold(manufacturer, q.Vendor) && startsFold(model, q.Model) && startsFold(firmware, q.Firmware) {
			apply = append(apply, q)
		}
	}
	return apply
}

func startsFold(s, start string) bool {
	return len(s) >= len(start) && strings.EqualFold(s[:len(start)], start)
}

// has reports whether some quirk of the system has the effect.
func (c *Client) has(effect func(quirk) bool) bool { return slices.ContainsFunc(c.quirks, effect) }

// busyReset reports whether a refused reset will be accepted soon.
func (c *Client) busyReset(request string, status int) bool {
	return slices.Contains(resetTypes[hosting.ActOn], request) &&
		c.has(func(q quirk) bool { return slices.Contains(q.BusyOn, status) })
}

// busyBoot reports whether a boot change was refused because of POST.
func (c *Client) busyBoot(ids []string) bool {
	return c.has(func(q quirk) bool {
		return slices.ContainsFunc(ids, func(id string) bool {
			return slices.Contains(q.BusyBoot, id[strings.LastIndexByte(id, '.')+1:])
		})
	})
}

// bootTargets are the override targets that mean the device, in the order in
// which they are tried.
func (c *Client) bootTargets(d board.Device) []string {
	var targets []string
	for _, q := range c.quirks {
		targets = append(targets, q.BootAs[d]...)
	}
	return append(targets, bootTarget[d])
}

// takesURL reports whether the slot takes an image by URL.
func (c *Client) takesURL(id string) bool {
	return !c.has(func(q quirk) bool {
		return len(q.MediaSlots) > 0 && !slices.ContainsFunc(q.MediaSlots, func(p string) bool { return startsFold(id, p) })
	})
}
