-- What its user has cancelled is no living download any more, also while the hunter still clears it away: the same
-- torrent may be started again at once, and counts need no look at the rows.
DROP INDEX downloads_live_by_hash;
CREATE UNIQUE INDEX downloads_live_by_hash ON downloads (user_id, info_hash)
    WHERE info_hash IS NOT NULL AND status NOT IN ('failed', 'cancelled') AND wanted <> 'cancelled';
DROP INDEX downloads_by_status;
CREATE INDEX downloads_by_status ON downloads (status, wanted);
