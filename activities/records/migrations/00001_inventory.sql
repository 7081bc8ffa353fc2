-- Who the customers are and which machines they rent.

-- +goose Up

CREATE TABLE organizations (
    id   text NOT NULL,
    name text NOT NULL,
    CONSTRAINT organizations_pkey PRIMARY KEY (id),
    CONSTRAINT organizations_id_given CHECK (id <> '' AND id = btrim(id)),
    CONSTRAINT organizations_name_given CHECK (btrim(name) <> '')
);

CREATE TABLE contacts (
    organization text    NOT NULL,
    email        text    NOT NULL,
    name         text    NOT NULL DEFAULT '',
    language     text    NOT NULL,
    is_primary   boolean NOT NULL DEFAULT false,
    active       boolean NOT NULL DEFAULT true,
    CONSTRAINT contacts_pkey PRIMARY KEY (organization, email),
    CONSTRAINT contacts_organization_known FOREIGN KEY (organization) REFERENCES organizations (id),
    CONSTRAINT contacts_email_plain CHECK (email = lower(email) AND email ~ '^[^@[:space:]]+@[^@[:space:]]+$'),
    CONSTRAINT contacts_language_code CHECK (language ~ '^[a-z]{2}$')
);

-- Tickets about a server go to exactly one person (N20, N21).
CREATE UNIQUE INDEX contacts_one_primary ON contacts (organization) WHERE is_primary AND active;
CREATE INDEX contacts_email ON contacts (email);

CREATE TABLE servers (
    service_id   text NOT NULL,
    name         text NOT NULL DEFAULT '',
    host_name    text NOT NULL DEFAULT '',
    primary_ip   inet,
    organization text NOT NULL,
    cluster_id   text NOT NULL DEFAULT '',
    site         text NOT NULL,
    kind         text NOT NULL,
    state        text NOT NULL,
    staged_at    timestamptz,
    CONSTRAINT servers_pkey PRIMARY KEY (service_id),
    CONSTRAINT servers_organization_known FOREIGN KEY (organization) REFERENCES organizations (id),
    CONSTRAINT servers_service_id_given CHECK (service_id <> '' AND service_id !~ '[[:space:]]'),
    CONSTRAINT servers_host_name_plain CHECK (host_name !~ '[[:space:]]'),
    CONSTRAINT servers_site_given CHECK (site <> '' AND site !~ '[[:space:]]'),
    CONSTRAINT servers_kind_known CHECK (kind IN ('dedicated', 'vps')),
    CONSTRAINT servers_state_known CHECK (state IN ('staging', 'active', 'retired')),
    CONSTRAINT servers_staged_once_handed_over CHECK (
        CASE state WHEN 'staging' THEN staged_at IS NULL WHEN 'active' THEN staged_at IS NOT NULL ELSE true END),
    -- An address may move on when its server is retired.
    CONSTRAINT servers_primary_ip_given CHECK (primary_ip IS NOT NULL OR state = 'retired')
);

CREATE UNIQUE INDEX servers_service_id_unique ON servers (lower(service_id));
CREATE UNIQUE INDEX servers_host_name_unique ON servers (lower(host_name)) WHERE host_name <> '' AND state <> 'retired';
CREATE INDEX servers_name ON servers (lower(name));
CREATE INDEX servers_organization ON servers (organization);

-- All addresses, the primary one among them, so that no address can lead to
-- two servers.
CREATE TABLE server_ips (
    address inet NOT NULL,
    server  text NOT NULL,
    CONSTRAINT server_ips_pkey PRIMARY KEY (address),
    CONSTRAINT server_ips_of_server UNIQUE (server, address),
    CONSTRAINT server_ips_server_known FOREIGN KEY (server) REFERENCES servers (service_id) ON DELETE CASCADE,
    CONSTRAINT server_ips_single_address CHECK (address = host(address)::inet)
);

ALTER TABLE servers ADD CONSTRAINT servers_primary_ip_own
    FOREIGN KEY (service_id, primary_ip) REFERENCES server_ips (server, address) DEFERRABLE INITIALLY DEFERRED;

-- Where secrets may be kept. A reference into anywhere else is most likely a
-- password that was typed into the wrong field. A new store is a new row.
CREATE TABLE secret_schemes (
    scheme text NOT NULL,
    CONSTRAINT secret_schemes_pkey PRIMARY KEY (scheme)
);
INSERT INTO secret_schemes VALUES ('env'), ('file'), ('vault');

CREATE TABLE bmc_endpoints (
    server          text    NOT NULL,
    position        integer NOT NULL, -- 1 is preferred
    protocol        text    NOT NULL,
    address         text    NOT NULL,
    secret          text    NOT NULL,
    secret_scheme   text    GENERATED ALWAYS AS (split_part(secret, ':', 1)) STORED,
    system          text    NOT NULL DEFAULT '',
    tls_fingerprint text    NOT NULL DEFAULT '',
    tls_ca          text    NOT NULL DEFAULT '',
    tls_insecure    boolean NOT NULL DEFAULT false,
    CONSTRAINT bmc_endpoints_pkey PRIMARY KEY (server, position),
    CONSTRAINT bmc_endpoints_one_a_protocol UNIQUE (server, protocol),
    -- Two records that lead to one machine would let one customer's permission
    -- switch off another customer's server.
    CONSTRAINT bmc_endpoints_one_machine UNIQUE (protocol, address, system),
    CONSTRAINT bmc_endpoints_server_known FOREIGN KEY (server) REFERENCES servers (service_id) ON DELETE CASCADE,
    CONSTRAINT bmc_endpoints_protocol_known CHECK (protocol IN ('redfish', 'ipmi')),
    CONSTRAINT bmc_endpoints_address_host_port CHECK (address ~ '^(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+):[0-9]{1,5}$'),
    CONSTRAINT bmc_endpoints_secret_is_reference CHECK (secret ~ '^[a-z]+:[A-Za-z0-9_./-]{1,200}$'),
    CONSTRAINT bmc_endpoints_secret_scheme_known FOREIGN KEY (secret_scheme) REFERENCES secret_schemes (scheme),
    CONSTRAINT bmc_endpoints_fingerprint_sha256 CHECK (
        tls_fingerprint = '' OR replace(tls_fingerprint, ':', '') ~ '^[0-9a-fA-F]{64}$')
);

CREATE TABLE bays (
    server   text    NOT NULL,
    position integer NOT NULL,
    slot     text    NOT NULL,
    kind     text    NOT NULL,
    hot_swap boolean, -- unknown means no (I24)
    CONSTRAINT bays_pkey PRIMARY KEY (server, kind, slot),
    CONSTRAINT bays_server_known FOREIGN KEY (server) REFERENCES servers (service_id) ON DELETE CASCADE,
    CONSTRAINT bays_slot_given CHECK (slot <> '' AND kind <> '')
);
