#include "services/providers/embeddings.h"

#include <ctype.h>
#include <math.h>
#include <string.h>

#include "base/encode.h"
#include "base/json.h"
#include "base/text.h"
#include "base/time.h"
#include "net/url.h"

#define ANSWER_BYTES_MAX ((size_t)32 << 20)
#define TEXT_BYTES_MAX 8192
#define WORDS_WHEN_TOO_LARGE 100 // the second try, for servers with a small batch

const char *sok_embeddings_url(struct sok_arena *arena, const char *url)
{
    size_t len = strlen(url);
    while (len && url[len - 1] == '/')
        len--;
    const char *base = sok_strndup(arena, url, len);
    if (sok_text_ends(base, "/embeddings"))
        return base;
    return sok_format(arena, "%s%s/embeddings", base, sok_text_ends(base, "/v1") ? "" : "/v1");
}

void sok_embeddings_allow(const struct sok_embeddings_server *server)
{
    struct sok_url url;
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    if (sok_url_parse(arena, server->url, &url, NULL) == SOK_OK)
        sok_http_client_allow(server->http, url.host, url.port);
}

const char *sok_embeddings_cut(struct sok_arena *arena, const char *text, int words)
{
    size_t at = 0;
    for (int n = 0; n < words && text[at] && at < TEXT_BYTES_MAX; n++) {
        while (isspace((unsigned char)text[at]))
            at++;
        while (text[at] && !isspace((unsigned char)text[at]) && at < TEXT_BYTES_MAX)
            at++;
    }
    return sok_utf8_clean(arena, text, at);
}

static enum sok_status read_numbers(const json_t *list, float *vector, int count, struct sok_error *err)
{
    for (int i = 0; i < count; i++) {
        const json_t *number = json_array_get(list, (size_t)i);
        if (!json_is_number(number))
            return sok_fail(err, SOK_PROTOCOL, "the embeddings server sent something else than numbers");
        vector[i] = (float)json_number_value(number);
    }
    return SOK_OK;
}

static enum sok_status read_base64(
    struct sok_arena *arena, const char *text, float **ret_vector, int *ret_count, struct sok_error *err)
{
    size_t size = strlen(text), len = 0;
    unsigned char *bytes = sok_alloc(arena, size + 1);
    if (!sok_base64_decode(text, size, bytes, size, &len) || len % 4 ||
        len / 4 > SOK_EMBEDDINGS_DIMENSIONS_MAX)
        return sok_fail(err, SOK_PROTOCOL, "the embeddings server sent broken base64");
    *ret_count = (int)(len / 4);
    *ret_vector = sok_alloc_array(arena, len / 4 + 1, sizeof(float));
    for (size_t i = 0; i < len / 4; i++) {
        const unsigned char *b = bytes + 4 * i;
        uint32_t word = (uint32_t)b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
        memcpy(*ret_vector + i, &word, sizeof(word));
    }
    return SOK_OK;
}

static enum sok_status read_vector(
    struct sok_arena *arena, const json_t *embedding, float **ret_vector, int *ret_count,
    struct sok_error *err)
{
    if (json_is_string(embedding))
        return read_base64(arena, json_string_value(embedding), ret_vector, ret_count, err);
    size_t count = json_array_size(embedding);
    if (!count || count > SOK_EMBEDDINGS_DIMENSIONS_MAX)
        return sok_fail(err, SOK_PROTOCOL, "the embeddings server sent a vector of %zu numbers", count);
    *ret_count = (int)count;
    *ret_vector = sok_alloc_array(arena, count, sizeof(float));
    return read_numbers(embedding, *ret_vector, (int)count, err);
}

static bool all_finite(const float *vector, int count)
{
    for (int i = 0; i < count; i++)
        if (!isfinite(vector[i]))
            return false;
    return true;
}

enum sok_status sok_embeddings_read(
    struct sok_arena *arena, const char *body, size_t len, size_t count, float **vectors, int *ret_dimensions,
    struct sok_error *err)
{
    SOK_JSON_AUTO *answer = NULL;
    if (sok_json_parse_lenient(body, len, ANSWER_BYTES_MAX, &answer, err) != SOK_OK)
        return sok_fail(err, SOK_PROTOCOL, "the embeddings server sent something else than JSON");
    const json_t *data = json_object_get(answer, "data");
    if (json_array_size(data) != count)
        return sok_fail(
            err, SOK_PROTOCOL, "the embeddings server sent %zu vectors for %zu texts", json_array_size(data),
            count);
    int dimensions = 0;
    for (size_t i = 0; i < count; i++)
        vectors[i] = NULL;
    for (size_t i = 0; i < count; i++) {
        const json_t *entry = json_array_get(data, i);
        int64_t index = sok_json_int(entry, "index", (int64_t)i);
        int found = 0;
        float *vector = NULL;
        if (index < 0 || (size_t)index >= count || vectors[index])
            return sok_fail(err, SOK_PROTOCOL, "the embeddings server numbers its vectors wrongly");
        SOK_TRY(read_vector(arena, json_object_get(entry, "embedding"), &vector, &found, err));
        if ((dimensions && found != dimensions) || !found || !all_finite(vector, found))
            return sok_fail(err, SOK_PROTOCOL, "the embeddings server sent vectors that cannot be compared");
        dimensions = found;
        vectors[index] = vector;
    }
    *ret_dimensions = dimensions;
    return SOK_OK;
}

