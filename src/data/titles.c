// A text is looked for as it is first. Only when no title holds it, titles that are like it are. An error
// takes at most four neighbouring trigrams of the text, so a title that was meant has one of any five, and
// two of any six: the rarest are asked for, which few titles have. How alike they are is then looked at
// closely (titles_rank). Asking for any of the trigrams instead would read half the index.
//
// A short word may have no trigram left after one error. Its first or its last two letters are right all the
// same, and with the line feed before or behind a title they are a trigram of the index. Only of words of up
// to four letters, two that changed places may leave neither: those are changed back.
#include "data/titles.h"

#include <stdlib.h>
#include <string.h>

#include "base/similar.h"
#include "data/page.h"

#define TRIGRAMS_MAX 64 // of a text that are looked at
#define RARE_MAX 6      // of them that are looked for; see above
#define COMMON 10000    // titles: counting goes no further
#define NEARLY_MAX 2000
#define FOUND_BYTES_MAX ((size_t)64 << 10)

static const struct sok_titles_driver *const drivers[] = {&sok_titles_sqlite, &sok_titles_postgresql};

static enum sok_status find_driver(
    const struct sok_db_tx *tx, const struct sok_titles_driver **ret, struct sok_error *err)
{
    for (size_t i = 0; i < SOK_ARRAY_LEN(drivers); i++) {
        if (strcmp(drivers[i]->dialect, sok_db_tx_dialect(tx)) == 0) {
            *ret = drivers[i];
            return SOK_OK;
        }
    }
    return sok_fail(err, SOK_UNSUPPORTED, "this database cannot be searched for titles");
}

struct trigram {
    const char *pattern;
    int64_t titles; // that have it, at most COMMON
};

static int by_rarity(const void *a, const void *b)
{
    const struct trigram *left = a, *right = b;
    return (left->titles > right->titles) - (left->titles < right->titles);
}

static bool is_listed(const struct trigram *trigrams, size_t count, const char *pattern)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(trigrams[i].pattern, pattern) == 0)
            return true;
    return false;
}

struct rare {
    const char *patterns[RARE_MAX]; // the first again where there are fewer
    int needed;                     // so many of them a title must have; 0: no title has any
};

static enum sok_status find_rare(
    struct sok_db_tx *tx, struct sok_arena *arena, const struct sok_titles_driver *driver, const char *text,
    struct rare *ret, struct sok_error *err)
{
    struct trigram trigrams[TRIGRAMS_MAX];
    size_t count = 0, broken = 0;
    for (const char *at = text; sok_trigram_bytes(at) && count < TRIGRAMS_MAX; at += sok_char_bytes(at)) {
        struct trigram *trigram = &trigrams[count];
        trigram->pattern = driver->pattern(arena, sok_strndup(arena, at, sok_trigram_bytes(at)));
        if (is_listed(trigrams, count, trigram->pattern))
            continue;
        SOK_TRY(sok_load_int(
            tx, driver->count, SOK_PARAMS(sok_db_text(trigram->pattern), sok_db_int(COMMON)),
            &trigram->titles, err));
        count += trigram->titles > 0;
        broken += trigram->titles == 0;
    }
    qsort(trigrams, count, sizeof(*trigrams), by_rarity);
    for (size_t i = 0; i < RARE_MAX && count; i++)
        ret->patterns[i] = trigrams[i < count ? i : 0].pattern;
    // Trigrams that no title has are an error's: the more there are, the fewer of the others it took.
    ret->needed = count ? 1 : 0;
    if (count >= RARE_MAX)
        ret->needed = broken >= 3 ? 3 : broken == 2 || count >= 2 * RARE_MAX ? 2 : 1;
    return SOK_OK;
}

// The best of those that the conditions leave. $1 is the text.
static enum sok_status list_best(
    struct sok_db_tx *tx, struct sok_arena *arena, const struct sok_where *where, const char **ret_seqs,
    size_t *ret_count, struct sok_error *err)
{
    SOK_BUF_AUTO list;
    sok_buf_init(&list, FOUND_BYTES_MAX);
    struct sok_db_result rows = {0};
    const char *sql = sok_format(
        arena,
        "WITH judged AS MATERIALIZED (SELECT seq, titles_rank(titles_folded, $1) AS rank FROM media WHERE "
        "%s) "
        "SELECT seq FROM judged WHERE rank > 0 ORDER BY rank DESC, seq LIMIT 2000",
        where->sql.data);
    SOK_TRY(sok_db_query(tx, arena, sql, where->values, where->count, &rows, err));
    sok_buf_puts(&list, "[");
    for (size_t i = 0; i < rows.row_count; i++)
        sok_buf_printf(&list, "%s%lld", i ? "," : "", (long long)sok_db_get_int(&rows, i, 0));
    sok_buf_puts(&list, "]");
    *ret_seqs = sok_strndup(arena, list.data, list.len);
    *ret_count = rows.row_count;
    return SOK_OK;
}

