-- What can be installed, and the network cards by which machines boot.

-- +goose Up

INSERT INTO procedures VALUES ('OSReinstall');
INSERT INTO procedure_resources VALUES
    ('OSReinstall', 'power'),
    ('OSReinstall', 'hardware'),
    ('OSReinstall', 'system');

-- An entry is kept as it was imported; the columns are read out of it, so that
-- the two can not differ.
CREATE TABLE operating_systems (
    entry        jsonb   NOT NULL,
    id           text    NOT NULL GENERATED ALWAYS AS (entry ->> 'id') STORED,
    distribution text    NOT NULL GENERATED ALWAYS AS (entry ->> 'distribution') STORED,
    version      text    NOT NULL GENERATED ALWAYS AS (entry ->> 'version') STORED,
    edition      text    NOT NULL GENERATED ALWAYS AS (coalesce(entry ->> 'edition', '')) STORED,
    architecture text    NOT NULL GENERATED ALWAYS AS (entry ->> 'architecture') STORED,
    method       text    NOT NULL GENERATED ALWAYS AS (entry ->> 'method') STORED,
    withdrawn    boolean NOT NULL GENERATED ALWAYS AS (coalesce(entry -> 'withdrawn', 'false') = 'true') STORED,
    CONSTRAINT operating_systems_pkey PRIMARY KEY (id),
    CONSTRAINT operating_systems_id_plain CHECK (id ~ '^[a-z0-9][a-z0-9.-]{1,63}$'),
    CONSTRAINT operating_systems_named CHECK (btrim(distribution) <> '' AND btrim(version) <> ''),
    CONSTRAINT operating_systems_architecture_known CHECK (architecture IN ('x86_64', 'aarch64')),
    CONSTRAINT operating_systems_firmware_known CHECK (
        (jsonb_typeof(entry -> 'firmware') = 'array' AND entry -> 'firmware' <> '[]'
            AND entry -> 'firmware' <@ '["uefi", "legacy"]') IS TRUE),
    CONSTRAINT operating_systems_answer_of_method CHECK (
        ((method, entry ->> 'answer') IN (
            ('installer', 'preseed'), ('installer', 'autoinstall'), ('installer', 'kickstart'),
            ('image', 'order'), ('rescue', 'order'))) IS TRUE),
    CONSTRAINT operating_systems_boot_files_checked CHECK (
        (entry #>> '{kernel,path}' <> '' AND entry #>> '{kernel,sha256}' ~ '^[0-9a-f]{64}$'
            AND entry #>> '{initrd,path}' <> '' AND entry #>> '{initrd,sha256}' ~ '^[0-9a-f]{64}$') IS TRUE),
    CONSTRAINT operating_systems_image_of_method CHECK (
        (method = 'image')
        = ((entry #>> '{image,path}' <> '' AND entry #>> '{image,sha256}' ~ '^[0-9a-f]{64}$') IS TRUE)),
    CONSTRAINT operating_systems_mirror_of_method CHECK (
        (method = 'installer') = (coalesce(entry ->> 'mirror', '') ~ '^https?://'))
);

-- What a customer names leads to one entry for each architecture.
CREATE UNIQUE INDEX operating_systems_one_offered
    ON operating_systems (lower(distribution), lower(version), lower(edition), architecture) WHERE NOT withdrawn;

ALTER TABLE servers
    ADD COLUMN retired boolean NOT NULL GENERATED ALWAYS AS (state = 'retired') STORED,
    ADD CONSTRAINT servers_life UNIQUE (service_id, retired);

-- The cards by which a machine boots, in the order of the record. A card leads
-- to one server; it may move on when its server is retired.
CREATE TABLE server_macs (
    server   text    NOT NULL,
    position integer NOT NULL,
    mac      macaddr NOT NULL,
    retired  boolean NOT NULL, -- follows the server
    CONSTRAINT server_macs_pkey PRIMARY KEY (server, mac),
    CONSTRAINT server_macs_server_known FOREIGN KEY (server, retired)
        REFERENCES servers (service_id, retired) ON UPDATE CASCADE ON DELETE CASCADE,
    -- Neither no address at all nor one of a group.
    CONSTRAINT server_macs_of_a_card CHECK (
        mac <> '00:00:00:00:00:00' AND mac & '01:00:00:00:00:00' = '00:00:00:00:00:00')
);
CREATE UNIQUE INDEX server_macs_one_server ON server_macs (mac) WHERE NOT retired;
