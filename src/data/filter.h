// The filters of lists as tables: a row for each name of the query string says what its value may be and
// which condition it becomes.
#ifndef SOK_DATA_FILTER_H
#define SOK_DATA_FILTER_H

#include "data/page.h"

enum sok_filter_kind {
    SOK_FILTER_TEXT,   // any text of at most 200 bytes
    SOK_FILTER_PART,   // the same for "LIKE ? ESCAPE '\'": what the text holds is meant as it is
    SOK_FILTER_ID,     // a UUID
    SOK_FILTER_WORD,   // one of `words`
    SOK_FILTER_NUMBER, // a whole number from min to max
    SOK_FILTER_REAL,   // any number from min to max
    SOK_FILTER_FLAG,   // true: `condition`, false: `otherwise`
    SOK_FILTER_TIME,   // RFC 3339
    SOK_FILTER_TITLE   // a title to be found in spite of errors: folded
};

// Every "?" of a condition is the value.
struct sok_filter {
    const char *name;
    enum sok_filter_kind kind;
    const char *condition, *otherwise;
    const char *words; // "movie tv"
    int64_t min, max;
};

// Adds the conditions of those that page->param has a value for. A wrong value is noted in err (422), which
// sok_page_list then fails with.
void sok_where_filters(
    struct sok_where *where, struct sok_arena *arena, const struct sok_filter *filters, size_t count,
    const struct sok_page *page, struct sok_error *err);

// One filter's value, or NULL.
const char *sok_page_param(const struct sok_page *page, const char *name);

// Filters and orders of lists whose rows have a media_id, by the work: q, media_type, genre, year, min_year,
// max_year, min_rating, available; title, year, rating.
extern const struct sok_filter sok_entry_filters[];
extern const size_t sok_entry_filter_count;
#define SOK_ENTRY_OF(expression) "(SELECT " expression " FROM media m WHERE m.id = media_id)"
#define SOK_ENTRY_SORTS                                                                                    \
    {"title", SOK_ENTRY_OF("m.title_folded"), true}, {"year", SOK_ENTRY_OF("COALESCE(m.year, 0)"), false}, \
    {                                                                                                      \
        "rating", SOK_ENTRY_OF("COALESCE(m.rating, 0)"), false                                             \
    }

#endif
