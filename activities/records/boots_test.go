package records_test

import (
	"crypto/sha256"
	"fmt"
	"reflect"
	"testing"
	"time"

	"github.com/handrail/handrail/activities/records"
	"github.com/handrail/handrail/hosting"
)

// reinstallation opens an operation on a server.
func (s *store) reinstallation(ticket, server string) hosting.Operation {
	s.t.Helper()
	in := opening(ticket)
	in.Procedure, in.Workflow = hosting.OSReinstall, "reinstall/"+ticket
	op, err := s.OpenOperation(s.t.Context(), in)
	must(s.t, err)
	must(s.t, s.AssignServer(s.t.Context(), records.Assignment{Operation: op.ID, Server: server, Ticket: ticket}))
	op.Server = server
	return op
}

// plan is an installation on srv-1.
func plan(disks ...string) hosting.Plan {
	p := hosting.Plan{
		System: system("debian-12", "Debian", "12"), RAID: hosting.RAIDNone, Layout: hosting.LayoutSingle, HostName: "web",
		Partitions: hosting.Partitioning{Layout: hosting.LayoutSingle}.Plan(), Firmware: hosting.FirmwareUEFI, MACs: servers()[0].MACs,
	}
	for i, serial := range disks {
		p.Disks = append(p.Disks, hosting.Disk{Serial: serial, Bay: fmt.Sprint(i)})
	}
	if len(disks) > 1 {
		p.RAID = hosting.RAID1
	}
	return p
}

// erasure records a data-loss consent; messages of one number are one message.
func (s *store) erasure(op hosting.Operation, target string, message int) hosting.Consent {
	s.t.Helper()
	in := consent(op, op.Server)
	in.Target, in.Evidence.Statement, in.Evidence.Message = target, hosting.EraseDisks, fmt.Sprint("erase-", message)
	return s.consent(in)
}

// installing is the arming of a plan on a consent of its own.
func (s *store) installing(op hosting.Operation, attempt int, p hosting.Plan) records.Arming {
	s.t.Helper()
	c := s.erasure(op, p.Target(), attempt)
	return records.Arming{
		Operation: op.ID, Server: op.Server, Purpose: hosting.BootInstall, Attempt: attempt, Plan: p,
		Spending: &records.Spending{Consent: c.ID, Operation: op.ID, Server: op.Server, Target: p.Target(), Key: "erase"},
	}
}

func rescuing(op hosting.Operation, attempt int) records.Arming {
	p := plan()
	p.MACs = append([]string{}, p.MACs...)
	return records.Arming{Operation: op.ID, Server: op.Server, Purpose: hosting.BootRescue, Attempt: attempt, Plan: p}
}

func ref(in records.Arming) records.BootRef {
	return records.BootRef{Operation: in.Operation, Attempt: in.Attempt}
}

func (s *store) arm(in records.Arming) hosting.NetworkBoot {
	s.t.Helper()
	boot, err := s.ArmBoot(s.t.Context(), in)
	must(s.t, err)
	return boot
}

func tokenOf(text string) [32]byte { return sha256.Sum256([]byte(text)) }

// handOut gives the boot that waits for srv-1 to the machine.
func (s *store) handOut(token string) hosting.NetworkBoot {
	s.t.Helper()
	boot, err := s.HandOutBoot(s.t.Context(), "52:54:00:00:01:01", tokenOf(token), time.Now().Add(time.Hour))
	must(s.t, err)
	if boot == nil {
		s.t.Fatal("no boot was waiting")
	}
	return *boot
}

func (s *store) wantBoot(in records.Arming, want hosting.BootState) hosting.NetworkBoot {
	s.t.Helper()
	boot, err := s.ReadBoot(s.t.Context(), ref(in))
	must(s.t, err)
	if boot.State != want || want.Ended() != (boot.EndedAt != nil) {
		s.t.Fatalf("the boot is %+v, want it %s", boot, want)
	}
	return boot
}

