#include "services/caches/kinds.h"

#include "base/text.h"

static const struct sok_cache_kind kinds[] = {
    {"count", "lengths of lists", true},
    {"history", "what was watched, and goes on", true},
    {"media", "pages of the catalogue", true},
    {"response", "other answers: lists, recommendations", true},
    {"search", "titles that a text may mean", true},
    {"stats", "figures for admins", true},
    {"version", "versions of the tables that answers are made from", true},
    {"ws_ticket", "tickets of WebSockets", false},
};

const struct sok_cache_kind *sok_cache_kinds(size_t *ret_count)
{
    *ret_count = SOK_ARRAY_LEN(kinds);
    return kinds;
}

const struct sok_cache_kind *sok_cache_kind_find(const char *name)
{
    for (size_t i = 0; i < SOK_ARRAY_LEN(kinds); i++)
        if (sok_text_eq(kinds[i].name, name))
            return &kinds[i];
    return NULL;
}
