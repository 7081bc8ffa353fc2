package records_test

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/handrail/handrail/activities/records"
	"github.com/handrail/handrail/hosting"
)

// violated returns the constraint or trigger that refused a statement.
func violated(t *testing.T, err error) string {
	t.Helper()
	if err == nil {
		return ""
	}
	pg, ok := errors.AsType[*pgconn.PgError](err)
	if !ok {
		t.Fatalf("not refused by the database: %v", err)
	}
	if pg.ConstraintName == "" {
		t.Fatalf("refused by no constraint: %v", err)
	}
	return pg.ConstraintName
}

// What the rules lean on is refused by the database itself, whoever asks: each
// row goes around the methods. $OP is an open operation on srv-1 that holds the
// server, $OTHER an open one that does not, $CLOSED a closed one; $SPENT and
// $REVOKED are consents of $OP.
func TestTheDatabaseRefuses(t *testing.T) {
	t.Parallel()
	s, ctx := open(t), t.Context()
	names := fixtures(s)
	for _, c := range []struct{ constraint, sql string }{
		{"contacts_one_primary", "INSERT INTO contacts VALUES ('acme', 'eva@acme.example', 'Eva', 'it', true, true)"},
		{"contacts_one_primary", "UPDATE contacts SET is_primary = true, active = true WHERE email = 'carlo@acme.example'"},
		{"contacts_pkey", "INSERT INTO contacts VALUES ('acme', 'anna@acme.example', 'Anna', 'it', false, true)"},
		{"contacts_email_plain", "INSERT INTO contacts VALUES ('acme', 'Eva@acme.example', 'Eva', 'it', false, true)"},
		{"contacts_email_plain", "INSERT INTO contacts VALUES ('acme', 'no address', 'Eva', 'it', false, true)"},
		{"contacts_language_code", "UPDATE contacts SET language = 'Italian'"},
		{"contacts_organization_known", "INSERT INTO contacts VALUES ('nobody', 'eva@acme.example', 'Eva', 'it', false, true)"},
		{"contacts_organization_known", "DELETE FROM organizations WHERE id = 'globex'"},

		{"servers_service_id_unique", "UPDATE servers SET service_id = 'SRV-2' WHERE service_id = 'srv-3'"},
		{"servers_host_name_unique", "UPDATE servers SET host_name = 'DB.acme.example' WHERE service_id = 'srv-1'"},
		{"servers_primary_ip_own", "UPDATE servers SET primary_ip = '192.0.2.2' WHERE service_id = 'srv-1'"},
		{"servers_primary_ip_own", "UPDATE servers SET primary_ip = '203.0.113.1' WHERE service_id = 'srv-1'"},
		{"servers_primary_ip_own", "DELETE FROM server_ips WHERE address = '192.0.2.1'"},
		{"servers_primary_ip_given", "UPDATE servers SET primary_ip = NULL WHERE service_id = 'srv-1'"},
		{"servers_firmware_known", "UPDATE servers SET firmware = 'openfirmware' WHERE service_id = 'srv-3'"},
		{"servers_staged_once_handed_over", "UPDATE servers SET staged_at = now() WHERE service_id = 'srv-3'"},
		{"servers_kind_known", "UPDATE servers SET kind = 'toaster'"},
		{"servers_state_known", "UPDATE servers SET state = 'gone'"},
		{"server_ips_pkey", "INSERT INTO server_ips VALUES ('192.0.2.1', 'srv-2')"},
		{"server_ips_single_address", "INSERT INTO server_ips VALUES ('203.0.113.0/24', 'srv-2')"},
		{"bmc_endpoints_secret_is_reference", "UPDATE bmc_endpoints SET secret = 'hunter2'"},
		{"bmc_endpoints_secret_is_reference", "UPDATE bmc_endpoints SET secret = 'file:hunter2!'"},
		{"bmc_endpoints_secret_scheme_known", "UPDATE bmc_endpoints SET secret = 'root:calvin'"},
		{"bmc_endpoints_protocol_known", "UPDATE bmc_endpoints SET protocol = 'telnet'"},
		{"bmc_endpoints_address_host_port", "UPDATE bmc_endpoints SET address = 'https://10.0.0.1'"},
		{"bmc_endpoints_fingerprint_sha256", "UPDATE bmc_endpoints SET tls_fingerprint = 'abc'"},
		{"bmc_endpoints_one_machine", `INSERT INTO bmc_endpoints (server, position, protocol, address, secret, system)
			VALUES ('srv-2', 1, 'redfish', '10.0.0.1:443', 'file:bmc/srv-2', 'System.Embedded.1')`},

		{"operations_one_open", "INSERT INTO operations (procedure, ticket, workflow, run, requested_by, requester_role, phase) VALUES ('ServerIntervention', 'T-OP', 'w', 'r', 'x', 'staff', 'running')"},
		{"operations_one_a_run", "INSERT INTO operations (procedure, ticket, workflow, run, requested_by, requester_role, phase) VALUES ('ServerIntervention', 'T-NEW', 'intervention/T-OP', 'run-of-T-OP', 'x', 'staff', 'running')"},
		{"operations_closed_when_final", "UPDATE operations SET phase = 'done' WHERE id = '$OP'"},
		{"operations_closed_when_final", "UPDATE operations SET closed_at = now() WHERE id = '$OP'"},
		{"operations_phase_known", "UPDATE operations SET phase = 'sleeping' WHERE id = '$OP'"},
		{"operations_stay_closed", "UPDATE operations SET phase = 'running', closed_at = NULL WHERE id = '$CLOSED'"},
		{"operations_stay_closed", "UPDATE operations SET outcome = 'better' WHERE id = '$CLOSED'"},
		{"operations_keep_identity", "UPDATE operations SET server = 'srv-2' WHERE id = '$OP'"},
		{"operations_keep_identity", "UPDATE operations SET ticket = 'T-X' WHERE id = '$OP'"},
		{"operation_must_be_open", "INSERT INTO steps (operation, name, attempt, position, title, state) VALUES ('$CLOSED', 'a', 1, 0, 'A', 'done')"},
		{"steps_stay_ended", "UPDATE steps SET state = 'running', ended_at = NULL WHERE operation = '$OP'"},
		{"steps_pkey", "INSERT INTO steps (operation, name, attempt, position, title, state) VALUES ('$OP', 'power', 1, 0, 'A', 'done')"},

		{"lease_resources_pkey", `WITH asked AS (INSERT INTO lease_requests (operation, server, procedure, granted_at) VALUES ('$OTHER', 'srv-1', 'ServerIntervention', now()) RETURNING *)
			INSERT INTO lease_resources SELECT server, 'power', procedure, number FROM asked`},
		{"leases_are_whole", "INSERT INTO lease_requests (operation, server, procedure, granted_at) VALUES ('$OTHER', 'srv-2', 'ServerIntervention', now())"},
		{"leases_are_whole", "DELETE FROM lease_resources WHERE server = 'srv-1' AND resource = 'power'"},
		{"leases_are_whole", "UPDATE lease_requests SET granted_at = NULL WHERE operation = '$OP'"},
		{"lease_resources_of_request", "INSERT INTO lease_resources SELECT 'srv-2', 'power', procedure, number FROM lease_requests WHERE operation = '$OP'"},
		{"lease_resources_of_procedure", "INSERT INTO lease_resources SELECT server, 'moon', procedure, number FROM lease_requests WHERE operation = '$OP'"},
		{"lease_resources_of_procedure", "DELETE FROM procedure_resources"},
		{"lease_requests_one_a_server", "INSERT INTO lease_requests (operation, server, procedure) VALUES ('$OP', 'srv-1', 'ServerIntervention')"},
		{"lease_requests_server_not_retired", "INSERT INTO lease_requests (operation, server, procedure) VALUES ('$OTHER', 'srv-4', 'ServerIntervention')"},
		{"operation_must_be_open", "INSERT INTO lease_requests (operation, server, procedure) VALUES ('$CLOSED', 'srv-1', 'ServerIntervention')"},
		{"operation_must_be_open", "INSERT INTO suppressions (operation, server, reason) VALUES ('$CLOSED', 'srv-1', 'x')"},
		{"suppressions_one_live", "INSERT INTO suppressions (operation, server, reason) VALUES ('$OP', 'srv-1', 'x')"},

		{"operation_must_be_open", consentSQL("$CLOSED", "m-9")},
		{"consents_pkey", "INSERT INTO consents SELECT * FROM consents WHERE id = '$SPENT'"},
		{"consents_source_given", consentSQL("$OP", "")},
		{"consents_keep_wording", "UPDATE consents SET wording = 'yes' WHERE id = '$SPENT'"},
		{"consents_keep_wording", "UPDATE consents SET operation = '$OTHER' WHERE id = '$SPENT'"},
		{"consents_keep_wording", "UPDATE consents SET server = 'srv-2' WHERE id = '$SPENT'"},
		{"consents_keep_wording", "UPDATE consents SET target = 'all' WHERE id = '$SPENT'"},
		{"consents_keep_wording", "UPDATE consents SET author = 'me' WHERE id = '$REVOKED'"},
		{"consents_spent_once", "UPDATE consents SET spent_at = NULL WHERE id = '$SPENT'"},
		{"consents_spent_once", "UPDATE consents SET spent_at = now() + interval '1 s' WHERE id = '$SPENT'"},
		{"consents_spent_once", "UPDATE consents SET spent_for = 'another act' WHERE id = '$SPENT'"},
		{"consents_revoked_once", "UPDATE consents SET revoked_at = NULL, revoked_by = '' WHERE id = '$REVOKED'"},
		{"consents_revoked_once", "UPDATE consents SET revoked_by = 'me' WHERE id = '$REVOKED'"},
		{"consents_spent_or_revoked", "UPDATE consents SET spent_at = now() WHERE id = '$REVOKED'"},
		{"consents_spent_or_revoked", "UPDATE consents SET revoked_at = now(), revoked_by = 'me' WHERE id = '$SPENT'"},
		{"consents_revoked_by_somebody", consentSQL("$OP", "m-9") + "; UPDATE consents SET revoked_at = now() WHERE message = 'm-9'"},
		{"consents_are_kept", "DELETE FROM consents"},
		{"consents_are_kept|network_boots_are_kept", "TRUNCATE consents CASCADE"},

		{"action_log_append_only", "UPDATE action_log SET what = 'nothing'"},
		{"action_log_append_only", "UPDATE action_log SET what = what WHERE false"},
		{"action_log_append_only", "DELETE FROM action_log"},
		{"action_log_append_only", "TRUNCATE action_log"},
		{"action_log_append_only", "SET LOCAL session_replication_role = replica; DELETE FROM action_log"},
		{"action_log_append_only", "INSERT INTO action_log (operation, key, acted_at, acted_by, what) VALUES ('$OP', 'k', now(), 'x', 'y') ON CONFLICT (operation, key) DO UPDATE SET what = 'z'"},
		{"action_log_once", "INSERT INTO action_log (operation, key, acted_at, acted_by, what) VALUES ('$OP', 'k', now(), 'x', 'y')"},
		{"action_log_key_given", "INSERT INTO action_log (operation, key, acted_at, acted_by, what) VALUES ('$OP', '', now(), 'x', 'y')"},
		{"action_log_who_and_what_given", "INSERT INTO action_log (operation, key, acted_at, acted_by, what) VALUES ('$OP', 'l', now(), '', 'y')"},
		{"action_log_operation_known", "DELETE FROM operations WHERE id = '$OTHER'"},
		{"consents_are_kept|action_log_append_only|network_boots_are_kept", "TRUNCATE operations CASCADE"},
	} {
		sql := names.Replace(c.sql)
		got := violated(t, inTx(ctx, s.sql, strings.Split(sql, "; ")...))
		if !regexp.MustCompile("^(" + c.constraint + ")$").MatchString(got) {
			t.Errorf("%q stopped\n\t%s\nwant %q", got, sql, c.constraint)
		}
	}
}

