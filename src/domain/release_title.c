// What is left when all known words are claimed: the title in front, the episode's title behind its number,
// the group at the end.
#include "domain/release_private.h"

#include <string.h>

#include "base/buf.h"
#include "base/text.h"
#include "domain/quality.h"

static bool is_strong(const struct sok_token *token)
{
    return token->tag != TAG_NONE && !(token->flags & (FLAG_WEAK | FLAG_UPPER)) && token->tag != TAG_YEAR &&
           token->tag != TAG_EPISODE && token->tag != TAG_DATE && token->tag != TAG_SITE &&
           token->tag != TAG_CRC;
}

// The first token behind this bracket and all in it.
static int behind_bracket(const struct sok_scan *scan, int bracket)
{
    return sok_scan_token_at(scan, scan->brackets[bracket].close);
}

static bool all_tagged(const struct sok_scan *scan, int first, int last)
{
    for (int i = first; i < last; i++)
        if (scan->tokens[i].tag == TAG_NONE)
            return false;
    return true;
}

char *sok_scan_slice(const struct sok_scan *scan, int from, int to)
{
    while (from < to && strchr(" ._-", scan->text[from]))
        from++;
    while (to > from && strchr(" ._-", scan->text[to - 1]))
        to--;
    return sok_strndup(scan->arena, scan->text + from, (size_t)(to - from));
}

// The outermost bracket that a token lies in, if that opens in front of everything.
static int leading_bracket(const struct sok_scan *scan, int index)
{
    for (int b = 1; b <= scan->bracket_count; b++)
        if (scan->brackets[b].open <= scan->tokens[index].start &&
            scan->brackets[b].close >= sok_token_end(&scan->tokens[index])) {
            int first = sok_scan_token_at(scan, scan->brackets[b].open);
            return first == index ? b : 0;
        }
    return 0;
}

// "[ABC] Title": a group that is called like a broadcaster.
static bool only_shops(const struct sok_scan *scan, int first, int last)
{
    for (int i = first; i < last; i++)
        if (scan->tokens[i].tag != TAG_OTHER)
            return false;
    return true;
}

