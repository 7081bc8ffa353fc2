package hosting

import (
	"slices"
	"strings"
	"time"
)

// Duration is a time.Duration that is written as people write it ("90m",
// "24h") in policy files, in workflow inputs and in the status query.
type Duration time.Duration

// D returns it as a time.Duration.
func (d Duration) D() time.Duration { return time.Duration(d) }

// String is time.Duration's.
func (d Duration) String() string { return time.Duration(d).String() }

// MarshalText writes "1h30m0s".
func (d Duration) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText reads what time.ParseDuration reads.
func (d *Duration) UnmarshalText(text []byte) error {
	v, err := time.ParseDuration(string(text))
	if err != nil {
		return Invalid("", quote(string(text))+" is not a duration", "write it like 15m, 24h or 1h30m")
	}
	*d = Duration(v)
	return nil
}

// Policy holds every duration, reminder and switch of the procedures. It is
// read once when an operation starts and stays in the operation's history.
type Policy struct {
	// Provider is the company's name as it stands in statements and letters.
	Provider string `json:"provider" toml:"provider"`
	// Duty is the e-mail address that is told when an operation needs staff.
	Duty string `json:"duty" toml:"duty"`
	// MailSummary sends the summary by mail as well as on the ticket.
	MailSummary bool           `json:"mailSummary" toml:"mail_summary"`
	Customer    CustomerPolicy `json:"customer" toml:"customer"`
	Power       PowerPolicy    `json:"power" toml:"power"`
	Install     InstallPolicy  `json:"install,omitzero" toml:"install"`
	// QueuePoll is how often a queued operation asks whether it is its turn.
	QueuePoll Duration `json:"queuePoll" toml:"queue_poll"`
	// Estimates are the expected durations of steps, by name; they overrule
	// those of the procedures.
	Estimates map[string]Duration `json:"estimates,omitempty" toml:"estimates"`
}

// CustomerPolicy says what happens while a customer does not answer (O32).
type CustomerPolicy struct {
	// Reminders are the times after the question at which it is asked again.
	Reminders []Duration `json:"reminders" toml:"reminders"`
	// Park is when the operation is parked: still open, nobody is reminded.
	Park Duration `json:"park" toml:"park"`
	// Expire is when the question expires and the operation is closed.
	Expire Duration `json:"expire" toml:"expire"`
}

// PowerPolicy says how long a machine may take.
type PowerPolicy struct {
	// OffWait is how long an operating system may take to shut down.
	OffWait Duration `json:"offWait" toml:"off_wait"`
	// ActWait is how long a forced off or an on may take to be seen.
	ActWait Duration `json:"actWait" toml:"act_wait"`
	// Poll is the time between two looks.
	Poll Duration `json:"poll" toml:"poll"`
}

// InstallPolicy says how long an installation may take.
type InstallPolicy struct {
	// Boot is how long a machine may take from its restart until it asks for its
	// boot script.
	Boot Duration `json:"boot" toml:"boot"`
	// Stall is how long an installer may be silent.
	Stall Duration `json:"stall" toml:"stall"`
	// Answer is how long the installed system may take to answer.
	Answer Duration `json:"answer" toml:"answer"`
	// Look is the time between two looks at a system that should answer soon.
	Look Duration `json:"look" toml:"look"`
	// ForceOff: a system that does not shut down when it is asked to is powered off
	// by force, before it is erased.
	ForceOff bool `json:"forceOff,omitempty" toml:"force_off"`
	// Medium is the URL of the boot medium as BMCs reach it, for servers that can
	// be booted over the network only from virtual media. Empty is none.
	Medium string `json:"medium,omitempty" toml:"medium"`
	// Whole is how long all of it may take; the machine's token ends then.
	Whole Duration `json:"whole" toml:"whole"`
}

// DefaultPolicy is what holds where the policy file says nothing.
func DefaultPolicy() Policy {
	return Policy{
		Provider:    "Handrail Hosting",
		Duty:        "duty@handrail.example",
		MailSummary: true,
		Customer: CustomerPolicy{
			Reminders: []Duration{Duration(24 * time.Hour), Duration(72 * time.Hour)},
			Park:      Duration(7 * 24 * time.Hour),
			Expire:    Duration(30 * 24 * time.Hour),
		},
		Power: PowerPolicy{
			OffWait: Duration(5 * time.Minute),
			ActWait: Duration(2 * time.Minute),
			Poll:    Duration(2 * time.Second),
		},
		Install: InstallPolicy{
			Boot:   Duration(15 * time.Minute),
			Stall:  Duration(45 * time.Minute),
			Answer: Duration(15 * time.Minute),
			Look:   Duration(20 * time.Second),
			Whole:  Duration(4 * time.Hour),

			ForceOff: true,
		},
		QueuePoll: Duration(30 * time.Second),
	}
}

// Validate reports the first thing in the policy that can not be meant.
func (p Policy) Validate() error {
	c := p.Customer
	switch {
	case strings.TrimSpace(p.Provider) == "":
		return Invalid("", "the policy names no provider", "set provider to the company's name")
	case strings.TrimSpace(p.Duty) == "":
		return Invalid("", "the policy names no duty contact", "set duty to an e-mail address")
	case !slices.IsSorted(c.Reminders):
		return Invalid("", "the policy's customer.reminders are not in order", "write the earliest first")
	case len(c.Reminders) > 0 && (c.Reminders[0] <= 0 || c.Reminders[len(c.Reminders)-1] >= c.Park):
		return Invalid("", "the policy's customer.reminders do not lie between 0 and customer.park", "remind before parking")
	case c.Park <= 0 || c.Park >= c.Expire:
		return Invalid("", "the policy's customer.park is not before customer.expire", "park first, expire later")
	case p.Power.OffWait <= 0 || p.Power.ActWait <= 0 || p.Power.Poll <= 0:
		return Invalid("", "the policy's power times must be longer than nothing", "set off_wait, act_wait and poll")
	case p.Install.Boot <= 0 || p.Install.Stall <= 0 || p.Install.Answer <= 0 || p.Install.Look <= 0:
		return Invalid("", "the policy's install times must be longer than nothing", "set boot, stall, answer and look")
	case p.Install.Whole <= max(p.Install.Boot, p.Install.Stall):
		return Invalid("", "the policy's install.whole is not longer than install.boot and install.stall", "give an installation time for all of it")
	case p.QueuePoll <= 0:
		return Invalid("", "the policy's queue_poll must be longer than nothing", "set queue_poll, for instance to 30s")
	}
	return nil
}
