#include "data/history.h"

#include <string.h>

#include "base/text.h"
#include "data/filter.h"

#define W(field, kind) SOK_COLUMN(sok_watch, field, SOK_COLUMN_##kind)
static const struct sok_column columns[] = {
    W(id, TEXT),           W(user_id, TEXT),      W(media_id, TEXT),    W(progress_seconds, INT),
    W(total_seconds, INT), W(is_completed, BOOL), W(last_watched, INT), W(created_at, INT),
};
#undef W
static const struct sok_table table = SOK_TABLE("watch_history", sok_watch, columns);

// How far back "continue" looks: more works than anybody has begun.
#define CONTINUE_LOOK_BACK 1000

enum sok_status sok_history_record(
    struct sok_db_tx *tx, struct sok_arena *arena, const struct sok_watch *watch, struct sok_watch *ret_watch,
    struct sok_error *err)
{
    bool completed =
        watch->total_seconds > 0 &&
        watch->progress_seconds >= (watch->total_seconds * SOK_HISTORY_COMPLETED_PERCENT + 99) / 100;
    return sok_table_returning(
        tx, arena, &table, "watch",
        "INSERT INTO watch_history (id, user_id, media_id, progress_seconds, total_seconds, is_completed, "
        "last_watched, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $7) "
        "ON CONFLICT (user_id, media_id) DO UPDATE SET progress_seconds = excluded.progress_seconds, "
        "total_seconds = excluded.total_seconds, is_completed = excluded.is_completed, "
        "last_watched = excluded.last_watched",
        SOK_PARAMS(
            sok_db_text(watch->id), sok_db_text(watch->user_id), sok_db_text(watch->media_id),
            sok_db_int(watch->progress_seconds), sok_db_int(watch->total_seconds), sok_db_int(completed),
            sok_db_int(watch->last_watched)),
        ret_watch, err);
}

enum sok_status sok_history_find(
    struct sok_db_tx *tx, struct sok_arena *arena, const char *user_id, const char *media_id,
    struct sok_watch *ret, struct sok_error *err)
{
    return sok_table_find(
        tx, arena, &table, "watch", "WHERE user_id = $1 AND media_id = $2",
        SOK_PARAMS(sok_db_text(user_id), sok_db_text(media_id)), ret, err);
}

struct continuing {
    struct sok_db_tx *tx;
    struct sok_arena *arena;
    const char *user_id;
    struct sok_continue_item *items;
    const char **series; // seen so far, in step with nothing: series whose newest entry has been judged
    size_t count, series_count, limit;
};

static bool series_seen(struct continuing *c, const char *series_id)
{
    for (size_t i = 0; i < c->series_count; i++)
        if (strcmp(c->series[i], series_id) == 0)
            return true;
    c->series[c->series_count++] = series_id;
    return false;
}

// Where an episode stands in its series.
#define PLACE "(COALESCE(m.season_number, 0) * 100000 + COALESCE(m.episode_number, 0))"
#define FILES_OF_IT "EXISTS (SELECT 1 FROM media_files f WHERE f.media_id = m.id AND f.missing_at IS NULL)"

// The first episode behind `place` that the user has not finished; one that can be watched before one that
// cannot. `of`: which seasons.
static enum sok_status find_behind(
    struct continuing *c, const char *series_id, const char *of, int64_t place, const char **ret_id,
    struct sok_error *err)
{
    struct sok_db_result rows;
    const char *sql = sok_format(
        c->arena,
        "SELECT m.id FROM media m LEFT JOIN watch_history w ON w.media_id = m.id AND w.user_id = $3 "
        "WHERE m.parent_id = $1 AND " PLACE
        " > $2 AND m.season_number %s AND COALESCE(w.is_completed, 0) = 0 "
        "ORDER BY CASE WHEN " FILES_OF_IT " THEN 0 ELSE 1 END, " PLACE " LIMIT 1",
        of);
    SOK_TRY(SOK_DB_QUERY(
        c->tx, c->arena, &rows, err, sql, sok_db_text(series_id), sok_db_int(place),
        sok_db_text(c->user_id)));
    *ret_id = rows.row_count ? sok_db_get_text(&rows, 0, 0) : NULL;
    return SOK_OK;
}

// The place of the last episode of a season (not a special) that the user has finished; -1 without one.
static enum sok_status last_finished(
    struct continuing *c, const char *series_id, int64_t *ret, struct sok_error *err)
{
    return sok_load_int(
        c->tx,
        "SELECT COALESCE(max(" PLACE "), -1) FROM media m JOIN watch_history w ON w.media_id = m.id "
        "WHERE m.parent_id = $1 AND w.user_id = $2 AND w.is_completed = 1 AND m.season_number > 0",
        SOK_PARAMS(sok_db_text(series_id), sok_db_text(c->user_id)), ret, err);
}

// What comes after an episode: the seasons go on, across their borders, and specials come when there are no
// more. After a special the seasons go on where they were left.
static enum sok_status find_next_episode(
    struct continuing *c, const struct sok_media *media, struct sok_media *ret, struct sok_error *err)
{
    const char *id = NULL;
    bool is_special = media->season_number == 0;
    int64_t place = media->season_number * 100000 + media->episode_number, from = place;
    if (is_special)
        SOK_TRY(last_finished(c, media->parent_id, &from, err));
    SOK_TRY(find_behind(c, media->parent_id, "> 0", from, &id, err));
    if (!id)
        SOK_TRY(find_behind(c, media->parent_id, "= 0", is_special ? place : -1, &id, err));
    if (!id)
        return sok_fail(err, SOK_NOT_FOUND, "no further episode");
    return sok_media_find(c->tx, c->arena, id, ret, err);
}

