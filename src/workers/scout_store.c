#include <math.h>
#include <stdio.h>
#include <string.h>

#include "backends/queue/queue.h"
#include "base/json.h"
#include "base/text.h"
#include "data/providers.h"
#include "data/search_results.h"
#include "domain/infohash.h"
#include "services/auth/secretbox.h"
#include "workers/scout_private.h"

#define EVENT_RESULTS_MAX 100 // in one event; the rest is in the database

// What a merged result is in the database. Provider and guid are those of its first source and stay, so that
// the row stays one row whichever source turns out to be the best.
struct kept {
    int64_t row_id; // 0: not yet
    const char *provider, *guid;
    int64_t created_at;
};

static struct kept *kept_of(struct sok_scout *scout, struct sok_merged *merged)
{
    if (!merged->user) {
        struct kept *kept = sok_alloc(scout->texts, sizeof(*kept));
        kept->provider = merged->sources[0].provider;
        kept->guid = merged->sources[0].guid;
        merged->user = kept;
    }
    return merged->user;
}

static size_t text_bytes(const struct sok_candidate *candidate)
{
    const char *texts[] = {
        candidate->title, candidate->guid, candidate->details_url, candidate->download_url,
        candidate->magnet_link};
    size_t bytes = 256;
    for (size_t i = 0; i < SOK_ARRAY_LEN(texts); i++)
        bytes += texts[i] ? 4 * strlen(texts[i]) : 0; // cleaning and joining copy them again
    return bytes;
}

static struct sok_merged *add(struct sok_scout *scout, const struct sok_candidate *candidate)
{
    scout->text_bytes += text_bytes(candidate);
    return scout->text_bytes <= SOK_SCOUT_TEXT_MAX ? sok_merge_add(scout->merge, candidate) : NULL;
}

// As the row will keep it; one that cannot be kept is left out.
static const char *stored_url(struct sok_scout *scout, const char *url)
{
    const char *stored = NULL;
    if (sok_secretbox_seal_url(scout->work->env->secretbox, scout->texts, url, &stored, NULL) != SOK_OK)
        return NULL;
    return stored;
}

void sok_scout_merge(struct sok_scout *scout, const struct sok_asking *asking)
{
    for (size_t i = 0; i < asking->releases.count; i++) {
        const struct sok_found_release *release = &asking->releases.items[i];
        struct sok_candidate candidate = {
            .provider = asking->provider.config.name,
            .title = release->title,
            .guid = release->guid,
            .details_url = release->details_url,
            .download_url = stored_url(scout, release->torrent_url),
            .magnet_link = release->magnet,
            .info_hash = release->info_hash,
            .protocol = release->protocol,
            .size_bytes = release->size_bytes,
            .seeders = (int)release->seeders,
            .leechers = (int)release->leechers,
            .published_at = release->published_at,
        };
        add(scout, &candidate);
    }
}

// --- What an earlier run left.

static void add_duplicates(
    struct sok_scout *scout, const struct sok_search_result *row, const struct sok_candidate *first)
{
    SOK_JSON_AUTO *list = NULL;
    size_t i;
    const json_t *one;
    if (!row->duplicates ||
        sok_json_parse_lenient(row->duplicates, strlen(row->duplicates), 1 << 20, &list, NULL) != SOK_OK)
        return;
    json_array_foreach(list, i, one)
    {
        struct sok_candidate other = *first; // merges by hash or by title and size, as it did before
        other.provider = sok_json_text(one, "provider", NULL);
        other.guid = sok_json_text(one, "guid", NULL);
        if (other.provider && other.guid)
            add(scout, &other);
    }
}

enum sok_status sok_scout_load_results(struct sok_scout *scout, struct sok_error *err)
{
    struct sok_search_result *rows;
    size_t count;
    SOK_TRY(sok_search_results_all(
        sok_db_reader(scout->work->env->db), scout->arena, scout->search.id, &rows, &count, err));
    for (size_t i = 0; i < count; i++) {
        struct sok_candidate candidate = {
            .provider = rows[i].provider,
            .title = rows[i].title,
            .guid = rows[i].guid,
            .download_url = rows[i].download_url,
            .magnet_link = rows[i].magnet_link,
            .info_hash = rows[i].info_hash,
            .protocol = rows[i].protocol,
            .size_bytes = rows[i].size_bytes,
            .seeders = (int)rows[i].seeders,
            .leechers = (int)rows[i].leechers,
            .published_at = rows[i].published_at,
        };
        struct sok_merged *merged = add(scout, &candidate);
        if (!merged || merged->user)
            continue;
        struct kept *kept = kept_of(scout, merged);
        kept->row_id = rows[i].id;
        kept->provider = sok_strdup(scout->texts, rows[i].provider);
        kept->guid = sok_strdup(scout->texts, rows[i].guid);
        kept->created_at = rows[i].created_at;
        add_duplicates(scout, &rows[i], &candidate);
    }
    sok_merge_clear_changed(scout->merge);
    return SOK_OK;
}