func TestArmBoot_I14(t *testing.T) {
	t.Parallel()
	s, ctx := open(t), t.Context()
	op := s.reinstallation("T-1", "srv-1")
	in := s.installing(op, 1, plan("A", "B"))
	got := s.arm(in)
	want := hosting.NetworkBoot{
		ID: got.ID, Operation: op.ID, Workflow: op.Workflow, Server: "srv-1", Purpose: hosting.BootInstall, Attempt: 1,
		Plan: in.Plan, State: hosting.BootArmed, ArmedAt: got.ArmedAt,
	}
	if !reflect.DeepEqual(got, want) || time.Since(got.ArmedAt) > time.Minute {
		t.Errorf("armed as\n%+v, want\n%+v", got, want)
	}
	if n := s.count("SELECT count(*) FROM consents WHERE id = $1 AND spent_at IS NOT NULL AND spent_for = 'erase'", in.Spending.Consent); n != 1 {
		t.Error("the consent is not spent")
	}
	if again := s.arm(in); !reflect.DeepEqual(again, got) {
		t.Errorf("a repeat is %+v", again)
	}
	other := in
	other.Plan.HostName = "db"
	_, err := s.ArmBoot(ctx, other)
	wantFault(t, err, hosting.FaultConflict, "another plan", "srv-1")

	// A second attempt, on the same consent, once the first is over.
	next := in
	next.Attempt = 2
	_, err = s.ArmBoot(ctx, next)
	wantFault(t, err, hosting.FaultConflict, "under way")
	for range 2 {
		boot, err := s.WithdrawBoot(ctx, ref(in))
		if must(t, err); boot.State != hosting.BootWithdrawn {
			t.Errorf("withdrawn as %+v", boot)
		}
	}
	if again := s.arm(in); again.State != hosting.BootWithdrawn {
		t.Errorf("a late repeat gives %+v", again)
	}
	if boot := s.arm(next); boot.State != hosting.BootArmed || boot.ID == got.ID {
		t.Errorf("the second attempt is %+v", boot)
	}
	_, err = s.ReadBoot(ctx, records.BootRef{Operation: op.ID, Attempt: 3})
	wantFault(t, err, hosting.FaultInvalidRequest, "network boot 3", op.ID)
}

