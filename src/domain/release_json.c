#include "domain/release.h"

#include <math.h>

#include "base/json.h"

static void set_words(json_t *object, const char *key, const struct sok_words *words)
{
    if (!words->count)
        return;
    json_t *list = json_array();
    for (int i = 0; i < words->count; i++)
        json_array_append_new(list, json_string(words->item[i]));
    json_object_set_new(object, key, list);
}

static void set_numbers(json_t *object, const char *key, const struct sok_numbers *numbers)
{
    if (!numbers->count)
        return;
    json_t *list = json_array();
    for (int i = 0; i < numbers->count; i++)
        json_array_append_new(list, json_integer(numbers->item[i]));
    json_object_set_new(object, key, list);
}

static void set_absolute(json_t *object, const struct sok_release *release)
{
    if (!release->absolute_count)
        return;
    json_t *list = json_array();
    for (int i = 0; i < release->absolute_count; i++) {
        double number = release->absolute[i];
        json_array_append_new(
            list, number == floor(number) ? json_integer((json_int_t)number) : json_real(number));
    }
    json_object_set_new(object, "absolute", list);
}

static void set_flag(json_t *object, const char *key, bool value)
{
    if (value)
        sok_json_set_bool(object, key, true);
}

json_t *sok_release_to_json(const struct sok_release *release)
{
    json_t *object = json_object();
    sok_json_set_text(object, "title", release->title);
    sok_json_set_text(object, "country", release->country);
    if (release->year)
        sok_json_set_int(object, "year", release->year);
    if (release->season >= 0)
        sok_json_set_int(object, "season", release->season);
    if (release->seasons.count > 1)
        set_numbers(object, "seasons", &release->seasons);
    set_numbers(object, "episodes", &release->episodes);
    set_absolute(object, release);
    sok_json_set_text(object, "air_date", release->air_date);
    sok_json_set_text(object, "resolution", release->resolution);
    sok_json_set_text(object, "source", release->source);
    sok_json_set_text(object, "video_codec", release->video_codec);
    set_words(object, "audio_codec", &release->audio_codec);
    set_words(object, "channels", &release->channels);
    set_words(object, "hdr", &release->hdr);
    if (release->bit_depth)
        sok_json_set_int(object, "bit_depth", release->bit_depth);
    sok_json_set_text(object, "group", release->group);
    set_flag(object, "proper", release->proper);
    set_flag(object, "repack", release->repack);
    if (release->version)
        sok_json_set_int(object, "version", release->version);
    set_words(object, "edition", &release->edition);
    set_words(object, "languages", &release->languages);
    set_words(object, "subtitle_languages", &release->subtitle_languages);
    sok_json_set_text(object, "container", release->container);
    sok_json_set_text(object, "crc32", release->crc32);
    sok_json_set_text(object, "type", release->type);
    sok_json_set_text(object, "episode_title", release->episode_title);
    set_flag(object, "complete", release->complete);
    set_flag(object, "hardsubs", release->hardsubs);
    set_flag(object, "three_d", release->three_d);
    return object;
}
