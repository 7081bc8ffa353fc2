-- What the worker's role may do with network boots, and a role of its own for
-- the gateway's boot listener: it hands out what was armed and writes down what
-- machines report. It can arm nothing, spends no consent, and sees no customer.
--
-- Where the migrating user may not create roles, have an administrator run
--   CREATE ROLE handrail_gateway NOLOGIN;
-- before migrating; the grants are then made here.

-- +goose Up

-- +goose StatementBegin
DO $$
BEGIN
    CREATE ROLE handrail_gateway NOLOGIN;
EXCEPTION
    WHEN duplicate_object OR unique_violation THEN NULL;
    WHEN insufficient_privilege THEN RAISE WARNING 'role handrail_gateway was not created: %', SQLERRM;
END
$$;
-- +goose StatementEnd

-- +goose StatementBegin
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'handrail_worker') THEN
        GRANT SELECT ON operating_systems, server_macs, network_boots, network_boot_macs TO handrail_worker;
        GRANT INSERT (operation, server, purpose, attempt, plan, target, consent) ON network_boots TO handrail_worker;
        GRANT INSERT (boot, mac) ON network_boot_macs TO handrail_worker;
        GRANT UPDATE (state, error, ended_at) ON network_boots TO handrail_worker;
    END IF;
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'handrail_gateway') THEN
        GRANT SELECT ON schema_version, operating_systems, server_macs, network_boots, network_boot_macs TO handrail_gateway;
        GRANT SELECT (id, workflow, closed_at) ON operations TO handrail_gateway;
        GRANT UPDATE (state, stage, percent, host_keys, error, token, token_expires, handed_out_at, erasing_at,
                      reported_at, ended_at, asked_again_at) ON network_boots TO handrail_gateway;
    END IF;
END
$$;
-- +goose StatementEnd
