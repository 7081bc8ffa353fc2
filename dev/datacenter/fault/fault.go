// Package fault holds the ways in which a simulated machine and its BMC can be
// made to misbehave, each one seen on real ones.
package fault

import (
	"slices"
	"time"

	"github.com/handrail/handrail/hosting"
)

// Name is what a fault is called in the control API and in tests.
type Name string

// The faults.
const (
	Slow             Name = "slow"
	Unavailable      Name = "503"
	ConflictAfterOff Name = "conflict-after-off"
	StuckPower       Name = "stuck-power"
	GracefulIgnored  Name = "graceful-ignored"
	LyingPower       Name = "lying-power"
	SessionsFull     Name = "sessions-full"
	RefuseBoot       Name = "refuse-boot"
	Hang             Name = "hang"
	HTML             Name = "html"

	NoNetworkBoot  Name = "no-network-boot"
	NeverBoots     Name = "never-boots"
	BootFromDisk   Name = "boot-from-disk"
	WrongDisk      Name = "wrong-disk"
	InstallerHangs Name = "installer-hangs"
	InstallerFails Name = "installer-fails"
	HostKeyLost    Name = "hostkey-lost"
	WrongHostKey   Name = "wrong-host-key"
	CallbackLost   Name = "callback-lost"
)

// Machine stands where a protocol does in faults of the machine itself.
const Machine hosting.Protocol = "machine"

// Kind documents a fault: what it does, on which protocols, and what its
// duration or percentage means where it takes one.
type Kind struct {
	Name      Name
	What      string
	Protocols []hosting.Protocol
	// Duration is used where the fault is switched on without one; zero for a
	// fault that takes none.
	Duration   time.Duration
	DurationIs string
	// Percent is used where the fault is switched on without one; zero for a
	// fault that takes none.
	Percent      int
	PercentIs    string
	WearsOffWith string // what counts against Times
}

var (
	both        = []hosting.Protocol{hosting.Redfish, hosting.IPMI}
	redfishOnly = []hosting.Protocol{hosting.Redfish}
	machineOnly = []hosting.Protocol{Machine}
)

var kinds = []Kind{
	{
		Name: Slow, What: "every answer comes late", Protocols: both,
		Duration: 2 * time.Second, DurationIs: "how late", WearsOffWith: "an answer",
	},
	{
		Name: Unavailable, What: "every HTTP request is answered with 503 Service Unavailable, also before authentication", Protocols: redfishOnly,
		WearsOffWith: "a request",
	},
	{
		Name: ConflictAfterOff, What: "a request to power on is refused with 409 for a while after the machine went off", Protocols: redfishOnly,
		Duration: 10 * time.Second, DurationIs: "how long after off", WearsOffWith: "a refusal",
	},
	{
		Name: StuckPower, What: "resets are accepted, and the machine never moves", Protocols: both,
		WearsOffWith: "a reset",
	},
	{
		Name: GracefulIgnored, What: "the operating system ignores graceful requests, which are accepted; forced ones work", Protocols: both,
		WearsOffWith: "a graceful request",
	},
	{
		Name: LyingPower, What: "Redfish shows the opposite of the power state; IPMI tells the truth", Protocols: redfishOnly,
		WearsOffWith: "a power state shown",
	},
	{
		Name: SessionsFull, What: "no session can be opened: the table is full; basic authentication works", Protocols: redfishOnly,
		WearsOffWith: "a refused login",
	},
	{
		Name: RefuseBoot, What: "changes of the boot override are refused", Protocols: both,
		WearsOffWith: "a refusal",
	},
	{
		Name: Hang, What: "connections open and are never answered", Protocols: both,
		WearsOffWith: "a request",
	},
	{
		Name: HTML, What: "every HTTP request is answered with 200 and a login page instead of JSON", Protocols: redfishOnly,
		WearsOffWith: "a request",
	},
	{
		Name: NoNetworkBoot, What: "the boot override offers no network: only virtual media boots something else than the disk", Protocols: redfishOnly,
		WearsOffWith: "nothing",
	},
	{
		Name: NeverBoots, What: "after the self-test nothing comes up: no boot script is fetched, no system answers", Protocols: machineOnly,
		WearsOffWith: "a boot",
	},
	{
		Name: BootFromDisk, What: "the boot override is taken and ignored: the machine boots from its disk", Protocols: machineOnly,
		WearsOffWith: "an override ignored",
	},
	{
		Name: WrongDisk, What: "an installer finds disks with other serial numbers than the BMC shows", Protocols: machineOnly,
		WearsOffWith: "a look at the disks",
	},
	{
		Name: InstallerHangs, What: "an installer stops in the middle and says no more", Protocols: machineOnly,
		Percent: 40, PercentIs: "the last that it reports", WearsOffWith: "an installation",
	},
	{
		Name: InstallerFails, What: "an installer gives up in the middle and reports that it failed", Protocols: machineOnly,
		Percent: 60, PercentIs: "the last that it reports", WearsOffWith: "an installation",
	},
	{
		Name: HostKeyLost, What: "an installer does not report the host key of the installed system", Protocols: machineOnly,
		WearsOffWith: "an installation",
	},
	{
		Name: WrongHostKey, What: "the installed system has another host key than its installer reported", Protocols: machineOnly,
		WearsOffWith: "an installation",
	},
	{
		Name: CallbackLost, What: "an installer finishes and does not report it; the host key it does", Protocols: machineOnly,
		WearsOffWith: "an installation",
	},
}

