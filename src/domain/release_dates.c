// Air dates: three numbers, or a month by its name between two.
#include "domain/release_private.h"

#include <string.h>

#include "base/compiler.h"

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
    int number = 0, len = scan->tokens[index].len,
        n = sok_read_digits(sok_scan_at(scan, index), most, &number);
    if (!n || (n < len && !sok_word_in(sok_scan_at(scan, index) + n, len - n, ordinals)))
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
        int month = month_of(sok_scan_at(scan, index + m), t[m].len);
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
    if (t->len != 8 || sok_read_digits(sok_scan_at(scan, index), 8, &number) != 8)
        return false;
    return set_date(scan, index, 1, number / 10000, number / 100 % 100, number % 100);
}

void sok_scan_date(struct sok_scan *scan)
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
