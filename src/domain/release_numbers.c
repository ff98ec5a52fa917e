// Seasons, episodes and dates. These are patterns of letters and digits with separators between, so they are
// matched on the lower-case bytes from the start of a token; what matched is then claimed.
#include "domain/release_private.h"

#include <string.h>

#include "base/text.h"

#define SEASON_MAX 2100 // some series count seasons by year
#define EPISODE_MAX 9999

static int *append(struct sok_scan *scan, struct sok_numbers *list, int number)
{
    // Grown by the power of two, in the arena: a list that is full of 2^n moves.
    int count = list->count;
    int *items = (int *)list->item;
    if (count == 0 || (count >= 4 && (count & (count - 1)) == 0)) {
        int *larger = sok_alloc_array(scan->arena, (size_t)(count ? count * 2 : 4), sizeof(int));
        if (count)
            memcpy(larger, items, (size_t)count * sizeof(int));
        items = larger;
    }
    items[list->count++] = number;
    list->item = items;
    return items;
}

void sok_scan_add_number(struct sok_scan *scan, struct sok_numbers *list, int number)
{
    if (list->count >= SOK_RELEASE_NUMBERS_MAX || sok_numbers_has(list, number))
        return;
    int *items = append(scan, list, number);
    for (int i = list->count - 1; i > 0 && items[i - 1] > items[i]; i--) {
        int other = items[i];
        items[i] = items[i - 1];
        items[i - 1] = other;
    }
}

// Only what goes up by a plausible number is a range; else the last number alone counts.
void sok_scan_add_range(struct sok_scan *scan, struct sok_numbers *list, int first, int last)
{
    if (last <= first || last - first >= SOK_RELEASE_NUMBERS_MAX) {
        sok_scan_add_number(scan, list, last);
        return;
    }
    // In order already: no need to sort in one by one.
    bool empty = !list->count;
    for (int n = first; n <= last && list->count < SOK_RELEASE_NUMBERS_MAX; n++) {
        if (empty)
            append(scan, list, n);
        else
            sok_scan_add_number(scan, list, n);
    }
}

void sok_scan_add_season(struct sok_scan *scan, int season)
{
    if (scan->out->season < 0)
        scan->out->season = season;
    sok_scan_add_number(scan, &scan->out->seasons, season);
}

static const char *skip(const char *at, const char *set, int most)
{
    while (most-- > 0 && *at && strchr(set, *at))
        at++;
    return at;
}

static bool ends_word(const char *at)
{
    return !sok_is_word(*at);
}

// Behind an episode number: a part letter ("23a") or a version ("05v2") may follow.
static const char *episode_tail(struct sok_scan *scan, const char *at)
{
    int version;
    if (*at == 'v' && sok_is_digit(at[1]) && !sok_is_word(at[2])) {
        sok_read_digits(at + 1, 1, &version);
        scan->out->version = version;
        return at + 2;
    }
    if (*at >= 'a' && *at <= 'd' && ends_word(at + 1))
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
        c = skip(c + 2, " .", 1);
    else if (c[0] == 'e' || c[0] == 'x')
        c = skip(c + 1, " .", c[0] == 'e' && sok_is_digit(c[2]) ? 1 : 0);
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
        const char *c = skip(at, " ._", 1);
        char sign = *c && strchr("-~+&,", *c) ? *c : 0;
        if (sign)
            c = skip(c + 1, " ._", 1);
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
        at = episode_tail(scan, end);
    }
}

// Digits of a season, in which people type the letter O.
static int season_digits(const char *at, int *ret_number)
{
    if (*at == 'o' && sok_is_digit(at[1]))
        return 1 + sok_read_digits(at + 1, 1, ret_number);
    return sok_read_digits(at, 4, ret_number);
}

