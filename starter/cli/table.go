package cli

import (
	"bytes"
	"io"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"

	"github.com/handrail/handrail/hosting"
)

// table is text in columns, with a line of headings or without.
type table struct{ rows [][]string }

func (t *table) add(cells ...string) { t.rows = append(t.rows, cells) }

// write aligns the columns. Empty cells at the end of a line leave no blanks.
func (t *table) write(w io.Writer) {
	var b bytes.Buffer
	aligned := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	for _, row := range t.rows {
		cells := make([]string, len(row))
		for i, cell := range row {
			cells[i] = oneLine(cell)
		}
		io.WriteString(aligned, strings.Join(cells, "\t")+"\n") //nolint:errcheck,gosec // a buffer takes everything
	}
	aligned.Flush() //nolint:errcheck,gosec // a buffer takes everything
	for line := range strings.Lines(b.String()) {
		io.WriteString(w, strings.TrimRight(line, " \n")+"\n") //nolint:errcheck,gosec // the terminal is gone
	}
}

// oneLine puts a text of several lines into one.
func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

// printable keeps what customers and machines wrote from steering a terminal.
type printable struct{ io.Writer }

func (p printable) Write(b []byte) (int, error) {
	if _, err := io.WriteString(p.Writer, harmless(string(b))); err != nil {
		return 0, err
	}
	return len(b), nil
}

// harmless replaces control characters; line ends stay.
func harmless(s string) string {
	return strings.Map(func(r rune) rune {
		if r != '\n' && (unicode.IsControl(r) || unicode.Is(unicode.Cf, r)) {
			return unicode.ReplacementChar
		}
		return r
	}, s)
}

// minute and second write a time in UTC; nil is empty.
func minute(t *time.Time) string {
	if t == nil {
		return ""
	}
	return t.UTC().Format(hosting.LocalTime)
}

func second(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05") }

// rounded writes a duration in whole minutes, seconds below one: "1h30m", "40s".
func rounded(d time.Duration) string {
	if d < time.Minute {
		return d.Round(time.Second).String()
	}
	text := strings.TrimSuffix(d.Round(time.Minute).String(), "0s")
	return strings.Replace(text, "h0m", "h", 1)
}
