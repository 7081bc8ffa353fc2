package workflows

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/mock"

	"github.com/handrail/handrail/activities/bmc"
	"github.com/handrail/handrail/activities/reach"
	"github.com/handrail/handrail/activities/records"
	"github.com/handrail/handrail/hosting"
)

// rig is a world with a machine that boots over the network, and with records
// that hold consents and boots to the rules of the database.
type rig struct {
	*world
	catalogue []hosting.OperatingSystem
	setup     bmc.BootSetup
	drives    []bmc.Part
	noDrives  bool // the BMC lists none

	override bmc.Device
	media    string
	boots    []*hosting.NetworkBoot
	spentOn  map[string]string // consent to key
	stored   map[string]hosting.Consent
	voided   map[string]bool
	wipes    []wipe
	keys     []string // of the system on the disk
	installs int
	broken   []string // what a test found wrong on the way
	otherKey string   // with which the installed system answers in truth

	// behave is what the machine does when it is restarted with a boot override;
	// nil installs without fault.
	behave func(r *rig, b *hosting.NetworkBoot)
	// released is told of each release, and whether it is the first on its consent.
	released func(a records.Arming, first bool)
	// overrideFails says why an override can not be set; nil sets it.
	overrideFails func(bmc.Device) error
}

// wipe is a loss of data: what for, and which consent covered it.
type wipe struct {
	target  string
	consent string
	boot    *hosting.NetworkBoot
}

func (w wipe) finished() bool { return w.boot.State == hosting.BootDone }

const testKey = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl"

func newRig(t *testing.T) *rig {
	t.Helper()
	r := &rig{
		world: newWorld(t), spentOn: map[string]string{}, stored: map[string]hosting.Consent{}, voided: map[string]bool{},
		setup: bmc.BootSetup{Mode: "uefi", Devices: []bmc.Device{bmc.BootPXE, bmc.BootCD, bmc.BootDisk}, Media: true},
		keys:  []string{"ssh-ed25519 original"},
	}
	r.server.MACs = []string{"02:00:00:00:10:01"}
	r.server.HostName = "mail.rossi.example"
	for i := range 3 {
		r.drives = append(r.drives, bmc.Part{Slot: fmt.Sprint(i), Serial: fmt.Sprint("S", i), SizeBytes: 960 << 30})
	}
	for _, v := range []string{"11", "12"} {
		r.catalogue = append(r.catalogue, hosting.OperatingSystem{
			ID: "debian-" + v, Distribution: "Debian", Version: v, Architecture: "x86_64",
			Firmware: []hosting.Firmware{hosting.FirmwareUEFI, hosting.FirmwareLegacy}, Method: hosting.MethodImage, Answer: hosting.AnswerOrder,
		})
	}
	r.setPower, r.storeConsent, r.revokeConsents = r.machine, r.store, r.revoke
	r.mockBMC()
	r.mockBoots()
	return r
}

func (r *rig) mockBMC() {
	env, any1 := r.env, mock.Anything
	env.OnActivity(bmcs.ReadBootSetup, any1, any1).Return(func(context.Context, bmc.Target) (bmc.BootSetup, error) {
		s := r.setup
		s.Override = r.override
		return s, nil
	})
	env.OnActivity(bmcs.ReadInventory, any1, any1).Return(func(context.Context, bmc.Target) (bmc.Inventory, error) {
		if r.noDrives {
			return bmc.Inventory{}, hosting.NewFault(hosting.FaultUnsupported, "srv-1001", "ipmi does not carry an inventory", "")
		}
		return bmc.Inventory{Drives: r.drives}, nil
	})
	env.OnActivity(bmcs.SetBootOnce, any1, any1).Return(func(_ context.Context, o bmc.BootOrder) (bmc.BootResult, error) {
		if r.overrideFails != nil {
			if err := r.overrideFails(o.Device); err != nil {
				return bmc.BootResult{}, err
			}
		}
		r.override = o.Device
		return bmc.BootResult{Device: o.Device}, nil
	})
	env.OnActivity(bmcs.InsertMedia, any1, any1).Return(func(_ context.Context, o bmc.MediaOrder) (bmc.MediaResult, error) {
		r.media = o.Image
		return bmc.MediaResult{Image: o.Image}, nil
	})
	env.OnActivity(bmcs.ClearBoot, any1, any1).Return(func(context.Context, bmc.Target) error { r.override = ""; return nil })
	env.OnActivity(bmcs.EjectMedia, any1, any1).Return(func(context.Context, bmc.Target) error { r.media = ""; return nil })
	env.OnActivity(reaches.HostKeys, any1, any1).Return(func(context.Context, reach.Probe) (reach.Seen, error) {
		if len(r.keys) == 0 || r.power != hosting.PowerOn {
			return reach.Seen{}, hosting.NewFault(hosting.FaultUnreachable, "srv-1001", "nothing answers", "")
		}
		return reach.Seen{Keys: r.keys}, nil
	})
	env.OnActivity(reaches.AwaitHostKey, any1, any1).Return(func(_ context.Context, e reach.Expectation) (reach.Seen, error) {
		switch {
		case len(r.keys) == 0 || r.power != hosting.PowerOn:
			return reach.Seen{}, hosting.NewFault(hosting.FaultUnreachable, "srv-1001", "nothing answers", "")
		case r.keys[0] != e.Keys[0]:
			return reach.Seen{}, hosting.NewFault(hosting.FaultContradictory, "srv-1001", "another host key answers", "")
		}
		return reach.Seen{Keys: r.keys}, nil
	})
}

