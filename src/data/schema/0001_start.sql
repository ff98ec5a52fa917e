-- The whole schema, in the SQL that SQLite and PostgreSQL share. Ids are UUIDv7 text, times milliseconds since
-- 1970 UTC, flags 0/1, JSON is text. What one engine needs beyond this stands in 0001_start.<dialect>.sql.

CREATE TABLE users (
    id TEXT PRIMARY KEY,
    username TEXT NOT NULL,
    username_folded TEXT NOT NULL UNIQUE,
    email TEXT NOT NULL,
    email_folded TEXT NOT NULL UNIQUE,
    password_hash TEXT NOT NULL,
    role TEXT NOT NULL CHECK (role IN ('user', 'moderator', 'admin')),
    avatar_url TEXT,
    is_active INTEGER NOT NULL DEFAULT 1,
    last_login_at BIGINT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);

-- One sign-in on one device. It ends by logout, expiry, or a refresh token that comes back after its rotation.
CREATE TABLE sessions (
    id TEXT PRIMARY KEY,
    user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    client_ip TEXT,
    user_agent TEXT,
    created_at BIGINT NOT NULL,
    last_used_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    ended_at BIGINT,
    end_reason TEXT
);
CREATE INDEX sessions_by_user ON sessions (user_id);
CREATE INDEX sessions_by_expiry ON sessions (expires_at);

CREATE TABLE refresh_tokens (
    token_hash TEXT PRIMARY KEY,
    session_id TEXT NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    used_at BIGINT
);
CREATE INDEX refresh_tokens_by_session ON refresh_tokens (session_id);

CREATE TABLE api_keys (
    id TEXT PRIMARY KEY,
    user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    prefix TEXT NOT NULL,
    key_hash TEXT NOT NULL UNIQUE,
    created_at BIGINT NOT NULL,
    last_used_at BIGINT,
    expires_at BIGINT
);
CREATE INDEX api_keys_by_user ON api_keys (user_id);

CREATE TABLE password_resets (
    token_hash TEXT PRIMARY KEY,
    user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    used_at BIGINT
);
CREATE INDEX password_resets_by_user ON password_resets (user_id);

