package workflows

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/handrail/handrail/activities/records"
	"github.com/handrail/handrail/hosting"
)

// The search attributes of every procedure: what staff filter lists by.
var (
	ServerKey       = temporal.NewSearchAttributeKeyKeyword("Server")
	TicketKey       = temporal.NewSearchAttributeKeyKeyword("Ticket")
	OrganizationKey = temporal.NewSearchAttributeKeyKeyword("Organization")
	PhaseKey        = temporal.NewSearchAttributeKeyKeyword("Phase")
	WaitingOnKey    = temporal.NewSearchAttributeKeyKeyword("WaitingOn")
	StepKey         = temporal.NewSearchAttributeKeyKeyword("Step")
	DueKey          = temporal.NewSearchAttributeKeyTime("Due")
)

// SearchAttributes lists the search attributes that a namespace must know.
func SearchAttributes() []temporal.SearchAttributeKey {
	return []temporal.SearchAttributeKey{ServerKey, TicketKey, OrganizationKey, PhaseKey, WaitingOnKey, StepKey, DueKey}
}

// shown is what staff were last shown, so that nothing is written twice.
type shown struct {
	values   map[string]string
	due      time.Time
	progress records.Progress
}

// show brings the search attributes, the current details and the records up to
// the present state. It is called before anything that takes time, so that a
// step which is over at once costs no events. The records come last: they are
// the ones that may wait.
func (op *operation) show(ctx workflow.Context) {
	op.showAttributes(ctx)
	workflow.SetCurrentDetails(op.root, op.details())
	if op.ID == "" {
		return
	}
	p := records.Progress{Operation: op.ID, Phase: op.phase(), WaitingOn: op.WaitingOn, Step: op.current().name, Steps: op.allSteps()}
	if op.Phase.Final() || reflect.DeepEqual(p, op.shown.progress) {
		return
	}
	op.shown.progress = p
	if err := record(ctx, "Save the progress", nil, rec.SaveProgress, p); err != nil && !temporal.IsCanceledError(err) {
		op.log.Error("progress not saved", "server", op.serverID(), "error", err)
	}
}

func (op *operation) showAttributes(ctx workflow.Context) {
	if op.shown.values == nil {
		op.rememberAttributes()
	}
	var updates []temporal.SearchAttributeUpdate
	set := func(key temporal.SearchAttributeKeyKeyword, value string) {
		if op.shown.values[key.GetName()] == value {
			return
		}
		op.shown.values[key.GetName()] = value
		if value == "" {
			updates = append(updates, key.ValueUnset())
			return
		}
		updates = append(updates, key.ValueSet(value))
	}
	set(ServerKey, op.serverID())
	set(TicketKey, op.Ticket)
	set(OrganizationKey, op.Subject.Organization.ID)
	set(PhaseKey, string(op.phase()))
	set(WaitingOnKey, cut(op.WaitingOn, maxName)) // a Keyword holds 255
	set(StepKey, op.current().name)
	if due := op.due(); !due.Equal(op.shown.due) {
		op.shown.due = due
		if due.IsZero() {
			updates = append(updates, DueKey.ValueUnset())
		} else {
			updates = append(updates, DueKey.ValueSet(due))
		}
	}
	if len(updates) == 0 {
		return
	}
	if err := workflow.UpsertTypedSearchAttributes(ctx, updates...); err != nil {
		op.log.Error("search attributes not set", "error", err)
	}
}

// rememberAttributes takes the attributes that the workflow has already, from
// its start or the run before: the UI copies those of another operation into its
// start form.
func (op *operation) rememberAttributes() {
	op.shown.values = map[string]string{}
	have := workflow.GetTypedSearchAttributes(op.root)
	for _, key := range []temporal.SearchAttributeKeyKeyword{ServerKey, TicketKey, OrganizationKey, PhaseKey, WaitingOnKey, StepKey} {
		if value, ok := have.GetKeyword(key); ok {
			op.shown.values[key.GetName()] = value
		}
	}
	op.shown.due, _ = have.GetTime(DueKey)
}

