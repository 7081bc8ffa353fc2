#!/bin/sh
# Brings Temporal's two databases to the schema of this version of its tools.
# May run again: what is there already stays.
set -eu

SQL_PASSWORD=$(cat /run/secrets/temporal_password)
export SQL_PASSWORD

for pair in temporal:temporal temporal_visibility:visibility; do
	database=${pair%:*} schema=${pair#*:}
	temporal-sql-tool --database "$database" setup-schema --version 0.0
	temporal-sql-tool --database "$database" update-schema \
		--schema-dir "/etc/temporal/schema/postgresql/v12/$schema/versioned"
done