// --- Rows.

static const char *duplicates_json(
    struct sok_arena *arena, const struct sok_merged *merged, const struct kept *kept)
{
    SOK_JSON_AUTO *list = json_array();
    for (size_t i = 0; i < merged->source_count; i++) {
        const struct sok_merge_source *source = &merged->sources[i];
        if (sok_text_eq(source->provider, kept->provider) && sok_text_eq(source->guid, kept->guid))
            continue;
        json_t *one = json_object();
        sok_json_set_text(one, "provider", source->provider);
        sok_json_set_text(one, "guid", source->guid);
        json_array_append_new(list, one);
    }
    return sok_json_dump(arena, list);
}

static const char *trackers_json(struct sok_arena *arena, const char *magnet_link)
{
    struct sok_magnet magnet;
    SOK_JSON_AUTO *list = json_array();
    if (magnet_link && sok_magnet_parse(arena, magnet_link, &magnet, NULL) == SOK_OK)
        for (size_t i = 0; i < magnet.tracker_count; i++)
            json_array_append_new(list, json_string(magnet.trackers[i]));
    return sok_json_dump(arena, list);
}

// A release known by its hash alone is still a torrent that can be had.
static const char *magnet_of(struct sok_arena *arena, const struct sok_candidate *best)
{
    struct sok_magnet magnet = {.name = best->title, .size_bytes = -1};
    if (best->magnet_link || best->download_url || !best->info_hash)
        return best->magnet_link;
    bool v2 = strlen(best->info_hash) == SOK_INFOHASH_V2_LEN;
    snprintf(v2 ? magnet.info_hash_v2 : magnet.info_hash, SOK_INFOHASH_TEXT, "%s", best->info_hash);
    return sok_magnet_format(arena, &magnet);
}

static struct sok_search_result make_row(
    struct sok_scout *scout, struct sok_arena *arena, struct sok_merged *merged, int64_t now_ms)
{
    const struct sok_candidate *best = &merged->best;
    struct kept *kept = kept_of(scout, merged);
    struct sok_search_result row = {
        .id = kept->row_id,
        .search_id = scout->search.id,
        .media_id = scout->search.media_id,
        .provider = kept->provider,
        .title = best->title,
        .guid = kept->guid,
        .magnet_link = magnet_of(arena, best),
        .download_url = best->download_url,
        .info_hash = best->info_hash,
        .protocol = best->protocol,
        .size_bytes = best->size_bytes > 0 ? best->size_bytes : 0,
        .seeders = best->seeders,
        .leechers = best->leechers,
        .published_at = best->published_at,
        .season = -1,
        .episode = -1,
        .duplicates = duplicates_json(arena, merged, kept),
        .trackers = trackers_json(arena, best->magnet_link),
        .created_at = kept->created_at ? kept->created_at : now_ms,
        .updated_at = now_ms,
    };
    row.merge_key =
        best->info_hash
            ? sok_format(arena, "hash:%s", best->info_hash)
            : sok_format(arena, "name:%s:%lld", sok_title_key(arena, best->title), (long long)row.size_bytes);
    sok_judge_result(&scout->judge, arena, &row, NAN);
    return row;
}

// Two results of one search never have the same guid in the database, whatever indexers do.
static void make_guid_unique(struct sok_scout *scout, struct sok_merged *merged, size_t index)
{
    struct kept *kept = kept_of(scout, merged);
    for (size_t i = 0; i < sok_merge_count(scout->merge); i++) {
        struct sok_merged *other = sok_merge_at(scout->merge, i);
        if (i == index || !other->user || !sok_text_eq(((struct kept *)other->user)->guid, kept->guid))
            continue;
        kept->guid = sok_format(scout->texts, "%s#%zu", kept->guid, index);
        return;
    }
}

// --- Writing.

struct write {
    struct sok_scout *scout;
    struct sok_search_result *rows;
    struct sok_merged **merged;
    int64_t *row_ids;
    size_t count;
    struct sok_search_provider state;
};

static enum sok_status write_rows(struct sok_db_tx *tx, void *context, struct sok_error *err)
{
    struct write *write = context;
    for (size_t i = 0; i < write->count; i++) {
        write->row_ids[i] = write->rows[i].id;
        if (write->rows[i].id)
            SOK_TRY(sok_search_results_update(tx, &write->rows[i], err));
        else
            SOK_TRY(sok_search_results_put(tx, &write->rows[i], &write->row_ids[i], err));
    }
    SOK_TRY(sok_searches_set_provider(tx, &write->state, err));
    const char *failure = strcmp(write->state.status, "failed") == 0 ? write->state.error : NULL;
    return sok_providers_set_health(tx, write->state.name, failure, write->state.updated_at, err);
}

