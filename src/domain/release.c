// The parser of release names. A name is cut into tokens, known words and numbers claim theirs, and what
// nobody claims is title, episode title and group by its place. Every step goes over the tokens a bounded
// number of times, so the time is linear in the length of the name.
#include "domain/release.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "domain/quality.h"
#include "domain/release_private.h"

bool sok_words_has(const struct sok_words *words, const char *word)
{
    for (int i = 0; i < words->count; i++)
        if (strcmp(words->item[i], word) == 0)
            return true;
    return false;
}

bool sok_numbers_has(const struct sok_numbers *numbers, int number)
{
    for (int i = 0; i < numbers->count; i++)
        if (numbers->item[i] == number)
            return true;
    return false;
}

// Lower case of ASCII, Latin-1 and Cyrillic, which keeps every letter's length, so that offsets stay.
static char *lower_case(struct sok_arena *arena, const char *text, size_t len)
{
    char *lower = sok_alloc(arena, len + 8);
    memcpy(lower, text, len);
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)lower[i], next = (unsigned char)lower[i + 1];
        if (c >= 'A' && c <= 'Z') {
            lower[i] = (char)(c + 32);
        } else if (c == 0xc3 && next >= 0x80 && next <= 0x9e) {
            lower[++i] = (char)(next + 32);
        } else if (c == 0xd0 && next >= 0x90 && next <= 0x9f) {
            lower[++i] = (char)(next + 32);
        } else if (c == 0xd0 && next >= 0xa0 && next <= 0xaf) {
            lower[i] = (char)0xd1;
            lower[++i] = (char)(next - 32);
        }
    }
    return lower;
}

static void add_all(struct sok_scan *scan, struct sok_words *words, const char *values)
{
    while (*values) {
        size_t len = strcspn(values, " ");
        sok_words_add(words, values[len] ? sok_strndup(scan->arena, values, len) : values);
        values += len + (values[len] == ' ');
    }
}

// A name that says "cam" and "BluRay" is a recording whose name lies about the rest; "remux" says more than
// the disc it was made from. Else the first word counts.
static const char *better_source(const char *have, const char *found)
{
    if (!have || strcmp(have, "ppv") == 0)
        return found;
    if (sok_quality_is_cinema_recording(have))
        return have;
    return sok_quality_is_cinema_recording(found) || strcmp(found, "remux") == 0 ? found : have;
}

static bool is_subs_word(const struct sok_scan *scan, int index)
{
    return index >= 0 && index < scan->count && scan->tokens[index].tag == TAG_SUBTITLE &&
           (scan->tokens[index].flags & FLAG_SUBS) && !scan->tokens[index].value[0];
}

// "Sub FR ENG" and "FR Subs": the languages behind the word up to the next other one, or the one before it.
static bool is_subtitled(const struct sok_scan *scan, const struct sok_token *token)
{
    int index = (int)(token - scan->tokens), first = index, behind = index + 1;
    while (first > 0 && (scan->tokens[first - 1].tag == TAG_LANGUAGE))
        first--;
    if (is_subs_word(scan, first - 1) && scan->tokens[first - 1].len <= 4)
        return true;
    while (behind < scan->count && scan->tokens[behind].joined)
        behind++;
    return is_subs_word(scan, behind) && !is_subs_word(scan, first - 1) &&
           !(behind + 1 < scan->count && scan->tokens[behind + 1].tag == TAG_LANGUAGE);
}

