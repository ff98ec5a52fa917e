// What the files of services/library share. Nothing outside this folder includes it.
#ifndef SOK_SERVICES_LIBRARY_LIBRARY_PRIVATE_H
#define SOK_SERVICES_LIBRARY_LIBRARY_PRIVATE_H

#include <sys/stat.h>

#include "data/media.h"
#include "data/media_files.h"
#include "domain/naming.h"
#include "domain/release.h"
#include "services/library/library.h"
#include "services/library/probe.h"

#define SOK_LIBRARY_ROOTS_MAX 32

struct sok_library {
    struct sok_db *db;
    const struct sok_clock *clock;
    char *probe_program;
    struct sok_library_root {
        char *path; // absolute, without a slash at the end, links resolved
        int fd;
    } roots[SOK_LIBRARY_ROOTS_MAX];
    size_t root_count;
};

// The root an absolute path lies beneath, and the path below it ("" for the root itself). SOK_DENIED: none.
SOK_MUST_CHECK enum sok_status sok_library_locate(
    const struct sok_library *library, const char *path, const struct sok_library_root **ret_root,
    const char **ret_below, struct sok_error *err);

// --- works.c: which work a name stands for.

// Which episodes of a series a release names; `known` are the series' rows, for air dates and absolute
// numbers. False with a sentence when the name does not say. Pure.
struct sok_episode_numbers {
    int season;
    const int *episodes;
    int count;
};
bool sok_work_episodes(
    struct sok_arena *arena, const struct sok_release *release, const struct sok_media *known,
    size_t known_count, struct sok_episode_numbers *ret, const char **ret_reason);

// The film or series with the title and year that a name says, made (origin "file") if there is none.
// `fallback_title`: for a name without one. *ret_made (may be NULL): it is new.
SOK_MUST_CHECK enum sok_status sok_work_find_or_make(
    struct sok_db_tx *tx, struct sok_arena *arena, const struct sok_release *release, bool is_series,
    const char *fallback_title, int64_t now_ms, struct sok_media *ret, bool *ret_made, struct sok_error *err);

// Whether a name speaks of an episode, a season or a day's broadcast.
bool sok_work_is_series(const struct sok_release *release);

// The episodes' rows, made where they are missing. *ret_ids: numbers->count of them.
SOK_MUST_CHECK enum sok_status sok_work_ensure_episodes(
    struct sok_db_tx *tx, struct sok_arena *arena, const struct sok_media *series,
    const struct sok_episode_numbers *numbers, const struct sok_release *release, int64_t now_ms,
    const char ***ret_ids, struct sok_error *err);

// What a path in a library folder says, from its folders ("Shows/Title (2019)/Season 01/...",
// "Title (2019)/...") and its name. Pure.
void sok_work_read_path(
    struct sok_arena *arena, const char *path, struct sok_release *ret_release, bool *ret_is_series);

// --- describe.c

// Fills what the name and the probe (NULL: not probed) say about a file: codecs, size of the picture, tracks,
// quality_score. Not: id, media_id, paths and times.
void sok_describe_file(
    struct sok_arena *arena, const struct sok_release *release, const struct sok_probe *probe,
    struct sok_media_file *ret);

// --- place.c: a file gets its name in the library.

struct sok_placing {
    int source_root_fd;
    const char *source; // below it
    struct stat source_info;
    const struct sok_naming *naming;
    enum sok_import_mode mode;
    const char *const *media_ids; // the works in the file: a file of theirs may be replaced in its place
    size_t media_count;
};
enum sok_placed { SOK_PLACED_NEW, SOK_PLACED_BEFORE, SOK_PLACED_OVER, SOK_PLACED_COPY };

// Links (or moves, or copies) the source to its path beneath the first root. A name that another work's file
// has taken is passed over (" (2)", ...). *ret_path: below the root. SOK_UNSUPPORTED "cross_device".
SOK_MUST_CHECK enum sok_status sok_place_file(
    struct sok_library *library, struct sok_arena *arena, const struct sok_placing *placing, char **ret_path,
    enum sok_placed *ret_how, struct sok_error *err);

// Places the subtitles that belong to a film beside it, as far as that goes: a subtitle that cannot be placed
// is no reason to fail. `alone`: it is the download's only film, so every subtitle is its.
void sok_place_subtitles(
    struct sok_library *library, struct sok_arena *arena, const struct sok_import *import, int source_root_fd,
    const char *film_source, const char *film_path, bool alone);

#endif