// What is refused arms nothing and spends nothing.
func TestArmBootRefuses_I14(t *testing.T) {
	t.Parallel()
	s, ctx := open(t), t.Context()
	op, other := s.reinstallation("T-1", "srv-1"), s.reinstallation("T-2", "srv-1")
	elsewhere := s.reinstallation("T-3", "srv-2")
	unassigned := s.operation("T-4")
	closed := s.reinstallation("T-5", "srv-1")
	late := s.installing(closed, 1, plan("A"))
	must(t, s.CloseOperation(ctx, records.Closing{Operation: closed.ID, Phase: hosting.PhaseCancelled}))
	p := plan("A")
	revoked := s.erasure(op, p.Target(), 100)
	must(t, s.RevokeConsents(ctx, records.Revocation{Operation: op.ID, By: "zofia"}))
	power := consent(op, "srv-1")
	power.Target, power.Evidence.Statement, power.Evidence.Message = p.Target(), hosting.PowerAllowed, "power"
	permission := s.consent(power)
	elsewhereSpent := s.erasure(op, p.Target(), 101)
	must(t, s.SpendConsent(ctx, records.Spending{Consent: elsewhereSpent.ID, Operation: op.ID, Server: "srv-1", Target: p.Target(), Key: "act"}))
	good := s.installing(op, 1, p)
	for name, c := range map[string]struct {
		change func(*records.Arming)
		kind   hosting.FaultKind
		says   string
	}{
		"no consent":                      {func(v *records.Arming) { v.Spending = nil }, hosting.FaultNotAuthorized, "without a data-loss consent"},
		"another disk":                    {func(v *records.Arming) { v.Plan = plan("B") }, hosting.FaultNotAuthorized, "erase B"},
		"another system":                  {func(v *records.Arming) { v.Plan.System.ID = "debian-13" }, hosting.FaultNotAuthorized, "debian-13"},
		"a target that was not agreed to": {func(v *records.Arming) { v.Plan = plan("B"); v.Spending.Target = v.Plan.Target() }, hosting.FaultNotAuthorized, "erase A"},
		"spent in another operation":      {func(v *records.Arming) { v.Spending.Operation = other.ID }, hosting.FaultNotAuthorized, "another operation"},
		"another operation's consent":     {func(v *records.Arming) { v.Operation, v.Spending.Operation = other.ID, other.ID }, hosting.FaultNotAuthorized, "another operation"},
		"another server's consent": {func(v *records.Arming) {
			v.Operation, v.Server, v.Spending.Operation, v.Spending.Server = elsewhere.ID, "srv-2", elsewhere.ID, "srv-2"
		}, hosting.FaultNotAuthorized, "another operation"},
		"a permission for power": {func(v *records.Arming) { v.Spending.Consent = permission.ID }, hosting.FaultNotAuthorized, "no data-loss consent"},
		"revoked":                {func(v *records.Arming) { v.Spending.Consent = revoked.ID }, hosting.FaultNotAuthorized, "revoked"},
		"spent on another act":   {func(v *records.Arming) { v.Spending.Consent = elsewhereSpent.ID }, hosting.FaultNotAuthorized, "another act"},
		"unknown consent":        {func(v *records.Arming) { v.Spending.Consent = unknownID }, hosting.FaultNotAuthorized, "not in the records"},
		"rescue that spends":     {func(v *records.Arming) { v.Purpose = hosting.BootRescue }, hosting.FaultInvalidRequest, "installs nothing"},
		"unknown purpose":        {func(v *records.Arming) { v.Purpose, v.Spending = "party", nil }, hosting.FaultInvalidRequest, "purpose"},
		"attempt 0":              {func(v *records.Arming) { v.Attempt = 0 }, hosting.FaultInvalidRequest, "count from 1"},
		"no network card":        {func(v *records.Arming) { v.Plan.MACs = nil }, hosting.FaultInvalidRequest, "network card"},
		"unreadable card":        {func(v *records.Arming) { v.Plan.MACs = []string{"eth0"} }, hosting.FaultInvalidRequest, "eth0"},
		"another server's card":  {func(v *records.Arming) { v.Plan.MACs = servers()[1].MACs }, hosting.FaultConflict, "another server's"},
		"unknown operation":      {func(v *records.Arming) { v.Operation, v.Spending.Operation = unknownID, unknownID }, hosting.FaultInvalidRequest, unknownID},
		"operation on no server": {func(v *records.Arming) { *v = rescuing(unassigned, 1); v.Server = "srv-1" }, hosting.FaultInvalidRequest, "another server"},
		"closed operation":       {func(v *records.Arming) { *v = late }, hosting.FaultConflict, "closed"},
	} {
		v, spending := good, *good.Spending
		v.Spending = &spending
		c.change(&v)
		boot, err := s.ArmBoot(ctx, v)
		if hosting.KindOf(err) != c.kind || boot.ID != "" {
			t.Errorf("%s: %+v, %v", name, boot, err)
			continue
		}
		wantFault(t, err, c.kind, c.says)
	}
	if n := s.count("SELECT count(*) FROM network_boots"); n != 0 {
		t.Errorf("%d boots were armed", n)
	}
	if n := s.count("SELECT count(*) FROM consents WHERE spent_at IS NOT NULL AND id <> $1", elsewhereSpent.ID); n != 0 {
		t.Errorf("%d consents were spent for nothing", n)
	}
	s.arm(good)
}