static void take_field(struct sok_scan *scan, const struct sok_token *token)
{
    struct sok_release *out = scan->out;
    switch ((enum sok_tag)token->tag) {
    case TAG_SOURCE:
        out->source = better_source(out->source, token->value);
        break;
    case TAG_VIDEO:
        // "HEVC10": the second word of the value is the depth.
        if (strchr(token->value, ' '))
            out->bit_depth = 10;
        if (!out->video_codec || strcmp(out->video_codec, "divx") == 0)
            out->video_codec = sok_strndup(scan->arena, token->value, strcspn(token->value, " "));
        break;
    case TAG_AUDIO:
        add_all(scan, &out->audio_codec, token->value);
        break;
    case TAG_CHANNELS:
        sok_words_add(&out->channels, token->value);
        break;
    case TAG_HDR:
        add_all(scan, &out->hdr, token->value);
        if (!out->bit_depth && strstr(token->value, "hdr") && strstr(scan->lower + token->start, "hdr10"))
            out->bit_depth = 10; // HDR10 is of 10 bits by definition
        break;
    case TAG_RESOLUTION:
        // "4K" beside "1080p" is what it was made from.
        if (!out->resolution || (sok_is_digit(scan->lower[token->start]) && token->len >= 4 &&
                                 strcmp(out->resolution, "2160p") == 0))
            out->resolution = token->value;
        break;
    case TAG_DEPTH:
        out->bit_depth = (int)strtol(token->value, NULL, 10);
        break;
    case TAG_EDITION:
        add_all(scan, &out->edition, token->value);
        break;
    case TAG_LANGUAGE:
        add_all(scan, is_subtitled(scan, token) ? &out->subtitle_languages : &out->languages, token->value);
        break;
    case TAG_SUBTITLE:
        // "VOSTFR", "SWESUB": who speaks only that language can watch it.
        add_all(scan, &out->subtitle_languages, token->value);
        add_all(scan, &out->languages, token->value);
        break;
    case TAG_CONTAINER:
        if (!out->container)
            out->container = sok_strndup(scan->arena, scan->lower + token->start, (size_t)token->len);
        break;
    case TAG_REPACK:
    case TAG_PROPER:
        out->repack |= token->tag == TAG_REPACK;
        out->proper = true;
        if (*token->value)
            out->version = token->value[0] - '0';
        break;
    case TAG_COMPLETE:
        out->complete = true;
        break;
    case TAG_HARDSUB:
        out->hardsubs = true;
        break;
    case TAG_THREE_D:
        out->three_d = true;
        break;
    case TAG_PASSWORD:
        out->password = true;
        break;
    default:
        break;
    }
}

void sok_scan_fields(struct sok_scan *scan)
{
    for (int i = 0; i < scan->count; i++)
        if (!scan->tokens[i].joined && scan->tokens[i].value)
            take_field(scan, &scan->tokens[i]);
}

// The file type at the end: "name.mkv", also "name mkv".
static size_t take_container(struct sok_scan *scan, const char *text, const char *lower, size_t len)
{
    size_t start = len;
    while (start > 0 && sok_is_word(lower[start - 1]))
        start--;
    if (start < 2 || len - start > 8 || (lower[start - 1] != '.' && lower[start - 1] != ' '))
        return len;
    if (!sok_release_is_container(lower + start, len - start))
        return len;
    // Only behind a dot are "ts" and "sub" surely file types.
    if (lower[start - 1] == ' ' && len - start < 3)
        return len;
    (void)text;
    scan->container = sok_strndup(scan->arena, lower + start, len - start);
    return start - 1;
}

// "name.fr.srt", "3_por.srt": the last word of a subtitle file's name is its language.
static void add_subtitle_code(struct sok_scan *scan)
{
    static const char *const types[] = {"srt", "ass", "ssa", "sub", "idx", "vtt", "sup", "smi"};
    bool subtitles = false;
    for (size_t i = 0; scan->container && i < SOK_ARRAY_LEN(types); i++)
        subtitles |= strcmp(scan->container, types[i]) == 0;
    if (!subtitles || !scan->count)
        return;
    struct sok_token *token = &scan->tokens[scan->count - 1];
    const struct sok_phrase *phrase = sok_release_phrase(scan->lower + token->start, (size_t)token->len);
    if (token->tag == TAG_LANGUAGE || !phrase || phrase->tag != TAG_LANGUAGE)
        return;
    token->tag = TAG_LANGUAGE;
    add_all(scan, &scan->out->languages, phrase->value);
    add_all(scan, &scan->out->subtitle_languages, phrase->value);
}

static void release_init(struct sok_release *out)
{
    *out = (struct sok_release){.season = -1};
}

static void parse_name(struct sok_arena *arena, const char *text, size_t len, struct sok_release *out)
{
    struct sok_scan scan = {.arena = arena, .out = out};
    char *lower = lower_case(arena, text, len);
    release_init(out);
    len = take_container(&scan, text, lower, len);
    if (scan.container && strcmp(scan.container, "torrent") == 0) {
        scan.container = NULL;
        len = take_container(&scan, text, lower, len);
    }
    lower[len] = 0;
    char *copy = sok_alloc(arena, len + 8);
    memcpy(copy, text, len);
    scan.text = copy;
    scan.lower = lower;
    scan.len = (int)len;
    out->container = scan.container;
    sok_scan_tokens(&scan);
    sok_scan_numbers(&scan);
    sok_scan_tags(&scan);
    sok_scan_leading(&scan);
    sok_scan_year(&scan);
    sok_scan_bounds(&scan);
    sok_scan_bare_numbers(&scan);
    sok_scan_fields(&scan);
    add_subtitle_code(&scan);
    sok_scan_title(&scan);
    sok_scan_group(&scan);
    out->type =
        out->season >= 0 || out->episodes.count || out->absolute_count || out->air_date ? "episode" : "movie";
}

