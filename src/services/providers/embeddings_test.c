#include "base/test.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net/test_server.h"
#include "runtime/clock.h"
#include "services/providers/embeddings.h"

static char *load(struct sok_arena *arena, const char *name)
{
    const char *root = getenv("SOKOUL_SRC");
    FILE *file = fopen(sok_format(arena, "%s/tests/fixtures/llama-server/%s", root ? root : ".", name), "rb");
    assert_non_null(file);
    char *text = sok_alloc(arena, 1 << 17);
    size_t len = fread(text, 1, (1 << 17) - 1, file);
    fclose(file);
    assert_true(len > 0);
    return text;
}

static void recorded_answers_are_read(void **state)
{
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    const char *batch = load(arena, "v1-embeddings-batch.json"),
               *packed = load(arena, "v1-embeddings-base64.json");
    float *vectors[3], *one[1];
    int dimensions = 0;
    assert_ok(sok_embeddings_read(arena, batch, strlen(batch), 3, vectors, &dimensions, NULL));
    assert_int_equal(32, dimensions);
    assert_true(fabs(sok_embeddings_cosine(vectors[0], vectors[0], 32) - 1) < 1e-6);
    assert_true(sok_embeddings_cosine(vectors[0], vectors[1], 32) < 0.9999);
    // The same text as base64 is the same vector.
    assert_ok(sok_embeddings_read(arena, packed, strlen(packed), 1, one, &dimensions, NULL));
    assert_true(sok_embeddings_cosine(vectors[0], one[0], 32) > 0.9999);
}

static void answers_that_do_not_fit_are_refused(void **state)
{
    static const char *const wrong[] = {
        "",
        "<html>",
        "[]",
        "{}",
        "{\"data\":[]}",
        "{\"data\":[{\"index\":0,\"embedding\":[1]},{\"index\":0,\"embedding\":[1]}]}",
        "{\"data\":[{\"index\":0,\"embedding\":[1]},{\"index\":2,\"embedding\":[1]}]}",
        "{\"data\":[{\"index\":0,\"embedding\":[1]},{\"index\":1,\"embedding\":[1,2]}]}",
        "{\"data\":[{\"index\":0,\"embedding\":[1]},{\"index\":1,\"embedding\":[\"x\"]}]}",
        "{\"data\":[{\"index\":0,\"embedding\":[1]},{\"index\":1,\"embedding\":\"AAA\"}]}",
        "{\"data\":[{\"index\":0,\"embedding\":[]},{\"index\":1,\"embedding\":[]}]}",
        "{\"data\":[{\"index\":0,\"embedding\":\"AADAfw==\"},{\"index\":1,\"embedding\":\"AADAfw==\"}]}",
    };
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    float *vectors[2];
    int dimensions;
    for (size_t i = 0; i < SOK_ARRAY_LEN(wrong); i++)
        assert_int_equal(
            SOK_PROTOCOL,
            sok_embeddings_read(arena, wrong[i], strlen(wrong[i]), 2, vectors, &dimensions, NULL));
}

static void entries_are_sorted_by_index(void **state)
{
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    const char *body = "{\"data\":[{\"index\":1,\"embedding\":[0,1]},{\"index\":0,\"embedding\":[1,0]}]}";
    float *vectors[2];
    int dimensions;
    assert_ok(sok_embeddings_read(arena, body, strlen(body), 2, vectors, &dimensions, NULL));
    assert_true(vectors[0][0] == 1 && vectors[1][1] == 1);
    assert_true(sok_embeddings_cosine(vectors[0], vectors[1], 2) == 0);
    float zero[2] = {0};
    assert_true(sok_embeddings_cosine(vectors[0], zero, 2) == 0);
}

static void url_and_texts_are_made_to_fit(void **state)
{
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    static const char *const bases[] = {
        "http://h:1", "http://h:1/", "http://h:1/v1", "http://h:1/v1/embeddings"};
    for (size_t i = 0; i < SOK_ARRAY_LEN(bases); i++)
        assert_string_equal("http://h:1/v1/embeddings", sok_embeddings_url(arena, bases[i]));
    assert_string_equal("one two", sok_embeddings_cut(arena, "one two three", 2));
    assert_string_equal("one", sok_embeddings_cut(arena, "one", 400));
    assert_string_equal("", sok_embeddings_cut(arena, "", 400));
}

