package records_test

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/handrail/handrail/activities/records"
	"github.com/handrail/handrail/hosting"
)

// bootFixtures are operations on srv-1 with a boot in each state but armed:
// $HANDED is handed out to the machine with $OP, the others are of $OTHER. $FREE
// is on srv-2 and has a spent data-loss consent $CONSENT for the target 't'
// and another that is not spent; $FULFILLED is the consent of $DONE, $POWER a
// spent permission.
func bootFixtures(s *store) *strings.Replacer {
	t, ctx := s.t, s.t.Context()
	op, other, free, closed := s.reinstallation("B-OP", "srv-1"), s.reinstallation("B-OTHER", "srv-1"), s.reinstallation("B-FREE", "srv-2"), s.reinstallation("B-CLOSED", "srv-2")
	var boots []string
	for i, state := range []hosting.BootState{hosting.BootFailed, hosting.BootWithdrawn, hosting.BootDone} {
		in := s.installing(other, i+1, plan("A"))
		boots = append(boots, s.arm(in).ID)
		s.handOut(string(state))
		if state == hosting.BootWithdrawn {
			must(t, second(s.WithdrawBoot(ctx, ref(in))))
			continue
		}
		must(t, second(s.BeginErasing(ctx, tokenOf(string(state)), []string{"A"})))
		must(t, second(s.ReportBoot(ctx, tokenOf(string(state)), records.BootReport{State: state, Error: "x"})))
	}
	fulfilled := s.erasure(other, plan("A").Target(), 3)
	handed := s.arm(s.installing(op, 1, plan("A"))).ID
	s.handOut("handed")
	spent, unspent := s.erasure(free, "t", 1), s.erasure(free, "t", 2)
	power := consent(free, "srv-2")
	power.Target, power.Evidence.Statement = "t", hosting.PowerAllowed
	permission := s.consent(power)
	for _, c := range []hosting.Consent{spent, permission} {
		if !s.spend(c, "erase") {
			t.Fatal("the consent can not be spent")
		}
	}
	must(t, s.CloseOperation(ctx, records.Closing{Operation: closed.ID, Phase: hosting.PhaseDone}))
	return strings.NewReplacer("$OP", op.ID, "$OTHER", other.ID, "$FREE", free.ID, "$CLOSED", closed.ID, "$HANDED", handed,
		"$FAILED", boots[0], "$WITHDRAWN", boots[1], "$DONE", boots[2], "$CONSENT", spent.ID, "$UNSPENT", unspent.ID,
		"$FULFILLED", fulfilled.ID, "$POWER", permission.ID)
}

// bootSQL inserts a boot, of srv-2 if nothing else is said.
func bootSQL(changes ...string) string {
	columns := map[string]string{
		"operation": "'$FREE'", "server": "'srv-2'", "purpose": "'install'", "attempt": "9", "target": "'t'", "consent": "'$CONSENT'",
		"plan": `'{"macs": ["52:54:00:00:02:01"]}'`, "state": "'armed'",
	}
	for i := 0; i < len(changes); i += 2 {
		columns[changes[i]] = changes[i+1]
	}
	var names, values []string
	for _, name := range slices.Sorted(maps.Keys(columns)) {
		names, values = append(names, name), append(values, columns[name])
	}
	return fmt.Sprintf("INSERT INTO network_boots (%s) VALUES (%s)", strings.Join(names, ", "), strings.Join(values, ", "))
}

func handOutSQL(operation string) string {
	return fmt.Sprintf(`UPDATE network_boots SET state = 'handed-out', handed_out_at = now(), token = '\x%s', token_expires = now() + interval '1 h'
		WHERE operation = '%s' AND live`, checksum, operation)
}

const letErase = "UPDATE network_boots SET state = 'erasing', erasing_at = now() WHERE id = '$HANDED'"

