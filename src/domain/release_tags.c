// Claims the tokens that are known words. A phrase may be cut up by any single separator ("WEB-DL", "Web.DL",
// "WEBDL"), so runs of tokens are looked up squashed together, the longest first.
#include "domain/release_private.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"

#define PHRASE_TOKENS_MAX 6
#define PHRASE_BYTES_MAX 40

static bool joins(char separator)
{
    return separator == SOK_GLUED || (separator && strchr(" ._-+'", separator));
}

static bool in_capitals(const struct sok_scan *scan, int index)
{
    const struct sok_token *token = &scan->tokens[index];
    for (int i = 0; i < token->len; i++) {
        char c = scan->text[token->start + i];
        if ((c >= 'a' && c <= 'z') || (unsigned char)c >= 0x80)
            return false;
    }
    return true;
}

static void claim(
    struct sok_scan *scan, int index, int count, enum sok_tag tag, const char *value, unsigned flags)
{
    for (int i = index; i < index + count; i++) {
        scan->tokens[i].tag = (unsigned char)tag;
        scan->tokens[i].value = value;
        scan->tokens[i].flags = (unsigned char)flags;
        scan->tokens[i].joined = i > index;
    }
}

// A height that pictures have, or NULL. Names that differ from it by cropping are heights too.
static const char *height_text(struct sok_scan *scan, int height, char kind)
{
    static const int heights[] = {240, 288, 360, 368, 384, 396, 400, 404, 432, 480, 540,  544,  576,  640,
                                  674, 690, 696, 700, 714, 720, 800, 804, 900, 960, 1080, 1440, 2160, 4320};
    for (size_t i = 0; i < SOK_ARRAY_LEN(heights); i++)
        if (heights[i] == height)
            return sok_format(scan->arena, "%d%c", height, kind);
    return NULL;
}

// Cropped pictures have odd heights: 1920x800 is one of 1080 lines.
static const char *size_text(struct sok_scan *scan, int width, int height)
{
    static const int exact[] = {240, 288, 360, 368, 400, 404,  432,  480,  540, 576,
                                640, 720, 800, 900, 960, 1080, 1440, 2160, 4320};
    for (size_t i = 0; i < SOK_ARRAY_LEN(exact); i++)
        if (exact[i] == height)
            return sok_format(scan->arena, "%dp", height);
    return width >= 3400 ? "2160p" : width >= 1800 ? "1080p" : width >= 1200 ? "720p" : NULL;
}

// "1080p", "1080i", "1080p60", "1280x720", "720 * 432" at the start of a token; returns the bytes it takes.
static int read_resolution(struct sok_scan *scan, int index, const char **ret_value)
{
    const struct sok_token *token = &scan->tokens[index];
    const char *at = scan->lower + token->start;
    int number = 0, second = 0, n = sok_read_digits(at, 4, &number);
    if (n < 3)
        return 0;
    if (at[n] == 'p' || at[n] == 'i') {
        *ret_value = height_text(scan, number, at[n]);
        if (at[n] == 'p' && at[n + 1] == 'x')
            return *ret_value ? n + 2 : 0;
        int rate = 0, more = sok_read_digits(at + n + 1, 3, &rate);
        return *ret_value ? n + 1 + (more >= 2 ? more : 0) : 0;
    }
    int skip = n;
    while (skip < n + 3 && at[skip] == ' ')
        skip++;
    if (at[skip] != 'x' && at[skip] != '*')
        return 0;
    skip++;
    while (skip < n + 5 && at[skip] == ' ')
        skip++;
    int m = sok_read_digits(at + skip, 4, &second);
    if (m < 3 || number < 100)
        return 0;
    *ret_value = size_text(scan, number, second);
    return skip + m + (at[skip + m] == 'p' || at[skip + m] == 'i');
}

// "720", "1080hd": the bare number is one only among technical words.
static bool tag_bare_height(struct sok_scan *scan, int index)
{
    const struct sok_token *token = &scan->tokens[index];
    int height = 0, n = sok_read_digits(scan->lower + token->start, 4, &height);
    bool hd = token->len == n + 2 && strncmp(scan->lower + token->start + n, "hd", 2) == 0;
    if ((token->len != n && !hd) || (height != 480 && height != 576 && height != 720 && height != 1080))
        return false;
    claim(scan, index, 1, TAG_RESOLUTION, sok_format(scan->arena, "%dp", height), hd ? 0 : FLAG_WEAK);
    return true;
}

