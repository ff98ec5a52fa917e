// Searches: POST makes the row and the job and answers at once; workers/scout.c does the asking; GET shows
// what is there so far.
#include <string.h>

#include "api/handlers/handlers.h"
#include "api/idempotent.h"
#include "backends/queue/queue.h"
#include "base/rand.h"
#include "base/text.h"
#include "data/media.h"
#include "data/search_results.h"
#include "data/searches.h"
#include "data/tasks.h"
#include "domain/query.h"
#include "services/providers/registry.h"

#define TITLE_MAX 200
#define PROVIDERS_MAX 32

struct start { // one POST /search, for the write transaction
    struct sok_request *request;
    struct sok_idempotent idempotent;
    const char *media_id; // asked for; NULL: found by title
    const char *typed;    // the query as it came; NULL: nothing was read out of it
    struct sok_search search;
    int64_t now_ms;
    const char *reply;
};

static bool is_provider(const struct sok_provider_instance *items, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (sok_text_eq_nocase(items[i].config.name, name) || sok_text_eq(items[i].config.id, name))
            return true;
    return false;
}

// A name that nobody has would make a search that asks nobody.
static enum sok_status check_providers(struct sok_request *request, struct sok_error *err)
{
    struct sok_api *api = request->app;
    const json_t *list = json_object_get(request->json, "providers"), *name;
    struct sok_provider_instance *items;
    size_t i, count;
    if (!json_array_size(list))
        return SOK_OK;
    SOK_TRY(sok_providers_load(api->providers, request->arena, &items, &count, err));
    const char *unknown = "";
    json_array_foreach(list, i, name)
    {
        if (json_is_string(name) && !is_provider(items, count, json_string_value(name)))
            unknown = sok_format(request->arena, "%s \"%s\"", unknown, json_string_value(name));
    }
    if (*unknown)
        sok_fail_field(err, "providers", "not_found", "there is no provider%s", unknown);
    return SOK_OK;
}

// What is asked for beside the work must be so of it. An episode is searched as its series.
static void check_kind(
    const struct sok_request *request, const struct sok_media *media, struct sok_error *err)
{
    const char *type = sok_json_text(request->json, "media_type", NULL);
    const json_t *season = json_object_get(request->json, "season");
    bool is_movie = sok_text_eq(media->media_type, SOK_MEDIA_MOVIE);
    if (sok_text_eq(type, is_movie ? SOK_MEDIA_TV : SOK_MEDIA_MOVIE))
        sok_fail_field(err, "media_type", "invalid", "the work is a %s", is_movie ? "film" : "series");
    if (is_movie && json_is_integer(season) && !sok_text_eq(type, SOK_MEDIA_MOVIE)) // said already
        sok_fail_field(err, "season", "invalid", "does not go with a film");
}

// Whether it is still there when the search is written is looked at again there (use_media).
static enum sok_status check_media(struct start *start, struct sok_error *err)
{
    struct sok_media media;
    struct sok_error failure = {0};
    const struct sok_request *request = start->request;
    if (!start->media_id)
        return SOK_OK;
    if (!sok_api_is_id(start->media_id)) {
        sok_fail_field(err, "media_id", "invalid", "is no id");
        return SOK_OK;
    }
    enum sok_status status = sok_media_find(
        sok_db_reader(sok_api_of(request)->db), request->arena, start->media_id, &media, &failure);
    if (status == SOK_NOT_FOUND)
        sok_fail_field(err, "media_id", "not_found", "there is no such media");
    else if (status != SOK_OK)
        *err = failure;
    else
        check_kind(request, &media, err);
    return status == SOK_NOT_FOUND ? SOK_OK : status;
}

static const char *provider_names(const struct sok_request *request, struct sok_error *err)
{
    const json_t *list = json_object_get(request->json, "providers");
    if (!list || json_is_null(list))
        return "[]";
    if (!json_is_array(list) || json_array_size(list) > PROVIDERS_MAX) {
        sok_fail_field(err, "providers", "wrong_type", "must be a list of at most %d names", PROVIDERS_MAX);
        return NULL;
    }
    size_t i;
    const json_t *name;
    json_array_foreach(list, i, name)
    {
        if (json_string_length(name) < 1 || json_string_length(name) > TITLE_MAX) {
            sok_fail_field(err, "providers", "wrong_type", "must hold names of providers");
            return NULL;
        }
    }
    return sok_json_dump(request->arena, list);
}

