#include "workers/roles.h"

#include <stdlib.h>

#include "base/text.h"
#include "workers/hunter.h"
#include "workers/librarian.h"
#include "workers/oracle.h"
#include "workers/scout.h"
#include "workers/sentinel.h"
#include "workers/worker.h"

struct sok_workers {
    const struct sok_worker_env *env;
    unsigned roles;
    struct sok_worker *scout, *oracle, *librarian; // job loops
    struct sok_hunter *hunter;
    struct sok_sentinel *sentinel;
};

static enum sok_status start_all(struct sok_workers *workers, struct sok_error *err)
{
    const struct sok_worker_env *env = workers->env;
    if (sok_text_starts(env->config->queue_url, "embedded:")) // the data folder is ours alone
        SOK_TRY(sok_worker_take_over(env, err));
    if (workers->roles & SOK_ROLE_SCOUT)
        SOK_TRY(sok_scout_start(env, &workers->scout, err));
    if (workers->roles & SOK_ROLE_ORACLE)
        SOK_TRY(sok_oracle_start(env, &workers->oracle, err));
    if (workers->roles & SOK_ROLE_HUNTER)
        SOK_TRY(sok_hunter_start(env, &workers->hunter, err));
    if (workers->roles & SOK_ROLE_SENTINEL) { // who watches over the house also keeps its shelves in order
        SOK_TRY(sok_librarian_start(env, &workers->librarian, err));
        SOK_TRY(sok_sentinel_start(env, &workers->sentinel, err));
    }
    return SOK_OK;
}

enum sok_status sok_workers_start(
    const struct sok_worker_env *env, unsigned roles, struct sok_workers **ret, struct sok_error *err)
{
    struct sok_workers *workers = calloc(1, sizeof(*workers));
    if (!workers)
        sok_panic("out of memory for the workers");
    workers->env = env;
    workers->roles = roles;
    enum sok_status status = start_all(workers, err);
    if (status == SOK_OK)
        *ret = workers;
    else
        sok_workers_stop(workers, 0);
    return status;
}

void sok_workers_end_watch(struct sok_workers *workers)
{
    if (workers)
        workers->sentinel = sok_sentinel_stop(workers->sentinel);
}

struct sok_workers *sok_workers_stop(struct sok_workers *workers, int64_t grace_ms)
{
    if (!workers)
        return NULL;
    sok_workers_end_watch(workers);
    workers->scout = sok_worker_stop(workers->scout, grace_ms);
    workers->oracle = sok_worker_stop(workers->oracle, grace_ms);
    workers->librarian = sok_worker_stop(workers->librarian, grace_ms);
    workers->hunter = sok_hunter_stop(workers->hunter);
    free(workers);
    return NULL;
}
