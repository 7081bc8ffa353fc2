-- The role that a worker and the gateway need: it reads the inventory, works on
-- operations, and can only add to the action log. The owner of a table can
-- always drop its triggers, so in a real installation the worker logs in as a
-- member of this role (GRANT handrail_worker TO ...), and only the migrations
-- run as the owner.
--
-- Where the migrating user may not create roles, have an administrator run
--   CREATE ROLE handrail_worker NOLOGIN;
-- before migrating; the grants are then made here.

-- +goose Up

-- +goose StatementBegin
DO $$
BEGIN
    CREATE ROLE handrail_worker NOLOGIN;
EXCEPTION
    -- Roles belong to the whole server: another database's migration may have
    -- made it, or be making it now.
    WHEN duplicate_object OR unique_violation THEN NULL;
    WHEN insufficient_privilege THEN RAISE WARNING 'role handrail_worker was not created: %', SQLERRM;
END
$$;
-- +goose StatementEnd

-- +goose StatementBegin
DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'handrail_worker') THEN
        RETURN;
    END IF;
    GRANT SELECT ON
        schema_version, organizations, contacts, servers, server_ips, bmc_endpoints, bays, procedures,
        procedure_resources, procedure_conflicts, operations, steps, lease_requests, lease_resources, lease_claims,
        suppressions, live_suppressions, consents, action_log
        TO handrail_worker;
    GRANT INSERT ON operations, steps, lease_requests, lease_resources, suppressions, consents, action_log
        TO handrail_worker;
    GRANT UPDATE (server, ticket, phase, waiting_on, step, outcome, closed_at) ON operations TO handrail_worker;
    GRANT UPDATE, DELETE ON steps TO handrail_worker;
    GRANT UPDATE (granted_at), DELETE ON lease_requests TO handrail_worker;
    GRANT UPDATE (lifted_at) ON suppressions TO handrail_worker;
    GRANT UPDATE (spent_at, spent_for, revoked_at, revoked_by, revoked_reason) ON consents TO handrail_worker;
END
$$;
-- +goose StatementEnd
