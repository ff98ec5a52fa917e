// Signed URLs. The stream is a row; the URL carries the row's id, its end and an HMAC over both, so that ids
// cannot be tried out and a URL ends even if the database forgets nothing. Whose it is and what it plays
// stands in the row, so the URL says nothing about either.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/digest.h"
#include "base/encode.h"
#include "base/text.h"
#include "data/streams.h"
#include "data/users.h"
#include "services/auth/keyfiles.h"
#include "services/streaming/stream-private.h"

#define KEY_FILE "stream.key"
#define SIGNATURE_TEXT 44 // base64url of SHA-256 without padding, and the NUL

static enum sok_status read_key(struct sok_streaming *streaming, int dir_fd, struct sok_error *err)
{
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    const char *bytes;
    size_t len;
    SOK_TRY(sok_keyfiles_read(dir_fd, KEY_FILE, SOK_STREAM_KEY_BYTES, arena, &bytes, &len, err));
    if (len != SOK_STREAM_KEY_BYTES)
        return sok_fail(err, SOK_INVALID, "keys/" KEY_FILE " is not %d bytes long", SOK_STREAM_KEY_BYTES);
    memcpy(streaming->key, bytes, len);
    sok_wipe((void *)(uintptr_t)bytes, len);
    return SOK_OK;
}

static enum sok_status load_key(struct sok_streaming *streaming, struct sok_error *err)
{
    SOK_KEYFILES_AUTO dir_fd = -1;
    SOK_TRY(sok_keyfiles_open(streaming->options.data_dir, &dir_fd, err));
    enum sok_status status = read_key(streaming, dir_fd, err);
    if (status == SOK_NOT_FOUND) {
        unsigned char fresh[SOK_STREAM_KEY_BYTES];
        sok_random_bytes(fresh, sizeof fresh);
        status = sok_keyfiles_write(dir_fd, KEY_FILE, fresh, sizeof fresh, err);
        sok_wipe(fresh, sizeof fresh);
        if (status == SOK_OK || status == SOK_CONFLICT) // another process was quicker: its key is the key
            status = read_key(streaming, dir_fd, err);
    }
    return status;
}

enum sok_status sok_streaming_open(
    const struct sok_streaming_options *options, struct sok_streaming **ret, struct sok_error *err)
{
    struct sok_streaming *streaming = calloc(1, sizeof *streaming);
    if (!streaming)
        sok_panic("out of memory");
    streaming->options = *options;
    enum sok_status status = load_key(streaming, err);
    streaming->options.data_dir = NULL; // borrowed for this call only
    if (status != SOK_OK)
        sok_streaming_close(streaming);
    else
        *ret = streaming;
    return status;
}

struct sok_streaming *sok_streaming_close(struct sok_streaming *streaming)
{
    if (streaming) {
        sok_wipe(streaming->key, sizeof streaming->key);
        free(streaming);
    }
    return NULL;
}

static void sign(
    const struct sok_streaming *streaming, const char *stream_id, int64_t expires_at,
    char ret_signature[SIGNATURE_TEXT])
{
    char text[SOK_UUID_LEN + 64];
    int len = snprintf(text, sizeof text, "stream-1 %.36s %lld", stream_id, (long long)expires_at);
    unsigned char mac[SOK_SHA256_BYTES];
    sok_hmac_sha256(streaming->key, sizeof streaming->key, text, (size_t)len, mac);
    sok_base64url_encode(mac, sizeof mac, ret_signature);
}

struct insert {
    const struct sok_stream *row;
};

static enum sok_status write_row(struct sok_db_tx *tx, void *context, struct sok_error *err)
{
    return sok_streams_insert(tx, ((const struct insert *)context)->row, err);
}

