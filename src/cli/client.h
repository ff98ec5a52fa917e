// The API of the running server, as the commands use it: signed in by a session that the operator's own
// access to the data folder makes, and that ends with the command.
#ifndef SOK_CLI_CLIENT_H
#define SOK_CLI_CLIENT_H

#include "base/json.h"
#include "cli/local.h"
#include "net/http_client.h"

struct sok_client {
    struct sok_local local;
    struct sok_http_client *http;
    const char *base_url; // "http://127.0.0.1:3000"
    struct sok_tokens tokens;
    const char *username;
};

// `user` NULL: the first active admin. SOK_UNAVAILABLE when no server answers, saying how to start one. Pair
// with sok_client_close also after a failure. Blocks.
SOK_MUST_CHECK enum sok_status sok_client_open(
    struct sok_client *ret, const char *user, struct sok_error *err);
void sok_client_close(struct sok_client *client);

// One call: `path` below /api/v1, or from the root when it begins with "//" (as in the contract).
// `body_taken` may be NULL. A problem document becomes the error with its sentence and fields. *ret_body (may
// be NULL) is the caller's reference, NULL for an empty answer. Blocks.
SOK_MUST_CHECK enum sok_status sok_client_call(
    struct sok_client *client, const char *method, const char *path, json_t *body_taken, json_t **ret_body,
    struct sok_error *err);

// The address to reach a server at that listens like this, or NULL when it only listens on unix sockets.
const char *sok_client_base_url(struct sok_arena *arena, const char *listen);

#define SOK_CLIENT_AUTO SOK_CLEANUP(sok_client_close) struct sok_client

#endif
