// One search job, from its row to "completed":
//   load the search and its work -> ask everybody at once (scout_ask.c) -> for each answer: merge, score,
//   write, announce (scout_store.c) -> when the work is known better: complete its row and score again ->
//   finish.
// Nothing depends on how far an earlier run came: what it stored is taken over, and results meet their own
// rows.
#include "workers/scout.h"

#include <string.h>

#include "backends/queue/queue.h"
#include "base/json.h"
#include "base/text.h"
#include "base/time.h"
#include "data/media.h"
#include "runtime/log.h"
#include "workers/enrich.h"
#include "workers/scout_private.h"

#define ASKING_ARENA_MAX ((size_t)512 << 20) // 21 answers of 8 MiB and what is kept of them stay far below
#define ENRICHED_FOR_MS \
    (INT64_C(7) * 24 * 3600 * 1000) // a work that was asked for lately is not asked for again

// --- Whom to ask, and what.

static bool is_wanted(const json_t *names, const struct sok_provider_instance *provider)
{
    size_t i;
    const json_t *name;
    if (!json_array_size(names) || !(provider->driver->can & SOK_PROVIDER_RELEASES))
        return true;
    json_array_foreach(names, i, name)
    {
        const char *text = json_string_value(name);
        if (sok_text_eq_nocase(text, provider->config.name) || sok_text_eq(text, provider->config.id))
            return true;
    }
    return false;
}

static void add_asking(
    struct sok_scout *scout, const struct sok_provider_instance *provider,
    const struct sok_provider_query *query, bool metadata)
{
    scout->askings[scout->count++] = (struct sok_asking){
        .provider = *provider,
        .query = *query,
        .metadata = metadata,
        .arena = sok_arena_new(ASKING_ARENA_MAX),
        .status = SOK_CANCELLED,
    };
}

static struct sok_provider_query make_query(const struct sok_search *search, const struct sok_media *media)
{
    struct sok_provider_query query = SOK_PROVIDER_QUERY_NONE;
    bool known = media->tmdb_id || media->tvmaze_id || media->imdb_id;
    query.title = search->query;
    query.media_type = search->media_type ? search->media_type : known ? media->media_type : NULL;
    query.year = (int)(search->year ? search->year : -1);
    if (query.year < 0 && known && media->year && sok_text_eq(media->media_type, SOK_MEDIA_MOVIE))
        query.year = (int)media->year;
    query.season = (int)search->season;
    query.episode = (int)search->episode;
    query.imdb_id = media->imdb_id;
    query.tmdb_id = media->tmdb_id;
    query.tvmaze_id = media->tvmaze_id;
    return query;
}

// Whether the metadata providers have told lately all that this search needs.
static enum sok_status is_known_well(
    struct sok_scout *scout, const struct sok_media *media, bool *ret, struct sok_error *err)
{
    int64_t now_ms = sok_clock_now_ms(scout->work->env->clock);
    *ret = (media->tmdb_id || media->tvmaze_id) && now_ms - media->enriched_at < ENRICHED_FOR_MS;
    if (!*ret || scout->search.season < 0 || !sok_text_eq(media->media_type, SOK_MEDIA_TV))
        return SOK_OK;
    struct sok_media *episodes;
    size_t count;
    SOK_TRY(sok_media_list_episodes(
        sok_db_reader(scout->work->env->db), scout->arena, media->id, scout->search.season, &episodes, &count,
        err));
    *ret = count > 0;
    return SOK_OK;
}

