// A score job, {"search_id": ...}:
//   load the search, what it wants and its results -> one text a result, one for the wish -> vectors from the
//   embeddings server -> judge every result with the cosine -> write all scores and end the task in one
//   transaction -> announce.
// Without a server, or when it fails, the scores are those of the words alone and ai_validated stays false: a
// broken model is no reason to show no scores.
#include "workers/oracle.h"

#include <math.h>
#include <string.h>

#include "backends/queue/queue.h"
#include "base/json.h"
#include "base/text.h"
#include "data/search_results.h"
#include "data/searches.h"
#include "runtime/log.h"
#include "services/providers/embeddings.h"
#include "workers/judge.h"
#include "workers/worker.h"

#define PAYLOAD_BYTES_MAX 4096
#define EMBEDDINGS_TIMEOUT_MS 60000
#define EVENT_RESULTS_MAX 100 // in one event; the rest is in the database

struct scoring {
    struct sok_work *work;
    struct sok_search search;
    struct sok_judge judge;
    struct sok_search_result *results;
    size_t count;
    const double *similarities; // NULL: none were made
    const char *why_none; // what the embeddings server answered; NULL: none is configured, or all is well
    int64_t now_ms;
};

static enum sok_status load(struct scoring *scoring, const char *search_id, struct sok_error *err)
{
    struct sok_arena *arena = scoring->work->arena;
    struct sok_db_tx *reader = sok_db_reader(scoring->work->env->db);
    SOK_TRY(sok_searches_find(reader, arena, search_id, &scoring->search, err));
    SOK_TRY(sok_judge_load(reader, arena, &scoring->search, &scoring->judge, err));
    return sok_search_results_all(reader, arena, search_id, &scoring->results, &scoring->count, err);
}

// A model compares sentences better than the codes of release names, so both sides are put into words alike.
static const char *in_words(
    struct sok_arena *arena, const char *title, int year, int season, int episode, const char *fallback)
{
    if (sok_text_empty(title))
        return fallback;
    const char *when = year > 0 ? sok_format(arena, " (%d)", year) : "";
    const char *which = season >= 0 ? sok_format(arena, ", season %d", season) : "";
    const char *part = episode >= 0 ? sok_format(arena, ", episode %d", episode) : "";
    return sok_format(arena, "%s%s%s%s", title, when, which, part);
}

static const char **texts_of(const struct scoring *scoring)
{
    struct sok_arena *arena = scoring->work->arena;
    const struct sok_wanted *wanted = &scoring->judge.wanted;
    const char **texts = sok_alloc_array(arena, scoring->count + 1, sizeof(*texts));
    texts[0] = in_words(arena, wanted->title, wanted->year, wanted->season, wanted->episode, "");
    for (size_t i = 0; i < scoring->count; i++) {
        struct sok_release release;
        sok_release_parse(arena, scoring->results[i].title, &release);
        int episode = release.episodes.count == 1 ? release.episodes.item[0] : -1;
        texts[i + 1] =
            in_words(arena, release.title, release.year, release.season, episode, scoring->results[i].title);
    }
    return texts;
}

static void find_similarities(struct scoring *scoring)
{
    const struct sok_worker_env *env = scoring->work->env;
    struct sok_arena *arena = scoring->work->arena;
    if (sok_text_empty(env->config->embeddings_url) || !scoring->count)
        return;
    struct sok_embeddings_server server = {
        .http = env->http, .url = env->config->embeddings_url, .model = env->config->embeddings_model};
    struct sok_vectors vectors;
    struct sok_error err = {0};
    if (sok_embeddings_fetch(
            &server, arena, texts_of(scoring), scoring->count + 1, EMBEDDINGS_TIMEOUT_MS, &vectors, &err) !=
        SOK_OK) {
        scoring->why_none = sok_strdup(arena, err.message);
        sok_log(
            SOK_LOG_WARN, SOK_LOG_WORKER, "no likeness of meaning", SOK_TEXT("search_id", scoring->search.id),
            SOK_TEXT("error", err.message));
        return;
    }
    double *similarities = sok_alloc_array(arena, scoring->count, sizeof(*similarities));
    for (size_t i = 0; i < scoring->count; i++)
        similarities[i] = sok_embeddings_cosine(vectors.vector[0], vectors.vector[i + 1], vectors.dimensions);
    scoring->similarities = similarities;
}