struct play {
    const char *single, *batch, *too_long;
};

// 32 texts, then 3: the second request is answered with the recorded batch of three.
static void answer_batches(struct test_request *request)
{
    const struct play *play = request->context;
    if (request->number == 1) {
        char body[32 * 64] = "{\"data\":[";
        size_t len = strlen(body);
        for (int i = 0; i < SOK_EMBEDDINGS_BATCH; i++) {
            len += (size_t)snprintf(
                body + len, sizeof(body) - len, "%s{\"index\":%d,\"embedding\":[", i ? "," : "", i);
            for (int k = 0; k < 2; k++)
                len += (size_t)snprintf(body + len, sizeof(body) - len, "%s%d", k ? "," : "", i + k);
            len += (size_t)snprintf(body + len, sizeof(body) - len, "]}");
        }
        snprintf(body + len, sizeof(body) - len, "]}");
        test_reply(request->fd, 200, "Content-Type: application/json\r\n", body);
    } else {
        test_reply(request->fd, 200, "Content-Type: application/json\r\n", play->batch);
    }
}

static void answer_too_long_first(struct test_request *request)
{
    const struct play *play = request->context;
    bool first = request->number <= 2; // the client tries a 500 twice
    test_reply(
        request->fd, first ? 500 : 200, "Content-Type: application/json\r\n",
        first ? play->too_long : play->single);
}

static void answer_unauthorized(struct test_request *request)
{
    test_reply(
        request->fd, 401, "Content-Type: application/json\r\n",
        "{\"error\":{\"message\":\"Invalid API Key\",\"type\":\"authentication_error\",\"code\":401}}");
}

static enum sok_status ask(
    struct sok_arena *arena, test_handler handler, size_t count, struct sok_vectors *ret,
    struct sok_error *err)
{
    struct play play = {
        .single = load(arena, "v1-embeddings-single.json"),
        .batch = load(arena, "v1-embeddings-batch.json"),
        .too_long = load(arena, "too-long-500.json")};
    struct test_server server;
    test_server_start(&server, handler, &play);
    struct sok_http_client *client = NULL;
    struct sok_http_client_options options = {.clock = &sok_clock_system, .user_agent = "test"};
    assert_ok(sok_http_client_new(&options, &client, NULL));
    struct sok_embeddings_server target = {.http = client, .url = server.base, .model = "m"};
    sok_embeddings_allow(&target);
    const char **texts = sok_alloc_array(arena, count, sizeof(*texts));
    for (size_t i = 0; i < count; i++)
        texts[i] = "hello world";
    enum sok_status status = sok_embeddings_fetch(&target, arena, texts, count, 20000, ret, err);
    sok_http_client_free(client);
    test_server_stop(&server);
    return status;
}

static void a_text_that_is_too_long_is_cut_and_sent_again(void **state)
{
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    struct sok_vectors vectors;
    assert_ok(ask(arena, answer_too_long_first, 1, &vectors, NULL));
    assert_int_equal(1, vectors.count);
    assert_int_equal(32, vectors.dimensions);
}

static void a_server_that_changes_its_model_is_not_believed(void **state)
{
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    struct sok_vectors vectors;
    struct sok_error err = {0};
    assert_int_equal(SOK_PROTOCOL, ask(arena, answer_batches, SOK_EMBEDDINGS_BATCH + 3, &vectors, &err));
}

static void the_servers_own_words_reach_the_error(void **state)
{
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    struct sok_vectors vectors;
    struct sok_error err = {0};
    assert_int_equal(SOK_UNAUTHENTICATED, ask(arena, answer_unauthorized, 1, &vectors, &err));
    assert_non_null(strstr(err.message, "Invalid API Key"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(recorded_answers_are_read),
        cmocka_unit_test(answers_that_do_not_fit_are_refused),
        cmocka_unit_test(entries_are_sorted_by_index),
        cmocka_unit_test(url_and_texts_are_made_to_fit),
        cmocka_unit_test(a_text_that_is_too_long_is_cut_and_sent_again),
        cmocka_unit_test(a_server_that_changes_its_model_is_not_believed),
        cmocka_unit_test(the_servers_own_words_reach_the_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