static enum sok_status choose_providers(
    struct sok_scout *scout, const struct sok_media *media, struct sok_error *err)
{
    const struct sok_worker_env *env = scout->work->env;
    struct sok_provider_instance *items;
    size_t count;
    bool known;
    SOK_JSON_AUTO *names = NULL;
    SOK_TRY(sok_providers_load(env->providers, scout->arena, &items, &count, err));
    SOK_TRY(is_known_well(scout, media, &known, err));
    const char *wanted = scout->search.providers;
    if (wanted && sok_json_parse_lenient(wanted, strlen(wanted), 1 << 16, &names, err) != SOK_OK)
        return err ? err->status : SOK_INTERNAL;
    struct sok_provider_query query = make_query(&scout->search, media);
    scout->askings = sok_alloc_array(scout->arena, 2 * count, sizeof(*scout->askings));
    for (int metadata = 0; metadata < 2; metadata++) {
        unsigned bit = metadata ? SOK_PROVIDER_METADATA : SOK_PROVIDER_RELEASES;
        for (size_t i = 0; i < count && !(metadata && known); i++)
            if (items[i].config.enabled && (items[i].driver->can & bit) && is_wanted(names, &items[i]))
                add_asking(scout, &items[i], &query, metadata);
    }
    return SOK_OK;
}

static enum sok_status write_start(struct sok_db_tx *tx, void *context, struct sok_error *err)
{
    struct sok_scout *scout = context;
    int64_t now_ms = sok_clock_now_ms(scout->work->env->clock);
    SOK_TRY(sok_searches_set_status(tx, scout->search.id, "running", NULL, now_ms, err));
    for (size_t i = 0; i < scout->count; i++) {
        if (scout->askings[i].metadata)
            continue; // has a state once it was asked: perhaps it need not be
        struct sok_search_provider state = {
            .search_id = scout->search.id,
            .name = scout->askings[i].provider.config.name,
            .status = "running",
            .updated_at = now_ms,
        };
        SOK_TRY(sok_searches_set_provider(tx, &state, err));
    }
    return SOK_OK;
}

// --- Answers.

struct apply {
    struct sok_scout *scout;
    const struct sok_found_media *found;
    const char *media_id;
};

static enum sok_status write_media(struct sok_db_tx *tx, void *context, struct sok_error *err)
{
    struct apply *apply = context;
    struct sok_scout *scout = apply->scout;
    int64_t now_ms = sok_clock_now_ms(scout->work->env->clock);
    return sok_enrich_apply(
        tx, scout->arena, scout->search.media_id, apply->found, now_ms, &apply->media_id, err);
}

// The work is known: its row is completed (or turns out to be another one that is there already), and what
// was found so far is judged by it.
static enum sok_status take_media(
    struct sok_scout *scout, const struct sok_asking *asking, struct sok_error *err)
{
    struct apply apply = {.scout = scout, .found = &asking->media};
    SOK_TRY(sok_work_write(scout->work, write_media, &apply, err));
    scout->search.media_id = sok_strdup(scout->arena, apply.media_id);
    scout->is_new_series = sok_text_eq(asking->media.media_type, SOK_MEDIA_TV);
    SOK_TRY(sok_judge_load(
        sok_db_reader(scout->work->env->db), scout->arena, &scout->search, &scout->judge, err));
    return sok_scout_store_all(scout, asking, err);
}

static int64_t results_of(const struct sok_asking *asking)
{
    if (asking->metadata)
        return asking->status == SOK_OK;
    return (int64_t)asking->releases.count;
}

static void measure(const struct sok_scout *scout, const struct sok_asking *asking)
{
    struct sok_metrics *metrics = scout->work->env->metrics;
    int provider = sok_label_intern(metrics, SOK_LABEL_PROVIDER, asking->provider.config.name);
    sok_metric_add(metrics, SOK_METRIC_SEARCH_REQUESTS, 1, provider, 0, 0);
    sok_metric_observe(metrics, SOK_METRIC_SEARCH_SECONDS, (double)asking->latency_ms / 1000, provider);
    if (asking->status == SOK_OK)
        sok_metric_add(metrics, SOK_METRIC_SEARCH_RESULTS, (double)results_of(asking), provider, 0, 0);
    else if (!(asking->metadata && asking->status == SOK_NOT_FOUND))
        sok_metric_add(metrics, SOK_METRIC_SEARCH_ERRORS, 1, provider, (int)asking->status, 0);
}

