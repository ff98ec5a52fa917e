// For the unit tests of providers: recorded answers, and a server that gives them.
#ifndef SOK_SERVICES_PROVIDERS_PROVIDERS_TESTING_H
#define SOK_SERVICES_PROVIDERS_PROVIDERS_TESTING_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "net/test_server.h"
#include "services/providers/provider.h"

#define TEST_NOW_MS INT64_C(1795000000000) // 2026-11-18

// The bytes of tests/fixtures/NAME, NUL-terminated.
static inline char *test_fixture(struct sok_arena *arena, const char *name, size_t *ret_len)
{
    const char *root = getenv("SOKOUL_SRC");
    char *path = sok_format(arena, "%s/tests/fixtures/%s", root ? root : ".", name);
    FILE *file = fopen(path, "re");
    if (!file)
        sok_panic("no fixture %s", path);
    fseek(file, 0, SEEK_END);
    size_t len = (size_t)ftell(file);
    rewind(file);
    char *bytes = sok_alloc(arena, len + 1);
    if (fread(bytes, 1, len, file) != len)
        sok_panic("cannot read %s", path);
    fclose(file);
    if (ret_len)
        *ret_len = len;
    return bytes;
}

// The same as JSON; the caller's reference.
static inline json_t *test_fixture_json(struct sok_arena *arena, const char *name)
{
    size_t len;
    json_t *value = NULL;
    char *bytes = test_fixture(arena, name, &len);
    struct sok_error err = {0};
    if (sok_json_parse_lenient(bytes, len, len, &value, &err) != SOK_OK)
        sok_panic("%s: %s", name, err.message);
    return value;
}

// What the server answers to a request whose target contains all of `with` (case aside): the first row that
// fits.
struct test_answer {
    int status;
    const char *with[3];
    const char *fixture; // or
    const char *body;
    const char *headers;
};

struct test_answers {
    const struct test_answer *rows; // ends with a row without a status
    _Atomic int asked[32];          // how often each row answered
};

static inline bool test_answer_fits(const struct test_answer *row, const char *target)
{
    for (size_t i = 0; i < SOK_ARRAY_LEN(row->with) && row->with[i]; i++)
        if (!strcasestr(target, row->with[i]))
            return false;
    return true;
}

static inline void test_answer(struct test_request *request)
{
    struct test_answers *answers = request->context;
    struct sok_arena *arena = sok_arena_new(0);
    const struct test_answer *row = answers->rows;
    while (row->status && !test_answer_fits(row, request->target))
        row++;
    if (row->status) {
        answers->asked[row - answers->rows]++;
        size_t len = row->body ? strlen(row->body) : 0;
        const char *body = row->fixture ? test_fixture(arena, row->fixture, &len)
                           : row->body  ? row->body
                                        : "";
        test_reply_bytes(request->fd, row->status, row->headers ? row->headers : "", body, len);
    } else {
        test_reply(request->fd, 404, "", "");
    }
    sok_arena_free(arena);
}

// A driver with a server behind it.
struct test_provider {
    struct sok_arena *arena;
    struct test_server server;
    struct test_answers answers;
    struct sok_http_client *http;
    struct sok_clock_manual clock;
    struct sok_provider_config config;
    struct sok_provider_call call;
    struct sok_error err;
};

static inline void test_provider_open(
    struct test_provider *t, const struct test_answer *rows, const char *kind)
{
    memset(t, 0, sizeof(*t));
    t->arena = sok_arena_new(0);
    t->answers.rows = rows;
    test_server_start(&t->server, test_answer, &t->answers);
    sok_clock_manual_init(&t->clock, TEST_NOW_MS);
    struct sok_http_client_options options = {.clock = &t->clock.clock, .backoff_unit_ms = 1};
    if (sok_http_client_new(&options, &t->http, &t->err) != SOK_OK)
        sok_panic("%s", t->err.message);
    sok_http_client_allow(t->http, "127.0.0.1", t->server.port);
    t->config = (struct sok_provider_config){
        .id = "test",
        .kind = kind,
        .name = "test",
        .base_url = t->server.base,
        .api_key = "SECRET",
        .enabled = true};
    t->call = (struct sok_provider_call){
        .arena = t->arena, .http = t->http, .clock = &t->clock.clock, .config = &t->config};
}

static inline void test_provider_close(struct test_provider *t)
{
    sok_http_client_free(t->http);
    test_server_stop(&t->server);
    sok_arena_free(t->arena);
}

#endif
