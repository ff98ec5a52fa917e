// All of authentication in one piece, as app wires it and api uses it.
#ifndef SOK_SERVICES_AUTH_AUTH_H
#define SOK_SERVICES_AUTH_AUTH_H

#include <stdint.h>

#include "backends/cache/cache.h"
#include "backends/db/db.h"
#include "backends/queue/queue.h"
#include "base/status.h"
#include "runtime/clock.h"
#include "runtime/pool.h"
#include "services/auth/accounts.h"
#include "services/auth/jwt.h"
#include "services/auth/keys.h"
#include "services/auth/secretbox.h"
#include "services/auth/sessions.h"
#include "services/auth/ticket.h"

struct sok_auth { // fields are owned by it; read them, do not set them
    struct sok_keys *keys;
    struct sok_jwt *jwt;
    struct sok_secretbox *secretbox;
    struct sok_sessions *sessions;
    struct sok_accounts accounts;
    struct sok_cache *cache;     // borrowed: tickets and limits
    struct sok_pool *background; // one thread for small writes nobody waits for; NULL on the command line
};

struct sok_auth_options { // all borrowed; all but the queue, which is closed first, outlive it
    const char *data_dir;
    struct sok_db *db; // migrated already
    struct sok_cache *cache;
    struct sok_queue *queue; // NULL on the command line
    const struct sok_clock *clock;
    int64_t bcrypt_cost;
};

// Reads or makes the key files. Errors as sok_keys_open and sok_secretbox_open. Blocks. Owned by the caller.
SOK_MUST_CHECK enum sok_status sok_auth_open(
    const struct sok_auth_options *options, struct sok_auth **ret, struct sok_error *err);
struct sok_auth *sok_auth_close(struct sok_auth *auth);

SOK_DEFINE_CLEANUP(struct sok_auth, sok_auth_cleanup, sok_auth_close)

#endif
