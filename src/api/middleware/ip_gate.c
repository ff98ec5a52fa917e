#include "api/middleware/ip_gate.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "data/ip_rules.h"
#include "net/address_set.h"
#include "runtime/log.h"

#define RETRY_MS 500

struct sok_ip_gate {
    struct sok_db *db;
    struct sok_queue *queue;
    const struct sok_clock *clock;
    pthread_mutex_t loading; // held by the one who reads the rules; outside of `lock`
    pthread_rwlock_t lock;   // guards the two sets; nothing blocks under it
    struct sok_address_set *white, *black;
    _Atomic bool is_stale;            // written elsewhere
    _Atomic int64_t fresh_until_mono; // the next look
    _Atomic int64_t expires_at;       // when the first rule runs out; INT64_MAX: none does
};

static bool has_expired(const struct sok_ip_gate *gate)
{
    return sok_clock_now_ms(gate->clock) >= atomic_load(&gate->expires_at);
}

static bool is_due(const struct sok_ip_gate *gate)
{
    return atomic_load(&gate->is_stale) || has_expired(gate) ||
           sok_clock_mono_ms(gate->clock) >= atomic_load(&gate->fresh_until_mono);
}

static struct sok_address_set *make_set(
    struct sok_arena *arena, const struct sok_ip_rule *rules, size_t count, char kind)
{
    struct sok_cidr *cidrs = sok_alloc_array(arena, count, sizeof(*cidrs));
    size_t used = 0;
    for (size_t i = 0; i < count; i++)
        if (rules[i].kind[0] == kind && sok_cidr_parse(rules[i].cidr, &cidrs[used]))
            used++;
    return sok_address_set_new(cidrs, used);
}

// With gate->loading held. The flag falls before the database is asked: what is written meanwhile raises it
// again.
static void load(struct sok_ip_gate *gate)
{
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    struct sok_ip_rule *rules = NULL;
    size_t count = 0;
    struct sok_error err = {0};
    int64_t expires_at = INT64_MAX, mono_ms = sok_clock_mono_ms(gate->clock);
    atomic_store(&gate->is_stale, false);
    if (sok_ip_rules_list(
            sok_db_reader(gate->db), arena, NULL, sok_clock_now_ms(gate->clock), &rules, &count, &err) !=
        SOK_OK) {
        // Those of before stay; asking a database that is down at every request helps nobody.
        sok_log_error(SOK_LOG_WARN, SOK_LOG_API, "the address rules could not be read", &err);
        atomic_store(&gate->fresh_until_mono, mono_ms + RETRY_MS);
        atomic_store(&gate->expires_at, INT64_MAX);
        return;
    }
    for (size_t i = 0; i < count; i++)
        if (rules[i].expires_at && rules[i].expires_at < expires_at)
            expires_at = rules[i].expires_at;
    struct sok_address_set *white = make_set(arena, rules, count, 'w');
    struct sok_address_set *black = make_set(arena, rules, count, 'b');
    pthread_rwlock_wrlock(&gate->lock);
    struct sok_address_set *old_white = gate->white, *old_black = gate->black;
    gate->white = white;
    gate->black = black;
    pthread_rwlock_unlock(&gate->lock);
    atomic_store(&gate->expires_at, expires_at);
    atomic_store(&gate->fresh_until_mono, mono_ms + SOK_IP_GATE_TTL_MS);
    sok_address_set_free(old_white);
    sok_address_set_free(old_black);
}

static void tell(const struct sok_ip_gate *gate)
{
    struct sok_event event = {.subject = "invalidate.ip_rules", .user_id = "", .json = "{}"};
    if (gate->queue)
        sok_queue_publish_event(gate->queue, &event);
}

void sok_ip_gate_refresh(struct sok_ip_gate *gate)
{
    if (!gate || !is_due(gate))
        return;
    // Rules that are known to be old hold everybody up for the one read; that it is time to look again does
    // not.
    bool must_wait = atomic_load(&gate->is_stale) || has_expired(gate);
    if (must_wait)
        pthread_mutex_lock(&gate->loading);
    else if (pthread_mutex_trylock(&gate->loading) != 0)
        return;
    bool expired = has_expired(gate), due = is_due(gate);
    if (due)
        load(gate);
    pthread_mutex_unlock(&gate->loading);
    if (due && expired) // a whitelisting that ran out may have let somebody keep a WebSocket
        tell(gate);
}

void sok_ip_gate_reload(struct sok_ip_gate *gate)
{
    if (!gate)
        return;
    pthread_mutex_lock(&gate->loading);
    load(gate);
    pthread_mutex_unlock(&gate->loading);
    tell(gate);
}

enum sok_address_verdict sok_ip_gate_peek(struct sok_ip_gate *gate, const struct sok_address *address)
{
    enum sok_address_verdict verdict = SOK_ADDRESS_PLAIN;
    if (!gate)
        return verdict;
    pthread_rwlock_rdlock(&gate->lock);
    if (sok_address_set_contains(gate->white, address))
        verdict = SOK_ADDRESS_WHITELISTED;
    else if (sok_address_set_contains(gate->black, address))
        verdict = SOK_ADDRESS_BLACKLISTED;
    pthread_rwlock_unlock(&gate->lock);
    return verdict;
}

enum sok_address_verdict sok_ip_gate_judge(struct sok_ip_gate *gate, const struct sok_address *address)
{
    sok_ip_gate_refresh(gate);
    return sok_ip_gate_peek(gate, address);
}

static void on_event(const struct sok_event *event SOK_UNUSED, void *context)
{
    struct sok_ip_gate *gate = context;
    atomic_store(&gate->is_stale, true);
}

enum sok_status sok_ip_gate_new(
    struct sok_db *db, struct sok_queue *queue, const struct sok_clock *clock, struct sok_ip_gate **ret,
    struct sok_error *err)
{
    struct sok_ip_gate *gate = calloc(1, sizeof(*gate));
    if (!gate)
        sok_panic("out of memory for the address rules");
    gate->db = db;
    gate->queue = queue;
    gate->clock = clock;
    pthread_mutex_init(&gate->loading, NULL);
    pthread_rwlockattr_t kind; // new rules do not wait until nobody asks
    pthread_rwlockattr_init(&kind);
    pthread_rwlockattr_setkind_np(&kind, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
    pthread_rwlock_init(&gate->lock, &kind);
    pthread_rwlockattr_destroy(&kind);
    enum sok_status status =
        queue ? sok_queue_subscribe(queue, "invalidate.ip_rules", on_event, gate, err) : SOK_OK;
    if (status != SOK_OK) {
        sok_ip_gate_free(gate);
        return status;
    }
    pthread_mutex_lock(&gate->loading);
    load(gate);
    pthread_mutex_unlock(&gate->loading);
    *ret = gate;
    return SOK_OK;
}

struct sok_ip_gate *sok_ip_gate_free(struct sok_ip_gate *gate)
{
    if (!gate)
        return NULL;
    sok_address_set_free(gate->white);
    sok_address_set_free(gate->black);
    pthread_rwlock_destroy(&gate->lock);
    pthread_mutex_destroy(&gate->loading);
    free(gate);
    return NULL;
}
