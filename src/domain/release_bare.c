// Numbers that no word explains: years, and episodes that are a number only.
#include "domain/release_private.h"

#include <string.h>

#include "base/text.h"

static bool alone_in_bracket(const struct sok_scan *scan, int index)
{
    const struct sok_token *token = &scan->tokens[index];
    return token->bracket && scan->brackets[token->bracket].open + 1 == token->start;
}

static bool fills_bracket(const struct sok_scan *scan, int index)
{
    const struct sok_token *token = &scan->tokens[index];
    return alone_in_bracket(scan, index) && scan->brackets[token->bracket].close == token->start + token->len;
}

// Nothing but known words between the episode's number and here.
static bool follows_number(const struct sok_scan *scan, int index)
{
    for (int i = scan->last_number; i < index; i++)
        if (scan->tokens[i].tag == TAG_NONE)
            return false;
    return true;
}

// "2005-2009" are the years of a series or a collection: no year of its own.
static bool is_range(struct sok_scan *scan, int index)
{
    int last = 0;
    const char *at = sok_scan_at(scan, index) + 4;
    while (*at == ' ')
        at++;
    if (*at != '-')
        return false;
    at++;
    while (*at == ' ')
        at++;
    int n = sok_read_digits(at, 4, &last);
    if ((n != 4 || !sok_is_year(last)) && (n != 2 || at[2] != ')'))
        return false;
    sok_scan_claim(scan, scan->tokens[index].start, (int)(at - scan->lower) + n, TAG_YEAR);
    return true;
}

// A year in brackets tells most; else the last one before the technical part, but not the first word.
void sok_scan_year(struct sok_scan *scan)
{
    bool bracketed = false;
    scan->year_token = -1;
    for (int i = scan->title_first; i < scan->count; i++) {
        const struct sok_token *token = &scan->tokens[i];
        int number = 0;
        if (token->tag != TAG_NONE || token->len != 4 ||
            sok_read_digits(sok_scan_at(scan, i), 4, &number) != 4 || !sok_is_year(number))
            continue;
        bool alone = alone_in_bracket(scan, i);
        bool behind = scan->last_number && i >= scan->last_number;
        if ((i == scan->title_first && !alone) || (bracketed && !alone))
            continue;
        if (behind && !alone && (scan->year_token >= 0 || (!token->bracket && !follows_number(scan, i))))
            continue;
        if (scan->year_token >= 0 && bracketed)
            continue;
        if (is_range(scan, i))
            continue;
        if (scan->year_token >= 0)
            scan->tokens[scan->year_token].tag = TAG_NONE;
        scan->year_token = i;
        scan->out->year = number;
        scan->tokens[i].tag = TAG_YEAR;
        bracketed = alone;
    }
    if (!scan->out->year && sok_is_year(scan->out->season))
        scan->out->year = scan->out->season; // "S2016E08"
}

struct candidate {
    int index, number, digits;
    const char *end;    // behind the digits and a version
    bool alone, dashed; // fills a bracket; stands behind " - "
    bool before_dash;   // " - " follows
    bool known_follows; // a word of the table, a bracket or the end follows
    bool leading_zero;
};

static bool spaced_dash(const char *at)
{
    return strncmp(at, " - ", 3) == 0 || strncmp(at, "_-_", 3) == 0 || strncmp(at, ".-.", 3) == 0;
}

static bool next_is_known(const struct sok_scan *scan, int index)
{
    int next = index + 1;
    if (next >= scan->count || scan->tokens[next].bracket != scan->tokens[index].bracket ||
        scan->tokens[next].tag != TAG_NONE)
        return true;
    const struct sok_phrase *phrase =
        sok_release_phrase(sok_scan_at(scan, next), (size_t)scan->tokens[next].len);
    return phrase && !(phrase->flags & FLAG_UPPER) && scan->leading_group;
}

static bool read_candidate(struct sok_scan *scan, int index, struct candidate *c)
{
    const struct sok_token *token = &scan->tokens[index];
    const char *start = sok_scan_at(scan, index);
    *c = (struct candidate){.index = index};
    c->digits = sok_read_digits(start, 4, &c->number);
    if (token->tag != TAG_NONE || !c->digits)
        return false;
    c->end = start + c->digits;
    if (*c->end == 'v' && sok_is_digit(c->end[1]) && !sok_is_word(c->end[2]))
        c->end += 2;
    else if (*c->end >= 'a' && *c->end <= 'd' && !sok_is_word(c->end[1]))
        c->end++;
    if (c->end != start + token->len)
        return false;
    c->alone = fills_bracket(scan, index) && c->digits >= 2;
    c->dashed = (token->start >= 3 && spaced_dash(start - 3)) || token->before == '#';
    c->before_dash = spaced_dash(c->end);
    c->known_follows = next_is_known(scan, index);
    c->leading_zero = c->digits >= 2 && *start == '0';
    return true;
}

// "show.2401.hdtv": four digits are season and episode only where they make likely ones; "Blade Runner 2049"
// is a title.
static bool is_long_code(const struct candidate *c)
{
    return c->digits == 4 && c->number < 4000 && c->number % 100 <= 30;
}

