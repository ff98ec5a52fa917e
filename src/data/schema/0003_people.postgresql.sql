-- PostgreSQL only: the audit trail is written and read, never changed. What is older than the 365 days it is kept
-- (data/audit.h) may be deleted, and nothing else.
CREATE FUNCTION audit_logs_refuse() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN RAISE EXCEPTION 'audit_logs is append-only' USING ERRCODE = 'restrict_violation'; END $$;
CREATE OR REPLACE TRIGGER audit_logs_no_update BEFORE UPDATE ON audit_logs
    FOR EACH ROW EXECUTE FUNCTION audit_logs_refuse();
CREATE OR REPLACE TRIGGER audit_logs_no_delete BEFORE DELETE ON audit_logs
    FOR EACH ROW WHEN (old.created_at > CAST(extract(epoch FROM now()) * 1000 AS BIGINT) - 31536000000)
    EXECUTE FUNCTION audit_logs_refuse();
CREATE OR REPLACE TRIGGER audit_logs_no_truncate BEFORE TRUNCATE ON audit_logs
    FOR EACH STATEMENT EXECUTE FUNCTION audit_logs_refuse();
