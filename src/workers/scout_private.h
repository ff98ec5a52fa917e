// What the files of the scout share.
#ifndef SOK_WORKERS_SCOUT_PRIVATE_H
#define SOK_WORKERS_SCOUT_PRIVATE_H

#include <pthread.h>

#include "data/searches.h"
#include "domain/merge.h"
#include "runtime/log.h"
#include "services/providers/registry.h"
#include "workers/judge.h"
#include "workers/worker.h"

#define SOK_SCOUT_TIMEOUT_MS 30000
#define SOK_SCOUT_METADATA_TIMEOUT_MS 10000
#define SOK_SCOUT_THREADS_MAX 16
#define SOK_SCOUT_RESULTS_MAX 4000
#define SOK_SCOUT_TEXT_MAX ((size_t)96 << 20) // bytes of all results of one search

// One question to one provider, and what came of it. The thread that asks owns it until it is done.
struct sok_asking {
    struct sok_provider_instance provider;
    struct sok_provider_query query;
    bool metadata; // asked who is meant, not for releases
    struct sok_arena *arena;
    struct sok_found_releases releases;
    struct sok_found_media media;
    enum sok_status status;
    struct sok_error err;
    int64_t started_mono_ms, latency_ms;
};

struct sok_scout {
    struct sok_work *work;
    struct sok_arena *arena, *texts; // of the job; of the merged results
    struct sok_search search;        // media_id changes when the work turns out to be another row
    struct sok_judge judge;
    struct sok_merge *merge;
    size_t text_bytes;
    struct sok_asking *askings;            // release providers first
    size_t count, taken;                   // askings; those that are done
    size_t answered, failed, retry_worthy; // release providers
    bool is_new_series;                    // a metadata provider told of it just now, one season at most
    struct sok_error last_error;
};

// --- scout_ask.c

// Asks all of scout->askings, at most SOK_SCOUT_THREADS_MAX at once (metadata: the next only when the one
// before it did not know), and calls `take` in this thread for each as it is done. SOK_CANCELLED when the job
// was cancelled meanwhile; the first failure of `take` otherwise. Returns when no thread is left.
typedef enum sok_status (*sok_scout_take)(
    struct sok_scout *scout, struct sok_asking *asking, struct sok_error *err);
SOK_MUST_CHECK enum sok_status sok_scout_ask(
    struct sok_scout *scout, sok_scout_take take, struct sok_error *err);

// --- scout_store.c

// Takes over what an earlier run of the same job has stored.
SOK_MUST_CHECK enum sok_status sok_scout_load_results(struct sok_scout *scout, struct sok_error *err);

// Merges an answer's releases into scout->merge.
void sok_scout_merge(struct sok_scout *scout, const struct sok_asking *asking);

// Scores what changed since the last time and writes it with the provider's state in one transaction, then
// announces it (event search.results).
SOK_MUST_CHECK enum sok_status sok_scout_store(
    struct sok_scout *scout, const struct sok_asking *asking, struct sok_error *err);

// Scores and writes everything again: the work is known better now.
SOK_MUST_CHECK enum sok_status sok_scout_store_all(
    struct sok_scout *scout, const struct sok_asking *asking, struct sok_error *err);

#endif
