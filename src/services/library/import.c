// A finished download becomes files of the library, one at a time: look inside (probe), decide the work, give
// the file its name, write its row, remove what it replaces. Each step can be repeated, and the next try
// after a crash finds by inode, size and row how far the last one came; so no journal is kept.
//
// The order is what makes it safe: the new name is on disk before the row names it, and the row is committed
// before the worse file goes.
#include <string.h>

#include "base/rand.h"
#include "base/text.h"
#include "domain/match.h"
#include "services/library/beneath.h"
#include "services/library/classify.h"
#include "services/library/fd.h"
#include "services/library/import-private.h"
#include "services/settings/stored.h"

bool sok_library_is_film(const char *path, int64_t size_bytes)
{
    return sok_classify_file(path, size_bytes, NULL) == SOK_FILE_FILM;
}

// --- What is to be imported.

// Nobody said what the download is (a bare magnet link): the names do.
static enum sok_status write_work(struct sok_db_tx *tx, void *context, struct sok_error *err)
{
    struct sok_import_run *run = context;
    struct sok_release release;
    const char *name = run->import->release_name;
    sok_release_parse(run->arena, name, &release);
    bool is_series = sok_work_is_series(&release);
    for (size_t i = 0; i < run->import->file_count && !is_series; i++) {
        const struct sok_import_file *file = &run->import->files[i];
        struct sok_release inner;
        if (!sok_library_is_film(file->path, file->size_bytes))
            continue;
        sok_release_parse(run->arena, sok_path_name(file->path), &inner);
        is_series = inner.season >= 0 && inner.episodes.count > 0;
    }
    return sok_work_find_or_make(
        tx, run->arena, &release, is_series, name, sok_clock_now_ms(run->library->clock), &run->media, NULL,
        err);
}

static enum sok_status nothing_to_import(struct sok_error *err, const char *reason)
{
    enum sok_status status = sok_fail(
        err, SOK_INVALID, "there is no film to import%s%.150s", reason ? ": " : "", reason ? reason : "");
    if (err)
        err->code = "nothing_to_import";
    return status;
}

static bool has_film(const struct sok_import *import)
{
    for (size_t i = 0; i < import->file_count; i++)
        if (sok_library_is_film(import->files[i].path, import->files[i].size_bytes))
            return true;
    return false;
}

static enum sok_status load_work(struct sok_import_run *run, struct sok_error *err)
{
    struct sok_db_tx *tx = sok_db_reader(run->library->db);
    if (run->import->media_id)
        SOK_TRY(sok_media_find(tx, run->arena, run->import->media_id, &run->media, err));
    else
        SOK_TRY(sok_db_write(run->library->db, write_work, run, err));
    if (strcmp(run->media.media_type, SOK_MEDIA_MOVIE) == 0)
        return SOK_OK;
    run->series = run->media;
    if (strcmp(run->media.media_type, SOK_MEDIA_EPISODE) == 0)
        SOK_TRY(sok_media_find(tx, run->arena, run->media.parent_id, &run->series, err));
    return sok_media_list_episodes(tx, run->arena, run->series.id, -1, &run->known, &run->known_count, err);
}

// Of several films in a film's download the one whose name fits best, then the largest.
static int choose_main_film(struct sok_import_run *run)
{
    int best = -1;
    double best_fit = 0;
    SOK_ARENA_AUTO *scratch = sok_arena_new(0);
    for (size_t i = 0; i < run->import->file_count; i++) {
        const struct sok_import_file *file = &run->import->files[i];
        if (!sok_library_is_film(file->path, file->size_bytes))
            continue;
        run->film_count++;
        struct sok_release release;
        sok_release_parse(scratch, sok_path_name(file->path), &release);
        double fit = release.title ? sok_title_similarity(scratch, release.title, run->media.title) : 0;
        fit = fit >= 0.8 && (!release.year || !run->media.year || release.year == run->media.year);
        if (best < 0 || fit > best_fit ||
            (fit == best_fit && file->size_bytes > run->import->files[best].size_bytes)) {
            best = (int)i;
            best_fit = fit;
        }
        sok_arena_reset(scratch);
    }
    return best;
}

