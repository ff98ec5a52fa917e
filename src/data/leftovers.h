// Torrents whose downloads went away with their user. The rows are gone at once; the torrent in the session
// and the folder on disk go when the hunter comes by, also if the program ends in between.
#ifndef SOK_DATA_LEFTOVERS_H
#define SOK_DATA_LEFTOVERS_H

#include "data/record.h"

// Notes the torrents of all downloads of this user: in the transaction that deletes the user, before it does.
SOK_MUST_CHECK enum sok_status sok_leftovers_note(
    struct sok_db_tx *tx, const char *user_id, int64_t now_ms, struct sok_error *err);

struct sok_leftover {
    const char *info_hash; // lower-case hex
    int64_t created_at;
};
// The oldest first, at most 100.
SOK_MUST_CHECK enum sok_status sok_leftovers_list(
    struct sok_db_tx *tx, struct sok_arena *arena, struct sok_leftover **ret, size_t *ret_count,
    struct sok_error *err);

// Whether there is a download of this torrent, in whatever state: its files are somebody's then.
SOK_MUST_CHECK enum sok_status sok_leftovers_is_owned(
    struct sok_db_tx *tx, const char *info_hash, bool *ret, struct sok_error *err);

SOK_MUST_CHECK enum sok_status sok_leftovers_done(
    struct sok_db_tx *tx, const char *info_hash, struct sok_error *err);

#endif