static enum sok_status take_answer(struct sok_scout *scout, struct sok_asking *asking, struct sok_error *err)
{
    if (asking->status == SOK_CANCELLED)
        return SOK_OK; // the whole job is
    scout->taken++;
    measure(scout, asking);
    bool well = asking->status == SOK_OK;
    if (well || (asking->metadata && asking->status == SOK_NOT_FOUND))
        sok_log(
            SOK_LOG_INFO, SOK_LOG_WORKER, "a provider answered", SOK_TEXT("search_id", scout->search.id),
            SOK_TEXT("provider", asking->provider.config.name), SOK_INT("results", results_of(asking)),
            SOK_INT("latency_ms", asking->latency_ms));
    else
        sok_log(
            SOK_LOG_WARN, SOK_LOG_WORKER, "a provider failed", SOK_TEXT("search_id", scout->search.id),
            SOK_TEXT("provider", asking->provider.config.name), SOK_TEXT("error", asking->err.message),
            SOK_INT("latency_ms", asking->latency_ms));
    if (asking->metadata)
        return well ? take_media(scout, asking, err) : sok_scout_store(scout, asking, err);
    scout->answered++;
    if (!well) {
        scout->failed++;
        scout->retry_worthy += sok_status_info(asking->status)->retry;
        scout->last_error = asking->err;
    }
    sok_scout_merge(scout, asking);
    asking->releases.items = NULL; // copied
    SOK_TRY(sok_scout_store(scout, asking, err));
    if (scout->taken == scout->count)
        return SOK_OK; // the end is written next, and is progress enough
    size_t done = scout->answered * 100 / (scout->count + 1);
    return sok_work_progress(scout->work, (double)done, err);
}

// --- The end.

struct finish {
    struct sok_scout *scout;
    const char *score_task_id;  // NULL: none wanted
    const char *enrich_task_id; // likewise
};

static enum sok_status write_follow_up(
    struct sok_db_tx *tx, struct sok_scout *scout, const char *id, enum sok_job job, const char *payload,
    struct sok_error *err)
{
    int64_t now_ms = sok_clock_now_ms(scout->work->env->clock);
    struct sok_task task = {
        .id = id,
        .task_type = sok_job_name(job),
        .payload = payload,
        .user_id = job == SOK_JOB_SCORE ? scout->search.user_id : NULL, // the library is everybody's
        .media_id = scout->search.media_id,
        .request_id = scout->work->task.request_id,
        .traceparent = scout->work->task.traceparent,
        .run_at = now_ms,
        .created_at = now_ms,
        .updated_at = now_ms,
    };
    return sok_tasks_insert(tx, &task, err);
}

static enum sok_status write_end(struct sok_db_tx *tx, void *context, struct sok_error *err)
{
    struct finish *finish = context;
    struct sok_scout *scout = finish->scout;
    const struct sok_search *search = &scout->search;
    int64_t now_ms = sok_clock_now_ms(scout->work->env->clock);
    SOK_TRY(sok_searches_set_status(tx, search->id, "completed", NULL, now_ms, err));
    if (finish->score_task_id)
        SOK_TRY(write_follow_up(
            tx, scout, finish->score_task_id, SOK_JOB_SCORE,
            sok_format(scout->arena, "{\"search_id\":\"%s\"}", search->id), err));
    if (finish->enrich_task_id)
        SOK_TRY(write_follow_up(
            tx, scout, finish->enrich_task_id, SOK_JOB_MONITOR,
            sok_format(scout->arena, "{\"kind\":\"enrich\",\"media_id\":\"%s\"}", search->media_id), err));
    return SOK_OK;
}

static void announce_end(
    const struct sok_worker_env *env, const struct sok_search *search, const char *status, size_t results,
    const char *error)
{
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    SOK_JSON_AUTO *event = json_object();
    sok_json_set_text(event, "search_id", search->id);
    sok_json_set_text(event, "media_id", search->media_id);
    sok_json_set_text(event, "status", status);
    sok_json_set_int(event, "result_count", (int64_t)results);
    sok_json_set_text(event, "error", error);
    sok_queue_publish_event(
        env->queue, &(struct sok_event){
                        .subject = "search.completed",
                        .user_id = search->user_id ? search->user_id : "",
                        .json = sok_json_dump(arena, event)});
}

