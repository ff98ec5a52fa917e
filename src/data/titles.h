// Finding works by their titles, each engine in its own way: titles_<dialect>.c. Texts are folded
// (sok_text_fold).
#ifndef SOK_DATA_TITLES_H
#define SOK_DATA_TITLES_H

#include "backends/db/db.h"

// A condition on rows of media: "?" in it is the value.
struct sok_title_condition {
    const char *sql, *value;
};

// The works (and episodes, when asked for) that the text may mean, errors forgiven: the best 2,000 by
// titles_rank (backends/db/db.h). The value is plain text and can be kept. SOK_UNSUPPORTED on an engine
// without a driver here.
SOK_MUST_CHECK enum sok_status sok_titles_find(
    struct sok_db_tx *tx, struct sok_arena *arena, const char *text, bool with_episodes,
    struct sok_title_condition *ret, struct sok_error *err);

// The condition for a value that sok_titles_find gave before: sets ret->sql.
SOK_MUST_CHECK enum sok_status sok_titles_found(
    struct sok_db_tx *tx, struct sok_title_condition *ret, struct sok_error *err);

// The works of whose titles_folded this is a part; at least three characters.
SOK_MUST_CHECK enum sok_status sok_titles_holding(
    struct sok_db_tx *tx, struct sok_arena *arena, const char *text, struct sok_title_condition *ret,
    struct sok_error *err);

// What an engine provides; a row of titles.c.
struct sok_titles_driver {
    const char *dialect;
    const char *(*pattern)(
        struct sok_arena *arena, const char *text); // by which it looks for a part of a title
    // Conditions on media. "?" is the pattern, in `found` a JSON list of media.seq, in `beginning` the text.
    const char *holding, *beginning, *within, *found; // `within`: anywhere, by reading all of them
    const char
        *holding_few; // as holding, but stops at some thousands; those that begin with the text ("$1") first
    const char *select; // a query for the seq of those that hold a pattern
    const char *count;  // a query: how many titles hold the pattern $1, at most $2
};
extern const struct sok_titles_driver sok_titles_sqlite, sok_titles_postgresql;

#endif
