-- Runs once, on an empty data volume, as the administrator: the databases, and
-- for each program a role of its own. A password stands in one secret only: in
-- the URL, or in the file, that the program reads.

\set temporal_password `cat /run/secrets/temporal_password`
\set owner_password `sed -E 's,^[^:]+://[^:]+:([^@]+)@.*,\1,' /run/secrets/owner_database_url`
\set worker_password `sed -E 's,^[^:]+://[^:]+:([^@]+)@.*,\1,' /run/secrets/worker_database_url`
\set gateway_password `sed -E 's,^[^:]+://[^:]+:([^@]+)@.*,\1,' /run/secrets/gateway_database_url`

CREATE ROLE temporal LOGIN PASSWORD :'temporal_password';
CREATE DATABASE temporal OWNER temporal;
CREATE DATABASE temporal_visibility OWNER temporal;

-- The owner migrates; the worker is a member of the role that can not change
-- what was logged, the boot listener of the one that hands out boots and sees no
-- customer. The migrations grant those roles their rights.
CREATE ROLE handrail_worker NOLOGIN;
CREATE ROLE handrail_gateway NOLOGIN;
CREATE ROLE handrail_owner LOGIN PASSWORD :'owner_password';
CREATE ROLE handrail LOGIN PASSWORD :'worker_password' IN ROLE handrail_worker;
CREATE ROLE gateway LOGIN PASSWORD :'gateway_password' IN ROLE handrail_gateway;
CREATE DATABASE handrail OWNER handrail_owner;

REVOKE CONNECT, TEMPORARY ON DATABASE temporal, temporal_visibility, handrail FROM PUBLIC;
GRANT CONNECT ON DATABASE handrail TO handrail_worker, handrail_gateway;
