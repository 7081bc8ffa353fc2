package records_test

import (
	"crypto/ed25519"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/handrail/handrail/activities/records"
	"github.com/handrail/handrail/hosting"
)

func TestHandOutBoot(t *testing.T) {
	t.Parallel()
	s, ctx := open(t), t.Context()
	op := s.reinstallation("T-1", "srv-1")
	ask := func(mac, token string, in time.Duration) *hosting.NetworkBoot {
		t.Helper()
		boot, err := s.HandOutBoot(ctx, mac, tokenOf(token), time.Now().Add(in))
		must(t, err)
		return boot
	}
	if boot := ask("52:54:00:00:01:01", "a", time.Hour); boot != nil {
		t.Errorf("without a boot the machine got %+v", boot)
	}
	in := s.installing(op, 1, plan("A"))
	s.arm(in)
	if boot := ask("52:54:00:00:02:01", "a", time.Hour); boot != nil {
		t.Errorf("another machine got %+v", boot)
	}
	_, err := s.HandOutBoot(ctx, "eth0", tokenOf("a"), time.Now().Add(time.Hour))
	wantFault(t, err, hosting.FaultInvalidRequest, "eth0")
	_, err = s.HandOutBoot(ctx, "52:54:00:00:01:01", tokenOf("a"), time.Now().Add(-time.Hour))
	wantFault(t, err, hosting.FaultInvalidRequest, "a time to come")
	got := ask("52-54-00-00-01-01", "a", time.Hour) // any of its cards, however written
	if got == nil || got.State != hosting.BootHandedOut || got.HandedOutAt == nil || got.Operation != op.ID || got.AskedAgainAt != nil {
		t.Fatalf("handed out is %+v", got)
	}
	if got.Plan.Target() != in.Plan.Target() || got.Workflow != op.Workflow {
		t.Errorf("handed out is %+v", got)
	}
	for _, mac := range in.Plan.MACs {
		if boot := ask(mac, "b", time.Hour); boot != nil {
			t.Errorf("asked again, it got %+v", boot)
		}
	}
	if boot := s.wantBoot(in, hosting.BootHandedOut); boot.AskedAgainAt == nil {
		t.Errorf("that it asked again is not noted: %+v", boot)
	}
	must(t, second(s.WithdrawBoot(ctx, ref(in))))

	// A card that became another server's after the arming gets nothing.
	in.Attempt = 2
	s.arm(in)
	moved := servers()[:2]
	moved[0].MACs, moved[1].MACs = nil, servers()[0].MACs
	must(t, s.ImportServers(ctx, moved))
	if boot := ask("52:54:00:00:01:01", "c", time.Hour); boot != nil {
		t.Errorf("another server's card got %+v", boot)
	}
	s.wantBoot(in, hosting.BootArmed)
	// Another server with the same card is not armed meanwhile.
	other := s.reinstallation("T-2", "srv-2")
	_, err = s.ArmBoot(ctx, rescuing(other, 1))
	wantFault(t, err, hosting.FaultConflict, "same network card")
}

