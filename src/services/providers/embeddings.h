// Texts as vectors, from a server with OpenAI's embeddings call (llama.cpp's llama-server).
//
// POST {base}/v1/embeddings {"input": [text...], "model": ...}; protocols.md section 7. Vectors of different
// models are not comparable: compare only what one call gave.
#ifndef SOK_SERVICES_PROVIDERS_EMBEDDINGS_H
#define SOK_SERVICES_PROVIDERS_EMBEDDINGS_H

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/status.h"
#include "net/http_client.h"

#define SOK_EMBEDDINGS_BATCH 32  // texts in one request
#define SOK_EMBEDDINGS_WORDS 400 // of one text; servers refuse what exceeds their physical batch
#define SOK_EMBEDDINGS_DIMENSIONS_MAX 8192

struct sok_embeddings_server {
    struct sok_http_client *http;
    const char *url;   // the server, its /v1, or the call itself
    const char *model; // sent along; NULL: none
};

struct sok_vectors {
    float **vector; // [count], each of `dimensions` numbers
    size_t count;
    int dimensions;
};

// Lets the client reach the server though its host is private. Call once, before the first fetch.
void sok_embeddings_allow(const struct sok_embeddings_server *server);

// One vector a text, in order, in as many requests as it takes within timeout_ms altogether. Long texts are
// cut. Errors as sok_http_fetch, with the server's own words; SOK_PROTOCOL when the answer does not fit the
// request. Blocks; any thread.
SOK_MUST_CHECK enum sok_status sok_embeddings_fetch(
    const struct sok_embeddings_server *server, struct sok_arena *arena, const char *const *texts,
    size_t count, int64_t timeout_ms, struct sok_vectors *ret, struct sok_error *err);

// The cosine of the angle between two vectors, -1 ... 1; 0 when one of them is all zeros.
double sok_embeddings_cosine(const float *a, const float *b, int dimensions);

// For tests: reads the answer to a request of `count` texts into `vectors` and sets *ret_dimensions; entries
// may come in any order, as numbers or as base64 of little-endian floats.
SOK_MUST_CHECK enum sok_status sok_embeddings_read(
    struct sok_arena *arena, const char *body, size_t len, size_t count, float **vectors, int *ret_dimensions,
    struct sok_error *err);

// The URL of the call for what is configured: ".../v1/embeddings".
const char *sok_embeddings_url(struct sok_arena *arena, const char *url);

// The first `words` words of a text.
const char *sok_embeddings_cut(struct sok_arena *arena, const char *text, int words);

#endif
