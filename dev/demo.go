package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"go.temporal.io/sdk/client"

	"github.com/handrail/handrail/dev/ticketdesk"
	"github.com/handrail/handrail/hosting"
	"github.com/handrail/handrail/workflows"
)

// demonstrate lets a first customer ask for an intervention and a technician
// work it off, and a second one who still has questions to answer. A system
// with tickets of an earlier run is left as it is.
func (s *system) demonstrate(ctx context.Context, w io.Writer) {
	if err := s.firstTickets(ctx, w); err != nil && ctx.Err() == nil {
		fmt.Fprintln(w, "the first intervention did not come through:", err)
	}
}

func (s *system) firstTickets(ctx context.Context, w io.Writer) error {
	if len(s.desk.Tickets()) > 0 {
		return nil
	}
	owner, server := s.firstCustomer(hosting.Italian)
	subject, body := ticketdesk.RequestText(owner.Language, server.ServiceID, s.provider, hosting.PowerAllowed, hosting.BackupExists)
	first, err := s.desk.Create(owner.Email, subject, body)
	if err != nil {
		return err
	}
	other, second := s.firstCustomer(hosting.English)
	subject, body = ticketdesk.RequestText(other.Language, second.ServiceID, s.provider, "", "")
	if _, err := s.desk.Create(other.Email, subject, body); err != nil {
		return err
	}
	return s.workOff(ctx, w, workflows.IDPrefix(hosting.ServerIntervention)+"/"+first, server)
}

// workOff is the technician of the first intervention, who writes in the
// customer's language.
func (s *system) workOff(ctx context.Context, w io.Writer, id string, server hosting.Server) error {
	if err := s.awaitStep(ctx, id, "work"); err != nil {
		return err
	}
	staff := workflows.Staff{By: "dev"}
	for _, u := range []struct {
		name string
		arg  any
	}{
		{"power", workflows.PowerOrder{Staff: staff, Action: hosting.ActCycle}},
		{"record-action", workflows.RecordedAction{Staff: staff, What: "Console letta dopo il riavvio", Result: "prompt di login, nessun errore"}},
		{"finish", workflows.Finish{Staff: staff, Resolved: true, Summary: "Il server era bloccato; dopo il riavvio risponde di nuovo."}},
	} {
		handle, err := s.client.UpdateWorkflow(ctx, client.UpdateWorkflowOptions{
			WorkflowID: id, UpdateName: u.name, Args: []any{u.arg}, WaitForStage: client.WorkflowUpdateStageCompleted,
		})
		if err != nil {
			return fmt.Errorf("%s: %w", u.name, err)
		}
		if err := handle.Get(ctx, nil); err != nil {
			return fmt.Errorf("%s: %w", u.name, err)
		}
	}
	var result workflows.Result
	if err := s.client.GetWorkflow(ctx, id, "").Get(ctx, &result); err != nil {
		return err
	}
	fmt.Fprintf(w, "Worked off: %s on %s, %s, measured downtime %s.\n", id, server, result.Phase, result.Downtime.D().Round(time.Second))
	return nil
}

// awaitStep waits until a workflow runs and stands at a step.
func (s *system) awaitStep(ctx context.Context, id, step string) error {
	for {
		var status workflows.Status
		value, err := s.client.QueryWorkflow(ctx, id, "", "status")
		if err == nil {
			err = value.Get(&status)
		}
		switch {
		case err == nil && status.Step == step && status.Phase == hosting.PhaseRunning:
			return nil
		case err == nil && (status.Phase == hosting.PhaseAttention || status.Phase.Final()):
			return fmt.Errorf("%s is %s: %s", id, status.Phase, status.Error)
		}
		select {
		case <-ctx.Done():
			return errors.Join(ctx.Err(), err)
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// firstCustomer finds a contact who writes in a language, with an active server
// that has a BMC.
func (s *system) firstCustomer(l hosting.Language) (hosting.Contact, hosting.Server) {
	for _, o := range s.center.Organizations() {
		c, ok := o.PrimaryContact()
		if !ok || c.Language != l {
			continue
		}
		for _, server := range s.center.Servers() {
			if server.Organization == o.ID && server.State == hosting.ServerActive && len(server.BMC.Endpoints) == 2 {
				return c, server
			}
		}
	}
	return hosting.Contact{}, hosting.Server{}
}
