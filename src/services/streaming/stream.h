// Watching: the sources a work can be played from, the signed URLs that give them out, and the bytes.
//
// A URL names what is played (a media_files row, or a file of a running download), the user and the session
// it was made for and when it ends, under an HMAC-SHA256 (RFC 2104). It needs no login, works in a <video>
// tag, and stops with its session.
#ifndef SOK_SERVICES_STREAMING_STREAM_H
#define SOK_SERVICES_STREAMING_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "backends/db/db.h"
#include "base/arena.h"
#include "base/rand.h"
#include "base/status.h"
#include "net/http_server.h"
#include "runtime/clock.h"
#include "services/library/library.h"

struct sok_streaming;
struct sok_play_client; // services/streaming/play_client.h
struct sok_torrents;    // services/torrent/torrent.h

#define SOK_STREAM_LIFETIME_MS ((int64_t)12 * 60 * 60 * 1000) // a long film, paused over dinner

struct sok_streaming_options {
    struct sok_db *db; // borrowed, all of them
    const struct sok_clock *clock;
    struct sok_library *library;
    struct sok_torrents *torrents; // NULL: this process has no running downloads
    const char *accel_prefix; // where a proxy has the library's folders by their numbers; NULL: it has not
    const char *data_dir;     // holds keys/stream.key (0600), made when missing
    struct sok_play_client *others; // asks the hunters of other processes; NULL: there are none
    // Whether a session still counts (signed in, not revoked, user enabled). NULL: sessions are not checked.
    // An API key counts as one. A stream without either needs its user to be active.
    bool (*session_lives)(void *context, const char *session_id, const char *user_id);
    void *context;
};

// SOK_INVALID when the key file can be read by others. Blocks. Owned by the caller; any thread may use it.
SOK_MUST_CHECK enum sok_status sok_streaming_open(
    const struct sok_streaming_options *options, struct sok_streaming **ret, struct sok_error *err);
struct sok_streaming *sok_streaming_close(struct sok_streaming *streaming);

enum sok_stream_kind { SOK_STREAM_FILE, SOK_STREAM_DOWNLOAD };

// One way to watch a work. Text in the arena.
struct sok_stream_source {
    enum sok_stream_kind kind;
    const char *media_id, *media_type, *title;
    const char *media_file_id; // SOK_STREAM_FILE
    const char *download_id;   // SOK_STREAM_DOWNLOAD
    int file_index;            // of the torrent
    const char *file_name;     // the last part of the path
    const char *mime_type, *container, *resolution, *video_codec, *audio_codec;
    int64_t size_bytes, duration_ms;
    int quality_score;
    double progress; // 0-100; 100 for complete files
};

#define SOK_STREAM_SOURCES_MAX 200

// Every source of a work, best first: complete files by quality, then running downloads whose file can be
// played already. For a series: those of its episodes, in order. SOK_NOT_FOUND: no such media row; none
// playable is SOK_OK with *ret_count 0. `user_id`: downloads of other users are left out. What another
// process downloads has to be asked for: SOK_TIMEOUT without may_wait (call again where blocking for a second
// is fine); SOK_UNAVAILABLE when there is nothing else and no hunter answers.
SOK_MUST_CHECK enum sok_status sok_streaming_sources(
    struct sok_streaming *streaming, struct sok_arena *arena, const char *media_id, const char *user_id,
    bool may_wait, struct sok_stream_source **ret, size_t *ret_count, struct sok_error *err);

// A stream: what a signed URL gives out. Kept in data/streams.h; the URL has its id, its end and the
// signature.
struct sok_stream_grant {
    char stream_id[SOK_UUID_LEN + 1];
    enum sok_stream_kind kind;
    const char *media_id, *user_id, *session_id; // session_id: or the API key's id; "": neither
    const char *subject_id; // media_files.id or downloads.id; NULL: deleted, the work's best file counts
    int file_index;
    int64_t expires_at;
};

// Makes a stream of a source for a user's session. *ret_url is a path with query ("/stream/ID/name.mkv?...").
// Blocks on a write.
SOK_MUST_CHECK enum sok_status sok_streaming_grant(
    struct sok_streaming *streaming, struct sok_arena *arena, const struct sok_stream_source *source,
    const char *user_id, const char *session_id, const char *client_ip, struct sok_stream_grant *ret,
    const char **ret_url, struct sok_error *err);

// Checks a URL's signature, expiry and session. `query` as the server parsed it. SOK_DENIED (code
// "bad_signature", "expired", "session_ended"), SOK_NOT_FOUND when the stream is gone.
SOK_MUST_CHECK enum sok_status sok_streaming_check(
    struct sok_streaming *streaming, struct sok_arena *arena, const char *stream_id,
    const struct sok_uri_param *query, size_t count, struct sok_stream_grant *ret, struct sok_error *err);

// The bytes behind a grant, for sok_reply_ranges. A running download keeps its file open: when it completes
// and moves, a stream that runs goes on. SOK_NOT_FOUND when it is gone, SOK_UNAVAILABLE when it cannot be
// played yet, or no hunter answers. Blocks shortly; with may_wait for a second (SOK_TIMEOUT without it, when
// another process has to be asked).
SOK_MUST_CHECK enum sok_status sok_streaming_bytes(
    struct sok_streaming *streaming, struct sok_arena *arena, const struct sok_stream_grant *grant,
    bool may_wait, struct sok_byte_source *ret, struct sok_error *err);

// "video/x-matroska", ...; by the file's extension, "application/octet-stream" when unknown.
const char *sok_stream_mime(const char *file_name);

#endif
