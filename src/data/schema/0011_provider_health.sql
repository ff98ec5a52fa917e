-- How the last calls went of providers that are not in the table: those of the environment, by name.
CREATE TABLE provider_health (
    name TEXT PRIMARY KEY,
    last_ok_at BIGINT,
    last_error_at BIGINT,
    last_error TEXT
);
