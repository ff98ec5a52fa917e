-- SQLite only: the audit trail is written and read, never changed. What is older than the 365 days it is kept
-- (data/audit.h) may be deleted, and nothing else.
CREATE TRIGGER audit_logs_no_update BEFORE UPDATE ON audit_logs BEGIN
    SELECT RAISE(ABORT, 'audit_logs is append-only');
END;
-- REPLACE deletes without firing the trigger below.
CREATE TRIGGER audit_logs_no_replace BEFORE INSERT ON audit_logs
WHEN EXISTS (SELECT 1 FROM audit_logs WHERE id = new.id) BEGIN
    SELECT RAISE(ABORT, 'audit_logs is append-only');
END;
CREATE TRIGGER audit_logs_no_delete BEFORE DELETE ON audit_logs
WHEN old.created_at > CAST(strftime('%s', 'now') AS INTEGER) * 1000 - 31536000000 BEGIN
    SELECT RAISE(ABORT, 'audit_logs is append-only');
END;