// {"error": {"code": 500, "message": "...", "type": "..."}}
static enum sok_status explain(
    const struct sok_http_reply *reply, enum sok_status status, struct sok_error *err)
{
    SOK_JSON_AUTO *answer = NULL;
    struct sok_error unused = {0};
    if (!reply->body || !reply->body_len ||
        sok_json_parse_lenient(reply->body, reply->body_len, 1 << 16, &answer, &unused) != SOK_OK)
        return status;
    const char *message = sok_json_text(json_object_get(answer, "error"), "message", NULL);
    if (!message)
        return status;
    // A server answers 500 to a text over its batch size: the same text will always be too long.
    if (strstr(message, "too large"))
        status = SOK_TOO_LARGE;
    return sok_fail(err, status, "the embeddings server says: %.150s", message);
}

static char *request_body(
    struct sok_arena *arena, const char *model, const char *const *texts, size_t count, int words)
{
    SOK_JSON_AUTO *request = json_object();
    json_t *input = json_array();
    for (size_t i = 0; i < count; i++) {
        const char *cut = sok_embeddings_cut(arena, texts[i], words);
        json_array_append_new(input, json_string(*cut ? cut : " "));
    }
    json_object_set_new(request, "input", input);
    sok_json_set_text(request, "encoding_format", "float");
    sok_json_set_text(request, "model", model);
    return sok_json_dump(arena, request);
}

static enum sok_status fetch_batch(
    const struct sok_embeddings_server *server, struct sok_arena *arena, const char *const *texts,
    size_t count, int words, int64_t timeout_ms, float **vectors, int *ret_dimensions, struct sok_error *err)
{
    static const char *const headers[] = {"Content-Type: application/json", "Accept: application/json", NULL};
    const char *body = request_body(arena, server->model, texts, count, words);
    struct sok_http_fetch fetch = {
        .method = "POST",
        .url = sok_embeddings_url(arena, server->url),
        .headers = headers,
        .body = body,
        .body_len = strlen(body),
        .timeout_ms = timeout_ms,
        .max_bytes = ANSWER_BYTES_MAX,
        .tries = 2,
        .breaker = "embeddings",
        .traced = true,
    };
    struct sok_http_reply reply = {0};
    enum sok_status status = sok_http_fetch(server->http, arena, &fetch, &reply, err);
    if (status != SOK_OK)
        return explain(&reply, status, err);
    return sok_embeddings_read(arena, reply.body, reply.body_len, count, vectors, ret_dimensions, err);
}

enum sok_status sok_embeddings_fetch(
    const struct sok_embeddings_server *server, struct sok_arena *arena, const char *const *texts,
    size_t count, int64_t timeout_ms, struct sok_vectors *ret, struct sok_error *err)
{
    struct sok_vectors vectors = {.vector = sok_alloc_array(arena, count, sizeof(float *)), .count = count};
    int64_t deadline = sok_time_mono_ms() + timeout_ms;
    int words = SOK_EMBEDDINGS_WORDS;
    for (size_t done = 0; done < count;) {
        size_t batch = count - done < SOK_EMBEDDINGS_BATCH ? count - done : SOK_EMBEDDINGS_BATCH;
        int64_t left = deadline - sok_time_mono_ms();
        int dimensions = 0;
        if (left <= 0)
            return sok_fail(err, SOK_TIMEOUT, "the embeddings server took too long");
        enum sok_status status = fetch_batch(
            server, arena, texts + done, batch, words, left, vectors.vector + done, &dimensions, err);
        if (status == SOK_TOO_LARGE && words > WORDS_WHEN_TOO_LARGE) {
            words = WORDS_WHEN_TOO_LARGE;
            continue;
        }
        SOK_TRY(status);
        if (vectors.dimensions && dimensions != vectors.dimensions)
            return sok_fail(err, SOK_PROTOCOL, "the embeddings server changed its model in between");
        vectors.dimensions = dimensions;
        done += batch;
    }
    *ret = vectors;
    return SOK_OK;
}

double sok_embeddings_cosine(const float *a, const float *b, int dimensions)
{
    double dot = 0, a_square = 0, b_square = 0;
    for (int i = 0; i < dimensions; i++) {
        dot += (double)a[i] * b[i];
        a_square += (double)a[i] * a[i];
        b_square += (double)b[i] * b[i];
    }
    double length = sqrt(a_square) * sqrt(b_square);
    return length > 0 ? fmax(-1, fmin(1, dot / length)) : 0;
}
