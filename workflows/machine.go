package workflows

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/handrail/handrail/activities"
	"github.com/handrail/handrail/activities/bmc"
	"github.com/handrail/handrail/hosting"
)

// machineState is what an operation knows of the machine it works on.
type machineState struct {
	// Taken: the lease on the server is held.
	Taken bool `json:"taken,omitempty"`
	// Found is the power state before the first act.
	Found hosting.PowerState `json:"found,omitempty"`
	// Left is the power state that was seen at the end; empty if nobody looked.
	Left hosting.PowerState `json:"left,omitempty"`
	// MovedUnder is the permission under which we last acted: it covers putting
	// the power back, whatever was said since.
	MovedUnder hosting.PowerPermission `json:"movedUnder,omitzero"`
	// Downtime is measured: the time between an off and an on that were both
	// observed, summed up (I27). OffSince is set while the machine is off.
	Downtime hosting.Duration `json:"downtime,omitempty"`
	OffSince *time.Time       `json:"offSince,omitempty"`
	// AwaySince is when the machine was first seen off: from then on what was on
	// it does not run.
	AwaySince *time.Time `json:"awaySince,omitempty"`
	// Report is what the customer is told was done.
	Report []hosting.Deed `json:"report,omitempty"`
}

const undoPower undo = "restoring the power as it was found"

// PowerOrder is the update with which the technician acts on the power.
type PowerOrder struct {
	Staff
	Action hosting.PowerAction `json:"action"`
	// Forced: where a graceful off does not work, a forced one may follow.
	Forced bool `json:"forced,omitempty"`
}

func (op *operation) handlePower() error {
	return workflow.SetUpdateHandlerWithOptions(op.root, "power",
		func(ctx workflow.Context, order PowerOrder) (hosting.PowerResult, error) {
			op.handled++
			ctx, done := op.within(ctx)
			defer done()
			result, err := op.setPower(ctx, order)
			return result, activities.Cross(err)
		},
		workflow.UpdateHandlerOptions{
			Description: "Act on the server's power: on, graceful-off, forced-off, cycle, warm-reset. Refused outside the customer's permission or window. Answers with what was observed.",
			Validator:   func(order PowerOrder) error { return activities.Cross(op.mayPower(order)) },
		})
}

// mayPower is the guard in the workflow; the activity has the same one again.
func (op *operation) mayPower(order PowerOrder) error {
	if err := op.checkActor("power", order.actor()); err != nil {
		return err
	}
	switch {
	case !slices.Contains(hosting.PowerActions(), order.Action):
		return hosting.Invalid(op.serverID(), fmt.Sprintf("power action %q is not known", order.Action),
			fmt.Sprintf("use one of %v", hosting.PowerActions()))
	case op.Phase.Final() || op.Cancel != nil:
		return op.refuse("the operation has ended or is being cancelled")
	case op.Held != nil:
		return op.refuse("the operation is on hold by " + op.Held.By)
	case !op.Machine.Taken:
		return op.refuse("the server has not been taken for this work yet: the operation is at step " + op.current().name)
	case !op.current().power || op.current().name != "work" && op.Steps[op.Cursor].State != hosting.StepFailed:
		return op.refuse("power actions belong to the technician's work: the operation is at step " + op.current().name)
	}
	if guard := op.guard(order); !guard.Restore {
		return guard.Permission.Check(op.serverID(), *op.now())
	}
	return nil
}

// guard is what a power action is permitted by. Turning on again what we turned
// off is the end of our act, whatever was said since: it leaves no server off.
func (op *operation) guard(order PowerOrder) bmc.Guard {
	m := op.Machine
	if order.Action == hosting.ActOn && m.OffSince != nil && m.Found == hosting.PowerOn {
		return bmc.Guard{Permission: m.MovedUnder, Restore: true}
	}
	return bmc.Guard{Permission: op.powerPermitted()}
}

// setPower is staff's power action.
func (op *operation) setPower(ctx workflow.Context, order PowerOrder) (hosting.PowerResult, error) {
	return op.movePower(ctx, order, op.mayPower)
}

// cyclePower is the procedure's own. It is a success only if the machine was
// seen off and on again.
func (op *operation) cyclePower(ctx workflow.Context, forced bool, may func() error) error {
	order := PowerOrder{Staff: Staff{By: ourselves}, Action: hosting.ActCycle, Forced: forced}
	result, err := op.movePower(ctx, order, func(PowerOrder) error {
		if err := may(); err != nil {
			return err
		}
		return op.powerPermitted().Check(op.serverID(), *op.now())
	})
	if err != nil {
		return err
	}
	return result.Err(op.serverID())
}

// ourselves is who acts where no member of staff does.
const ourselves = "Handrail"

