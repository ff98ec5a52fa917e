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

#define AT(field) offsetof(struct sok_quality_profile, field)
static const struct sok_quality_field fields[] = {
    // key, kind, field, limits, words, meaning
    {"min_height", SOK_QUALITY_NUMBER, AT(min_height), 0, 4320, NULL,
     "lines of the picture below which a release loses points"},
    {"preferred_height", SOK_QUALITY_NUMBER, AT(preferred_height), 1, 4320, NULL,
     "lines of the picture that are wanted most"},
    {"max_height", SOK_QUALITY_NUMBER, AT(max_height), 1, 8640, NULL,
     "lines of the picture above which a release loses points"},
    {"min_size_mib_h", SOK_QUALITY_NUMBER, AT(min_size_mib_h), 0, 1000000, NULL,
     "least plausible MiB an hour of film, 0: by the resolution"},
    {"max_size_mib_h", SOK_QUALITY_NUMBER, AT(max_size_mib_h), 0, 1000000, NULL,
     "most MiB an hour of film, 0: by the resolution"},
    {"allow_cam", SOK_QUALITY_FLAG, AT(allow_cam), 0, 1, NULL,
     "recordings from a cinema score like other releases"},
    {"prefer_hevc", SOK_QUALITY_FLAG, AT(prefer_hevc), 0, 1, NULL, "codecs that save space are worth more"},
    {"prefer_hdr", SOK_QUALITY_FLAG, AT(prefer_hdr), 0, 1, NULL, "high dynamic range is worth more"},
    {"prefer_surround", SOK_QUALITY_FLAG, AT(prefer_surround), 0, 1, NULL, "surround sound is worth more"},
    {"languages", SOK_QUALITY_WORDS, AT(languages), 0, SOK_QUALITY_WORDS_MAX, "en, pt-br",
     "languages that somebody here understands; none: any"},
    {"preferred_sources", SOK_QUALITY_WORDS, AT(preferred_sources), 0, SOK_QUALITY_WORDS_MAX,
     "bluray, web-dl", "what a release should be made from; none: the better the higher"},
    {"preferred_codecs", SOK_QUALITY_WORDS, AT(preferred_codecs), 0, SOK_QUALITY_WORDS_MAX, "hevc, av1",
     "how the picture should be coded; none: as prefer_hevc says"},
    {"banned_words", SOK_QUALITY_WORDS, AT(banned_words), 0, SOK_QUALITY_WORDS_MAX, "hc, upscaled",
     "a release with one of these words in its name never scores well"},
};
#undef AT

const struct sok_quality_field *sok_quality_fields(size_t *ret_count)
{
    *ret_count = SOK_ARRAY_LEN(fields);
    return fields;
}

static void *field_of(struct sok_quality_profile *profile, const struct sok_quality_field *field)
{
    return (char *)profile + field->offset;
}

static bool is_word_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (unsigned char)c >= 0x80;
}

static bool is_language(const char *text)
{
    size_t len = strspn(text, "abcdefghijklmnopqrstuvwxyz");
    return len >= 2 && len <= 3 &&
           (!text[len] || (text[len] == '-' && text[len + 1] &&
                           !text[len + 1 + strspn(text + len + 1, "abcdefghijklmnopqrstuvwxyz0123456789")]));
}

// NULL, or what is expected instead.
static const char *check_word(const struct sok_quality_field *field, const char *word)
{
    if (strcmp(field->key, "languages") == 0)
        return is_language(word) ? NULL : "language codes such as \"en\" or \"pt-br\" are wanted";
    if (strcmp(field->key, "preferred_sources") == 0)
        return sok_quality_source_rank(word) ? NULL : "sources such as \"bluray\" or \"web-dl\" are wanted";
    if (strcmp(field->key, "preferred_codecs") == 0)
        return sok_quality_codec_rank(word) ? NULL
                                            : "codecs such as \"hevc\", \"h264\" or \"av1\" are wanted";
    for (const char *c = word; *c; c++)
        if (is_word_char(*c))
            return NULL;
    return "words with a letter or digit are wanted";
}

static void read_words(
    const struct sok_quality_field *field, const json_t *value, struct sok_quality_words *words,
    struct sok_error *err)
{
    const json_t *item;
    size_t i;
    struct sok_quality_words read = {0};
    if (!json_is_array(value) || json_array_size(value) > SOK_QUALITY_WORDS_MAX) {
        sok_fail_field(
            err, field->key, json_is_array(value) ? "too_long" : "wrong_type",
            "a list of at most %d words is wanted", SOK_QUALITY_WORDS_MAX);
        return;
    }
    json_array_foreach(value, i, item)
    {
        const char *text = json_string_value(item);
        bool fits = text && *text && strlen(text) < SOK_QUALITY_WORD_BYTES;
        const char *wrong = fits ? check_word(field, text) : "words of 1 to 31 bytes are wanted";
        if (wrong) {
            sok_fail_field(err, field->key, "invalid", "%s", wrong);
            return;
        }
        if (!sok_quality_words_have(&read, text))
            memcpy(read.item[read.count++], text, strlen(text) + 1);
    }
    *words = read;
}

