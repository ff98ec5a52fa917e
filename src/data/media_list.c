// Lists of media. With a text they are searched by trigrams: what holds the text as it is first, then what
// shares most of its trigrams, so that a typo or two is forgiven.
#include <stdlib.h>
#include <string.h>

#include "base/encode.h"
#include "base/text.h"
#include "data/media_private.h"

#define FOUND_MAX 500
#define QUERY_MAX 200       // bytes of a folded text that count
#define SIMILAR_ENOUGH 0.45 // share of the text's trigrams that the title has

const char *sok_media_phrase(struct sok_arena *arena, const char *text)
{
    SOK_BUF_AUTO buf;
    sok_buf_init(&buf, (size_t)64 << 10);
    sok_buf_puts(&buf, "\"");
    for (; *text; text++)
        sok_buf_append(&buf, *text == '"' ? "\"\"" : text, *text == '"' ? 2 : 1);
    sok_buf_puts(&buf, "\"");
    return sok_strndup(arena, buf.data, buf.len);
}

// Bytes of the UTF-8 character at `text`, which is valid.
static size_t char_bytes(const char *text)
{
    unsigned char lead = (unsigned char)*text;
    return lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
}

// The length of the three characters at `text`, or 0 when there are fewer.
static size_t trigram_bytes(const char *text)
{
    size_t len = 0;
    for (int i = 0; i < 3; i++) {
        if (!text[len])
            return 0;
        len += char_bytes(text + len);
    }
    return len;
}

static const char *any_trigram(struct sok_arena *arena, const char *text)
{
    SOK_BUF_AUTO buf;
    sok_buf_init(&buf, (size_t)64 << 10);
    for (const char *at = text; trigram_bytes(at); at += char_bytes(at)) {
        const char *gram = sok_strndup(arena, at, trigram_bytes(at));
        sok_buf_printf(&buf, "%s%s", buf.len ? " OR " : "", sok_media_phrase(arena, gram));
    }
    return sok_strndup(arena, buf.data ? buf.data : "", buf.len);
}

static double similarity(const char *text, const char *title)
{
    int total = 0, shared = 0;
    for (const char *at = text; trigram_bytes(at); at += char_bytes(at)) {
        total++;
        shared += memmem(title, strlen(title), at, trigram_bytes(at)) != NULL;
    }
    return total ? (double)shared / total : 0;
}

// 0-4: the whole title, its beginning, a part, or similar; of similar ones the closer in length.
static double rank_title(const char *text, const char *title)
{
    const char *at = strstr(title, text);
    double length = (double)strlen(text) / (double)(strlen(title) + strlen(text) + 1);
    if (strcmp(text, title) == 0)
        return 4;
    if (at)
        return (at == title ? 3 : 2) + length;
    return similarity(text, title) + length;
}

struct hit {
    struct sok_media media;
    double rank;
};

static double rank_media(struct sok_arena *arena, const char *text, const struct sok_media *media)
{
    double best = rank_title(text, sok_text_fold(arena, media->title));
    if (media->original_title) {
        double other = rank_title(text, sok_text_fold(arena, media->original_title));
        best = other > best ? other : best;
    }
    double listed =
        media->alternative_titles ? similarity(text, sok_text_fold(arena, media->alternative_titles)) : 0;
    return listed > best ? listed : best;
}

static void add_filters(struct sok_where *where, const struct sok_media_filter *filter)
{
    sok_where_text(where, "media_type = ?", filter->media_type);
    sok_where_text(where, "parent_id = ?", filter->parent_id);
    sok_where_text(where, "genres LIKE '%\"' || ? || '\"%'", filter->genre);
    sok_where_min(where, "year = ?", filter->year);
    if (filter->has_files) // walks the files, which are few beside the works
        sok_where_add(
            where, "id IN (SELECT media_id FROM media_files WHERE missing_at IS NULL UNION "
                   "SELECT e.parent_id FROM media_files f JOIN media e ON e.id = f.media_id "
                   "WHERE f.missing_at IS NULL AND e.parent_id IS NOT NULL)");
    if (!filter->media_type && !filter->parent_id && !filter->with_episodes)
        sok_where_add(where, "media_type <> 'episode'");
}

