package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/handrail/handrail/activities/records"
	"github.com/handrail/handrail/hosting"
)

// store keeps one network boot in memory, as the records keep many in the
// database, and tells what happens with it.
type store struct {
	heard  func(what string)
	refuse bool // permission to erase
	mac    string

	mu    sync.Mutex
	boot  hosting.NetworkBoot
	token [32]byte
	ended chan string // "" is done, else why it failed
}

// Ring is the gateway's doorbell; the store has told already.
func (*store) Ring(context.Context, hosting.NetworkBoot) error { return nil }

// PasswordHash refuses: the trial's order has no password.
func (*store) PasswordHash(_ context.Context, ref string) (string, error) {
	return "", hosting.Invalid("", "there is no secret "+ref, "use SSH keys")
}

// HandOutBoot gives the boot out once.
func (s *store) HandOutBoot(_ context.Context, mac string, token [32]byte, _ time.Time) (*hosting.NetworkBoot, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if mac != s.mac || s.boot.State != hosting.BootArmed {
		s.heard("asks for a boot script: boot from disk")
		return nil, nil //nolint:nilnil // what nothing is pending looks like
	}
	s.heard("asks for its boot script")
	s.boot.State, s.token = hosting.BootHandedOut, token
	return new(s.boot), nil
}

// BootByToken finds the boot until it has ended.
func (s *store) BootByToken(_ context.Context, token [32]byte) (hosting.NetworkBoot, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.live(token)
}

// live needs the lock.
func (s *store) live(token [32]byte) (hosting.NetworkBoot, error) {
	if token != s.token || s.boot.State == hosting.BootArmed || s.boot.State.Ended() {
		return hosting.NetworkBoot{}, hosting.NewFault(hosting.FaultNotAuthorized, "try", "the token is worth nothing", "do not use it")
	}
	return s.boot, nil
}

// BeginErasing permits it once, and for exactly the disks of the plan.
func (s *store) BeginErasing(_ context.Context, token [32]byte, disks []string) (hosting.NetworkBoot, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, err := s.live(token); err != nil {
		return hosting.NetworkBoot{}, err
	}
	s.heard("asks to erase " + strings.Join(disks, ", "))
	var wanted []string
	for _, d := range s.boot.Plan.Disks {
		wanted = append(wanted, d.Serial)
	}
	slices.Sort(wanted)
	if s.refuse || s.boot.State == hosting.BootErasing || !slices.Equal(slices.Sorted(slices.Values(disks)), wanted) {
		return hosting.NetworkBoot{}, hosting.NewFault(hosting.FaultConflict, "try", "the disks may not be erased", "do nothing")
	}
	s.boot.State = hosting.BootErasing
	return s.boot, nil
}

// ReportBoot takes what the machine tells.
func (s *store) ReportBoot(_ context.Context, token [32]byte, r records.BootReport) (hosting.NetworkBoot, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, err := s.live(token); err != nil {
		return hosting.NetworkBoot{}, err
	}
	switch {
	case r.State == hosting.BootDone:
		s.heard("is done")
		s.boot.State = r.State
		s.ended <- ""
	case r.State == hosting.BootFailed:
		s.heard("failed: " + r.Error)
		s.boot.State, s.boot.Error = r.State, r.Error
		s.ended <- r.Error
	case len(r.HostKeys) > 0:
		s.heard(fmt.Sprintf("reports %d host keys", len(r.HostKeys)))
		s.boot.HostKeys = r.HostKeys
	default:
		s.heard(fmt.Sprintf("%3d %% %s", r.Percent, r.Stage))
	}
	return s.boot, nil
}

func (s *store) hostKeys() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.boot.HostKeys)
}