// movePower acts once the machine is free, under a guard evaluated again then.
func (op *operation) movePower(ctx workflow.Context, order PowerOrder, may func(PowerOrder) error) (hosting.PowerResult, error) {
	op.acting++
	defer func() { op.acting-- }()
	if err := op.chassis.Lock(ctx); err != nil {
		return hosting.PowerResult{}, err
	}
	defer op.chassis.Unlock()
	if err := op.file(ctx); err != nil {
		return hosting.PowerResult{}, err
	}
	if err := may(order); err != nil {
		return hosting.PowerResult{}, err
	}
	op.owe(undoPower)
	guard := op.guard(order)
	if !guard.Restore {
		op.Machine.MovedUnder = guard.Permission
	}
	actx, revoke := workflow.WithCancel(ctx)
	op.revoke = revoke
	defer func() { op.revoke = nil; revoke() }()
	result, err := op.actOnPower(actx, bmc.PowerOrder{
		Target: op.target(), Action: order.Action, AllowForced: order.Forced,
		Guard: guard, Waits: op.Policy.Power,
	})
	if temporal.IsCanceledError(err) && ctx.Err() == nil {
		err = hosting.NewFault(hosting.FaultNotAuthorized, op.serverID(), "the permission was taken back while the power action was under way",
			"look at the power state; nothing more is done until the customer permits it")
	}
	if err != nil {
		op.logAction(ctx, order.By, "power "+string(order.Action), "failed: "+activities.Words(err))
		return result, err
	}
	op.tellLater(hosting.Deed{Power: order.Action, Outcome: result.Outcome})
	op.logAction(ctx, order.By, "power "+string(order.Action), powerWords(result))
	op.show(ctx)
	return result, nil
}

// actOnPower runs the activity and accounts for the downtime it observed.
func (op *operation) actOnPower(ctx workflow.Context, order bmc.PowerOrder) (hosting.PowerResult, error) {
	var result hosting.PowerResult
	summary := "Power " + string(order.Action) + " of " + op.Subject.Server.String()
	if err := op.callBMC(ctx, summary, order.Longest()+time.Minute, &result, bmcs.SetPower, order); err != nil {
		return result, err
	}
	if op.Machine.Found == "" {
		op.Machine.Found = result.Before // the look at the beginning was skipped
	}
	op.Machine.measure(result)
	return result, nil
}

// measure adds the downtime that a power action showed.
func (m *machineState) measure(r hosting.PowerResult) {
	if r.OffSince != nil && m.OffSince == nil {
		m.OffSince = r.OffSince
	}
	if m.AwaySince == nil {
		m.AwaySince = r.OffSince
	}
	if r.OnSince != nil && m.OffSince != nil {
		m.Downtime += hosting.Duration(max(0, r.OnSince.Sub(*m.OffSince)))
		m.OffSince = nil
	}
}

// tellLater adds a line to what the customer is told at the end.
func (op *operation) tellLater(d hosting.Deed) {
	if len(op.Machine.Report) < maxReport {
		d.Text = cut(d.Text, 500)
		op.Machine.Report = append(op.Machine.Report, d)
	}
}

func powerWords(r hosting.PowerResult) string {
	words := fmt.Sprintf("%s: was %s, is %s", r.Outcome, r.Before, r.After)
	if len(r.ResetTypes) > 0 {
		words += fmt.Sprintf(", by %s (%s)", strings.Join(r.ResetTypes, ", "), r.Via)
	}
	if r.Detail != "" {
		words += "; " + r.Detail
	}
	return words
}

func (op *operation) target() bmc.Target {
	return bmc.Target{Server: op.serverID(), BMC: op.Subject.Server.BMC}
}

// readPower asks the BMC. A server without one has no power to read.
func (op *operation) readPower(ctx workflow.Context, why string) (hosting.PowerState, error) {
	if len(op.Subject.Server.BMC.Endpoints) == 0 {
		return hosting.PowerUnknown, nil
	}
	var reading bmc.PowerReading
	err := op.callBMC(ctx, why, time.Minute, &reading, bmcs.ReadPower, op.target())
	return reading.State, err
}

// lookFirst keeps the power state as it was found.
func (op *operation) lookFirst(ctx workflow.Context) (err error) {
	op.Machine.Found, err = op.readPower(ctx, "Read the power state as found")
	return err
}

// expectPower proves that the machine is in the wanted state.
func (op *operation) expectPower(ctx workflow.Context, want hosting.PowerState) error {
	got, err := op.readPower(ctx, "Check that the power is "+string(want))
	switch {
	case err != nil:
		return err
	case len(op.Subject.Server.BMC.Endpoints) == 0:
		return nil
	case got == want:
		op.Machine.Left = got
		return nil
	}
	return hosting.NewFault(hosting.FaultUnmoved, op.serverID(), fmt.Sprintf("the server is %s and should be %s", got, want),
		"use the update power while this step is parked, then relaunch it; or skip it if the state is meant")
}

// restorePower puts the power back as it was found. It is not a new act on the
// customer's server but the end of ours, so the window does not hold it up.
func (op *operation) restorePower(ctx workflow.Context) error {
	switch op.Machine.Found {
	case hosting.PowerOn:
	case hosting.PowerOff:
		return nil
	default:
		return hosting.NewFault(hosting.FaultUnreachable, op.serverID(), "it is not known whether the server was on before we acted", "look at it")
	}
	result, err := op.actOnPower(ctx, bmc.PowerOrder{
		Target: op.target(), Action: hosting.ActOn, Waits: op.Policy.Power,
		Guard: bmc.Guard{Permission: op.Machine.MovedUnder, Restore: true},
	})
	if err != nil {
		return err
	}
	op.logAction(ctx, ourselves, "power on as found", powerWords(result))
	return result.Err(op.serverID())
}
