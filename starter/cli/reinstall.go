package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"reflect"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/handrail/handrail/hosting"
	"github.com/handrail/handrail/workflows"
)

// installHelp explains the flags that have a form of their own.
const installHelp = `--partitioning is default (/boot, swap and the rest for /), single (all in one), or a
list such as "/boot 1G, swap 8G, / 50G, /srv rest xfs". --keep is a disk's serial number
or bay as the BMC shows it, or none. --ssh-key is the line of a .pub file, or @FILE for
all lines of one.`

// raidLevels are the levels as they are offered.
var raidLevels = []hosting.RAIDLevel{hosting.RAIDNone, hosting.RAID0, hosting.RAID1, hosting.RAID5, hosting.RAID6, hosting.RAID10}

const (
	// A procedure refuses longer names and lists.
	maxSystem = 200 // bytes
	maxListed = 32
	// maxKeyFile is more than so many keys of any type have, in bytes.
	maxKeyFile = 64 << 10
)

// installation are the flags of what a reinstallation is asked for with.
type installation struct {
	hosting.InstallFields
	partitioning, raid string
	keys               []string
}

func (in *installation) flags(a *app, c *cobra.Command) {
	f := c.Flags()
	f.StringVar(&in.System, "system", "", `the operating system as the catalogue calls it, such as "Debian 12"`)
	f.StringVar(&in.partitioning, "partitioning", "", "default, single, or a list of partitions")
	f.StringVar(&in.raid, "raid", "", "RAID level: "+join(raidLevels))
	f.StringVar(&in.HostName, "host-name", "", "host name of the new system")
	f.StringArrayVar(&in.keys, "ssh-key", nil, "SSH public key that may log in, or @FILE; repeat it for several")
	f.StringVar(&in.Password, "password-ref", "", "where a crypt(3) hash is kept, such as file:srv-1004 (see: starter serve --help); never a password")
	f.StringSliceVar(&in.Keep, "keep", nil, "disk that stays untouched; repeat it for several")
	complete(c, "partitioning", []hosting.Layout{hosting.LayoutDefault, hosting.LayoutSingle})
	complete(c, "raid", raidLevels)
	a.completeSystem(c)
	nothing(c, "host-name", "password-ref", "keep")
}

// completeSystem completes --system with what the catalogue offers, where the
// records can be reached.
func (a *app) completeSystem(c *cobra.Command) {
	// The flag was added before: the call can not fail.
	_ = c.RegisterFlagCompletionFunc("system", func(cmd *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
		ctx, cancel := context.WithTimeout(cmd.Context(), completeWithin)
		defer cancel()
		var words []string
		systems, _ := a.catalogue(ctx)
		for _, s := range systems {
			if title := harmless(s.Title()); s.Installable() && !slices.Contains(words, title) {
				words = append(words, title)
			}
		}
		return words, cobra.ShellCompDirectiveNoFileComp
	})
}

// read returns what the flags say, or what in them can not be meant: a procedure
// that was started with it would end at once.
func (in *installation) read() (hosting.InstallFields, error) {
	f := in.InstallFields
	for _, read := range []func(*hosting.InstallFields) error{in.readLayout, in.readNames, in.readKeep, in.readKeys} {
		if err := read(&f); err != nil {
			return f, usage{err}
		}
	}
	return f, nil
}

func (in *installation) readLayout(f *hosting.InstallFields) error {
	if in.partitioning != "" {
		p, err := hosting.ParsePartitioning(in.partitioning)
		if err != nil {
			return fmt.Errorf("--partitioning: %w", err)
		}
		f.Partitioning = &p
	}
	if in.raid != "" {
		level, ok := hosting.ParseRAID(in.raid)
		if !ok {
			return fmt.Errorf("--raid %q is not one of %s", in.raid, join(raidLevels))
		}
		f.RAID = level
	}
	return nil
}

func (in *installation) readNames(f *hosting.InstallFields) error {
	switch {
	case len(f.System) > maxSystem:
		return fmt.Errorf("--system has %d bytes: give the system's name; see: starter systems", len(f.System))
	case f.HostName != "" && !hosting.HostNameValid(strings.ToLower(f.HostName)):
		return fmt.Errorf("--host-name %q is no host name: use letters, digits, dashes and dots", f.HostName)
	case f.Password != "":
		return refersOnly("password-ref", f.Password)
	}
	return nil
}

// readKeep reads the disks that are kept; the word none is an empty list, which
// says more than no list.
func (in *installation) readKeep(f *hosting.InstallFields) error {
	f.Keep = nil
	for _, disk := range in.Keep {
		if disk = strings.TrimSpace(disk); disk == "" || len(disk) > maxSystem {
			return fmt.Errorf("--keep %q is no disk: give its serial number or bay, or none", disk)
		}
		f.Keep = append(f.Keep, disk)
	}
	switch {
	case len(f.Keep) > maxListed:
		return fmt.Errorf("--keep names %d disks, more than %d", len(f.Keep), maxListed)
	case !slices.ContainsFunc(f.Keep, isNone):
		return nil
	case len(f.Keep) > 1:
		return errors.New("--keep none goes without other disks")
	}
	f.Keep = []string{}
	return nil
}

func isNone(disk string) bool { return strings.EqualFold(disk, "none") }