// What the words say of year and part counts where no field says it. A year that contradicts the field is a
// word of the title.
static void read_words(struct start *start)
{
    struct sok_query words;
    struct sok_search *search = &start->search;
    sok_query_read(start->request->arena, search->query, &words);
    bool is_other_year = words.year && search->year && words.year != search->year;
    bool is_film = sok_text_eq(search->media_type, SOK_MEDIA_MOVIE) && words.season >= 0;
    if (is_other_year || is_film || sok_text_eq(words.title, search->query))
        return;
    start->typed = search->query;
    search->query = words.title;
    search->year = search->year ? search->year : words.year;
    if (search->season < 0) {
        search->season = words.season;
        search->episode = words.episode;
    }
    if (search->season >= 0)
        search->media_type = SOK_MEDIA_TV;
}

static enum sok_status read_input(struct sok_request *request, struct start *start, struct sok_error *err)
{
    const char *field = json_object_get(request->json, "query") ? "query" : "title";
    const char *title = sok_api_text(request, "title", false, TITLE_MAX, err);
    const char *query = sok_api_text(request, "query", false, TITLE_MAX, err);
    const char *type = sok_api_text(request, "media_type", false, 16, err);
    start->media_id = sok_api_text(request, "media_id", false, SOK_UUID_LEN, err);
    struct sok_search *search = &start->search;
    query = json_object_get(request->json, "query") ? query : title;
    if (query) // it may become the title of a work: a line, without control characters
        search->query = sok_text_trim(request->arena, sok_utf8_clean_line(request->arena, query));
    search->year = sok_api_int(request, "year", 1870, 2100, 0, err);
    search->season = sok_api_int(request, "season", 0, 9999, -1, err);
    search->episode = sok_api_int(request, "episode", 0, 99999, -1, err);
    search->providers = provider_names(request, err);
    search->media_type = type;
    if (type && !sok_text_eq(type, SOK_MEDIA_MOVIE) && !sok_text_eq(type, SOK_MEDIA_TV))
        sok_fail_field(err, "media_type", "invalid", "must be movie or tv");
    const json_t *work = json_object_get(request->json, "media_id"); // null is none
    bool is_unnamed = sok_text_empty(search->query) && (!work || json_is_null(work));
    if (is_unnamed)
        sok_fail_field(
            err, json_object_get(request->json, field) ? field : "query", "required", "is missing");
    if (search->episode >= 0 && search->season < 0)
        sok_fail_field(err, "season", "required", "is needed with an episode");
    if (search->season >= 0 && sok_text_eq(type, SOK_MEDIA_MOVIE))
        sok_fail_field(err, "season", "invalid", "does not go with media_type movie");
    if (search->season >= 0 && !type)
        search->media_type = SOK_MEDIA_TV;
    if (!start->media_id && !sok_text_empty(search->query))
        read_words(start);
    SOK_TRY(check_media(start, err));
    SOK_TRY(check_providers(request, err));
    return err->field_count ? err->status : SOK_OK;
}

// The work was named: the search takes its title, year and kind from it. An episode is searched as its
// series.
static enum sok_status use_media(struct sok_db_tx *tx, struct start *start, struct sok_error *err)
{
    struct sok_arena *arena = start->request->arena;
    struct sok_search *search = &start->search;
    struct sok_media media;
    enum sok_status status = sok_media_find(tx, arena, start->media_id, &media, err);
    if (status == SOK_NOT_FOUND) {
        sok_fail_field(err, "media_id", "not_found", "there is no such media");
        return SOK_INVALID;
    }
    SOK_TRY(status);
    if (sok_text_eq(media.media_type, SOK_MEDIA_EPISODE)) {
        search->season = media.season_number;
        search->episode = media.episode_number;
        SOK_TRY(sok_media_find(tx, arena, media.parent_id, &media, err));
    }
    search->media_id = media.id;
    search->media_type = media.media_type;
    if (sok_text_empty(search->query))
        search->query = media.title;
    if (!search->year && sok_text_eq(media.media_type, SOK_MEDIA_MOVIE))
        search->year = media.year;
    return SOK_OK;
}

