// The functions that our SQL may use on every engine (db.h), for SQLite.
#include "backends/db/drivers/sqlite.h"
#include "base/similar.h"
#include "base/text.h"

static const char *text_of(sqlite3_value *value)
{
    const char *text = (const char *)sqlite3_value_text(value);
    return text ? text : "";
}

static void fold(sqlite3_context *context, int count, sqlite3_value **values)
{
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    sqlite3_result_text(context, sok_text_fold(arena, text_of(values[0])), -1, SQLITE_TRANSIENT);
}

static void titles_match(sqlite3_context *context, int count, sqlite3_value **values)
{
    sqlite3_result_int(context, sok_titles_match(text_of(values[0]), text_of(values[1])));
}

static void titles_rank(sqlite3_context *context, int count, sqlite3_value **values)
{
    sqlite3_result_double(context, sok_titles_rank(text_of(values[0]), text_of(values[1])));
}

enum sok_status sok_sqlite_add_functions(sqlite3 *handle, struct sok_error *err)
{
    static const struct {
        const char *name;
        int parameters;
        void (*run)(sqlite3_context *context, int count, sqlite3_value **values);
    } functions[] = {{"fold", 1, fold}, {"titles_match", 2, titles_match}, {"titles_rank", 2, titles_rank}};
    for (size_t i = 0; i < SOK_ARRAY_LEN(functions); i++) {
        int code = sqlite3_create_function_v2(
            handle, functions[i].name, functions[i].parameters,
            SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_DIRECTONLY, NULL, functions[i].run, NULL, NULL, NULL);
        if (code != SQLITE_OK)
            return sok_sqlite_fail(handle, code, err);
    }
    return SOK_OK;
}
