// Titles in PostgreSQL's trigram index (pg_trgm): it serves LIKE.
#include "base/text.h"
#include "data/titles.h"

static const char *pattern(struct sok_arena *arena, const char *text)
{
    return sok_format(arena, "%%%s%%", sok_text_escape_like(arena, text));
}

const struct sok_titles_driver sok_titles_postgresql = {
    .dialect = "postgresql",
    .pattern = pattern,
    .holding = "titles_folded LIKE ?",
    .holding_few = "seq IN (SELECT seq FROM media WHERE titles_folded LIKE ? LIMIT 4000) OR seq IN "
                   "(SELECT seq FROM media WHERE starts_with(title_folded, $1) LIMIT 1000)",
    .beginning = "starts_with(title_folded, ?)",
    .within = "seq IN (SELECT seq FROM media WHERE position(? IN titles_folded) > 0 LIMIT 4000)",
    .found = "seq IN (SELECT CAST(value AS BIGINT) FROM json_array_elements_text(CAST(? AS JSON)) AS listed "
             "(value))",
    .select = "SELECT seq FROM media WHERE titles_folded LIKE ?",
    .count = "SELECT count(*) FROM (SELECT 1 FROM media WHERE titles_folded LIKE $1 LIMIT $2) AS counted",
};
