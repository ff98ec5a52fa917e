// Which files of a download or a folder are films, by their names alone. Pure.
#ifndef SOK_SERVICES_LIBRARY_CLASSIFY_H
#define SOK_SERVICES_LIBRARY_CLASSIFY_H

#include <stdint.h>

#include "base/arena.h"

enum sok_file_kind { SOK_FILE_FILM, SOK_FILE_SUBTITLE, SOK_FILE_OTHER };

// `path` with '/' between its parts, from outside. *ret_reason (may be NULL): for OTHER, a literal sentence
// that says why not.
enum sok_file_kind sok_classify_file(const char *path, int64_t size_bytes, const char **ret_reason);

// The part behind the last '/', and behind the last '.' of that ("" when there is none). Borrowed from path.
const char *sok_path_name(const char *path);
const char *sok_path_extension(const char *path);

// The name without its extension; the folder above it ("" when there is none). In the arena.
char *sok_path_stem(struct sok_arena *arena, const char *path);
char *sok_path_folder(struct sok_arena *arena, const char *path);

// What the name of a subtitle says behind the film's: ".en", ".pt-br.forced", "" when nothing is known.
// `stem` is the subtitle's name without extension, `film_stem` the film's or "" (a name like "2_English").
char *sok_subtitle_suffix(struct sok_arena *arena, const char *stem, const char *film_stem);

#endif
