// Which work a file is. Imports know the film or series that was asked for and need the episode only; scans
// have nothing but the path.
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/rand.h"
#include "base/text.h"
#include "services/library/classify.h"
#include "services/library/library-private.h"

#define EPISODES_IN_A_FILE_MAX 50

static bool by_numbers(
    struct sok_arena *arena, const struct sok_release *release, struct sok_episode_numbers *ret)
{
    if (release->episodes.count <= 0 || release->episodes.count > EPISODES_IN_A_FILE_MAX)
        return false;
    *ret = (struct sok_episode_numbers){
        .season = release->season >= 0 ? release->season : 1,
        .episodes = release->episodes.item,
        .count = release->episodes.count};
    return true;
}

static bool by_row(struct sok_arena *arena, const struct sok_media *row, struct sok_episode_numbers *ret)
{
    int *episode = sok_alloc(arena, sizeof *episode);
    *episode = (int)row->episode_number;
    *ret = (struct sok_episode_numbers){.season = (int)row->season_number, .episodes = episode, .count = 1};
    return row->season_number >= 0 && row->episode_number >= 0;
}

// A number that counts over the whole series; a lone one without a season may be meant so.
static double absolute_number(const struct sok_release *release)
{
    if (release->absolute_count == 1)
        return release->absolute[0];
    return release->season < 0 && release->episodes.count == 1 ? release->episodes.item[0] : -1;
}

static bool by_known(
    struct sok_arena *arena, const struct sok_release *release, const struct sok_media *known, size_t count,
    struct sok_episode_numbers *ret)
{
    double number = absolute_number(release);
    for (size_t i = 0; i < count; i++) {
        const struct sok_media *row = &known[i];
        bool same_day = release->air_date && sok_text_eq(release->air_date, row->release_date);
        if (same_day || (row->absolute_number > 0 && number == (double)row->absolute_number))
            return by_row(arena, row, ret);
    }
    return false;
}

bool sok_work_episodes(
    struct sok_arena *arena, const struct sok_release *release, const struct sok_media *known,
    size_t known_count, struct sok_episode_numbers *ret, const char **ret_reason)
{
    // With a season said, the numbers count in it; alone they may count over the whole series.
    if (release->season >= 0 && by_numbers(arena, release, ret))
        return true;
    if (by_known(arena, release, known, known_count, ret) || by_numbers(arena, release, ret))
        return true;
    if (release->absolute_count == 1 && release->absolute[0] >= 0 && release->absolute[0] < 100000) {
        int *episode = sok_alloc(arena, sizeof *episode);
        *episode = (int)release->absolute[0];
        *ret = (struct sok_episode_numbers){.season = 1, .episodes = episode, .count = 1};
        return *episode == release->absolute[0];
    }
    *ret_reason = release->air_date ? "no episode of the series is known for that day"
                                    : "the name does not say which episode it is";
    return false;
}

bool sok_work_is_series(const struct sok_release *release)
{
    return release->season >= 0 || release->episodes.count > 0 || release->air_date ||
           release->absolute_count > 0 || sok_text_eq(release->type, "episode");
}

enum sok_status sok_work_find_or_make(
    struct sok_db_tx *tx, struct sok_arena *arena, const struct sok_release *release, bool is_series,
    const char *fallback_title, int64_t now_ms, struct sok_media *ret, bool *ret_made, struct sok_error *err)
{
    const char *type = is_series ? SOK_MEDIA_TV : SOK_MEDIA_MOVIE;
    const char *title = sok_text_empty(release->title) ? fallback_title : release->title;
    struct sok_error why = {0};
    enum sok_status status = sok_media_find_title(tx, arena, title, release->year, type, ret, &why);
    if (ret_made)
        *ret_made = status == SOK_NOT_FOUND;
    if (status != SOK_NOT_FOUND) {
        if (status != SOK_OK && err)
            *err = why;
        return status;
    }
    char *id = sok_alloc(arena, SOK_UUID_LEN + 1);
    sok_uuid7(now_ms, id);
    *ret = SOK_MEDIA_INIT;
    ret->id = id;
    ret->media_type = type;
    ret->title = sok_utf8_clean(arena, title, strlen(title));
    ret->year = release->year;
    ret->alternative_titles = ret->genres = "[]";
    ret->origin = "file";
    ret->created_at = ret->updated_at = now_ms;
    return sok_media_insert(tx, ret, err);
}

static enum sok_status ensure_episode(
    struct sok_db_tx *tx, struct sok_arena *arena, const struct sok_media *series, int season, int episode,
    const struct sok_release *release, int64_t now_ms, const char **ret_id, struct sok_error *err)
{
    struct sok_media row;
    enum sok_status status = sok_media_find_episode(tx, arena, series->id, season, episode, &row, NULL);
    if (status == SOK_OK) {
        *ret_id = row.id;
        return SOK_OK;
    }
    if (status != SOK_NOT_FOUND)
        return sok_media_find_episode(tx, arena, series->id, season, episode, &row, err);
    char *id = sok_alloc(arena, SOK_UUID_LEN + 1);
    sok_uuid7(now_ms, id);
    row = SOK_MEDIA_INIT;
    row.id = id;
    row.media_type = SOK_MEDIA_EPISODE;
    row.parent_id = series->id;
    row.season_number = season;
    row.episode_number = episode;
    bool alone = release->episodes.count <= 1;
    row.title = alone && !sok_text_empty(release->episode_title) ? release->episode_title
                                                                 : sok_format(arena, "Episode %d", episode);
    row.release_date = alone ? release->air_date : NULL;
    row.alternative_titles = row.genres = "[]";
    row.origin = "file";
    row.created_at = row.updated_at = now_ms;
    return sok_media_upsert_episode(tx, arena, &row, ret_id, err);
}

