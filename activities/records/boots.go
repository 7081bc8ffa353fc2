package records

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/handrail/handrail/hosting"
)

// Arming lets a server boot over the network, once.
type Arming struct {
	Operation string              `json:"operation"`
	Server    string              `json:"server"`
	Purpose   hosting.BootPurpose `json:"purpose"`
	Attempt   int                 `json:"attempt"` // from 1
	Plan      hosting.Plan        `json:"plan"`
	// Spending uses up the data-loss consent for the plan's target; an
	// installation has to have one. Attempts of one installation share its key.
	Spending *Spending `json:"spending,omitempty"`
}

// BootRef names a network boot.
type BootRef struct {
	Operation string `json:"operation"`
	Attempt   int    `json:"attempt"`
}

// String names the boot for errors.
func (ref BootRef) String() string {
	return fmt.Sprintf("network boot %d of operation %s", ref.Attempt, ref.Operation)
}

// BootEnd is how a network boot ended, as it was found out by looking.
type BootEnd struct {
	BootRef
	State hosting.BootState `json:"state"` // done or failed
	Error string            `json:"error,omitempty"`
}

const selectBoot = `
SELECT b.id::text, b.operation::text, o.workflow, b.server, b.purpose, b.attempt, b.plan, b.state, b.stage, b.percent,
       b.host_keys, b.error, b.armed_at, b.handed_out_at, b.erasing_at, b.reported_at, b.ended_at, b.asked_again_at
FROM network_boots b JOIN operations o ON o.id = b.operation `

func findBoot(ctx context.Context, q querier, where string, args ...any) (hosting.NetworkBoot, error) {
	rows, err := q.Query(ctx, selectBoot+where, args...)
	if err != nil {
		return hosting.NetworkBoot{}, err
	}
	return pgx.CollectExactlyOneRow(rows, func(row pgx.CollectableRow) (hosting.NetworkBoot, error) {
		var b hosting.NetworkBoot
		err := row.Scan(&b.ID, &b.Operation, &b.Workflow, &b.Server, &b.Purpose, &b.Attempt, &b.Plan, &b.State, &b.Stage, &b.Percent,
			&b.HostKeys, &b.Error, &b.ArmedAt, &b.HandedOutAt, &b.ErasingAt, &b.ReportedAt, &b.EndedAt, &b.AskedAgainAt)
		b.HostKeys = noneIsNil(b.HostKeys)
		return b, err
	})
}

// ArmBoot makes the next boot script of the plan's network cards that of the
// plan, once. For an installation it spends the data-loss consent in the same
// transaction (DESIGN rule 4, I14): nothing is armed without, and nothing is
// spent where nothing was armed. The same attempt with the same plan is the same
// boot, however it stands by now; with another one it is a Conflict, as is a
// second boot of a server while one is under way. NotAuthorized where the
// consent is for another target, is revoked, was spent on another act, or where
// an installation that it allowed is done.
func (r *Records) ArmBoot(ctx context.Context, in Arming) (hosting.NetworkBoot, error) {
	if err := in.check(); err != nil {
		return hosting.NetworkBoot{}, err
	}
	var boot hosting.NetworkBoot
	err := r.write(ctx, task{"arming the network boot", in.Server}, func(tx pgx.Tx) error {
		// One at a time for each operation, so that of two equal ones the second
		// finds the first.
		if _, err := lockOperation(ctx, tx, in.Operation); err != nil {
			return err
		}
		var err error
		if boot, err = findBoot(ctx, tx, "WHERE b.operation = $1 AND b.attempt = $2", in.Operation, in.Attempt); err == nil {
			return in.matches(boot)
		}
		if !errors.Is(err, pgx.ErrNoRows) {
			return err
		}
		if err := in.insert(ctx, tx); err != nil {
			return err
		}
		boot, err = findBoot(ctx, tx, "WHERE b.operation = $1 AND b.attempt = $2", in.Operation, in.Attempt)
		return err
	})
	if err != nil {
		return hosting.NetworkBoot{}, err
	}
	return boot, nil
}

func (in Arming) insert(ctx context.Context, tx pgx.Tx) error {
	var consent *string
	var target string
	if in.Spending != nil {
		if err := in.Spending.spend(ctx, tx); err != nil {
			return err
		}
		consent, target = &in.Spending.Consent, in.Spending.Target
	}
	_, err := tx.Exec(ctx, `
INSERT INTO network_boots (operation, server, purpose, attempt, plan, target, consent) VALUES ($1, $2, $3, $4, $5, $6, $7)`,
		in.Operation, in.Server, in.Purpose, in.Attempt, in.Plan, target, consent)
	return err
}

