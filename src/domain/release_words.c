// Seasons and episodes that a word tells, in the languages releases are named in: "Season 1-3", "3 сезон",
// "Cap.102", "1 of 6".
#include "domain/release_private.h"

#include <string.h>

#include "base/compiler.h"

#define EPISODE_MAX 9999

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
    while (n < scan->tokens[index].len && !sok_is_digit(sok_scan_at(scan, index)[n]))
        n++;
    return n;
}

static int roman_number(const char *at, int *ret_number)
{
    static const char *const roman[] = {"",    "i",    "ii", "iii", "iv", "v",  "vi",
                                        "vii", "viii", "ix", "x",   "xi", "xii"};
    for (int i = (int)SOK_ARRAY_LEN(roman) - 1; i > 0; i--) {
        int len = (int)strlen(roman[i]);
        if (strncmp(at, roman[i], (size_t)len) == 0 && sok_ends_word(at + len)) {
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
    const char *end = sok_episode_tail(scan, at + n);
    sok_scan_add_number(scan, list, number);
    for (last = number;; last = number) {
        const char *c = sok_skip(end, " ._", 1);
        bool range = false;
        if (*c == '-' || *c == '~') {
            range = true;
            c = sok_skip(c + 1, " ._", 1);
        } else if (strncmp(c, "to ", 3) == 0 || strncmp(c, "to.", 3) == 0 || strncmp(c, "à ", 3) == 0) {
            range = true;
            c += 3;
        } else if (c == end && strncmp(c, "to", 2) == 0 && sok_is_digit(c[2])) {
            range = true;
            c += 2;
        } else if (limit == SEASONS_IN_LIST && (strncmp(c, "a ", 2) == 0 || strncmp(c, "a.", 2) == 0)) {
            range = true;
            c += 2;
        } else if (limit == SEASONS_IN_LIST && *c == ':' && sok_is_digit(*sok_skip(c + 1, " ", 1))) {
            range = true;
            c = sok_skip(c + 1, " ", 1);
        } else if (*c == ',' || *c == '&' || *c == '+') {
            c = sok_skip(sok_skip(c + 1, " ", 1), "& ", 2);
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
    return sok_skip(at, " ._:#№-()[\xc2\xa0", 4);
}

// "Season 1", "Season05", "Saison VII", "Seasons 1-3"; and with it "4.16".
static bool season_word_first(struct sok_scan *scan, int index)
{
    int len = letters(scan, index), number = 0;
    if (!sok_word_in(sok_scan_at(scan, index), len, season_words))
        return false;
    const char *start = sok_scan_at(scan, index), *at = start + len;
    if (len == scan->tokens[index].len)
        at = gap_before_number(at);
    if (*at == 's' && (sok_is_digit(at[1]) || at[1] == 'o'))
        at++;
    const char *end = NULL;
    int n = sok_season_digits(at, &number);
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
    if (*end == '.' && sok_read_digits(end + 1, 2, &episode) == 2 && sok_ends_word(end + 3) &&
        !scan->out->episodes.count && end[3] != 'p') {
        sok_scan_add_number(scan, &scan->out->episodes, episode);
        end += 3;
    }
    sok_scan_claim_number(scan, start, end);
    return true;
}

// "3rd Season", "1ª Temporada", "3 сезон", "2nd season": the number comes first.
static bool season_word_last(struct sok_scan *scan, int index)
{
    static const char *const ordinals[] = {"st", "nd", "rd", "th", "ª", "º", "ая", "й", "a", "o", NULL};
    static const char *const spelt[] = {"first", "second", "third", "fourth", "fifth", "sixth", NULL};
    int number = 0;
    const char *start = sok_scan_at(scan, index);
    int n = sok_read_digits(start, 2, &number), len = scan->tokens[index].len;
    if (index + 1 >= scan->count)
        return false;
    for (int i = 0; !n && spelt[i]; i++) {
        if ((int)strlen(spelt[i]) == len && memcmp(spelt[i], start, (size_t)len) == 0) {
            number = i + 1;
            n = len;
        }
    }
    if (!n || number < 1 || (n < len && !sok_word_in(start + n, len - n, ordinals)))
        return false;
    int next = index + 1;
    if (!sok_word_in(sok_scan_at(scan, next), scan->tokens[next].len, season_words) ||
        (scan->tokens[next].before != ' ' && scan->tokens[next].before != '.' &&
         scan->tokens[next].before != '_'))
        return false;
    sok_scan_add_season(scan, number);
    sok_scan_claim_number(scan, start, sok_scan_at(scan, next) + scan->tokens[next].len);
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
    const char *start = sok_scan_at(scan, index), *at = start + len;
    if (!sok_word_in(start, len, episode_words))
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
    sok_scan_claim_number(scan, start, end);
    return true;
}

// "22.seria", "01 серия", "1-24 серии", "1to12ep".
static bool episode_word_last(struct sok_scan *scan, int index)
{
    static const char *const words[] = {"серия", "серии",   "серій",  "seria", "serya",
                                        "serii", "odcinek", "ep",     "eps",   "эпизод",
                                        "bölüm", "seriya",  "serija", "ser",   NULL};
    const char *start = sok_scan_at(scan, index);
    int number = 0, n = sok_read_digits(start, 4, &number);
    if (!n)
        return false;
    struct sok_numbers list = {0};
    const char *end = number_list(scan, start, &list, EPISODE_MAX);
    if (!end)
        return false;
    const char *word = sok_skip(end, " ._", 1);
    int len = 0;
    while (sok_is_letter(word[len]))
        len++;
    if (!sok_word_in(word, len, words))
        return false;
    scan->out->episodes = list;
    sok_scan_claim_number(scan, start, word + len);
    return true;
}

// "1 of 6", "1of6", "1-24 из 24".
static bool count_of(struct sok_scan *scan, int index)
{
    static const char *const words[] = {"of", "из", "iz", "de", "di", "von", NULL};
    const char *start = sok_scan_at(scan, index);
    struct sok_numbers list = {0};
    int number = 0, total = 0, n = sok_read_digits(start, 3, &number);
    if (!n)
        return false;
    const char *end = start + n, *c = sok_skip(end, " ._-", 1);
    if (c > end && c[-1] == '-') {
        end = number_list(scan, start, &list, EPISODE_MAX);
        if (!end)
            return false;
    } else {
        sok_scan_add_number(scan, &list, number);
    }
    const char *word = sok_skip(end, " ._(", 2);
    int len = 0;
    while (sok_is_letter(word[len]))
        len++;
    if (!sok_word_in(word, len, words))
        return false;
    const char *last = sok_skip(word + len, " ._", 1);
    int m = sok_read_digits(last, 4, &total);
    if (!m || total < list.item[list.count - 1] || total > 999 || sok_is_word(last[m]))
        return false;
    scan->out->episodes = list;
    sok_scan_claim_number(scan, start, last + m);
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
    if (sok_word_in(sok_scan_at(scan, index), scan->tokens[index].len, words) &&
        sok_read_digits(sok_scan_at(scan, index + 1), 4, &number) == scan->tokens[index + 1].len)
        sok_scan_claim_number(
            scan, sok_scan_at(scan, index), sok_scan_at(scan, index + 1) + scan->tokens[index + 1].len);
}

void sok_scan_season_words(struct sok_scan *scan, bool episode_known)
{
    for (int i = 0; i < scan->count && !scan->out->seasons.count; i++)
        if (scan->tokens[i].tag == TAG_NONE && !season_word_first(scan, i))
            season_word_last(scan, i);
    // The same season said again ("S02 Season 2") is claimed, so that it does not become a title.
    for (int i = 0; !episode_known && i < scan->count && scan->out->seasons.count == 1; i++)
        if (scan->tokens[i].tag == TAG_NONE && season_word_first(scan, i))
            break;
}

void sok_scan_episode_words(struct sok_scan *scan)
{
    for (int i = 0; i < scan->count && !scan->out->episodes.count; i++)
        if (scan->tokens[i].tag == TAG_NONE && !episode_word_first(scan, i) && !episode_word_last(scan, i))
            count_of(scan, i);
    drop_total(scan);
}