// The work with this title, or a new row that the scout completes from the metadata providers.
static enum sok_status find_or_make_media(struct sok_db_tx *tx, struct start *start, struct sok_error *err)
{
    struct sok_arena *arena = start->request->arena;
    struct sok_search *search = &start->search;
    struct sok_media media = {0};
    enum sok_status status = SOK_NOT_FOUND;
    if (start->typed && search->season < 0) // "Wonder Woman 1984" is there
        status = sok_media_find_title(tx, arena, start->typed, 0, search->media_type, &media, err);
    if (status == SOK_OK) {
        search->query = start->typed;
        search->year = media.year;
    } else if (status == SOK_NOT_FOUND) {
        *err = (struct sok_error){0};
        status =
            sok_media_find_title(tx, arena, search->query, search->year, search->media_type, &media, err);
    }
    if (status == SOK_OK) {
        search->media_id = media.id;
        return SOK_OK;
    }
    if (status != SOK_NOT_FOUND)
        return status;
    *err = (struct sok_error){0};
    char *id = sok_alloc(arena, SOK_UUID_LEN + 1);
    sok_uuid7(start->now_ms, id);
    media = SOK_MEDIA_INIT;
    media.id = search->media_id = id;
    media.media_type = search->media_type ? search->media_type : SOK_MEDIA_MOVIE;
    media.title = search->query;
    media.year = search->year;
    media.origin = "query";
    media.created_at = media.updated_at = start->now_ms;
    return sok_media_insert(tx, &media, err);
}

static enum sok_status write_search(struct sok_db_tx *tx, void *context, struct sok_error *err)
{
    struct start *start = context;
    struct sok_request *request = start->request;
    struct sok_search *search = &start->search;
    SOK_TRY(start->media_id ? use_media(tx, start, err) : find_or_make_media(tx, start, err));
    SOK_TRY(sok_searches_insert(tx, search, err));
    struct sok_task task = {
        .id = search->id,
        .task_type = sok_job_name(SOK_JOB_SEARCH),
        .payload = sok_format(request->arena, "{\"search_id\":\"%s\"}", search->id),
        .user_id = search->user_id,
        .media_id = search->media_id,
        .request_id = request->request_id,
        .traceparent = request->traceparent,
        .run_at = start->now_ms,
        .created_at = start->now_ms,
        .updated_at = start->now_ms,
    };
    SOK_TRY(sok_tasks_insert(tx, &task, err));
    start->reply = sok_format(
        request->arena, "{\"search_id\":\"%s\",\"media_id\":\"%s\",\"status\":\"pending\"}", search->id,
        search->media_id);
    return sok_idempotent_keep(tx, &start->idempotent, 202, start->reply, err);
}

enum sok_status sok_search_start(struct sok_request *request, struct sok_error *err)
{
    struct sok_api *api = sok_api_of(request);
    bool replied;
    struct start start = {.request = request, .now_ms = sok_clock_now_ms(api->clock)};
    enum sok_status begun = sok_idempotent_begin(request, &start.idempotent, &replied, err);
    if (replied || (begun != SOK_OK && begun != SOK_INVALID))
        return begun;
    SOK_TRY(read_input(request, &start, err));
    char id[SOK_UUID_LEN + 1];
    sok_uuid7(start.now_ms, id);
    start.search.id = id;
    start.search.user_id = request->principal.user_id;
    start.search.status = "pending";
    start.search.created_at = start.search.updated_at = start.now_ms;
    enum sok_status status = sok_db_write(api->db, write_search, &start, err);
    if (status == SOK_CONFLICT && sok_text_eq(err->code, "idempotency_race")) {
        SOK_TRY(sok_idempotent_begin(request, &start.idempotent, &replied, err));
        return replied ? SOK_OK : status;
    }
    SOK_TRY(status);
    sok_queue_publish(api->queue, SOK_JOB_SEARCH, id);
    sok_reply_header(request, "Location", sok_format(request->arena, "/api/v1/search/%s", id));
    sok_reply_json(request, 202, sok_api_json_column(start.reply));
    return SOK_OK;
}