// "s01-s04", "s01-04", "s01s02", "s1&3" behind a season.
static const char *more_seasons(struct sok_scan *scan, const char *at, int last)
{
    for (;;) {
        const char *c = skip(at, " ._", 1);
        char sign = *c && strchr("-~+&,", *c) ? *c : 0;
        if (sign)
            c = skip(skip(c + 1, "-", 1), " ._", 1);
        if (strncmp(c, "to", 2) == 0 && (c[2] == '.' || c[2] == ' ')) {
            sign = '-';
            c += 3;
        }
        int number = 0, n = 0;
        if (*c == 's')
            n = season_digits(c + 1, &number);
        const char *end = c + 1 + n;
        if (!n && sign && (n = sok_read_digits(c, 2, &number)) > 0)
            end = c + n;
        if (!n || !ends_word(end) || number <= last || number > 99)
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
    int n = season_digits(at + 1, &season);
    if (!n || season > SEASON_MAX)
        return NULL;
    const char *end = at + 1 + n, *c = skip(end, " ._-", 3);
    bool full = false;
    if (*c == 'e' || (c == end && *c == 'x') || strncmp(c, "\xd0\xb5", 2) == 0) {
        const char *mark = c;
        episode = lettered_episode(&c);
        full = episode >= 0 && (*mark != 'e' || mark == end || !sok_is_letter(*c) || *c == 'v' || *c == 'e');
        if (full) {
            sok_scan_add_season(scan, season);
            sok_scan_add_number(scan, &scan->out->episodes, episode);
            *ret_episode = true;
            return more_episodes(scan, episode_tail(scan, c), season, episode);
        }
    }
    if (*at != 's')
        return NULL;
    if (n == 4 && !sok_is_year(season)) { // "S0615"
        sok_scan_add_season(scan, season / 100);
        sok_scan_add_number(scan, &scan->out->episodes, season % 100);
        *ret_episode = true;
        return ends_word(end) ? end : NULL;
    }
    int disc;
    if (*end == 'd' && sok_read_digits(end + 1, 2, &disc) > 0) {
        sok_scan_add_season(scan, season);
        return end + 1 + sok_read_digits(end + 1, 2, &disc);
    }
    const char *dash = skip(end, " ._-", 3);
    int bare = 0, m = sok_read_digits(dash, 3, &bare);
    if (ends_word(end) && dash - end == 3 && dash[-2] == '-' && m >= 2 && ends_word(dash + m)) { // "S2 - 06"
        sok_scan_add_season(scan, season);
        sok_scan_add_number(scan, &scan->out->episodes, bare);
        *ret_episode = true;
        return dash + m;
    }
    if (!ends_word(end) && !(*end == 's' && sok_is_digit(end[1])))
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
    const char *c = skip(at + n + x, " e", 1);
    int m = sok_read_digits(c, 3, &episode);
    if (!m || (n == 2 && m == 1 && *at != '0') || sok_is_digit(c[m]) || (season == 16 && episode == 9))
        return NULL;
    if (sok_is_letter(c[m]) && c[m] != 'v' && c[m] != 'x' && (unsigned char)c[m] < 0x80 &&
        !(c[m] >= 'a' && c[m] <= 'd' && ends_word(c + m + 1)))
        return NULL;
    sok_scan_add_season(scan, season);
    sok_scan_add_number(scan, &scan->out->episodes, episode);
    return more_episodes(scan, episode_tail(scan, c + m), season, episode);
}

static const char *offset(const struct sok_scan *scan, int index)
{
    return scan->lower + scan->tokens[index].start;
}

static void claim_to(struct sok_scan *scan, const char *from, const char *to)
{
    int first = sok_scan_token_at(scan, (int)(from - scan->lower));
    int behind = sok_scan_claim(scan, (int)(from - scan->lower), (int)(to - scan->lower), TAG_EPISODE);
    first = sok_scan_token_at(scan, (int)(from - scan->lower));
    if (first < scan->first_number)
        scan->first_number = first;
    if (!scan->last_number || first <= scan->last_number)
        scan->last_number = behind;
}

// Patterns that tell season and episode at once may hide at the end of a word: "Castle1x01", "SezonS03".
static bool find_codes(struct sok_scan *scan)
{
    bool episode = false, any = false;
    for (int i = 0; i < scan->count && !episode; i++) {
        const char *start = offset(scan, i), *end = NULL;
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
            claim_to(scan, start, end);
            any = true;
        }
    }
    return episode;
}

