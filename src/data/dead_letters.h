// Jobs that failed for good, kept for an admin to look at and to start again.
#ifndef SOK_DATA_DEAD_LETTERS_H
#define SOK_DATA_DEAD_LETTERS_H

#include "data/page.h"

struct sok_dead_letter {
    const char *id, *task_id, *task_type, *payload, *user_id;
    int64_t tries;
    const char *error_code, *error_message;
    int64_t created_at, retried_at;
};

SOK_MUST_CHECK enum sok_status sok_dead_letters_insert(
    struct sok_db_tx *tx, const struct sok_dead_letter *letter, struct sok_error *err);
SOK_MUST_CHECK enum sok_status sok_dead_letters_find(
    struct sok_db_tx *tx, struct sok_arena *arena, const char *id, struct sok_dead_letter *ret,
    struct sok_error *err);
struct sok_dead_letters_filter {
    const char *task_type; // NULL: any
    bool only_retried, only_open;
};

// Sorts: created_at (own order, newest first), task_type. filter may be NULL.
SOK_MUST_CHECK enum sok_status sok_dead_letters_list(
    struct sok_db_tx *tx, struct sok_arena *arena, const struct sok_dead_letters_filter *filter,
    const struct sok_page *page, struct sok_dead_letter **ret, size_t *ret_count,
    struct sok_page_info *ret_info, struct sok_error *err);
// How many nobody has started again.
SOK_MUST_CHECK enum sok_status sok_dead_letters_count_open(
    struct sok_db_tx *tx, int64_t *ret, struct sok_error *err);
// Makes its task pending again with all its tries (search and download rows with it) and notes the time.
// SOK_CONFLICT when it was retried before (code "already_retried"), its task does not stand still
// ("not_failed") or is gone ("job_gone"), or its owner downloads the same by now ("already_downloading").
// *ret: the letter; its task is to be published after the commit; text in the arena.
SOK_MUST_CHECK enum sok_status sok_dead_letters_retry(
    struct sok_db_tx *tx, struct sok_arena *arena, const char *id, int64_t now_ms,
    struct sok_dead_letter *ret, struct sok_error *err);

// Deletes those of before `before_ms`, a few thousand a call: their jobs are purged at that age, too.
SOK_MUST_CHECK enum sok_status sok_dead_letters_purge(
    struct sok_db_tx *tx, int64_t before_ms, int64_t *ret_deleted, struct sok_error *err);

// Those of a user who is being deleted.
SOK_MUST_CHECK enum sok_status sok_dead_letters_delete_of(
    struct sok_db_tx *tx, const char *user_id, struct sok_error *err);

#endif
