-- Machines that boot over the network, to be installed or looked at.

-- +goose Up

-- What a network boot is bound to has to be there together.
ALTER TABLE operations ADD CONSTRAINT operations_on_server UNIQUE (id, server);
ALTER TABLE consents ADD CONSTRAINT consents_whole UNIQUE (id, operation, server, target);

CREATE TABLE network_boots (
    id             uuid        NOT NULL DEFAULT gen_random_uuid(),
    operation      uuid        NOT NULL,
    server         text        NOT NULL,
    purpose        text        NOT NULL,
    attempt        integer     NOT NULL,
    plan           jsonb       NOT NULL,
    target         text        NOT NULL DEFAULT '', -- of the plan: what the consent has to be for
    consent        uuid,
    state          text        NOT NULL DEFAULT 'armed',
    live           boolean     NOT NULL GENERATED ALWAYS AS (state IN ('armed', 'handed-out', 'erasing')) STORED,
    stage          text        NOT NULL DEFAULT '',
    percent        integer     NOT NULL DEFAULT 0,
    host_keys      text[]      NOT NULL DEFAULT '{}',
    error          text        NOT NULL DEFAULT '',
    token          bytea, -- SHA-256 of what the machine holds
    token_expires  timestamptz,
    armed_at       timestamptz NOT NULL DEFAULT now(),
    handed_out_at  timestamptz,
    erasing_at     timestamptz,
    reported_at    timestamptz,
    ended_at       timestamptz,
    asked_again_at timestamptz,
    CONSTRAINT network_boots_pkey PRIMARY KEY (id),
    CONSTRAINT network_boots_life UNIQUE (id, live),
    CONSTRAINT network_boots_one_an_attempt UNIQUE (operation, attempt),
    CONSTRAINT network_boots_token_unique UNIQUE (token),
    CONSTRAINT network_boots_operation_known FOREIGN KEY (operation) REFERENCES operations (id),
    CONSTRAINT network_boots_server_of_operation FOREIGN KEY (operation, server) REFERENCES operations (id, server),
    -- The consent was given in this operation, for this server and this target,
    -- letter by letter (I14).
    CONSTRAINT network_boots_consent_bound FOREIGN KEY (consent, operation, server, target)
        REFERENCES consents (id, operation, server, target),
    CONSTRAINT network_boots_purpose_known CHECK (purpose IN ('install', 'rescue')),
    CONSTRAINT network_boots_install_needs_consent CHECK (
        (purpose = 'install') = (consent IS NOT NULL) AND (purpose = 'install') = (target <> '')),
    CONSTRAINT network_boots_attempt_counted CHECK (attempt >= 1),
    CONSTRAINT network_boots_names_a_card CHECK (
        (jsonb_typeof(plan -> 'macs') = 'array' AND plan -> 'macs' <> '[]') IS TRUE),
    CONSTRAINT network_boots_state_known CHECK (
        state IN ('armed', 'handed-out', 'erasing', 'done', 'failed', 'withdrawn')),
    CONSTRAINT network_boots_handed_out_with_token CHECK (
        (handed_out_at IS NULL) = (token IS NULL) AND (token IS NULL) = (token_expires IS NULL)
        AND octet_length(token) = 32 AND token_expires > handed_out_at),
    CONSTRAINT network_boots_times_fit_state CHECK (
        (state IN ('done', 'failed', 'withdrawn')) = (ended_at IS NOT NULL)
        AND CASE state
            WHEN 'armed' THEN handed_out_at IS NULL AND erasing_at IS NULL
            WHEN 'handed-out' THEN handed_out_at IS NOT NULL AND erasing_at IS NULL
            WHEN 'erasing' THEN handed_out_at IS NOT NULL AND erasing_at IS NOT NULL
            -- Nothing is installed without having been told to go on.
            WHEN 'done' THEN handed_out_at IS NOT NULL AND (erasing_at IS NOT NULL OR purpose = 'rescue')
            WHEN 'withdrawn' THEN erasing_at IS NULL
            ELSE true END),
    CONSTRAINT network_boots_rescue_erases_nothing CHECK (purpose = 'install' OR erasing_at IS NULL),
    CONSTRAINT network_boots_erases_in_time CHECK (erasing_at < token_expires),
    CONSTRAINT network_boots_failed_says_why CHECK (state <> 'failed' OR error <> ''),
    CONSTRAINT network_boots_report_bounded CHECK (
        percent BETWEEN 0 AND 100 AND char_length(stage) <= 60 AND char_length(error) <= 2000
        AND cardinality(host_keys) <= 8)
);
CREATE UNIQUE INDEX network_boots_one_live ON network_boots (server) WHERE live;
CREATE INDEX network_boots_consent ON network_boots (consent);