static bool word_in(const char *at, int len, const char *const *list)
{
    for (; *list; list++)
        if ((int)strlen(*list) == len && memcmp(*list, at, (size_t)len) == 0)
            return true;
    return false;
}

static const char *const season_words[] = {
    "season",   "seasons", "saison", "saisons", "temporada", "temporadas", "stagione",
    "stagioni", "staffel", "sezon",  "sezona",  "sezonul",   "seizoen",    "сезон",
    "сезоны",   "сезона",  "сезони", "tem",     "temp",      "säsong",     "kausi",
    "sæson",    "sesong",  "évad",   "evad",    "série",     "rada",       NULL};
static const char *const episode_words[] = {
    "episode", "episodes", "ep",    "eps",       "capitulo", "capítulo", "folge", "folgen",   "серия",
    "серии",   "серій",    "серія", "seria",     "serya",    "serii",    "afl",   "episodio", "épisode",
    "эпизод",  "эпизоды",  "cap",   "odcinek",   "seriya",   "serija",   "ser",   "epizod",   "avsnitt",
    "bölüm",   "rész",     "e",     "episodios", "episodi",  "sp",       NULL};

// Letters at the start of a token; "season05" is a word with its number.
static int letters(const struct sok_scan *scan, int index)
{
    int n = 0;
    while (n < scan->tokens[index].len && !sok_is_digit(offset(scan, index)[n]))
        n++;
    return n;
}

static int roman_number(const char *at, int *ret_number)
{
    static const char *const roman[] = {"",    "i",    "ii", "iii", "iv", "v",  "vi",
                                        "vii", "viii", "ix", "x",   "xi", "xii"};
    for (int i = (int)SOK_ARRAY_LEN(roman) - 1; i > 0; i--) {
        int len = (int)strlen(roman[i]);
        if (strncmp(at, roman[i], (size_t)len) == 0 && ends_word(at + len)) {
            *ret_number = i;
            return len;
        }
    }
    return 0;
}

#define SEASONS_IN_LIST 200

// Seasons parted by a blank or dot only: small steps up, so that "Season 4.16" and "Season 2 10bit" are none.
static bool follows_on(const char *c, const char *end, int last, int limit)
{
    int number = 0, n = sok_read_digits(c, 2, &number);
    return limit == SEASONS_IN_LIST && c > end && n && number > last && number - last <= 2 && number <= 40 &&
           !sok_is_word(c[n]);
}

// The list behind the word: "1", "1-3", "1 to 5", "1, 2 & 3". Returns its end, or NULL.
static const char *number_list(struct sok_scan *scan, const char *at, struct sok_numbers *list, int limit)
{
    int number = 0, n = sok_read_digits(at, 4, &number), last;
    if (!n || number > limit || (n == 4 && sok_is_year(number)))
        return NULL;
    const char *end = episode_tail(scan, at + n);
    sok_scan_add_number(scan, list, number);
    for (last = number;; last = number) {
        const char *c = skip(end, " ._", 1);
        bool range = false;
        if (*c == '-' || *c == '~') {
            range = true;
            c = skip(c + 1, " ._", 1);
        } else if (strncmp(c, "to ", 3) == 0 || strncmp(c, "to.", 3) == 0 || strncmp(c, "à ", 3) == 0) {
            range = true;
            c += 3;
        } else if (c == end && strncmp(c, "to", 2) == 0 && sok_is_digit(c[2])) {
            range = true;
            c += 2;
        } else if (limit == SEASONS_IN_LIST && (strncmp(c, "a ", 2) == 0 || strncmp(c, "a.", 2) == 0)) {
            range = true;
            c += 2;
        } else if (limit == SEASONS_IN_LIST && *c == ':' && sok_is_digit(*skip(c + 1, " ", 1))) {
            range = true;
            c = skip(c + 1, " ", 1);
        } else if (*c == ',' || *c == '&' || *c == '+') {
            c = skip(skip(c + 1, " ", 1), "& ", 2);
        } else if (follows_on(c, end, last, limit)) {
            // "Season 1 2 3"
        } else if (c > end && *c == 'e' && sok_is_digit(c[1]) && limit == EPISODE_MAX) {
            // "E01 E02"
        } else if (c == end && *c == 'e' && sok_is_digit(c[1])) {
            // "E01E02"
        } else if (strncmp(c, "and ", 4) == 0 || strncmp(c, "e ", 2) == 0 || strncmp(c, "y ", 2) == 0) {
            c += *c == 'a' ? 4 : 2;
        } else {
            return end;
        }
        if (*c == 's' && sok_is_digit(c[1]))
            c++;
        else if (*c == 'e' && sok_is_digit(c[1]))
            c++;
        n = sok_read_digits(c, 4, &number);
        if (!n || number <= last || number > limit || (n == 4 && sok_is_year(number)) ||
            (sok_is_letter(c[n]) && c[n] != 'e') || (c[n] == 'x'))
            return end;
        if (range && !(n >= 3 && last < 100 && number > 300 && number >= 360))
            sok_scan_add_range(scan, list, last, number);
        else if (!range)
            sok_scan_add_number(scan, list, number);
        else
            return end;
        end = c + n;
    }
}

