// Answers to GETs that are kept: the same question, with nothing written in between, gets the same bytes.
// Which routes and what they depend on is a table (cached.c); data/changes.h sees to it that none is ever
// older than a write.
#ifndef SOK_API_CACHED_H
#define SOK_API_CACHED_H

#include "api/api.h"

struct sok_cached {
    const char *kind, *key; // key NULL: this answer is not kept
    int64_t ttl_ms;
};

// Replies and gives true when the answer is there. Otherwise the handler makes it, beginning with its first
// read after this call, and replies with sok_cached_list.
bool sok_cached_reply(struct sok_request *request, struct sok_cached *ret);

// sok_api_reply_list, keeping the answer.
void sok_cached_list(
    struct sok_request *request, const struct sok_cached *cached, json_t *items_taken,
    const struct sok_page_info *info);

#endif