func TestTokensAreWorthless(t *testing.T) {
	t.Parallel()
	s, ctx := open(t), t.Context()
	op := s.reinstallation("T-1", "srv-1")
	in := s.installing(op, 1, plan("A"))
	worthless := func(name, token string) {
		t.Helper()
		_, read := s.BootByToken(ctx, tokenOf(token))
		_, begin := s.BeginErasing(ctx, tokenOf(token), []string{"A"})
		_, report := s.ReportBoot(ctx, tokenOf(token), records.BootReport{Stage: "x"})
		for _, err := range []error{read, begin, report} {
			if hosting.KindOf(err) != hosting.FaultNotAuthorized || strings.Contains(err.Error(), "srv-1") {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
	s.arm(in)
	worthless("unknown", "a")
	s.handOut("a")
	if boot, err := s.BootByToken(ctx, tokenOf("a")); err != nil || boot.State != hosting.BootHandedOut {
		t.Errorf("%+v, %v", boot, err)
	}
	worthless("another", "b")
	must(t, second(s.WithdrawBoot(ctx, ref(in))))
	worthless("withdrawn", "a")
	in.Attempt = 2
	s.arm(in)
	s.handOut("c")
	s.exec("ALTER TABLE network_boots DISABLE TRIGGER network_boots_granted_once")
	s.exec("UPDATE network_boots SET handed_out_at = now() - interval '2 h', token_expires = now() - interval '1 s' WHERE live")
	worthless("expired", "c")
	s.wantBoot(in, hosting.BootHandedOut)
}

func TestBeginErasing_I14(t *testing.T) {
	t.Parallel()
	s, ctx := open(t), t.Context()
	op := s.reinstallation("T-1", "srv-1")
	unlisted := plan()
	unlisted.RAID = hosting.RAID1
	for i, c := range []struct {
		plan  hosting.Plan
		disks []string
		says  string // empty is let
	}{
		{plan("A"), []string{"A"}, ""},
		{plan("A", "B"), []string{"B", " A "}, ""},
		{plan("A", "B"), []string{"A", "B", "A"}, ""},
		{plan("A", "B"), []string{"A"}, "erase disk A, the plan and the consent are for disks A, B"},
		{plan("A"), []string{"A", "B"}, "erase disks A, B, the plan and the consent are for disk A"},
		{plan("A"), []string{"a"}, "erase disk a"},
		{unlisted, []string{"X", "Y"}, ""},
		{unlisted, []string{"X", "X"}, "erase disk X, the plan is for 2"},
		{unlisted, []string{"X", "Y", "Z"}, "erase disks X, Y, Z"},
	} {
		in := s.installing(op, i+1, c.plan)
		s.arm(in)
		token := fmt.Sprint("token-", i)
		s.handOut(token)
		for _, none := range [][]string{nil, {""}, {"A", " "}, {"A\x00"}, {strings.Repeat("x", 201)}, slices.Repeat([]string{"A"}, 65)} {
			_, err := s.BeginErasing(ctx, tokenOf(token), none)
			wantFault(t, err, hosting.FaultInvalidRequest)
		}
		got, err := s.BeginErasing(ctx, tokenOf(token), c.disks)
		if c.says != "" {
			wantFault(t, err, hosting.FaultConflict, c.says, "srv-1")
			if boot := s.wantBoot(in, hosting.BootFailed); boot.ErasingAt != nil || !strings.Contains(boot.Error, c.says) {
				t.Errorf("case %d: %+v", i, boot)
			}
			_, err = s.BeginErasing(ctx, tokenOf(token), []string{"A"}) // no second guess
			wantFault(t, err, hosting.FaultNotAuthorized)
			continue
		}
		if must(t, err); got.State != hosting.BootErasing || got.ErasingAt == nil || got.ReportedAt == nil {
			t.Errorf("case %d: %+v", i, got)
		}
		for _, disks := range [][]string{c.disks, {"wrong"}} {
			_, err = s.BeginErasing(ctx, tokenOf(token), disks)
			wantFault(t, err, hosting.FaultConflict, "only once")
		}
		s.wantBoot(in, hosting.BootErasing)
		must(t, second(s.EndBoot(ctx, records.BootEnd{BootRef: ref(in), State: hosting.BootFailed})))
	}
	in := rescuing(op, 100)
	s.arm(in)
	s.handOut("rescue")
	_, err := s.BeginErasing(ctx, tokenOf("rescue"), []string{"A"})
	wantFault(t, err, hosting.FaultConflict, "rescue, which erases nothing")
	s.wantBoot(in, hosting.BootHandedOut)
	must(t, second(s.ReportBoot(ctx, tokenOf("rescue"), records.BootReport{State: hosting.BootDone})))
}

func hostKey(t testing.TB, seed int) string {
	t.Helper()
	key, err := ssh.NewPublicKey(ed25519.NewKeyFromSeed(slices.Repeat([]byte{byte(seed)}, ed25519.SeedSize)).Public())
	must(t, err)
	return strings.TrimSpace(string(ssh.MarshalAuthorizedKey(key)))
}

func TestReportBoot(t *testing.T) {
	t.Parallel()
	s, ctx := open(t), t.Context()
	op := s.reinstallation("T-1", "srv-1")
	in := s.installing(op, 1, plan("A"))
	s.arm(in)
	s.handOut("a")
	report := func(r records.BootReport) hosting.NetworkBoot {
		t.Helper()
		boot, err := s.ReportBoot(ctx, tokenOf("a"), r)
		must(t, err)
		return boot
	}
	_, err := s.ReportBoot(ctx, tokenOf("a"), records.BootReport{State: hosting.BootDone})
	wantFault(t, err, hosting.FaultConflict, "nothing can have been done")
	must(t, second(s.BeginErasing(ctx, tokenOf("a"), []string{"A"})))
	report(records.BootReport{Stage: strings.Repeat("ż", 61) + "\x00", Percent: 40})
	boot := report(records.BootReport{HostKeys: []string{hostKey(t, 1) + " root@web\n"}})
	boot = report(records.BootReport{HostKeys: []string{hostKey(t, 2), hostKey(t, 1)}})
	if boot.Stage != strings.Repeat("ż", 60) || boot.Percent != 40 || !slices.Equal(boot.HostKeys, []string{hostKey(t, 1), hostKey(t, 2)}) || boot.ReportedAt == nil {
		t.Errorf("it reported %+v", boot)
	}
	var many []string
	for i := range 8 {
		many = append(many, hostKey(t, 10+i))
	}
	for name, bad := range map[string]records.BootReport{
		"-1 %":                 {Stage: "x", Percent: -1},
		"101 %":                {Stage: "x", Percent: 101},
		"withdrawn":            {State: hosting.BootWithdrawn},
		"erasing":              {State: hosting.BootErasing},
		"no key":               {HostKeys: []string{"ssh-ed25519"}},
		"a key with options":   {HostKeys: []string{`command="rm -rf /" ` + hostKey(t, 1)}},
		"two keys in one":      {HostKeys: []string{hostKey(t, 1) + "\n" + hostKey(t, 2)}},
		"a very long comment":  {HostKeys: []string{hostKey(t, 1) + " " + strings.Repeat("x", 1000)}},
		"nine keys":            {HostKeys: append(many, hostKey(t, 9))},
		"ten keys in two days": {HostKeys: many},
	} {
		if _, err := s.ReportBoot(ctx, tokenOf("a"), bad); hosting.KindOf(err) != hosting.FaultInvalidRequest {
			t.Errorf("%s: %v", name, err)
		}
	}
	if boot := s.wantBoot(in, hosting.BootErasing); boot.Percent != 40 || len(boot.HostKeys) != 2 {
		t.Errorf("what was refused was written: %+v", boot)
	}
	for range 2 { // the machine may not have heard the answer
		if boot := report(records.BootReport{State: hosting.BootDone, Error: "none"}); boot.State != hosting.BootDone || boot.Error != "" || boot.EndedAt == nil {
			t.Errorf("done is %+v", boot)
		}
	}
	_, err = s.ReportBoot(ctx, tokenOf("a"), records.BootReport{State: hosting.BootFailed})
	wantFault(t, err, hosting.FaultNotAuthorized)

	in = s.installing(op, 2, plan("A"))
	s.arm(in)
	s.handOut("b")
	boot, err = s.ReportBoot(ctx, tokenOf("b"), records.BootReport{State: hosting.BootFailed, Error: "a\x1bb\n" + strings.Repeat("x", 3000)})
	must(t, err)
	if boot.State != hosting.BootFailed || len(boot.Error) != 2000 || !strings.HasPrefix(boot.Error, "a b\nx") {
		t.Errorf("failed is %+v", boot)
	}
	in.Attempt = 3 // nothing was installed: the same consent still does
	s.arm(in)
	s.handOut("c")
	if boot, err = s.ReportBoot(ctx, tokenOf("c"), records.BootReport{State: hosting.BootFailed}); err != nil || boot.Error == "" {
		t.Errorf("failed without a reason is %+v, %v", boot, err)
	}
}
