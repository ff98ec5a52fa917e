// TVmaze: series and their episodes, without a key (CC BY-SA 4.0: link back). Source: tvmaze.com/api.
#ifndef SOK_SERVICES_PROVIDERS_TVMAZE_H
#define SOK_SERVICES_PROVIDERS_TVMAZE_H

#include "base/json.h"
#include "services/providers/provider.h"

// Reads /search/shows (a list of {score, show}) or one show.
SOK_MUST_CHECK enum sok_status sok_tvmaze_parse_shows(
    struct sok_arena *arena, const json_t *answer, struct sok_found_media **ret, size_t *ret_count,
    struct sok_error *err);

// Reads one show with its embedded episodes, seasons and akas where they are there. season -1: no episodes.
SOK_MUST_CHECK enum sok_status sok_tvmaze_parse_show(
    struct sok_arena *arena, const json_t *answer, int season, struct sok_found_media *ret,
    struct sok_error *err);

// Reads one episode or a list of them; season -1: all.
SOK_MUST_CHECK enum sok_status sok_tvmaze_parse_episodes(
    struct sok_arena *arena, const json_t *answer, int season, struct sok_found_episode **ret,
    size_t *ret_count, struct sok_error *err);

extern const struct sok_provider_driver sok_tvmaze_driver;

#endif