// Whether the number stands where an episode's would.
static bool is_episode(const struct sok_scan *scan, const struct candidate *c)
{
    bool first = c->index == scan->title_first && !c->alone;
    bool year_before = scan->year_token >= 0 && c->index > scan->year_token;
    if (c->digits == 4 && sok_is_year(c->number) && !c->dashed)
        return false;
    if (first)
        return c->digits <= 3 && c->digits >= 2 && c->index + 1 < scan->count &&
               (c->before_dash || (scan->leading_group && c->leading_zero)) &&
               (scan->leading_group || scan->container);
    if (c->alone)
        return !(c->index > scan->tech && c->digits > 3);
    if (c->dashed)
        return c->digits >= 2 || scan->leading_group;
    if (year_before && !(c->index == scan->year_token + 1 && c->digits == 3))
        return false;
    if (scan->leading_group && c->digits >= 2 && (c->leading_zero || c->known_follows || c->before_dash))
        return true;
    if (c->digits == 4 && !is_long_code(c))
        return false;
    return c->index <= scan->tech && c->known_follows && !scan->tokens[c->index].bracket && c->digits >= 2;
}

// "show.501.hdtv" is episode 1 of season 5 where nothing speaks for a count through the series.
static bool holds_season(const struct sok_scan *scan, const struct candidate *c)
{
    bool digits = c->digits == 3 ? !c->leading_zero : is_long_code(c);
    return digits && !c->alone && !c->dashed && !scan->leading_group && scan->out->season < 0 &&
           c->number % 100 && scan->tech < scan->count && c->index != scan->title_first;
}

static int range_end(const char *at, int first, const char **ret_end)
{
    int last = 0;
    while (*at == ' ')
        at++;
    if (*at != '-' && *at != '~')
        return -1;
    at++;
    while (*at == ' ')
        at++;
    int n = sok_read_digits(at, 4, &last);
    if (n < 2 || last <= first || last - first > 400 || sok_is_word(at[n]) || (n == 4 && sok_is_year(last)))
        return -1;
    *ret_end = at + n;
    return last;
}

static void take(struct sok_scan *scan, struct candidate *c)
{
    const char *start = sok_scan_at(scan, c->index), *end = c->end, *range = NULL;
    if (end - start > c->digits && start[c->digits] == 'v')
        scan->out->version = start[c->digits + 1] - '0';
    if (holds_season(scan, c)) {
        sok_scan_add_season(scan, c->number / 100);
        sok_scan_add_number(scan, &scan->out->episodes, c->number % 100);
    } else {
        int last = range_end(end, c->number, &range);
        if (last > 0)
            sok_scan_add_range(scan, &scan->out->episodes, c->number, last);
        else
            sok_scan_add_number(scan, &scan->out->episodes, c->number);
        end = range ? range : end;
        int half = 0;
        if (*end == '.' && sok_read_digits(end + 1, 1, &half) == 1 && half == 5 && !sok_is_word(end[2]))
            end += 2; // "14.5": a recap
    }
    int behind = sok_scan_claim(scan, (int)(start - scan->lower), (int)(end - scan->lower), TAG_EPISODE);
    if (c->index == scan->title_first && !c->alone && behind < scan->count) {
        scan->title_first = behind; // "01 - Title"
        return;
    }
    if (c->index < scan->first_number) {
        scan->first_number = c->index;
        scan->last_number = behind;
    }
}

// "show_03_19.avi", "Show 11-13.avi": season and episode at the end of a file's name.
static bool take_pair(struct sok_scan *scan)
{
    int last = scan->count - 1;
    if (!scan->container || last - 1 <= scan->title_first || scan->out->season >= 0)
        return false;
    const struct sok_token *a = &scan->tokens[last - 1], *b = &scan->tokens[last];
    int season = 0, episode = 0;
    if (a->tag != TAG_NONE || b->tag != TAG_NONE || a->len > 2 || b->len != 2 || !strchr("_-.", b->before) ||
        b->start != a->start + a->len + 1 || (b->before == '-' && a->before == '-'))
        return false;
    if (sok_read_digits(sok_scan_at(scan, last - 1), 2, &season) != a->len ||
        sok_read_digits(sok_scan_at(scan, last), 2, &episode) != 2 || !season)
        return false;
    sok_scan_add_season(scan, season);
    sok_scan_add_number(scan, &scan->out->episodes, episode);
    scan->first_number = last - 1;
    scan->last_number = scan->count;
    scan->tokens[last - 1].tag = scan->tokens[last].tag = TAG_EPISODE;
    return true;
}

// What comes behind " - " or alone in a bracket is an episode; in the midst of dotted words it is one when
// the technical part follows.
void sok_scan_bare_numbers(struct sok_scan *scan)
{
    struct candidate candidate;
    if (scan->out->episodes.count || scan->out->air_date || take_pair(scan))
        return;
    for (int i = scan->title_first; i < scan->count; i++) {
        if (read_candidate(scan, i, &candidate) && is_episode(scan, &candidate)) {
            take(scan, &candidate);
            return;
        }
    }
}
