// Prowlarr's own API: one search over all the indexers it manages. Source: Prowlarr's openapi.json (API v1).
#ifndef SOK_SERVICES_PROVIDERS_PROWLARR_H
#define SOK_SERVICES_PROVIDERS_PROWLARR_H

#include "base/json.h"
#include "services/providers/provider.h"

// Reads the answer of GET /api/v1/search: torrents only, categories that are nothing to watch left out. Rows
// that are not as described are skipped; SOK_PROTOCOL when it is no list at all.
SOK_MUST_CHECK enum sok_status sok_prowlarr_parse(
    struct sok_arena *arena, const json_t *answer, int64_t now_ms, struct sok_found_releases *ret,
    struct sok_error *err);

extern const struct sok_provider_driver sok_prowlarr_driver;

#endif