// As TestTheDatabaseRefuses, for what boots over the network.
func TestTheDatabaseRefusesBoots_I14(t *testing.T) {
	t.Parallel()
	s, ctx := open(t), t.Context()
	names := bootFixtures(s)
	handOut := bootSQL() + "; " + handOutSQL("$FREE")
	for _, c := range []struct{ constraint, sql string }{
		{"", bootSQL()},
		{"", handOut},
		{"", letErase},
		{"network_boots_one_live", bootSQL() + "; " + bootSQL("attempt", "10")},
		{"network_boots_one_live", bootSQL() + "; " + bootSQL("attempt", "10", "purpose", "'rescue'", "target", "''", "consent", "NULL")},
		{"network_boots_one_an_attempt", bootSQL("operation", "'$OTHER'", "server", "'srv-1'", "attempt", "1", "purpose", "'rescue'", "target", "''", "consent", "NULL", "plan", `'{"macs": ["52:54:00:00:01:01"]}'`)},
		{"network_boots_pkey", bootSQL("id", "'$DONE'")},
		{"network_boots_install_needs_consent", bootSQL("consent", "NULL")},
		{"network_boots_install_needs_consent", bootSQL("target", "''")},
		{"network_boots_install_needs_consent", bootSQL("purpose", "'rescue'")},
		{"network_boots_install_needs_consent", bootSQL("purpose", "'rescue'", "consent", "NULL")},
		{"network_boots_consent_spent", bootSQL("consent", "'$UNSPENT'")},
		{"network_boots_consent_spent", bootSQL("consent", "'$POWER'")},
		{"network_boots_consent_spent", bootSQL("consent", "'"+unknownID+"'")},
		{"network_boots_consent_spent", "SET LOCAL session_replication_role = replica; " + bootSQL("consent", "'$UNSPENT'")},
		{"network_boots_consent_bound", bootSQL("target", "'u'")},
		{"network_boots_consent_bound", "UPDATE network_boots SET ended_at = now(), state = 'failed', error = 'x' WHERE id = '$HANDED'; " + bootSQL("operation", "'$OP'", "server", "'srv-1'")},
		{"network_boots_consent_unfulfilled", bootSQL("operation", "'$OTHER'", "server", "'srv-1'", "consent", "'$FULFILLED'")},
		{"network_boots_server_of_operation", bootSQL("server", "'srv-3'", "purpose", "'rescue'", "target", "''", "consent", "NULL")},
		{"network_boots_server_not_retired", bootSQL("server", "'srv-4'")},
		{"operation_must_be_open", bootSQL("operation", "'$CLOSED'")},
		{"network_boots_purpose_known", bootSQL("purpose", "'party'", "target", "''", "consent", "NULL")},
		{"network_boots_attempt_counted", bootSQL("attempt", "0")},
		{"network_boots_names_a_card", bootSQL("plan", "'{}'")},
		{"network_boots_names_a_card", bootSQL("plan", `'{"macs": []}'`)},
		{"network_boots_begin_armed", bootSQL("state", "'handed-out'")},
		{"network_boots_begin_armed", bootSQL("state", "'done'")},
		{"network_boots_begin_armed", "SET LOCAL session_replication_role = replica; " + bootSQL("state", "'erasing'")},
		{"network_boots_own_cards", "INSERT INTO server_macs VALUES ('srv-3', 1, '52:54:00:00:03:01', false); " + bootSQL("plan", `'{"macs": ["52:54:00:00:03:01"]}'`)},
		{"network_boot_macs_one_live", "DELETE FROM server_macs; " + bootSQL("plan", `'{"macs": ["52:54:00:00:01:02"]}'`)},
		{"network_boot_macs_boot_known", "UPDATE network_boot_macs SET live = false WHERE boot = '$HANDED'"},
		{"network_boots_state_known", "ALTER TABLE network_boots DISABLE TRIGGER network_boots_go_forward; UPDATE network_boots SET state = 'asleep' WHERE id = '$HANDED'"},

		{"network_boots_go_forward", "UPDATE network_boots SET state = 'armed', handed_out_at = NULL, token = NULL, token_expires = NULL WHERE id = '$HANDED'"},
		{"network_boots_go_forward", letErase + "; UPDATE network_boots SET state = 'handed-out' WHERE id = '$HANDED'"},
		{"network_boots_go_forward", letErase + "; UPDATE network_boots SET state = 'withdrawn', ended_at = now() WHERE id = '$HANDED'"},
		{"network_boots_go_forward", bootSQL() + "; UPDATE network_boots SET state = 'erasing', erasing_at = now() WHERE operation = '$FREE'"},
		{"network_boots_go_forward", bootSQL() + "; UPDATE network_boots SET state = 'done', ended_at = now() WHERE operation = '$FREE'"},
		{"network_boots_go_forward", "UPDATE network_boots SET erasing_at = now() WHERE id = '$HANDED'"},
		{"network_boots_go_forward", "UPDATE network_boots SET state = 'failed', error = 'x', ended_at = now(), erasing_at = now() WHERE id = '$HANDED'"},
		{"network_boots_go_forward", "UPDATE network_boots SET state = 'done', ended_at = now(), erasing_at = now() WHERE id = '$HANDED'"},
		{"network_boots_go_forward", "UPDATE network_boots SET state = 'erasing', erasing_at = now(), ended_at = NULL WHERE id = '$WITHDRAWN'"},
		{"network_boots_go_forward", "UPDATE network_boots SET state = 'done', error = '' WHERE id = '$FAILED'"},
		{"network_boots_go_forward", "SET LOCAL session_replication_role = replica; UPDATE network_boots SET state = 'handed-out', ended_at = NULL WHERE id = '$WITHDRAWN'"},
		{"network_boots_granted_once", letErase + "; UPDATE network_boots SET erasing_at = now() + interval '1 s' WHERE id = '$HANDED'"},
		{"network_boots_granted_once", letErase + "; UPDATE network_boots SET erasing_at = NULL WHERE id = '$HANDED'"},
		{"network_boots_granted_once", "UPDATE network_boots SET token = '\\x" + checksum + "' WHERE id = '$HANDED'"},
		{"network_boots_granted_once", "UPDATE network_boots SET token_expires = now() + interval '1 year' WHERE id = '$HANDED'"},
		{"network_boots_granted_once", "UPDATE network_boots SET handed_out_at = now() WHERE id = '$DONE'"},
		{"network_boots_erase_once_a_consent", "ALTER TABLE network_boots DISABLE TRIGGER network_boots_consent_unfulfilled; " +
			"UPDATE network_boots SET state = 'failed', error = 'x', ended_at = now() WHERE id = '$HANDED'; " +
			bootSQL("operation", "'$OTHER'", "server", "'srv-1'", "consent", "'$FULFILLED'", "plan", `'{"macs": ["52:54:00:00:01:01"]}'`,
				"target", "(SELECT target FROM consents WHERE id = '$FULFILLED')") + "; " + handOutSQL("$OTHER") +
			"; UPDATE network_boots SET state = 'erasing', erasing_at = now() WHERE operation = '$OTHER' AND live"},
		{"network_boots_keep_identity", "UPDATE network_boots SET plan = '{\"macs\": [1]}' WHERE id = '$HANDED'"},
		{"network_boots_keep_identity", "UPDATE network_boots SET target = 'everything' WHERE id = '$HANDED'"},
		{"network_boots_keep_identity", "UPDATE network_boots SET consent = '$CONSENT' WHERE id = '$HANDED'"},
		{"network_boots_keep_identity", "UPDATE network_boots SET server = 'srv-2' WHERE id = '$HANDED'"},
		{"network_boots_keep_identity", "UPDATE network_boots SET operation = '$FREE' WHERE id = '$HANDED'"},
		{"network_boots_keep_identity", "UPDATE network_boots SET purpose = 'rescue' WHERE id = '$HANDED'"},
		{"network_boots_keep_identity", "UPDATE network_boots SET attempt = 7 WHERE id = '$HANDED'"},
		{"network_boots_stay_ended", "UPDATE network_boots SET error = 'nothing' WHERE id = '$FAILED'"},
		{"network_boots_stay_ended", "UPDATE network_boots SET host_keys = '{x}' WHERE id = '$DONE'"},
		{"network_boots_stay_ended", "UPDATE network_boots SET ended_at = now() + interval '1 s' WHERE id = '$DONE'"},
		{"", "UPDATE network_boots SET asked_again_at = now() WHERE id = '$DONE'"},
		{"network_boots_are_kept", "DELETE FROM network_boots"},
		{"network_boots_are_kept", "TRUNCATE network_boots CASCADE"},

		{"network_boots_handed_out_with_token", strings.Replace(handOut, checksum, "00", 1)},
		{"network_boots_handed_out_with_token", strings.Replace(handOut, "'1 h'", "'-1 h'", 1)},
		{"network_boots_handed_out_with_token", strings.Replace(handOut, "token = '\\x"+checksum+"', ", "", 1)},
		{"network_boots_token_unique", strings.Replace(handOut, checksum, fmt.Sprintf("%x", tokenOf("handed")), 1)},
		{"network_boots_times_fit_state", bootSQL() + "; UPDATE network_boots SET state = 'handed-out' WHERE operation = '$FREE'"},
		{"network_boots_times_fit_state", "UPDATE network_boots SET state = 'done', ended_at = now() WHERE id = '$HANDED'"},
		{"network_boots_times_fit_state", "UPDATE network_boots SET state = 'erasing' WHERE id = '$HANDED'"},
		{"network_boots_times_fit_state", letErase + "; UPDATE network_boots SET state = 'done' WHERE id = '$HANDED'"},
		{"network_boots_times_fit_state", "UPDATE network_boots SET ended_at = now() WHERE id = '$HANDED'"},
		{"network_boots_rescue_erases_nothing", strings.Replace(handOut, bootSQL(), bootSQL("purpose", "'rescue'", "target", "''", "consent", "NULL"), 1) + "; UPDATE network_boots SET state = 'erasing', erasing_at = now() WHERE operation = '$FREE'"},
		{"network_boots_erases_in_time", strings.Replace(letErase, "now()", "now() + interval '2 h'", 1)},
		{"network_boots_failed_says_why", "UPDATE network_boots SET state = 'failed', ended_at = now() WHERE id = '$HANDED'"},
		{"network_boots_report_bounded", "UPDATE network_boots SET percent = 101 WHERE id = '$HANDED'"},
		{"network_boots_report_bounded", "UPDATE network_boots SET stage = repeat('x', 61) WHERE id = '$HANDED'"},
		{"network_boots_report_bounded", "UPDATE network_boots SET host_keys = array_fill('x'::text, '{9}') WHERE id = '$HANDED'"},
		{"network_boots_report_bounded", "UPDATE network_boots SET error = repeat('x', 2001) WHERE id = '$HANDED'"},
		{"network_boots_operation_known", bootSQL("operation", "'"+unknownID+"'", "purpose", "'rescue'", "target", "''", "consent", "NULL")},
	} {
		sql := names.Replace(c.sql)
		got := violated(t, undone(ctx, s.sql, strings.Split(sql, "; ")...))
		if !regexp.MustCompile("^(" + c.constraint + ")$").MatchString(got) {
			t.Errorf("%q stopped\n\t%s\nwant %q", got, sql, c.constraint)
		}
	}
	if boot, err := s.BootByToken(ctx, tokenOf("handed")); err != nil || boot.State != hosting.BootHandedOut || boot.ArmedAt.After(time.Now()) {
		t.Errorf("something got through: %+v, %v", boot, err)
	}
}