static enum sok_status finish_search(struct sok_scout *scout, const char **ret_result, struct sok_error *err)
{
    const struct sok_worker_env *env = scout->work->env;
    size_t results = sok_merge_count(scout->merge);
    char score_id[SOK_UUID_LEN + 1], enrich_id[SOK_UUID_LEN + 1];
    bool scores = !sok_text_empty(env->config->embeddings_url) && results;
    struct finish finish = {
        .scout = scout,
        .score_task_id = scores ? score_id : NULL,
        .enrich_task_id = scout->is_new_series ? enrich_id : NULL};
    sok_uuid7(sok_clock_now_ms(env->clock), score_id);
    sok_uuid7(sok_clock_now_ms(env->clock), enrich_id);
    *ret_result = sok_format(
        scout->work->arena, "{\"search_id\":\"%s\",\"results\":%zu,\"providers\":%zu,\"failed\":%zu}",
        scout->search.id, results, scout->answered, scout->failed);
    SOK_TRY(sok_work_finish(scout->work, write_end, &finish, *ret_result, err));
    if (finish.score_task_id)
        sok_queue_publish(env->queue, SOK_JOB_SCORE, finish.score_task_id);
    if (finish.enrich_task_id)
        sok_queue_publish(env->queue, SOK_JOB_MONITOR, finish.enrich_task_id);
    announce_end(env, &scout->search, "completed", results, NULL);
    sok_log(
        SOK_LOG_INFO, SOK_LOG_WORKER, "search completed", SOK_TEXT("search_id", scout->search.id),
        SOK_INT("results", (int64_t)results), SOK_INT("providers", (int64_t)scout->answered),
        SOK_INT("failed", (int64_t)scout->failed));
    return SOK_OK;
}

// Nobody answered: the last reason stands for all, and decides whether trying again makes sense.
static enum sok_status all_failed(struct sok_scout *scout, struct sok_error *err)
{
    if (!scout->answered)
        return sok_fail(err, SOK_CONFLICT, "no indexer is configured that could be asked");
    enum sok_status status = scout->last_error.status;
    if (scout->retry_worthy && !sok_status_info(status)->retry)
        status = SOK_UNAVAILABLE;
    if (scout->failed == 1)
        return sok_fail(err, status, "%s", scout->last_error.message);
    return sok_fail(
        err, status, "all %zu indexers failed, the last one: %.180s", scout->failed,
        scout->last_error.message);
}

static enum sok_status write_failed(struct sok_db_tx *tx, void *context, struct sok_error *err)
{
    struct sok_scout *scout = context;
    int64_t now_ms = sok_clock_now_ms(scout->work->env->clock);
    return sok_searches_set_status(tx, scout->search.id, "failed", scout->last_error.message, now_ms, err);
}

// The search says that it failed before its last try returns, so that whoever hears the event reads it so.
static enum sok_status fail_search(struct sok_scout *scout, struct sok_error *err)
{
    const struct sok_task *task = &scout->work->task;
    struct sok_error why = {0};
    enum sok_status status = all_failed(scout, &why);
    scout->last_error = why;
    if (!sok_status_info(status)->retry || task->retry_count + 1 >= task->max_tries) {
        SOK_TRY(sok_work_write_rows(scout->work, write_failed, scout, err));
        announce_end(scout->work->env, &scout->search, "failed", 0, why.message);
    }
    if (err)
        *err = why;
    return status;
}

// --- The job.

