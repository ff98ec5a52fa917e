// What the files of services/streaming share. Nothing outside this folder includes it.
#ifndef SOK_SERVICES_STREAMING_STREAM_PRIVATE_H
#define SOK_SERVICES_STREAMING_STREAM_PRIVATE_H

#include "data/downloads.h"
#include "services/streaming/stream.h"
#include "services/torrent/torrent.h"

#define SOK_STREAM_KEY_BYTES 32

struct sok_streaming {
    struct sok_streaming_options options;
    unsigned char key[SOK_STREAM_KEY_BYTES];
};

// Where a player stands in a file that arrives, as far as the torrent was told.
struct sok_play_head {
    int64_t wanted_from, wanted_to; // 0: nothing
    int64_t wanted_ms;              // when it was told, monotonic
};

// Tells the torrent where the player stands; again when it has moved on or jumped.
void sok_play_want(
    struct sok_torrents *torrents, const char *key, int file, struct sok_play_head *head, int64_t offset,
    int64_t len);

// The player is not there any more. Nothing happens when it never was.
void sok_play_leave(struct sok_torrents *torrents, const char *key, int file, struct sok_play_head *head);

// Opens what a file of a download became in the library; -1 when it is not there, or of another size.
int sok_stream_open_imported(
    struct sok_streaming *streaming, const char *download_id, int file_index, int64_t size_bytes);

// A file of a torrent in this process's session. SOK_NOT_FOUND when it is not there.
SOK_MUST_CHECK enum sok_status sok_stream_open_arriving(
    struct sok_streaming *streaming, struct sok_arena *arena, const struct sok_download *download,
    int file_index, struct sok_byte_source *ret, struct sok_error *err);

// --- elsewhere.c: files that another process downloads.

// Whether a download that is not in this process's session may be in another's.
bool sok_stream_is_elsewhere(const struct sok_streaming *streaming, const struct sok_download *download);

// The download's files, with the numbers its hunter last wrote down.
SOK_MUST_CHECK enum sok_status sok_stream_list_elsewhere(
    struct sok_streaming *streaming, struct sok_arena *arena, const struct sok_download *download,
    struct sok_torrent_file **ret, size_t *ret_count, struct sok_error *err);

// SOK_TIMEOUT when it would have to wait and may not; SOK_UNAVAILABLE: no hunter answers.
SOK_MUST_CHECK enum sok_status sok_stream_open_elsewhere(
    struct sok_streaming *streaming, struct sok_arena *arena, const struct sok_download *download,
    int file_index, bool may_wait, struct sok_byte_source *ret, struct sok_error *err);

#endif