// check finds what would be refused by the database in fewer words.
func (in Arming) check() error {
	if _, err := hardwareAddresses(in.Server, in.Plan.MACs); err != nil {
		return err
	}
	switch s := in.Spending; {
	case in.Purpose != hosting.BootInstall && s != nil:
		return hosting.Invalid(in.Server, "a boot that installs nothing spends a consent", "leave the consent for an installation")
	case in.Purpose != hosting.BootInstall:
		return nil
	case s == nil:
		return hosting.NewFault(hosting.FaultNotAuthorized, in.Server, "an installation is to be armed without a data-loss consent", doAskAgain)
	case s.Operation != in.Operation || s.Server != in.Server:
		return s.refused("the consent is to be spent for another operation or server than that of the boot")
	case s.Target != in.Plan.Target():
		return s.refused(fmt.Sprintf("the consent is to be spent for %q, the plan is %q", s.Target, in.Plan.Target()))
	}
	return nil
}

// matches guards against an attempt that is armed twice for different things.
func (in Arming) matches(boot hosting.NetworkBoot) error {
	wanted, err := json.Marshal(in.Plan)
	if err != nil {
		return err
	}
	has, err := json.Marshal(boot.Plan)
	if err != nil {
		return err
	}
	if boot.Server == in.Server && boot.Purpose == in.Purpose && bytes.Equal(wanted, has) {
		return nil
	}
	return hosting.NewFault(hosting.FaultConflict, in.Server,
		BootRef{in.Operation, in.Attempt}.String()+" is already "+string(boot.State)+" with another plan",
		"count a new attempt for another plan")
}

// ReadBoot returns a network boot. One that was never armed is an
// InvalidRequest.
func (r *Records) ReadBoot(ctx context.Context, in BootRef) (hosting.NetworkBoot, error) {
	boot, err := findBoot(ctx, r.pool, "WHERE b.operation = $1 AND b.attempt = $2", in.Operation, in.Attempt)
	if errors.Is(err, pgx.ErrNoRows) {
		return boot, hosting.Invalid("", in.String()+" is not in the records", "arm it first")
	}
	return boot, explain(r.host, task{doing: "reading the network boot"}, err)
}

// WithdrawBoot takes a boot back that has not begun to erase. Otherwise nothing
// changes: the returned state tells.
func (r *Records) WithdrawBoot(ctx context.Context, in BootRef) (hosting.NetworkBoot, error) {
	_, err := r.pool.Exec(ctx, `
UPDATE network_boots SET state = 'withdrawn', ended_at = now()
WHERE operation = $1 AND attempt = $2 AND state IN ('armed', 'handed-out')`, in.Operation, in.Attempt)
	if err != nil {
		return hosting.NetworkBoot{}, explain(r.host, task{doing: "withdrawing the network boot"}, err)
	}
	return r.ReadBoot(ctx, in)
}

// EndBoot writes how a boot ended where the machine did not say so itself. A
// boot that has ended stays as it ended: the returned state tells. Done is a
// Conflict where nothing can have been installed, because the machine was never
// told to go on.
func (r *Records) EndBoot(ctx context.Context, in BootEnd) (hosting.NetworkBoot, error) {
	why, err := endedWith(in.State, in.Error)
	if err != nil {
		return hosting.NetworkBoot{}, err
	}
	_, err = r.pool.Exec(ctx, `
UPDATE network_boots SET state = $3, error = $4, ended_at = now() WHERE operation = $1 AND attempt = $2 AND live`,
		in.Operation, in.Attempt, in.State, why)
	if err != nil {
		return hosting.NetworkBoot{}, explain(r.host, task{doing: "ending the network boot"}, err)
	}
	return r.ReadBoot(ctx, in.BootRef)
}

// endedWith returns the error that goes with an end, as it can be stored.
func endedWith(state hosting.BootState, why string) (string, error) {
	why = bounded(why, maxBootError)
	switch {
	case state != hosting.BootDone && state != hosting.BootFailed:
		return "", hosting.Invalid("", "a network boot does not end as "+string(state), "use done or failed")
	case state == hosting.BootDone:
		return "", nil
	case why == "":
		return "it did not say why", nil
	}
	return why, nil
}
