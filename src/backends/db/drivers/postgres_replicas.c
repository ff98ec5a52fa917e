// Reads from replicas, none of them stale (docs/adr/replicas.md): whoever reads first asks the primary where
// its log ends, which costs it next to nothing, and then takes an answer only from a replica that has
// replayed the log that far. Readers who come while the primary is being asked share the next answer, so that
// one question a round trip serves however many there are.
#include <inttypes.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "backends/db/drivers/postgres.h"
#include "base/text.h"
#include "base/time.h"
#include "base/wait.h"

#define REPLICAS_MAX 8
#define QUERY_MS 1500  // what takes longer is the primary's; also bounds what a silent replica costs
#define ASK_MS 1000    // about the end of the primary's log
#define CONNECT_MS 200 // what takes longer is there for a later read
#define PAUSE_MS 500   // a replica that failed is left alone for so long, doubled up to
#define PAUSE_MOST_MS 4000
#define BEHIND_MS 50     // and one that is far behind for so long
#define FAR_BYTES 262144 // that much log

struct replica {
    struct sok_pg_pool pool;
    _Atomic int64_t rests_until_ms; // monotonic
};

struct sok_pg_replicas {
    struct sok_metrics *metrics;
    struct replica list[REPLICAS_MAX];
    size_t count;
    _Atomic size_t turn;
    char cluster[128];          // what they all are copies of
    struct sok_pg_pool primary; // of one connection, for the question where its log ends
    pthread_mutex_t lock;       // guards what follows
    pthread_cond_t answered;
    bool is_asking, is_good;
    uint64_t begun, ended; // questions
    int64_t log_end;       // what the last one that ended said, if is_good
};

// --- Small questions.

// One row of one column or two.
static enum sok_status ask(
    struct sok_pg_conn *conn, struct sok_arena *arena, const char *sql, struct sok_db_result *ret,
    struct sok_error *err)
{
    SOK_TRY(sok_pg_conn_query(conn, arena, sql, NULL, 0, ret, err));
    return ret->row_count == 1 ? SOK_OK : sok_fail(err, SOK_INTERNAL, "the database gave no answer");
}

// Commits are seen by others once they are flushed, unless the server was told not to wait for that.
static enum sok_status ask_log_end(struct sok_pg_conn *conn, int64_t *ret, struct sok_error *err)
{
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    struct sok_db_result rows;
    SOK_TRY(
        ask(conn, arena,
            "SELECT CAST(pg_wal_lsn_diff(CASE WHEN current_setting('synchronous_commit') = 'off' "
            "THEN pg_current_wal_insert_lsn() ELSE pg_current_wal_flush_lsn() END, '0/0') AS bigint)",
            &rows, err));
    *ret = sok_db_get_int(&rows, 0, 0);
    return SOK_OK;
}

// SOK_INVALID when it replays nothing: somebody made a primary of it.
static enum sok_status ask_replayed(struct sok_pg_conn *conn, int64_t *ret, struct sok_error *err)
{
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    struct sok_db_result rows;
    SOK_TRY(
        ask(conn, arena,
            "SELECT pg_is_in_recovery(), "
            "CAST(pg_wal_lsn_diff(pg_last_wal_replay_lsn(), '0/0') AS bigint)",
            &rows, err));
    if (!sok_db_get_int(&rows, 0, 0))
        return sok_fail(err, SOK_INVALID, "it is no replica");
    *ret = sok_db_get_int(&rows, 0, 1);
    return SOK_OK;
}

static enum sok_status ask_cluster(struct sok_pg_conn *conn, char *ret, size_t size, struct sok_error *err)
{
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    struct sok_db_result rows;
    SOK_TRY(
        ask(conn, arena,
            "SELECT CAST(system_identifier AS text) || '/' || current_database() FROM pg_control_system()",
            &rows, err));
    snprintf(ret, size, "%s", sok_db_get_text(&rows, 0, 0));
    return SOK_OK;
}

// --- Where the primary's log ends.

static bool ask_primary(struct sok_pg_replicas *replicas, int64_t *ret_end)
{
    struct sok_pg_conn *conn;
    size_t in_use;
    // Twice: the first connection may have idled through a restart.
    for (int try = 0; try < 2; try++) {
        if (sok_pg_pool_take(&replicas->primary, ASK_MS, &conn, &in_use, NULL) != SOK_OK)
            return false;
        bool is_good = ask_log_end(conn, ret_end, NULL) == SOK_OK, is_lost = conn->lost && !conn->silent;
        sok_pg_pool_return(&replicas->primary, conn);
        if (!is_lost)
            return is_good;
    }
    return false;
}

