-- What customers allowed, and what was done: both can be proved later.

-- +goose Up

CREATE TABLE consents (
    id             uuid        NOT NULL,
    operation      uuid        NOT NULL,
    server         text        NOT NULL,
    target         text        NOT NULL DEFAULT '',
    statement      text        NOT NULL,
    version        integer     NOT NULL,
    language       text        NOT NULL,
    wording        text        NOT NULL,
    author         text        NOT NULL,
    stated_at      timestamptz NOT NULL,
    message        text        NOT NULL DEFAULT '',
    recorded_by    text        NOT NULL DEFAULT '',
    how            text        NOT NULL DEFAULT '',
    recorded_at    timestamptz NOT NULL DEFAULT now(),
    spent_at       timestamptz,
    spent_for      text        NOT NULL DEFAULT '',
    revoked_at     timestamptz,
    revoked_by     text        NOT NULL DEFAULT '',
    revoked_reason text        NOT NULL DEFAULT '',
    CONSTRAINT consents_pkey PRIMARY KEY (id),
    CONSTRAINT consents_operation_known FOREIGN KEY (operation) REFERENCES operations (id),
    CONSTRAINT consents_server_known FOREIGN KEY (server) REFERENCES servers (service_id),
    CONSTRAINT consents_statement_given CHECK (statement <> ''),
    CONSTRAINT consents_wording_given CHECK (wording <> ''),
    CONSTRAINT consents_author_given CHECK (author <> ''),
    CONSTRAINT consents_source_given CHECK (message <> '' OR recorded_by <> '' AND how <> ''),
    CONSTRAINT consents_spent_or_revoked CHECK (spent_at IS NULL OR revoked_at IS NULL),
    CONSTRAINT consents_revoked_by_somebody CHECK ((revoked_at IS NULL) = (revoked_by = ''))
);
CREATE INDEX consents_operation ON consents (operation);

CREATE TRIGGER consents_of_open_operation BEFORE INSERT ON consents
    FOR EACH ROW EXECUTE FUNCTION require_open_operation();
CREATE TRIGGER consents_spent_by_open_operation BEFORE UPDATE OF spent_at ON consents
    FOR EACH ROW WHEN (OLD.spent_at IS NULL AND NEW.spent_at IS NOT NULL) EXECUTE FUNCTION require_open_operation();

-- The words stay as they were said.
CREATE TRIGGER consents_keep_wording BEFORE UPDATE ON consents
    FOR EACH ROW WHEN (
        (OLD.id, OLD.operation, OLD.server, OLD.target, OLD.statement, OLD.version, OLD.language, OLD.wording,
         OLD.author, OLD.stated_at, OLD.message, OLD.recorded_by, OLD.how, OLD.recorded_at)
        IS DISTINCT FROM
        (NEW.id, NEW.operation, NEW.server, NEW.target, NEW.statement, NEW.version, NEW.language, NEW.wording,
         NEW.author, NEW.stated_at, NEW.message, NEW.recorded_by, NEW.how, NEW.recorded_at))
    EXECUTE FUNCTION refuse_change();
CREATE TRIGGER consents_spent_once BEFORE UPDATE ON consents
    FOR EACH ROW WHEN (OLD.spent_at IS NOT NULL
        AND (OLD.spent_at, OLD.spent_for) IS DISTINCT FROM (NEW.spent_at, NEW.spent_for))
    EXECUTE FUNCTION refuse_change();
CREATE TRIGGER consents_revoked_once BEFORE UPDATE ON consents
    FOR EACH ROW WHEN (OLD.revoked_at IS NOT NULL
        AND (OLD.revoked_at, OLD.revoked_by, OLD.revoked_reason)
            IS DISTINCT FROM (NEW.revoked_at, NEW.revoked_by, NEW.revoked_reason))
    EXECUTE FUNCTION refuse_change();
CREATE TRIGGER consents_are_kept BEFORE DELETE OR TRUNCATE ON consents
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE TABLE action_log (
    id          bigint      NOT NULL GENERATED ALWAYS AS IDENTITY,
    operation   uuid        NOT NULL,
    key         text        NOT NULL,
    server      text        NOT NULL DEFAULT '',
    acted_at    timestamptz NOT NULL,
    acted_by    text        NOT NULL,
    what        text        NOT NULL,
    result      text        NOT NULL DEFAULT '',
    recorded_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT action_log_pkey PRIMARY KEY (id),
    CONSTRAINT action_log_once UNIQUE (operation, key),
    CONSTRAINT action_log_operation_known FOREIGN KEY (operation) REFERENCES operations (id),
    CONSTRAINT action_log_key_given CHECK (key <> ''),
    CONSTRAINT action_log_who_and_what_given CHECK (acted_by <> '' AND what <> '')
);

CREATE TRIGGER action_log_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON action_log
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- Not even a session that replays a replication stream gets around these.
ALTER TABLE action_log ENABLE ALWAYS TRIGGER action_log_append_only;
ALTER TABLE consents ENABLE ALWAYS TRIGGER consents_are_kept;
ALTER TABLE consents ENABLE ALWAYS TRIGGER consents_keep_wording;
ALTER TABLE consents ENABLE ALWAYS TRIGGER consents_spent_once;
ALTER TABLE consents ENABLE ALWAYS TRIGGER consents_revoked_once;