static enum sok_status decide_episodes(
    struct sok_import_run *run, struct sok_import_film *film, const char **reason)
{
    if (sok_work_episodes(run->arena, &film->release, run->known, run->known_count, &film->numbers, reason))
        return SOK_OK;
    bool asked_for_one = run->media.season_number >= 0 && run->media.episode_number >= 0;
    if (!asked_for_one || run->film_count > 1)
        return SOK_INVALID;
    int *episode = sok_alloc(run->arena, sizeof *episode); // the one film of a download for one episode
    *episode = (int)run->media.episode_number;
    film->numbers = (struct sok_episode_numbers){
        .season = (int)run->media.season_number, .episodes = episode, .count = 1};
    return SOK_OK;
}

// --- Database.

struct ids_write {
    struct sok_import_run *run;
    struct sok_import_film *film;
};

static enum sok_status write_episodes(struct sok_db_tx *tx, void *context, struct sok_error *err)
{
    struct ids_write *write = context;
    struct sok_import_run *run = write->run;
    return sok_work_ensure_episodes(
        tx, run->arena, &run->series, &write->film->numbers, &write->film->release,
        sok_clock_now_ms(run->library->clock), &write->film->media_ids, err);
}

static enum sok_status find_media_ids(
    struct sok_import_run *run, struct sok_import_film *film, struct sok_error *err)
{
    if (!run->series.id) {
        film->media_ids = sok_alloc(run->arena, sizeof *film->media_ids);
        film->media_ids[0] = run->media.id;
        film->media_count = 1;
        return SOK_OK;
    }
    struct ids_write write = {.run = run, .film = film};
    film->media_count = (size_t)film->numbers.count;
    return sok_db_write(run->library->db, write_episodes, &write, err);
}

struct rows_write {
    struct sok_import_run *run;
    struct sok_import_film *film;
    const char *first_row_id;
};

static enum sok_status write_rows(struct sok_db_tx *tx, void *context, struct sok_error *err)
{
    struct rows_write *write = context;
    struct sok_import_film *film = write->film;
    int64_t now_ms = sok_clock_now_ms(write->run->library->clock);
    for (size_t i = film->media_count; i-- > 0;) {
        char id[SOK_UUID_LEN + 1];
        sok_uuid7(now_ms, id);
        film->row.id = id;
        film->row.media_id = film->media_ids[i];
        film->row.probed_at = film->row.downloaded_at = film->row.updated_at = now_ms;
        SOK_TRY(sok_media_files_upsert(tx, write->run->arena, &film->row, &write->first_row_id, err));
    }
    return SOK_OK;
}

// --- One file.

static enum sok_status skip_file(
    struct sok_import_run *run, struct sok_imported *ret, enum sok_import_outcome outcome, const char *reason)
{
    ret->outcome = outcome;
    ret->reason = sok_strdup(run->arena, reason);
    return SOK_OK;
}

// Opens and probes. What is wrong with the file itself is noted in ret and SOK_INVALID returned.
static enum sok_status look_inside(
    struct sok_import_run *run, struct sok_import_film *film, struct sok_imported *ret, struct sok_error *err)
{
    SOK_FD_AUTO fd = -1;
    SOK_TRY(sok_beneath_open(run->folder_fd, film->file->path, &fd, err));
    if (fstat(fd, &film->info) != 0)
        return sok_fail(err, SOK_IO, "cannot read \"%.120s\"", film->file->path);
    struct sok_probe probe;
    SOK_TRY(sok_probe_file(run->arena, run->library->probe_program, fd, &probe, err));
    if (!probe.has_video)
        return sok_fail(err, SOK_INVALID, "there is no picture in the file");
    const char *path = sok_format(run->arena, "%s/%s", run->import->release_name, film->file->path);
    sok_release_parse(run->arena, path, &film->release);
    sok_describe_file(run->arena, &film->release, &probe, &film->row);
    film->row.file_size = film->info.st_size;
    film->row.modified_at = (int64_t)film->info.st_mtim.tv_sec * 1000 + film->info.st_mtim.tv_nsec / 1000000;
    film->row.source = run->import->source;
    film->row.release_name = run->import->release_name;
    film->row.download_id = run->import->download_id;
    return SOK_OK;
}

static const char *episode_title(const struct sok_import_run *run, const struct sok_import_film *film)
{
    if (film->numbers.count == 1)
        for (size_t i = 0; i < run->known_count; i++) {
            const struct sok_media *row = &run->known[i];
            if (row->season_number == film->numbers.season &&
                row->episode_number == film->numbers.episodes[0] && !sok_text_starts(row->title, "Episode "))
                return row->title;
        }
    return film->release.episode_title;
}

