package records_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/handrail/handrail/activities/records"
	"github.com/handrail/handrail/hosting"
)

// wipes watches one server from outside: what was consented to, and what was
// let erase on which consent.
type wipes struct {
	s          *store
	rt         *rapid.T
	server     hosting.Server
	operations []hosting.Operation
	closed     map[string]bool
	consents   []agreed
	revoked    map[string]bool   // by consent, where it was not spent before
	on         map[string]string // consent by boot
	erased     map[string]int    // by boot
	finished   map[string]bool   // by consent
	attempts   map[string]int    // the last one, by operation
	last       records.BootRef   // the boot that was armed last
	tokens     []handed
	message    int
	goingOn    bool
}

type agreed struct {
	hosting.Consent
	plan hosting.Plan
}

type handed struct {
	token string
	disks []string // of its plan
}

func newWipes(rt *rapid.T, s *store, run int) *wipes {
	server := servers()[1]
	server.ServiceID, server.HostName = fmt.Sprint("boot-", run), ""
	server.PrimaryIP, server.MACs = fmt.Sprintf("198.18.%d.%d", run/256, run%256), []string{fmt.Sprintf("52:54:00:01:%02x:%02x", run/256, run%256)}
	must(s.t, s.ImportServers(s.t.Context(), []hosting.Server{server}))
	w := &wipes{
		s: s, rt: rt, server: server, closed: map[string]bool{}, revoked: map[string]bool{},
		on: map[string]string{}, erased: map[string]int{}, finished: map[string]bool{}, attempts: map[string]int{},
	}
	for i := range 2 {
		w.operations = append(w.operations, s.reinstallation(fmt.Sprintf("W-%d-%d", run, i), server.ServiceID))
	}
	return w
}

// answered fails where a refusal is none that its reader can act on.
func (w *wipes) answered(err error) bool {
	if err != nil && hosting.KindOf(err) == "" {
		w.rt.Fatalf("refused without a reason: %v", err)
	}
	return err == nil
}

func (w *wipes) operation() hosting.Operation {
	return rapid.SampledFrom(w.operations).Draw(w.rt, "operation")
}

// mostly is true three times out of four, and always while it goes on.
func (w *wipes) mostly(what string) bool {
	return w.goingOn || rapid.SampledFrom([]bool{true, true, true, false}).Draw(w.rt, what)
}

func (w *wipes) plan() hosting.Plan {
	p := plan(rapid.SampledFrom([][]string{{"A"}, {"B"}, {"A", "B"}}).Draw(w.rt, "planned disks")...)
	p.System.ID = rapid.SampledFrom([]string{"debian-12", "debian-13"}).Draw(w.rt, "system")
	p.MACs = w.server.MACs
	return p
}

func (w *wipes) consent() {
	w.message++
	op, p := w.operation(), w.plan()
	in := consent(op, w.server.ServiceID)
	in.Target, in.Evidence.Message, in.Evidence.Statement = p.Target(), fmt.Sprint("m-", w.message), hosting.EraseDisks
	if !w.mostly("for data loss") {
		in.Evidence.Statement = hosting.PowerAllowed
	}
	if c, err := w.s.RecordConsent(w.s.t.Context(), in); w.answered(err) {
		w.consents = append(w.consents, agreed{c, p})
	}
}

// arm mostly does what somebody consented to, by and by with everything that
// may be wrong with it.
func (w *wipes) arm() {
	in := records.Arming{
		Operation: w.operation().ID, Server: w.server.ServiceID, Purpose: hosting.BootInstall, Plan: w.plan(),
	}
	if len(w.consents) > 0 && w.mostly("with consent") {
		c := w.consents[len(w.consents)-1]
		if !w.mostly("last consent") {
			c = rapid.SampledFrom(w.consents).Draw(w.rt, "consent")
		}
		if w.mostly("as agreed") {
			in.Operation, in.Plan = c.Operation, c.plan
		}
		in.Spending = &records.Spending{Consent: c.ID, Operation: in.Operation, Server: in.Server, Target: in.Plan.Target(), Key: "erase"}
		if !w.mostly("same act") {
			in.Spending.Key = "another"
		}
	} else if !w.mostly("install") {
		in.Purpose = hosting.BootRescue
	}
	if in.Attempt = w.attempts[in.Operation] + 1; !w.mostly("next attempt") {
		in.Attempt = rapid.IntRange(1, 4).Draw(w.rt, "attempt")
	}
	boot, err := w.s.ArmBoot(w.s.t.Context(), in)
	if _, known := w.on[boot.ID]; w.answered(err) && !known {
		w.on[boot.ID], w.attempts[in.Operation] = "", max(in.Attempt, w.attempts[in.Operation])
		w.last = ref(in)
		if in.Spending != nil {
			w.on[boot.ID] = in.Spending.Consent
		}
	}
}

