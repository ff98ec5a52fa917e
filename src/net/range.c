#include "net/range.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/text.h"
#include "base/time.h"

static const char *skip_blanks(const char *text)
{
    return text + strspn(text, " \t");
}

// A decimal number that saturates; false when there is no digit.
static bool take_number(const char **text, int64_t *ret_value)
{
    const char *at = *text;
    int64_t value = 0;
    for (; *at >= '0' && *at <= '9'; at++)
        value = value > (INT64_MAX - 9) / 10 ? INT64_MAX : value * 10 + (*at - '0');
    if (at == *text)
        return false;
    *text = at;
    *ret_value = value;
    return true;
}

// One "first-last", "first-" or "-suffix". False: not one of these. *ret_fits: it names bytes that are there.
static bool take_range(const char **text, int64_t size, struct sok_range *ret, bool *ret_fits)
{
    struct sok_range range = {0, size - 1};
    int64_t suffix;
    if (**text == '-') {
        (*text)++;
        if (!take_number(text, &suffix))
            return false;
        range.first = suffix < size ? size - suffix : 0;
        *ret_fits = suffix > 0 && size > 0;
    } else {
        if (!take_number(text, &range.first) || **text != '-')
            return false;
        (*text)++;
        int64_t last;
        if (take_number(text, &last)) {
            if (last < range.first)
                return false;
            if (last < range.last)
                range.last = last;
        }
        *ret_fits = range.first < size;
    }
    *ret = range;
    return true;
}

static int by_first(const void *a, const void *b)
{
    const struct sok_range *left = a, *right = b;
    return left->first < right->first ? -1 : left->first > right->first;
}

static bool touch(const struct sok_range *a, const struct sok_range *b)
{
    return a->first <= b->last + 1 && b->first <= a->last + 1;
}

// Asking for the same bytes many times costs the asker nothing and us much (RFC 9110 section 17.15).
static void merge(struct sok_range *ranges, int *count)
{
    bool any = false;
    for (int i = 0; i < *count; i++)
        for (int j = 0; j < i; j++)
            any |= touch(&ranges[i], &ranges[j]);
    if (!any)
        return;
    qsort(ranges, (size_t)*count, sizeof(*ranges), by_first);
    int kept = 0;
    for (int i = 1; i < *count; i++) {
        if (!touch(&ranges[kept], &ranges[i]))
            ranges[++kept] = ranges[i];
        else if (ranges[i].last > ranges[kept].last)
            ranges[kept].last = ranges[i].last;
    }
    *count = kept + 1;
}

enum sok_range_result sok_range_parse(
    const char *header, int64_t size_bytes, struct sok_range ret_ranges[SOK_RANGES_MAX], int *ret_count)
{
    if (!header || strncasecmp(header, "bytes", 5) != 0)
        return SOK_RANGE_WHOLE;
    header = skip_blanks(header + 5);
    if (*header++ != '=')
        return SOK_RANGE_WHOLE;
    struct sok_range ranges[SOK_RANGES_MAX];
    int count = 0, seen = 0;
    for (header = skip_blanks(header); *header;) {
        if (*header != ',') {
            bool fits;
            struct sok_range range;
            if (!take_range(&header, size_bytes, &range, &fits) || ++seen > SOK_RANGES_MAX)
                return SOK_RANGE_WHOLE;
            if (fits)
                ranges[count++] = range;
        }
        header = skip_blanks(header);
        if (*header && *header != ',')
            return SOK_RANGE_WHOLE;
        header = skip_blanks(header + (*header == ','));
    }
    if (!count)
        return seen ? SOK_RANGE_UNSATISFIABLE : SOK_RANGE_WHOLE;
    merge(ranges, &count);
    memcpy(ret_ranges, ranges, (size_t)count * sizeof(*ranges));
    *ret_count = count;
    return SOK_RANGE_PARTIAL;
}

bool sok_if_range_holds(const char *header, const char *etag, int64_t modified_ms)
{
    if (!header)
        return true;
    header = skip_blanks(header);
    if (*header == '"')
        return sok_text_eq(header, etag);
    if (!modified_ms || sok_text_starts(header, "W/"))
        return false;
    char date[30];
    sok_time_format_http(modified_ms, date);
    return strcmp(header, date) == 0;
}

bool sok_etag_listed(const char *header, const char *etag, bool strong)
{
    if (!header || !etag)
        return false;
    header = skip_blanks(header);
    if (strcmp(header, "*") == 0)
        return true;
    bool weak_etag = sok_text_starts(etag, "W/");
    const char *opaque = weak_etag ? etag + 2 : etag;
    size_t len = strlen(opaque);
    while (*header) {
        bool weak = sok_text_starts(header, "W/");
        const char *start = header + (weak ? 2 : 0);
        const char *end = *start == '"' ? strchr(start + 1, '"') : NULL;
        if (!end)
            return false;
        if ((size_t)(end + 1 - start) == len && memcmp(start, opaque, len) == 0 &&
            !(strong && (weak || weak_etag)))
            return true;
        header = end + 1;
        header += strspn(header, " \t,");
    }
    return false;
}