// phase is the phase that people see: a hold stands above whatever goes on.
func (op *operation) phase() hosting.Phase {
	if op.Held != nil && !op.Phase.Final() {
		return hosting.PhaseOnHold
	}
	return op.Phase
}

// estimate is how long a step is expected to take; the policy has the last word.
func (op *operation) estimate(s step) hosting.Duration {
	if d, ok := op.Policy.Estimates[s.name]; ok {
		return d
	}
	return hosting.Duration(s.estimate)
}

// remaining is the work that is left: what the present step has not used up of
// its estimate, and the steps after it (G10).
func (op *operation) remaining() time.Duration {
	var sum time.Duration
	for _, st := range op.Steps {
		switch st.State {
		case hosting.StepPending, hosting.StepFailed:
			sum += st.Estimate.D()
		case hosting.StepRunning:
			if st.Started != nil {
				sum += max(0, st.Estimate.D()-op.now().Sub(*st.Started))
			}
		}
	}
	return sum
}

// eta is when the procedure should be done, zero while somebody is waited for.
func (op *operation) eta() time.Time {
	if op.phase() != hosting.PhaseRunning {
		return time.Time{}
	}
	return op.now().Add(op.remaining()).Truncate(time.Second)
}

// due is the next date at which something happens by itself or should have.
func (op *operation) due() time.Time {
	switch {
	case op.Phase.Final():
		return time.Time{}
	case op.Due != nil:
		return op.Due.Truncate(time.Second)
	case op.Phase == hosting.PhaseRunning && op.Cursor < len(op.Steps) && op.Steps[op.Cursor].Started != nil:
		st := op.Steps[op.Cursor]
		rest := op.remaining() - max(0, st.Estimate.D()-op.now().Sub(*st.Started))
		return st.Started.Add(st.Estimate.D() + rest).Truncate(time.Minute)
	}
	return time.Time{}
}

func (op *operation) handleStatus() error {
	return workflow.SetQueryHandlerWithOptions(op.root, "status", func() (Status, error) { return op.status(), nil },
		workflow.QueryHandlerOptions{Description: "Phase, steps, ETA, what is waited for, and the consents on file."})
}

func (op *operation) status() Status {
	s := Status{
		Procedure: op.kind, Operation: op.ID, Phase: op.phase(), WaitingOn: op.WaitingOn, Step: op.current().name,
		Steps: op.allSteps(), Remaining: hosting.Duration(op.remaining()), Due: op.Due,
		Server: op.serverID(), Organization: op.Subject.Organization.ID, Ticket: op.Ticket,
		Reason: op.Customer.Fields.Reason, Details: op.Customer.Fields.Details, FailedTools: op.Customer.Fields.FailedTools,
		Power: op.powerPermitted(), Backup: op.backupStated(), Consents: op.Customer.Said, Actions: op.Actions,
		Downtime: op.downtime(), Outcome: op.Outcome,
	}
	if eta := op.eta(); !eta.IsZero() {
		s.ETA = &eta
	}
	if op.Cursor < len(op.Steps) {
		s.Error = op.Steps[op.Cursor].Error
	}
	if op.Boot.Attempt > 0 {
		s.Boot = &op.Boot.Last
	}
	if op.procedure.describe != nil {
		op.procedure.describe(&s)
	}
	return s
}

var stepMarks = map[hosting.StepState]string{
	hosting.StepPending: "·", hosting.StepRunning: "▶", hosting.StepDone: "✓", hosting.StepFailed: "✗", hosting.StepSkipped: "↷",
}

