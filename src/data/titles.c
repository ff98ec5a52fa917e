// A text is looked for as it is first. Only when no title holds it, titles that are like it are. An error
// takes at most four neighbouring trigrams of the text, so a title that was meant has one of any five, and
// two of any six: the rarest are asked for, which few titles have. How alike they are is then looked at
// closely (titles_rank). Asking for any of the trigrams instead would read half the index.
#include "data/titles.h"

#include <stdlib.h>
#include <string.h>

#include "base/similar.h"
#include "data/page.h"

#define TRIGRAMS_MAX 64 // of a text that are looked at
#define RARE_MAX 6      // of them that are looked for; see above
#define COMMON 10000    // titles: counting goes no further
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
    if (is_short) // for the index
        sok_where_value(&where, driver->beginning, sok_db_text(text));
    else
        sok_where_value(&where, driver->holding_few, sok_db_text(driver->pattern(arena, text)));
    ret->sql = driver->found;
    SOK_TRY(list_best(tx, arena, &where, &ret->value, &count, err));
    if (count || is_short)
        return SOK_OK;
    return find_similar(tx, arena, driver, text, with_episodes, &ret->value, err);
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