static const char *gap_before_number(const char *at)
{
    return skip(at, " ._:#№-()[\xc2\xa0", 4);
}

// "Season 1", "Season05", "Saison VII", "Seasons 1-3"; and with it "4.16".
static bool season_word_first(struct sok_scan *scan, int index)
{
    int len = letters(scan, index), number = 0;
    if (!word_in(offset(scan, index), len, season_words))
        return false;
    const char *start = offset(scan, index), *at = start + len;
    if (len == scan->tokens[index].len)
        at = gap_before_number(at);
    if (*at == 's' && (sok_is_digit(at[1]) || at[1] == 'o'))
        at++;
    const char *end = NULL;
    int n = season_digits(at, &number);
    if (*at == 'o' && n > 1) {
        sok_scan_add_season(scan, number);
        end = at + n;
    } else {
        end = number_list(scan, at, &scan->out->seasons, SEASONS_IN_LIST);
    }
    if (!end && (n = roman_number(at, &number)) > 0) {
        sok_scan_add_season(scan, number);
        end = at + n;
    }
    if (!end)
        return false;
    if (scan->out->season < 0)
        scan->out->season = scan->out->seasons.item[0];
    int episode = 0;
    if (*end == '.' && sok_read_digits(end + 1, 2, &episode) == 2 && ends_word(end + 3) &&
        !scan->out->episodes.count && end[3] != 'p') {
        sok_scan_add_number(scan, &scan->out->episodes, episode);
        end += 3;
    }
    claim_to(scan, start, end);
    return true;
}

// "3rd Season", "1ª Temporada", "3 сезон", "2nd season": the number comes first.
static bool season_word_last(struct sok_scan *scan, int index)
{
    static const char *const ordinals[] = {"st", "nd", "rd", "th", "ª", "º", "ая", "й", "a", "o", NULL};
    static const char *const spelt[] = {"first", "second", "third", "fourth", "fifth", "sixth", NULL};
    int number = 0;
    const char *start = offset(scan, index);
    int n = sok_read_digits(start, 2, &number), len = scan->tokens[index].len;
    if (index + 1 >= scan->count)
        return false;
    for (int i = 0; !n && spelt[i]; i++) {
        if ((int)strlen(spelt[i]) == len && memcmp(spelt[i], start, (size_t)len) == 0) {
            number = i + 1;
            n = len;
        }
    }
    if (!n || number < 1 || (n < len && !word_in(start + n, len - n, ordinals)))
        return false;
    int next = index + 1;
    if (!word_in(offset(scan, next), scan->tokens[next].len, season_words) ||
        (scan->tokens[next].before != ' ' && scan->tokens[next].before != '.' &&
         scan->tokens[next].before != '_'))
        return false;
    sok_scan_add_season(scan, number);
    claim_to(scan, start, offset(scan, next) + scan->tokens[next].len);
    return true;
}