// details is the page that the Temporal UI shows of the running operation.
func (op *operation) details() string {
	var b strings.Builder
	fmt.Fprintf(&b, "**%s** · %s", op.kind, op.phase())
	if op.WaitingOn != "" {
		fmt.Fprintf(&b, " · waiting on %s", markdown(op.WaitingOn))
	}
	b.WriteString("\n\n")
	if s := op.Subject.Server; s.ServiceID != "" {
		fmt.Fprintf(&b, "Server %s, %s, site %s, of %s · ", markdown(s.String()), s.PrimaryIP, s.Site, markdown(op.Subject.Organization.Name))
	}
	fmt.Fprintf(&b, "ticket %s\n\n", markdown(op.Ticket))
	if about := op.procedure.about(); strings.Trim(about, ": ") != "" {
		fmt.Fprintf(&b, "Asked for: %s\n\n", markdown(cut(about, 600)))
	}
	fmt.Fprintf(&b, "Power: %s. Backup: %s.\n\n", permissionWords(op.powerPermitted()), backupWords(op.backupStated()))
	if boot := op.Boot.Last; op.Boot.Attempt > 0 {
		fmt.Fprintf(&b, "Network boot %d: %s%s.\n\n", op.Boot.Attempt, boot.State, stageWords(boot))
	}
	if op.NoReturn != "" {
		fmt.Fprintf(&b, "**Past the point of no return**: %s.\n\n", markdown(op.NoReturn))
	}
	if eta := op.eta(); !eta.IsZero() {
		fmt.Fprintf(&b, "Done at about %s UTC.\n\n", eta.Format(hosting.LocalTime))
	}
	if op.Due != nil {
		fmt.Fprintf(&b, "Next: %s UTC.\n\n", op.Due.Format(hosting.LocalTime))
	}
	for _, st := range slices.Concat(op.Past, op.Steps) {
		if st.Error != "" {
			fmt.Fprintf(&b, "**%s** failed%s: %s\n\n", markdown(st.Title), again(st.Attempt), markdown(st.Error))
		}
	}
	b.WriteString("| | step | started (UTC) | took | estimate |\n|---|---|---|---|---|\n")
	for _, st := range op.Steps {
		fmt.Fprintf(&b, "| %s | %s%s | %s | %s | %s |\n", stepMarks[st.State], markdown(st.Title), again(st.Attempt),
			clock(st.Started), took(st), minutes(st.Estimate))
	}
	return b.String()
}

func stageWords(b hosting.NetworkBoot) string {
	if b.Stage == "" {
		return ""
	}
	return fmt.Sprintf(", %s, %d %%", markdown(b.Stage), b.Percent)
}

func triedWords(tools []hosting.RemoteTool) string {
	if len(tools) == 0 {
		return ""
	}
	words := make([]string, len(tools))
	for i, t := range tools {
		words[i] = string(t)
	}
	return " (failed: " + strings.Join(words, ", ") + ")"
}

// cut shortens a text to at most so many runes.
func cut(s string, most int) string {
	if r := []rune(s); len(r) > most {
		return string(r[:most]) + "…"
	}
	return s
}

func clock(t *time.Time) string {
	if t == nil {
		return ""
	}
	return t.Format("01-02 15:04:05")
}

func took(st hosting.Step) string {
	if st.Started == nil || st.Ended == nil {
		return ""
	}
	return st.Ended.Sub(*st.Started).Round(time.Second).String()
}

func minutes(d hosting.Duration) string {
	if d == 0 {
		return ""
	}
	return fmt.Sprintf("%.0f min", d.D().Minutes())
}

func again(attempt int) string {
	if attempt < 2 {
		return ""
	}
	return fmt.Sprintf(" (attempt %d)", attempt)
}

// markdown keeps outside text from becoming markup on the details page.
func markdown(s string) string {
	return strings.NewReplacer("|", "\\|", "*", "\\*", "_", "\\_", "`", "\\`", "<", "&lt;", "[", "\\[", "\n", " ").Replace(s)
}

func permissionWords(p hosting.PowerPermission) string {
	switch p.Grant {
	case hosting.GrantAllowed:
		return "allowed at any time"
	case hosting.GrantRefused:
		return "not allowed"
	case hosting.GrantWindow:
		return "only from " + p.Window.String()
	default:
		return "not answered"
	}
}

func backupWords(b hosting.BackupAnswer) string {
	switch b {
	case hosting.BackupCurrent:
		return "a current one exists"
	case hosting.BackupLossOkay:
		return "none, loss is accepted"
	default:
		return "not answered"
	}
}