// goOn does what comes next if nothing goes wrong but the installation itself.
func (w *wipes) goOn() {
	w.goingOn = true
	defer func() { w.goingOn = false }()
	boot, err := w.s.ReadBoot(w.s.t.Context(), w.last)
	if err != nil {
		boot.State = hosting.BootFailed
	}
	switch boot.State {
	case hosting.BootArmed:
		w.handOut()
	case hosting.BootHandedOut:
		w.begin()
	case hosting.BootErasing:
		w.report()
	default:
		if n := len(w.consents); n == 0 || w.revoked[w.consents[n-1].ID] || w.closed[w.consents[n-1].Operation] || !rapid.Bool().Draw(w.rt, "same consent") {
			w.consent()
		}
		w.arm()
	}
}

func (w *wipes) handOut() {
	h := handed{token: fmt.Sprintf("%s-%d", w.server.ServiceID, len(w.tokens))}
	boot, err := w.s.HandOutBoot(w.s.t.Context(), w.server.MACs[0], tokenOf(h.token), time.Now().Add(time.Hour))
	if !w.answered(err) || boot == nil {
		return
	}
	for _, d := range boot.Plan.Disks {
		h.disks = append(h.disks, d.Serial)
	}
	w.tokens = append(w.tokens, h)
}

// machine is who asks: mostly the one that got the last script.
func (w *wipes) machine() handed {
	if n := len(w.tokens); n > 0 && w.mostly("last machine") {
		return w.tokens[n-1]
	}
	return rapid.SampledFrom(append([]handed{{token: "unknown"}}, w.tokens...)).Draw(w.rt, "machine")
}

// begin is where everything is looked at that the wipe needs.
func (w *wipes) begin() {
	m := w.machine()
	disks := slices.Clone(m.disks)
	if len(disks) == 0 || !w.mostly("planned disks") {
		disks = rapid.SampledFrom([][]string{{"A"}, {"B"}, {"B", "A"}}).Draw(w.rt, "disks")
	}
	boot, err := w.s.BeginErasing(w.s.t.Context(), tokenOf(m.token), disks)
	if !w.answered(err) {
		return
	}
	w.erased[boot.ID]++
	i := slices.IndexFunc(w.consents, func(c agreed) bool { return c.ID == w.on[boot.ID] })
	if i < 0 {
		w.rt.Fatalf("disks are erased without a consent: %+v", boot)
	}
	c := w.consents[i]
	var planned []string
	for _, d := range boot.Plan.Disks {
		planned = append(planned, d.Serial)
	}
	slices.Sort(disks)
	switch {
	case c.Operation != boot.Operation || c.Server != boot.Server || c.Target != boot.Plan.Target() || c.Evidence.Statement != hosting.EraseDisks:
		w.rt.Fatalf("disks are erased on the consent %+v: %+v", c, boot)
	case w.revoked[c.ID]:
		w.rt.Fatalf("disks are erased on the revoked consent %+v", c)
	case w.closed[boot.Operation]:
		w.rt.Fatalf("disks are erased for a closed operation")
	case w.erased[boot.ID] > 1:
		w.rt.Fatalf("one boot was let erase %d times", w.erased[boot.ID])
	case w.finished[c.ID]:
		w.rt.Fatalf("disks are erased again after the installation that the consent allowed")
	case !slices.Equal(disks, planned):
		w.rt.Fatalf("disks %v are erased, planned were %v", disks, planned)
	case w.s.count("SELECT count(*) FROM consents WHERE id = $1 AND spent_at IS NOT NULL AND revoked_at IS NULL", c.ID) != 1:
		w.rt.Fatalf("the consent is not spent")
	}
}

