// Finding titles in SQLite's trigram index. A text is looked for as it is first. Only when no
// title holds it, titles that are like it are: an error takes at most four neighbouring trigrams, so a title
// that was meant has one of the text's five rarest, and few titles have those. How alike they are is then
// looked at closely (base/similar.h). Asking for any of the trigrams instead would read half the index.
#include <stdlib.h>
#include <string.h>

#include "base/similar.h"
#include "data/record.h"
#include "data/titles.h"

#define TRIGRAMS_MAX 64 // of a text that are looked at
#define RARE_MAX 5      // of them that are looked for; see above
#define COMMON 4000     // titles: counting goes no further
#define LAST_CHARACTER "char(1114111)"

// Text as a phrase of an FTS5 query.
static const char *phrase_of(struct sok_arena *arena, const char *text)
{
    SOK_BUF_AUTO buf;
    sok_buf_init(&buf, (size_t)64 << 10);
    sok_buf_puts(&buf, "\"");
    for (; *text; text++)
        sok_buf_append(&buf, *text == '"' ? "\"\"" : text, *text == '"' ? 2 : 1);
    sok_buf_puts(&buf, "\"");
    return sok_strndup(arena, buf.data, buf.len);
}

struct trigram {
    const char *phrase;
    int64_t titles; // that have it, at most COMMON
};

static enum sok_status count_titles(
    struct sok_db_tx *tx, const char *phrase, int64_t *ret, struct sok_error *err)
{
    return sok_load_int(
        tx, "SELECT count(*) FROM (SELECT rowid FROM media_titles WHERE media_titles MATCH $1 LIMIT $2)",
        SOK_PARAMS(sok_db_text(phrase), sok_db_int(COMMON)), ret, err);
}

static int by_rarity(const void *a, const void *b)
{
    const struct trigram *left = a, *right = b;
    return (left->titles > right->titles) - (left->titles < right->titles);
}

static bool is_listed(const struct trigram *trigrams, size_t count, const char *phrase)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(trigrams[i].phrase, phrase) == 0)
            return true;
    return false;
}

// "a" OR "b" of the text's rarest trigrams that any title has; "" when no title has one.
static enum sok_status rare_trigrams(
    struct sok_db_tx *tx, struct sok_arena *arena, const char *text, const char **ret, struct sok_error *err)
{
    struct trigram trigrams[TRIGRAMS_MAX];
    size_t count = 0, used = 0;
    for (const char *at = text; sok_trigram_bytes(at) && count < TRIGRAMS_MAX; at += sok_char_bytes(at)) {
        const char *phrase = phrase_of(arena, sok_strndup(arena, at, sok_trigram_bytes(at)));
        if (is_listed(trigrams, count, phrase))
            continue;
        trigrams[count].phrase = phrase;
        SOK_TRY(count_titles(tx, phrase, &trigrams[count++].titles, err));
    }
    qsort(trigrams, count, sizeof(*trigrams), by_rarity);
    SOK_BUF_AUTO buf;
    sok_buf_init(&buf, (size_t)64 << 10);
    for (size_t i = 0; i < count && used < RARE_MAX; i++) {
        if (!trigrams[i].titles)
            continue;
        sok_buf_printf(&buf, "%s%s", used ? " OR " : "", trigrams[i].phrase);
        used++;
    }
    *ret = sok_strndup(arena, buf.data ? buf.data : "", buf.len);
    return SOK_OK;
}

// Whose titles hold the text. Of a text that very many hold, those that begin with it are looked at first.
#define HOLDING                                                                                 \
    "seq IN (SELECT rowid FROM media_titles WHERE media_titles MATCH $3 LIMIT 4000) OR seq IN " \
    "(SELECT seq FROM media WHERE title_folded >= $1 AND title_folded < $1 || " LAST_CHARACTER  \
    " LIMIT 1000)"
#define SIMILAR "seq IN (SELECT rowid FROM media_titles WHERE media_titles MATCH $3)"
#define BEGINNING "title_folded >= $1 AND title_folded < $1 || " LAST_CHARACTER

// The best of those that the condition leaves.
#define BEST(condition)                                                                           \
    "WITH judged AS MATERIALIZED (SELECT seq, titles_rank(titles_folded, $1) AS rank FROM media " \
    "WHERE (" condition ") AND ($2 = 1 OR media_type <> 'episode')) "                             \
    "SELECT seq FROM judged WHERE rank > 0 ORDER BY rank DESC, seq LIMIT 2000"

static enum sok_status list_best(
    struct sok_db_tx *tx, struct sok_arena *arena, const char *sql, const char *text, bool with_episodes,
    const char *match, const char **ret_seqs, size_t *ret_count, struct sok_error *err)
{
    SOK_BUF_AUTO list;
    struct sok_db_result rows = {0};
    SOK_TRY(SOK_DB_QUERY(
        tx, arena, &rows, err, sql, sok_db_text(text), sok_db_int(with_episodes), sok_db_text(match)));
    sok_buf_init(&list, (size_t)64 << 10);
    sok_buf_puts(&list, "[");
    for (size_t i = 0; i < rows.row_count; i++)
        sok_buf_printf(&list, "%s%lld", i ? "," : "", (long long)sok_db_get_int(&rows, i, 0));
    sok_buf_puts(&list, "]");
    *ret_seqs = sok_strndup(arena, list.data, list.len);
    *ret_count = rows.row_count;
    return SOK_OK;
}

static enum sok_status find(
    struct sok_db_tx *tx, struct sok_arena *arena, const char *text, bool with_episodes,
    struct sok_title_condition *ret, struct sok_error *err)
{
    size_t count;
    const char *match;
    ret->sql = "seq IN (SELECT value FROM json_each(?))";
    if (!sok_trigram_bytes(text)) // too short for the index
        return list_best(tx, arena, BEST(BEGINNING), text, with_episodes, NULL, &ret->value, &count, err);
    match = phrase_of(arena, text);
    SOK_TRY(list_best(tx, arena, BEST(HOLDING), text, with_episodes, match, &ret->value, &count, err));
    if (count)
        return SOK_OK;
    SOK_TRY(rare_trigrams(tx, arena, text, &match, err));
    if (!*match)
        return SOK_OK;
    return list_best(tx, arena, BEST(SIMILAR), text, with_episodes, match, &ret->value, &count, err);
}

static enum sok_status holding(
    struct sok_db_tx *tx, struct sok_arena *arena, const char *text, struct sok_title_condition *ret,
    struct sok_error *err)
{
    ret->sql = "seq IN (SELECT rowid FROM media_titles WHERE media_titles MATCH ?)";
    ret->value = phrase_of(arena, text);
    return SOK_OK;
}

const struct sok_titles_driver sok_titles_sqlite = {.dialect = "sqlite", .find = find, .holding = holding};
