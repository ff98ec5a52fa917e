#include "data/titles.h"

#include <string.h>

static const struct sok_titles_driver *const drivers[] = {&sok_titles_sqlite};

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

enum sok_status sok_titles_find(
    struct sok_db_tx *tx, struct sok_arena *arena, const char *text, bool with_episodes,
    struct sok_title_condition *ret, struct sok_error *err)
{
    const struct sok_titles_driver *driver;
    SOK_TRY(find_driver(tx, &driver, err));
    return driver->find(tx, arena, text, with_episodes, ret, err);
}

enum sok_status sok_titles_holding(
    struct sok_db_tx *tx, struct sok_arena *arena, const char *text, struct sok_title_condition *ret,
    struct sok_error *err)
{
    const struct sok_titles_driver *driver;
    SOK_TRY(find_driver(tx, &driver, err));
    return driver->holding(tx, arena, text, ret, err);
}