static void read_field(
    const struct sok_quality_field *field, const json_t *value, struct sok_quality_profile *profile,
    struct sok_error *err)
{
    if (field->kind == SOK_QUALITY_WORDS) {
        read_words(field, value, field_of(profile, field), err);
    } else if (field->kind == SOK_QUALITY_FLAG) {
        if (json_is_boolean(value))
            *(bool *)field_of(profile, field) = json_is_true(value);
        else
            sok_fail_field(err, field->key, "wrong_type", "true or false is wanted");
    } else {
        json_int_t number = json_integer_value(value);
        if (!json_is_integer(value))
            sok_fail_field(err, field->key, "wrong_type", "a whole number is wanted");
        else if (number < field->min || number > field->max)
            sok_fail_field(
                err, field->key, "out_of_range", "a whole number from %d to %d is wanted", field->min,
                field->max);
        else
            *(int *)field_of(profile, field) = (int)number;
    }
}

static const struct sok_quality_field *find_field(const char *key)
{
    for (size_t i = 0; i < SOK_ARRAY_LEN(fields); i++)
        if (strcmp(fields[i].key, key) == 0)
            return &fields[i];
    return NULL;
}

// What no single field shows.
static void check_together(const struct sok_quality_profile *profile, struct sok_error *err)
{
    if (profile->min_height > profile->max_height)
        sok_fail_field(
            err, "min_height", "out_of_range", "is above max_height, which is %d", profile->max_height);
    else if (
        profile->preferred_height < profile->min_height || profile->preferred_height > profile->max_height)
        sok_fail_field(
            err, "preferred_height", "out_of_range",
            "is %d, and must be from %d (min_height) to %d (max_height)", profile->preferred_height,
            profile->min_height, profile->max_height);
    if (profile->max_size_mib_h && profile->min_size_mib_h > profile->max_size_mib_h)
        sok_fail_field(
            err, "min_size_mib_h", "out_of_range", "is above max_size_mib_h, which is %d",
            profile->max_size_mib_h);
}

enum sok_status sok_quality_profile_from_json(
    const json_t *object, struct sok_quality_profile *ret_profile, struct sok_error *err)
{
    struct sok_quality_profile profile;
    struct sok_error found = {0};
    const char *key;
    json_t *value;
    sok_quality_profile_default(&profile);
    if (!json_is_object(object))
        return sok_fail(err, SOK_INVALID, "a quality profile is a JSON object");
    json_object_foreach((json_t *)object, key, value)
    {
        const struct sok_quality_field *field = find_field(key);
        if (field)
            read_field(field, value, &profile, &found);
        else
            sok_fail_field(&found, key, "unknown", "there is no such setting");
    }
    if (!found.field_count)
        check_together(&profile, &found);
    if (found.field_count) {
        if (err)
            *err = found;
        return SOK_INVALID;
    }
    *ret_profile = profile;
    return SOK_OK;
}

static json_t *words_to_json(const struct sok_quality_words *words)
{
    json_t *list = json_array();
    for (int i = 0; i < words->count; i++)
        json_array_append_new(list, json_string(words->item[i]));
    return list;
}

json_t *sok_quality_profile_to_json(const struct sok_quality_profile *profile)
{
    json_t *object = json_object();
    for (size_t i = 0; i < SOK_ARRAY_LEN(fields); i++) {
        const void *at = (const char *)profile + fields[i].offset;
        if (fields[i].kind == SOK_QUALITY_NUMBER)
            sok_json_set_int(object, fields[i].key, *(const int *)at);
        else if (fields[i].kind == SOK_QUALITY_FLAG)
            sok_json_set_bool(object, fields[i].key, *(const bool *)at);
        else
            json_object_set_new(object, fields[i].key, words_to_json(at));
    }
    return object;
}

bool sok_quality_words_have(const struct sok_quality_words *words, const char *word)
{
    for (int i = 0; word && i < words->count; i++)
        if (sok_text_eq_nocase(words->item[i], word))
            return true;
    return false;
}

// " film hard sub 1080p ": folded, one blank where something else than letters and digits stood.
static char *spaced(struct sok_arena *arena, const char *text)
{
    const char *folded = sok_text_fold(arena, text);
    char *out = sok_alloc(arena, strlen(folded) + 3), *at = out;
    *at++ = ' ';
    for (const char *c = folded; *c; c++)
        if (is_word_char(*c))
            *at++ = *c;
        else if (at[-1] != ' ')
            *at++ = ' ';
    if (at[-1] != ' ')
        *at++ = ' ';
    *at = 0;
    return out;
}

const char *sok_quality_find_banned(
    struct sok_arena *arena, const struct sok_quality_words *words, const char *name)
{
    const char *in = words->count && name ? spaced(arena, name) : "";
    for (int i = 0; i < words->count; i++)
        if (strstr(in, spaced(arena, words->item[i])))
            return words->item[i];
    return NULL;
}