static enum sok_status write_scores(struct sok_db_tx *tx, void *context, struct sok_error *err)
{
    struct scoring *scoring = context;
    for (size_t i = 0; i < scoring->count; i++) {
        const struct sok_search_result *result = &scoring->results[i];
        enum sok_status status = sok_search_results_set_score(
            tx, result->id, result->score, result->score_breakdown, result->ai_validated, scoring->now_ms,
            err);
        if (status != SOK_OK && status != SOK_NOT_FOUND) // purged meanwhile
            return status;
    }
    return SOK_OK;
}

static void announce(const struct scoring *scoring)
{
    SOK_JSON_AUTO *event = json_object();
    sok_json_set_text(event, "search_id", scoring->search.id);
    sok_json_set_text(event, "media_id", scoring->search.media_id);
    json_t *rows = json_array();
    for (size_t i = 0; i < scoring->count && i < EVENT_RESULTS_MAX; i++) {
        json_t *row = json_object();
        sok_json_set_int(row, "id", scoring->results[i].id);
        sok_json_set_text(row, "provider", scoring->results[i].provider);
        sok_json_set_text(row, "title", scoring->results[i].title);
        sok_json_set_int(row, "score", scoring->results[i].score);
        sok_json_set_bool(row, "ai_validated", scoring->results[i].ai_validated);
        json_array_append_new(rows, row);
    }
    json_object_set_new(event, "results", rows);
    sok_json_set_int(event, "changed", (int64_t)scoring->count);
    sok_json_set_int(event, "total", (int64_t)scoring->count);
    sok_json_set_bool(event, "scored", true);
    sok_queue_publish_event(
        scoring->work->env->queue, &(struct sok_event){
                                       .subject = "search.results",
                                       .user_id = scoring->search.user_id ? scoring->search.user_id : "",
                                       .json = sok_json_dump(scoring->work->arena, event)});
}

static const char *result_json(const struct scoring *scoring)
{
    SOK_JSON_AUTO *object = json_object();
    sok_json_set_text(object, "search_id", scoring->search.id);
    sok_json_set_int(object, "results", (int64_t)scoring->count);
    sok_json_set_bool(object, "ai_validated", scoring->similarities != NULL);
    sok_json_set_text(object, "embeddings_error", scoring->why_none);
    return sok_json_dump(scoring->work->arena, object);
}

static enum sok_status handle(struct sok_work *work, const char **ret_result, struct sok_error *err)
{
    SOK_JSON_AUTO *payload = NULL;
    SOK_TRY(sok_json_parse(work->task.payload, strlen(work->task.payload), PAYLOAD_BYTES_MAX, &payload, err));
    const char *search_id = sok_json_text(payload, "search_id", NULL);
    if (!search_id)
        return sok_fail(err, SOK_INVALID, "the score job names no search");
    struct scoring scoring = {.work = work};
    SOK_TRY(load(&scoring, search_id, err));
    find_similarities(&scoring);
    if (sok_work_is_cancelled(work))
        return sok_fail(err, SOK_CANCELLED, "stopped");
    for (size_t i = 0; i < scoring.count; i++) {
        sok_judge_result(
            &scoring.judge, work->arena, &scoring.results[i],
            scoring.similarities ? scoring.similarities[i] : NAN);
        scoring.results[i].ai_validated = scoring.similarities != NULL;
    }
    scoring.now_ms = sok_clock_now_ms(work->env->clock);
    *ret_result = result_json(&scoring);
    SOK_TRY(sok_work_finish(work, write_scores, &scoring, *ret_result, err));
    announce(&scoring);
    return SOK_OK;
}

enum sok_status sok_oracle_start(
    const struct sok_worker_env *env, struct sok_worker **ret, struct sok_error *err)
{
    if (!sok_text_empty(env->config->embeddings_url)) {
        struct sok_embeddings_server server = {.http = env->http, .url = env->config->embeddings_url};
        sok_embeddings_allow(&server);
    }
    struct sok_worker_options options = {
        .env = env, .name = "oracle", .job = SOK_JOB_SCORE, .threads = 1, .handler = handle};
    return sok_worker_start(&options, ret, err);
}
