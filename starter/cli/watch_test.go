package cli_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"go.temporal.io/api/serviceerror"

	"github.com/handrail/handrail/hosting"
	"github.com/handrail/handrail/starter/internal/frontend"
	"github.com/handrail/handrail/workflows"
)

// film is an operation that answers differently as time goes on: each status
// twice, then it ends.
type film struct {
	mu     sync.Mutex
	frames []workflows.Status
	asked  int
	end    func()
	fail   map[int]error
}

func (f *film) next() (any, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := f.asked
	f.asked++
	if err := f.fail[n]; err != nil {
		return nil, err
	}
	s := f.frames[min(n/2, len(f.frames)-1)]
	s.Remaining -= hosting.Duration(n) * hosting.Duration(time.Second) // as time passes
	if n/2 >= len(f.frames)-1 {
		f.end()
	}
	return s, nil
}

// shoot makes an operation of a waiting, a running and a done status.
func shoot(t *testing.T) (*frontend.Frontend, *film) {
	t.Helper()
	frames := []workflows.Status{status(), status(), status()}
	frames[0].Phase, frames[1].Phase, frames[2].Phase = hosting.PhaseWaiting, hosting.PhaseRunning, hosting.PhaseDone
	w := shown()
	w.Result = workflows.Result{Phase: hosting.PhaseDone, Outcome: "done"}
	f := frontend.Start(t, w)
	strip := &film{frames: frames, end: func() { f.End(w, completed, "done") }}
	w.Query = strip.next
	return f, strip
}

// Elsewhere than in a terminal a watched operation is printed once for each
// change, until it has ended.
func TestWatch_oncePerChange(t *testing.T) {
	t.Parallel()
	f, _ := shoot(t)
	s := run(t, f, "show", "1001", "--watch")
	if s.code != 0 || s.err != "" {
		t.Fatalf("%+v", s)
	}
	for phase, want := range map[string]int{"2/4 waiting": 1, "2/4 running": 1, "2/4 done": 2} { // done, and ended
		if n := strings.Count(s.out, phase); n != want {
			t.Errorf("%q occurs %d times, want %d:\n%s", phase, n, want, s.out)
		}
	}
	if strings.Contains(s.out, "\x1b") {
		t.Error("control sequences outside a terminal")
	}
}

// In a terminal it is drawn in place, each time.
func TestWatch_inPlace(t *testing.T) {
	t.Parallel()
	f, strip := shoot(t)
	d := sit(f)
	d.Terminal = true
	s := d.run(t, "show", "1001", "-w")
	if s.code != 0 || s.err != "" {
		t.Fatalf("%+v", s)
	}
	if !strings.HasPrefix(s.out, "\x1b[2J\x1b[H") || strings.Count(s.out, "\x1b[2J") != 1 || strings.Count(s.out, "\x1b[H") != strip.asked || strip.asked < 5 {
		t.Errorf("asked %d times:\n%q", strip.asked, s.out)
	}
	if !strings.Contains(s.out, "[##########..........] 2/4 done at ") {
		t.Errorf("%q", s.out)
	}
	if frame := strings.SplitAfter(s.out, "\x1b[J")[0]; strings.Count(frame, "\x1b[K\n") != strings.Count(frame, "\n") {
		t.Errorf("a line keeps what stood behind it: %q", frame)
	}
}

// A worker that is away for a while does not end the watching; one that is away
// from the start does.
func TestWatch_outlastsTrouble(t *testing.T) {
	t.Parallel()
	f, strip := shoot(t)
	away := serviceerror.NewFailedPrecondition("no poller seen")
	strip.fail = map[int]error{1: away, 2: away}
	s := run(t, f, "show", "1001", "--watch")
	if s.code != 0 || strings.Count(s.err, "no worker answers") != 1 || !strings.Contains(s.out, "2/4 done at") {
		t.Errorf("%+v", s)
	}
	f, strip = shoot(t)
	strip.fail = map[int]error{0: away}
	run(t, f, "show", "1001", "--watch").refuses(t, 1, "no worker answers")
	run(t, f, "show", "9999", "--watch").refuses(t, 4, "no such operation")
}

// Ctrl-C: somebody has seen enough, which is no error.
func TestWatch_interrupted(t *testing.T) {
	t.Parallel()
	w := shown()
	f := frontend.Start(t, w)
	ctx, interrupt := context.WithCancel(t.Context())
	looks := 0
	w.Query = func() (any, error) {
		if looks++; looks == 3 {
			interrupt()
		}
		return status(), nil
	}
	if s := sit(f).runIn(ctx, "show", "1001", "--watch", "--json"); s.code != 0 || s.err != "" || strings.Count(s.out, `"workflow"`) != 1 {
		t.Errorf("%+v", s)
	}
}