func (r *rig) mockBoots() {
	env, any1 := r.env, mock.Anything
	env.OnActivity(rec.MatchSystem, any1, any1).Return(func(_ context.Context, words string) (records.SystemMatch, error) {
		m := records.SystemMatch{Systems: hosting.MatchSystems(r.catalogue, words)}
		for _, s := range r.catalogue {
			m.Offered = append(m.Offered, s.Title())
		}
		return m, nil
	})
	env.OnActivity(rec.ArmBoot, any1, any1).Return(func(_ context.Context, a records.Arming) (hosting.NetworkBoot, error) { return r.arm(a) })
	last := func() hosting.NetworkBoot { return *r.boots[len(r.boots)-1] }
	env.OnActivity(rec.ReadBoot, any1, any1).Return(func(context.Context, records.BootRef) (hosting.NetworkBoot, error) { return last(), nil })
	env.OnActivity(rec.WithdrawBoot, any1, any1).Return(func(context.Context, records.BootRef) (hosting.NetworkBoot, error) {
		if b := r.boots[len(r.boots)-1]; b.State == hosting.BootArmed || b.State == hosting.BootHandedOut {
			b.State = hosting.BootWithdrawn
		}
		return last(), nil
	})
	env.OnActivity(rec.EndBoot, any1, any1).Return(func(_ context.Context, e records.BootEnd) (hosting.NetworkBoot, error) {
		if b := r.boots[len(r.boots)-1]; !b.State.Ended() {
			b.State, b.Error = e.State, e.Error
		}
		return last(), nil
	})
}

// arm holds to the rules that the database has.
func (r *rig) arm(a records.Arming) (hosting.NetworkBoot, error) {
	refused := func(why string) (hosting.NetworkBoot, error) {
		return hosting.NetworkBoot{}, hosting.NewFault(hosting.FaultNotAuthorized, a.Server, why, "ask the customer again")
	}
	if n := len(r.boots); n >= a.Attempt {
		return *r.boots[a.Attempt-1], nil
	}
	s := a.Spending
	if s == nil {
		return refused("no consent")
	}
	c, known := r.stored[s.Consent]
	switch {
	case !known || c.Target != s.Target || a.Plan.Target() != s.Target:
		return refused("the consent is for another target")
	case r.voided[s.Consent]:
		return refused("the consent is revoked")
	case r.spentOn[s.Consent] != "" && r.spentOn[s.Consent] != s.Key:
		return refused("the consent is spent")
	}
	for _, b := range r.boots {
		if !b.State.Ended() {
			return refused("another boot is live")
		}
		if b.State == hosting.BootDone && b.Stage == s.Consent {
			return refused("the installation is done")
		}
	}
	if r.released != nil {
		r.released(a, r.spentOn[s.Consent] == "")
	}
	r.spentOn[s.Consent] = s.Key
	b := &hosting.NetworkBoot{
		ID: fmt.Sprint("boot-", a.Attempt), Operation: a.Operation, Server: a.Server, Attempt: a.Attempt, Plan: a.Plan, State: hosting.BootArmed,
		ArmedAt: r.env.Now(), Stage: s.Consent,
	}
	r.boots = append(r.boots, b)
	return *b, nil
}

