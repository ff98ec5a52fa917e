// How much there is of everything, counted for admins.
#ifndef SOK_DATA_FIGURES_H
#define SOK_DATA_FIGURES_H

#include "backends/db/db.h"

struct sok_figure {
    const char *name; // a type, a status
    int64_t count;
};

struct sok_figures {
    struct sok_figure *media, *downloads, *dead_letters; // by media_type; by status; open ones by task_type
    size_t media_count, downloads_count, dead_letters_count;
    int64_t files, file_bytes; // in the library; one that holds two episodes counts once
    int64_t missing_files;     // rows of them
    int64_t sessions;          // neither ended nor expired
    int64_t schema;            // version of the newest migration
    const char *engine_version;
};

// Indexes alone are read: some 70 ms for 200,000 works with a file each. Text in the arena.
SOK_MUST_CHECK enum sok_status sok_figures_load(
    struct sok_db_tx *tx, struct sok_arena *arena, int64_t now_ms, struct sok_figures *ret,
    struct sok_error *err);

#endif
