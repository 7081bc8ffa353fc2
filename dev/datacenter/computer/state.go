package computer

import (
	"crypto/ed25519"
	"slices"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/handrail/handrail/dev/datacenter/sshd"
)

// Phase is what a machine does.
type Phase string

// The phases. Nothing is on and idle: it hangs, or an installer has stopped.
const (
	Booting    Phase = "booting"
	Installing Phase = "installing"
	InRescue   Phase = "rescue"
	Running    Phase = "running" // the system on its disks
	Nothing    Phase = "nothing"
)

// Run is what the machine does since its last boot. It says nothing while the
// machine is off.
type Run struct {
	Boot    int    `json:"boot"` // of the chassis, from 1
	Phase   Phase  `json:"phase"`
	Stage   string `json:"stage,omitempty"` // of an installation
	Percent int    `json:"percent,omitempty"`
	Why     string `json:"why,omitempty"`
}

// Boot is a boot that came past the self-test.
type Boot struct {
	N     int       `json:"n"` // of the chassis, from 1
	At    time.Time `json:"at"`
	From  string    `json:"from"` // as in chassis.Boot
	Image string    `json:"image,omitempty"`
	// Network tells that a boot script was asked for, and what kept the machine
	// from following it.
	Network bool   `json:"network,omitempty"`
	Failed  string `json:"failed,omitempty"`
	Into    Phase  `json:"into"`
	Why     string `json:"why,omitempty"`
}

// State is all that a restart of the data centre keeps of a computer. It holds
// private host keys.
type State struct {
	Disks []Disk `json:"disks"`
	// BootID is the content that the firmware starts.
	BootID string `json:"bootId"`
	Run    Run    `json:"run"`
	// Boots are the last ones, Wipes all.
	Boots  []Boot            `json:"boots,omitempty"`
	Wipes  []Wipe            `json:"wipes,omitempty"`
	Access map[string]access `json:"access,omitempty"` // by id of content
	// Rescue is how the rescue system is reached, CommandLine its kernel's.
	Rescue      access    `json:"rescue,omitzero"`
	CommandLine string    `json:"commandLine,omitempty"`
	Since       time.Time `json:"since,omitzero"`
}

const maxBoots = 50

// Delivered is the state of a machine as its customer has it, with disks of
// these serial numbers; boots is how often it was booted.
func Delivered(serials []string, hostName string, at time.Time, boots int) (State, error) {
	s := State{Run: Run{Boot: boots, Phase: Running}, Since: at}
	return s, s.deliver(serials, hostName, at)
}

// rescueHost is the host name of our rescue system.
const rescueHost = "rescue"

// running is what answers SSH now; nil is nothing.
func (c *Computer) running() *sshd.System {
	c.mu.Lock()
	s := c.state.clone()
	c.mu.Unlock()
	if !c.up(s.Run.Boot) {
		return nil
	}
	y, with := &sshd.System{Since: s.Since}, access{}
	switch content, ok := s.bootable(); {
	case s.Run.Phase == Running && ok:
		with = s.Access[content.ID]
		y.HostName, y.CommandLine = content.HostName, "BOOT_IMAGE=/boot/vmlinuz root=UUID="+strings.ToLower(content.ID)+" ro quiet"
	case s.Run.Phase == InRescue:
		with = s.Rescue
		y.HostName, y.CommandLine = rescueHost, s.CommandLine
	default:
		return nil
	}
	signer, err := with.signer()
	if err != nil {
		return nil
	}
	y.HostKey, y.Keys = signer, with.Keys
	return y
}

func (a access) signer() (ssh.Signer, error) {
	if len(a.HostKey) != ed25519.SeedSize {
		return nil, errNoKey
	}
	return ssh.NewSignerFromKey(ed25519.NewKeyFromSeed(a.HostKey))
}

// HostKey is the public host key of the system on the disks, as known_hosts
// holds it ("ssh-ed25519 AAAA..."); empty where there is none that boots.
func (s State) HostKey() string {
	content, ok := s.bootable()
	if !ok {
		return ""
	}
	signer, err := s.Access[content.ID].signer()
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(ssh.MarshalAuthorizedKey(signer.PublicKey())))
}

// Has reports whether the disks have these serial numbers, in this order.
func (s State) Has(serials []string) bool {
	return slices.EqualFunc(s.Disks, serials, func(d Disk, serial string) bool { return d.Serial == serial })
}

// Run is what the machine does; nothing of it while it is off or in its
// self-test.
func (c *Computer) Run() Run {
	r := c.State().Run
	if !c.up(r.Boot) {
		return Run{}
	}
	return r
}

// Address is host:port where the computer answers SSH.
func (c *Computer) Address() string { return c.SSH.Addr().String() }
