package records

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/handrail/handrail/hosting"
)

// HandOutBoot gives the boot that waits for a network card to the machine that
// asks, once: of many that ask, one gets it. The token is the SHA-256 of what
// the machine will show, and is worth nothing after it expires. Nil is that
// nothing waits: then it is noted, on the card's last boot of an open operation,
// that the machine asked again.
func (r *Records) HandOutBoot(ctx context.Context, mac string, token [32]byte, expires time.Time) (*hosting.NetworkBoot, error) {
	cards, err := hardwareAddresses("", []string{mac})
	if err != nil {
		return nil, err
	}
	t := task{doing: "handing out the network boot of " + cards[0]}
	var id string
	// A card that the records know as another server's by now gets nothing.
	err = r.pool.QueryRow(ctx, `
UPDATE network_boots b SET state = 'handed-out', handed_out_at = now(), token = $2, token_expires = $3
WHERE b.state = 'armed' AND b.id = (SELECT m.boot FROM network_boot_macs m WHERE m.mac = $1::macaddr AND m.live)
  AND NOT EXISTS (SELECT FROM server_macs s WHERE s.mac = $1::macaddr AND NOT s.retired AND s.server <> b.server)
RETURNING b.id::text`, cards[0], token[:], expires).Scan(&id)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, explain(r.host, t, r.askedAgain(ctx, cards[0]))
	}
	if err != nil {
		return nil, explain(r.host, t, err)
	}
	boot, err := findBoot(ctx, r.pool, "WHERE b.id = $1", id)
	if err != nil {
		return nil, explain(r.host, t, err)
	}
	return &boot, nil
}

func (r *Records) askedAgain(ctx context.Context, mac string) error {
	_, err := r.pool.Exec(ctx, `
UPDATE network_boots SET asked_again_at = now() WHERE handed_out_at IS NOT NULL AND id = (
    SELECT b.id FROM network_boots b
    JOIN network_boot_macs m ON m.boot = b.id
    JOIN operations o ON o.id = b.operation
    WHERE m.mac = $1::macaddr AND o.closed_at IS NULL ORDER BY b.armed_at DESC, b.attempt DESC LIMIT 1)`, mac)
	return err
}

// BootByToken returns the boot that a token was handed out for. It is
// NotAuthorized where the token is unknown or has expired, or the boot is over:
// in these words only, since it is a stranger who asks.
func (r *Records) BootByToken(ctx context.Context, token [32]byte) (hosting.NetworkBoot, error) {
	boot, err := findBoot(ctx, r.pool, byToken, token[:])
	if errors.Is(err, pgx.ErrNoRows) || err == nil && boot.State.Ended() {
		return hosting.NetworkBoot{}, worthless()
	}
	return boot, explain(r.host, task{doing: "reading the network boot of a token"}, err)
}

const byToken = "WHERE b.token = $1 AND b.token_expires > now()"

func worthless() error {
	return hosting.NewFault(hosting.FaultNotAuthorized, "",
		"the boot token is unknown or has expired, or its boot is over", "look at the operation; a new attempt hands out a new token")
}

// lockBoot returns the boot of a token, ended or not, and keeps it as it is
// until the transaction ends.
func lockBoot(ctx context.Context, tx pgx.Tx, token [32]byte) (hosting.NetworkBoot, error) {
	boot, err := findBoot(ctx, tx, byToken+" FOR UPDATE OF b", token[:])
	if errors.Is(err, pgx.ErrNoRows) {
		return boot, worthless()
	}
	return boot, err
}

const (
	maxBootDisks  = 64
	maxDiskSerial = 200
)

// BeginErasing is the last gate before data is lost (I14): it lets the installer
// write on the disks that it names, once for each boot. It is a Conflict where
// it was let before, and where the disks are not exactly the plan's (where the
// plan lists none: not as many as its RAID level needs), in which case the boot
// has failed. A token that is worth nothing is NotAuthorized, as in BootByToken.
func (r *Records) BeginErasing(ctx context.Context, token [32]byte, disks []string) (hosting.NetworkBoot, error) {
	disks, err := serialNumbers(disks)
	if err != nil {
		return hosting.NetworkBoot{}, err
	}
	var boot hosting.NetworkBoot
	var refusal error // is returned after what it brings about was committed
	err = r.write(ctx, task{doing: "letting the installer erase disks"}, func(tx pgx.Tx) error {
		asked, err := lockBoot(ctx, tx, token)
		if err != nil {
			return err
		}
		if err := mayBegin(asked); err != nil {
			return err
		}
		if why := wrongDisks(asked.Plan, disks); why != "" {
			refusal = hosting.NewFault(hosting.FaultConflict, asked.Server, why, "nothing was written; compare the disks with the plan, then relaunch the step")
			_, err = tx.Exec(ctx, `
UPDATE network_boots SET state = 'failed', error = $2, reported_at = now(), ended_at = now() WHERE id = $1`,
				asked.ID, bounded(why, maxBootError))
			return err
		}
		if _, err := tx.Exec(ctx, "UPDATE network_boots SET state = 'erasing', erasing_at = now(), reported_at = now() WHERE id = $1", asked.ID); err != nil {
			return err
		}
		boot, err = findBoot(ctx, tx, "WHERE b.id = $1", asked.ID)
		return err
	})
	if err != nil {
		return hosting.NetworkBoot{}, err
	}
	return boot, refusal
}

func mayBegin(boot hosting.NetworkBoot) error {
	switch {
	case boot.State.Ended():
		return worthless()
	case boot.Purpose != hosting.BootInstall:
		return hosting.NewFault(hosting.FaultConflict, boot.Server, "the boot is for "+string(boot.Purpose)+", which erases nothing", "ask for a reinstallation")
	case boot.State != hosting.BootHandedOut:
		return hosting.NewFault(hosting.FaultConflict, boot.Server, "the installer was let erase the disks before, and is let only once", "find out what became of the installation; a new attempt asks anew")
	}
	return nil
}

// serialNumbers returns each serial number once, in order.
func serialNumbers(disks []string) ([]string, error) {
	if len(disks) == 0 || len(disks) > maxBootDisks {
		return nil, hosting.Invalid("", fmt.Sprintf("%d disks are none or too many", len(disks)), fmt.Sprintf("name between 1 and %d", maxBootDisks))
	}
	var out []string
	for _, d := range disks {
		d = strings.TrimSpace(d)
		if d == "" || len(d) > maxDiskSerial || d != storable(d) {
			return nil, hosting.Invalid("", "a disk has no readable serial number", "name disks by their serial numbers")
		}
		out = append(out, d)
	}
	slices.Sort(out)
	return slices.Compact(out), nil
}

// wrongDisks says why the disks are not those that may be erased.
func wrongDisks(p hosting.Plan, disks []string) string {
	if len(p.Disks) == 0 {
		if len(disks) == p.RAID.Least() {
			return ""
		}
		return fmt.Sprintf("the installer wants to erase %s, the plan is for %d that the BMC does not list", list(disks), p.RAID.Least())
	}
	var planned []string
	for _, d := range p.Disks {
		planned = append(planned, strings.TrimSpace(d.Serial))
	}
	slices.Sort(planned)
	if slices.Equal(disks, slices.Compact(planned)) {
		return ""
	}
	return fmt.Sprintf("the installer wants to erase %s, the plan and the consent are for %s", list(disks), list(planned))
}

func list(disks []string) string {
	if len(disks) == 1 {
		return "disk " + disks[0]
	}
	return "disks " + strings.Join(disks, ", ")
}
