// Who made the release: behind the last technical word, or in a bracket at either end.
#include "domain/release_private.h"

#include <string.h>

static bool group_like(const struct sok_scan *scan, int first, int last)
{
    int bytes = sok_token_end(&scan->tokens[last - 1]) - scan->tokens[first].start;
    return last > first && last - first <= 5 && bytes <= 40;
}

// "[eztv]", "[rarbg]": who passed it on, not who made it.
static bool is_site_bracket(const struct sok_scan *scan, int first, int last)
{
    static const char *const names[] = {"eztv", "rartv", "ettv", "rarbg", "tgx",   "ethd",  "utr",
                                        "vtv",  "eztvx", "etrg", "n1c",   "prime", "glodls"};
    if (last - first != 1)
        return scan->tokens[first].tag == TAG_SITE;
    for (size_t i = 0; i < SOK_ARRAY_LEN(names); i++)
        if ((size_t)scan->tokens[first].len == strlen(names[i]) &&
            memcmp(scan->lower + scan->tokens[first].start, names[i], strlen(names[i])) == 0)
            return true;
    return scan->tokens[first].tag == TAG_SITE;
}

static int last_claimed(const struct sok_scan *scan, int end)
{
    for (int i = end - 1; i >= scan->title_first; i--)
        if (scan->tokens[i].tag != TAG_NONE && scan->tokens[i].tag != TAG_SITE)
            return i;
    return -1;
}

// "-AsRequested", ".sample": what others hung behind the group.
static bool is_tail(const struct sok_token *token)
{
    return token->tag == TAG_OTHER && token->value && strcmp(token->value, "tail") == 0;
}

// "x264-GROUP" at the end, brackets behind it left out.
static bool trailing_group(struct sok_scan *scan)
{
    int end = scan->count, own = scan->count ? scan->tokens[scan->title_first].bracket : 0;
    while (end > 0 && scan->tokens[end - 1].bracket && scan->tokens[end - 1].bracket != own) {
        int bracket = scan->tokens[end - 1].bracket;
        int first = sok_scan_token_at(scan, scan->brackets[bracket].open);
        if (first <= scan->title_first)
            break;
        end = first;
    }
    while (end > 0 && (scan->tokens[end - 1].tag == TAG_SITE || is_tail(&scan->tokens[end - 1])))
        end--;
    int claimed = last_claimed(scan, end);
    if (claimed < 0)
        return false;
    int first = claimed + 1;
    if (first >= end || scan->tokens[first].bracket != own ||
        (claimed < scan->tech && scan->tech < scan->count))
        return false;
    // The dash says where the group begins; without one a dotted last word is it.
    int dash = -1;
    for (int i = first; i < end; i++)
        if (scan->tokens[i].before == '-') {
            dash = i;
            break;
        }
    bool by = end - first == 2 && strncmp(scan->lower + scan->tokens[first].start, "by", 2) == 0;
    if (dash < 0 && !by &&
        (scan->tokens[first].before != '.' || end - first > 2 || scan->tech == scan->count))
        return false;
    if (scan->tech == scan->count && (dash != first || !scan->last_number))
        return false;
    int from = dash > first && end - first > 3 ? dash : first;
    if (end - from == 2 && scan->tokens[from].len == 2 &&
        strncmp(scan->lower + scan->tokens[from].start, "by", 2) == 0)
        from++;
    if (!group_like(scan, from, end))
        return false;
    scan->out->group = sok_scan_slice(scan, scan->tokens[from].start, sok_token_end(&scan->tokens[end - 1]));
    for (int i = from; i < end; i++)
        scan->tokens[i].joined = true;
    return true;
}

// "... [Group]" or "(YIFY)" at the end.
static bool bracketed_group(struct sok_scan *scan)
{
    for (int end = scan->count; end > scan->title_first + 1;) {
        int bracket = scan->tokens[end - 1].bracket;
        if (!bracket)
            return false;
        int first = sok_scan_token_at(scan, scan->brackets[bracket].open);
        if (first <= scan->title_first || first >= end)
            return false;
        bool free = true;
        for (int i = first; i < end; i++)
            free &= scan->tokens[i].tag == TAG_NONE;
        if (free && !is_site_bracket(scan, first, end) && group_like(scan, first, end) &&
            first > scan->tech) {
            scan->out->group =
                sok_scan_slice(scan, scan->tokens[first].start, sok_token_end(&scan->tokens[end - 1]));
            return true;
        }
        end = first;
    }
    return false;
}

// Glued to the last technical word behind a dash, the group may be a word that we know: "x264-REMUX".
static bool known_word_group(struct sok_scan *scan)
{
    int last = scan->count - 1;
    while (last > 0 && (scan->tokens[last].bracket || scan->tokens[last].tag == TAG_SITE))
        last--;
    if (last <= scan->tech || scan->tokens[last].before != '-' || scan->tokens[last].joined)
        return false;
    const struct sok_token *token = &scan->tokens[last], *before = &scan->tokens[last - 1];
    bool close = token->start == sok_token_end(before) + 1;
    if (before->tag == TAG_NONE || !close || token->tag == TAG_NONE || token->tag == TAG_CHANNELS)
        return false;
    bool spare_source =
        token->tag == TAG_SOURCE && scan->out->source && strcmp(scan->out->source, token->value) != 0;
    bool code = token->tag == TAG_LANGUAGE && token->len == 2 && before->tag != TAG_LANGUAGE &&
                before->tag != TAG_SUBTITLE;
    bool shop = token->tag == TAG_OTHER ||
                (token->tag == TAG_SUBTITLE && (token->flags & FLAG_SUBS) && before->tag == TAG_OTHER);
    if (!spare_source && !code && !shop)
        return false;
    if (code && scan->out->languages.count == 1)
        scan->out->languages.count = 0;
    scan->out->group = sok_scan_slice(scan, token->start, sok_token_end(token));
    sok_scan_unclaim(scan, last);
    return true;
}

void sok_scan_group(struct sok_scan *scan)
{
    if (scan->leading_group && (scan->out->season < 0 || !trailing_group(scan))) {
        scan->out->group = scan->leading_group;
        return;
    }
    if (scan->out->group || trailing_group(scan) || known_word_group(scan))
        return;
    bracketed_group(scan);
}
