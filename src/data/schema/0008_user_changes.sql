-- Which accounts changed lately is asked a few times a second (services/auth/sessions.h, sok_sessions_catch_up).
CREATE INDEX users_by_updated ON users (updated_at);
