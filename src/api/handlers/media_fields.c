#include "api/handlers/media_fields.h"

#include <string.h>

#include "api/handlers/media_json.h"
#include "backends/queue/queue.h"
#include "base/text.h"
#include "base/time.h"
#include "domain/naming.h"
#include "net/url.h"

#define TITLE_MAX 500
#define OVERVIEW_MAX 8000
#define URL_MAX 2000
#define LIST_MAX 200
#define LIST_TEXT_MAX 500

// NULL, or what is expected instead.
typedef const char *(*field_check)(struct sok_arena *arena, const char *text);

static const char *check_title(struct sok_arena *arena, const char *text)
{
    bool names = *sok_naming_sanitise(arena, text, SOK_NAMING_PART_MAX);
    return names ? NULL : "holds nothing that could name a folder";
}

// What a page shows as a picture is loaded from there.
static const char *check_url(struct sok_arena *arena, const char *text)
{
    struct sok_url url;
    return sok_url_parse(arena, text, &url, NULL) == SOK_OK ? NULL : "must be an http or https URL";
}

static const char *check_date(struct sok_arena *arena, const char *text)
{
    int64_t unused;
    bool good = strlen(text) == 10 && sok_time_parse(text, &unused);
    return good ? NULL : "must be a date such as 2019-05-31";
}

static const char *check_imdb(struct sok_arena *arena, const char *text)
{
    size_t digits = sok_text_starts(text, "tt") ? strspn(text + 2, "0123456789") : 0;
    return digits >= 7 && digits <= 10 && !text[2 + digits] ? NULL : "must be tt and 7 to 10 digits";
}

static const char *check_language(struct sok_arena *arena, const char *text)
{
    size_t len = strspn(text, "abcdefghijklmnopqrstuvwxyz");
    bool good = len >= 2 && len <= 3 && (!text[len] || (text[len] == '-' && text[len + 1]));
    return good ? NULL : "must be a language code such as en";
}

static void read_text(
    const struct sok_request *request, const char *field, size_t max_bytes, field_check check,
    const char **target, struct sok_error *err)
{
    if (!json_object_get(request->json, field))
        return;
    int before = err->field_count;
    const char *text = sok_api_text(request, field, false, max_bytes, err);
    if (err->field_count > before)
        return;
    const char *wrong = check && !sok_text_empty(text) ? check(request->arena, text) : NULL;
    if (wrong)
        sok_fail_field(err, field, "invalid", "%s", wrong);
    else
        *target = sok_text_empty(text) ? NULL : text;
}

// What a column holds that is a JSON list of text; null is the empty one.
static void read_list(
    const struct sok_request *request, const char *field, const char **target, struct sok_error *err)
{
    const json_t *row, *value = json_object_get(request->json, field);
    size_t i;
    bool good = !value || json_is_null(value) || (json_is_array(value) && json_array_size(value) <= LIST_MAX);
    json_array_foreach(value, i, row) good =
        good && json_string_length(row) >= 1 && json_string_length(row) <= LIST_TEXT_MAX;
    if (!good)
        sok_fail_field(
            err, field, "invalid", "must be a list of at most %d texts of 1 to %d bytes", LIST_MAX,
            LIST_TEXT_MAX);
    else if (value)
        *target = json_is_null(value) ? "[]" : sok_json_dump(request->arena, value);
}

// Every work has one.
static void read_title(const struct sok_request *request, struct sok_media *media, struct sok_error *err)
{
    int before = err->field_count;
    read_text(request, "title", TITLE_MAX, check_title, &media->title, err);
    if (!media->title && err->field_count == before)
        sok_fail_field(err, "title", "required", "must not be empty");
}

// `none` is what the column has when the fact is not known.
static void read_number(
    const struct sok_request *request, const char *field, int64_t min, int64_t max, int64_t none,
    int64_t *target, struct sok_error *err)
{
    const json_t *value = json_object_get(request->json, field);
    if (value)
        *target = json_is_null(value) ? none : sok_api_int(request, field, min, max, *target, err);
}

