#include "cli/client.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "cli/cli.h"
#include "services/auth/setup.h"

const char *sok_client_base_url(struct sok_arena *arena, const char *listen)
{
    static const struct {
        const char *any, *reachable; // what listens everywhere is reached on loopback
    } wildcards[] = {{"0.0.0.0", "127.0.0.1"}, {"[::]", "[::1]"}, {"*", "127.0.0.1"}, {"", "127.0.0.1"}};
    for (const char *at = listen; at && *at; at += strspn(at, ", ")) {
        size_t len = strcspn(at, ", ");
        const char *item = sok_strndup(arena, at, len);
        at += len;
        const char *colon = strrchr(item, ':');
        if (sok_text_starts(item, "unix:") || !colon)
            continue;
        const char *host = sok_strndup(arena, item, (size_t)(colon - item));
        for (size_t i = 0; i < SOK_ARRAY_LEN(wildcards); i++)
            if (sok_text_eq(host, wildcards[i].any))
                host = wildcards[i].reachable;
        return sok_format(arena, "http://%s%s", host, colon);
    }
    return NULL;
}

static enum sok_status reach_server(struct sok_client *client, struct sok_error *err)
{
    struct sok_arena *arena = client->local.arena;
    struct sok_http_reply reply = {0};
    struct sok_http_fetch fetch = {
        .url = sok_format(arena, "%s/health", client->base_url), .timeout_ms = 5000, .tries = 1};
    struct sok_error found = {0};
    enum sok_status status = sok_http_fetch(client->http, arena, &fetch, &reply, &found);
    if (status == SOK_OK)
        return SOK_OK;
    if (reply.status == 503)
        return sok_fail(err, SOK_UNAVAILABLE, "the server at %s is stopping", client->base_url);
    return sok_fail(
        err, SOK_UNAVAILABLE, "no server answers at %s; start one with ./run (or sokoul serve)",
        client->base_url);
}

static enum sok_status open_http(struct sok_client *client, struct sok_error *err)
{
    struct sok_arena *arena = client->local.arena;
    client->base_url = sok_client_base_url(arena, client->local.config.listen);
    if (!client->base_url)
        return sok_fail(
            err, SOK_UNSUPPORTED, "the server listens on unix sockets only; the command needs a port");
    const char *authority = client->base_url + strlen("http://");
    SOK_TRY(sok_http_client_new(
        &(struct sok_http_client_options){
            .clock = &sok_clock_system, .user_agent = "sokoul-cli/" SOK_VERSION, .allow_hosts = authority},
        &client->http, err));
    return reach_server(client, err);
}

// Before the first account: what is to be done, with the link that `serve` printed.
static enum sok_status ask_for_account(struct sok_client *client, struct sok_error *err)
{
    const struct sok_config *config = &client->local.config;
    const char *token, *address = config->public_url ? config->public_url : client->base_url;
    struct sok_error unused = {0};
    if (sok_setup_token(client->local.db, config->data_dir, client->local.arena, &token, &unused) != SOK_OK)
        return err->status; // there are accounts, and none of them an admin's
    int len = (int)strlen(address);
    while (len && address[len - 1] == '/')
        len--;
    return sok_fail(
        err, SOK_NOT_FOUND,
        "there is no account yet; make the first one, the admin's, at\n  %.*s/setup?token=%s", len, address,
        token);
}

enum sok_status sok_client_open(struct sok_client *ret, const char *user, struct sok_error *err)
{
    struct sok_user account;
    *ret = (struct sok_client){0};
    SOK_TRY(sok_local_open(&ret->local, err));
    SOK_TRY(open_http(ret, err));
    enum sok_status status = sok_local_user(&ret->local, user, &account, err);
    if (status == SOK_NOT_FOUND && !user)
        return ask_for_account(ret, err);
    SOK_TRY(status);
    if (!account.is_active)
        return sok_fail(err, SOK_DENIED, "the account %s is disabled", account.username);
    ret->username = account.username;
    return sok_session_start(
        ret->local.auth->sessions, ret->local.arena, account.id, NULL, "sokoul command line", &ret->tokens,
        err);
}

void sok_client_close(struct sok_client *client)
{
    struct sok_error ignored = {0};
    if (client->tokens.session_id &&
        sok_session_end(client->local.auth->sessions, client->tokens.session_id, "command ended", &ignored) !=
            SOK_OK)
        fprintf(stderr, "sokoul: the command's session could not be ended: %s\n", ignored.message);
    client->http = sok_http_client_free(client->http);
    sok_local_close(&client->local);
}

// What the server's problem document says becomes the error.
static void explain(struct sok_client *client, const struct sok_http_reply *reply, struct sok_error *err)
{
    SOK_JSON_AUTO *problem = NULL;
    if (!reply->body ||
        sok_json_parse_lenient(reply->body, reply->body_len, 1 << 20, &problem, NULL) != SOK_OK)
        return;
    const char *detail = sok_json_text(problem, "detail", sok_json_text(problem, "title", NULL));
    if (detail)
        snprintf(err->message, sizeof(err->message), "%s", sok_cli_clean(client->local.arena, detail));
    size_t i;
    const json_t *field;
    json_array_foreach(json_object_get(problem, "errors"), i, field)
    {
        sok_fail_field(
            err, sok_json_text(field, "field", "?"), "invalid", "%s",
            sok_cli_clean(client->local.arena, sok_json_text(field, "message", "is wrong")));
    }
}

enum sok_status sok_client_call(
    struct sok_client *client, const char *method, const char *path, json_t *body_taken, json_t **ret_body,
    struct sok_error *err)
{
    struct sok_arena *arena = client->local.arena;
    SOK_JSON_AUTO *body = body_taken;
    struct sok_http_reply reply = {0};
    const char *const headers[] = {
        sok_format(arena, "Authorization: Bearer %s", client->tokens.access_token),
        "Accept: application/json",
        body ? "Content-Type: application/json" : NULL,
        NULL,
    };
    const char *text = sok_json_dump(arena, body);
    struct sok_http_fetch fetch = {
        .method = method,
        .url = sok_text_starts(path, "//") ? sok_format(arena, "%s%s", client->base_url, path + 1)
                                           : sok_format(arena, "%s/api/v1%s", client->base_url, path),
        .headers = headers,
        .body = text,
        .body_len = text ? strlen(text) : 0,
        .timeout_ms = 30000,
        .tries = 1,
    };
    enum sok_status status = sok_http_fetch(client->http, arena, &fetch, &reply, err);
    if (status != SOK_OK) {
        explain(client, &reply, err);
        return status;
    }
    if (!ret_body)
        return SOK_OK;
    *ret_body = NULL;
    if (reply.body_len == 0)
        return SOK_OK;
    return sok_json_parse(reply.body, reply.body_len, (size_t)8 << 20, ret_body, err);
}