// Kinds lists the faults with their documentation.
func Kinds() []Kind { return slices.Clone(kinds) }

// KindOf returns the documentation of a fault.
func KindOf(n Name) (Kind, bool) {
	i := slices.IndexFunc(kinds, func(k Kind) bool { return k.Name == n })
	if i < 0 {
		return Kind{}, false
	}
	return kinds[i], true
}

// Fault is a fault that is switched on.
type Fault struct {
	Name Name
	// Duration is the fault's parameter in time; zero takes the kind's own.
	Duration time.Duration
	// Percent is the fault's parameter in percent, from 1 to 99; zero takes the
	// kind's own.
	Percent int
	// Times is after how many effects it wears off; zero is never.
	Times int
	// Protocol limits it to one protocol; empty is all that the kind knows.
	Protocol hosting.Protocol
}

const longest = 10 * time.Minute

// normalize fills in the defaults. What can not be is an InvalidRequest.
func (f Fault) normalize() (Fault, error) {
	k, ok := KindOf(f.Name)
	switch {
	case !ok:
		return f, hosting.Invalid("", "there is no fault "+string(f.Name), "GET /faults lists them")
	case f.Protocol != "" && !slices.Contains(k.Protocols, f.Protocol):
		return f, hosting.Invalid("", "the fault "+string(f.Name)+" does not exist on "+string(f.Protocol), "GET /faults shows the protocols of each")
	case f.Duration != 0 && k.Duration == 0:
		return f, hosting.Invalid("", "the fault "+string(f.Name)+" takes no duration", "leave it out")
	case f.Duration < 0 || f.Duration > longest:
		return f, hosting.Invalid("", "the duration of a fault is between 0 and "+longest.String(), "give a shorter one")
	case f.Percent != 0 && k.Percent == 0:
		return f, hosting.Invalid("", "the fault "+string(f.Name)+" takes no percentage", "leave it out")
	case f.Percent < 0 || f.Percent > 99:
		return f, hosting.Invalid("", "the percentage of a fault is between 1 and 99", "give such a one")
	case f.Times < 0:
		return f, hosting.Invalid("", "a fault can not wear off after fewer than no effects", "give 0 for never")
	}
	if f.Duration == 0 {
		f.Duration = k.Duration
	}
	if f.Percent == 0 {
		f.Percent = k.Percent
	}
	return f, nil
}

// on reports whether the fault shows on a protocol.
func (f Fault) on(p hosting.Protocol) bool {
	if f.Protocol != "" {
		return f.Protocol == p
	}
	k, _ := KindOf(f.Name)
	return slices.Contains(k.Protocols, p)
}