static enum sok_status query_found(
    struct sok_db_tx *tx, struct sok_arena *arena, const struct sok_media_filter *filter,
    const char *condition, const char *match, struct sok_media **ret, size_t *ret_count,
    struct sok_error *err)
{
    SOK_WHERE_AUTO where;
    sok_where_init(&where);
    sok_where_add(&where, condition, sok_db_text(match));
    add_filters(&where, filter);
    const char *tail = sok_format(arena, "WHERE %s LIMIT %d", where.sql.data, FOUND_MAX);
    return sok_table_list(tx, arena, &sok_media_table, tail, where.values, where.count, ret, ret_count, err);
}

static enum sok_status search(
    struct sok_db_tx *tx, struct sok_arena *arena, const struct sok_media_filter *filter, const char *text,
    struct sok_media **ret, size_t *ret_count, struct sok_error *err)
{
    if (!trigram_bytes(text)) // too short for the index: titles that begin so
        return query_found(
            tx, arena, filter, "substr(title_folded, 1, length($1)) = ?", text, ret, ret_count, err);
    SOK_TRY(query_found(
        tx, arena, filter, "seq IN (SELECT rowid FROM media_titles WHERE media_titles MATCH ? LIMIT 500)",
        sok_media_phrase(arena, text), ret, ret_count, err));
    if (*ret_count)
        return SOK_OK;
    return query_found(
        tx, arena, filter,
        "seq IN (SELECT rowid FROM media_titles WHERE media_titles MATCH ? ORDER BY rank LIMIT 500)",
        any_trigram(arena, text), ret, ret_count, err);
}

static int by_rank(const void *a, const void *b)
{
    const struct hit *left = a, *right = b;
    if (left->rank != right->rank)
        return left->rank < right->rank ? 1 : -1;
    return strcmp(right->media.id, left->media.id);
}

static int by_title(const void *a, const void *b)
{
    return strcoll(((const struct hit *)a)->media.title, ((const struct hit *)b)->media.title);
}

static double number_of(const struct sok_media *media, const char *sort)
{
    if (strcmp(sort, "year") == 0)
        return (double)media->year;
    if (strcmp(sort, "rating") == 0)
        return media->rating;
    return (double)(strcmp(sort, "updated_at") == 0 ? media->updated_at : media->created_at);
}

static enum sok_status sort_hits(struct hit *hits, size_t count, const char *sort, struct sok_error *err)
{
    if (!sort || !*sort) {
        qsort(hits, count, sizeof(*hits), by_rank);
        return SOK_OK;
    }
    bool descending = sort[0] == '-';
    sort += descending;
    static const char *const numbers[] = {"year", "rating", "updated_at", "created_at"};
    bool known = false;
    for (size_t i = 0; i < SOK_ARRAY_LEN(numbers); i++)
        known = known || strcmp(numbers[i], sort) == 0;
    if (strcmp(sort, "title") == 0)
        qsort(hits, count, sizeof(*hits), by_title);
    else if (known) {
        for (size_t i = 0; i < count; i++)
            hits[i].rank = -number_of(&hits[i].media, sort);
        qsort(hits, count, sizeof(*hits), by_rank);
    } else {
        sok_fail_field(err, "sort", "unknown_sort", "cannot sort by that");
        return SOK_INVALID;
    }
    for (size_t i = 0; descending && i < count / 2; i++) {
        struct hit swapped = hits[i];
        hits[i] = hits[count - 1 - i];
        hits[count - 1 - i] = swapped;
    }
    return SOK_OK;
}

