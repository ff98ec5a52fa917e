// What the caller may like to watch next, with the reason for each (domain/recommend.h).
#include "data/recommendations.h"

#include <math.h>

#include "api/cached.h"
#include "api/handlers/handlers.h"
#include "api/handlers/media_json.h"
#include "api/handlers/personal.h"
#include "base/text.h"

#define LIST_MAX 200

static json_t *because_json(const struct sok_recommendation *recommendation, const struct sok_taste *tastes)
{
    const struct sok_work *work = recommendation->taste >= 0 ? &tastes[recommendation->taste].work : NULL;
    json_t *object = json_object(), *genres = json_array();
    sok_json_set_text(object, "kind", sok_because_name(recommendation->because));
    sok_json_set_optional_text(object, "media_id", work ? work->id : NULL);
    sok_json_set_optional_text(object, "title", work ? work->title : NULL);
    for (size_t i = 0; i < recommendation->genre_count; i++)
        json_array_append_new(genres, json_string(recommendation->genres[i]));
    json_object_set_new(object, "genres", genres);
    sok_json_set_text(object, "text", recommendation->text);
    return object;
}

struct made { // the whole list
    struct sok_taste *tastes;
    struct sok_candidate *candidates;
    struct sok_recommendation *list;
    size_t count;
};

static enum sok_status make_list(
    struct sok_request *request, const char *media_type, struct made *ret, struct sok_error *err)
{
    struct sok_db_tx *tx = sok_db_replica_reader(sok_api_of(request)->db);
    const char *user_id = request->principal.user_id;
    size_t taste_count, candidate_count;
    SOK_TRY(sok_recommendations_tastes(tx, request->arena, user_id, &ret->tastes, &taste_count, err));
    SOK_TRY(sok_recommendations_candidates(
        tx, request->arena, user_id, media_type, ret->tastes, taste_count, &ret->candidates, &candidate_count,
        err));
    sok_recommend(
        request->arena, ret->tastes, taste_count, ret->candidates, candidate_count, LIST_MAX, &ret->list,
        &ret->count);
    return SOK_OK;
}

static void check_type(const char *media_type, struct sok_error *err)
{
    if (media_type && !sok_text_eq(media_type, SOK_MEDIA_MOVIE) && !sok_text_eq(media_type, SOK_MEDIA_TV))
        sok_fail_field(err, "media_type", "invalid", "must be movie or tv");
}

enum sok_status sok_recommendations_page(struct sok_request *request, struct sok_error *err)
{
    struct sok_page page;
    struct sok_page_info info;
    struct made made;
    size_t first;
    const char *media_type = sok_request_query(request, "media_type");
    struct sok_cached cached;
    if (sok_cached_reply(request, &cached))
        return SOK_OK;
    check_type(media_type, err);
    SOK_TRY(sok_api_page_of_one_order(request, &page, err));
    SOK_TRY(make_list(request, media_type, &made, err));
    const char **ids = sok_alloc_array(request->arena, made.count, sizeof(*ids));
    for (size_t i = 0; i < made.count; i++)
        ids[i] = made.candidates[made.list[i].candidate].work.id;
    SOK_TRY(sok_api_cut(request, &page, media_type ? media_type : "", ids, made.count, &first, &info, err));
    SOK_JSON_AUTO *list = json_array();
    for (size_t i = first; i < made.count && i < first + (size_t)info.per_page; i++) {
        json_t *item = json_object();
        json_object_set_new(item, "score", json_real(round(made.list[i].score * 10) / 10));
        json_object_set_new(item, "because", because_json(&made.list[i], made.tastes));
        SOK_TRY(sok_personal_append(request, list, item, ids[i], err));
    }
    SOK_TRY(sok_media_json_complete(request, list, "media", err));
    sok_cached_list(request, &cached, json_incref(list), &info);
    return SOK_OK;
}
