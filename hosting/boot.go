package hosting

import "time"

// BootPurpose is what a machine is booted over the network for.
type BootPurpose string

// The purposes.
const (
	BootInstall BootPurpose = "install"
	BootRescue  BootPurpose = "rescue" // to be looked at and repaired (O15)
)

// BootState is where a network boot stands. It only goes forward.
type BootState string

// The states. Up to erasing nothing on the machine has changed and the boot can
// be withdrawn; erasing is granted once for each boot.
const (
	BootArmed     BootState = "armed"      // the machine gets its script when it asks
	BootHandedOut BootState = "handed-out" // it has it
	BootErasing   BootState = "erasing"    // it was told to go on: data is lost from here
	BootDone      BootState = "done"
	BootFailed    BootState = "failed"
	BootWithdrawn BootState = "withdrawn"
)

// Ended reports whether the boot is over: its token is worth nothing any more.
func (s BootState) Ended() bool { return s == BootDone || s == BootFailed || s == BootWithdrawn }

// NetworkBoot is one boot of a machine over the network, as the records keep it.
type NetworkBoot struct {
	ID        string      `json:"id"`
	Operation string      `json:"operation,omitempty"`
	Workflow  string      `json:"workflow,omitempty"` // of the operation
	Server    string      `json:"server,omitempty"`
	Purpose   BootPurpose `json:"purpose,omitempty"`
	// Attempt counts from 1 within the operation.
	Attempt int       `json:"attempt"`
	Plan    Plan      `json:"plan,omitzero"`
	State   BootState `json:"state"`
	// Stage and Percent are the installer's own word on how far it is.
	Stage   string `json:"stage,omitempty"`
	Percent int    `json:"percent,omitempty"`
	// HostKeys are the public SSH host keys that the installed system reported,
	// as known_hosts holds them ("ssh-ed25519 AAAA...").
	HostKeys []string `json:"hostKeys,omitempty"`
	// Error is why it failed, in the installer's words.
	Error       string     `json:"error,omitempty"`
	ArmedAt     time.Time  `json:"armedAt,omitzero"`
	HandedOutAt *time.Time `json:"handedOutAt,omitempty"`
	ErasingAt   *time.Time `json:"erasingAt,omitempty"`
	ReportedAt  *time.Time `json:"reportedAt,omitempty"` // the last word of the machine
	EndedAt     *time.Time `json:"endedAt,omitempty"`
	// AskedAgainAt is when the machine last asked for a boot script after this
	// boot was handed out: it did not boot from its disk.
	AskedAgainAt *time.Time `json:"askedAgainAt,omitempty"`
}
