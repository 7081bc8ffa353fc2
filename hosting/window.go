package hosting

import (
	"fmt"
	"slices"
	"time"
	_ "time/tzdata" // zones must not depend on what the machine has installed
)

// LocalTime is the form in which people write a moment of a window.
const LocalTime = "2006-01-02 15:04"

// Window is a time in which a customer lets us act (I7): wall-clock times in
// the customer's IANA zone, from inclusive, to exclusive.
type Window struct {
	From string `json:"from"` // as LocalTime
	To   string `json:"to"`
	Zone string `json:"zone"` // IANA name, "Europe/Rome"
}

// String reads "2026-11-22 02:00 to 2026-11-22 05:00 (Europe/Rome)".
func (w Window) String() string {
	return w.From + " to " + w.To + " (" + w.Zone + ")"
}

// Span returns the window in UTC. Where a clock change makes a wall-clock time
// ambiguous (it exists twice, or not at all) the window is what every reading
// of the customer's words includes: the later start, the earlier end. A window
// of which nothing is left, or which is malformed, is an InvalidRequest.
func (w Window) Span() (from, to time.Time, err error) {
	zone, err := time.LoadLocation(w.Zone)
	if err != nil || w.Zone == "" || w.Zone == "Local" {
		return from, to, Invalid("", "the window's time zone "+quote(w.Zone)+" is not known", "use an IANA name such as Europe/Rome")
	}
	froms, err := instants(w.From, zone)
	if err != nil {
		return from, to, err
	}
	tos, err := instants(w.To, zone)
	if err != nil {
		return from, to, err
	}
	from = slices.MaxFunc(froms, time.Time.Compare)
	to = slices.MinFunc(tos, time.Time.Compare)
	if !from.Before(to) {
		return from, to, Invalid("", "the window "+w.String()+" is empty",
			"give an end after the start; around a clock change, times that do not exist or exist twice are read against us")
	}
	return from, to, nil
}

// Check is nil inside the window, else OutsideWindow saying when it is.
func (w Window) Check(server string, at time.Time) error {
	from, to, err := w.Span()
	if err != nil {
		return named(err, server)
	}
	if !at.Before(from) && at.Before(to) {
		return nil
	}
	when := "has not begun"
	if !at.Before(to) {
		when = "is over"
	}
	return NewFault(FaultOutsideWindow, server,
		fmt.Sprintf("the customer's window %s %s (it is %s UTC)", w, when, at.UTC().Format(LocalTime)),
		"act inside the window, or agree on another one with the customer")
}

// instants returns the moments that a wall-clock time can mean in a zone: one,
// or two around a clock change.
func instants(local string, zone *time.Location) ([]time.Time, error) {
	wall, err := time.Parse(LocalTime, local)
	if err != nil {
		return nil, Invalid("", quote(local)+" is not a date and time", "write it as YYYY-MM-DD HH:MM, for instance "+LocalTime)
	}
	local = wall.Format(LocalTime) // Parse also takes an hour of one digit
	// A zone changes its offset at most once within a day on either side, so the
	// offsets that apply there are the only two that the time can have.
	var readings, exact []time.Time
	for _, near := range []time.Duration{-26 * time.Hour, 26 * time.Hour} {
		_, offset := wall.Add(near).In(zone).Zone()
		t := wall.Add(-time.Duration(offset) * time.Second)
		readings = append(readings, t)
		if t.In(zone).Format(LocalTime) == local {
			exact = append(exact, t)
		}
	}
	if len(exact) > 0 {
		return exact, nil
	}
	return readings, nil // the clock skips this time
}
