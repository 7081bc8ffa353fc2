package records

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"unicode"

	"github.com/jackc/pgx/v5"
	"golang.org/x/crypto/ssh"

	"github.com/handrail/handrail/hosting"
)

// BootReport is what a machine says of its network boot. What is empty changes
// nothing.
type BootReport struct {
	// Stage is cut after 60 characters; Percent (0 to 100) goes with it.
	Stage   string `json:"stage,omitempty"`
	Percent int    `json:"percent,omitempty"`
	// HostKeys are public SSH host keys as known_hosts holds them, added to those
	// that were reported before: 8 in all, 1,000 bytes each.
	HostKeys []string `json:"hostKeys,omitempty"`
	// State is done, failed, or empty: it goes on.
	State hosting.BootState `json:"state,omitempty"`
	// Error says why it failed, cut after 2,000 characters.
	Error string `json:"error,omitempty"`
}

const (
	maxBootStage = 60
	maxBootError = 2000
	maxHostKeys  = 8
	maxHostKey   = 1000 // bytes
)

// ReportBoot writes down what a machine reports. A report that the boot has
// ended may be repeated; all others need a token that is still worth something
// (NotAuthorized, as in BootByToken). What can not be stored is an
// InvalidRequest; an installation that is done without having been let erase
// anything is a Conflict.
func (r *Records) ReportBoot(ctx context.Context, token [32]byte, in BootReport) (hosting.NetworkBoot, error) {
	in, err := in.checked()
	if err != nil {
		return hosting.NetworkBoot{}, err
	}
	var boot hosting.NetworkBoot
	err = r.write(ctx, task{doing: "writing down what a machine reports"}, func(tx pgx.Tx) error {
		if boot, err = lockBoot(ctx, tx, token); err != nil {
			return err
		}
		if boot.State.Ended() {
			if boot.State == in.State {
				return nil
			}
			return worthless()
		}
		if err := in.put(ctx, tx, boot); err != nil {
			return err
		}
		boot, err = findBoot(ctx, tx, "WHERE b.id = $1", boot.ID)
		return err
	})
	if err != nil {
		return hosting.NetworkBoot{}, err
	}
	return boot, nil
}

func (in BootReport) put(ctx context.Context, tx pgx.Tx, boot hosting.NetworkBoot) error {
	keys := append([]string{}, boot.HostKeys...)
	for _, key := range in.HostKeys {
		if !slices.Contains(keys, key) {
			keys = append(keys, key)
		}
	}
	if len(keys) > maxHostKeys {
		return hosting.Invalid(boot.Server, fmt.Sprintf("%d host keys are too many", len(keys)), fmt.Sprintf("report %d at most", maxHostKeys))
	}
	_, err := tx.Exec(ctx, `
UPDATE network_boots SET
    stage = CASE WHEN $2 = '' THEN stage ELSE $2 END, percent = CASE WHEN $2 = '' THEN percent ELSE $3 END,
    host_keys = $4, reported_at = now(),
    state = CASE WHEN $5 = '' THEN state ELSE $5 END, error = CASE WHEN $5 = '' THEN error ELSE $6 END,
    ended_at = CASE WHEN $5 = '' THEN ended_at ELSE now() END
WHERE id = $1`, boot.ID, in.Stage, in.Percent, keys, in.State, in.Error)
	return err
}

// checked returns the report as it can be stored.
func (in BootReport) checked() (BootReport, error) {
	in.Stage = bounded(in.Stage, maxBootStage)
	if in.Percent < 0 || in.Percent > 100 {
		return in, hosting.Invalid("", fmt.Sprintf("%d is no percentage", in.Percent), "report 0 to 100")
	}
	if len(in.HostKeys) > maxHostKeys {
		return in, hosting.Invalid("", fmt.Sprintf("%d host keys are too many", len(in.HostKeys)), fmt.Sprintf("report %d at most", maxHostKeys))
	}
	var keys []string
	for _, text := range in.HostKeys {
		key, err := hostKey(text)
		if err != nil {
			return in, err
		}
		keys = append(keys, key)
	}
	in.HostKeys = keys
	if in.State == "" {
		return in, nil
	}
	var err error
	in.Error, err = endedWith(in.State, in.Error)
	return in, err
}

// hostKey reads a public key, drops its comment and writes it as known_hosts
// holds it.
func hostKey(text string) (string, error) {
	unusable := hosting.Invalid("", "a reported host key is not a public SSH key", "report the content of /etc/ssh/ssh_host_*_key.pub")
	if len(text) > maxHostKey {
		return "", unusable
	}
	key, _, options, rest, err := ssh.ParseAuthorizedKey([]byte(strings.TrimSpace(text)))
	if err != nil || len(options) > 0 || len(rest) > 0 {
		return "", unusable
	}
	if _, signed := key.(*ssh.Certificate); signed {
		return "", unusable
	}
	return strings.TrimSpace(string(ssh.MarshalAuthorizedKey(key))), nil
}

// bounded makes a text of a machine one that can be stored and shown: without
// control characters, of n characters at most.
func bounded(text string, n int) string {
	text = strings.TrimSpace(strings.Map(func(c rune) rune {
		if unicode.IsControl(c) && c != '\n' {
			return ' '
		}
		return c
	}, storable(text)))
	if runes := []rune(text); len(runes) > n {
		return string(runes[:n])
	}
	return text
}