// The caller's own search; anybody else's is as absent as one that never was.
static enum sok_status load_own(struct sok_request *request, struct sok_search *ret, struct sok_error *err)
{
    const char *id;
    SOK_TRY(sok_api_param_id(request, "search_id", &id, err));
    struct sok_search search;
    SOK_TRY(sok_searches_find(sok_db_reader(sok_api_of(request)->db), request->arena, id, &search, err));
    if (!sok_text_eq(search.user_id, request->principal.user_id))
        return sok_fail(err, SOK_NOT_FOUND, "no such search");
    *ret = search;
    return SOK_OK;
}

// {provider, guid} of the other places that offer the same release; what else the row keeps (links with keys
// in them) stays inside.
static json_t *duplicates_json(const char *column)
{
    SOK_JSON_AUTO *kept = sok_api_json_column(column);
    json_t *list = json_array();
    size_t i;
    const json_t *one;
    json_array_foreach(kept, i, one)
    {
        json_t *shown = json_object();
        sok_json_set_text(shown, "provider", sok_json_text(one, "provider", NULL));
        sok_json_set_text(shown, "guid", sok_json_text(one, "guid", NULL));
        json_array_append_new(list, shown);
    }
    return list;
}

static json_t *result_json(const struct sok_search_result *result)
{
    json_t *object = json_object();
    sok_json_set_int(object, "id", result->id);
    sok_json_set_text(object, "search_id", result->search_id);
    sok_json_set_text(object, "media_id", result->media_id);
    sok_json_set_text(object, "provider", result->provider);
    sok_json_set_text(object, "title", result->title);
    sok_json_set_text(object, "guid", result->guid);
    sok_json_set_optional_text(object, "magnet_link", result->magnet_link);
    sok_json_set_optional_text(object, "info_hash", result->info_hash);
    sok_json_set_text(object, "protocol", result->protocol);
    sok_json_set_optional_int(object, "size_bytes", result->size_bytes, 0);
    sok_json_set_optional_int(object, "seeders", result->seeders, -1);
    sok_json_set_optional_int(object, "leechers", result->leechers, -1);
    sok_json_set_time(object, "published_at", result->published_at);
    json_object_set_new(object, "parsed", sok_api_json_column(result->parsed));
    sok_json_set_int(object, "score", result->score);
    json_object_set_new(object, "score_breakdown", sok_api_json_column(result->score_breakdown));
    sok_json_set_bool(object, "ai_validated", result->ai_validated);
    json_object_set_new(object, "duplicates", duplicates_json(result->duplicates));
    sok_json_set_time(object, "created_at", result->created_at);
    return object;
}

static enum sok_status list_results(
    struct sok_request *request, const char *search_id, const struct sok_page *page, json_t **ret_items,
    struct sok_page_info *ret_info, struct sok_error *err)
{
    struct sok_search_result *results;
    size_t count;
    SOK_TRY(sok_search_results_list(
        sok_db_replica_reader(sok_api_of(request)->db), request->arena, search_id, page, &results, &count,
        ret_info, err));
    json_t *items = json_array();
    for (size_t i = 0; i < count; i++)
        json_array_append_new(items, result_json(&results[i]));
    *ret_items = items;
    return SOK_OK;
}

static enum sok_status providers_json(
    struct sok_request *request, const char *search_id, json_t **ret, struct sok_error *err)
{
    struct sok_search_provider *states;
    size_t count;
    SOK_TRY(sok_searches_list_providers(
        sok_db_reader(sok_api_of(request)->db), request->arena, search_id, &states, &count, err));
    json_t *list = json_array();
    for (size_t i = 0; i < count; i++) {
        json_t *one = json_object();
        sok_json_set_text(one, "name", states[i].name);
        sok_json_set_text(one, "status", states[i].status);
        sok_json_set_int(one, "results", states[i].results);
        sok_json_set_int(one, "latency_ms", states[i].latency_ms);
        sok_json_set_optional_text(one, "error", states[i].error);
        json_array_append_new(list, one);
    }
    *ret = list;
    return SOK_OK;
}

