package computer

import (
	"crypto/ed25519"

	"github.com/handrail/handrail/dev/datacenter/fault"
	"github.com/handrail/handrail/dev/datacenter/installer"
)

// job is one installer on the computer; it implements installer.Host.
type job struct {
	*Computer
	boot int

	seen   []string // the disks as the installer sees them
	id     string   // of what it writes
	access access
}

// Up reports whether the machine still runs this installer.
func (j *job) Up() bool { return j.up(j.boot) }

// MACs are those of the machine.
func (j *job) MACs() []string { return j.Config.MACs }

// Disks are the serial numbers, or others where the fault says so.
func (j *job) Disks() []string {
	_, wrong := j.Faults.Hit(fault.WrongDisk, fault.Machine)
	j.seen = nil
	for _, d := range j.State().Disks {
		if wrong {
			d.Serial = "OTHER-" + d.Serial
		}
		j.seen = append(j.seen, d.Serial)
	}
	return j.seen
}

// At takes note of how far the installation is.
func (j *job) At(stage string, percent int) {
	j.change(j.boot, func(s *State) { s.Run.Stage, s.Run.Percent = stage, percent })
}

// Erase begins to write.
func (j *job) Erase(disks []string, a installer.Answer) bool {
	var wiped []int
	for i, serial := range j.seen {
		for _, d := range disks {
			if d == serial {
				wiped = append(wiped, i)
			}
		}
	}
	j.access.Keys = a.Keys
	ok := j.change(j.boot, func(s *State) { j.id = s.erase(wiped, a, j.boot, j.Now()) })
	if ok {
		j.Log.Warn("disks erased", "disks", disks, "system", a.System)
	}
	return ok
}

// Install makes what was written a system that boots.
func (j *job) Install(key ed25519.PrivateKey) bool {
	j.access.HostKey = key.Seed()
	return j.change(j.boot, func(s *State) { s.install(j.id, j.access, j.Now()) })
}
