// The machine in figures. What must be counted or asked of a disk is kept for a few seconds, so that a page
// that shows it costs nothing; the rest is read as it is.
#include <string.h>

#include "api/handlers/handlers.h"
#include "backends/cache/cache.h"
#include "base/digest.h"
#include "base/text.h"
#include "data/figures.h"
#include "data/providers.h"
#include "data/tasks.h"
#include "data/user_stats.h"
#include "net/http_client.h"
#include "runtime/metrics.h"
#include "services/health/storage.h"
#include "services/providers/registry.h"
#include "services/torrent/torrent.h"

#define KIND "stats"
#define KEY "counted"
#define KEEP_MS 5000
#define MAX_BYTES ((size_t)1 << 20)

// --- What is counted.

static json_t *figures_json(const struct sok_figure *figures, size_t count)
{
    json_t *object = json_object();
    for (size_t i = 0; i < count; i++)
        sok_json_set_int(object, figures[i].name, figures[i].count);
    return object;
}

static json_t *users_json(const struct sok_user_totals *totals)
{
    json_t *users = json_object(), *roles = json_object();
    sok_json_set_int(users, "total", totals->total);
    sok_json_set_int(users, "active", totals->active);
    sok_json_set_int(roles, "user", totals->users);
    sok_json_set_int(roles, "moderator", totals->moderators);
    sok_json_set_int(roles, "admin", totals->admins);
    json_object_set_new(users, "by_role", roles);
    return users;
}

static json_t *media_json(const struct sok_figures *figures)
{
    json_t *media = json_object(), *types = figures_json(figures->media, figures->media_count);
    static const char *const known[] = {"movie", "tv", "episode"};
    for (size_t i = 0; i < SOK_ARRAY_LEN(known); i++)
        if (!json_object_get(types, known[i]))
            sok_json_set_int(types, known[i], 0);
    json_object_set_new(media, "by_type", types);
    sok_json_set_int(media, "files", figures->files);
    sok_json_set_int(media, "bytes", figures->file_bytes);
    sok_json_set_int(media, "missing_files", figures->missing_files);
    return media;
}

static json_t *storage_json(struct sok_arena *arena, const struct sok_config *config)
{
    struct sok_storage *folders;
    size_t count;
    json_t *list = json_array();
    sok_storage_list(arena, config, &folders, &count);
    for (size_t i = 0; i < count; i++) {
        json_t *one = json_object();
        sok_json_set_text(one, "purpose", folders[i].purpose);
        sok_json_set_text(one, "path", folders[i].path);
        sok_json_set_int(one, "total_bytes", folders[i].total_bytes);
        sok_json_set_int(one, "used_bytes", folders[i].used_bytes);
        sok_json_set_int(one, "free_bytes", folders[i].free_bytes);
        sok_json_set_optional_text(one, "error", folders[i].error);
        json_array_append_new(list, one);
    }
    return list;
}

static json_t *versions_json(const struct sok_api *api, const struct sok_figures *figures)
{
    json_t *versions = json_object();
    sok_json_set_text(versions, "sokoul", SOK_VERSION);
    sok_json_set_int(versions, "schema", figures->schema);
    sok_json_set_text(versions, "database", sok_db_dialect(api->db));
    sok_json_set_optional_text(versions, "database_version", figures->engine_version);
    sok_json_set_text(versions, "libtorrent", sok_torrents_version());
    sok_json_set_text(versions, "libcurl", sok_http_client_version());
    sok_json_set_text(versions, "libmicrohttpd", sok_http_server_version());
    sok_json_set_text(versions, "openssl", sok_digest_version());
    return versions;
}

// The queue's depth by kind of job: what waits, what runs, what failed for good and nobody started again.
static enum sok_status add_queues(
    struct sok_request *request, const struct sok_figures *figures, json_t *body, struct sok_error *err)
{
    struct sok_task_count *counts;
    size_t count;
    SOK_TRY(sok_tasks_count(
        sok_db_replica_reader(sok_api_of(request)->db), request->arena, &counts, &count, err));
    json_t *queues = json_object();
    for (int job = 0; job < SOK_JOB_COUNT; job++) {
        json_t *queue = json_object();
        sok_json_set_int(queue, "pending", 0);
        sok_json_set_int(queue, "running", 0);
        sok_json_set_int(queue, "dead", 0);
        json_object_set_new(queues, sok_job_name((enum sok_job)job), queue);
    }
    for (size_t i = 0; i < count; i++)
        sok_json_set_int(json_object_get(queues, counts[i].task_type), counts[i].status, counts[i].count);
    for (size_t i = 0; i < figures->dead_letters_count; i++)
        sok_json_set_int(
            json_object_get(queues, figures->dead_letters[i].name), "dead", figures->dead_letters[i].count);
    json_object_set_new(body, "queues", queues);
    return SOK_OK;
}

static enum sok_status add_providers(struct sok_request *request, json_t *body, struct sok_error *err)
{
    struct sok_api *api = sok_api_of(request);
    struct sok_provider_instance *items = NULL;
    size_t count = 0;
    if (api->providers)
        SOK_TRY(sok_providers_load(api->providers, request->arena, &items, &count, err));
    json_t *list = json_array();
    json_object_set_new(body, "providers", list);
    for (size_t i = 0; i < count; i++) {
        struct sok_provider_health row;
        SOK_TRY(
            sok_providers_health(sok_db_reader(api->db), request->arena, items[i].config.name, &row, err));
        json_t *one = json_object();
        sok_json_set_text(one, "name", items[i].config.name);
        sok_json_set_text(one, "kind", items[i].config.kind);
        sok_json_set_bool(one, "enabled", items[i].config.enabled);
        sok_json_set_time(one, "last_ok_at", row.last_ok_at);
        sok_json_set_time(one, "last_error_at", row.last_error_at);
        sok_json_set_optional_text(one, "last_error", row.last_error);
        json_array_append_new(list, one);
    }
    return SOK_OK;
}

