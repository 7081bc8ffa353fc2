package hosting

import (
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// clock is a zone's wall clock at every minute of some days, found by asking
// for each minute in turn. It is the oracle for windows: it knows nothing of
// offsets.
type clock struct {
	minutes []time.Time
	walls   []time.Time // what the clock shows, as if it were UTC
}

func newClock(t testing.TB, zone string, from time.Time, days int) clock {
	t.Helper()
	location, err := time.LoadLocation(zone)
	if err != nil {
		t.Fatal(err)
	}
	var c clock
	for m := from; m.Before(from.AddDate(0, 0, days)); m = m.Add(time.Minute) {
		local := m.In(location)
		c.minutes = append(c.minutes, m)
		c.walls = append(c.walls, time.Date(local.Year(), local.Month(), local.Day(), local.Hour(), local.Minute(), 0, 0, time.UTC))
	}
	return c
}

// readings are the instants that somebody can mean by a wall-clock time: those
// at which the clock shows it; where it never does, the instants at which a
// clock would show it that had not been changed yet, or had been already.
func (c clock) readings(wall time.Time) []time.Time {
	var found []time.Time
	for i, w := range c.walls {
		if w.Equal(wall) {
			found = append(found, c.minutes[i])
		}
	}
	for i := 1; found == nil && i < len(c.walls); i++ {
		if before, after := c.walls[i-1], c.walls[i]; before.Before(wall) && after.After(wall) {
			found = []time.Time{c.minutes[i-1].Add(wall.Sub(before)), c.minutes[i].Add(-after.Sub(wall))}
		}
	}
	return found
}

// includes reports whether every reading of the customer's words includes the
// instant.
func includes(froms, tos []time.Time, at time.Time) bool {
	for _, from := range froms {
		for _, to := range tos {
			if at.Before(from) || !at.Before(to) {
				return false
			}
		}
	}
	return true
}

// changes are days on which clocks change, or do not, and zones of every kind.
var changes = []struct {
	zone string
	day  string
}{
	{"Europe/Rome", "2026-03-29"},
	{"Europe/Rome", "2026-10-25"},
	{"Europe/Warsaw", "2026-03-29"},
	{"Europe/Warsaw", "2026-10-25"},
	{"America/New_York", "2026-03-08"},
	{"America/New_York", "2026-11-01"},
	{"Australia/Lord_Howe", "2026-04-05"}, // 30 minutes
	{"Australia/Lord_Howe", "2026-10-04"},
	{"Asia/Kolkata", "2026-03-29"},
	{"UTC", "2026-10-25"},
	{"Pacific/Apia", "2011-12-30"}, // a day that does not exist
	{"Africa/Cairo", "2026-04-24"}, // at midnight
}

// A window is exactly the instants that every reading of it includes (I7).
func TestWindow_MatchesTheWallClock_I7(t *testing.T) {
	t.Parallel()
	for _, change := range changes {
		t.Run(change.zone+" "+change.day, func(t *testing.T) {
			t.Parallel()
			day, err := time.Parse(time.DateOnly, change.day)
			if err != nil {
				t.Fatal(err)
			}
			c := newClock(t, change.zone, day.AddDate(0, 0, -3), 7)
			rapid.Check(t, func(t *rapid.T) {
				// Minutes of the day itself, its night before and its night after.
				start := rapid.IntRange(-6*60, 30*60).Draw(t, "start")
				length := rapid.IntRange(0, 8*60).Draw(t, "length")
				fromWall := day.Add(time.Duration(start) * time.Minute)
				toWall := fromWall.Add(time.Duration(length) * time.Minute)
				w := Window{From: fromWall.Format(LocalTime), To: toWall.Format(LocalTime), Zone: change.zone}
				froms, tos := c.readings(fromWall), c.readings(toWall)
				if froms == nil || tos == nil {
					t.Fatalf("the oracle can not read %v", w)
				}
				checkWindow(t, w, c.minutes, froms, tos)
			})
		})
	}
}

func checkWindow(t *rapid.T, w Window, minutes, froms, tos []time.Time) {
	from, to, spanErr := w.Span()
	inside, before := 0, false
	for _, at := range minutes {
		want := includes(froms, tos, at)
		if want {
			inside++
		}
		if spanErr == nil && want != (!at.Before(from) && at.Before(to)) {
			t.Fatalf("%v at %v: the span is %v to %v, the wall clock says %v", w, at, from, to, want)
		}
		if want == before {
			continue
		}
		before = want // Check reads the zone anew each time: asked where it matters
		if err := w.Check("DS-1", at); (err == nil) != want || (err != nil && KindOf(err) != FaultOutsideWindow) {
			t.Fatalf("%v at %v: Check says %v, the wall clock %v", w, at, err, want)
		}
	}
	if (inside == 0) != (spanErr != nil) {
		t.Fatalf("%v holds %d minutes, Span says %v", w, inside, spanErr)
	}
	if spanErr != nil && KindOf(spanErr) != FaultInvalidRequest {
		t.Fatalf("%v: %v", w, spanErr)
	}
}

func TestWindow_Span_ClockChanges_I7(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		window   Window
		from, to string // UTC, RFC 3339; empty where the window is
	}{
		"an ordinary night":              {Window{"2026-11-22 02:00", "2026-11-22 05:00", "Europe/Rome"}, "2026-11-22T01:00:00Z", "2026-11-22T04:00:00Z"},
		"starts at a time that is not":   {Window{"2026-03-29 02:30", "2026-03-29 05:00", "Europe/Rome"}, "2026-03-29T01:30:00Z", "2026-03-29T03:00:00Z"},
		"ends at a time that is not":     {Window{"2026-03-29 00:00", "2026-03-29 02:30", "Europe/Rome"}, "2026-03-28T23:00:00Z", "2026-03-29T00:30:00Z"},
		"starts at a time that is twice": {Window{"2026-10-25 02:30", "2026-10-25 05:00", "Europe/Rome"}, "2026-10-25T01:30:00Z", "2026-10-25T04:00:00Z"},
		"ends at a time that is twice":   {Window{"2026-10-25 00:00", "2026-10-25 02:30", "Europe/Rome"}, "2026-10-24T22:00:00Z", "2026-10-25T00:30:00Z"},
		"within the hour that is twice":  {Window{"2026-10-25 02:15", "2026-10-25 02:45", "Europe/Rome"}, "", ""},
		"within the hour that is not":    {Window{"2026-03-29 02:15", "2026-03-29 02:45", "Europe/Rome"}, "", ""},
		"just after the clock went back": {Window{"2026-10-25 03:00", "2026-10-25 03:01", "Europe/Rome"}, "2026-10-25T02:00:00Z", "2026-10-25T02:01:00Z"},
		"across the change":              {Window{"2026-10-25 01:00", "2026-10-25 04:00", "Europe/Warsaw"}, "2026-10-24T23:00:00Z", "2026-10-25T03:00:00Z"},
		"half an hour, down under":       {Window{"2026-04-05 01:45", "2026-04-05 03:00", "Australia/Lord_Howe"}, "2026-04-04T15:15:00Z", "2026-04-04T16:30:00Z"},
		"an hour of one digit":           {Window{"2026-10-25 9:00", "2026-10-25 9:30", "Europe/Rome"}, "2026-10-25T08:00:00Z", "2026-10-25T08:30:00Z"},
		"backwards":                      {Window{"2026-11-22 05:00", "2026-11-22 02:00", "UTC"}, "", ""},
		"of no length":                   {Window{"2026-11-22 05:00", "2026-11-22 05:00", "UTC"}, "", ""},
		"no zone":                        {Window{"2026-11-22 02:00", "2026-11-22 05:00", ""}, "", ""},
		"the zone of whoever reads it":   {Window{"2026-11-22 02:00", "2026-11-22 05:00", "Local"}, "", ""},
		"no such zone":                   {Window{"2026-11-22 02:00", "2026-11-22 05:00", "Europe/Atlantis"}, "", ""},
		"a path for a zone":              {Window{"2026-11-22 02:00", "2026-11-22 05:00", "../../etc/passwd"}, "", ""},
		"no date":                        {Window{"tomorrow", "2026-11-22 05:00", "UTC"}, "", ""},
		"an end that is no date":         {Window{"2026-11-22 02:00", "", "UTC"}, "", ""},
		"the thirtieth of February":      {Window{"2026-02-30 02:00", "2026-03-02 05:00", "UTC"}, "", ""},
		"seconds":                        {Window{"2026-11-22 02:00:00", "2026-11-22 05:00:00", "UTC"}, "", ""},
		"midnight written as hour 24":    {Window{"2026-11-22 02:00", "2026-11-22 24:00", "UTC"}, "", ""},
	} {
		from, to, err := test.window.Span()
		if test.from == "" {
			if KindOf(err) != FaultInvalidRequest {
				t.Errorf("%s: %v is %v to %v, %v", name, test.window, from, to, err)
			}
			continue
		}
		if err != nil || from.Format(time.RFC3339) != test.from || to.Format(time.RFC3339) != test.to {
			t.Errorf("%s: %v is %v to %v, %v; want %s to %s", name, test.window, from, to, err, test.from, test.to)
		}
	}
}

