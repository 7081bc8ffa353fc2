package workflows

import (
	"cmp"
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/handrail/handrail/activities"
	"github.com/handrail/handrail/activities/bmc"
	"github.com/handrail/handrail/activities/records"
	"github.com/handrail/handrail/hosting"
)

// bootState is what an operation knows of the network boot of its machine.
type bootState struct {
	// Attempt counts the boots that were armed.
	Attempt int `json:"attempt,omitempty"`
	// Last is the boot as it was last read, or told of.
	Last hosting.NetworkBoot `json:"last,omitzero"`
	// Device is the override that is set for the next restart, Media that an image
	// may be in the drive.
	Device bmc.Device `json:"device,omitempty"`
	Media  bool       `json:"media,omitempty"`
	// Lost: one of the boots has begun to erase. Told: the customer knows it.
	Lost bool `json:"lost,omitempty"`
	Told bool `json:"told,omitempty"`
}

const (
	bootProgress = "boot-progress"

	undoBoot  undo = "clearing the boot override and the virtual media"
	undoArmed undo = "withdrawing the network boot"
)

// listenToBoot takes in what the gateway tells of the machine. It is a doorbell:
// what counts is read from the records.
func (op *operation) listenToBoot() {
	told := workflow.GetSignalChannelWithOptions(op.root, bootProgress, workflow.SignalChannelOptions{
		Description: "How far a machine is that boots over the network; sent by the gateway.",
	})
	workflow.GoNamed(op.root, "boot-progress", func(ctx workflow.Context) {
		ctx, done := workflow.NewDisconnectedContext(ctx)
		defer done()
		for {
			var b hosting.NetworkBoot
			if !told.Receive(ctx, &b) {
				return
			}
			op.handled++
			op.hearOfBoot(b)
		}
	})
}

func (op *operation) hearOfBoot(b hosting.NetworkBoot) {
	last := &op.Boot.Last
	if b.ID != last.ID || last.State.Ended() {
		return
	}
	last.State, last.Stage, last.Percent, last.ReportedAt = b.State, cut(b.Stage, maxName), b.Percent, op.now()
	if len(b.HostKeys) > 0 {
		last.HostKeys = b.HostKeys
	}
	workflow.SetCurrentDetails(op.root, op.details())
}

// prepareBoot makes the machine boot over the network next time: by itself where
// its BMC can tell it to, else from the boot medium in its virtual drive.
func (op *operation) prepareBoot(ctx workflow.Context, firmware hosting.Firmware) error {
	op.owe(undoBoot)
	devices := []bmc.Device{bmc.BootPXE}
	if firmware == hosting.FirmwareUEFI {
		devices = append(devices, bmc.BootHTTP)
	}
	for _, d := range devices {
		err := op.override(ctx, d, firmware)
		if err == nil || activities.Kind(err) != hosting.FaultUnsupported {
			return err
		}
	}
	if op.Policy.Install.Medium == "" {
		return hosting.NewFault(hosting.FaultUnsupported, op.serverID(), "its BMC can not make it boot over the network, and the policy names no boot medium for virtual media",
			"set install.medium in the policy to the URL of the boot medium, or boot the server by hand")
	}
	order := bmc.MediaOrder{Target: op.target(), Image: op.Policy.Install.Medium}
	op.Boot.Media = true // also where the answer is lost
	if err := op.callBMC(ctx, "Insert the boot medium", 2*time.Minute, nil, bmcs.InsertMedia, order); err != nil {
		op.Boot.Media = activities.Kind(err) != hosting.FaultUnsupported
		return err
	}
	return op.override(ctx, bmc.BootCD, firmware)
}

func (op *operation) override(ctx workflow.Context, d bmc.Device, firmware hosting.Firmware) error {
	order := bmc.BootOrder{Target: op.target(), Device: d, Mode: bmc.Mode(firmware)}
	if err := op.callBMC(ctx, "Boot once from "+string(d), 2*time.Minute, nil, bmcs.SetBootOnce, order); err != nil {
		return err
	}
	op.Boot.Device = d
	return nil
}