-- seq numbers the rows for the full-text index; nothing outside refers to it.
CREATE TABLE media (
    seq INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    media_type TEXT NOT NULL CHECK (media_type IN ('movie', 'tv', 'episode')),
    title TEXT NOT NULL,
    title_folded TEXT NOT NULL,
    titles_folded TEXT NOT NULL, -- all its titles, each between line feeds
    original_title TEXT,
    alternative_titles TEXT NOT NULL DEFAULT '[]',
    tmdb_id BIGINT,
    imdb_id TEXT,
    tvdb_id BIGINT,
    tvmaze_id BIGINT,
    year BIGINT,
    release_date TEXT,
    overview TEXT,
    poster_url TEXT,
    backdrop_url TEXT,
    genres TEXT NOT NULL DEFAULT '[]',
    original_language TEXT,
    rating DOUBLE PRECISION,
    runtime_minutes BIGINT,
    parent_id TEXT REFERENCES media (id) ON DELETE CASCADE,
    season_number BIGINT,
    episode_number BIGINT,
    absolute_number BIGINT,
    origin TEXT NOT NULL DEFAULT 'query',
    enriched_at BIGINT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX media_by_tmdb ON media (tmdb_id, media_type) WHERE tmdb_id IS NOT NULL;
CREATE UNIQUE INDEX media_by_episode ON media (parent_id, season_number, episode_number)
    WHERE media_type = 'episode';
CREATE INDEX media_by_title ON media (title_folded, year);
CREATE INDEX media_by_parent ON media (parent_id);
CREATE INDEX media_by_created ON media (media_type, created_at, id);
-- Lists of works leave the episodes out, in each order they can be sorted by.
CREATE INDEX media_works_by_created ON media (created_at, id) WHERE media_type <> 'episode';
CREATE INDEX media_works_by_title ON media (title_folded, id) WHERE media_type <> 'episode';
CREATE INDEX media_works_by_year ON media (COALESCE(year, 0), id) WHERE media_type <> 'episode';
CREATE INDEX media_works_by_rating ON media (COALESCE(rating, 0), id) WHERE media_type <> 'episode';
CREATE INDEX media_by_imdb ON media (imdb_id) WHERE imdb_id IS NOT NULL;
CREATE INDEX media_by_tvmaze ON media (tvmaze_id) WHERE tvmaze_id IS NOT NULL;

-- A file that holds two episodes has one row for each of them.
CREATE TABLE media_files (
    id TEXT PRIMARY KEY,
    media_id TEXT NOT NULL REFERENCES media (id) ON DELETE CASCADE,
    file_path TEXT NOT NULL,
    file_size BIGINT NOT NULL,
    modified_at BIGINT,
    container TEXT,
    codec_video TEXT,
    codec_audio TEXT,
    resolution TEXT,
    width BIGINT,
    height BIGINT,
    hdr TEXT,
    channels TEXT,
    duration_ms BIGINT,
    bitrate BIGINT,
    audio_tracks TEXT NOT NULL DEFAULT '[]',
    subtitle_tracks TEXT NOT NULL DEFAULT '[]',
    quality_score BIGINT NOT NULL DEFAULT 0,
    source TEXT NOT NULL CHECK (source IN ('torrent', 'streaming', 'direct', 'local')),
    release_name TEXT,
    download_id TEXT,
    probed_at BIGINT,
    missing_at BIGINT,
    downloaded_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    UNIQUE (file_path, media_id)
);
CREATE INDEX media_files_by_media ON media_files (media_id);

CREATE TABLE tasks (
    id TEXT PRIMARY KEY,
    task_type TEXT NOT NULL CHECK (task_type IN ('search', 'download', 'score', 'monitor')),
    status TEXT NOT NULL CHECK (status IN ('pending', 'running', 'completed', 'failed', 'cancelled')),
    payload TEXT NOT NULL DEFAULT '{}',
    result TEXT,
    progress DOUBLE PRECISION NOT NULL DEFAULT 0,
    retry_count BIGINT NOT NULL DEFAULT 0,
    max_tries BIGINT NOT NULL DEFAULT 3,
    error_message TEXT,
    user_id TEXT REFERENCES users (id) ON DELETE CASCADE,
    media_id TEXT REFERENCES media (id) ON DELETE SET NULL,
    request_id TEXT,
    traceparent TEXT,
    run_at BIGINT NOT NULL,
    lease_owner TEXT,
    lease_until BIGINT,
    fence BIGINT NOT NULL DEFAULT 0,
    lost_leases BIGINT NOT NULL DEFAULT 0,
    cancel_requested INTEGER NOT NULL DEFAULT 0,
    started_at BIGINT,
    finished_at BIGINT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE INDEX tasks_pending ON tasks (task_type, run_at, id) WHERE status = 'pending';
CREATE INDEX tasks_running ON tasks (task_type, lease_until) WHERE status = 'running';
CREATE INDEX tasks_by_finish ON tasks (finished_at) WHERE finished_at IS NOT NULL;
CREATE INDEX tasks_by_user ON tasks (user_id);
CREATE INDEX tasks_by_media ON tasks (media_id);

CREATE TABLE dead_letters (
    id TEXT PRIMARY KEY,
    task_id TEXT NOT NULL,
    task_type TEXT NOT NULL,
    payload TEXT NOT NULL,
    user_id TEXT,
    tries BIGINT NOT NULL,
    error_code TEXT,
    error_message TEXT,
    created_at BIGINT NOT NULL,
    retried_at BIGINT
);
CREATE INDEX dead_letters_by_created ON dead_letters (created_at);

-- searches.id is the id of its task.
CREATE TABLE searches (
    id TEXT PRIMARY KEY,
    user_id TEXT REFERENCES users (id) ON DELETE CASCADE,
    media_id TEXT NOT NULL REFERENCES media (id) ON DELETE CASCADE,
    query TEXT NOT NULL,
    year BIGINT,
    media_type TEXT,
    season BIGINT,
    episode BIGINT,
    providers TEXT NOT NULL DEFAULT '[]',
    status TEXT NOT NULL CHECK (status IN ('pending', 'running', 'completed', 'failed')),
    result_count BIGINT NOT NULL DEFAULT 0,
    error_message TEXT,
    completed_at BIGINT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE INDEX searches_by_user ON searches (user_id, created_at);
CREATE INDEX searches_by_media ON searches (media_id);
CREATE INDEX searches_by_created ON searches (created_at);

CREATE TABLE search_providers (
    search_id TEXT NOT NULL REFERENCES searches (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('pending', 'running', 'completed', 'failed')),
    results BIGINT NOT NULL DEFAULT 0,
    latency_ms BIGINT,
    error TEXT,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (search_id, name)
);

CREATE TABLE search_results (
    id INTEGER PRIMARY KEY,
    search_id TEXT NOT NULL REFERENCES searches (id) ON DELETE CASCADE,
    media_id TEXT NOT NULL REFERENCES media (id) ON DELETE CASCADE,
    provider TEXT NOT NULL,
    title TEXT NOT NULL,
    guid TEXT NOT NULL,
    magnet_link TEXT,
    download_url TEXT,
    info_hash TEXT,
    protocol TEXT NOT NULL CHECK (protocol IN ('torrent', 'http')),
    size_bytes BIGINT NOT NULL DEFAULT 0,
    seeders BIGINT,
    leechers BIGINT,
    published_at BIGINT,
    merge_key TEXT NOT NULL,
    trackers TEXT NOT NULL DEFAULT '[]',
    parsed TEXT NOT NULL DEFAULT '{}',
    resolution TEXT,
    source TEXT,
    season BIGINT,
    episode BIGINT,
    score BIGINT NOT NULL DEFAULT 0,
    score_breakdown TEXT NOT NULL DEFAULT '[]',
    ai_validated INTEGER NOT NULL DEFAULT 0,
    duplicates TEXT NOT NULL DEFAULT '[]',
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    UNIQUE (search_id, guid)
);
CREATE INDEX search_results_by_score ON search_results (search_id, score, id);
CREATE INDEX search_results_by_hash ON search_results (search_id, info_hash);
CREATE INDEX search_results_by_merge_key ON search_results (search_id, merge_key);
CREATE INDEX search_results_by_media ON search_results (media_id);

-- downloads.id is the id of its task. `wanted` is what the user asked for, `status` what is so.
CREATE TABLE downloads (
    id TEXT PRIMARY KEY,
    user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    media_id TEXT REFERENCES media (id) ON DELETE SET NULL,
    search_result_id BIGINT,
    title TEXT NOT NULL,
    info_hash TEXT,
    magnet_link TEXT,
    torrent_url TEXT,
    torrent BYTEA,
    wanted TEXT NOT NULL DEFAULT 'run' CHECK (wanted IN ('run', 'paused', 'cancelled')),
    delete_files INTEGER NOT NULL DEFAULT 0,
    status TEXT NOT NULL CHECK (status IN
        ('queued', 'downloading', 'paused', 'importing', 'seeding', 'completed', 'failed', 'cancelled')),
    progress DOUBLE PRECISION NOT NULL DEFAULT 0,
    size_bytes BIGINT NOT NULL DEFAULT 0,
    downloaded_bytes BIGINT NOT NULL DEFAULT 0,
    uploaded_bytes BIGINT NOT NULL DEFAULT 0,
    download_speed BIGINT NOT NULL DEFAULT 0,
    upload_speed BIGINT NOT NULL DEFAULT 0,
    peers BIGINT NOT NULL DEFAULT 0,
    seeds BIGINT NOT NULL DEFAULT 0,
    ratio DOUBLE PRECISION NOT NULL DEFAULT 0,
    eta_seconds BIGINT,
    error TEXT,
    save_path TEXT,
    resume_path TEXT,
    seeding_ms BIGINT NOT NULL DEFAULT 0,
    completed_at BIGINT,
    imported_at BIGINT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX downloads_live_by_hash ON downloads (user_id, info_hash)
    WHERE info_hash IS NOT NULL AND status NOT IN ('failed', 'cancelled');
CREATE INDEX downloads_by_user ON downloads (user_id, created_at);
CREATE INDEX downloads_by_hash ON downloads (info_hash);
CREATE INDEX downloads_by_media ON downloads (media_id);
CREATE INDEX downloads_by_status ON downloads (status);

CREATE TABLE download_files (
    download_id TEXT NOT NULL REFERENCES downloads (id) ON DELETE CASCADE,
    file_index BIGINT NOT NULL,
    path TEXT NOT NULL,
    size_bytes BIGINT NOT NULL,
    downloaded_bytes BIGINT NOT NULL DEFAULT 0,
    wanted INTEGER NOT NULL DEFAULT 1,
    media_id TEXT REFERENCES media (id) ON DELETE SET NULL,
    library_path TEXT,
    PRIMARY KEY (download_id, file_index)
);
CREATE INDEX download_files_by_media ON download_files (media_id);

CREATE TABLE stream_sessions (
    id TEXT PRIMARY KEY,
    user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    session_id TEXT,
    media_id TEXT NOT NULL REFERENCES media (id) ON DELETE CASCADE,
    file_id TEXT REFERENCES media_files (id) ON DELETE SET NULL,
    download_id TEXT REFERENCES downloads (id) ON DELETE SET NULL,
    file_index BIGINT,
    client_ip TEXT,
    position_seconds BIGINT NOT NULL DEFAULT 0,
    started_at BIGINT,
    stopped_at BIGINT,
    expires_at BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE INDEX stream_sessions_by_user ON stream_sessions (user_id);
CREATE INDEX stream_sessions_by_media ON stream_sessions (media_id);
CREATE INDEX stream_sessions_by_file ON stream_sessions (file_id);
CREATE INDEX stream_sessions_by_download ON stream_sessions (download_id);
CREATE INDEX stream_sessions_by_expiry ON stream_sessions (expires_at);

CREATE TABLE library_favorites (
    id TEXT PRIMARY KEY,
    user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    media_id TEXT NOT NULL REFERENCES media (id) ON DELETE CASCADE,
    added_at BIGINT NOT NULL,
    UNIQUE (user_id, media_id)
);
CREATE INDEX library_favorites_by_media ON library_favorites (media_id);

CREATE TABLE library_watchlist (
    id TEXT PRIMARY KEY,
    user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    media_id TEXT NOT NULL REFERENCES media (id) ON DELETE CASCADE,
    priority BIGINT NOT NULL DEFAULT 0,
    added_at BIGINT NOT NULL,
    UNIQUE (user_id, media_id)
);
CREATE INDEX library_watchlist_by_media ON library_watchlist (media_id);

CREATE TABLE watch_history (
    id TEXT PRIMARY KEY,
    user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    media_id TEXT NOT NULL REFERENCES media (id) ON DELETE CASCADE,
    progress_seconds BIGINT NOT NULL,
    total_seconds BIGINT NOT NULL,
    is_completed INTEGER NOT NULL DEFAULT 0,
    last_watched BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    UNIQUE (user_id, media_id)
);
CREATE INDEX watch_history_by_time ON watch_history (user_id, last_watched);
CREATE INDEX watch_history_by_media ON watch_history (media_id);

CREATE TABLE collections (
    id TEXT PRIMARY KEY,
    user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    description TEXT,
    is_public INTEGER NOT NULL DEFAULT 0,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE INDEX collections_by_user ON collections (user_id);

CREATE TABLE collection_media (
    id TEXT PRIMARY KEY,
    collection_id TEXT NOT NULL REFERENCES collections (id) ON DELETE CASCADE,
    media_id TEXT NOT NULL REFERENCES media (id) ON DELETE CASCADE,
    position BIGINT NOT NULL DEFAULT 0,
    added_at BIGINT NOT NULL,
    UNIQUE (collection_id, media_id)
);
CREATE INDEX collection_media_by_media ON collection_media (media_id);

CREATE TABLE audit_logs (
    id TEXT PRIMARY KEY,
    user_id TEXT,
    action TEXT NOT NULL,
    resource TEXT NOT NULL,
    resource_id TEXT,
    old_value TEXT,
    new_value TEXT,
    ip_address TEXT,
    request_id TEXT,
    created_at BIGINT NOT NULL
);
CREATE INDEX audit_logs_by_time ON audit_logs (created_at);
CREATE INDEX audit_logs_by_user ON audit_logs (user_id, created_at);

CREATE TABLE providers (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    kind TEXT NOT NULL,
    url TEXT NOT NULL,
    key_encrypted BYTEA,
    is_enabled INTEGER NOT NULL DEFAULT 1,
    priority BIGINT NOT NULL DEFAULT 0,
    settings TEXT NOT NULL DEFAULT '{}',
    last_ok_at BIGINT,
    last_error_at BIGINT,
    last_error TEXT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);

CREATE TABLE ip_rules (
    id TEXT PRIMARY KEY,
    kind TEXT NOT NULL CHECK (kind IN ('whitelist', 'blacklist')),
    cidr TEXT NOT NULL,
    reason TEXT,
    expires_at BIGINT,
    created_by TEXT,
    created_at BIGINT NOT NULL,
    UNIQUE (kind, cidr)
);

CREATE TABLE settings (
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL,
    updated_by TEXT,
    updated_at BIGINT NOT NULL
);

CREATE TABLE idempotency_keys (
    user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    request_hash TEXT NOT NULL,
    http_status BIGINT NOT NULL,
    response TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    PRIMARY KEY (user_id, name)
);
CREATE INDEX idempotency_keys_by_expiry ON idempotency_keys (expires_at);
