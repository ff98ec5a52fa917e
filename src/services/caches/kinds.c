#include "services/caches/kinds.h"

#include "base/text.h"

static const struct sok_cache_kind kinds[] = {
    {"stats", "figures for admins", true},
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
