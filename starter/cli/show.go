package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/handrail/handrail/hosting"
)

func (a *app) show() *cobra.Command {
	var watch bool
	c := a.operationCommand(&cobra.Command{
		Use: "show", GroupID: "see", Short: "Show one operation: steps, what it waits on, when it is done",
		Long: `Show one operation: its steps, what it waits on, when it should be done, what the
customer allowed, what is installed and how far that is, what was done, and how it
ended. Times are UTC.

With --watch it is shown again until it ends: in a terminal in place, elsewhere
whenever something has changed, and every ten percent of an installation.`,
		Example: `  starter show 1001
  starter show intervention/1001 --watch`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if watch {
				return a.watch(cmd.Context(), args[0])
			}
			v, err := a.look(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			return a.print(v, func(w io.Writer) { v.write(w, a.Terminal) })
		},
	})
	c.Flags().BoolVarP(&watch, "watch", "w", false, "show it again until it ends")
	return c
}

// watch shows an operation until it ends or somebody has seen enough. Once it
// was seen, a Temporal or a worker that is away for a while ends nothing.
func (a *app) watch(ctx context.Context, name string) error {
	screen := screen{app: a}
	for {
		v, err := a.look(ctx, name)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil && !screen.seen {
			return err
		}
		if err != nil {
			screen.trouble(err)
		} else if err := screen.show(v); err != nil {
			return err
		}
		if err == nil && v.Phase.Final() && v.Ended != nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(a.Refresh):
		}
	}
}

// screen is what watch last showed.
type screen struct {
	*app
	seen bool
	last string
}

// show prints a view: in a terminal in the place of the one before, elsewhere
// only if it tells something new.
func (s *screen) show(v View) error {
	inPlace := s.Terminal && !s.json
	news := v.news()
	if s.seen && !inPlace && news == s.last {
		return nil
	}
	first := !s.seen
	s.seen, s.last = true, news
	if !inPlace {
		return s.print(v, func(w io.Writer) { v.write(w, false) })
	}
	var b bytes.Buffer
	v.write(printable{&b}, true)
	return s.draw(b.String(), first)
}

// The terminal's control sequences (ECMA-48): to the first column of the first
// line, erase the screen, erase to the end of the line, erase to the end of the
// screen.
const (
	home       = "\x1b[H"
	erase      = "\x1b[2J"
	eraseLine  = "\x1b[K"
	eraseBelow = "\x1b[J"
)

// draw overwrites what stands there, which does not flicker as a cleared screen
// does.
func (s *screen) draw(text string, first bool) error {
	begin := home
	if first {
		begin = erase + home
	}
	_, err := io.WriteString(s.Out, begin+strings.ReplaceAll(text, "\n", eraseLine+"\n")+eraseBelow)
	return err
}

// trouble tells once what is in the way, below what was seen last.
func (s *screen) trouble(err error) {
	text := strings.Join(say(err), "; ")
	if text == s.last {
		return
	}
	s.last = text
	fmt.Fprintln(printable{s.Err}, "starter:", text)
}

// news is a view without what changes by itself as time passes, and with the
// installer's progress in big steps.
func (v View) news() string {
	v.ETA, v.Remaining = nil, 0
	if v.Boot != nil {
		b := *v.Boot
		b.ReportedAt, b.Percent = nil, b.Percent-b.Percent%10
		v.Boot = &b
	}
	// A view is plain data: it can always be encoded.
	b, _ := json.Marshal(v)
	return string(b)
}

var marks = map[hosting.StepState]string{
	hosting.StepPending: "", hosting.StepRunning: ">", hosting.StepDone: "+", hosting.StepFailed: "!", hosting.StepSkipped: "-",
}

// maxActions is how many of the last actions are shown to people.
const maxActions = 20