func TestEndBoot(t *testing.T) {
	t.Parallel()
	s, ctx := open(t), t.Context()
	op := s.reinstallation("T-1", "srv-1")
	in := s.installing(op, 1, plan("A"))
	s.arm(in)
	end := func(state hosting.BootState, why string) (hosting.NetworkBoot, error) {
		return s.EndBoot(ctx, records.BootEnd{BootRef: ref(in), State: state, Error: why})
	}
	_, err := end(hosting.BootWithdrawn, "")
	wantFault(t, err, hosting.FaultInvalidRequest, "done or failed")
	_, err = end(hosting.BootDone, "") // it was never handed out
	wantFault(t, err, hosting.FaultConflict)
	s.handOut("a")
	_, err = end(hosting.BootDone, "") // it was never let erase
	wantFault(t, err, hosting.FaultConflict, "nothing can have been done")
	for range 2 {
		boot, err := end(hosting.BootFailed, "it hangs\x00")
		if must(t, err); boot.State != hosting.BootFailed || boot.Error != "it hangs" {
			t.Errorf("ended as %+v", boot)
		}
	}
	if boot, err := end(hosting.BootDone, ""); err != nil || boot.State != hosting.BootFailed {
		t.Errorf("what had failed was done afterwards: %+v, %v", boot, err)
	}

	in.Attempt = 2
	s.arm(in)
	s.handOut("b")
	must(t, second(s.BeginErasing(ctx, tokenOf("b"), []string{"A"})))
	if boot, err := s.WithdrawBoot(ctx, ref(in)); err != nil || boot.State != hosting.BootErasing {
		t.Errorf("a boot that erases was withdrawn: %+v, %v", boot, err)
	}
	if boot, err := end(hosting.BootDone, "ignored"); err != nil || boot.State != hosting.BootDone || boot.Error != "" || boot.EndedAt == nil {
		t.Errorf("found out by looking: %+v, %v", boot, err)
	}
	// One consent, one finished installation.
	in.Attempt = 3
	_, err = s.ArmBoot(ctx, in)
	wantFault(t, err, hosting.FaultNotAuthorized, "is done", "ask the customer")
	in = s.installing(op, 4, plan("A"))
	s.arm(in)
}

// A closed operation leaves no boot behind.
func TestCloseOperationEndsItsBoot(t *testing.T) {
	t.Parallel()
	s, ctx := open(t), t.Context()
	for i, c := range []struct {
		reach func(hosting.Operation)
		want  hosting.BootState
	}{
		{func(hosting.Operation) {}, hosting.BootWithdrawn},
		{func(hosting.Operation) { s.handOut("a") }, hosting.BootWithdrawn},
		{func(hosting.Operation) {
			s.handOut("b")
			must(t, second(s.BeginErasing(ctx, tokenOf("b"), []string{"A"})))
		}, hosting.BootFailed},
		{func(hosting.Operation) {
			s.handOut("c")
			must(t, second(s.BeginErasing(ctx, tokenOf("c"), []string{"A"})))
			must(t, second(s.ReportBoot(ctx, tokenOf("c"), records.BootReport{State: hosting.BootDone})))
		}, hosting.BootDone},
	} {
		op := s.reinstallation(fmt.Sprint("T-", i), "srv-1")
		in := s.installing(op, 1, plan("A"))
		s.arm(in)
		c.reach(op)
		must(t, s.CloseOperation(ctx, records.Closing{Operation: op.ID, Phase: hosting.PhaseFailed}))
		boot := s.wantBoot(in, c.want)
		if (c.want == hosting.BootFailed) != (boot.Error != "") {
			t.Errorf("it ended with the error %q", boot.Error)
		}
		if got, err := s.HandOutBoot(ctx, in.Plan.MACs[0], tokenOf(fmt.Sprint(i)), time.Now().Add(time.Hour)); got != nil || err != nil {
			t.Errorf("a closed operation's boot is handed out: %+v, %v", got, err)
		}
		if boot := s.wantBoot(in, c.want); boot.AskedAgainAt != nil {
			t.Errorf("a closed operation hears of later boots: %+v", boot)
		}
	}
}