enum sok_status sok_search_get(struct sok_request *request, struct sok_error *err)
{
    struct sok_search search;
    struct sok_page page;
    struct sok_page_info info;
    json_t *providers, *results;
    SOK_TRY(load_own(request, &search, err));
    SOK_TRY(sok_api_page(request, &page, err));
    if (!sok_request_query(request, "per_page"))
        page.per_page = SOK_PAGE_MAX; // one look at a search wants to see it, not its first fifty
    SOK_TRY(list_results(request, search.id, &page, &results, &info, err));
    enum sok_status status = providers_json(request, search.id, &providers, err);
    if (status != SOK_OK) {
        json_decref(results);
        return status;
    }
    json_t *body = json_object();
    sok_json_set_text(body, "search_id", search.id);
    sok_json_set_text(body, "media_id", search.media_id);
    sok_json_set_text(body, "query", search.query);
    sok_json_set_optional_int(body, "year", search.year, 0);
    sok_json_set_optional_text(body, "media_type", search.media_type);
    sok_json_set_optional_int(body, "season", search.season, -1);
    sok_json_set_optional_int(body, "episode", search.episode, -1);
    sok_json_set_text(body, "status", search.status);
    sok_json_set_optional_text(body, "error", search.error_message);
    json_object_set_new(body, "providers", providers);
    json_object_set_new(body, "results", results);
    sok_json_set_int(body, "total", info.total);
    sok_json_set_time(body, "created_at", search.created_at);
    sok_reply_json(request, 200, body);
    return SOK_OK;
}

enum sok_status sok_search_results_page(struct sok_request *request, struct sok_error *err)
{
    struct sok_search search;
    struct sok_page page;
    struct sok_page_info info;
    json_t *items;
    SOK_TRY(load_own(request, &search, err));
    SOK_TRY(sok_api_page(request, &page, err));
    SOK_TRY(list_results(request, search.id, &page, &items, &info, err));
    sok_api_reply_list(request, items, &info);
    return SOK_OK;
}

enum sok_status sok_search_by_provider(struct sok_request *request, struct sok_error *err)
{
    struct sok_search search;
    struct sok_search_result *results;
    size_t count;
    json_t *providers;
    SOK_TRY(load_own(request, &search, err));
    SOK_TRY(sok_search_results_all(
        sok_db_replica_reader(sok_api_of(request)->db), request->arena, search.id, &results, &count, err));
    SOK_TRY(providers_json(request, search.id, &providers, err));
    size_t i;
    json_t *provider;
    json_array_foreach(providers, i, provider)
    {
        json_t *items = json_array();
        for (size_t k = 0; k < count; k++)
            if (sok_text_eq(results[k].provider, sok_json_text(provider, "name", "")))
                json_array_append_new(items, result_json(&results[k]));
        json_object_set_new(provider, "items", items);
    }
    json_t *body = json_object();
    sok_json_set_text(body, "search_id", search.id);
    json_object_set_new(body, "providers", providers);
    sok_reply_json(request, 200, body);
    return SOK_OK;
}

static enum sok_status write_score_task(struct sok_db_tx *tx, void *context, struct sok_error *err)
{
    return sok_tasks_insert(tx, context, err);
}

enum sok_status sok_search_score(struct sok_request *request, struct sok_error *err)
{
    struct sok_api *api = sok_api_of(request);
    struct sok_search search;
    SOK_TRY(load_own(request, &search, err));
    int64_t now_ms = sok_clock_now_ms(api->clock);
    char id[SOK_UUID_LEN + 1];
    sok_uuid7(now_ms, id);
    struct sok_task task = {
        .id = id,
        .task_type = sok_job_name(SOK_JOB_SCORE),
        .payload = sok_format(request->arena, "{\"search_id\":\"%s\"}", search.id),
        .user_id = search.user_id,
        .media_id = search.media_id,
        .request_id = request->request_id,
        .traceparent = request->traceparent,
        .run_at = now_ms,
        .created_at = now_ms,
        .updated_at = now_ms,
    };
    SOK_TRY(sok_db_write(api->db, write_score_task, &task, err));
    sok_queue_publish(api->queue, SOK_JOB_SCORE, id);
    json_t *body = json_object();
    sok_json_set_text(body, "task_id", id);
    sok_reply_header(request, "Location", sok_format(request->arena, "/api/v1/tasks/%s", id));
    sok_reply_json(request, 202, body);
    return SOK_OK;
}
