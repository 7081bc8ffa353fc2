package datacenter_test

import (
	"log/slog"
	"runtime"
	"testing"

	"github.com/handrail/handrail/dev/datacenter"
)

// BenchmarkStart starts and stops a whole data centre and reports the heap that
// a running one holds.
func BenchmarkStart(b *testing.B) {
	for b.Loop() {
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		c, err := datacenter.Start(b.Context(), datacenter.Config{Log: slog.New(slog.DiscardHandler)})
		if err != nil {
			b.Fatal(err)
		}
		runtime.GC()
		runtime.ReadMemStats(&after)
		b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/1e6, "MB-held")
		if err := c.Close(); err != nil {
			b.Fatal(err)
		}
	}
}