// What was committed before this call lies before *ret_end: the answer is to a question that began after it.
static bool find_log_end(struct sok_pg_replicas *replicas, int64_t *ret_end)
{
    int64_t log_end = 0;
    struct timespec until = sok_wait_deadline(2 * ASK_MS);
    bool in_time = true;
    pthread_mutex_lock(&replicas->lock);
    uint64_t wanted = replicas->begun + 1;
    while (replicas->ended < wanted && replicas->is_asking && in_time)
        in_time = sok_wait_until(&replicas->answered, &replicas->lock, &until);
    if (replicas->ended < wanted && in_time) {
        uint64_t mine = ++replicas->begun;
        replicas->is_asking = true;
        pthread_mutex_unlock(&replicas->lock);
        bool is_good = ask_primary(replicas, &log_end);
        pthread_mutex_lock(&replicas->lock);
        replicas->is_asking = false;
        replicas->is_good = is_good;
        replicas->ended = mine;
        replicas->log_end = log_end;
        pthread_cond_broadcast(&replicas->answered);
    }
    bool is_good = in_time && replicas->is_good;
    *ret_end = replicas->log_end; // a later one serves as well
    pthread_mutex_unlock(&replicas->lock);
    return is_good;
}

// --- Reading.

static struct replica *choose(struct sok_pg_replicas *replicas)
{
    int64_t now_ms = sok_time_mono_ms();
    size_t turn = atomic_fetch_add(&replicas->turn, 1);
    for (size_t i = 0; i < replicas->count; i++) {
        struct replica *replica = &replicas->list[(turn + i) % replicas->count];
        if (now_ms >= atomic_load(&replica->rests_until_ms))
            return replica;
    }
    return NULL;
}

static void rest(struct replica *replica, int64_t for_ms)
{
    atomic_store(&replica->rests_until_ms, sok_time_mono_ms() + for_ms);
}

// A connection just made leads to some server; whether to a replica of ours has to be seen.
static bool is_ours(struct sok_pg_replicas *replicas, struct sok_pg_conn *conn)
{
    char cluster[sizeof(replicas->cluster)] = "";
    return conn->tick > 0 || (ask_cluster(conn, cluster, sizeof(cluster), NULL) == SOK_OK &&
                              sok_text_eq(cluster, replicas->cluster));
}

// How far a connection has seen its server get counts for that connection alone: another one may lead to a
// server that was put back.
static enum sok_label_answer check(
    struct sok_pg_replicas *replicas, struct replica *replica, struct sok_pg_conn *conn, int64_t log_end)
{
    if (!is_ours(replicas, conn))
        return SOK_ANSWER_AWAY;
    if (conn->replayed >= log_end)
        return SOK_ANSWER_REPLICA;
    if (ask_replayed(conn, &conn->replayed, NULL) != SOK_OK)
        return SOK_ANSWER_AWAY;
    if (conn->replayed >= log_end)
        return SOK_ANSWER_REPLICA;
    if (log_end - conn->replayed > FAR_BYTES)
        rest(replica, BEHIND_MS);
    return SOK_ANSWER_BEHIND;
}

static enum sok_label_answer read_from(
    struct sok_pg_replicas *replicas, struct replica *replica, struct sok_arena *arena, const char *sql,
    const struct sok_db_value *params, size_t param_count, struct sok_db_result *ret)
{
    struct sok_pg_conn *conn;
    size_t in_use;
    int64_t log_end;
    if (!find_log_end(replicas, &log_end) ||
        sok_pg_pool_take(&replica->pool, CONNECT_MS, &conn, &in_use, NULL) != SOK_OK)
        return SOK_ANSWER_AWAY;
    enum sok_label_answer answer = check(replicas, replica, conn, log_end);
    bool is_wrong = answer == SOK_ANSWER_AWAY && !conn->lost;
    // Replay may cancel what stands in its way (SQLSTATE 40001): the primary is asked then, too.
    if (answer == SOK_ANSWER_REPLICA &&
        sok_pg_conn_query(conn, arena, sql, params, param_count, ret, NULL) != SOK_OK)
        answer = SOK_ANSWER_AWAY;
    conn->broken = conn->broken || is_wrong;
    sok_pg_pool_return(&replica->pool, conn);
    if (is_wrong)
        sok_pg_pool_leave_alone(&replica->pool);
    return answer;
}