static void begin_where(struct sok_where *where, const char *text, bool with_episodes)
{
    sok_where_init(where);
    sok_where_add(where, "? <> ''", sok_db_text(text));
    if (!with_episodes)
        sok_where_add(where, "media_type <> 'episode'");
}

static enum sok_status find_similar(
    struct sok_db_tx *tx, struct sok_arena *arena, const struct sok_titles_driver *driver, const char *text,
    bool with_episodes, const char **ret_seqs, struct sok_error *err)
{
    struct rare rare;
    const char *one = driver->select;
    size_t count;
    SOK_WHERE_AUTO where;
    begin_where(&where, text, with_episodes);
    SOK_TRY(find_rare(tx, arena, driver, text, &rare, err));
    if (!rare.needed)
        return SOK_OK;
    const char *select = sok_format(
        arena,
        "seq IN (SELECT found.seq FROM (%s UNION ALL %s UNION ALL %s UNION ALL %s UNION ALL %s UNION ALL %s) "
        "AS found GROUP BY found.seq HAVING count(*) >= ?)",
        one, one, one, one, one, one);
    sok_where_add(
        &where, select, sok_db_text(rare.patterns[0]), sok_db_text(rare.patterns[1]),
        sok_db_text(rare.patterns[2]), sok_db_text(rare.patterns[3]), sok_db_text(rare.patterns[4]),
        sok_db_text(rare.patterns[5]), sok_db_int(rare.needed));
    SOK_TRY(list_best(tx, arena, &where, ret_seqs, &count, err));
    if (count || rare.needed == 1)
        return SOK_OK;
    where.values[where.count - 1] = sok_db_int(1); // more than one error
    return list_best(tx, arena, &where, ret_seqs, &count, err);
}

#define SWAPS_MAX 2

// The whole titles that the word is once two letters of it are changed back, for the words that need it; the
// first again where there are fewer, the word itself where there is none.
static void list_swaps(struct sok_arena *arena, const char *word, const char *ret_titles[SWAPS_MAX])
{
    const char *chars[7] = {word};
    size_t len = 0, count = 0;
    for (const char *at = word; *at; chars[++len] = at)
        at += sok_char_bytes(at);
    for (size_t i = len == 4 ? 1 : 0; i < (len == 3 ? 2U : len == 4 ? 2U : 0U); i++)
        ret_titles[count++] = sok_format(
            arena, "\n%.*s%.*s%.*s%s\n", (int)(chars[i] - word), word, (int)(chars[i + 2] - chars[i + 1]),
            chars[i + 1], (int)(chars[i + 1] - chars[i]), chars[i], chars[i + 2]);
    for (; count < SWAPS_MAX; count++)
        ret_titles[count] = count ? ret_titles[0] : sok_format(arena, "\n%s\n", word);
}

// Titles that are as long as the word, a letter shorter or longer, and begin or end with these two letters.
static void list_shapes(
    struct sok_arena *arena, const char *word, bool by_end, const char **ret_part, const char *ret_shapes[3])
{
    const char *chars[7] = {word};
    size_t len = 0;
    for (const char *at = word; *at; chars[++len] = at)
        at += sok_char_bytes(at);
    *ret_part = by_end ? sok_format(arena, "%s\n", chars[len - 2])
                       : sok_format(arena, "\n%.*s", (int)(chars[2] - word), word);
    for (int i = 0; i < 3; i++) {
        int others = (int)len - 3 + i;
        ret_shapes[i] = by_end ? sok_format(arena, "%%\n%.*s%s%%", others, "_____", *ret_part)
                               : sok_format(arena, "%%%s%.*s\n%%", *ret_part, others, "_____");
    }
}

