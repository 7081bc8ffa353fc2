package records_test

import (
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/handrail/handrail/activities/records"
	"github.com/handrail/handrail/hosting"
)

// Of many that act at once, one arms, one machine gets the script, and one
// installer is let erase.
func TestBootRaces_I14(t *testing.T) {
	t.Parallel()
	s, ctx := open(t), t.Context()
	op, rival := s.reinstallation("T-1", "srv-1"), s.reinstallation("T-2", "srv-1")
	const racers = 16
	for round := range 10 {
		mine, theirs := s.installing(op, round+1, plan("A")), s.installing(rival, round+1, plan("A"))
		var armed [racers]string
		race(racers, func(i int) {
			in := mine
			switch i % 4 {
			case 2:
				in = theirs
			case 3: // another act on the same consent
				other := *mine.Spending
				other.Key = fmt.Sprint("another-", i)
				in.Attempt, in.Spending = 1000*(round+1)+i, &other
			}
			boot, err := s.ArmBoot(ctx, in)
			if kind := hosting.KindOf(err); err != nil && kind != hosting.FaultConflict && kind != hosting.FaultNotAuthorized {
				t.Errorf("refused for the wrong reason: %v", err)
			}
			armed[i] = boot.ID
		})
		if n := s.count("SELECT count(*) FROM network_boots WHERE live"); n != 1 {
			t.Fatalf("round %d: %d boots are live", round, n)
		}
		distinct := map[string]bool{}
		for _, id := range armed {
			distinct[id] = true
		}
		if delete(distinct, ""); len(distinct) != 1 {
			t.Fatalf("round %d: armed were %v", round, distinct)
		}

		var got, let atomic.Int32
		var token [racers][32]byte
		var winner atomic.Int32
		race(racers, func(i int) {
			token[i] = tokenOf(fmt.Sprint(round, "-", i))
			boot, err := s.HandOutBoot(ctx, mine.Plan.MACs[i%2], token[i], time.Now().Add(time.Hour))
			if err != nil {
				t.Errorf("asking for the script: %v", err)
			}
			if boot != nil {
				got.Add(1)
				winner.Store(int32(i))
			}
		})
		if got.Load() != 1 {
			t.Fatalf("round %d: %d machines got the script", round, got.Load())
		}
		race(racers, func(int) {
			_, err := s.BeginErasing(ctx, token[winner.Load()], []string{"A"})
			if err == nil {
				let.Add(1)
			} else if hosting.KindOf(err) != hosting.FaultConflict {
				t.Errorf("refused for the wrong reason: %v", err)
			}
		})
		if let.Load() != 1 {
			t.Fatalf("round %d: %d were let erase", round, let.Load())
		}
		must(t, second(s.ReportBoot(ctx, token[winner.Load()], records.BootReport{State: hosting.BootDone})))
	}
}

// Withdrawing, closing and being let erase exclude each other.
func TestEraseMeetsWithdrawal(t *testing.T) {
	t.Parallel()
	s, ctx := open(t), t.Context()
	for round := range 20 {
		op := s.reinstallation(fmt.Sprint("T-", round), "srv-1")
		in := s.installing(op, 1, plan("A"))
		s.arm(in)
		token := fmt.Sprint(round)
		s.handOut(token)
		var let atomic.Bool
		race(3, func(i int) {
			switch i {
			case 0:
				if _, err := s.WithdrawBoot(ctx, ref(in)); err != nil {
					t.Error(err)
				}
			case 1:
				if err := s.CloseOperation(ctx, records.Closing{Operation: op.ID, Phase: hosting.PhaseCancelled}); err != nil {
					t.Error(err)
				}
			case 2:
				_, err := s.BeginErasing(ctx, tokenOf(token), []string{"A"})
				if err != nil && hosting.KindOf(err) != hosting.FaultNotAuthorized {
					t.Error(err)
				}
				let.Store(err == nil)
			}
		})
		want := hosting.BootWithdrawn
		if let.Load() {
			want = hosting.BootFailed
		}
		if boot := s.wantBoot(in, want); (boot.ErasingAt != nil) != let.Load() {
			t.Fatalf("round %d: let erase %v, kept as %+v", round, let.Load(), boot)
		}
	}
}

// A boot that is armed while its consent's installation is being finished
// waits for that, and is refused. The database holds it without the methods.
func TestArmMeetsDone_I14(t *testing.T) {
	t.Parallel()
	s, ctx := open(t), t.Context()
	op := s.reinstallation("T-1", "srv-1")
	in := s.installing(op, 1, plan("A"))
	s.arm(in)
	s.handOut("a")
	must(t, second(s.BeginErasing(ctx, tokenOf("a"), []string{"A"})))
	done, err := s.sql.Begin(ctx)
	must(t, err)
	defer done.Rollback(ctx)
	_, err = done.Exec(ctx, "UPDATE network_boots SET state = 'done', ended_at = now()")
	must(t, err)
	in.Attempt = 2
	arming := make(chan error, 1)
	go func() { arming <- second(s.ArmBoot(ctx, in)) }()
	for deadline := time.Now().Add(20 * time.Second); len(arming) == 0 && time.Now().Before(deadline); {
		if s.count("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'") > 0 {
			break
		}
	}
	must(t, done.Commit(ctx))
	wantFault(t, <-arming, hosting.FaultNotAuthorized, "is done")
}