// machine goes off and on, and boots from what it was told to.
func (r *rig) machine(ctx context.Context, o bmc.PowerOrder) (hosting.PowerResult, error) {
	result, err := r.world.machine(ctx, o)
	if err != nil || r.power != hosting.PowerOn || r.override == "" {
		return result, err
	}
	r.override = ""
	if n := len(r.boots); n > 0 && r.boots[n-1].State == hosting.BootArmed {
		b := r.boots[n-1]
		if r.behave != nil {
			r.behave(r, b)
		} else {
			r.install(b)
		}
	}
	return result, nil
}

// later is something that the machine does after a time.
func (r *rig) later(after time.Duration, f func()) { r.env.RegisterDelayedCallback(f, after) }

func (r *rig) ring(b *hosting.NetworkBoot) {
	if !r.env.IsWorkflowCompleted() {
		r.env.SignalWorkflow("boot-progress", *b)
	}
}

func (r *rig) install(b *hosting.NetworkBoot) {
	r.later(time.Minute, func() { r.handOut(b) })
	r.later(2*time.Minute, func() { r.erase(b) })
	r.later(8*time.Minute, func() { r.report(b) })
	r.later(9*time.Minute, func() { r.done(b) })
}

func (r *rig) handOut(b *hosting.NetworkBoot) {
	if b.State == hosting.BootArmed {
		now := r.env.Now()
		b.State, b.HandedOutAt = hosting.BootHandedOut, &now
	}
}

func (r *rig) erase(b *hosting.NetworkBoot) {
	if b.State != hosting.BootHandedOut {
		return
	}
	now := r.env.Now()
	b.State, b.ErasingAt, b.ReportedAt = hosting.BootErasing, &now, &now
	r.keys = nil
	r.wipes = append(r.wipes, wipe{b.Plan.Target(), b.Stage, b})
	r.ring(b)
}

func (r *rig) report(b *hosting.NetworkBoot) {
	if b.State != hosting.BootErasing {
		return
	}
	now := r.env.Now()
	r.installs++
	b.HostKeys, b.ReportedAt = []string{fmt.Sprint("ssh-ed25519 new-", r.installs)}, &now
	r.ring(b)
}

// done ends the installation; the system runs from here.
func (r *rig) done(b *hosting.NetworkBoot) {
	if b.State != hosting.BootErasing {
		return
	}
	b.State, r.keys = hosting.BootDone, b.HostKeys
	if r.otherKey != "" {
		r.keys = []string{r.otherKey}
	}
	r.ring(b)
}

func (r *rig) fail(b *hosting.NetworkBoot, why string) {
	b.State, b.Error = hosting.BootFailed, why
	r.ring(b)
}

// store gives a consent its id: the same for the same statement and target.
func (r *rig) store(c hosting.Consent) hosting.Consent {
	c.ID = fmt.Sprint("consent-", len(r.stored)+1)
	for id, old := range r.stored {
		if old.Target == c.Target && old.Evidence == c.Evidence {
			c.ID = id
		}
	}
	r.stored[c.ID] = c
	return c
}

func (r *rig) revoke(in records.Revocation) {
	for id, c := range r.stored {
		for _, s := range in.Statements {
			if c.Evidence.Statement == s && r.spentOn[id] == "" {
				r.voided[id] = true
			}
		}
	}
}

// toInstall is a ticket that leaves nothing to ask.
func toInstall(system string) hosting.RequestFields {
	return hosting.RequestFields{
		Server: "srv-1001", Power: allowed(), Backup: backedUp(),
		Install: hosting.InstallFields{System: system, SSHKeys: []string{testKey}, Erasure: toErase(system)},
	}
}

func toErase(system string) *hosting.ErasureStatement {
	return &hosting.ErasureStatement{System: system, Evidence: hosting.Evidence{Statement: hosting.EraseDisks, Text: "as stated", Version: 1, Language: hosting.Italian}}
}

func toReinstall() ReinstallRequest {
	return ReinstallRequest{Request: fromCustomer("srv-1001").Request}
}

func (r *rig) run() { r.env.ExecuteWorkflow(OSReinstall, toReinstall()) }
