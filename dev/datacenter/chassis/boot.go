package chassis

import (
	"maps"
	"slices"
	"time"

	"github.com/handrail/handrail/dev/datacenter/fault"
	"github.com/handrail/handrail/hosting"
)

// Override is what the next boot starts from instead of the boot order, in the
// words of Redfish's ComputerSystem schema.
type Override struct {
	Target  string `json:"target"`  // None, Pxe, Cd, UsbCd, Hdd, BiosSetup, ...
	Enabled string `json:"enabled"` // Disabled, Once, Continuous
	Mode    string `json:"mode"`    // UEFI, Legacy
	// Expires is when the override is forgotten unless it was used; zero never.
	Expires time.Time `json:"expires,omitzero"`
}

// NoOverride boots in boot order, on a machine with UEFI.
var NoOverride = Override{Target: "None", Enabled: "Disabled", Mode: "UEFI"}

// Active reports whether the override changes the next boot.
func (o Override) Active() bool { return o.Enabled != "Disabled" && o.Target != "None" }

// Boot is a boot that happened.
type Boot struct {
	At time.Time `json:"at"`
	// From is the override's target, or "Hdd" for the boot order.
	From string `json:"from"`
	Mode string `json:"mode"`
	// Image is the virtual medium that was in, where the machine booted from one.
	Image string `json:"image,omitempty"`
}

// Media is an image in a slot for virtual media.
type Media struct {
	Image          string `json:"image"`
	WriteProtected bool   `json:"writeProtected"`
	// Ready is when the BMC has it mounted; zero is at once.
	Ready time.Time `json:"ready,omitzero"`
}

// SetOverride sets what the next boot starts from and reports whether the
// fault refuse-boot let it.
func (c *Chassis) SetOverride(via hosting.Protocol, o Override) bool {
	if _, refused := c.faults.Hit(fault.RefuseBoot, via); refused {
		return false
	}
	c.change(func(time.Time) { c.state.Override = o })
	return true
}

// Insert puts an image into a slot, in place of the one that is there.
func (c *Chassis) Insert(slot string, m Media) {
	c.change(func(time.Time) { c.state.Media[slot] = m })
}

// Eject empties a slot.
func (c *Chassis) Eject(slot string) {
	c.change(func(time.Time) { delete(c.state.Media, slot) })
}

// boot starts the machine: the self-test runs, an override for once is spent.
func (c *Chassis) boot(at time.Time) {
	c.state.POSTUntil = at.Add(c.timing.POST)
	c.state.Boots++
	o := c.state.Override
	if !o.Expires.IsZero() && !at.Before(o.Expires) {
		o = c.noOverride()
	}
	c.state.LastBoot = Boot{At: at, From: "Hdd", Mode: o.Mode}
	if o.Active() && !c.ignores() {
		c.state.LastBoot.From = o.Target
		if o.Target == "Cd" || o.Target == "UsbCd" {
			c.state.LastBoot.Image = c.firstImage(at)
		}
	}
	if o.Enabled == "Once" {
		o = c.noOverride()
	}
	c.state.Override = o
}

// noOverride boots in boot order with the machine's own firmware.
func (c *Chassis) noOverride() Override {
	o := NoOverride
	o.Mode = c.state.Mode
	return o
}

// ignores tells that the firmware does not do what the override says.
func (c *Chassis) ignores() bool {
	_, deaf := c.faults.Hit(fault.BootFromDisk, fault.Machine)
	return deaf
}

func (c *Chassis) firstImage(at time.Time) string {
	for _, slot := range slices.Sorted(maps.Keys(c.state.Media)) {
		if m := c.state.Media[slot]; !m.Ready.After(at) {
			return m.Image
		}
	}
	return ""
}