static void collect(struct sok_scout *scout, struct sok_arena *arena, struct write *write, int64_t now_ms)
{
    size_t total = sok_merge_count(scout->merge);
    write->rows = sok_alloc_array(arena, total, sizeof(*write->rows));
    write->merged = sok_alloc_array(arena, total, sizeof(struct sok_merged *));
    write->row_ids = sok_alloc_array(arena, total, sizeof(*write->row_ids));
    for (size_t i = 0; i < total; i++) {
        struct sok_merged *merged = sok_merge_at(scout->merge, i);
        if (!merged->changed)
            continue;
        if (!kept_of(scout, merged)->row_id)
            make_guid_unique(scout, merged, i);
        write->rows[write->count] = make_row(scout, arena, merged, now_ms);
        write->merged[write->count++] = merged;
    }
}

static struct sok_search_provider state_of(
    const struct sok_scout *scout, const struct sok_asking *asking, int64_t now_ms)
{
    bool well = asking->status == SOK_OK || (asking->metadata && asking->status == SOK_NOT_FOUND);
    return (struct sok_search_provider){
        .search_id = scout->search.id,
        .name = asking->provider.config.name,
        .status = well ? "completed" : "failed",
        .results = asking->status != SOK_OK ? 0
                   : asking->metadata       ? 1
                                            : (int64_t)asking->releases.count,
        .latency_ms = asking->latency_ms,
        .error = well ? asking->releases.warning : asking->err.message,
        .updated_at = now_ms,
    };
}

static json_t *row_json(const struct sok_search_result *row, int64_t id)
{
    json_t *object = json_object();
    sok_json_set_int(object, "id", id);
    sok_json_set_text(object, "provider", row->provider);
    sok_json_set_text(object, "title", row->title);
    sok_json_set_text(object, "info_hash", row->info_hash);
    sok_json_set_int(object, "size_bytes", row->size_bytes);
    json_object_set_new(object, "seeders", row->seeders < 0 ? json_null() : json_integer(row->seeders));
    sok_json_set_int(object, "score", row->score);
    return object;
}

static void announce(struct sok_scout *scout, struct sok_arena *arena, const struct write *write)
{
    SOK_JSON_AUTO *event = json_object();
    sok_json_set_text(event, "search_id", scout->search.id);
    sok_json_set_text(event, "media_id", scout->search.media_id);
    json_t *provider = json_object(), *results = json_array();
    sok_json_set_text(provider, "name", write->state.name);
    sok_json_set_text(provider, "status", write->state.status);
    sok_json_set_int(provider, "results", write->state.results);
    sok_json_set_int(provider, "latency_ms", write->state.latency_ms);
    sok_json_set_text(provider, "error", write->state.error);
    json_object_set_new(event, "provider", provider);
    for (size_t i = 0; i < write->count && i < EVENT_RESULTS_MAX; i++)
        json_array_append_new(results, row_json(&write->rows[i], write->row_ids[i]));
    json_object_set_new(event, "results", results);
    sok_json_set_int(event, "changed", (int64_t)write->count);
    sok_json_set_int(event, "total", (int64_t)sok_merge_count(scout->merge));
    sok_queue_publish_event(
        scout->work->env->queue, &(struct sok_event){
                                     .subject = "search.results",
                                     .user_id = scout->search.user_id ? scout->search.user_id : "",
                                     .json = sok_json_dump(arena, event)});
}

enum sok_status sok_scout_store(
    struct sok_scout *scout, const struct sok_asking *asking, struct sok_error *err)
{
    SOK_ARENA_AUTO *arena = sok_arena_new((size_t)1 << 30); // bounded by SOK_SCOUT_TEXT_MAX and RESULTS_MAX
    int64_t now_ms = sok_clock_now_ms(scout->work->env->clock);
    struct write write = {.scout = scout, .state = state_of(scout, asking, now_ms)};
    collect(scout, arena, &write, now_ms);
    SOK_TRY(sok_work_write_rows(scout->work, write_rows, &write, err));
    for (size_t i = 0; i < write.count; i++) {
        struct kept *kept = write.merged[i]->user;
        kept->row_id = write.row_ids[i];
        kept->created_at = write.rows[i].created_at;
    }
    sok_merge_clear_changed(scout->merge);
    announce(scout, arena, &write);
    return SOK_OK;
}

enum sok_status sok_scout_store_all(
    struct sok_scout *scout, const struct sok_asking *asking, struct sok_error *err)
{
    for (size_t i = 0; i < sok_merge_count(scout->merge); i++)
        sok_merge_at(scout->merge, i)->changed = true;
    return sok_scout_store(scout, asking, err);
}
