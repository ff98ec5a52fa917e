-- What the deletion of a user leaves on disk, for the hunter to clear away: folders named after their torrents.
CREATE TABLE download_leftovers (
    info_hash TEXT PRIMARY KEY,
    created_at BIGINT NOT NULL
);

-- The name as it was then, since accounts are renamed and deleted; ip_key is the address as 32 hex digits (v4
-- as ::ffff:a.b.c.d), so that a range of addresses is a range of texts.
ALTER TABLE audit_logs ADD COLUMN username TEXT;
ALTER TABLE audit_logs ADD COLUMN ip_key TEXT;
CREATE INDEX audit_logs_by_action ON audit_logs (action, created_at);
CREATE INDEX audit_logs_by_ip ON audit_logs (ip_key, created_at);
CREATE INDEX audit_logs_by_request ON audit_logs (request_id);
