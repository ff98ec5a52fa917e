// The library: finished downloads placed under the names that media servers read, existing folders scanned,
// files probed in a child process without privileges.
//
// Everything is opened beneath a root (a library folder or the download folder) with openat2, so that neither
// "..", nor an absolute path, nor a symbolic link leads outside. Nothing here logs or publishes events: what
// happened is returned.
#ifndef SOK_SERVICES_LIBRARY_LIBRARY_H
#define SOK_SERVICES_LIBRARY_LIBRARY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "backends/db/db.h"
#include "base/arena.h"
#include "base/status.h"
#include "runtime/clock.h"

struct sok_library;

struct sok_library_options {
    struct sok_db *db; // borrowed
    const struct sok_clock *clock;
    const char *library_dirs;  // ':'-separated; the first one receives imports
    const char *probe_program; // sokoul-probe; NULL: the one beside this executable
};

// Opens the folders, makes those that are missing. SOK_IO names the folder that cannot be used. Blocks.
// Owned by the caller; any thread may use it.
SOK_MUST_CHECK enum sok_status sok_library_open(
    const struct sok_library_options *options, struct sok_library **ret, struct sok_error *err);
struct sok_library *sok_library_close(struct sok_library *library);

size_t sok_library_root_count(const struct sok_library *library);
const char *sok_library_root(const struct sok_library *library, size_t index); // absolute, borrowed

// Opens a file of the library for reading by its media_files.file_path (absolute). SOK_DENIED when it does
// not lie beneath a root or is reached through a symbolic link, SOK_NOT_FOUND when it is gone. The descriptor
// is the caller's.
SOK_MUST_CHECK enum sok_status sok_library_open_file(
    const struct sok_library *library, const char *file_path, int *ret_fd, struct sok_error *err);

// Which folder of the library (as sok_library_root counts) a media_files.file_path lies in, and its path
// below. SOK_DENIED: in none. *ret_below is borrowed from file_path.
SOK_MUST_CHECK enum sok_status sok_library_split(
    const struct sok_library *library, const char *file_path, size_t *ret_root, const char **ret_below,
    struct sok_error *err);

// Removes a file of the library and the folders that are empty then. SOK_OK also when it is gone already. The
// database row is the caller's business.
SOK_MUST_CHECK enum sok_status sok_library_remove_file(
    const struct sok_library *library, const char *file_path, struct sok_error *err);

// The same, and the subtitles that lie beside it under its name.
SOK_MUST_CHECK enum sok_status sok_library_remove_film(
    const struct sok_library *library, struct sok_arena *arena, const char *file_path, struct sok_error *err);

// --- Importing a finished download.

struct sok_import_file {
    const char *path; // relative to `folder`, as the torrent has it
    int64_t size_bytes;
};

enum sok_import_mode {
    SOK_IMPORT_LINK, // hard link: the download keeps seeding from where it lies. The normal way
    SOK_IMPORT_MOVE, // hard link where that works, and the source's name is removed afterwards
    SOK_IMPORT_COPY  // link where that works, else copy and compare: only when somebody chose so
};

struct sok_import {
    const char *media_id;     // the work that was asked for: movie, tv or episode row. NULL: as the names say
    const char *folder;       // absolute; where the torrent's files begin (save path)
    const char *release_name; // the torrent's name
    const struct sok_import_file *files;
    size_t file_count;       // at most SOK_IMPORT_FILES_MAX, more: SOK_TOO_LARGE
    const char *source;      // media_files.source: "torrent", "direct"
    const char *download_id; // media_files.download_id; may be NULL
    enum sok_import_mode mode;
};
#define SOK_IMPORT_FILES_MAX 20000

enum sok_import_outcome {
    SOK_IMPORTED,         // placed
    SOK_IMPORT_PRESENT,   // was there already: the same file, nothing done
    SOK_IMPORT_REPLACED,  // placed, and the worse file of the same work removed
    SOK_IMPORT_KEPT_OLD,  // not placed: what the library has is as good or better
    SOK_IMPORT_COPIED,    // placed by copying (mode COPY, other file system)
    SOK_IMPORT_SKIPPED,   // no film: sample, extra, executable, archive, ...; `reason` says which
    SOK_IMPORT_UNREADABLE // a film by name that the probe refused; not placed, `reason` says why
};

struct sok_imported {
    enum sok_import_outcome outcome;
    const char *source_path;   // as in files[].path
    const char *media_id;      // the film or the episode it became; NULL when skipped
    const char *media_file_id; // the media_files row; NULL when none
    const char *file_path;     // absolute, in the library; NULL when none
    const char *reason;        // a sentence for people; NULL when placed
    int64_t size_bytes;
};

struct sok_import_result {
    struct sok_imported *files;
    const char *media_id; // the film, series or episode asked for, or made from the names
    size_t count, placed; // placed: IMPORTED + PRESENT + REPLACED + COPIED + KEPT_OLD
};

// Chooses the films of a download, places them and writes their media_files rows (and, for episodes, their
// media rows). Repeating it after a crash at any point finishes the work and does nothing twice. Blocks
// (disk, probe up to 20 s a file). SOK_UNSUPPORTED with code "cross_device": the download lies on another
// file system; nothing was placed, say so and ask again with SOK_IMPORT_COPY if copying is wanted.
// SOK_INVALID with code "nothing_to_import": no film among the files. SOK_NO_SPACE, SOK_IO: worth another
// try. SOK_NOT_FOUND: no such media row.
SOK_MUST_CHECK enum sok_status sok_library_import(
    struct sok_library *library, struct sok_arena *arena, const struct sok_import *import,
    struct sok_import_result *ret, struct sok_error *err);

// Whether a file of a download would be imported, by its name and size alone: what may be played while it is
// still downloading.
bool sok_library_is_film(const char *path, int64_t size_bytes);

// --- Scanning folders that already hold films.

struct sok_scan_result {
    int64_t folders, files; // seen
    int64_t added;          // new media_files rows
    int64_t unchanged;
    int64_t removed;    // rows dropped because their file is gone
    int64_t missing;    // rows kept but marked, because their whole folder is gone (a disk not mounted?)
    int64_t media_made; // new media rows
    int64_t unclear;    // films whose name does not say what they are; the first of them in `problems`
    int64_t unreadable; // files or folders that could not be read; the first of them in `problems`
    const char *problems[20];
    size_t problem_count;
    bool cancelled;
};

struct sok_scan_options {
    const char *folder;               // absolute, at or beneath a root; NULL: every root
    bool probe;                       // false: names only, quicker
    bool (*cancelled)(void *context); // asked between files; may be NULL
    void (*progress)(void *context, const struct sok_scan_result *so_far); // every 100 files; may be NULL
    void *context;
};

// Makes the library's rows agree with what lies in the folders. Memory does not grow with the number of
// files. What cannot be read is counted, not fatal; rows are dropped only beneath folders that could be read.
// SOK_DENIED: `folder` is not beneath a root. Blocks for as long as it takes.
SOK_MUST_CHECK enum sok_status sok_library_scan(
    struct sok_library *library, struct sok_arena *arena, const struct sok_scan_options *options,
    struct sok_scan_result *ret, struct sok_error *err);

#endif
