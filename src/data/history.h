// What each user has watched and where they stopped. It belongs to the work, never to a file.
#ifndef SOK_DATA_HISTORY_H
#define SOK_DATA_HISTORY_H

#include "data/media.h"

#define SOK_HISTORY_COMPLETED_PERCENT 90

struct sok_watch {
    const char *id, *user_id, *media_id;
    int64_t progress_seconds, total_seconds;
    bool is_completed;
    int64_t last_watched, created_at;
};

// One row a user and work: inserts or moves it. is_completed is worked out here (>= 90 %). `id` and
// created_at are for a new row; *ret_watch is the row as it is now.
SOK_MUST_CHECK enum sok_status sok_history_record(
    struct sok_db_tx *tx, struct sok_arena *arena, const struct sok_watch *watch, struct sok_watch *ret_watch,
    struct sok_error *err);
SOK_MUST_CHECK enum sok_status sok_history_find(
    struct sok_db_tx *tx, struct sok_arena *arena, const char *user_id, const char *media_id,
    struct sok_watch *ret, struct sok_error *err);

struct sok_continue_item {
    struct sok_watch watch; // for a next episode not begun: progress 0, id NULL
    struct sok_media media;
    struct sok_media series; // id NULL for films
    bool is_available;       // can be watched now
};
// Begun films and episodes, and per series one entry: the episode begun last, or the one after the last
// finished: season by season, what can be watched before what cannot, specials (season 0) when no other is
// left. Newest first.
SOK_MUST_CHECK enum sok_status sok_history_continue(
    struct sok_db_tx *tx, struct sok_arena *arena, const char *user_id, int64_t limit,
    struct sok_continue_item **ret, size_t *ret_count, struct sok_error *err);
// Completed ones. Sorts: last_watched (own order, newest first), title, year, rating. Filters: media_id,
// from, to (of last_watched) and sok_entry_filters.
SOK_MUST_CHECK enum sok_status sok_history_watched(
    struct sok_db_tx *tx, struct sok_arena *arena, const char *user_id, const struct sok_page *page,
    struct sok_watch **ret, size_t *ret_count, struct sok_page_info *ret_info, struct sok_error *err);
SOK_MUST_CHECK enum sok_status sok_history_delete(
    struct sok_db_tx *tx, const char *user_id, const char *id, struct sok_error *err);

#endif
