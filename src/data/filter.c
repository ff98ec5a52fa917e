#include "data/filter.h"

#include <string.h>

#include "base/text.h"
#include "base/time.h"

#define TEXT_MAX 200

// Of the work `media_id`: what its row must be.
#define WORK(condition) "EXISTS (SELECT 1 FROM media m WHERE m.id = media_id AND " condition ")"
#define WATCHABLE                                                                                          \
    "EXISTS (SELECT 1 FROM media_files f WHERE f.missing_at IS NULL AND (f.media_id = m.id OR f.media_id " \
    "IN "                                                                                                  \
    "(SELECT e.id FROM media e WHERE e.parent_id = m.id)))"

const struct sok_filter sok_entry_filters[] = {
    {"q", SOK_FILTER_TITLE, .condition = WORK("titles_match(m.titles_folded, ?) = 1")},
    {"media_type", SOK_FILTER_WORD, .condition = WORK("m.media_type = ?"), .words = "movie tv episode"},
    {"genre", SOK_FILTER_PART, .condition = WORK("m.genres LIKE '%\"' || ? || '\"%' ESCAPE '\\'")},
    {"year", SOK_FILTER_NUMBER, .condition = WORK("m.year = ?"), .min = 1870, .max = 2100},
    {"min_year", SOK_FILTER_NUMBER, .condition = WORK("m.year >= ?"), .min = 0, .max = 9999},
    {"max_year", SOK_FILTER_NUMBER, .condition = WORK("m.year <= ?"), .min = 0, .max = 9999},
    {"min_rating", SOK_FILTER_REAL, .condition = WORK("m.rating >= ?"), .min = 0, .max = 10},
    {"available", SOK_FILTER_FLAG, .condition = WORK(WATCHABLE), .otherwise = "NOT " WORK(WATCHABLE)},
};
const size_t sok_entry_filter_count = SOK_ARRAY_LEN(sok_entry_filters);

const char *sok_page_param(const struct sok_page *page, const char *name)
{
    const char *value = page && page->param ? page->param(page->context, name) : NULL;
    return sok_text_empty(value) ? NULL : value;
}

static bool is_word(const char *words, const char *value)
{
    size_t len = strlen(value);
    for (const char *at = words; *at; at += strspn(at, " ")) {
        size_t word = strcspn(at, " ");
        if (word == len && strncmp(at, value, len) == 0)
            return true;
        at += word;
    }
    return false;
}

// The value as the condition takes it; false with what is wrong with it noted in err.
static bool read_value(
    struct sok_arena *arena, const struct sok_filter *filter, const char *text, struct sok_db_value *ret,
    struct sok_error *err)
{
    int64_t number = 0;
    double real = 0;
    const char *why = NULL;
    bool in_range = true;
    *ret = sok_db_text(text);
    if (strlen(text) > TEXT_MAX) {
        sok_fail_field(err, filter->name, "too_long", "must be at most %d bytes", TEXT_MAX);
        return false;
    }
    switch (filter->kind) {
    case SOK_FILTER_TEXT:
        return true;
    case SOK_FILTER_PART:
        *ret = sok_db_text(sok_text_escape_like(arena, text));
        return true;
    case SOK_FILTER_TITLE:
        *ret = sok_db_text(sok_text_trim(arena, sok_text_fold(arena, text)));
        return true;
    case SOK_FILTER_ID:
        why = sok_text_is_uuid(text) ? NULL : "is no id";
        break;
    case SOK_FILTER_WORD:
        if (!is_word(filter->words, text))
            sok_fail_field(err, filter->name, "invalid", "must be one of: %s", filter->words);
        return is_word(filter->words, text);
    case SOK_FILTER_FLAG:
        why = strcmp(text, "true") == 0 || strcmp(text, "false") == 0 ? NULL : "must be true or false";
        break;
    case SOK_FILTER_TIME:
        why = sok_time_parse(text, &number) ? NULL : "must be a time like 2020-01-31T12:00:00Z";
        *ret = sok_db_int(number);
        break;
    case SOK_FILTER_NUMBER:
        in_range = sok_parse_int(text, filter->min, filter->max, &number);
        *ret = sok_db_int(number);
        break;
    case SOK_FILTER_REAL:
        in_range = sok_parse_double(text, (double)filter->min, (double)filter->max, &real);
        *ret = sok_db_real(real);
        break;
    }
    if (!in_range)
        sok_fail_field(
            err, filter->name, "out_of_range", "must be a number from %lld to %lld", (long long)filter->min,
            (long long)filter->max);
    else if (why)
        sok_fail_field(err, filter->name, "invalid", "%s", why);
    return in_range && !why;
}

void sok_where_filters(
    struct sok_where *where, struct sok_arena *arena, const struct sok_filter *filters, size_t count,
    const struct sok_page *page, struct sok_error *err)
{
    for (size_t i = 0; i < count; i++) {
        const char *text = sok_page_param(page, filters[i].name);
        struct sok_db_value value;
        if (!text || !read_value(arena, &filters[i], text, &value, err))
            continue;
        bool is_false = filters[i].kind == SOK_FILTER_FLAG && strcmp(text, "false") == 0;
        sok_where_value(where, is_false ? filters[i].otherwise : filters[i].condition, value);
    }
}
