package records_test

import (
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/handrail/handrail/activities/records"
	"github.com/handrail/handrail/hosting"
)

func consent(op hosting.Operation, server string) hosting.Consent {
	return hosting.Consent{Operation: op.ID, Server: server, Target: "disk 1", Evidence: hosting.Evidence{
		Statement: hosting.LossAccepted, Version: 2, Language: hosting.Polish, Text: "Zgadzam się na utratę danych",
		Author: "zofia@globex.example", At: time.Date(2026, 11, 21, 12, 0, 0, 123456789, time.FixedZone("", 3600)), Message: "m-1",
	}}
}

func (s *store) consent(in hosting.Consent) hosting.Consent {
	s.t.Helper()
	c, err := s.RecordConsent(s.t.Context(), in)
	must(s.t, err)
	return c
}

func TestConsentIsKeptAsWritten_I8(t *testing.T) {
	t.Parallel()
	s, ctx := open(t), t.Context()
	op := s.operation("T-1")
	in := consent(op, "srv-1")
	got := s.consent(in)
	want := in
	want.ID, want.Evidence.At = got.ID, time.Date(2026, 11, 21, 11, 0, 0, 123456000, time.UTC)
	if got != want || got.ID == "" {
		t.Errorf("kept as %+v, want %+v", got, want)
	}
	if again := s.consent(in); again != got {
		t.Errorf("a repeat is %+v, want the same row", again)
	}
	other := in
	other.Evidence.Text = "something else"
	_, err := s.RecordConsent(ctx, other)
	wantFault(t, err, hosting.FaultConflict, "m-1")

	for name, change := range map[string]func(*hosting.Consent){
		"message":   func(c *hosting.Consent) { c.Evidence.Message = "m-2" },
		"target":    func(c *hosting.Consent) { c.Target = "disk 2" },
		"server":    func(c *hosting.Consent) { c.Server = "srv-2" },
		"statement": func(c *hosting.Consent) { c.Evidence.Statement = hosting.PowerAllowed },
		"by staff": func(c *hosting.Consent) {
			c.Evidence.Message, c.Evidence.RecordedBy, c.Evidence.How = "", "ops", "phone"
		},
	} {
		v := in
		change(&v)
		if s.consent(v).ID == got.ID {
			t.Errorf("another %s is the same consent", name)
		}
	}
	phone := in
	phone.Evidence.Message, phone.Evidence.RecordedBy, phone.Evidence.How = "", "ops", "phone"
	later := phone
	later.Evidence.At = later.Evidence.At.Add(time.Hour)
	if s.consent(phone).ID == s.consent(later).ID {
		t.Error("two calls an hour apart are one consent")
	}

	for name, change := range map[string]func(*hosting.Consent){
		"unknown server":    func(c *hosting.Consent) { c.Server = "srv-404" },
		"unknown operation": func(c *hosting.Consent) { c.Operation = unknownID },
		"no words":          func(c *hosting.Consent) { c.Evidence.Text = "" },
		"no source":         func(c *hosting.Consent) { c.Evidence.Message = "" },
		"unstorable words":  func(c *hosting.Consent) { c.Evidence.Text, c.Evidence.Message = "a\x00b", "m-3" },
	} {
		v := in
		change(&v)
		if _, err := s.RecordConsent(ctx, v); hosting.KindOf(err) != hosting.FaultInvalidRequest {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestConsentIsSpentOnce_I14(t *testing.T) {
	t.Parallel()
	s, ctx := open(t), t.Context()
	op, other := s.operation("T-1"), s.operation("T-2")
	c := s.consent(consent(op, "srv-1"))
	good := records.Spending{Consent: c.ID, Operation: op.ID, Server: "srv-1", Target: "disk 1", Key: "wipe/1"}
	for says, change := range map[string]func(*records.Spending){
		"another operation":      func(v *records.Spending) { v.Operation = other.ID },
		"another server":         func(v *records.Spending) { v.Server = "srv-2" },
		`not for "disk 2"`:       func(v *records.Spending) { v.Target = "disk 2" },
		"is not in the records.": func(v *records.Spending) { v.Consent = unknownID },
	} {
		v := good
		change(&v)
		wantFault(t, s.SpendConsent(ctx, v), hosting.FaultNotAuthorized, says)
	}
	for range 2 {
		must(t, s.SpendConsent(ctx, good))
	}
	again := good
	again.Key = "wipe/2"
	wantFault(t, s.SpendConsent(ctx, again), hosting.FaultNotAuthorized, "spent", "srv-1")

	// What was spent can not be revoked; what was revoked can not be spent.
	must(t, s.RevokeConsents(ctx, records.Revocation{Operation: op.ID, By: "zofia@globex.example"}))
	if kept := s.consent(consent(op, "srv-1")); kept.RevokedAt != nil || kept.SpentAt == nil {
		t.Errorf("the spent consent is %+v", kept)
	}
	late := s.consent(consent(other, "srv-1"))
	must(t, s.CloseOperation(ctx, records.Closing{Operation: other.ID, Phase: hosting.PhaseDone}))
	err := s.SpendConsent(ctx, records.Spending{Consent: late.ID, Operation: other.ID, Server: "srv-1", Target: "disk 1"})
	wantFault(t, err, hosting.FaultConflict, "closed")
}

func TestRevokeConsents(t *testing.T) {
	t.Parallel()
	s, ctx := open(t), t.Context()
	op := s.operation("T-1")
	power := consent(op, "srv-1")
	power.Evidence.Statement = hosting.PowerAllowed
	p, l := s.consent(power), s.consent(consent(op, "srv-1"))
	revocation := records.Revocation{Operation: op.ID, Statements: []hosting.StatementKind{hosting.PowerAllowed, hosting.PowerWindow}, By: "zofia", Reason: "stop"}
	for range 2 {
		must(t, s.RevokeConsents(ctx, revocation))
	}
	spend := func(c hosting.Consent) error {
		return s.SpendConsent(ctx, records.Spending{Consent: c.ID, Operation: op.ID, Server: "srv-1", Target: "disk 1"})
	}
	wantFault(t, spend(p), hosting.FaultNotAuthorized, "revoked")
	must(t, spend(l))
	wantFault(t, s.RevokeConsents(ctx, records.Revocation{Operation: op.ID}), hosting.FaultInvalidRequest, "say who")
}

// Of many acts that race for one consent, one gets it; or its revocation wins.
func TestSpendConsentRace_I14(t *testing.T) {
	t.Parallel()
	s, ctx := open(t), t.Context()
	op := s.operation("T-1")
	for round := range 20 {
		in := consent(op, "srv-1")
		in.Evidence.Message = fmt.Sprint("m-", round)
		c := s.consent(in)
		var spent, same atomic.Int32
		race(16, func(i int) {
			switch {
			case i == 0:
				if err := s.RevokeConsents(ctx, records.Revocation{Operation: op.ID, By: "zofia"}); err != nil {
					t.Error(err)
				}
			case i == 1 || i == 2: // one act, tried twice
				if s.spend(c, "act/1") {
					same.Add(1)
				}
			default:
				if s.spend(c, fmt.Sprint("act/", i)) {
					spent.Add(1)
				}
			}
		})
		kept := s.consent(in)
		acts := spent.Load() + min(1, same.Load())
		if kept.SpentAt != nil && (acts != 1 || kept.RevokedAt != nil) || kept.SpentAt == nil && (acts != 0 || kept.RevokedAt == nil) {
			t.Fatalf("round %d: %d acts were allowed by %+v", round, acts, kept)
		}
	}
}

func (s *store) spend(c hosting.Consent, key string) bool {
	err := s.SpendConsent(s.t.Context(), records.Spending{Consent: c.ID, Operation: c.Operation, Server: c.Server, Target: c.Target, Key: key})
	if err != nil && hosting.KindOf(err) != hosting.FaultNotAuthorized {
		s.t.Errorf("refused for the wrong reason: %v", err)
	}
	return err == nil
}
