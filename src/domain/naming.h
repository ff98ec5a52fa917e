// Where a film or an episode lies in the library: names that Jellyfin, Plex and Kodi read, safe on every file
// system.
//
// Movies/Title (Year)/Title (Year) - 1080p.mkv
// Shows/Title (Year)/Season 01/Title (Year) - S01E02 - Episode title.mkv
#ifndef SOK_DOMAIN_NAMING_H
#define SOK_DOMAIN_NAMING_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/status.h"

#define SOK_NAMING_PART_MAX \
    240 // bytes of one path component: below the 255 of file systems, with room for a
        // subtitle's ".pt-br.forced.srt"

#define SOK_NAMING_PATTERN_MAX 300 // bytes

// How paths are made: a pattern for films and one for episodes, without extension. Fields: {title} {year}
// {resolution} {edition}, {version} (both of them), and for episodes {season} {episode} {number} ("S01E02",
// "S01E02-E03" or the air date) {episode_title} {air_date}. ":00" fills a number up to two digits; text
// within the braces, "{ (year)}", is said only when the field is known. Borrowed.
struct sok_naming_style {
    const char *movie, *episode;
};
extern const struct sok_naming_style sok_naming_style_default;

// NULL when a pattern is good, else what is wrong with it as the end of a sentence ("must have {title} ..."),
// in the arena. A good one gives a path below the library whatever the names are.
const char *sok_naming_pattern_problem(struct sok_arena *arena, const char *pattern, bool series);

// All borrowed; NULL and 0 for what is not known.
struct sok_naming {
    const char *title; // of the film or the series
    int year;
    const char *edition;    // "Director's Cut"
    const char *resolution; // "1080p"
    bool series;
    int season;                // 0: specials; -1: not known (taken as 1)
    int episode, last_episode; // last_episode > episode: a file with several; episode -1: by air date
    const char *air_date;      // "2020-01-31"
    const char *episode_title;
    const char *extension;                // without the dot; letters and digits only
    int copy;                             // > 1: a further file of the same work and quality, gets " (2)"
    const struct sok_naming_style *style; // NULL: the default
};

// The path below the library folder, with '/' between the parts. SOK_INVALID without a title or with an
// extension that is none.
SOK_MUST_CHECK enum sok_status sok_naming_path(
    struct sok_arena *arena, const struct sok_naming *naming, char **ret_path, struct sok_error *err);

// The pattern with the fields put in; the last part is cut at file_max_bytes. What sok_naming_path is made
// of.
SOK_MUST_CHECK enum sok_status sok_naming_render(
    struct sok_arena *arena, const char *pattern, const struct sok_naming *naming, size_t file_max_bytes,
    char **ret_path, struct sok_error *err);

// One safe path component of at most max_bytes: clean UTF-8 cut at a character, no separators, control or
// reserved characters, no dots or blanks at the ends, no reserved Windows name. "" when nothing is left.
char *sok_naming_sanitise(struct sok_arena *arena, const char *text, size_t max_bytes);

// Whether a path from outside (a torrent's) stays below where it is put: relative, no "..", "." or empty
// part, no control characters or NUL, no backslash, no part over 255 bytes, at most 32 parts and 2048 bytes.
bool sok_naming_path_is_safe(const char *path);

#endif
