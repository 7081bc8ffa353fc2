package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"go.temporal.io/api/serviceerror"

	"github.com/handrail/handrail/activities/records"
	"github.com/handrail/handrail/dev/datacenter/chassis"
	"github.com/handrail/handrail/hosting"
	"github.com/handrail/handrail/workflows"
)

const (
	realLook = 500 * time.Millisecond
	// realPatience is how long the operation may wait for its customer, who has
	// said everything.
	realPatience = time.Minute
)

// follow shows how the operation goes on until it has ended.
func (r *realRun) follow(ctx context.Context) error {
	var waiting time.Time
	step := ""
	for {
		s, err := r.look(ctx)
		if err != nil {
			return err
		}
		if s.Step != step && s.Step != "" {
			step = s.Step
			r.step = "reinstall, step " + step
			r.event(titleOf(s))
		}
		r.note(s)
		switch {
		case s.Phase == hosting.PhaseDone:
			r.mark("operation done, ticket closed", time.Now())
			return nil
		case s.Phase == hosting.PhaseAttention || s.Phase.Final():
			return fmt.Errorf("the operation is %s: %s", s.Phase, s.Error)
		case s.Phase != hosting.PhaseWaiting:
			waiting = time.Time{}
		case waiting.IsZero():
			waiting = time.Now()
		case time.Since(waiting) > realPatience:
			return fmt.Errorf("the operation waits for its customer, on %s", s.WaitingOn)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(realLook):
		}
	}
}

// look asks the operation how it stands, and the records how its boot does. An
// operation that is not there yet stands nowhere.
func (r *realRun) look(ctx context.Context) (s workflows.Status, err error) {
	value, err := r.client.QueryWorkflow(ctx, r.id, "", "status")
	if _, missing := errors.AsType[*serviceerror.NotFound](err); missing {
		return s, nil
	}
	if err == nil {
		err = value.Get(&s)
	}
	if err != nil || s.Boot == nil || s.Boot.Attempt == 0 {
		return s, err
	}
	boot, err := r.records.ReadBoot(ctx, records.BootRef{Operation: s.Operation, Attempt: s.Boot.Attempt})
	s.Boot = &boot
	return s, err
}

// note shows what is new.
func (r *realRun) note(s workflows.Status) {
	for _, reset := range r.machine.Resets() {
		if reset.Effect == chassis.Done {
			r.mark(fmt.Sprintf("power action: %s over %s", reset.Kind, reset.Via), reset.At)
		}
	}
	if v := r.machine.View(); v.LastBoot.At.After(r.began) && (len(r.boots) == 0 || r.boots[len(r.boots)-1] != v.LastBoot) {
		r.boots = append(r.boots, v.LastBoot)
		r.mark(fmt.Sprintf("boot %d, from %s", len(r.boots), cmp.Or(v.LastBoot.Image, v.LastBoot.From)), v.LastBoot.At)
	}
	b := s.Boot
	if b == nil {
		r.standing("  " + cmp.Or(s.WaitingOn, string(s.Phase), "the ticket is on its way"))
		return
	}
	for _, x := range []struct {
		name string
		at   *time.Time
	}{
		{"boot script fetched", b.HandedOutAt},
		{"erasing permitted", b.ErasingAt},
	} {
		if x.at != nil {
			r.mark(x.name, *x.at)
		}
	}
	if len(b.HostKeys) > 0 && b.ReportedAt != nil {
		r.mark("host key reported", *b.ReportedAt)
	}
	if b.State == hosting.BootDone && b.EndedAt != nil {
		r.mark("installer done", *b.EndedAt)
	}
	if i := slices.IndexFunc(s.Steps, func(x hosting.Step) bool { return x.Name == "prove" }); i >= 0 && s.Steps[i].Ended != nil {
		r.mark("installed system answered with that host key", *s.Steps[i].Ended)
	}
	if b.State == hosting.BootErasing {
		r.standing(fmt.Sprintf("  %s: %s, %d %%", b.State, cmp.Or(b.Stage, "…"), b.Percent))
		return
	}
	r.standing("  boot " + string(b.State))
}

// mark notes a milestone and shows it where it is new.
func (r *realRun) mark(name string, at time.Time) {
	if r.times.mark(name, &at) {
		r.event("* " + name)
	}
}

func titleOf(s workflows.Status) string {
	for i, x := range s.Steps {
		if x.Name == s.Step {
			return fmt.Sprintf("step %d of %d: %s", i+1, len(s.Steps), x.Title)
		}
	}
	return "step " + s.Step
}