// The titles that are this short word but for one letter: *ret_seqs gets them too.
static enum sok_status add_nearly(
    struct sok_db_tx *tx, struct sok_arena *arena, const struct sok_titles_driver *driver, const char *word,
    bool with_episodes, const char **ret_seqs, struct sok_error *err)
{
    const char *begin, *end, *begins[3], *ends[3], *swaps[SWAPS_MAX];
    struct sok_db_result rows = {0};
    SOK_WHERE_AUTO where;
    SOK_BUF_AUTO list;
    list_shapes(arena, word, false, &begin, begins);
    list_shapes(arena, word, true, &end, ends);
    list_swaps(arena, word, swaps);
    begin_where(&where, word, with_episodes);
    const char *shaped = sok_format(
        arena,
        "SELECT seq FROM media WHERE %s AND (titles_folded LIKE ? OR titles_folded LIKE ? OR "
        "titles_folded LIKE ?)",
        driver->holding);
    const char *nearly = sok_format(
        arena, "seq IN (%s UNION ALL %s UNION ALL %s UNION ALL %s)", shaped, shaped, driver->select,
        driver->select);
    sok_where_add(
        &where, nearly, sok_db_text(driver->pattern(arena, begin)), sok_db_text(begins[0]),
        sok_db_text(begins[1]), sok_db_text(begins[2]), sok_db_text(driver->pattern(arena, end)),
        sok_db_text(ends[0]), sok_db_text(ends[1]), sok_db_text(ends[2]),
        sok_db_text(driver->pattern(arena, swaps[0])), sok_db_text(driver->pattern(arena, swaps[1])));
    const char *sql = sok_format(
        arena, "SELECT seq, titles_folded FROM media WHERE %s LIMIT %d", where.sql.data, NEARLY_MAX);
    SOK_TRY(sok_db_query(tx, arena, sql, where.values, where.count, &rows, err));
    sok_buf_init(&list, 2 * FOUND_BYTES_MAX);
    sok_buf_printf(&list, "%.*s", (int)strlen(*ret_seqs) - 1, *ret_seqs);
    for (size_t i = 0; i < rows.row_count; i++)
        if (sok_titles_nearly(sok_db_get_text(&rows, i, 1), word))
            sok_buf_printf(&list, "%s%lld", list.len > 1 ? "," : "", (long long)sok_db_get_int(&rows, i, 0));
    sok_buf_puts(&list, "]");
    *ret_seqs = sok_strndup(arena, list.data, list.len);
    return SOK_OK;
}

enum sok_status sok_titles_find(
    struct sok_db_tx *tx, struct sok_arena *arena, const char *text, bool with_episodes,
    struct sok_title_condition *ret, struct sok_error *err)
{
    const struct sok_titles_driver *driver;
    size_t count;
    SOK_WHERE_AUTO where;
    begin_where(&where, text, with_episodes);
    SOK_TRY(find_driver(tx, &driver, err));
    bool is_short = !sok_trigram_bytes(text);
    if (is_short) // for the index, but in some scripts two characters are a word and stand anywhere
        sok_where_value(
            &where, text[sok_char_bytes(text)] && sok_text_runs_on(text) ? driver->within : driver->beginning,
            sok_db_text(text));
    else
        sok_where_value(&where, driver->holding_few, sok_db_text(driver->pattern(arena, text)));
    ret->sql = driver->found;
    SOK_TRY(list_best(tx, arena, &where, &ret->value, &count, err));
    if (count || is_short)
        return SOK_OK;
    SOK_TRY(find_similar(tx, arena, driver, text, with_episodes, &ret->value, err));
    return sok_is_short_word(text) ? add_nearly(tx, arena, driver, text, with_episodes, &ret->value, err)
                                   : SOK_OK;
}

enum sok_status sok_titles_found(struct sok_db_tx *tx, struct sok_title_condition *ret, struct sok_error *err)
{
    const struct sok_titles_driver *driver;
    SOK_TRY(find_driver(tx, &driver, err));
    ret->sql = driver->found;
    return SOK_OK;
}

enum sok_status sok_titles_holding(
    struct sok_db_tx *tx, struct sok_arena *arena, const char *text, struct sok_title_condition *ret,
    struct sok_error *err)
{
    const struct sok_titles_driver *driver;
    SOK_TRY(find_driver(tx, &driver, err));
    *ret = (struct sok_title_condition){driver->holding, driver->pattern(arena, text)};
    return SOK_OK;
}