func TestWindow_Check_SaysWhen_I7(t *testing.T) {
	t.Parallel()
	w := Window{"2026-11-22 02:00", "2026-11-22 05:00", "Europe/Rome"}
	for at, want := range map[string]string{
		"2026-11-22T00:59:59Z": "has not begun",
		"2026-11-22T01:00:00Z": "",
		"2026-11-22T03:59:59Z": "",
		"2026-11-22T04:00:00Z": "is over",
	} {
		instant, err := time.Parse(time.RFC3339, at)
		if err != nil {
			t.Fatal(err)
		}
		err = w.Check("DS-1", instant)
		if want == "" {
			if err != nil {
				t.Errorf("%s: %v", at, err)
			}
			continue
		}
		if KindOf(err) != FaultOutsideWindow || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), w.String()) || !strings.HasPrefix(err.Error(), "DS-1: ") {
			t.Errorf("%s: %v", at, err)
		}
	}
	err := Window{Zone: "UTC"}.Check("DS-1", time.Now())
	if KindOf(err) != FaultInvalidRequest || !strings.HasPrefix(err.Error(), "DS-1: ") {
		t.Errorf("a malformed window: %v", err)
	}
}

// Whatever is written: an answer or an InvalidRequest, and never a window that
// is longer than any reading of it.
func FuzzWindowSpan(f *testing.F) {
	for _, change := range changes {
		f.Add(change.day+" 02:30", change.day+" 05:00", change.zone)
	}
	f.Add("9999-12-31 23:59", "0000-01-01 00:00", "Etc/GMT+12")
	f.Add("2026-10-25 2:30", "\x00", "Europe/Rome\n")
	f.Fuzz(func(t *testing.T, from, to, zone string) {
		w := Window{From: from, To: to, Zone: zone}
		start, end, err := w.Span()
		if err != nil {
			if KindOf(err) != FaultInvalidRequest {
				t.Fatalf("%q: %v", w, err)
			}
			return
		}
		if !start.Before(end) {
			t.Fatalf("%q is empty", w)
		}
		if w.Check("", start) != nil || w.Check("", end.Add(-time.Nanosecond)) != nil || w.Check("", end) == nil || w.Check("", start.Add(-time.Nanosecond)) == nil {
			t.Fatalf("%q: Check does not agree with Span", w)
		}
		location, err := time.LoadLocation(zone)
		if err != nil {
			t.Fatal(err)
		}
		wallFrom, _ := time.ParseInLocation(LocalTime, from, location)
		wallTo, _ := time.ParseInLocation(LocalTime, to, location)
		if slack := 26 * time.Hour; start.Before(wallFrom.Add(-slack)) || end.After(wallTo.Add(slack)) {
			t.Fatalf("%q is %v to %v", w, start, end)
		}
	})
}

func TestWindow_String(t *testing.T) {
	t.Parallel()
	got := Window{"2026-11-22 02:00", "2026-11-22 05:00", "Europe/Rome"}.String()
	if want := "2026-11-22 02:00 to 2026-11-22 05:00 (Europe/Rome)"; got != want {
		t.Errorf("got %q", got)
	}
}
