package cli

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"text/tabwriter"
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

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

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
}

func (a *app) list() *cobra.Command {
	var server, customer, phase, ticket string
	var all bool
	var limit int
	c := &cobra.Command{
		Use: "list", GroupID: "see", Short: "List operations, newest first", Args: exactly(0),
		Long: "List operations, newest first: those that run, or with --all those that have ended as well.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if phase != "" && !slices.Contains(hosting.Phases(), hosting.Phase(phase)) {
				return usage{fmt.Errorf("--phase %q is not one of %v", phase, hosting.Phases())}
			}
			rows, err := a.operations(cmd.Context(), all || hosting.Phase(phase).Final(), limit, map[string]string{
				"Server": server, "Organization": customer, "Phase": phase, "Ticket": ticket,
			})
			if err != nil {
				return err
			}
			return a.print(rows, func(w io.Writer) { table(w, rows) })
		},
	}
	f := c.Flags()
	f.StringVar(&server, "server", "", "service id")
	f.StringVar(&customer, "customer", "", "organization id")
	f.StringVar(&phase, "phase", "", "one of "+join(hosting.Phases()))
	f.StringVar(&ticket, "ticket", "", "ticket number")
	f.BoolVar(&all, "all", false, "also those that have ended")
	f.IntVar(&limit, "limit", 100, "at most so many")
	complete(c, "phase", hosting.Phases())
	return c
}

func (a *app) operations(ctx context.Context, all bool, limit int, filters map[string]string) ([]Row, error) {
	tc, err := a.connect(ctx)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, p := range workflows.Procedures() {
		names = append(names, launch.Quote(string(p)))
	}
	query := "WorkflowType IN (" + strings.Join(names, ", ") + ")"
	if !all {
		query += " AND ExecutionStatus = 'Running'"
	}
	for _, key := range slices.Sorted(func(yield func(string) bool) {
		for k, v := range filters {
			if v != "" && !yield(k) {
				return
			}
		}
	}) {
		query += fmt.Sprintf(" AND %s = %s", key, launch.Quote(filters[key]))
	}
	rows := []Row{}
	var page []byte
	for {
		resp, err := tc.ListWorkflow(ctx, &workflowservice.ListWorkflowExecutionsRequest{Query: query, PageSize: 200, NextPageToken: page})
		if err != nil {
			return nil, err
		}
		for _, e := range resp.GetExecutions() {
			if len(rows) == limit {
				return rows, nil
			}
			rows = append(rows, row(e))
		}
		if page = resp.GetNextPageToken(); len(page) == 0 {
			return rows, nil
		}
	}
}

func row(e *workflowpb.WorkflowExecutionInfo) Row {
	attributes := e.GetSearchAttributes().GetIndexedFields()
	r := Row{
		Workflow: e.GetExecution().GetWorkflowId(), Procedure: e.GetType().GetName(), Started: e.GetStartTime().AsTime(),
		Ticket: keyword(attributes["Ticket"]), Server: keyword(attributes["Server"]), Organization: keyword(attributes["Organization"]),
		Phase: keyword(attributes["Phase"]), Step: keyword(attributes["Step"]), WaitingOn: keyword(attributes["WaitingOn"]),
	}
	if due, err := time.Parse(time.RFC3339Nano, keyword(attributes["Due"])); err == nil {
		r.Due = &due
	}
	// A workflow that was terminated had no chance to say that it ended.
	if e.GetStatus() != enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING && !hosting.Phase(r.Phase).Final() {
		r.Phase = strings.ToLower(e.GetStatus().String())
	}
	return r
}

func keyword(p *commonpb.Payload) string {
	var s string
	if p == nil || converter.GetDefaultDataConverter().FromPayload(p, &s) != nil {
		return ""
	}
	return s
}

