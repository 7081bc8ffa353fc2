package main

import (
	"cmp"
	"fmt"
	"io"
	"os"
	"slices"
	"time"
)

// reporter tells the person who waits what happens, with the time since it
// began. On a terminal the last line is where things stand now, and is written
// over; elsewhere each news is a line.
type reporter struct {
	w        io.Writer
	terminal bool
	now      func() time.Time
	began    time.Time
	last     string // what stands, without its time
}

func newReporter(f *os.File) *reporter {
	info, err := f.Stat()
	return &reporter{w: f, terminal: err == nil && info.Mode()&os.ModeCharDevice != 0, now: time.Now, began: time.Now()}
}

// restart makes now the beginning.
func (r *reporter) restart() { r.began = r.now() }

func (r *reporter) clock() string {
	return fmt.Sprintf("%7.1f s  ", r.now().Sub(r.began).Seconds())
}

const wholeLine = "\r\x1b[K"

// event writes what has happened.
func (r *reporter) event(what string) {
	if r.terminal {
		fmt.Fprint(r.w, wholeLine)
	}
	fmt.Fprintln(r.w, r.clock()+what)
	r.last = ""
}

// standing writes how things stand, where that is news or the terminal can show
// the time that passes.
func (r *reporter) standing(what string) {
	switch {
	case r.terminal:
		fmt.Fprint(r.w, wholeLine+r.clock()+what)
	case what != r.last:
		fmt.Fprintln(r.w, r.clock()+what)
	}
	r.last = what
}

// milestone is a moment that is worth a line in the table of times.
type milestone struct {
	name string
	at   time.Time
}

// milestones are in the order of their times.
type milestones []milestone

// mark notes the first time of a milestone and reports whether it is new.
func (m *milestones) mark(name string, at *time.Time) bool {
	if at == nil || at.IsZero() || slices.ContainsFunc(*m, func(x milestone) bool { return x.name == name }) {
		return false
	}
	*m = append(*m, milestone{name, *at})
	slices.SortStableFunc(*m, func(a, b milestone) int { return cmp.Compare(a.at.UnixNano(), b.at.UnixNano()) })
	return true
}

// table writes the times since the beginning, and since the line before.
func (m *milestones) table(w io.Writer, began time.Time) {
	fmt.Fprintln(w, "since the ticket  since the line before")
	before := began
	for _, x := range *m {
		fmt.Fprintf(w, "%14.1f s  %19.1f s  %s\n", x.at.Sub(began).Seconds(), x.at.Sub(before).Seconds(), x.name)
		before = x.at
	}
}