enum sok_status sok_work_ensure_episodes(
    struct sok_db_tx *tx, struct sok_arena *arena, const struct sok_media *series,
    const struct sok_episode_numbers *numbers, const struct sok_release *release, int64_t now_ms,
    const char ***ret_ids, struct sok_error *err)
{
    const char **ids = sok_alloc_array(arena, (size_t)numbers->count, sizeof *ids);
    for (int i = 0; i < numbers->count; i++)
        SOK_TRY(ensure_episode(
            tx, arena, series, numbers->season, numbers->episodes[i], release, now_ms, &ids[i], err));
    *ret_ids = ids;
    return SOK_OK;
}

// "Season 01", "Staffel 2", "S03", "Specials" (0). -1: no season's folder.
static int season_of_folder(const char *name)
{
    static const char *const words[] = {"season",    "series",   "staffel", "saison",
                                        "temporada", "stagione", "s"};
    if (strcasecmp(name, "specials") == 0)
        return 0;
    for (size_t i = 0; i < SOK_ARRAY_LEN(words); i++) {
        size_t len = strlen(words[i]);
        if (strncasecmp(name, words[i], len) != 0)
            continue;
        const char *number = name + len + strspn(name + len, " ._-");
        int64_t season;
        if (sok_parse_int(number, 0, 9999, &season))
            return (int)season;
    }
    return -1;
}

// "Title (2019)", also with "[tmdbid-1]" or "{imdb-tt1}" behind it. False for anything else.
static bool read_titled_folder(
    struct sok_arena *arena, const char *name, const char **ret_title, int *ret_year)
{
    size_t len = strcspn(name, "[{");
    while (len && name[len - 1] == ' ')
        len--;
    char *text = sok_strndup(arena, name, len);
    if (len < 8 || text[len - 1] != ')' || text[len - 6] != '(')
        return false;
    text[len - 1] = '\0';
    int64_t year;
    if (!sok_parse_int(text + len - 5, 1870, 2100, &year))
        return false;
    text[len - 6] = '\0';
    *ret_title = sok_text_trim(arena, text);
    *ret_year = (int)year;
    return **ret_title != '\0';
}

// Folders that sort works, and name none.
static bool is_shelf(const char *name)
{
    static const char *const names[] = {"movies",  "films",     "film",    "shows",  "series",
                                        "tv",      "tv shows",  "anime",   "videos", "media",
                                        "library", "downloads", "complete"};
    for (size_t i = 0; i < SOK_ARRAY_LEN(names); i++)
        if (strcasecmp(name, names[i]) == 0)
            return true;
    return false;
}

// The folders from the innermost outwards: a season's, then the series'; or the film's.
static void read_folders(
    struct sok_arena *arena, const char *path, struct sok_release *release, bool *is_series)
{
    bool in_season = false;
    for (char *folder = sok_path_folder(arena, path); *folder; folder = sok_path_folder(arena, folder)) {
        const char *name = sok_path_name(folder), *title;
        int season = season_of_folder(name), year;
        if (season >= 0 && !in_season && strchr(folder, '/')) {
            in_season = *is_series = true;
            if (release->season < 0)
                release->season = season;
        } else if (read_titled_folder(arena, name, &title, &year)) {
            release->title = title;
            release->year = year;
            return;
        } else if ((in_season || sok_text_empty(release->title)) && !is_shelf(name)) {
            // The folder above a season's is the series', whatever the file's own name says.
            struct sok_release series;
            sok_release_parse(arena, name, &series);
            if (!sok_text_empty(series.title)) {
                release->title = series.title;
                release->year = series.year;
            }
            return;
        }
    }
}

// "Season 02/03 - The Pier.mkv": in a season's folder the number in front is the episode's.
static void read_leading_number(struct sok_arena *arena, const char *name, struct sok_release *release)
{
    size_t digits = strspn(name, "0123456789");
    int64_t number;
    if (digits == 0 || digits > 3 || isalnum((unsigned char)name[digits]) ||
        !sok_parse_int(sok_strndup(arena, name, digits), 1, 999, &number))
        return;
    int *episode = sok_alloc(arena, sizeof *episode);
    *episode = (int)number;
    release->episodes = (struct sok_numbers){.item = episode, .count = 1};
}

// "Film Number 12 (2002) - 1080p.mkv", as media servers name files: what stands before the year in brackets
// is the title, numbers and all. A release name with dots for blanks is left to the parser.
static void read_titled_name(struct sok_arena *arena, const char *path, struct sok_release *release)
{
    char *stem = sok_path_stem(arena, path), *bracket = strstr(stem, " (");
    const char *title;
    int year;
    for (; bracket; bracket = strstr(bracket + 1, " (")) {
        if (strlen(bracket) < 7 || bracket[6] != ')' || !strchr(" .", bracket[7]))
            continue;
        bracket[7] = '\0';
        if (read_titled_folder(arena, stem, &title, &year)) {
            release->title = title;
            release->year = year;
        }
        return;
    }
}

void sok_work_read_path(
    struct sok_arena *arena, const char *path, struct sok_release *ret_release, bool *ret_is_series)
{
    sok_release_parse(arena, path, ret_release);
    *ret_is_series = sok_work_is_series(ret_release);
    if (strncasecmp(path, "movies/", 7) == 0 && ret_release->season < 0)
        *ret_is_series = false; // "Movies/Oceans.11.mkv": a number is not an episode there
    read_titled_name(arena, path, ret_release);
    read_folders(arena, path, ret_release, ret_is_series);
    if (*ret_is_series && ret_release->episodes.count == 0 && !ret_release->air_date)
        read_leading_number(arena, sok_path_name(path), ret_release);
}