// A path only where the last part looks like a file: names hold strokes too ("ENG/CHI", "Face/Off").
static size_t last_part(const char *text, size_t len)
{
    int open = 0;
    size_t slash = len;
    while (slash > 0 && text[slash - 1] != '/' && text[slash - 1] != '\\') {
        slash--;
        // "[720p/mkv]-Group.mkv": the stroke lies inside a bracket.
        if (text[slash] == '[' || text[slash] == '(')
            open++;
        else if ((text[slash] == ']' || text[slash] == ')') && --open < -8)
            break;
    }
    if (!slash || open < 0)
        return 0;
    size_t dot = len;
    while (dot > slash && text[dot - 1] != '.')
        dot--;
    char type[8] = {0};
    size_t type_len = len - dot;
    bool rooted = text[0] == '/' || (len > 2 && text[1] == ':' && text[2] == '\\');
    if (dot > slash && type_len < sizeof(type)) {
        for (size_t i = 0; i < type_len; i++)
            type[i] = (char)(text[dot + i] | 32);
        if (sok_release_is_container(type, type_len))
            return slash;
    }
    return rooted ? slash : 0;
}

static bool obfuscated(const struct sok_release *file)
{
    if (file->season >= 0 || file->resolution || file->source || file->year || !file->title)
        return false;
    size_t len = strlen(file->title), words = 1;
    for (const char *c = file->title; *c; c++)
        words += *c == ' ';
    return words == 1 && len >= 16;
}

// What the folder says and the file does not.
static void add_folder(struct sok_release *file, const struct sok_release *folder)
{
    if (folder->season >= 0 && file->season < 0 && !file->air_date) {
        file->season = folder->season;
        file->seasons = folder->seasons;
        file->type = "episode";
    }
    if (!file->title)
        file->title = folder->title;
    bool same = file->title && folder->title && strcasecmp(file->title, folder->title) == 0;
    if (!file->year && (same || !file->title))
        file->year = folder->year;
    if (!file->resolution)
        file->resolution = folder->resolution;
    if (!file->source)
        file->source = folder->source;
    if (!file->video_codec)
        file->video_codec = folder->video_codec;
    if (!file->audio_codec.count)
        file->audio_codec = folder->audio_codec;
    if (!file->channels.count)
        file->channels = folder->channels;
    if (!file->group)
        file->group = folder->group;
    if (!file->languages.count)
        file->languages = folder->languages;
    if (!file->edition.count)
        file->edition = folder->edition;
}

#define FOLDERS_READ 3 // nearest first; what lies further up is a shelf

static void parse_path(struct sok_arena *arena, const char *text, size_t len, struct sok_release *out)
{
    size_t part = last_part(text, len);
    parse_name(arena, text + part, len - part, out);
    for (int i = 0; i < FOLDERS_READ && part > 1; i++) {
        size_t end = part - 1, start = end;
        while (start > 0 && text[start - 1] != '/' && text[start - 1] != '\\')
            start--;
        struct sok_release folder;
        parse_name(arena, text + start, end - start, &folder);
        if (obfuscated(out) && (folder.resolution || folder.season >= 0 || folder.year)) {
            const char *container = out->container;
            *out = folder;
            out->container = container;
        } else {
            add_folder(out, &folder);
        }
        part = start;
    }
}

void sok_release_parse_bytes(
    struct sok_arena *arena, const char *name, size_t len, struct sok_release *ret_release)
{
    if (len > SOK_RELEASE_NAME_MAX)
        len = SOK_RELEASE_NAME_MAX;
    char *clean = sok_utf8_clean(arena, name, len);
    char *trimmed = sok_text_trim(arena, clean);
    parse_path(arena, trimmed, strlen(trimmed), ret_release);
    ret_release->name = trimmed;
}

void sok_release_parse(struct sok_arena *arena, const char *name, struct sok_release *ret_release)
{
    sok_release_parse_bytes(arena, name, strnlen(name, SOK_RELEASE_NAME_MAX + 1), ret_release);
}