// Spanish names write chapter 2 of season 1 as "Cap.102".
static void split_chapters(struct sok_scan *scan)
{
    struct sok_numbers old = scan->out->episodes;
    int season = old.item[0] / 100;
    for (int i = 0; i < old.count; i++)
        if (old.item[i] / 100 != season)
            return;
    scan->out->episodes = (struct sok_numbers){0};
    for (int i = 0; i < old.count; i++)
        sok_scan_add_number(scan, &scan->out->episodes, old.item[i] % 100);
    if (scan->out->season < 0)
        sok_scan_add_season(scan, season);
}

static bool episode_word_first(struct sok_scan *scan, int index)
{
    int len = letters(scan, index);
    const char *start = offset(scan, index), *at = start + len;
    if (!word_in(start, len, episode_words))
        return false;
    bool glued = len < scan->tokens[index].len;
    if ((len == 1 || (len == 2 && start[0] == 's')) && !glued)
        return false;
    if (!glued)
        at = gap_before_number(at);
    const char *end = number_list(scan, at, &scan->out->episodes, EPISODE_MAX);
    if (!end)
        return false;
    bool chapter = len == 3 && memcmp(start, "cap", 3) == 0;
    if (chapter && *end == '_' && sok_is_digit(end[1])) {
        int number = 0, n = sok_read_digits(end + 1, 4, &number);
        if (n >= 3) {
            sok_scan_add_range(scan, &scan->out->episodes, scan->out->episodes.item[0], number);
            end += 1 + n;
        }
    }
    if (chapter && scan->out->episodes.item[0] > 99)
        split_chapters(scan);
    claim_to(scan, start, end);
    return true;
}

// "22.seria", "01 серия", "1-24 серии", "1to12ep".
static bool episode_word_last(struct sok_scan *scan, int index)
{
    static const char *const words[] = {"серия", "серии",   "серій",  "seria", "serya",
                                        "serii", "odcinek", "ep",     "eps",   "эпизод",
                                        "bölüm", "seriya",  "serija", "ser",   NULL};
    const char *start = offset(scan, index);
    int number = 0, n = sok_read_digits(start, 4, &number);
    if (!n)
        return false;
    struct sok_numbers list = {0};
    const char *end = number_list(scan, start, &list, EPISODE_MAX);
    if (!end)
        return false;
    const char *word = skip(end, " ._", 1);
    int len = 0;
    while (sok_is_letter(word[len]))
        len++;
    if (!word_in(word, len, words))
        return false;
    scan->out->episodes = list;
    claim_to(scan, start, word + len);
    return true;
}

// "1 of 6", "1of6", "1-24 из 24".
static bool count_of(struct sok_scan *scan, int index)
{
    static const char *const words[] = {"of", "из", "iz", "de", "di", "von", NULL};
    const char *start = offset(scan, index);
    struct sok_numbers list = {0};
    int number = 0, total = 0, n = sok_read_digits(start, 3, &number);
    if (!n)
        return false;
    const char *end = start + n, *c = skip(end, " ._-", 1);
    if (c > end && c[-1] == '-') {
        end = number_list(scan, start, &list, EPISODE_MAX);
        if (!end)
            return false;
    } else {
        sok_scan_add_number(scan, &list, number);
    }
    const char *word = skip(end, " ._(", 2);
    int len = 0;
    while (sok_is_letter(word[len]))
        len++;
    if (!word_in(word, len, words))
        return false;
    const char *last = skip(word + len, " ._", 1);
    int m = sok_read_digits(last, 4, &total);
    if (!m || total < list.item[list.count - 1] || total > 999 || sok_is_word(last[m]))
        return false;
    scan->out->episodes = list;
    claim_to(scan, start, last + m);
    return true;
}

