package workflows

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/handrail/handrail/activities"
	"github.com/handrail/handrail/hosting"
)

// InterventionRequest starts a ServerIntervention. All but the common part may
// be left to the ticket.
type InterventionRequest struct {
	Request
	Reason      hosting.Reason       `json:"reason,omitempty"`
	Details     string               `json:"details,omitempty"`
	FailedTools []hosting.RemoteTool `json:"failedTools,omitempty"`
}

func (r InterventionRequest) validate() error {
	if r.Reason != "" && !slices.Contains(hosting.Reasons(), r.Reason) {
		return hosting.Invalid("", fmt.Sprintf("the reason %q is not known", r.Reason), fmt.Sprintf("use one of %v", hosting.Reasons()))
	}
	for _, tool := range r.FailedTools {
		if !slices.Contains(hosting.RemoteTools(), tool) {
			return hosting.Invalid("", fmt.Sprintf("the remote tool %q is not known", tool), fmt.Sprintf("use one of %v", hosting.RemoteTools()))
		}
	}
	return nil
}

// ServerIntervention is a technician's intervention on a server that its owner
// asked for (I1 to I10): from the ticket to the summary.
func ServerIntervention(ctx workflow.Context, in InterventionRequest) (Result, error) {
	if err := in.validate(); err != nil {
		return Result{}, activities.Cross(err)
	}
	i := newIntervention(ctx, in)
	return i.run(i.page())
}

func (i *intervention) page() procedure {
	return procedure{
		course:   i.course(),
		handlers: i.handlers,
		about:    i.about,
		restart: func(r Request) error {
			return workflow.NewContinueAsNewError(i.root, ServerIntervention, InterventionRequest{Request: r})
		},
	}
}

func newIntervention(ctx workflow.Context, in InterventionRequest) *intervention {
	i := &intervention{}
	i.operation = newOperation(ctx, hosting.ServerIntervention, in.Request, &i.work)
	if i.request.Resume == nil {
		i.learn(hosting.RequestFields{Reason: in.Reason, Details: in.Details, FailedTools: in.FailedTools})
	}
	return i
}

// course is the manual's page, top to bottom.
func (i *intervention) course() []step {
	return []step{
		{name: "identify", title: "Identify the server and its owner", estimate: time.Minute, do: i.identify},
		{name: "ask", title: "Get the permission for power actions and the word on backups", estimate: time.Minute, do: i.collect(needReason, needDetails, needPower, needBackup, needAccess)},
		{name: "acknowledge", title: "Tell the customer what was understood and the risk", estimate: time.Minute, skippable: true, do: i.acknowledge},
		{name: "window", title: "Wait for the customer's window", do: i.awaitWindow},
		{name: "take", title: "Take the server for this work alone", estimate: time.Minute, do: i.takeServer},
		{name: "mute", title: "Mute the server's alerts", do: i.muteAlerts, skippable: true},
		{name: "look", title: "Look at the server before it is touched", estimate: time.Minute, skippable: true, do: i.lookFirst},
		{name: "work", title: "Technician's work", estimate: 30 * time.Minute, power: true, do: i.awaitTechnician},
		{name: "verify", title: "Check that the server is as it should be", estimate: 2 * time.Minute, skippable: true, power: true, do: i.verify},
		{name: "report", title: "Report to the customer and close the ticket", estimate: time.Minute, do: i.report},
	}
}

// intervention is one run of the procedure.
type intervention struct {
	*operation
	work technicianWork
}

// technicianWork is what the technician said, kept over continued runs.
type technicianWork struct {
	Finished *Finish `json:"finished,omitempty"`
}

// Finish is the update with which the technician ends the work.
type Finish struct {
	Staff
	// Resolved false is a valid end: the effort was made (O34).
	Resolved bool   `json:"resolved"`
	Summary  string `json:"summary"`
	// Leave is the power state in which the server is to be left; on if empty.
	Leave hosting.PowerState `json:"leave,omitempty"`
}

func (i *intervention) handlers() error {
	if err := i.handlePower(); err != nil {
		return err
	}
	if err := i.handleRecordAction(); err != nil {
		return err
	}
	return handle(i.operation, "finish", "The technician's work is done: resolved or not, a summary for the customer, and the power state to leave (on, off).",
		func(f Finish) error {
			switch {
			case i.current().name != "work":
				return i.refuse("the technician's work is not under way: the operation is at step " + i.current().name)
			case i.acting > 0:
				return i.refuse("a power action is under way: wait for what comes of it")
			case len(f.Summary) > maxText:
				return hosting.Invalid(i.serverID(), "the summary is too long", "say it in a few sentences")
			case strings.TrimSpace(f.Summary) == "":
				return hosting.Invalid(i.serverID(), "the summary is empty", "say in a sentence or two what was found and done: the customer reads it")
			case f.Leave != "" && !f.Leave.Settled():
				return hosting.Invalid(i.serverID(), "leave is neither on nor off", "leave it out for on")
			}
			return nil
		},
		func(_ workflow.Context, f Finish) (string, error) {
			if f.Leave == "" {
				f.Leave = hosting.PowerOn
			}
			i.work.Finished = &f
			return "finished; the server is checked next", nil
		})
}

// about is the reason and the details (I2, I3).
func (i *intervention) about() string {
	f := i.Customer.Fields
	return string(f.Reason) + triedWords(f.FailedTools) + ": " + f.Details
}

func (i *intervention) awaitTechnician(ctx workflow.Context) error {
	return i.await(ctx, wait{on: "technician", phase: hosting.PhaseRunning}, func() bool { return i.work.Finished != nil })
}

func (i *intervention) verify(ctx workflow.Context) error {
	return i.expectPower(ctx, i.work.Finished.Leave)
}

func (i *intervention) report(ctx workflow.Context) error {
	if err := i.letGo(ctx); err != nil {
		return err
	}
	f := i.work.Finished
	return i.summarize(ctx, hosting.Report{Resolved: f.Resolved, Text: f.Summary, Power: i.Machine.Left})
}
