package cli

import (
	"context"
	"fmt"
	"io"
	"slices"

	"github.com/spf13/cobra"

	"github.com/handrail/handrail/hosting"
)

func (a *app) systems() *cobra.Command {
	var all bool
	c := &cobra.Command{
		Use: "systems", GroupID: "see", Short: "List the operating systems that can be installed, from the records", Args: exactly(0),
		Long: `List the operating systems that can be installed, from the records; with --all also the
rescue systems, and those that are no longer offered. With --json also their boot files.

Needs DATABASE_URL (or DATABASE_URL_FILE).`,
		Example: `  starter systems
  starter systems --all --json`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			systems, err := a.catalogue(cmd.Context())
			if err != nil {
				return err
			}
			if !all {
				systems = slices.DeleteFunc(systems, func(s hosting.OperatingSystem) bool { return !s.Installable() })
			}
			if systems == nil {
				systems = []hosting.OperatingSystem{} // JSON: none, not null
			}
			return a.print(systems, func(w io.Writer) { writeSystems(w, systems, all) })
		},
	}
	c.Flags().BoolVar(&all, "all", false, "also rescue systems, and those that are no longer offered")
	return c
}

// catalogue reads every operating system on record.
func (a *app) catalogue(ctx context.Context) ([]hosting.OperatingSystem, error) {
	r, err := a.connectRecords(ctx)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return r.Systems(ctx)
}

func writeSystems(w io.Writer, systems []hosting.OperatingSystem, all bool) {
	if len(systems) == 0 {
		fmt.Fprintln(w, "no systems in the catalogue; they come with: worker import FILE")
		return
	}
	var t table
	heading := []string{"SYSTEM", "ID", "ARCHITECTURE", "FIRMWARE", "METHOD"}
	if all {
		heading = append(heading, "OFFERED")
	}
	t.add(heading...)
	for _, s := range systems {
		cells := []string{s.Title(), s.ID, s.Architecture, join(s.Firmware), method(s)}
		if all {
			cells = append(cells, offered(s))
		}
		t.add(cells...)
	}
	t.write(w)
}

// method is how it is installed, with the kind of answer file where there are
// several.
func method(s hosting.OperatingSystem) string {
	if s.Method != hosting.MethodInstaller {
		return string(s.Method)
	}
	return string(s.Method) + " (" + string(s.Answer) + ")"
}

func offered(s hosting.OperatingSystem) string {
	switch {
	case s.Withdrawn:
		return "no, withdrawn"
	case !s.Installable():
		return "no, for repairs"
	}
	return "yes"
}
