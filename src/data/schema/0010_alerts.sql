-- Sentinel's alerts: one row a kind and place, which outlives the process that raised it. Of several sentinels the one
-- that holds a place's lease judges it. A place is a host's name, or '' for what all of them share.
CREATE TABLE alerts (
    name TEXT NOT NULL,
    place TEXT NOT NULL,
    is_raised INTEGER NOT NULL,
    severity TEXT NOT NULL CHECK (severity IN ('warning', 'critical')),
    value DOUBLE PRECISION NOT NULL,
    raised_at BIGINT,
    cleared_at BIGINT,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (name, place)
);
CREATE TABLE alert_watches (
    place TEXT PRIMARY KEY,
    lease_owner TEXT NOT NULL,
    lease_until BIGINT NOT NULL
);
-- Which providers failed lately is asked every half minute.
CREATE INDEX search_providers_by_updated ON search_providers (updated_at);