// "[06x01-08 of 16]", "Серии: 1-73 из 73": the total behind what was found is no part of the title.
static void drop_total(struct sok_scan *scan)
{
    int index = scan->last_number;
    if (!index || index + 1 >= scan->count)
        return;
    static const char *const words[] = {"of", "из", "iz", NULL};
    int number;
    if (word_in(offset(scan, index), scan->tokens[index].len, words) &&
        sok_read_digits(offset(scan, index + 1), 4, &number) == scan->tokens[index + 1].len)
        claim_to(scan, offset(scan, index), offset(scan, index + 1) + scan->tokens[index + 1].len);
}

static int month_of(const char *at, int len)
{
    static const char *const months[] = {"january",   "february", "march",    "april",
                                         "may",       "june",     "july",     "august",
                                         "september", "october",  "november", "december"};
    for (int i = 0; i < 12; i++)
        if ((len == 3 || len == (int)strlen(months[i]) || (len == 4 && i == 8)) &&
            memcmp(at, months[i], (size_t)len) == 0)
            return i + 1;
    return 0;
}

// A token that is a number of at most `most` digits, an ordinal sign may follow; -1 otherwise.
static int number_token(const struct sok_scan *scan, int index, int most)
{
    static const char *const ordinals[] = {"st", "nd", "rd", "th", NULL};
    int number = 0, len = scan->tokens[index].len, n = sok_read_digits(offset(scan, index), most, &number);
    if (!n || (n < len && !word_in(offset(scan, index) + n, len - n, ordinals)))
        return -1;
    return number;
}

static bool valid_date(int year, int month, int day)
{
    return sok_is_year(year) && month >= 1 && month <= 12 && day >= 1 && day <= 31;
}

static bool set_date(struct sok_scan *scan, int index, int tokens, int year, int month, int day)
{
    if (!valid_date(year, month, day))
        return false;
    scan->out->air_date = sok_format(scan->arena, "%04d-%02d-%02d", year, month, day);
    for (int i = index; i < index + tokens; i++)
        scan->tokens[i].tag = TAG_DATE;
    return true;
}

// Three numbers: year first, or day and month in the order that makes a date, the year behind.
static bool date_of_numbers(struct sok_scan *scan, int index)
{
    const struct sok_token *t = &scan->tokens[index];
    char first = t[1].before, second = t[2].before;
    if (!first || !strchr(". -_/", first) || (first != second && first != ' ' && second != ' '))
        return false;
    if (t[1].start != t[0].start + t[0].len + 1 || t[2].start != t[1].start + t[1].len + 1)
        return false;
    int a = number_token(scan, index, 4), b = number_token(scan, index + 1, 2),
        c = number_token(scan, index + 2, 4);
    if (a < 0 || b < 0 || c < 0)
        return false;
    if (t[0].len == 4 && t[1].len <= 2 && t[2].len <= 2)
        return set_date(scan, index, 3, a, b, c) || set_date(scan, index, 3, a, c, b);
    int year = t[2].len == 4 ? c : c < 40 ? 2000 + c : 1900 + c;
    if (t[0].len > 2 || t[1].len > 2 || (t[2].len != 4 && t[2].len != 2))
        return false;
    if (t[2].len == 2 && (t[0].len != 2 || t[1].len != 2 || first == ' '))
        return false;
    // Americans write the month first, with dashes or strokes; dots are European.
    if (first == '.' || first == ' ')
        return set_date(scan, index, 3, year, b, a) || set_date(scan, index, 3, year, a, b);
    return set_date(scan, index, 3, year, a, b) || set_date(scan, index, 3, year, b, a);
}

// "3rd Nov 2014", "Nov 3 2014", "2014 Nov 3".
static bool date_with_month(struct sok_scan *scan, int index)
{
    const struct sok_token *t = &scan->tokens[index];
    for (int m = 0; m < 3; m++) {
        int month = month_of(offset(scan, index + m), t[m].len);
        if (!month)
            continue;
        int a = number_token(scan, index + (m == 0), 4), b = number_token(scan, index + (m == 2 ? 1 : 2), 4);
        if (a < 0 || b < 0)
            return false;
        return a > 31 ? set_date(scan, index, 3, a, month, b) : set_date(scan, index, 3, b, month, a);
    }
    return false;
}