static bool tag_resolution(struct sok_scan *scan, int index)
{
    const char *value = NULL;
    int start = scan->tokens[index].start, bytes = read_resolution(scan, index, &value);
    if (!bytes)
        return tag_bare_height(scan, index);
    if (bytes < scan->tokens[index].len) {
        const struct sok_token *token = &scan->tokens[index];
        const char *rest = scan->lower + token->start + bytes;
        if (!sok_release_phrase(rest, (size_t)(token->len - bytes)))
            return false;
    }
    int behind = sok_scan_claim(scan, start, start + bytes, TAG_RESOLUTION);
    claim(scan, index, behind - index, TAG_RESOLUTION, value, 0);
    return true;
}

static const char *channel_text(struct sok_scan *scan, int major, int minor)
{
    return sok_format(scan->arena, "%d.%d", major, minor);
}

static bool is_layout(int major, int minor)
{
    return (major >= 1 && major <= 9 && minor == 1) || (major >= 1 && major <= 7 && minor == 0) ||
           (major == 6 && minor == 2) || (major == 7 && minor == 2);
}

static bool single_digit(const struct sok_scan *scan, int index, int *ret_digit)
{
    if (index >= scan->count || scan->tokens[index].len > 3 || scan->tokens[index].tag != TAG_NONE)
        return false;
    const char *at = scan->lower + scan->tokens[index].start;
    int len = scan->tokens[index].len;
    if (!sok_is_digit(*at) || (len == 3 && memcmp(at + 1, "ch", 2) != 0) || len == 2)
        return false;
    *ret_digit = *at - '0';
    return true;
}

// "6ch", "5.1", "5 1ch": the number of channels on its own.
static bool tag_channels(struct sok_scan *scan, int index)
{
    const struct sok_token *token = &scan->tokens[index];
    const char *at = scan->lower + token->start;
    int major = 0, minor = 0;
    if (token->len == 3 && sok_is_digit(*at) && memcmp(at + 1, "ch", 2) == 0) {
        static const char *const layouts[] = {NULL, "1.0", "2.0", NULL, NULL, "5.1", "5.1", "7.1", "7.1"};
        const char *value = at[0] <= '8' ? layouts[at[0] - '0'] : NULL;
        if (value)
            claim(scan, index, 1, TAG_CHANNELS, value, 0);
        return value != NULL;
    }
    bool after_audio = index > 0 && scan->tokens[index - 1].tag == TAG_AUDIO;
    bool dotted = token->after == '.' || (after_audio && (token->after == ' ' || token->after == '_'));
    if (!single_digit(scan, index, &major) || !dotted || !single_digit(scan, index + 1, &minor) ||
        !is_layout(major, minor))
        return false;
    // "Show.5.1.720p" is an episode of nothing: without a sound word in front only what is common counts.
    if (!after_audio && !(major == 5 || major == 7 || (major == 2 && minor == 0)))
        return false;
    claim(scan, index, 2, TAG_CHANNELS, channel_text(scan, major, minor), after_audio ? 0 : FLAG_WEAK);
    return true;
}

// "DD5.1", "AAC2.0", "DDP51": a sound word with its channels.
static bool tag_audio_channels(struct sok_scan *scan, int index)
{
    const struct sok_token *token = &scan->tokens[index];
    const char *at = scan->lower + token->start;
    int len = token->len, minor = 0, digits = 0;
    while (digits < len && sok_is_digit(at[len - 1 - digits]))
        digits++;
    if (digits == len || digits < 1 || digits > 2 || len - digits < 2)
        return false;
    int stem = len - digits;
    const struct sok_phrase *phrase = sok_release_phrase(at, (size_t)stem);
    if (!phrase || phrase->tag != TAG_AUDIO) {
        // "AC35.1": the word itself ends with a digit.
        phrase = digits == 2 ? sok_release_phrase(at, (size_t)++stem) : NULL;
        if (!phrase || phrase->tag != TAG_AUDIO)
            return false;
        digits = 1;
    }
    int major = at[stem] - '0';
    bool glued = digits == 2;
    if (glued)
        minor = at[stem + 1] - '0';
    else if (!single_digit(scan, index + 1, &minor) || !joins(token->after))
        return false;
    if (!is_layout(major, minor))
        return false;
    const char *value = phrase->value;
    sok_scan_split(scan, index, stem);
    claim(scan, index, 1, TAG_AUDIO, value, 0);
    claim(scan, index + 1, glued ? 1 : 2, TAG_CHANNELS, channel_text(scan, major, minor), 0);
    return true;
}

