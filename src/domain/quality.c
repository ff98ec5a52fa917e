#include "domain/quality.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"

struct rank {
    const char *word;
    int rank;
};

static const struct rank source_ranks[] = {
    {"cam", 1},     {"workprint", 2}, {"telesync", 3}, {"telecine", 4}, {"screener", 5}, {"vhs", 6},
    {"ppv", 7},     {"sdtv", 7},      {"vod", 8},      {"dvd", 9},      {"hdtv", 10},    {"hdrip", 11},
    {"hd-dvd", 12}, {"webrip", 13},   {"web-dl", 14},  {"bluray", 15},  {"remux", 16},
};

static const struct rank codec_ranks[] = {
    {"realvideo", 1}, {"wmv", 1}, {"h263", 1}, {"vp7", 1},  {"divx", 2}, {"xvid", 2}, {"mpeg2", 2},
    {"vc1", 3},       {"vp8", 3}, {"vp9", 4},  {"h264", 4}, {"hevc", 5}, {"vvc", 5},  {"av1", 5},
};

static int rank_of(const struct rank *ranks, size_t count, const char *word)
{
    for (size_t i = 0; word && i < count; i++)
        if (strcmp(ranks[i].word, word) == 0)
            return ranks[i].rank;
    return 0;
}

int sok_quality_height(const char *resolution)
{
    if (!resolution)
        return 0;
    long lines = strtol(resolution, NULL, 10);
    return lines > 0 && lines <= 8640 ? (int)lines : 0;
}

int sok_quality_resolution_rank(const char *resolution)
{
    static const int steps[] = {1, 480, 576, 720, 1080, 1440, 2160, 4320};
    int height = sok_quality_height(resolution), rank = 0;
    for (size_t i = 0; i < SOK_ARRAY_LEN(steps) && height >= steps[i]; i++)
        rank++;
    return rank;
}

int sok_quality_source_rank(const char *source)
{
    return rank_of(source_ranks, SOK_ARRAY_LEN(source_ranks), source);
}

int sok_quality_codec_rank(const char *video_codec)
{
    return rank_of(codec_ranks, SOK_ARRAY_LEN(codec_ranks), video_codec);
}

bool sok_quality_is_cinema_recording(const char *source)
{
    int rank = sok_quality_source_rank(source);
    return rank >= 1 && rank <= 5;
}

int sok_quality_of(const struct sok_release *release)
{
    int quality = sok_quality_resolution_rank(release->resolution) * 100;
    quality += sok_quality_source_rank(release->source) * 10;
    quality += sok_quality_codec_rank(release->video_codec) * 4;
    quality += release->hdr.count && !sok_words_has(&release->hdr, "sdr") ? 20 : 0;
    quality += release->proper ? 5 : 0;
    if (sok_quality_is_cinema_recording(release->source))
        quality /= 4;
    return quality > 1000 ? 1000 : quality;
}

void sok_quality_profile_default(struct sok_quality_profile *ret_profile)
{
    *ret_profile = (struct sok_quality_profile){
        .min_height = 480,
        .preferred_height = 1080,
        .max_height = 2160,
        .prefer_hevc = true,
        .prefer_surround = true,
    };
}

// One row a number: where it lies, its key and its limits.
static const struct {
    const char *key;
    size_t offset;
    int min, max;
} number_fields[] = {
    {"min_height", offsetof(struct sok_quality_profile, min_height), 0, 4320},
    {"preferred_height", offsetof(struct sok_quality_profile, preferred_height), 1, 4320},
    {"max_height", offsetof(struct sok_quality_profile, max_height), 1, 8640},
    {"min_size_mib_h", offsetof(struct sok_quality_profile, min_size_mib_h), 0, 1000000},
    {"max_size_mib_h", offsetof(struct sok_quality_profile, max_size_mib_h), 0, 1000000},
};

static const struct {
    const char *key;
    size_t offset;
} flag_fields[] = {
    {"allow_cam", offsetof(struct sok_quality_profile, allow_cam)},
    {"prefer_hevc", offsetof(struct sok_quality_profile, prefer_hevc)},
    {"prefer_hdr", offsetof(struct sok_quality_profile, prefer_hdr)},
    {"prefer_surround", offsetof(struct sok_quality_profile, prefer_surround)},
};

static void read_languages(const json_t *object, struct sok_quality_profile *profile, struct sok_error *err)
{
    const json_t *value = json_object_get(object, "languages");
    if (!value)
        return;
    const char *text = json_string_value(value);
    bool good = text && strlen(text) < sizeof(profile->languages);
    for (const char *c = text; good && *c; c++)
        good = (*c >= 'a' && *c <= 'z') || (*c >= '0' && *c <= '9') || *c == ',' || *c == '-';
    if (good)
        memcpy(profile->languages, text, strlen(text) + 1);
    else
        sok_fail_field(err, "languages", "invalid", "language codes such as \"en,pt-br\" are wanted");
}

enum sok_status sok_quality_profile_from_json(
    const json_t *object, struct sok_quality_profile *ret_profile, struct sok_error *err)
{
    struct sok_quality_profile profile;
    struct sok_error fields = {0};
    sok_quality_profile_default(&profile);
    if (!json_is_object(object))
        return sok_fail(err, SOK_INVALID, "a quality profile is a JSON object");
    for (size_t i = 0; i < SOK_ARRAY_LEN(number_fields); i++) {
        const json_t *value = json_object_get(object, number_fields[i].key);
        int64_t number = sok_json_int(object, number_fields[i].key, -1);
        if (value && (number < number_fields[i].min || number > number_fields[i].max))
            sok_fail_field(
                &fields, number_fields[i].key, "out_of_range", "a whole number from %d to %d is wanted",
                number_fields[i].min, number_fields[i].max);
        else if (value)
            *(int *)((char *)&profile + number_fields[i].offset) = (int)number;
    }
    for (size_t i = 0; i < SOK_ARRAY_LEN(flag_fields); i++) {
        const json_t *value = json_object_get(object, flag_fields[i].key);
        if (value && !json_is_boolean(value))
            sok_fail_field(&fields, flag_fields[i].key, "wrong_type", "true or false is wanted");
        else if (value)
            *(bool *)((char *)&profile + flag_fields[i].offset) = json_is_true(value);
    }
    read_languages(object, &profile, &fields);
    if (!fields.field_count && profile.min_height > profile.max_height)
        sok_fail_field(&fields, "min_height", "out_of_range", "min_height is above max_height");
    if (fields.field_count) {
        if (err)
            *err = fields;
        return SOK_INVALID;
    }
    *ret_profile = profile;
    return SOK_OK;
}

json_t *sok_quality_profile_to_json(const struct sok_quality_profile *profile)
{
    json_t *object = json_object();
    for (size_t i = 0; i < SOK_ARRAY_LEN(number_fields); i++)
        sok_json_set_int(
            object, number_fields[i].key, *(const int *)((const char *)profile + number_fields[i].offset));
    for (size_t i = 0; i < SOK_ARRAY_LEN(flag_fields); i++)
        sok_json_set_bool(
            object, flag_fields[i].key, *(const bool *)((const char *)profile + flag_fields[i].offset));
    sok_json_set_text(object, "languages", profile->languages);
    return object;
}
