package cli

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/converter"

	"github.com/handrail/handrail/hosting"
	"github.com/handrail/handrail/starter/launch"
	"github.com/handrail/handrail/workflows"
)

// Row is an operation in a list.
type Row struct {
	Workflow     string     `json:"workflow"`
	Procedure    string     `json:"procedure"`
	Ticket       string     `json:"ticket,omitempty"`
	Server       string     `json:"server,omitempty"`
	Organization string     `json:"organization,omitempty"`
	Phase        string     `json:"phase"`
	Step         string     `json:"step,omitempty"`
	WaitingOn    string     `json:"waitingOn,omitempty"`
	Due          *time.Time `json:"due,omitempty"`
	Started      time.Time  `json:"started"`
	Ended        *time.Time `json:"ended,omitempty"`
}

// filter selects operations; what is empty does not select.
type filter struct {
	server, customer, ticket string
	procedures               []hosting.Procedure
	phase                    hosting.Phase
	all                      bool // also those that have ended
	limit                    int
}

func (a *app) list() *cobra.Command {
	var f filter
	var procedures []string
	c := &cobra.Command{
		Use: "list", GroupID: "see", Short: "List operations, newest first", Args: exactly(0),
		Long: `List operations, newest first: those that run, or with --all those that have
ended as well, as long as Temporal keeps them. What the records keep for longer
shows: starter history SERVER.`,
		Example: `  starter list --phase needs-attention
  starter list --procedure OSReinstall --server srv-1004 --all
  starter list --customer acme --all --json`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if f.phase != "" {
				if err := one("phase", f.phase, hosting.Phases()); err != nil {
					return err
				}
			}
			for _, p := range procedures {
				if err := one("procedure", hosting.Procedure(p), workflows.Procedures()); err != nil {
					return err
				}
				f.procedures = append(f.procedures, hosting.Procedure(p))
			}
			if f.limit < 1 {
				return usage{fmt.Errorf("--limit %d is not a number above 0", f.limit)}
			}
			rows, err := a.operations(cmd.Context(), f)
			if err != nil {
				return err
			}
			return a.print(rows, func(w io.Writer) { writeRows(w, rows, f.all) })
		},
	}
	flags := c.Flags()
	flags.StringVar(&f.server, "server", "", "only on this server (service id)")
	flags.StringVar(&f.customer, "customer", "", "only of this customer (organization id)")
	flags.StringVar((*string)(&f.phase), "phase", "", "only in this phase: "+join(hosting.Phases()))
	flags.StringSliceVar(&procedures, "procedure", nil, "only of these procedures: "+join(workflows.Procedures()))
	flags.StringVar(&f.ticket, "ticket", "", "only of this ticket (number)")
	flags.BoolVar(&f.all, "all", false, "also those that have ended")
	flags.IntVar(&f.limit, "limit", 100, "at most so many")
	complete(c, "phase", hosting.Phases())
	complete(c, "procedure", workflows.Procedures())
	a.completeFrom(c, "server", func(r Row) string { return r.Server })
	a.completeFrom(c, "customer", func(r Row) string { return r.Organization })
	a.completeFrom(c, "ticket", func(r Row) string { return r.Ticket })
	nothing(c, "limit")
	return c
}

// query is the filter in Temporal's words.
func (f filter) query() string {
	q := launch.Operations(f.procedures...)
	switch {
	case f.phase == hosting.PhaseFailed:
		// A workflow that was terminated had no chance to say that it ended.
		q += " AND (Phase = 'failed' OR ExecutionStatus = 'Failed' OR ExecutionStatus = 'Terminated' OR ExecutionStatus = 'TimedOut')"
	case f.phase != "":
		q += " AND Phase = " + launch.Quote(string(f.phase))
	}
	if !f.phase.Final() && (f.phase != "" || !f.all) {
		q += " AND ExecutionStatus = 'Running'"
	}
	for _, attribute := range []struct{ name, value string }{
		{workflows.ServerKey.GetName(), f.server}, {workflows.OrganizationKey.GetName(), f.customer}, {workflows.TicketKey.GetName(), f.ticket},
	} {
		if attribute.value != "" {
			q += " AND " + attribute.name + " = " + launch.Quote(attribute.value)
		}
	}
	return q
}

// maxPage is the most that Temporal lists at one time.
const maxPage = 1000

func (a *app) operations(ctx context.Context, f filter) ([]Row, error) {
	tc, err := a.connect(ctx)
	if err != nil {
		return nil, err
	}
	rows := []Row{}
	request := &workflowservice.ListWorkflowExecutionsRequest{Query: f.query(), PageSize: int32(min(f.limit, maxPage))} //nolint:gosec // bounded
	for {
		resp, err := tc.ListWorkflow(ctx, request)
		if err != nil {
			return nil, err
		}
		for _, e := range resp.GetExecutions() {
			if len(rows) < f.limit {
				rows = append(rows, rowOf(e))
			}
		}
		request.NextPageToken = resp.GetNextPageToken()
		if len(request.GetNextPageToken()) == 0 || len(rows) == f.limit {
			return rows, nil
		}
	}
}

// rowOf reads an operation's search attributes.
func rowOf(e *workflowpb.WorkflowExecutionInfo) Row {
	attributes := e.GetSearchAttributes().GetIndexedFields()
	r := Row{
		Workflow: launch.ID(e), Procedure: string(launch.Procedure(e)), Started: e.GetStartTime().AsTime(),
		Ticket: keyword(attributes["Ticket"]), Server: keyword(attributes["Server"]), Organization: keyword(attributes["Organization"]),
		Phase: keyword(attributes["Phase"]), Step: keyword(attributes["Step"]), WaitingOn: keyword(attributes["WaitingOn"]),
	}
	if due, err := time.Parse(time.RFC3339Nano, keyword(attributes["Due"])); err == nil {
		r.Due = &due
	}
	if e.GetStatus() == enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING {
		return r
	}
	r.Ended, r.Due, r.WaitingOn = new(e.GetCloseTime().AsTime()), nil, ""
	if !hosting.Phase(r.Phase).Final() {
		r.Phase = string(phaseOf(e.GetStatus()))
	}
	return r
}

// phaseOf is the end of a workflow that did not say how it ended.
func phaseOf(s enumspb.WorkflowExecutionStatus) hosting.Phase {
	switch s {
	case enumspb.WORKFLOW_EXECUTION_STATUS_COMPLETED:
		return hosting.PhaseDone
	case enumspb.WORKFLOW_EXECUTION_STATUS_CANCELED:
		return hosting.PhaseCancelled
	default:
		return hosting.PhaseFailed
	}
}

func keyword(p *commonpb.Payload) string {
	var s string
	if p == nil || converter.GetDefaultDataConverter().FromPayload(p, &s) != nil {
		return ""
	}
	return s
}

func writeRows(w io.Writer, rows []Row, all bool) {
	if len(rows) == 0 && all {
		fmt.Fprintln(w, "no operations")
		return
	}
	if len(rows) == 0 {
		fmt.Fprintln(w, "no operations; --all lists those that have ended as well")
		return
	}
	var t table
	t.add("OPERATION", "PROCEDURE", "SERVER", "CUSTOMER", "PHASE", "STEP", "WAITING ON", "DUE (UTC)", "STARTED (UTC)")
	for _, r := range rows {
		t.add(r.Workflow, r.Procedure, r.Server, r.Organization, r.Phase, r.Step, r.WaitingOn, minute(r.Due), minute(&r.Started))
	}
	t.write(w)
}
