// One import on its way: what import.c and import_present.c share.
#ifndef SOK_SERVICES_LIBRARY_IMPORT_PRIVATE_H
#define SOK_SERVICES_LIBRARY_IMPORT_PRIVATE_H

#include "services/library/library-private.h"

struct sok_import_run {
    struct sok_library *library;
    struct sok_arena *arena;
    const struct sok_import *import;
    int folder_fd;
    struct sok_naming_style style; // as set when the import began
    struct sok_media media;        // as asked for
    struct sok_media series;       // of an episode or of the series itself; id NULL for films
    struct sok_media *known;       // the series' episodes
    size_t known_count;
    int main_film; // of a film's download: the file that is it; -1: each film is an episode
    size_t film_count;
};

struct sok_import_film { // one file on its way
    const struct sok_import_file *file;
    struct stat info;
    struct sok_release release;
    struct sok_media_file row;
    struct sok_episode_numbers numbers; // count 0 for films
    const char **media_ids;
    size_t media_count;
};

// Whether the file of a row is there; its data.
bool sok_import_stat_row(
    const struct sok_import_run *run, const struct sok_media_file *row, struct stat *ret);

// The present file that makes placing this one needless: itself (an earlier try came so far), or one as good
// for every work in it. *ret_found false: place it.
SOK_MUST_CHECK enum sok_status sok_import_find_present(
    struct sok_import_run *run, const struct sok_import_film *film, struct sok_media_file *ret_row,
    bool *ret_found, bool *ret_itself, struct sok_error *err);

// Removes the rows of worse files that were imported for the film's works and, when no other work needs them,
// the files. What a scan found stays.
SOK_MUST_CHECK enum sok_status sok_import_remove_worse(
    struct sok_import_run *run, const struct sok_import_film *film, bool *ret_removed, struct sok_error *err);

#endif
