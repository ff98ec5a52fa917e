// Titles in SQLite's FTS5 index of trigrams: a phrase is a part of a title.
#include "base/buf.h"
#include "data/titles.h"

#define PATTERN_MAX ((size_t)8 << 10)
#define LAST_CHARACTER "char(1114111)"

static const char *pattern(struct sok_arena *arena, const char *text)
{
    SOK_BUF_AUTO buf;
    sok_buf_init(&buf, PATTERN_MAX);
    sok_buf_puts(&buf, "\"");
    for (; *text; text++)
        sok_buf_append(&buf, *text == '"' ? "\"\"" : text, *text == '"' ? 2 : 1);
    sok_buf_puts(&buf, "\"");
    return sok_strndup(arena, buf.data, buf.len);
}

const struct sok_titles_driver sok_titles_sqlite = {
    .dialect = "sqlite",
    .pattern = pattern,
    .holding = "seq IN (SELECT rowid FROM media_titles WHERE media_titles MATCH ?)",
    .holding_few = "seq IN (SELECT rowid FROM media_titles WHERE media_titles MATCH ? LIMIT 4000) OR seq IN "
                   "(SELECT seq FROM media WHERE title_folded >= $1 AND title_folded < $1 || " LAST_CHARACTER
                   " LIMIT 1000)",
    .beginning = "title_folded >= ? AND title_folded < ? || " LAST_CHARACTER,
    .within = "seq IN (SELECT seq FROM media WHERE instr(titles_folded, ?) > 0 LIMIT 4000)",
    .found = "seq IN (SELECT value FROM json_each(?))",
    .select = "SELECT rowid AS seq FROM media_titles WHERE media_titles MATCH ?",
    .count = "SELECT count(*) FROM (SELECT rowid FROM media_titles WHERE media_titles MATCH $1 LIMIT $2)",
};
