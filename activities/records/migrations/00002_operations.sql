-- Operations and their steps.

-- +goose Up

CREATE TABLE procedures (
    name text NOT NULL,
    CONSTRAINT procedures_pkey PRIMARY KEY (name)
);
INSERT INTO procedures VALUES ('ServerIntervention');

CREATE TABLE operations (
    id             uuid        NOT NULL DEFAULT gen_random_uuid(),
    procedure      text        NOT NULL,
    ticket         text        NOT NULL,
    workflow       text        NOT NULL,
    run            text        NOT NULL,
    server         text,
    requested_by   text        NOT NULL,
    requester_role text        NOT NULL,
    phase          text        NOT NULL,
    waiting_on     text        NOT NULL DEFAULT '',
    step           text        NOT NULL DEFAULT '',
    outcome        text        NOT NULL DEFAULT '',
    opened_at      timestamptz NOT NULL DEFAULT now(),
    closed_at      timestamptz,
    CONSTRAINT operations_pkey PRIMARY KEY (id),
    CONSTRAINT operations_one_a_run UNIQUE (workflow, run),
    CONSTRAINT operations_procedure_known FOREIGN KEY (procedure) REFERENCES procedures (name),
    CONSTRAINT operations_server_known FOREIGN KEY (server) REFERENCES servers (service_id),
    -- Staff's own work begins without a ticket: one is opened for it.
    CONSTRAINT operations_ticket_given CHECK (ticket = btrim(ticket) AND (ticket <> '' OR requester_role = 'staff')),
    CONSTRAINT operations_workflow_given CHECK (workflow <> '' AND run <> ''),
    CONSTRAINT operations_requester_given CHECK (requested_by <> ''),
    CONSTRAINT operations_role_known CHECK (requester_role IN ('customer', 'staff')),
    CONSTRAINT operations_phase_known CHECK (phase IN (
        'waiting', 'queued', 'running', 'needs-attention', 'on-hold', 'done', 'cancelled', 'refused', 'failed')),
    CONSTRAINT operations_closed_when_final CHECK (
        (phase IN ('done', 'cancelled', 'refused', 'failed')) = (closed_at IS NOT NULL))
);

-- One procedure runs once per ticket, whatever the workflow's id.
CREATE UNIQUE INDEX operations_one_open ON operations (procedure, ticket) WHERE closed_at IS NULL AND ticket <> '';
CREATE INDEX operations_newest ON operations (opened_at DESC, id);
CREATE INDEX operations_server ON operations (server, opened_at DESC);
CREATE INDEX operations_ticket ON operations (ticket);

-- +goose StatementBegin
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% on % is refused', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation', CONSTRAINT = TG_NAME, TABLE = TG_TABLE_NAME;
END
$$;
-- +goose StatementEnd

CREATE TRIGGER operations_stay_closed BEFORE UPDATE ON operations
    FOR EACH ROW WHEN (OLD.closed_at IS NOT NULL AND NEW IS DISTINCT FROM OLD) EXECUTE FUNCTION refuse_change();

CREATE TRIGGER operations_keep_identity BEFORE UPDATE ON operations
    FOR EACH ROW WHEN (
        (OLD.id, OLD.procedure, OLD.workflow, OLD.run, OLD.requested_by, OLD.requester_role, OLD.opened_at)
        IS DISTINCT FROM
        (NEW.id, NEW.procedure, NEW.workflow, NEW.run, NEW.requested_by, NEW.requester_role, NEW.opened_at)
        OR OLD.ticket <> '' AND NEW.ticket IS DISTINCT FROM OLD.ticket
        OR OLD.server IS NOT NULL AND NEW.server IS DISTINCT FROM OLD.server)
    EXECUTE FUNCTION refuse_change();

-- What belongs to a running operation can be written only while it runs. The
-- lock makes a close that goes on at the same time wait, or be waited for.
-- +goose StatementBegin
CREATE FUNCTION require_open_operation() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM FROM operations WHERE id = NEW.operation AND closed_at IS NULL FOR SHARE;
    -- An operation that does not exist is left to the foreign key.
    IF NOT FOUND AND EXISTS (SELECT FROM operations WHERE id = NEW.operation) THEN
        RAISE EXCEPTION 'operation % is closed', NEW.operation
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'operation_must_be_open', TABLE = TG_TABLE_NAME;
    END IF;
    RETURN NEW;
END
$$;
-- +goose StatementEnd

CREATE TABLE steps (
    operation  uuid     NOT NULL,
    name       text     NOT NULL,
    attempt    integer  NOT NULL, -- 1 is the first; 0 has not begun
    position   integer  NOT NULL,
    title      text     NOT NULL,
    state      text     NOT NULL,
    estimate   interval NOT NULL DEFAULT interval '0',
    started_at timestamptz,
    ended_at   timestamptz,
    error      text     NOT NULL DEFAULT '',
    skipped_by text     NOT NULL DEFAULT '',
    CONSTRAINT steps_pkey PRIMARY KEY (operation, name, attempt),
    CONSTRAINT steps_operation_known FOREIGN KEY (operation) REFERENCES operations (id),
    CONSTRAINT steps_name_given CHECK (name <> ''),
    CONSTRAINT steps_attempt_counted CHECK (attempt >= 0),
    CONSTRAINT steps_state_known CHECK (state IN ('pending', 'running', 'done', 'failed', 'skipped'))
);

CREATE TRIGGER steps_of_open_operation BEFORE INSERT OR UPDATE ON steps
    FOR EACH ROW EXECUTE FUNCTION require_open_operation();

-- An attempt that has ended stays in the history as it ended (G11): a write
-- that arrives late must not make it run again.
CREATE TRIGGER steps_stay_ended BEFORE UPDATE ON steps
    FOR EACH ROW WHEN (OLD.ended_at IS NOT NULL AND NEW.ended_at IS NULL) EXECUTE FUNCTION refuse_change();