-- Two live boots never wait for one card.
CREATE TABLE network_boot_macs (
    boot uuid    NOT NULL,
    mac  macaddr NOT NULL,
    live boolean NOT NULL DEFAULT true, -- follows the boot
    CONSTRAINT network_boot_macs_pkey PRIMARY KEY (mac, boot),
    CONSTRAINT network_boot_macs_boot_known FOREIGN KEY (boot, live)
        REFERENCES network_boots (id, live) ON UPDATE CASCADE
);
CREATE UNIQUE INDEX network_boot_macs_one_live ON network_boot_macs (mac) WHERE live;

CREATE TRIGGER network_boots_of_open_operation BEFORE INSERT ON network_boots
    FOR EACH ROW EXECUTE FUNCTION require_open_operation();
CREATE TRIGGER network_boots_server_not_retired BEFORE INSERT ON network_boots
    FOR EACH ROW EXECUTE FUNCTION refuse_retired_server();
CREATE TRIGGER network_boots_begin_armed BEFORE INSERT ON network_boots
    FOR EACH ROW WHEN (NEW.state <> 'armed') EXECUTE FUNCTION refuse_change();

-- The spending precedes the boot, in the same transaction or an earlier one.
-- What is spent stays so, and can not be revoked any more.
-- +goose StatementBegin
CREATE FUNCTION require_spent_consent() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM consents WHERE id = NEW.consent AND statement = 'erase-disks'
                   AND spent_at IS NOT NULL AND revoked_at IS NULL) THEN
        RAISE EXCEPTION 'consent % is no spent data-loss consent', NEW.consent
            USING ERRCODE = 'restrict_violation', CONSTRAINT = TG_NAME, TABLE = TG_TABLE_NAME;
    END IF;
    RETURN NEW;
END
$$;
-- +goose StatementEnd

CREATE TRIGGER network_boots_consent_spent BEFORE INSERT ON network_boots
    FOR EACH ROW WHEN (NEW.consent IS NOT NULL) EXECUTE FUNCTION require_spent_consent();

-- A consent is for one installation. One that did not finish may be tried again
-- on the same consent. The lock waits for a boot that is ending at this moment.
-- +goose StatementBegin
CREATE FUNCTION refuse_fulfilled_consent() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    earlier text;
BEGIN
    FOR earlier IN SELECT state FROM network_boots WHERE consent = NEW.consent AND id <> NEW.id FOR SHARE LOOP
        IF earlier = 'done' THEN
            RAISE EXCEPTION 'the installation that consent % allowed is done', NEW.consent
                USING ERRCODE = 'restrict_violation', CONSTRAINT = TG_NAME, TABLE = TG_TABLE_NAME;
        END IF;
    END LOOP;
    RETURN NEW;
END
$$;
-- +goose StatementEnd

CREATE TRIGGER network_boots_consent_unfulfilled BEFORE INSERT ON network_boots
    FOR EACH ROW WHEN (NEW.consent IS NOT NULL) EXECUTE FUNCTION refuse_fulfilled_consent();
CREATE TRIGGER network_boots_erase_once_a_consent BEFORE UPDATE ON network_boots
    FOR EACH ROW WHEN (OLD.erasing_at IS NULL AND NEW.erasing_at IS NOT NULL AND NEW.consent IS NOT NULL)
    EXECUTE FUNCTION refuse_fulfilled_consent();

-- +goose StatementBegin
CREATE FUNCTION add_boot_macs() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO network_boot_macs (boot, mac)
    SELECT DISTINCT NEW.id, mac::macaddr FROM jsonb_array_elements_text(NEW.plan -> 'macs') AS card (mac);
    IF EXISTS (SELECT FROM network_boot_macs b JOIN server_macs s ON s.mac = b.mac
               WHERE b.boot = NEW.id AND NOT s.retired AND s.server <> NEW.server) THEN
        RAISE EXCEPTION 'a network card of the boot is another server''s'
            USING ERRCODE = 'restrict_violation', CONSTRAINT = TG_NAME, TABLE = TG_TABLE_NAME;
    END IF;
    RETURN NULL;
END
$$;
-- +goose StatementEnd

CREATE TRIGGER network_boots_own_cards AFTER INSERT ON network_boots
    FOR EACH ROW EXECUTE FUNCTION add_boot_macs();