func (in *installation) readKeys(f *hosting.InstallFields) error {
	for _, given := range in.keys {
		lines, where := []string{given}, "--ssh-key"
		if name, file := strings.CutPrefix(given, "@"); file {
			var err error
			if lines, err = keyLines(name); err != nil {
				return err
			}
			where = "--ssh-key " + given
		}
		for _, line := range lines {
			key, err := hosting.ParsePublicKey(line)
			if err != nil {
				return fmt.Errorf("%s: %w", where, err)
			}
			if !slices.Contains(f.SSHKeys, key) {
				f.SSHKeys = append(f.SSHKeys, key)
			}
		}
	}
	if len(f.SSHKeys) > maxListed {
		return fmt.Errorf("--ssh-key gives %d keys, more than %d", len(f.SSHKeys), maxListed)
	}
	return nil
}

// keyLines reads the keys of a .pub file or of authorized_keys, without remarks.
func keyLines(name string) ([]string, error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("--ssh-key: %w", err)
	}
	defer file.Close() //nolint:errcheck // only read
	text, err := io.ReadAll(io.LimitReader(file, maxKeyFile+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("--ssh-key: %w", err)
	case len(text) > maxKeyFile:
		return nil, fmt.Errorf("--ssh-key: %s is no file of keys: it has more than %d KiB", name, maxKeyFile>>10)
	}
	var keys []string
	for line := range strings.Lines(string(text)) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
			keys = append(keys, line)
		}
	}
	if len(keys) == 0 {
		return nil, fmt.Errorf("--ssh-key: there is no key in %s", name)
	}
	return keys, nil
}

func (a *app) consent() *cobra.Command {
	var e evidence
	var in workflows.Consent
	c := a.operationCommand(&cobra.Command{
		Use: "consent", GroupID: "gate",
		Short: "Record the customer's consent to lose the data on the disks, or that it was taken back",
		Long: `Record the customer's consent to lose the data on the disks of a server that is
reinstalled; or, with --withdrawn, that it was taken back, which is possible until the
installer has been released.

It counts for the system that the customer named and for what is asked for now: once
the system, the RAID level or the disks change, the customer is asked again.`,
		Example: `  starter consent 1002 --system "Debian 12" --author giulia@example.it \
      --text "Erase the disks of srv-1004 and install Debian 12" --how "phone, called back"
  starter consent 1002 --withdrawn --author giulia@example.it \
      --text "Stop, do not erase anything" --how "phone, called back"`,
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			if in.Staff, err = a.byStaff(); err != nil {
				return err
			}
			if !in.Withdrawn {
				if err := given("system", in.System, "the operating system for which the customer consents"); err != nil {
					return err
				}
			}
			if in.Evidence, err = e.read(); err != nil {
				return err
			}
			return a.decide(cmd.Context(), args[0], "consent", in)
		},
	})
	c.Flags().StringVar(&in.System, "system", "", `the operating system for which it was given, such as "Debian 12" (required, but with --withdrawn)`)
	c.Flags().BoolVar(&in.Withdrawn, "withdrawn", false, "the customer has taken it back")
	e.flags(c)
	a.byFlag(c)
	a.completeSystem(c)
	nothing(c, "by")
	return c
}

func (a *app) specify() *cobra.Command {
	var said installation
	c := a.operationCommand(&cobra.Command{
		Use: "specify", GroupID: "gate",
		Short: "Record what the customer asked for outside the ticket: system, disks, host name, keys",
		Long: `Record what the customer asked for outside the ticket. What is not given stays as it
was. A consent to lose the data that was given for something else is void, and the
customer is asked again.

` + installHelp,
		Example: `  starter specify 1002 --system "Debian 12" --raid 1 --by anna
  starter specify 1002 --ssh-key @giulia.pub --ssh-key @marco.pub --keep none --by anna`,
		RunE: func(cmd *cobra.Command, args []string) error {
			staff, err := a.byStaff()
			if err != nil {
				return err
			}
			fields, err := said.read()
			if err != nil {
				return err
			}
			if reflect.ValueOf(fields).IsZero() {
				return usage{errors.New("nothing is specified: give at least one of the flags (see --help)")}
			}
			return a.decide(cmd.Context(), args[0], "specify", workflows.Specify{Staff: staff, InstallFields: fields})
		},
	})
	said.flags(a, c)
	a.byFlag(c)
	nothing(c, "by")
	return c
}

func (a *app) giveUp() *cobra.Command {
	var in workflows.GiveUp
	c := a.operationCommand(&cobra.Command{
		Use: "give-up", GroupID: "steer",
		Short: "End a reinstallation that can not be completed, after the point of no return",
		Long: `End a reinstallation that can not be completed, after the point of no return; before it
there is "starter cancel". The server is left as it is, the customer gets the summary,
and the operation ends unresolved.`,
		Example: `  starter give-up 1002 --summary "The second disk fails while it is written; we replace it tomorrow" --by anna`,
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			if in.Staff, err = a.byStaff(); err != nil {
				return err
			}
			if err := given("summary", in.Summary, "what failed and what happens next: the customer reads it"); err != nil {
				return err
			}
			return a.decide(cmd.Context(), args[0], "give-up", in)
		},
	})
	c.Flags().StringVar(&in.Summary, "summary", "", "what failed and what happens next, in a sentence or two: the customer reads it (required)")
	a.byFlag(c)
	nothing(c, "summary", "by")
	return c
}