static bool date_in_one(struct sok_scan *scan, int index)
{
    const struct sok_token *t = &scan->tokens[index];
    int number = 0;
    if (t->len != 8 || sok_read_digits(offset(scan, index), 8, &number) != 8)
        return false;
    return set_date(scan, index, 1, number / 10000, number / 100 % 100, number % 100);
}

static void find_date(struct sok_scan *scan)
{
    for (int i = 0; i < scan->count; i++) {
        if (scan->tokens[i].tag != TAG_NONE)
            continue;
        bool three =
            i + 2 < scan->count && scan->tokens[i + 1].tag == TAG_NONE && scan->tokens[i + 2].tag == TAG_NONE;
        if ((three && (date_of_numbers(scan, i) || date_with_month(scan, i))) || date_in_one(scan, i)) {
            if (i < scan->first_number)
                scan->first_number = i;
            if (!scan->last_number || i <= scan->last_number)
                scan->last_number = i + (three && scan->tokens[i + 1].tag == TAG_DATE ? 3 : 1);
            return;
        }
    }
}

// "313-315" beside "s16e03-05": the same episodes counted over the whole series. As many numbers must be
// there, which a year or a size would not be.
static bool take_absolute(struct sok_scan *scan, int index)
{
    int first = 0, last = 0;
    if (index < 0 || index >= scan->count || scan->tokens[index].tag != TAG_NONE)
        return false;
    const char *start = offset(scan, index);
    int n = sok_read_digits(start, 4, &first);
    if (!n || (start[n] != '-' && start[n] != '~'))
        return false;
    int m = sok_read_digits(start + n + 1, 4, &last), count = scan->out->episodes.count;
    if (!m || sok_is_word(start[n + 1 + m]) || count < 2 || last - first + 1 != count)
        return false;
    double *list = sok_alloc_array(scan->arena, (size_t)count, sizeof(*list));
    for (int i = 0; i < count; i++)
        list[i] = first + i;
    scan->out->absolute = list;
    scan->out->absolute_count = count;
    claim_to(scan, start, start + n + 1 + m);
    return true;
}

static void find_absolute(struct sok_scan *scan)
{
    if (scan->first_number < scan->count && !take_absolute(scan, scan->last_number))
        take_absolute(scan, scan->first_number - 2);
}

void sok_scan_numbers(struct sok_scan *scan)
{
    scan->first_number = scan->count;
    bool episode = find_codes(scan);
    for (int i = 0; i < scan->count && !scan->out->seasons.count; i++)
        if (scan->tokens[i].tag == TAG_NONE && !season_word_first(scan, i))
            season_word_last(scan, i);
    // The same season said again ("S02 Season 2") is claimed, so that it does not become a title.
    for (int i = 0; !episode && i < scan->count && scan->out->seasons.count == 1; i++)
        if (scan->tokens[i].tag == TAG_NONE && season_word_first(scan, i))
            break;
    for (int i = 0; i < scan->count && !scan->out->episodes.count; i++)
        if (scan->tokens[i].tag == TAG_NONE && !episode_word_first(scan, i) && !episode_word_last(scan, i))
            count_of(scan, i);
    drop_total(scan);
    find_absolute(scan);
    find_date(scan);
    // Parting tokens moves those behind.
    for (scan->first_number = 0; scan->first_number < scan->count; scan->first_number++)
        if (scan->tokens[scan->first_number].tag == TAG_EPISODE ||
            scan->tokens[scan->first_number].tag == TAG_DATE)
            break;
    scan->last_number = scan->first_number;
    while (scan->last_number < scan->count && (scan->tokens[scan->last_number].tag == TAG_EPISODE ||
                                               scan->tokens[scan->last_number].tag == TAG_DATE))
        scan->last_number++;
    if (scan->first_number == scan->count)
        scan->last_number = 0;
}