enum sok_status sok_streaming_grant(
    struct sok_streaming *streaming, struct sok_arena *arena, const struct sok_stream_source *source,
    const char *user_id, const char *session_id, const char *client_ip, struct sok_stream_grant *ret,
    const char **ret_url, struct sok_error *err)
{
    int64_t now_ms = sok_clock_now_ms(streaming->options.clock);
    bool is_file = source->kind == SOK_STREAM_FILE;
    struct sok_stream_grant grant = {
        .kind = source->kind,
        .media_id = source->media_id,
        .user_id = user_id,
        .session_id = session_id ? session_id : "",
        .subject_id = is_file ? source->media_file_id : source->download_id,
        .file_index = source->file_index,
        .expires_at = now_ms + SOK_STREAM_LIFETIME_MS};
    sok_uuid7(now_ms, grant.stream_id);
    struct sok_stream row = {
        .id = grant.stream_id,
        .user_id = user_id,
        .session_id = sok_text_empty(session_id) ? NULL : session_id,
        .media_id = source->media_id,
        .file_id = is_file ? source->media_file_id : NULL,
        .download_id = is_file ? NULL : source->download_id,
        .file_index = is_file ? -1 : source->file_index,
        .client_ip = client_ip,
        .expires_at = grant.expires_at,
        .created_at = now_ms,
        .updated_at = now_ms};
    SOK_TRY(sok_db_write(streaming->options.db, write_row, &(struct insert){.row = &row}, err));
    char signature[SIGNATURE_TEXT];
    sign(streaming, grant.stream_id, grant.expires_at, signature);
    *ret = grant;
    *ret_url = sok_format(
        arena, "/stream/%s/%s?expires=%lld&signature=%s", grant.stream_id,
        sok_uri_encode(arena, source->file_name), (long long)grant.expires_at, signature);
    return SOK_OK;
}

static enum sok_status refuse(struct sok_error *err, const char *code, const char *sentence)
{
    enum sok_status status = sok_fail(err, SOK_DENIED, "%s", sentence);
    if (err)
        err->code = code;
    return status;
}

static enum sok_status check_session(
    struct sok_streaming *streaming, struct sok_arena *arena, const struct sok_stream *row,
    struct sok_error *err)
{
    const struct sok_streaming_options *options = &streaming->options;
    if (row->session_id) {
        if (options->session_lives &&
            !options->session_lives(options->context, row->session_id, row->user_id))
            return refuse(err, "session_ended", "the session of this link has ended");
        return SOK_OK;
    }
    struct sok_user user;
    SOK_TRY(sok_users_find(sok_db_reader(options->db), arena, row->user_id, &user, err));
    return user.is_active ? SOK_OK : refuse(err, "session_ended", "the account of this link is disabled");
}

enum sok_status sok_streaming_check(
    struct sok_streaming *streaming, struct sok_arena *arena, const char *stream_id,
    const struct sok_uri_param *query, size_t count, struct sok_stream_grant *ret, struct sok_error *err)
{
    const char *given = sok_uri_param(query, count, "signature");
    int64_t expires_at;
    if (!given || strlen(stream_id) != SOK_UUID_LEN ||
        !sok_parse_int(sok_uri_param(query, count, "expires"), 0, INT64_MAX, &expires_at))
        return refuse(err, "bad_signature", "the link is not signed");
    char signature[SIGNATURE_TEXT];
    sign(streaming, stream_id, expires_at, signature);
    if (!sok_bytes_eq_secret(given, strlen(given), signature, strlen(signature)))
        return refuse(err, "bad_signature", "the link's signature is wrong");
    if (expires_at <= sok_clock_now_ms(streaming->options.clock))
        return refuse(err, "expired", "the link has expired");
    struct sok_stream row;
    SOK_TRY(sok_streams_find(sok_db_reader(streaming->options.db), arena, stream_id, &row, err));
    SOK_TRY(check_session(streaming, arena, &row, err));
    *ret = (struct sok_stream_grant){
        .kind = row.download_id ? SOK_STREAM_DOWNLOAD : SOK_STREAM_FILE,
        .media_id = row.media_id,
        .user_id = row.user_id,
        .session_id = row.session_id ? row.session_id : "",
        .subject_id = row.download_id ? row.download_id : row.file_id,
        .file_index = (int)row.file_index,
        .expires_at = expires_at};
    memcpy(ret->stream_id, stream_id, SOK_UUID_LEN + 1);
    return SOK_OK;
}
