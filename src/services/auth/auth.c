#include "services/auth/auth.h"

#include <stdlib.h>

#define BACKGROUND_MAX 64

static enum sok_status open_parts(
    struct sok_auth *auth, const struct sok_auth_options *options, struct sok_error *err)
{
    SOK_TRY(sok_keys_open(options->data_dir, options->clock, &auth->keys, err));
    SOK_TRY(sok_secretbox_open(options->data_dir, &auth->secretbox, err));
    auth->jwt = sok_jwt_new(auth->keys, options->clock);
    if (options->queue)
        auth->background = sok_pool_new("auth", 1, BACKGROUND_MAX);
    struct sok_sessions_options sessions = {
        .db = options->db,
        .queue = options->queue,
        .jwt = auth->jwt,
        .clock = options->clock,
        .background = auth->background};
    SOK_TRY(sok_sessions_new(&sessions, &auth->sessions, err));
    auth->accounts = (struct sok_accounts){
        .db = options->db,
        .clock = options->clock,
        .data_dir = options->data_dir,
        .bcrypt_cost = options->bcrypt_cost};
    auth->cache = options->cache;
    return SOK_OK;
}

enum sok_status sok_auth_open(
    const struct sok_auth_options *options, struct sok_auth **ret, struct sok_error *err)
{
    struct sok_auth *auth = calloc(1, sizeof(*auth));
    if (!auth)
        sok_panic("out of memory");
    enum sok_status status = open_parts(auth, options, err);
    if (status != SOK_OK) {
        sok_auth_close(auth);
        return status;
    }
    *ret = auth;
    return SOK_OK;
}

struct sok_auth *sok_auth_close(struct sok_auth *auth)
{
    if (!auth)
        return NULL;
    sok_pool_free(auth->background);
    sok_sessions_free(auth->sessions);
    sok_jwt_free(auth->jwt);
    sok_secretbox_close(auth->secretbox);
    sok_keys_close(auth->keys);
    free(auth);
    return NULL;
}
