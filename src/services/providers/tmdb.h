// TMDB: what films and series there are. Needs the user's key (v3, or a v4 read token). Source:
// developer.themoviedb.org/reference.
#ifndef SOK_SERVICES_PROVIDERS_TMDB_H
#define SOK_SERVICES_PROVIDERS_TMDB_H

#include "base/json.h"
#include "services/providers/provider.h"

// Reads a list (search, multi, discover; people and collections are skipped) or the arrays of /find.
// media_type NULL: each row says its own. SOK_PROTOCOL when it is neither.
SOK_MUST_CHECK enum sok_status sok_tmdb_parse_list(
    struct sok_arena *arena, const json_t *answer, const char *media_type, struct sok_found_media **ret,
    size_t *ret_count, struct sok_error *err);

// Reads the details of one film or series, with external ids, alternative titles and seasons where appended.
SOK_MUST_CHECK enum sok_status sok_tmdb_parse_details(
    struct sok_arena *arena, const json_t *answer, const char *media_type, struct sok_found_media *ret,
    struct sok_error *err);

// Reads a season's episodes.
SOK_MUST_CHECK enum sok_status sok_tmdb_parse_season(
    struct sok_arena *arena, const json_t *answer, struct sok_found_episode **ret, size_t *ret_count,
    struct sok_error *err);

extern const struct sok_provider_driver sok_tmdb_driver;

#endif