static enum sok_status load(struct sok_scout *scout, const char *search_id, struct sok_error *err)
{
    struct sok_db_tx *reader = sok_db_reader(scout->work->env->db);
    struct sok_media media;
    SOK_TRY(sok_searches_find(reader, scout->arena, search_id, &scout->search, err));
    SOK_TRY(sok_media_find(reader, scout->arena, scout->search.media_id, &media, err));
    SOK_TRY(sok_judge_load(reader, scout->arena, &scout->search, &scout->judge, err));
    SOK_TRY(choose_providers(scout, &media, err));
    SOK_TRY(sok_scout_load_results(scout, err));
    return sok_work_write_rows(scout->work, write_start, scout, err);
}

// Nothing under the words that were typed, but the work turned out to have another name.
static bool has_other_title(const struct sok_scout *scout)
{
    const char *typed = sok_title_key(scout->arena, scout->search.query);
    return strcmp(typed, sok_title_key(scout->arena, scout->judge.wanted.title)) != 0;
}

static void ask_by_other_title(struct sok_scout *scout)
{
    size_t kept = 0;
    for (size_t i = 0; i < scout->count; i++) {
        struct sok_asking *asking = &scout->askings[i];
        if (asking->metadata) {
            sok_arena_free(asking->arena);
            continue;
        }
        sok_arena_reset(asking->arena);
        asking->status = SOK_CANCELLED;
        asking->err = (struct sok_error){0};
        asking->releases = (struct sok_found_releases){0};
        asking->query.title = scout->judge.wanted.title;
        scout->askings[kept++] = *asking;
    }
    scout->count = kept;
    scout->taken = scout->answered = scout->failed = scout->retry_worthy = 0;
}

static enum sok_status run(
    struct sok_scout *scout, const char *search_id, const char **ret_result, struct sok_error *err)
{
    SOK_TRY(load(scout, search_id, err));
    SOK_TRY(sok_scout_ask(scout, take_answer, err));
    if (scout->answered > scout->failed && !sok_merge_count(scout->merge) && has_other_title(scout)) {
        ask_by_other_title(scout);
        SOK_TRY(sok_scout_ask(scout, take_answer, err));
    }
    if (scout->failed == scout->answered)
        return fail_search(scout, err);
    return finish_search(scout, ret_result, err);
}

// {"search_id": ...} of the payload; the task's own id is the same.
static const char *search_id_of(const struct sok_task *task, struct sok_arena *arena)
{
    SOK_JSON_AUTO *payload = NULL;
    const char *text = task->payload ? task->payload : "{}";
    if (sok_json_parse_lenient(text, strlen(text), 1 << 16, &payload, NULL) != SOK_OK)
        return task->id;
    return sok_strdup(arena, sok_json_text(payload, "search_id", task->id));
}

static enum sok_status handle(struct sok_work *work, const char **ret_result, struct sok_error *err)
{
    struct sok_scout scout = {.work = work, .arena = work->arena, .texts = sok_arena_new((size_t)1 << 30)};
    scout.merge = sok_merge_new(scout.texts, SOK_SCOUT_RESULTS_MAX);
    enum sok_status status = run(&scout, search_id_of(&work->task, work->arena), ret_result, err);
    for (size_t i = 0; i < scout.count; i++)
        sok_arena_free(scout.askings[i].arena);
    sok_arena_free(scout.texts);
    return status;
}

// The job ended for good without an answer: its search ends with it.
static enum sok_status end_search(
    struct sok_db_tx *tx, const struct sok_task *task, const struct sok_error *why, struct sok_error *err)
{
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    const char *reason = why && *why->message ? why->message : "the search was cancelled";
    enum sok_status status =
        sok_searches_set_status(tx, search_id_of(task, arena), "failed", reason, sok_time_now_ms(), err);
    return status == SOK_NOT_FOUND ? SOK_OK : status;
}

enum sok_status sok_scout_start(
    const struct sok_worker_env *env, struct sok_worker **ret, struct sok_error *err)
{
    struct sok_worker_options options = {
        .env = env,
        .name = "scout",
        .job = SOK_JOB_SEARCH,
        .threads = 4,
        .handler = handle,
        .on_ended = end_search,
    };
    return sok_worker_start(&options, ret, err);
}