enum sok_status sok_pg_replicas_query(
    struct sok_pg_replicas *replicas, struct sok_arena *arena, const char *sql,
    const struct sok_db_value *params, size_t param_count, struct sok_db_result *ret)
{
    struct replica *replica = choose(replicas);
    enum sok_label_answer answer =
        replica ? read_from(replicas, replica, arena, sql, params, param_count, ret) : SOK_ANSWER_BEHIND;
    sok_metric_add(replicas->metrics, SOK_METRIC_DB_REPLICA_READS, 1, answer, 0, 0);
    return answer == SOK_ANSWER_REPLICA ? SOK_OK : SOK_UNAVAILABLE;
}

// --- Opening and closing.

// A replica that is away may come later; what is there and is none is a mistake in the settings.
static enum sok_status try_out(
    struct sok_pg_replicas *replicas, struct replica *replica, struct sok_error *err)
{
    struct sok_error found = {0};
    char cluster[sizeof(replicas->cluster)] = "";
    int64_t replayed = 0;
    enum sok_status status = sok_pg_pool_fill(&replica->pool, 1, &found);
    if (status == SOK_UNAVAILABLE)
        return SOK_OK;
    if (status == SOK_OK)
        status = ask_cluster(replica->pool.idle[0], cluster, sizeof(cluster), &found);
    if (status == SOK_OK && !sok_text_eq(cluster, replicas->cluster))
        status = SOK_INVALID;
    if (status == SOK_OK)
        status = ask_replayed(replica->pool.idle[0], &replayed, &found);
    if (status == SOK_INVALID)
        return sok_fail(
            err, SOK_INVALID,
            "SOKOUL_DATABASE_REPLICA_URLS: number %zu is no replica of the database of SOKOUL_DATABASE_URL",
            (size_t)(replica - replicas->list) + 1);
    if (status != SOK_OK && err)
        *err = found;
    return status;
}

static enum sok_status open_all(
    struct sok_pg_replicas *replicas, const char *urls, size_t pool_max, struct sok_error *err)
{
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    SOK_TRY(sok_pg_pool_fill(&replicas->primary, 1, err));
    SOK_TRY(ask_cluster(replicas->primary.idle[0], replicas->cluster, sizeof(replicas->cluster), err));
    for (const char *at = urls + strspn(urls, ", "); *at; at += strspn(at, ", ")) {
        size_t len = strcspn(at, ", ");
        const struct sok_pg_server server = {
            .url = sok_strndup(arena, at, len),
            .setting = "SOKOUL_DATABASE_REPLICA_URLS",
            .query_ms = QUERY_MS};
        if (replicas->count == REPLICAS_MAX)
            return sok_fail(err, SOK_INVALID, "SOKOUL_DATABASE_REPLICA_URLS: at most %d", REPLICAS_MAX);
        struct replica *replica = &replicas->list[replicas->count++];
        sok_pg_pool_init(&replica->pool, &server, pool_max);
        replica->pool.no_queue = true;
        replica->pool.down_ms = PAUSE_MS;
        replica->pool.down_most_ms = PAUSE_MOST_MS;
        SOK_TRY(try_out(replicas, replica, err));
        at += len;
    }
    return SOK_OK;
}

enum sok_status sok_pg_replicas_open(
    const char *urls, const struct sok_pg_server *primary, size_t pool_max, struct sok_metrics *metrics,
    struct sok_pg_replicas **ret, struct sok_error *err)
{
    *ret = NULL;
    if (sok_text_empty(urls))
        return SOK_OK;
    struct sok_pg_replicas *replicas = calloc(1, sizeof(*replicas));
    if (!replicas)
        sok_panic("out of memory for the replicas");
    const struct sok_pg_server asked = {.url = primary->url, .setting = primary->setting, .query_ms = ASK_MS};
    replicas->metrics = metrics;
    sok_pg_pool_init(&replicas->primary, &asked, 1);
    pthread_mutex_init(&replicas->lock, NULL);
    sok_wait_init(&replicas->answered);
    enum sok_status status = open_all(replicas, urls, pool_max, err);
    if (status != SOK_OK) {
        sok_pg_replicas_close(replicas);
        return status;
    }
    *ret = replicas;
    return SOK_OK;
}

struct sok_pg_replicas *sok_pg_replicas_close(struct sok_pg_replicas *replicas)
{
    if (!replicas)
        return NULL;
    for (size_t i = 0; i < replicas->count; i++)
        sok_pg_pool_done(&replicas->list[i].pool);
    sok_pg_pool_done(&replicas->primary);
    pthread_mutex_destroy(&replicas->lock);
    pthread_cond_destroy(&replicas->answered);
    free(replicas);
    return NULL;
}
