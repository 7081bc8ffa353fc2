package cli

import (
	"fmt"
	"io"

	"github.com/handrail/handrail/hosting"
)

// writeInstallation prints what is installed, and how far its boot over the
// network is, where there are any.
func (v View) writeInstallation(w io.Writer, bar bool) {
	if v.Plan != nil {
		fmt.Fprintln(w, oneLine("plan: "+v.Plan.String()))
	}
	if v.Boot == nil {
		return
	}
	fmt.Fprintln(w, oneLine(bootWords(*v.Boot, bar)))
	if v.Boot.Error != "" {
		fmt.Fprintln(w, oneLine("! the installer: "+v.Boot.Error))
	}
	if v.Boot.AskedAgainAt != nil {
		fmt.Fprintf(w, "! the machine asked for its boot script again at %s UTC: it did not boot from its disk\n", minute(v.Boot.AskedAgainAt))
	}
}

// bootWords reads "network boot: erasing, copying files [####......] 40%, last
// word at 2026-11-22 02:40 UTC".
func bootWords(b hosting.NetworkBoot, bar bool) string {
	s := "network boot: " + string(b.State)
	if b.Attempt > 1 {
		s = fmt.Sprintf("network boot, attempt %d: %s", b.Attempt, b.State)
	}
	if b.Stage != "" {
		s += ", " + b.Stage
	}
	if !b.State.Ended() && (b.Stage != "" || b.Percent > 0) {
		if bar {
			s += " " + drawBar(10, b.Percent, 100)
		}
		s += fmt.Sprintf(" %d%%", b.Percent)
	}
	switch {
	case b.EndedAt != nil:
		s += ", ended at " + minute(b.EndedAt) + " UTC"
	case b.ReportedAt != nil:
		s += ", last word at " + minute(b.ReportedAt) + " UTC"
	}
	return s
}