func consentSQL(operation, message string) string {
	return fmt.Sprintf(`INSERT INTO consents (id, operation, server, statement, version, language, wording, author, stated_at, message)
		VALUES (gen_random_uuid(), '%s', 'srv-1', 'power-allowed', 1, 'en', 'yes', 'anna', now(), '%s')`, operation, message)
}

func fixtures(s *store) *strings.Replacer {
	t, ctx := s.t, s.t.Context()
	op, other, closed := s.operation("T-OP"), s.operation("T-OTHER"), s.operation("T-CLOSED")
	must(t, s.AssignServer(ctx, records.Assignment{Operation: op.ID, Server: "srv-1", Ticket: op.Ticket}))
	must(t, s.CloseOperation(ctx, records.Closing{Operation: closed.ID, Phase: hosting.PhaseDone, Outcome: "well"}))
	s.request(records.LeaseRequest{Operation: op.ID, Server: "srv-1", Procedure: op.Procedure}, true)
	must(t, s.Suppress(ctx, records.Suppression{Operation: op.ID, Server: "srv-1", Reason: "work"}))
	ended := hosting.Step{Name: "power", Title: "Power", State: hosting.StepDone, Attempt: 1, Started: &handedOver, Ended: &handedOver}
	must(t, s.SaveProgress(ctx, records.Progress{Operation: op.ID, Phase: hosting.PhaseRunning, Steps: []hosting.Step{ended}}))
	must(t, s.LogActions(ctx, []hosting.Action{{Operation: op.ID, Key: "k", At: handedOver, By: "ops", What: "looked"}}))
	must(t, s.LogActions(ctx, []hosting.Action{{Operation: other.ID, Key: "k", At: handedOver, By: "ops", What: "looked"}}))
	spent := s.consent(consent(op, "srv-1"))
	if !s.spend(spent, "act/1") {
		t.Fatal("the consent can not be spent")
	}
	in := consent(op, "srv-1")
	in.Evidence.Message = "m-2"
	revoked := s.consent(in)
	must(t, s.RevokeConsents(ctx, records.Revocation{Operation: op.ID, By: "zofia", Reason: "no"}))
	return strings.NewReplacer("$OP", op.ID, "$OTHER", other.ID, "$CLOSED", closed.ID, "$SPENT", spent.ID, "$REVOKED", revoked.ID)
}

