// Jackett: all its configured trackers through Torznab, and its JSON results for what Torznab hides (which of
// them failed). Source: Jackett's ResultsController and ResultPage.
#ifndef SOK_SERVICES_PROVIDERS_JACKETT_H
#define SOK_SERVICES_PROVIDERS_JACKETT_H

#include "base/json.h"
#include "services/providers/provider.h"

// Reads the JSON results: releases (Peers are its leechers), and in `warning` the trackers that failed. Rows
// that are not as described are skipped; SOK_PROTOCOL when there are no Results.
SOK_MUST_CHECK enum sok_status sok_jackett_parse(
    struct sok_arena *arena, const json_t *answer, int64_t now_ms, struct sok_found_releases *ret,
    struct sok_error *err);

extern const struct sok_provider_driver sok_jackett_driver;

#endif
