-- How a server's firmware starts it: a BMC does not always tell.

-- +goose Up

ALTER TABLE servers ADD COLUMN firmware text NOT NULL DEFAULT '',
    ADD CONSTRAINT servers_firmware_known CHECK (firmware IN ('', 'uefi', 'legacy'));