// As TestTheDatabaseRefuses, for network cards and the catalogue.
func TestTheDatabaseRefusesSystems(t *testing.T) {
	t.Parallel()
	s, ctx := open(t), t.Context()
	must(t, s.ImportSystems(ctx, catalogue()))
	change := func(id, path, value string) string {
		return fmt.Sprintf("UPDATE operating_systems SET entry = jsonb_set(entry, '{%s}', '%s') WHERE id = '%s'", path, value, id)
	}
	for _, c := range []struct{ constraint, sql string }{
		{"operating_systems_pkey", change("debian-9", "id", `"debian-12"`)},
		{"operating_systems_one_offered", change("debian-9", "version", `"12"`)},
		{"operating_systems_one_offered", change("ubuntu-old", "withdrawn", "false")},
		{"operating_systems_one_offered", change("debian-12-arm", "architecture", `"x86_64"`)},
		{"operating_systems_id_plain", change("debian-9", "id", `"Debian 9"`)},
		{"operating_systems_named", change("debian-9", "version", `" "`)},
		{"operating_systems_architecture_known", change("debian-9", "architecture", `"vax"`)},
		{"operating_systems_firmware_known", change("debian-9", "firmware", `[]`)},
		{"operating_systems_firmware_known", change("debian-9", "firmware", `["uefi", "openboot"]`)},
		{"operating_systems_firmware_known", "UPDATE operating_systems SET entry = entry - 'firmware'"},
		{"operating_systems_answer_of_method", change("debian-9", "answer", `"order"`)},
		{"operating_systems_answer_of_method", "UPDATE operating_systems SET entry = entry - 'answer'"},
		{"operating_systems_boot_files_checked", change("debian-9", "kernel,sha256", `"abc"`)},
		{"operating_systems_boot_files_checked", "UPDATE operating_systems SET entry = entry - 'initrd'"},
		{"operating_systems_image_of_method", "UPDATE operating_systems SET entry = entry - 'image'"},
		{"operating_systems_image_of_method", change("debian-9", "image", `{"path": "x", "sha256": "`+checksum+`"}`)},
		{"operating_systems_mirror_of_method", "UPDATE operating_systems SET entry = entry - 'mirror' WHERE id = 'debian-9'"},
		{"operating_systems_mirror_of_method", change("rescue", "mirror", `"http://deb.example"`)},

		{"server_macs_one_server", "INSERT INTO server_macs VALUES ('srv-2', 7, '52:54:00:00:01:01', false)"},
		{"server_macs_one_server", "INSERT INTO server_macs VALUES ('srv-4', 7, '52:54:00:00:01:01', true); UPDATE servers SET state = 'active' WHERE service_id = 'srv-4'"},
		{"", "INSERT INTO server_macs VALUES ('srv-4', 7, '52:54:00:00:01:01', true)"},
		{"", "UPDATE servers SET state = 'retired' WHERE service_id = 'srv-1'; INSERT INTO server_macs VALUES ('srv-2', 7, '52:54:00:00:01:01', false)"},
		{"server_macs_pkey", "INSERT INTO server_macs VALUES ('srv-1', 7, '52:54:00:00:01:01', false)"},
		{"server_macs_server_known", "INSERT INTO server_macs VALUES ('srv-404', 1, '52:54:00:00:09:01', false)"},
		{"server_macs_server_known", "INSERT INTO server_macs VALUES ('srv-1', 7, '52:54:00:00:09:01', true)"},
		{"server_macs_of_a_card", "INSERT INTO server_macs VALUES ('srv-1', 7, '00:00:00:00:00:00', false)"},
		{"server_macs_of_a_card", "INSERT INTO server_macs VALUES ('srv-1', 7, 'ff:ff:ff:ff:ff:ff', false)"},
	} {
		got := violated(t, undone(ctx, s.sql, strings.Split(c.sql, "; ")...))
		if got != c.constraint {
			t.Errorf("%q stopped\n\t%s\nwant %q", got, c.sql, c.constraint)
		}
	}
}
