// Seasons, episodes and dates: the lists they are collected in, and the order in which they are looked for.
#include "domain/release_private.h"

#include <string.h>

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

const char *sok_scan_at(const struct sok_scan *scan, int index)
{
    return scan->lower + scan->tokens[index].start;
}

void sok_scan_claim_number(struct sok_scan *scan, const char *from, const char *to)
{
    int behind = sok_scan_claim(scan, (int)(from - scan->lower), (int)(to - scan->lower), TAG_EPISODE);
    int first = sok_scan_token_at(scan, (int)(from - scan->lower));
    if (first < scan->first_number)
        scan->first_number = first;
    if (!scan->last_number || first <= scan->last_number)
        scan->last_number = behind;
}

bool sok_word_in(const char *at, int len, const char *const *list)
{
    for (; *list; list++)
        if ((int)strlen(*list) == len && memcmp(*list, at, (size_t)len) == 0)
            return true;
    return false;
}

// "313-315" beside "s16e03-05": the same episodes counted over the whole series. As many numbers must be
// there, which a year or a size would not be.
static bool take_absolute(struct sok_scan *scan, int index)
{
    int first = 0, last = 0;
    if (index < 0 || index >= scan->count || scan->tokens[index].tag != TAG_NONE)
        return false;
    const char *start = sok_scan_at(scan, index);
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
    sok_scan_claim_number(scan, start, start + n + 1 + m);
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
    bool episode = sok_scan_codes(scan);
    sok_scan_season_words(scan, episode);
    sok_scan_episode_words(scan);
    find_absolute(scan);
    sok_scan_date(scan);
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