static enum sok_status find_availability(
    struct continuing *c, const char *media_id, bool *ret, struct sok_error *err)
{
    int64_t count;
    SOK_TRY(sok_load_int(
        c->tx, "SELECT count(*) FROM media_files WHERE media_id = $1 AND missing_at IS NULL",
        SOK_PARAMS(sok_db_text(media_id)), &count, err));
    *ret = count > 0;
    return SOK_OK;
}

static enum sok_status add_item(
    struct continuing *c, const struct sok_watch *watch, const struct sok_media *media, struct sok_error *err)
{
    struct sok_continue_item *item = &c->items[c->count];
    item->watch = *watch;
    item->media = *media;
    item->series = SOK_MEDIA_INIT;
    if (media->parent_id)
        SOK_TRY(sok_media_find(c->tx, c->arena, media->parent_id, &item->series, err));
    SOK_TRY(find_availability(c, media->id, &item->is_available, err));
    c->count++;
    return SOK_OK;
}

static enum sok_status add_next_episode(
    struct continuing *c, const struct sok_watch *watch, const struct sok_media *media, struct sok_error *err)
{
    struct sok_media next = SOK_MEDIA_INIT;
    struct sok_error absent = {0};
    enum sok_status status = find_next_episode(c, media, &next, &absent);
    if (status == SOK_NOT_FOUND)
        return SOK_OK;
    if (status != SOK_OK) {
        *err = absent;
        return status;
    }
    struct sok_watch next_watch = {0};
    status = sok_history_find(c->tx, c->arena, c->user_id, next.id, &next_watch, &absent);
    if (status == SOK_NOT_FOUND)
        next_watch = (struct sok_watch){
            .user_id = watch->user_id, .media_id = next.id, .last_watched = watch->last_watched};
    else if (status != SOK_OK) {
        *err = absent;
        return status;
    }
    return add_item(c, &next_watch, &next, err);
}

static enum sok_status consider(struct continuing *c, const struct sok_watch *watch, struct sok_error *err)
{
    struct sok_media media;
    SOK_TRY(sok_media_find(c->tx, c->arena, watch->media_id, &media, err));
    if (!media.parent_id)
        return watch->is_completed || watch->progress_seconds == 0 ? SOK_OK : add_item(c, watch, &media, err);
    if (series_seen(c, media.parent_id))
        return SOK_OK;
    return watch->is_completed ? add_next_episode(c, watch, &media, err) : add_item(c, watch, &media, err);
}

enum sok_status sok_history_continue(
    struct sok_db_tx *tx, struct sok_arena *arena, const char *user_id, int64_t limit,
    struct sok_continue_item **ret, size_t *ret_count, struct sok_error *err)
{
    struct sok_watch *watches;
    size_t watch_count;
    SOK_TRY(sok_table_list(
        tx, arena, &table, "WHERE user_id = $1 ORDER BY last_watched DESC, id DESC LIMIT $2",
        SOK_PARAMS(sok_db_text(user_id), sok_db_int(CONTINUE_LOOK_BACK)), &watches, &watch_count, err));
    struct continuing c = {
        .tx = tx,
        .arena = arena,
        .user_id = user_id,
        .items = sok_alloc_array(arena, watch_count, sizeof(*c.items)),
        .series = sok_alloc_array(arena, watch_count, sizeof(*c.series)),
        .limit = limit > 0 ? (size_t)limit : 0,
    };
    for (size_t i = 0; i < watch_count && c.count < c.limit; i++)
        SOK_TRY(consider(&c, &watches[i], err));
    *ret = c.items;
    *ret_count = c.count;
    return SOK_OK;
}

enum sok_status sok_history_watched(
    struct sok_db_tx *tx, struct sok_arena *arena, const char *user_id, const struct sok_page *page,
    struct sok_watch **ret, size_t *ret_count, struct sok_page_info *ret_info, struct sok_error *err)
{
    static const struct sok_sort sorts[] = {{"last_watched", "last_watched", false}, SOK_ENTRY_SORTS};
    static const struct sok_filter filters[] = {
        {"media_id", SOK_FILTER_ID, .condition = "media_id = ?"},
        {"from", SOK_FILTER_TIME, .condition = "last_watched >= ?"},
        {"to", SOK_FILTER_TIME, .condition = "last_watched <= ?"},
    };
    SOK_WHERE_AUTO where;
    sok_where_init(&where);
    sok_where_add(&where, "user_id = ? AND is_completed = 1", sok_db_text(user_id));
    sok_where_filters(&where, arena, filters, SOK_ARRAY_LEN(filters), page, err);
    sok_where_filters(&where, arena, sok_entry_filters, sok_entry_filter_count, page, err);
    return sok_page_list(
        tx, arena, &table, &where, sorts, SOK_ARRAY_LEN(sorts), true, "id", page, ret, ret_count, ret_info,
        err);
}

enum sok_status sok_history_delete(
    struct sok_db_tx *tx, const char *user_id, const char *id, struct sok_error *err)
{
    return sok_change_one(
        tx, "watch", "DELETE FROM watch_history WHERE id = $1 AND user_id = $2",
        SOK_PARAMS(sok_db_text(id), sok_db_text(user_id)), err);
}
