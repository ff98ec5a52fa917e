#include "api/login_watch.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "api/hub.h"
#include "base/time.h"
#include "services/auth/sessions.h"

#define LOOK_MS 300
#define REVIEW_MS 5000

struct sok_login_watch {
    struct sok_sessions *sessions;
    struct sok_hub *hub;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    bool ending; // under the lock
};

// What becomes of the sockets of a login; 0: nothing. A database that is down ends nobody.
static int judge(void *context, const char *login_id, int role)
{
    struct sok_login_watch *watch = context;
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    struct sok_principal principal = {0};
    struct sok_error err = {0};
    enum sok_status status = sok_session_find(watch->sessions, arena, login_id, &principal, &err);
    if (status == SOK_UNAUTHENTICATED)
        return SOK_WS_SESSION_ENDED;
    return status == SOK_OK && (int)principal.role != role ? SOK_WS_RECONNECT : 0;
}

static void look(struct sok_login_watch *watch, bool at_all)
{
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    const char **users = NULL;
    size_t count = 0;
    struct sok_error ignored = {0}; // it is asked again at once
    if (sok_sessions_catch_up(watch->sessions, arena, &users, &count, &ignored) != SOK_OK)
        return;
    for (size_t i = 0; i < count && !at_all; i++)
        sok_hub_review(watch->hub, users[i], judge, watch);
    if (at_all)
        sok_hub_review(watch->hub, NULL, judge, watch);
}

static bool rest(struct sok_login_watch *watch)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += (long)LOOK_MS * 1000000;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    pthread_mutex_lock(&watch->lock);
    int code = 0;
    while (!watch->ending && code == 0)
        code = pthread_cond_timedwait(&watch->wake, &watch->lock, &until);
    bool goes_on = !watch->ending;
    pthread_mutex_unlock(&watch->lock);
    return goes_on;
}

static void *run(void *context)
{
    struct sok_login_watch *watch = context;
    int64_t reviewed_ms = sok_time_mono_ms();
    while (rest(watch)) {
        bool at_all = sok_time_mono_ms() - reviewed_ms >= REVIEW_MS;
        if (at_all)
            reviewed_ms = sok_time_mono_ms();
        look(watch, at_all);
    }
    return NULL;
}

struct sok_login_watch *sok_login_watch_new(struct sok_sessions *sessions, struct sok_hub *hub)
{
    struct sok_login_watch *watch = calloc(1, sizeof(*watch));
    if (!watch)
        sok_panic("out of memory");
    watch->sessions = sessions;
    watch->hub = hub;
    pthread_mutex_init(&watch->lock, NULL);
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&watch->wake, &monotonic);
    pthread_condattr_destroy(&monotonic);
    if (pthread_create(&watch->thread, NULL, run, watch) != 0)
        sok_panic("cannot start a thread");
    pthread_setname_np(watch->thread, "sok-logins");
    return watch;
}

struct sok_login_watch *sok_login_watch_free(struct sok_login_watch *watch)
{
    if (!watch)
        return NULL;
    pthread_mutex_lock(&watch->lock);
    watch->ending = true;
    pthread_cond_signal(&watch->wake);
    pthread_mutex_unlock(&watch->lock);
    pthread_join(watch->thread, NULL);
    pthread_cond_destroy(&watch->wake);
    pthread_mutex_destroy(&watch->lock);
    free(watch);
    return NULL;
}