static bool has_word(const struct sok_scan *scan, int first, int last, bool latin)
{
    for (int i = first; i < last; i++) {
        char c = scan->text[scan->tokens[i].start];
        if (scan->tokens[i].tag == TAG_NONE &&
            (latin ? (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') : !sok_is_digit(c)))
            return true;
    }
    return false;
}

// "[Group][国漫][标题][The Title][01]": the title is the first bracket in Latin letters, else the first one.
static int bracketed_title(const struct sok_scan *scan, int first)
{
    for (int i = first; i < scan->count && scan->tokens[i].bracket;) {
        int behind = behind_bracket(scan, scan->tokens[i].bracket);
        if (behind <= i || !has_word(scan, i, behind, false) || all_tagged(scan, i, behind))
            break;
        if (has_word(scan, i, behind, true))
            return i;
        i = behind;
    }
    return first;
}

// Sets title_first behind "[Group]", "[www.site.com] -" and the like.
void sok_scan_leading(struct sok_scan *scan)
{
    int index = 0;
    while (index < scan->count) {
        while (index < scan->count && scan->tokens[index].tag == TAG_SITE)
            index++;
        int bracket = index < scan->count ? leading_bracket(scan, index) : 0;
        if (!bracket || scan->brackets[bracket].close >= scan->len)
            break;
        int behind = behind_bracket(scan, bracket);
        if (behind >= scan->count)
            break;
        bool tagged = all_tagged(scan, index, behind) && !only_shops(scan, index, behind);
        if (!tagged && scan->leading_group) {
            index = bracketed_title(scan, index);
            break;
        }
        if (!tagged && scan->brackets[bracket].kind == '(' && index > 0)
            break;
        if (!tagged) {
            bool site = false;
            for (int i = index; i < behind; i++)
                site |= scan->tokens[i].tag == TAG_SITE;
            if (!site && scan->brackets[bracket].kind != '{')
                scan->leading_group =
                    sok_scan_slice(scan, scan->brackets[bracket].open + 1, scan->brackets[bracket].close);
        }
        index = behind;
    }
    scan->title_first = index < scan->count ? index : 0;
}

// Short language codes and the like in small letters count inside the technical part, next to their kind.
static bool small_code_counts(const struct sok_scan *scan, int index)
{
    const struct sok_token *token = &scan->tokens[index];
    if (token->tag != TAG_LANGUAGE)
        return false;
    if (token->len == 3 && scan->text[token->start] >= 'A' && scan->text[token->start] <= 'Z')
        return true;
    for (int step = -1; step <= 1; step += 2) {
        int other = index + step;
        if (other >= 0 && other < scan->count && scan->tokens[other].bracket == token->bracket &&
            (scan->tokens[other].tag == TAG_LANGUAGE || scan->tokens[other].tag == TAG_SUBTITLE))
            return true;
    }
    return false;
}

void sok_scan_unclaim(struct sok_scan *scan, int index)
{
    scan->tokens[index].tag = TAG_NONE;
    scan->tokens[index].flags = 0;
}

// Where the technical part begins: at the first sure word, or in front of it as far as known words reach
// without a gap.
static int find_tech(const struct sok_scan *scan)
{
    int tech = scan->count;
    for (int i = scan->title_first; i < scan->count; i++) {
        if (is_strong(&scan->tokens[i]) &&
            (i > scan->title_first || scan->title_first > 0 || scan->count == 1)) {
            tech = i;
            break;
        }
    }
    int floor = scan->title_first + 1;
    if (scan->last_number > floor)
        floor = scan->last_number;
    if (scan->year_token >= floor)
        floor = scan->year_token + 1;
    bool anchored = tech < scan->count || scan->last_number || scan->year_token >= 0 || scan->container;
    while (anchored && tech > floor) {
        const struct sok_token *token = &scan->tokens[tech - 1];
        if (token->tag == TAG_NONE || (token->flags & FLAG_UPPER) || token->tag == TAG_CRC)
            break;
        tech--;
    }
    return tech;
}

static bool behind_year(const struct sok_scan *scan, int index)
{
    return scan->year_token >= 0 && index > scan->year_token &&
           (!scan->last_number || index >= scan->last_number) &&
           (!scan->last_number || scan->year_token >= scan->last_number);
}

// Words in front of the year or number that are no part of the title: "Aliens SE 1986", "EXTENDED (2016)",
// "COMPLETE S01-S07"; and a cinema recording that says so in capitals anywhere.
static bool stands_apart(const struct sok_scan *scan, int index)
{
    const struct sok_token *token = &scan->tokens[index];
    if (index == scan->title_first || (token->flags & FLAG_UPPER) || scan->tokens[index].joined)
        return false;
    int next = index + 1;
    while (next < scan->count && scan->tokens[next].joined)
        next++;
    bool loud = true;
    for (int i = token->start; i < sok_token_end(&scan->tokens[next - 1]); i++)
        loud &= scan->text[i] == scan->lower[i] ? !sok_is_letter(scan->text[i]) : true;
    if (token->tag == TAG_SOURCE && loud && sok_quality_is_cinema_recording(token->value))
        return true;
    int followed = next < scan->count ? scan->tokens[next].tag : TAG_NONE;
    if (token->tag == TAG_EDITION)
        return followed == TAG_YEAR && (loud || next > index + 1);
    return token->tag == TAG_COMPLETE && (followed == TAG_EPISODE || followed == TAG_COMPLETE);
}

void sok_scan_bounds(struct sok_scan *scan)
{
    scan->tech = find_tech(scan);
    for (int i = 0; i < scan->count; i++) {
        struct sok_token *token = &scan->tokens[i];
        bool weak = token->flags & (FLAG_WEAK | FLAG_UPPER);
        if (!weak || i < scan->title_first)
            continue;
        bool bracketed = token->bracket && i > scan->title_first &&
                         scan->brackets[token->bracket].open > scan->tokens[scan->title_first].start;
        bool inside = i >= scan->tech || behind_year(scan, i) ||
                      (bracketed && all_tagged(
                                        scan, sok_scan_token_at(scan, scan->brackets[token->bracket].open),
                                        behind_bracket(scan, token->bracket)));
        if (inside && (!(token->flags & FLAG_UPPER) || small_code_counts(scan, i)))
            continue;
        if (stands_apart(scan, i))
            continue;
        sok_scan_unclaim(scan, i);
        for (int k = i + 1; k < scan->count && scan->tokens[k].joined; k++)
            sok_scan_unclaim(scan, k);
    }
}

static bool one_letter(const struct sok_scan *scan, int at)
{
    bool starts = at == 0 || !sok_is_word(scan->text[at - 1]);
    return starts && sok_is_letter(scan->text[at]) && !sok_is_word(scan->text[at + 1]);
}

// The bytes as people would write them: separators are blanks, but for the dots of initials.
static const char *readable(struct sok_scan *scan, int from, int to)
{
    SOK_BUF_AUTO out;
    sok_buf_init(&out, SOK_RELEASE_NAME_MAX * 2);
    bool blanks = false;
    for (int i = from; i < to; i++)
        blanks |= scan->text[i] == ' ';
    for (int i = from; i < to; i++) {
        char c = scan->text[i];
        bool initial =
            c == '.' && i > from && one_letter(scan, i - 1) &&
            ((i + 1 < to && one_letter(scan, i + 1)) || (i >= from + 2 && scan->text[i - 2] == '.'));
        bool dot = c == '.' && !initial &&
                   !(blanks && i + 1 < to && (scan->text[i + 1] == ' ' || sok_is_digit(scan->text[i + 1])));
        if (c == '_' || dot)
            c = ' ';
        if (c == ' ' && (!out.len || out.data[out.len - 1] == ' '))
            continue;
        sok_buf_append(&out, &c, 1);
    }
    if (!out.len)
        return NULL;
    const char *start = out.data;
    size_t len = out.len;
    while (len && strchr(" -_,:;/+*|[({", start[len - 1]))
        len--;
    while (len && strchr(" -_,:;/+*|])}", *start)) {
        start++;
        len--;
    }
    // A dot that closes initials belongs to them; any other one has become a blank already.
    return len ? sok_strndup(scan->arena, start, len) : NULL;
}

static bool ascii_word(const char *text, size_t len)
{
    size_t letters = 0;
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)text[i];
        if (c >= 0xd0) // Cyrillic and beyond, CJK
            return false;
        letters += (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    }
    return letters > 0;
}

// "Русское название / English title": the part in Latin letters is the one the world searches for.
static const char *latin_part(struct sok_scan *scan, const char *title)
{
    if (!title || ascii_word(title, strlen(title)))
        return title;
    for (const char *slash = strchr(title, '/'); slash; slash = strchr(slash + 1, '/')) {
        const char *part = slash + 1;
        while (*part == ' ')
            part++;
        size_t len = strcspn(part, "/");
        if (ascii_word(part, len))
            return sok_text_trim(scan->arena, part);
    }
    return title;
}

static int title_stop(const struct sok_scan *scan)
{
    int stop = scan->count;
    for (int i = scan->title_first; i < scan->count; i++) {
        if (scan->tokens[i].tag != TAG_NONE) {
            stop = i;
            break;
        }
    }
    return stop;
}

// A bracket that opens behind the first word of the title ends it, unless it is in the midst of the title:
// "Birdman or (The Unexpected Virtue of Ignorance)".
static int cut_at_bracket(const struct sok_scan *scan, int first, int stop)
{
    int own = scan->tokens[first].bracket;
    for (int i = first + 1; i < stop; i++) {
        int bracket = scan->tokens[i].bracket;
        if (bracket == own)
            continue;
        if (own && bracket != own)
            return i;
        if (scan->brackets[bracket].kind != '(')
            return i;
    }
    return stop;
}

// "The Office US S01E03", "Shark Tank (AU)": two capitals that end a series' title.
static bool take_country(struct sok_scan *scan, int index)
{
    static const char *const countries[] = {"US", "UK", "AU", "NZ", "CA", "IE"};
    const struct sok_token *token = &scan->tokens[index];
    for (size_t i = 0; token->len == 2 && i < SOK_ARRAY_LEN(countries); i++) {
        if (memcmp(countries[i], scan->text + token->start, 2) == 0) {
            scan->out->country = countries[i];
            return true;
        }
    }
    return false;
}

void sok_scan_title(struct sok_scan *scan)
{
    int first = scan->title_first, stop = title_stop(scan);
    if (scan->count && first < stop) {
        stop = cut_at_bracket(scan, first, stop);
        if (stop - 1 > first && scan->last_number && take_country(scan, stop - 1))
            stop--;
        int to = sok_token_end(&scan->tokens[stop - 1]);
        int last_bracket = scan->tokens[stop - 1].bracket;
        // The closing bracket of what is inside the title, and a mark that ends it ("Mamma Mia!").
        while (to < scan->len && strchr("!?.", scan->text[to]) && scan->text[to])
            to++;
        if (last_bracket && last_bracket != scan->tokens[first].bracket &&
            to == scan->brackets[last_bracket].close)
            to++;
        scan->out->title = latin_part(scan, readable(scan, scan->tokens[first].start, to));
    }
    // Between the number and what follows it.
    if (!scan->last_number || scan->last_number >= scan->count)
        return;
    int from = scan->last_number, end;
    while (from < scan->count && scan->tokens[from].tag == TAG_YEAR)
        from++;
    for (end = from; end < scan->count && scan->tokens[end].tag == TAG_NONE; end++)
        if (end > from && scan->tokens[end].bracket != scan->tokens[from].bracket)
            break;
    if (end <= from ||
        (scan->tokens[from].bracket && scan->brackets[scan->tokens[from].bracket].open >=
                                           sok_token_end(&scan->tokens[scan->last_number - 1])))
        return;
    const char *text = readable(scan, scan->tokens[from].start, sok_token_end(&scan->tokens[end - 1]));
    if (end == scan->count && scan->tokens[from].before == '-' && end - from == 1 &&
        scan->tech == scan->count && !scan->container)
        return; // "show.s01e01-group"
    if (scan->out->episodes.count || scan->out->air_date) {
        scan->out->episode_title = text;
    } else if (!scan->out->title) {
        scan->out->title = text;
    }
    if (!scan->out->title) {
        // "S01E02 - Title": nothing in front; then what follows names the episode only.
        scan->out->title = NULL;
    }
}