// write prints a view for people, with a bar where it moves.
func (v View) write(w io.Writer, bar bool) {
	head := []string{string(v.Procedure) + " " + v.Workflow}
	for _, part := range []struct{ name, value string }{{"ticket", v.Ticket}, {"server", v.Server}, {"customer", v.Organization}} {
		if part.value != "" {
			head = append(head, part.name+" "+part.value)
		}
	}
	fmt.Fprintln(w, oneLine(strings.Join(head, " · ")))
	fmt.Fprintln(w, oneLine(v.progress(bar)))
	if v.Error != "" {
		fmt.Fprintln(w, "! "+oneLine(v.Error))
	}
	if v.Outcome != "" && v.Outcome != string(v.Phase) {
		fmt.Fprintln(w, "outcome: "+oneLine(v.Outcome))
	}
	if v.Power.Answered() || v.Backup != "" {
		fmt.Fprintln(w, oneLine(v.allowed()))
	}
	v.writeInstallation(w, bar)
	v.writeSteps(w)
	v.writeActions(w)
	if v.Downtime > 0 {
		fmt.Fprintf(w, "\nmeasured downtime %s\n", v.Downtime.D().Round(time.Second))
	}
}

// progress reads "[####......] 4/10 running, done at about 2026-11-22 02:40 UTC".
func (v View) progress(bar bool) string {
	s := string(v.Phase)
	if len(v.Steps) > 0 {
		s = v.bar(bar) + " " + s
	}
	switch {
	case v.WaitingOn != "" && v.Phase == hosting.PhaseWaiting:
		s += " on " + v.WaitingOn
	case v.WaitingOn != "":
		s += ", waiting on " + v.WaitingOn
	}
	if v.Due != nil {
		s += ", until " + minute(v.Due) + " UTC"
	}
	switch {
	case v.Ended != nil:
		s += " at " + minute(v.Ended) + " UTC"
	case v.ETA != nil:
		s += ", done at about " + minute(v.ETA) + " UTC"
	case v.Remaining > 0 && !v.Phase.Final():
		s += ", then about " + rounded(v.Remaining.D()) + " of work"
	}
	return s
}

// bar shows how much of the course lies behind.
func (v View) bar(drawn bool) string {
	// Of a step that was attempted several times the last attempt counts.
	behind := map[string]bool{}
	for _, st := range v.Steps {
		behind[st.Name] = st.State == hosting.StepDone || st.State == hosting.StepSkipped
	}
	done := 0
	for _, yes := range behind {
		if yes {
			done++
		}
	}
	count := fmt.Sprintf("%d/%d", done, len(behind))
	if !drawn {
		return count
	}
	return drawBar(20, done, len(behind)) + " " + count
}

// drawBar draws a bar of so many characters, filled as part is of the whole.
func drawBar(width, part, whole int) string {
	filled := width * min(max(part, 0), whole) / whole
	return "[" + strings.Repeat("#", filled) + strings.Repeat(".", width-filled) + "]"
}

func (v View) allowed() string {
	power, backup := string(v.Power.Grant), string(v.Backup)
	if power == "" {
		power = "not answered"
	}
	if v.Power.Window != nil {
		power += " " + v.Power.Window.String()
	}
	if backup == "" {
		backup = "not answered"
	}
	return "power actions: " + power + " · backup: " + backup
}

func (v View) writeSteps(w io.Writer) {
	if len(v.Steps) == 0 {
		return
	}
	var t table
	t.add("", "STEP", "STATE", "STARTED (UTC)", "TOOK")
	for _, st := range v.Steps {
		state, started, took := string(st.State), "", ""
		if st.Attempt > 1 {
			state = fmt.Sprintf("%s, attempt %d", state, st.Attempt)
		}
		if st.SkippedBy != "" {
			state += " by " + st.SkippedBy
		}
		if st.Started != nil {
			started = second(*st.Started)
			if st.Ended != nil {
				took = st.Ended.Sub(*st.Started).Round(time.Second).String()
			}
		}
		t.add(marks[st.State], st.Title, state, started, took)
	}
	fmt.Fprintln(w)
	t.write(w)
}

func (v View) writeActions(w io.Writer) {
	if len(v.Actions) == 0 {
		return
	}
	var t table
	t.add("DONE (UTC)", "BY", "WHAT", "RESULT")
	for _, act := range v.Actions[max(0, len(v.Actions)-maxActions):] {
		t.add(second(act.At), act.By, act.What, act.Result)
	}
	fmt.Fprintln(w)
	t.write(w)
}
