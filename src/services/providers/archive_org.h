// The Internet Archive: legal films with torrents, without a key. Source: archive.org/help/aboutsearch.htm
// and what its answers show.
#ifndef SOK_SERVICES_PROVIDERS_ARCHIVE_ORG_H
#define SOK_SERVICES_PROVIDERS_ARCHIVE_ORG_H

#include "base/json.h"
#include "services/providers/provider.h"

// Reads the answer of advancedsearch.php: items with a torrent and a film in it. `base` is the archive's own
// URL. SOK_PROTOCOL when it is no answer, SOK_INVALID when it says that the query was wrong.
SOK_MUST_CHECK enum sok_status sok_archive_org_parse(
    struct sok_arena *arena, const json_t *answer, const char *base, int64_t now_ms,
    struct sok_found_releases *ret, struct sok_error *err);

// The query for a title in the archive's Lucene syntax, everything special escaped.
const char *sok_archive_org_query(struct sok_arena *arena, const char *title);

extern const struct sok_provider_driver sok_archive_org_driver;

#endif