// A title of nothing but dots and slashes names no folder; the file is kept all the same.
static const char *folder_title(const struct sok_import_run *run, const struct sok_media *work)
{
    const char *const titles[] = {work->title, work->original_title};
    for (size_t i = 0; i < SOK_ARRAY_LEN(titles); i++)
        if (*sok_naming_sanitise(run->arena, titles[i], SOK_NAMING_PART_MAX))
            return titles[i];
    return sok_format(run->arena, "Untitled %.8s", work->id);
}

static enum sok_status place(
    struct sok_import_run *run, struct sok_import_film *film, enum sok_placed *ret_how, char **ret_path,
    struct sok_error *err)
{
    const struct sok_media *work = run->series.id ? &run->series : &run->media;
    struct sok_naming naming = {
        .title = folder_title(run, work),
        .year = (int)work->year,
        .edition = film->release.edition.count ? film->release.edition.item[0] : NULL,
        .resolution = film->row.resolution,
        .series = run->series.id != NULL,
        .season = film->numbers.season,
        .episode = -1,
        .extension = sok_path_extension(film->file->path),
        .style = &run->style};
    if (naming.series) {
        naming.episode = film->numbers.episodes[0];
        naming.last_episode = film->numbers.episodes[film->numbers.count - 1];
        naming.episode_title = episode_title(run, film);
    }
    struct sok_placing placing = {
        .source_root_fd = run->folder_fd,
        .source = film->file->path,
        .source_info = film->info,
        .naming = &naming,
        .mode = run->import->mode,
        .media_ids = film->media_ids,
        .media_count = film->media_count};
    SOK_TRY(sok_place_file(run->library, run->arena, &placing, ret_path, ret_how, err));
    film->row.file_path = sok_format(run->arena, "%s/%s", run->library->roots[0].path, *ret_path);
    return SOK_OK;
}

static enum sok_import_outcome outcome_of(enum sok_placed how, bool removed_worse)
{
    if (how == SOK_PLACED_OVER || removed_worse)
        return SOK_IMPORT_REPLACED;
    return how == SOK_PLACED_COPY ? SOK_IMPORT_COPIED : SOK_IMPORTED;
}

static enum sok_status place_and_record(
    struct sok_import_run *run, struct sok_import_film *film, struct sok_imported *ret, struct sok_error *err)
{
    enum sok_placed how;
    char *path;
    SOK_TRY(place(run, film, &how, &path, err));
    struct rows_write write = {.run = run, .film = film};
    SOK_TRY(sok_db_write(run->library->db, write_rows, &write, err));
    sok_place_subtitles(
        run->library, run->arena, run->import, run->folder_fd, film->file->path, path, run->film_count == 1);
    bool removed = false;
    SOK_TRY(sok_import_remove_worse(run, film, &removed, err));
    if (run->import->mode == SOK_IMPORT_MOVE)
        SOK_TRY(sok_beneath_unlink(run->folder_fd, film->file->path, err));
    ret->outcome = outcome_of(how, removed);
    ret->media_id = film->media_ids[0];
    ret->media_file_id = write.first_row_id;
    ret->file_path = film->row.file_path;
    return SOK_OK;
}

static enum sok_status settle_present(
    struct sok_import_run *run, struct sok_import_film *film, const struct sok_media_file *row, bool itself,
    struct sok_imported *ret, struct sok_error *err)
{
    ret->outcome = itself ? SOK_IMPORT_PRESENT : SOK_IMPORT_KEPT_OLD;
    ret->media_id = film->media_ids[0];
    ret->media_file_id = row->id;
    ret->file_path = row->file_path;
    if (!itself) {
        ret->reason = "the library has a file of this work that is as good or better";
        return SOK_OK;
    }
    // An earlier try may have been cut short between its row and these.
    bool removed = false;
    film->row.file_path = row->file_path;
    SOK_TRY(sok_import_remove_worse(run, film, &removed, err));
    return run->import->mode == SOK_IMPORT_MOVE ? sok_beneath_unlink(run->folder_fd, film->file->path, err)
                                                : SOK_OK;
}

