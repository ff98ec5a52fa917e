// S01E02, 1x02 and their kin: patterns of letters and digits that tell season and episode at once, matched on
// the lower-case bytes.
#include "domain/release_private.h"

#include <string.h>

#define SEASON_MAX 2100 // some series count seasons by year

const char *sok_skip(const char *at, const char *set, int most)
{
    while (most-- > 0 && *at && strchr(set, *at))
        at++;
    return at;
}

bool sok_ends_word(const char *at)
{
    return !sok_is_word(*at);
}

// Behind an episode number: a part letter ("23a") or a version ("05v2") may follow.
const char *sok_episode_tail(struct sok_scan *scan, const char *at)
{
    int version;
    if (*at == 'v' && sok_is_digit(at[1]) && !sok_is_word(at[2])) {
        sok_read_digits(at + 1, 1, &version);
        scan->out->version = version;
        return at + 2;
    }
    if (*at >= 'a' && *at <= 'd' && sok_ends_word(at + 1))
        return at + 1;
    return at;
}

// "e03", "ep03", "x03": a number with its letter; the letter's place in `at` is moved on. 0: none.
static int lettered_episode(const char **at)
{
    const char *c = *at;
    int number = 0, n;
    if (c[0] == 'x' && c[1] == 'e')
        c += 2;
    else if (c[0] == 'e' && c[1] == 'p')
        c = sok_skip(c + 2, " .", 1);
    else if (c[0] == 'e' || c[0] == 'x')
        c = sok_skip(c + 1, " .", c[0] == 'e' && sok_is_digit(c[2]) ? 1 : 0);
    else if (strncmp(c, "\xd0\xb5", 2) == 0) // Cyrillic
        c += 2;
    else
        return -1;
    n = sok_read_digits(c, 4, &number);
    if (!n)
        return -1;
    *at = c + n;
    return number;
}

// "-04" behind an episode: digits and nothing else, larger than the last, and no resolution or year.
static int bare_follower(const char *c, int last, const char **ret_end)
{
    int number = 0, n = sok_read_digits(c, 4, &number);
    if (!n || number <= last || number - last > 300 ||
        (sok_is_word(c[n]) && !(c[n] == 'e' && c[n + 1] == 'p')))
        return -1;
    if (number >= 240 && n >= 3 && last < 100)
        return -1;
    *ret_end = c + n + (c[n] == 'e' ? 2 : 0);
    return number;
}

// What follows the first episode: "e03", "-e04", "-04", "+05", "x03", " - s01e03", "-1x03".
static const char *more_episodes(struct sok_scan *scan, const char *at, int season, int last)
{
    for (;;) {
        const char *c = sok_skip(at, " ._", 1);
        char sign = *c && strchr("-~+&,", *c) ? *c : 0;
        if (sign)
            c = sok_skip(c + 1, " ._", 1);
        int other = 0, n = 0, number = -1;
        const char *end = NULL;
        if (*c == 's' && (n = sok_read_digits(c + 1, 4, &other)) > 0 && other == season) {
            end = c + 1 + n;
            number = lettered_episode(&end);
        } else if ((n = sok_read_digits(c, 2, &other)) > 0 && c[n] == 'x' && other == season) {
            end = c + n;
            number = lettered_episode(&end);
        } else if (*c == 'e' || *c == 'x') {
            end = c;
            number = (c == at || sign || sok_is_digit(c[1])) ? lettered_episode(&end) : -1;
            // "x264" and a count through the series ("S05E53 - Ep.129") are no further episodes.
            if ((*c == 'x' && number >= 240) || (number - last > 60 && c - at > 1))
                number = -1;
        } else if (sign && sign != ',' && c - at <= 3) {
            number = bare_follower(c, last, &end);
        }
        if (number < 0)
            return at;
        if (sign == '-' || sign == '~')
            sok_scan_add_range(scan, &scan->out->episodes, last, number);
        else
            sok_scan_add_number(scan, &scan->out->episodes, number);
        last = number;
        at = sok_episode_tail(scan, end);
    }
}

// Digits of a season, in which people type the letter O.
int sok_season_digits(const char *at, int *ret_number)
{
    if (*at == 'o' && sok_is_digit(at[1]))
        return 1 + sok_read_digits(at + 1, 1, ret_number);
    return sok_read_digits(at, 4, ret_number);
}

// "s01-s04", "s01-04", "s01s02", "s1&3" behind a season.
static const char *more_seasons(struct sok_scan *scan, const char *at, int last)
{
    for (;;) {
        const char *c = sok_skip(at, " ._", 1);
        char sign = *c && strchr("-~+&,", *c) ? *c : 0;
        if (sign)
            c = sok_skip(sok_skip(c + 1, "-", 1), " ._", 1);
        if (strncmp(c, "to", 2) == 0 && (c[2] == '.' || c[2] == ' ')) {
            sign = '-';
            c += 3;
        }
        int number = 0, n = 0;
        if (*c == 's')
            n = sok_season_digits(c + 1, &number);
        const char *end = c + 1 + n;
        if (!n && sign && (n = sok_read_digits(c, 2, &number)) > 0)
            end = c + n;
        if (!n || !sok_ends_word(end) || number <= last || number > 99)
            return at;
        if (sign == '-' || sign == '~')
            sok_scan_add_range(scan, &scan->out->seasons, last, number);
        else
            sok_scan_add_season(scan, number);
        last = number;
        at = end;
    }
}