func (w *wipes) ended(boot hosting.NetworkBoot) {
	if boot.State != hosting.BootDone || boot.Purpose != hosting.BootInstall {
		return
	}
	if w.erased[boot.ID] != 1 {
		w.rt.Fatalf("an installation is done that was let erase %d times", w.erased[boot.ID])
	}
	w.finished[w.on[boot.ID]] = true
}

func (w *wipes) report() {
	in := records.BootReport{State: rapid.SampledFrom([]hosting.BootState{"", hosting.BootDone, hosting.BootFailed}).Draw(w.rt, "reported"), Stage: "x"}
	if boot, err := w.s.ReportBoot(w.s.t.Context(), tokenOf(w.machine().token), in); w.answered(err) {
		w.ended(boot)
	}
}

func (w *wipes) look() {
	in := records.BootRef{Operation: w.operation().ID, Attempt: rapid.IntRange(1, 4).Draw(w.rt, "attempt")}
	if rapid.Bool().Draw(w.rt, "withdraw") {
		_, err := w.s.WithdrawBoot(w.s.t.Context(), in)
		w.answered(err)
		return
	}
	state := rapid.SampledFrom([]hosting.BootState{hosting.BootDone, hosting.BootFailed}).Draw(w.rt, "found")
	if boot, err := w.s.EndBoot(w.s.t.Context(), records.BootEnd{BootRef: in, State: state}); w.answered(err) {
		w.ended(boot)
	}
}

func (w *wipes) revoke() {
	op := w.operation()
	must(w.s.t, w.s.RevokeConsents(w.s.t.Context(), records.Revocation{Operation: op.ID, By: "zofia"}))
	for _, c := range w.consents {
		if c.Operation == op.ID && !slices.ContainsFunc(w.spent(), func(id string) bool { return id == c.ID }) {
			w.revoked[c.ID] = true
		}
	}
}

// spent are the consents on which something was armed.
func (w *wipes) spent() (ids []string) {
	for _, id := range w.on {
		ids = append(ids, id)
	}
	return ids
}

func (w *wipes) close() {
	op := w.operation()
	if w.mostly("leave open") {
		return
	}
	if w.answered(w.s.CloseOperation(w.s.t.Context(), records.Closing{Operation: op.ID, Phase: hosting.PhaseCancelled})) {
		w.closed[op.ID] = true
		if n := w.s.count("SELECT count(*) FROM network_boots WHERE live AND operation = $1", op.ID); n != 0 {
			w.rt.Fatalf("the closed operation has %d live boots", n)
		}
	}
}

// likely names the acts, the likelier ones more often and first.
var likely = strings.Split("go on,go on,go on,begin,hand out,arm,report,consent,arm,hand out,begin,report,look,revoke,close", ",")

// No sequence of consents, changed plans, attempts, reports, withdrawals and
// closings erases a disk without a consent for exactly that, or twice on one.
func TestNoWipeWithoutConsent_I14(t *testing.T) {
	t.Parallel()
	s := open(t)
	run, erased, again := 0, 0, 0
	rapid.Check(t, func(rt *rapid.T) {
		run++
		w := newWipes(rt, s, run)
		acts := map[string]func(){
			"go on": w.goOn, "consent": w.consent, "arm": w.arm, "hand out": w.handOut, "begin": w.begin, "report": w.report, "look": w.look,
			"revoke": w.revoke, "close": w.close,
		}
		for range rapid.IntRange(15, 45).Draw(rt, "length") {
			acts[rapid.SampledFrom(likely).Draw(rt, "act")]()
		}
		on := map[string]int{}
		for id := range w.erased {
			if on[w.on[id]]++; on[w.on[id]] > 1 {
				again++
			}
		}
		erased += len(w.erased)
		if n := s.count("SELECT count(*) FROM network_boots WHERE server = $1 AND erasing_at IS NOT NULL", w.server.ServiceID); n != len(w.erased) {
			rt.Fatalf("%d boots were let erase, the records have %d", len(w.erased), n)
		}
	})
	t.Logf("%d runs let erase %d times, %d of them a further attempt on the same consent", run, erased, again)
	if run >= 100 && (erased == 0 || again == 0) {
		t.Error("no sequence got as far as erasing, or as erasing once more on one consent: the test shows nothing")
	}
}