// The source is gone: moved by an earlier try of this import?
static enum sok_status find_moved(
    struct sok_import_run *run, const struct sok_import_file *file, struct sok_imported *ret,
    struct sok_error *err)
{
    struct sok_media_file *rows;
    size_t count = 0;
    if (run->import->download_id)
        SOK_TRY(sok_media_files_list_download(
            sok_db_reader(run->library->db), run->arena, run->import->download_id, &rows, &count, err));
    for (size_t i = 0; i < count; i++) {
        struct stat there;
        if (rows[i].file_size != file->size_bytes || !sok_import_stat_row(run, &rows[i], &there))
            continue;
        ret->outcome = SOK_IMPORT_PRESENT;
        ret->media_id = rows[i].media_id;
        ret->media_file_id = rows[i].id;
        ret->file_path = rows[i].file_path;
        return SOK_OK;
    }
    return skip_file(
        run, ret, SOK_IMPORT_UNREADABLE, "the file is not where the download should have put it");
}

static enum sok_status import_film(
    struct sok_import_run *run, const struct sok_import_file *file, struct sok_imported *ret,
    struct sok_error *err)
{
    struct sok_import_film film = {.file = file};
    struct sok_error why = {0};
    enum sok_status status = look_inside(run, &film, ret, &why);
    if (status == SOK_NOT_FOUND)
        return find_moved(run, file, ret, err);
    if (status == SOK_INVALID || status == SOK_DENIED)
        return skip_file(run, ret, SOK_IMPORT_UNREADABLE, why.message);
    if (status != SOK_OK)
        return sok_fail(err, status, "%s", why.message);
    const char *reason = NULL;
    if (run->series.id && decide_episodes(run, &film, &reason) != SOK_OK)
        return skip_file(run, ret, SOK_IMPORT_SKIPPED, reason);
    SOK_TRY(find_media_ids(run, &film, err));
    struct sok_media_file present = {0};
    bool found, itself;
    SOK_TRY(sok_import_find_present(run, &film, &present, &found, &itself, err));
    if (found)
        return settle_present(run, &film, &present, itself, ret, err);
    return place_and_record(run, &film, ret, err);
}

static enum sok_status import_file(
    struct sok_import_run *run, size_t index, struct sok_imported *ret, struct sok_error *err)
{
    const struct sok_import_file *file = &run->import->files[index];
    const char *reason = NULL;
    ret->source_path = sok_strdup(run->arena, file->path);
    ret->size_bytes = file->size_bytes;
    enum sok_file_kind kind = sok_classify_file(file->path, file->size_bytes, &reason);
    if (kind == SOK_FILE_SUBTITLE)
        return skip_file(run, ret, SOK_IMPORT_SKIPPED, "a subtitle, placed beside its film");
    if (kind != SOK_FILE_FILM)
        return skip_file(run, ret, SOK_IMPORT_SKIPPED, reason);
    if (!run->series.id && (int)index != run->main_film)
        return skip_file(run, ret, SOK_IMPORT_SKIPPED, "not the film that was asked for");
    return import_film(run, file, ret, err);
}

enum sok_status sok_library_import(
    struct sok_library *library, struct sok_arena *arena, const struct sok_import *import,
    struct sok_import_result *ret, struct sok_error *err)
{
    struct sok_import_run run = {.library = library, .arena = arena, .import = import};
    struct sok_import_result result = {.count = import->file_count};
    if (import->file_count > SOK_IMPORT_FILES_MAX)
        return sok_fail(err, SOK_TOO_LARGE, "more than %d files", SOK_IMPORT_FILES_MAX);
    if (!has_film(import)) // before a work is made for it
        return nothing_to_import(err, NULL);
    SOK_TRY(load_work(&run, err));
    SOK_TRY(sok_stored_naming(sok_db_reader(library->db), arena, &run.style, err));
    SOK_FD_AUTO folder_fd = -1;
    SOK_TRY(sok_beneath_root(import->folder, false, &folder_fd, err));
    run.folder_fd = folder_fd;
    run.main_film = choose_main_film(&run);
    result.media_id = run.media.id;
    result.files = sok_alloc_array(arena, result.count, sizeof *result.files);
    const char *first_reason = NULL;
    for (size_t i = 0; i < result.count; i++) {
        SOK_TRY(import_file(&run, i, &result.files[i], err));
        result.placed += result.files[i].file_path != NULL;
        if (!first_reason && result.files[i].outcome == SOK_IMPORT_UNREADABLE)
            first_reason = result.files[i].reason;
    }
    if (result.placed == 0)
        return nothing_to_import(err, first_reason);
    *ret = result;
    return SOK_OK;
}