static enum sok_status count(struct sok_request *request, json_t *body, struct sok_error *err)
{
    struct sok_api *api = sok_api_of(request);
    struct sok_db_tx *tx = sok_db_replica_reader(api->db);
    int64_t now_ms = sok_clock_now_ms(api->clock);
    struct sok_user_totals totals;
    struct sok_figures figures;
    SOK_TRY(sok_user_totals_load(tx, now_ms, &totals, err));
    SOK_TRY(sok_figures_load(tx, request->arena, now_ms, &figures, err));
    sok_json_set_time(body, "counted_at", now_ms);
    json_object_set_new(body, "users", users_json(&totals));
    sok_json_set_int(body, "sessions", figures.sessions);
    json_object_set_new(body, "media", media_json(&figures));
    json_object_set_new(body, "downloads", figures_json(figures.downloads, figures.downloads_count));
    json_object_set_new(body, "storage", storage_json(request->arena, api->config));
    json_object_set_new(body, "versions", versions_json(api, &figures));
    SOK_TRY(add_queues(request, &figures, body, err));
    return add_providers(request, body, err);
}

static enum sok_status load_counted(struct sok_request *request, json_t **ret, struct sok_error *err)
{
    struct sok_cache *cache = sok_api_of(request)->cache;
    const char *text;
    size_t len;
    struct sok_error missed = {0};
    if (sok_cache_get(cache, request->arena, KIND, KEY, &text, &len, &missed) == SOK_OK &&
        sok_json_parse(text, len, MAX_BYTES, ret, &missed) == SOK_OK)
        return SOK_OK;
    SOK_JSON_AUTO *body = json_object();
    SOK_TRY(count(request, body, err));
    text = sok_json_dump(request->arena, body);
    sok_cache_put(cache, KIND, KEY, text, strlen(text), KEEP_MS);
    *ret = json_incref(body);
    return SOK_OK;
}

// --- What this process knows without counting.

struct each {
    json_t *list;
    const char *name_key, *value_key;
};

// The row of a list with this name; made when there is none.
static json_t *row_of(const struct each *each, const char *name)
{
    json_t *row;
    size_t i;
    json_array_foreach(each->list, i, row)
    {
        if (sok_text_eq(sok_json_text(row, each->name_key, NULL), name))
            return row;
    }
    row = json_object();
    sok_json_set_text(row, each->name_key, name);
    json_array_append_new(each->list, row);
    return row;
}

static void take_value(void *context, const char *label, double value)
{
    const struct each *each = context;
    sok_json_set_int(row_of(each, label), each->value_key, (int64_t)value);
}

static json_t *cache_json(struct sok_metrics *metrics)
{
    json_t *cache = json_object(), *kinds = json_array(), *kind;
    size_t i;
    sok_metric_each(metrics, SOK_METRIC_CACHE_HITS, take_value, &(struct each){kinds, "kind", "hits"});
    sok_metric_each(metrics, SOK_METRIC_CACHE_MISSES, take_value, &(struct each){kinds, "kind", "misses"});
    json_array_foreach(kinds, i, kind)
    {
        int64_t hits = sok_json_int(kind, "hits", 0), misses = sok_json_int(kind, "misses", 0);
        sok_json_set_int(kind, "hits", hits);
        sok_json_set_int(kind, "misses", misses);
        sok_json_set_real(kind, "hit_rate", hits + misses ? (double)hits / (double)(hits + misses) : 0);
    }
    json_object_set_new(cache, "kinds", kinds);
    sok_json_set_int(cache, "bytes", (int64_t)sok_metric_get(metrics, SOK_METRIC_CACHE_BYTES, 0));
    sok_json_set_int(cache, "evictions", (int64_t)sok_metric_get(metrics, SOK_METRIC_CACHE_EVICTIONS, 0));
    return cache;
}

static json_t *workers_json(const struct sok_api *api)
{
    json_t *workers = json_object(), *roles = json_array(), *pools = json_array(), *pool;
    size_t i;
    for (i = 0; sok_role_names[i]; i++)
        if (api->config->roles & 1U << i)
            json_array_append_new(roles, json_string(sok_role_names[i]));
    sok_metric_each(
        api->metrics, SOK_METRIC_WORKER_THREADS, take_value, &(struct each){pools, "name", "threads"});
    json_array_foreach(pools, i, pool)
    {
        int worker = sok_label_find(SOK_LABEL_WORKER, sok_json_text(pool, "name", ""));
        sok_json_set_int(pool, "busy", (int64_t)sok_metric_get(api->metrics, SOK_METRIC_WORKER_BUSY, worker));
    }
    json_object_set_new(workers, "roles", roles);
    json_object_set_new(workers, "pools", pools);
    return workers;
}

enum sok_status sok_admin_system_stats(struct sok_request *request, struct sok_error *err)
{
    struct sok_api *api = sok_api_of(request);
    json_t *body;
    SOK_TRY(load_counted(request, &body, err));
    int64_t up_ms = sok_clock_mono_ms(api->clock) - api->started_ms;
    sok_json_set_time(body, "started_at", sok_clock_now_ms(api->clock) - up_ms);
    sok_json_set_int(body, "uptime_seconds", up_ms / 1000);
    sok_json_set_int(body, "websockets", (int64_t)sok_metric_get(api->metrics, SOK_METRIC_WS_CLIENTS, 0));
    json_object_set_new(body, "workers", workers_json(api));
    json_object_set_new(body, "cache", cache_json(api->metrics));
    sok_reply_json(request, 200, body);
    return SOK_OK;
}