CREATE TRIGGER network_boots_go_forward BEFORE UPDATE ON network_boots
    FOR EACH ROW WHEN (
        OLD.state <> NEW.state AND (OLD.state, NEW.state) NOT IN (
            ('armed', 'handed-out'), ('armed', 'failed'), ('armed', 'withdrawn'),
            ('handed-out', 'erasing'), ('handed-out', 'done'), ('handed-out', 'failed'), ('handed-out', 'withdrawn'),
            ('erasing', 'done'), ('erasing', 'failed'))
        OR OLD.erasing_at IS NULL AND NEW.erasing_at IS NOT NULL
            AND (OLD.state, NEW.state) IS DISTINCT FROM ('handed-out', 'erasing'))
    EXECUTE FUNCTION refuse_change();
CREATE TRIGGER network_boots_granted_once BEFORE UPDATE ON network_boots
    FOR EACH ROW WHEN (
        OLD.handed_out_at IS NOT NULL AND (OLD.handed_out_at, OLD.token, OLD.token_expires)
            IS DISTINCT FROM (NEW.handed_out_at, NEW.token, NEW.token_expires)
        OR OLD.erasing_at IS NOT NULL AND OLD.erasing_at IS DISTINCT FROM NEW.erasing_at)
    EXECUTE FUNCTION refuse_change();
CREATE TRIGGER network_boots_keep_identity BEFORE UPDATE ON network_boots
    FOR EACH ROW WHEN (
        (OLD.id, OLD.operation, OLD.server, OLD.purpose, OLD.attempt, OLD.plan, OLD.target, OLD.consent, OLD.armed_at)
        IS DISTINCT FROM
        (NEW.id, NEW.operation, NEW.server, NEW.purpose, NEW.attempt, NEW.plan, NEW.target, NEW.consent, NEW.armed_at))
    EXECUTE FUNCTION refuse_change();
-- That the machine asks for a boot script again is to be seen afterwards, too.
CREATE TRIGGER network_boots_stay_ended BEFORE UPDATE ON network_boots
    FOR EACH ROW WHEN (
        OLD.ended_at IS NOT NULL AND
        (OLD.state, OLD.stage, OLD.percent, OLD.host_keys, OLD.error, OLD.token, OLD.token_expires,
         OLD.handed_out_at, OLD.erasing_at, OLD.reported_at, OLD.ended_at)
        IS DISTINCT FROM
        (NEW.state, NEW.stage, NEW.percent, NEW.host_keys, NEW.error, NEW.token, NEW.token_expires,
         NEW.handed_out_at, NEW.erasing_at, NEW.reported_at, NEW.ended_at))
    EXECUTE FUNCTION refuse_change();
-- They are what the erasing of a disk is traced back to its consent by.
CREATE TRIGGER network_boots_are_kept BEFORE DELETE OR TRUNCATE ON network_boots
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

ALTER TABLE network_boots ENABLE ALWAYS TRIGGER network_boots_begin_armed;
ALTER TABLE network_boots ENABLE ALWAYS TRIGGER network_boots_consent_spent;
ALTER TABLE network_boots ENABLE ALWAYS TRIGGER network_boots_consent_unfulfilled;
ALTER TABLE network_boots ENABLE ALWAYS TRIGGER network_boots_erase_once_a_consent;
ALTER TABLE network_boots ENABLE ALWAYS TRIGGER network_boots_go_forward;
ALTER TABLE network_boots ENABLE ALWAYS TRIGGER network_boots_granted_once;
ALTER TABLE network_boots ENABLE ALWAYS TRIGGER network_boots_keep_identity;
ALTER TABLE network_boots ENABLE ALWAYS TRIGGER network_boots_stay_ended;
ALTER TABLE network_boots ENABLE ALWAYS TRIGGER network_boots_are_kept;

-- However an operation is closed, it lets go of everything: no machine finds a
-- boot script, or may begin to erase, for an operation that is over.
-- +goose StatementBegin
CREATE OR REPLACE FUNCTION let_go() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM lease_requests WHERE operation = NEW.id;
    UPDATE suppressions SET lifted_at = NEW.closed_at WHERE operation = NEW.id AND lifted_at IS NULL;
    UPDATE network_boots SET
        state = CASE state WHEN 'erasing' THEN 'failed' ELSE 'withdrawn' END,
        error = CASE state WHEN 'erasing' THEN 'the operation was closed as ' || NEW.phase || ' during the installation'
                ELSE error END,
        ended_at = NEW.closed_at
    WHERE operation = NEW.id AND live;
    RETURN NULL;
END
$$;
-- +goose StatementEnd