func table(w io.Writer, rows []Row) {
	if len(rows) == 0 {
		fmt.Fprintln(w, "no operations; --all lists those that have ended")
		return
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "OPERATION\tSERVER\tCUSTOMER\tPHASE\tSTEP\tWAITING ON\tDUE (UTC)\tSTARTED (UTC)")
	for _, r := range rows {
		due := ""
		if r.Due != nil {
			due = r.Due.UTC().Format(hosting.LocalTime)
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", r.Workflow, r.Server, r.Organization, r.Phase, r.Step, r.WaitingOn, due, r.Started.UTC().Format(hosting.LocalTime))
	}
	t.Flush() //nolint:errcheck,gosec // the terminal is gone
}

func (a *app) show() *cobra.Command {
	var watch bool
	c := &cobra.Command{
		Use: "show OPERATION", GroupID: "see", Short: "Show one operation: steps, what it waits on, ETA", Args: exactly(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			for {
				s, err := a.status(cmd.Context(), args[0])
				if err != nil {
					return err
				}
				if watch && a.Terminal && !a.json {
					fmt.Fprint(a.Out, "\x1b[H\x1b[2J")
				}
				if err := a.print(s, func(w io.Writer) { showStatus(w, s) }); err != nil || !watch || s.Phase.Final() {
					return err
				}
				select {
				case <-cmd.Context().Done():
					return nil
				case <-time.After(2 * time.Second):
				}
			}
		},
	}
	c.Flags().BoolVarP(&watch, "watch", "w", false, "show it again every 2 seconds until it ends")
	return c
}

func (a *app) status(ctx context.Context, name string) (workflows.Status, error) {
	var s workflows.Status
	tc, id, err := a.find(ctx, name)
	if err != nil {
		return s, err
	}
	value, err := tc.QueryWorkflow(ctx, id, "", "status")
	if err != nil {
		return s, err
	}
	return s, value.Get(&s)
}

var marks = map[hosting.StepState]string{
	hosting.StepPending: " ", hosting.StepRunning: ">", hosting.StepDone: "+", hosting.StepFailed: "!", hosting.StepSkipped: "-",
}

func showStatus(w io.Writer, s workflows.Status) {
	fmt.Fprintf(w, "%s · ticket %s · server %s · %s\n", s.Procedure, s.Ticket, s.Server, s.Organization)
	fmt.Fprintf(w, "%s %s", bar(s), s.Phase)
	if s.WaitingOn != "" {
		fmt.Fprintf(w, ", waiting on %s", s.WaitingOn)
	}
	if s.ETA != nil {
		fmt.Fprintf(w, ", done at about %s UTC", s.ETA.UTC().Format(hosting.LocalTime))
	} else if !s.Phase.Final() {
		fmt.Fprintf(w, ", then about %s of work", s.Remaining.D().Round(time.Minute))
	}
	fmt.Fprintln(w)
	if s.Error != "" {
		fmt.Fprintf(w, "! %s\n", s.Error)
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, st := range s.Steps {
		started, took := "", ""
		if st.Started != nil {
			started = st.Started.UTC().Format("01-02 15:04:05")
			if st.Ended != nil {
				took = st.Ended.Sub(*st.Started).Round(time.Second).String()
			}
		}
		fmt.Fprintf(t, "%s %s\t%s\t%s\t%s\n", marks[st.State], st.Title, st.State, started, took)
	}
	t.Flush() //nolint:errcheck,gosec // the terminal is gone
	for _, act := range s.Actions {
		fmt.Fprintf(w, "%s  %s: %s: %s\n", act.At.UTC().Format("01-02 15:04:05"), act.By, act.What, act.Result)
	}
	if s.Downtime > 0 {
		fmt.Fprintf(w, "measured downtime %s\n", s.Downtime.D().Round(time.Second))
	}
}

// bar shows how much of the course lies behind.
func bar(s workflows.Status) string {
	done, all := 0, 0
	for _, st := range s.Steps {
		switch st.State {
		case hosting.StepDone, hosting.StepSkipped:
			done++
			all++
		case hosting.StepFailed: // an earlier attempt, or the one that is parked
			if st.Name == s.Step && st.Error == s.Error {
				all++
			}
		default:
			all++
		}
	}
	const width = 20
	filled := 0
	if all > 0 {
		filled = width * done / all
	}
	return fmt.Sprintf("[%s%s] %d/%d", strings.Repeat("#", filled), strings.Repeat(".", width-filled), done, all)
}