// The tokens from `index` on that could form one phrase, squashed; ends[n] is the length with n + 1 tokens.
static int squash(const struct sok_scan *scan, int index, char *squashed, int *ends)
{
    int len = 0, n = 0;
    for (; n < PHRASE_TOKENS_MAX && index + n < scan->count; n++) {
        const struct sok_token *token = &scan->tokens[index + n];
        if (token->tag != TAG_NONE || len + token->len > PHRASE_BYTES_MAX)
            break;
        if (n > 0) {
            const struct sok_token *last = &scan->tokens[index + n - 1];
            int gap = token->start - last->start - last->len;
            if (token->bracket != last->bracket || gap > 1 || !joins(token->before))
                break;
        }
        for (int i = 0; i < token->len; i++)
            if (scan->lower[token->start + i] != '\'')
                squashed[len++] = scan->lower[token->start + i];
        ends[n] = len;
    }
    return n;
}

// "10-bit", "HDR10+" and "DD+" end with a sign that changes them.
static const struct sok_phrase *with_plus(
    const struct sok_scan *scan, int last_token, const struct sok_phrase *phrase)
{
    if (scan->tokens[last_token].after != '+')
        return phrase;
    if (strcmp(phrase->key, "hdr10") == 0)
        return sok_release_phrase("hdr10plus", 9);
    if (strcmp(phrase->key, "dd") == 0)
        return sok_release_phrase("ddp", 3);
    return phrase;
}

static bool tag_phrase(struct sok_scan *scan, int index)
{
    char squashed[PHRASE_BYTES_MAX + 1];
    int ends[PHRASE_TOKENS_MAX];
    for (int n = squash(scan, index, squashed, ends); n > 0; n--) {
        const struct sok_phrase *phrase = sok_release_phrase(squashed, (size_t)ends[n - 1]);
        // Three single letters are rather somebody's initials than a phrase.
        if (!phrase || (n > 1 && ends[n - 1] <= n + (phrase->flags & FLAG_UPPER ? 2 : 0)))
            continue;
        if ((phrase->flags & FLAG_UPPER) && n > 1)
            continue;
        phrase = with_plus(scan, index + n - 1, phrase);
        unsigned flags = phrase->flags;
        // In a name without capitals "ts" counts as much as "TS" elsewhere.
        bool small = scan->no_capitals && phrase->tag == TAG_SOURCE && phrase->key[0] == 't';
        if ((flags & FLAG_UPPER) && (in_capitals(scan, index) || small))
            flags &= ~(unsigned)FLAG_UPPER;
        claim(scan, index, n, phrase->tag, phrase->value, flags);
        return true;
    }
    return false;
}

// "PDTVx264", "1080pBluRay": two words without a separator.
static bool tag_glued(struct sok_scan *scan, int index)
{
    const struct sok_token *token = &scan->tokens[index];
    const char *at = scan->lower + token->start;
    if (token->len < 5 || token->len > 24)
        return false;
    for (int cut = token->len - 2; cut >= 2; cut--) {
        const struct sok_phrase *first = sok_release_phrase(at, (size_t)cut);
        if (!first || first->flags)
            continue;
        const char *rest = at + cut;
        int rest_len = token->len - cut;
        const struct sok_phrase *second = sok_release_phrase(rest, (size_t)rest_len);
        int number;
        bool picture =
            rest_len >= 4 && sok_read_digits(rest, 4, &number) == rest_len - 1 && rest[rest_len - 1] == 'p';
        if (!picture && (!second || second->flags))
            continue;
        sok_scan_split(scan, index, cut);
        claim(scan, index, 1, first->tag, first->value, 0);
        return true;
    }
    return false;
}