// S01E02 and its kin, from the letter on. Returns the end, or NULL.
static const char *match_se(struct sok_scan *scan, const char *at, bool *ret_episode)
{
    int season = 0, episode;
    if (*at != 's' && *at != 't')
        return NULL;
    int n = sok_season_digits(at + 1, &season);
    if (!n || season > SEASON_MAX)
        return NULL;
    const char *end = at + 1 + n, *c = sok_skip(end, " ._-", 3);
    bool full = false;
    if (*c == 'e' || (c == end && *c == 'x') || strncmp(c, "\xd0\xb5", 2) == 0) {
        const char *mark = c;
        episode = lettered_episode(&c);
        full = episode >= 0 && (*mark != 'e' || mark == end || !sok_is_letter(*c) || *c == 'v' || *c == 'e');
        if (full) {
            sok_scan_add_season(scan, season);
            sok_scan_add_number(scan, &scan->out->episodes, episode);
            *ret_episode = true;
            return more_episodes(scan, sok_episode_tail(scan, c), season, episode);
        }
    }
    if (*at != 's')
        return NULL;
    if (n == 4 && !sok_is_year(season)) { // "S0615"
        sok_scan_add_season(scan, season / 100);
        sok_scan_add_number(scan, &scan->out->episodes, season % 100);
        *ret_episode = true;
        return sok_ends_word(end) ? end : NULL;
    }
    int disc;
    if (*end == 'd' && sok_read_digits(end + 1, 2, &disc) > 0) {
        sok_scan_add_season(scan, season);
        return end + 1 + sok_read_digits(end + 1, 2, &disc);
    }
    const char *dash = sok_skip(end, " ._-", 3);
    int bare = 0, m = sok_read_digits(dash, 3, &bare);
    if (sok_ends_word(end) && dash - end == 3 && dash[-2] == '-' && m >= 2 &&
        sok_ends_word(dash + m)) { // "S2 - 06"
        sok_scan_add_season(scan, season);
        sok_scan_add_number(scan, &scan->out->episodes, bare);
        *ret_episode = true;
        return dash + m;
    }
    if (!sok_ends_word(end) && !(*end == 's' && sok_is_digit(end[1])))
        return NULL;
    // "AC3-S78" at the end is a group.
    if (at - scan->lower > 2 && at[-1] == '-' && sok_is_word(at[-2]) && (!*end || *end == ']'))
        return NULL;
    sok_scan_add_season(scan, season);
    return more_seasons(scan, end, season);
}

// 1x02 and its kin, from the first digit on.
static const char *match_x(struct sok_scan *scan, const char *at)
{
    int season = 0, episode = 0;
    int n = sok_read_digits(at, 4, &season), x = 1;
    if (n && strncmp(at + n, "\xd1\x85", 2) == 0) // Cyrillic
        x = 2;
    else if (!n || at[n] != 'x')
        return NULL;
    // "2.0x3" is sound, and four digits are a season only as a year.
    if (n == 3 || (n == 4 && !sok_is_year(season)))
        return NULL;
    if (at - scan->lower >= 2 && at[-1] == '.' && sok_is_digit(at[-2]))
        return NULL;
    const char *c = sok_skip(at + n + x, " e", 1);
    int m = sok_read_digits(c, 3, &episode);
    if (!m || (n == 2 && m == 1 && *at != '0') || sok_is_digit(c[m]) || (season == 16 && episode == 9))
        return NULL;
    if (sok_is_letter(c[m]) && c[m] != 'v' && c[m] != 'x' && (unsigned char)c[m] < 0x80 &&
        !(c[m] >= 'a' && c[m] <= 'd' && sok_ends_word(c + m + 1)))
        return NULL;
    sok_scan_add_season(scan, season);
    sok_scan_add_number(scan, &scan->out->episodes, episode);
    return more_episodes(scan, sok_episode_tail(scan, c + m), season, episode);
}

// Patterns that tell season and episode at once may hide at the end of a word: "Castle1x01", "SezonS03".
bool sok_scan_codes(struct sok_scan *scan)
{
    bool episode = false, any = false;
    for (int i = 0; i < scan->count && !episode; i++) {
        const char *start = sok_scan_at(scan, i), *end = NULL;
        int len = scan->tokens[i].len;
        end = match_se(scan, start, &episode);
        if (!end && (end = match_x(scan, start)) != NULL)
            episode = true;
        for (int k = 1; !end && !any && k < len && len < 40; k++) {
            const char *c = start + k;
            if (sok_is_digit(*c) && !sok_is_digit(c[-1]) && c[-1] != 'x' &&
                (end = match_x(scan, c)) != NULL) {
                episode = true;
                start = c;
            } else if (
                *c == 's' && sok_is_digit(c[1]) && sok_is_digit(c[2]) && c[3] == 'e' && sok_is_digit(c[4])) {
                end = match_se(scan, c, &episode);
                start = c;
            }
        }
        if (end) {
            sok_scan_claim_number(scan, start, end);
            any = true;
        }
    }
    return episode;
}