// 0 is what is not known.
static void read_rating(const struct sok_request *request, struct sok_media *media, struct sok_error *err)
{
    const json_t *value = json_object_get(request->json, "rating");
    double rating = json_number_value(value);
    if (!value)
        return;
    if (!json_is_null(value) && !json_is_number(value))
        sok_fail_field(err, "rating", "wrong_type", "must be a number");
    else if (rating < 0 || rating > 10)
        sok_fail_field(err, "rating", "out_of_range", "must be from 0 to 10");
    else
        media->rating = rating;
}

static void read_place(const struct sok_request *request, struct sok_media *media, struct sok_error *err)
{
    const struct {
        const char *name;
        int64_t max, *target;
    } places[] = {
        {"season_number", 9999, &media->season_number},
        {"episode_number", 99999, &media->episode_number},
    };
    bool is_episode = sok_text_eq(media->media_type, SOK_MEDIA_EPISODE);
    bool is_other = media->media_type && !is_episode; // what goes with a kind that is not known is not known
    for (size_t i = 0; i < SOK_ARRAY_LEN(places); i++) {
        const json_t *value = json_object_get(request->json, places[i].name);
        int before = err->field_count;
        read_number(request, places[i].name, 0, places[i].max, -1, places[i].target, err);
        if (err->field_count > before)
            continue;
        if (is_episode && *places[i].target < 0)
            sok_fail_field(err, places[i].name, "required", "an episode has one");
        else if (is_other && value && !json_is_null(value))
            sok_fail_field(err, places[i].name, "invalid", "goes with an episode only");
    }
}

void sok_media_fields_read(const struct sok_request *request, struct sok_media *media, struct sok_error *err)
{
    const struct {
        const char *field, **target;
        size_t max_bytes;
        field_check check;
    } texts[] = {
        {"original_title", &media->original_title, TITLE_MAX, NULL},
        {"overview", &media->overview, OVERVIEW_MAX, NULL},
        {"poster_url", &media->poster_url, URL_MAX, check_url},
        {"backdrop_url", &media->backdrop_url, URL_MAX, check_url},
        {"release_date", &media->release_date, 10, check_date},
        {"imdb_id", &media->imdb_id, 16, check_imdb},
        {"original_language", &media->original_language, 8, check_language},
    };
    read_title(request, media, err);
    for (size_t i = 0; i < SOK_ARRAY_LEN(texts); i++)
        read_text(request, texts[i].field, texts[i].max_bytes, texts[i].check, texts[i].target, err);
    read_list(request, "alternative_titles", &media->alternative_titles, err);
    read_list(request, "genres", &media->genres, err);
    read_number(request, "year", 1870, 2100, 0, &media->year, err);
    read_number(request, "tmdb_id", 1, INT32_MAX, 0, &media->tmdb_id, err);
    read_number(request, "tvdb_id", 1, INT32_MAX, 0, &media->tvdb_id, err);
    read_number(request, "tvmaze_id", 1, INT32_MAX, 0, &media->tvmaze_id, err);
    read_number(request, "runtime_minutes", 1, 10000, 0, &media->runtime_minutes, err);
    read_rating(request, media, err);
    read_place(request, media, err);
}

json_t *sok_media_audit_json(const struct sok_media *media)
{
    json_t *value = sok_media_json(media);
    json_object_del(value, "id");
    json_object_del(value, "created_at");
    json_object_del(value, "updated_at");
    return value;
}

void sok_media_announce(const struct sok_request *request, const char *media_id, const char *change)
{
    sok_queue_publish_event(
        sok_api_of(request)->queue,
        &(struct sok_event){
            .subject = "library.changed",
            .user_id = "",
            .json = sok_format(request->arena, "{\"media_id\":\"%s\",\"change\":\"%s\"}", media_id, change)});
}