// Eight hexadecimal digits alone in a bracket, at least one of them a letter or all a plausible sum.
static bool tag_crc(struct sok_scan *scan, int index)
{
    const struct sok_token *token = &scan->tokens[index];
    if (token->len != 8 || !token->bracket || token->after == '-' || token->before == '-')
        return false;
    const struct sok_bracket *bracket = &scan->brackets[token->bracket];
    if (bracket->open + 1 != token->start || bracket->close != token->start + 8)
        return false;
    bool letters = false;
    for (int i = 0; i < 8; i++) {
        char c = scan->lower[token->start + i];
        if (!sok_is_digit(c) && (c < 'a' || c > 'f'))
            return false;
        letters |= !sok_is_digit(c);
    }
    if (!letters && memcmp(scan->lower + token->start, "20", 2) == 0)
        return false;
    char *crc = sok_strndup(scan->arena, scan->text + token->start, 8);
    for (int i = 0; i < 8; i++)
        crc[i] = crc[i] >= 'a' && crc[i] <= 'f' ? (char)(crc[i] - 32) : crc[i];
    scan->out->crc32 = crc;
    scan->tokens[index].tag = TAG_CRC;
    return true;
}

// "www.site.com", "site.org": from the first token to the top-level domain.
static bool tag_site(struct sok_scan *scan, int index)
{
    static const char *const domains[] = {"com", "org", "net", "info", "me",  "tv", "ru", "to",
                                          "cc",  "mx",  "am",  "in",   "biz", "nl", "lt", "ag",
                                          "eu",  "se",  "xyz", "pro",  "ws",  "li", "st", "pe"};
    const struct sok_token *token = &scan->tokens[index];
    bool www = token->len == 3 && memcmp(scan->lower + token->start, "www", 3) == 0;
    bool alone = token->bracket && scan->brackets[token->bracket].open + 1 == token->start;
    if (!www && !alone)
        return false;
    for (int i = index + 1; i < scan->count && i < index + 5; i++) {
        const struct sok_token *part = &scan->tokens[i];
        if (part->bracket != token->bracket ||
            (part->before != '.' && part->before != '-' && !(www && i <= index + 2 && part->before == ' ')))
            return false;
        bool ends = www ? part->after != '.' || i > index + 1
                        : scan->brackets[token->bracket].close == part->start + part->len;
        bool own_word =
            www && i > index + 1 && (part->after == ' ' || part->after == ']' || part->after == '_');
        for (size_t d = 0; ends && part->before == '.' && !own_word && d < SOK_ARRAY_LEN(domains); d++)
            own_word = (size_t)part->len == strlen(domains[d]) &&
                       memcmp(domains[d], scan->lower + part->start, (size_t)part->len) == 0;
        if (ends && own_word) {
            claim(scan, index, i - index + 1, TAG_SITE, "", 0);
            return true;
        }
    }
    return false;
}

static bool has_capitals(const struct sok_scan *scan)
{
    return memcmp(scan->text, scan->lower, (size_t)scan->len) != 0;
}

// "WEB-DLx264": the joint is inside the second token.
static void part_web_dl(struct sok_scan *scan, int index)
{
    const char *at = scan->lower + scan->tokens[index].start;
    if (scan->tokens[index].len > 4 && strncmp(at, "dl", 2) == 0 && (at[2] == 'x' || at[2] == 'h') &&
        at[3] == '2')
        sok_scan_split(scan, index, 2);
}

void sok_scan_tags(struct sok_scan *scan)
{
    scan->no_capitals = !has_capitals(scan);
    for (int i = 0; i < scan->count; i++)
        part_web_dl(scan, i);
    for (int i = 0; i < scan->count; i++) {
        if (scan->tokens[i].tag != TAG_NONE)
            continue;
        bool done = tag_site(scan, i) || tag_crc(scan, i) || tag_resolution(scan, i) ||
                    tag_audio_channels(scan, i) || tag_channels(scan, i) || tag_phrase(scan, i) ||
                    tag_glued(scan, i);
        (void)done;
    }
}
