-- Exclusive work on a server, and muted alerts.

-- +goose Up

-- The conflict table. Two procedures can not work on one server together if
-- they occupy the same part of it:
--   power     it switches the machine off and on, or needs it to stay on
--   hardware  somebody's hands are in the chassis
--   system    it logs in to the operating system, or replaces it
CREATE TABLE procedure_resources (
    procedure text NOT NULL,
    resource  text NOT NULL,
    CONSTRAINT procedure_resources_pkey PRIMARY KEY (procedure, resource),
    CONSTRAINT procedure_resources_procedure_known FOREIGN KEY (procedure) REFERENCES procedures (name),
    CONSTRAINT procedure_resources_resource_given CHECK (resource <> '')
);
INSERT INTO procedure_resources VALUES
    ('ServerIntervention', 'power'),
    ('ServerIntervention', 'hardware'),
    ('ServerIntervention', 'system');

-- The same for people: which pairs wait for each other, and over what.
CREATE VIEW procedure_conflicts AS
SELECT a.procedure, b.procedure AS conflicts_with, array_agg(resource ORDER BY resource) AS over
FROM procedure_resources a JOIN procedure_resources b USING (resource)
WHERE a.procedure <= b.procedure
GROUP BY a.procedure, b.procedure;

CREATE TABLE lease_requests (
    number       bigint      NOT NULL GENERATED ALWAYS AS IDENTITY, -- the place in the queue
    operation    uuid        NOT NULL,
    server       text        NOT NULL,
    procedure    text        NOT NULL,
    requested_at timestamptz NOT NULL DEFAULT now(),
    granted_at   timestamptz,
    CONSTRAINT lease_requests_pkey PRIMARY KEY (number),
    CONSTRAINT lease_requests_one_a_server UNIQUE (operation, server),
    CONSTRAINT lease_requests_whole UNIQUE (number, server, procedure),
    CONSTRAINT lease_requests_operation_known FOREIGN KEY (operation) REFERENCES operations (id),
    CONSTRAINT lease_requests_server_known FOREIGN KEY (server) REFERENCES servers (service_id),
    CONSTRAINT lease_requests_procedure_known FOREIGN KEY (procedure) REFERENCES procedures (name)
);
CREATE INDEX lease_requests_queue ON lease_requests (server, number);

CREATE TRIGGER lease_requests_of_open_operation BEFORE INSERT ON lease_requests
    FOR EACH ROW EXECUTE FUNCTION require_open_operation();

-- No procedure may touch a retired server.
-- +goose StatementBegin
CREATE FUNCTION refuse_retired_server() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM servers WHERE service_id = NEW.server AND state = 'retired') THEN
        RAISE EXCEPTION 'server % is retired', NEW.server
            USING ERRCODE = 'restrict_violation', CONSTRAINT = TG_NAME, TABLE = TG_TABLE_NAME;
    END IF;
    RETURN NEW;
END
$$;
-- +goose StatementEnd

CREATE TRIGGER lease_requests_server_not_retired BEFORE INSERT ON lease_requests
    FOR EACH ROW EXECUTE FUNCTION refuse_retired_server();

-- A granted lease holds one row for each part that its procedure occupies. The
-- primary key is what makes two conflicting grants impossible.
CREATE TABLE lease_resources (
    server    text   NOT NULL,
    resource  text   NOT NULL,
    procedure text   NOT NULL,
    request   bigint NOT NULL,
    CONSTRAINT lease_resources_pkey PRIMARY KEY (server, resource),
    CONSTRAINT lease_resources_of_request FOREIGN KEY (request, server, procedure)
        REFERENCES lease_requests (number, server, procedure) ON DELETE CASCADE,
    CONSTRAINT lease_resources_of_procedure FOREIGN KEY (procedure, resource)
        REFERENCES procedure_resources (procedure, resource)
);
CREATE INDEX lease_resources_request ON lease_resources (request);

-- Granted and holding every part are one thing: a lease can neither be half
-- held nor be marked as granted without holding.
-- +goose StatementBegin
CREATE FUNCTION require_whole_lease() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    asked lease_requests%ROWTYPE;
    held  bigint;
    lacks bigint;
BEGIN
    SELECT * INTO asked FROM lease_requests
    WHERE number = CASE TG_TABLE_NAME
        WHEN 'lease_requests' THEN (to_jsonb(NEW) ->> 'number')::bigint
        ELSE (to_jsonb(coalesce(NEW, OLD)) ->> 'request')::bigint END;
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    SELECT count(l.resource), count(*) FILTER (WHERE l.resource IS NULL) INTO held, lacks
    FROM procedure_resources p
    LEFT JOIN lease_resources l ON l.request = asked.number AND l.resource = p.resource
    WHERE p.procedure = asked.procedure;
    IF asked.granted_at IS NULL AND held > 0 OR asked.granted_at IS NOT NULL AND lacks > 0 THEN
        RAISE EXCEPTION 'lease % of operation % is half held', asked.number, asked.operation
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'leases_are_whole', TABLE = TG_TABLE_NAME;
    END IF;
    RETURN NULL;
END
$$;
-- +goose StatementEnd

CREATE CONSTRAINT TRIGGER leases_are_whole AFTER INSERT OR UPDATE ON lease_requests
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION require_whole_lease();
CREATE CONSTRAINT TRIGGER lease_resources_are_whole AFTER INSERT OR UPDATE OR DELETE ON lease_resources
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION require_whole_lease();

-- What is held, and what is asked for, by whom.
CREATE VIEW lease_claims AS
SELECT server, resource, request, true AS granted FROM lease_resources
UNION ALL
SELECT r.server, p.resource, r.number, false
FROM lease_requests r JOIN procedure_resources p USING (procedure)
WHERE r.granted_at IS NULL;

CREATE TABLE suppressions (
    id         bigint      NOT NULL GENERATED ALWAYS AS IDENTITY,
    operation  uuid        NOT NULL,
    server     text        NOT NULL,
    reason     text        NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    lifted_at  timestamptz,
    CONSTRAINT suppressions_pkey PRIMARY KEY (id),
    CONSTRAINT suppressions_operation_known FOREIGN KEY (operation) REFERENCES operations (id),
    CONSTRAINT suppressions_server_known FOREIGN KEY (server) REFERENCES servers (service_id),
    CONSTRAINT suppressions_reason_given CHECK (reason <> '')
);
CREATE UNIQUE INDEX suppressions_one_live ON suppressions (operation, server) WHERE lifted_at IS NULL;
CREATE INDEX suppressions_server ON suppressions (server) WHERE lifted_at IS NULL;

CREATE TRIGGER suppressions_of_open_operation BEFORE INSERT ON suppressions
    FOR EACH ROW EXECUTE FUNCTION require_open_operation();

-- Alerts are muted by a live operation, never by a flag.
CREATE VIEW live_suppressions AS
SELECT s.operation, s.server, s.reason, s.created_at
FROM suppressions s JOIN operations o ON o.id = s.operation
WHERE s.lifted_at IS NULL AND o.closed_at IS NULL;

-- However an operation is closed, it lets go of everything.
-- +goose StatementBegin
CREATE FUNCTION let_go() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM lease_requests WHERE operation = NEW.id;
    UPDATE suppressions SET lifted_at = NEW.closed_at WHERE operation = NEW.id AND lifted_at IS NULL;
    RETURN NULL;
END
$$;
-- +goose StatementEnd

CREATE TRIGGER operations_let_go AFTER UPDATE OF closed_at ON operations
    FOR EACH ROW WHEN (OLD.closed_at IS NULL AND NEW.closed_at IS NOT NULL) EXECUTE FUNCTION let_go();