// arm lets the machine have its boot script when it next asks. What it spends is
// spent in the same transaction.
func (op *operation) arm(ctx workflow.Context, p hosting.Plan, spending *records.Spending) error {
	op.Boot.Attempt++
	op.owe(undoArmed)
	err := op.keepBoot(ctx, "Release the installer for "+p.Target(), rec.ArmBoot, records.Arming{
		Operation: op.ID, Server: op.serverID(), Purpose: hosting.BootInstall, Attempt: op.Boot.Attempt, Plan: p, Spending: spending,
	})
	if err != nil {
		op.Boot.Attempt--
	}
	return err
}

// keepBoot has the records do something with a boot, and keeps what they answer:
// nothing of an earlier boot stays.
func (op *operation) keepBoot(ctx workflow.Context, summary string, activity, in any) error {
	var b hosting.NetworkBoot
	if err := record(ctx, summary, &b, activity, in); err != nil {
		return err
	}
	op.Boot.Last, op.Boot.Lost = b, op.Boot.Lost || b.ErasingAt != nil
	return nil
}

func (op *operation) bootRef() records.BootRef {
	return records.BootRef{Operation: op.ID, Attempt: op.Boot.Attempt}
}

func (op *operation) readBoot(ctx workflow.Context) (hosting.NetworkBoot, error) {
	err := op.keepBoot(ctx, "Read how far the boot is", rec.ReadBoot, op.bootRef())
	return op.Boot.Last, err
}

// withdrawBoot takes the boot back, unless it erases already.
func (op *operation) withdrawBoot(ctx workflow.Context) error {
	if op.Boot.Attempt == 0 {
		return nil
	}
	return op.keepBoot(ctx, "Withdraw the boot", rec.WithdrawBoot, op.bootRef())
}

// endBoot writes down how a boot ended that did not say so itself.
func (op *operation) endBoot(ctx workflow.Context, state hosting.BootState, why string) error {
	return op.keepBoot(ctx, "The boot is "+string(state)+": "+why, rec.EndBoot, records.BootEnd{BootRef: op.bootRef(), State: state, Error: why})
}

// leaveBoot takes the override and the boot medium away, however much of them is
// left.
func (op *operation) leaveBoot(ctx workflow.Context) error {
	op.Boot.Device = ""
	err := op.callBMC(ctx, "Clear the boot override", 2*time.Minute, nil, bmcs.ClearBoot, op.target())
	if !op.Boot.Media {
		return err
	}
	ejected := op.callBMC(ctx, "Eject the boot medium", 2*time.Minute, nil, bmcs.EjectMedia, op.target())
	op.Boot.Media = ejected != nil
	return cmp.Or(err, ejected)
}

// abandonBoot ends a boot that came to nothing, as far as that can be done.
func (op *operation) abandonBoot(ctx workflow.Context) {
	if err := op.endBoot(ctx, hosting.BootFailed, "given up"); err != nil {
		op.tellDuty("ending the network boot", activities.Words(err))
	}
	if err := op.leaveBoot(ctx); err != nil {
		op.tellDuty(string(undoBoot), activities.Words(err))
	}
	op.settled(undoBoot, undoArmed)
}

// normalBoot leaves the boot as it was found, and reads back that it is.
func (op *operation) normalBoot(ctx workflow.Context) error {
	if err := op.leaveBoot(ctx); err != nil {
		return err
	}
	var setup bmc.BootSetup
	if err := op.callBMC(ctx, "Check that the boot override is gone", time.Minute, &setup, bmcs.ReadBootSetup, op.target()); err != nil {
		return err
	}
	if setup.Overridden() {
		return hosting.NewFault(hosting.FaultUnmoved, op.serverID(), "the boot override to "+string(setup.Override)+setup.Other+" is still there after it was cleared",
			"clear it on the BMC's own page, then relaunch this step: the server would boot over the network again")
	}
	op.settled(undoBoot, undoArmed)
	return nil
}