// The cursor of a search is only its next page's number.
static int64_t page_of(const struct sok_page *page)
{
    char text[24];
    size_t len;
    int64_t number;
    if (!page || sok_text_empty(page->cursor))
        return page && page->page > 0 ? page->page : 1;
    if (!sok_base64_decode(page->cursor, strlen(page->cursor), text, sizeof(text) - 1, &len))
        return 0;
    text[len] = '\0';
    return text[0] == 'p' && sok_parse_int(text + 1, 1, FOUND_MAX, &number) ? number : 0;
}

static const char *cursor_of(struct sok_arena *arena, int64_t page)
{
    const char *text = sok_format(arena, "p%lld", (long long)page);
    char *cursor = sok_alloc(arena, sok_base64_size(strlen(text)));
    sok_base64url_encode(text, strlen(text), cursor);
    return cursor;
}

static enum sok_status cut_page(
    struct sok_arena *arena, const struct hit *hits, size_t count, const struct sok_page *page,
    struct sok_media **ret, size_t *ret_count, struct sok_page_info *ret_info, struct sok_error *err)
{
    int64_t number = page_of(page);
    int64_t per_page = page && page->per_page ? page->per_page : SOK_PAGE_DEFAULT;
    if (number < 1 || per_page < 1 || per_page > SOK_PAGE_MAX) {
        sok_fail_field(err, number < 1 ? "cursor" : "per_page", "invalid", "this page cannot be had");
        return SOK_INVALID;
    }
    size_t first = number > FOUND_MAX ? count : (size_t)((number - 1) * per_page);
    size_t end = first + (size_t)per_page;
    first = first < count ? first : count;
    end = end < count ? end : count;
    struct sok_media *media = sok_alloc_array(arena, end - first, sizeof(*media));
    for (size_t i = first; i < end; i++)
        media[i - first] = hits[i].media;
    *ret = media;
    *ret_count = end - first;
    *ret_info = (struct sok_page_info){.page = number, .per_page = per_page, .total = (int64_t)count};
    ret_info->next_cursor = end < count ? cursor_of(arena, number + 1) : NULL;
    return SOK_OK;
}

static enum sok_status list_found(
    struct sok_db_tx *tx, struct sok_arena *arena, const struct sok_media_filter *filter,
    const struct sok_page *page, struct sok_media **ret, size_t *ret_count, struct sok_page_info *ret_info,
    struct sok_error *err)
{
    const char *fold = sok_text_fold(arena, filter->text);
    const char *text = sok_text_trim(arena, sok_utf8_clean(arena, fold, strnlen(fold, QUERY_MAX)));
    struct sok_media *found;
    size_t found_count, count = 0;
    SOK_TRY(search(tx, arena, filter, text, &found, &found_count, err));
    struct hit *hits = sok_alloc_array(arena, found_count, sizeof(*hits));
    for (size_t i = 0; i < found_count; i++) {
        double rank = rank_media(arena, text, &found[i]);
        if (rank >= SIMILAR_ENOUGH || !trigram_bytes(text))
            hits[count++] = (struct hit){found[i], rank};
    }
    SOK_TRY(sort_hits(hits, count, page ? page->sort : NULL, err));
    return cut_page(arena, hits, count, page, ret, ret_count, ret_info, err);
}

enum sok_status sok_media_list(
    struct sok_db_tx *tx, struct sok_arena *arena, const struct sok_media_filter *filter,
    const struct sok_page *page, struct sok_media **ret, size_t *ret_count, struct sok_page_info *ret_info,
    struct sok_error *err)
{
    static const struct sok_sort sorts[] = {
        {"created_at", "created_at", false},  {"title", "title_folded", true},
        {"year", "COALESCE(year, 0)", false}, {"rating", "COALESCE(rating, 0)", false},
        {"updated_at", "updated_at", false},
    };
    if (!sok_text_empty(filter->text))
        return list_found(tx, arena, filter, page, ret, ret_count, ret_info, err);
    SOK_WHERE_AUTO where;
    sok_where_init(&where);
    add_filters(&where, filter);
    return sok_page_list(
        tx, arena, &sok_media_table, &where, sorts, SOK_ARRAY_LEN(sorts), true, "id", page, ret, ret_count,
        ret_info, err);
}