// The vocabulary and the database's lists are the same.
func TestVocabularyIsTheDatabases_G2(t *testing.T) {
	t.Parallel()
	s, ctx := open(t), t.Context()
	for i, phase := range hosting.Phases() {
		op := s.operation(fmt.Sprint("T-", i))
		if phase.Final() {
			must(t, s.CloseOperation(ctx, records.Closing{Operation: op.ID, Phase: phase}))
			continue
		}
		must(t, s.SaveProgress(ctx, records.Progress{Operation: op.ID, Phase: phase}))
	}
	op := s.operation("T-steps")
	var steps []hosting.Step
	for _, state := range []hosting.StepState{hosting.StepPending, hosting.StepRunning, hosting.StepDone, hosting.StepFailed, hosting.StepSkipped} {
		steps = append(steps, hosting.Step{Name: string(state), Title: "A step", State: state})
	}
	must(t, s.SaveProgress(ctx, records.Progress{Operation: op.ID, Phase: hosting.PhaseRunning, Steps: steps}))
	for _, p := range []hosting.Procedure{hosting.ServerIntervention, hosting.OSReinstall} {
		if n := s.count("SELECT count(*) FROM procedure_resources WHERE procedure = $1", p); n != 3 {
			t.Errorf("%s occupies %d parts of a server in the database, want 3", p, n)
		}
	}
}

// A rule that was renamed in a migration would lose its words.
func TestRulesExist(t *testing.T) {
	t.Parallel()
	s := open(t)
	for name := range records.RuleNames {
		if n := s.count(`
SELECT count(*) FROM (
    SELECT conname::text FROM pg_constraint UNION ALL
    SELECT tgname::text FROM pg_trigger UNION ALL
    SELECT indexrelid::regclass::text FROM pg_index WHERE indisunique UNION ALL
    SELECT 'operation_must_be_open' FROM pg_proc WHERE proname = 'require_open_operation') AS rule (name)
WHERE name = $1`, name); n == 0 {
			t.Errorf("the database has no rule %s", name)
		}
	}
}
