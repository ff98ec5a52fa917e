#include "data/migrate.h"

#include <dirent.h>
#include <string.h>

#include "base/test.h"
#include "data/record.h"
#include "data/test_db.h"

static int set_up(void **state)
{
    struct sok_test_db *t = calloc(1, sizeof(*t));
    sok_test_db_open(t, "");
    *state = t;
    return 0;
}

static int tear_down(void **state)
{
    sok_test_db_close(*state);
    free(*state);
    return 0;
}

static enum sok_status run_sql(struct sok_db_tx *tx, void *context, struct sok_error *err)
{
    return SOK_DB_QUERY(tx, NULL, NULL, err, *(const char **)context);
}

static void write_sql(struct sok_test_db *t, const char *sql)
{
    assert_ok(sok_db_write(t->db, run_sql, &sql, &t->err));
}

static void every_table_of_the_seed_is_there(void **state)
{
    static const char *const tables[] = {
        "users",         "media",     "media_files",       "search_results",   "library_favorites",
        "watch_history", "tasks",     "library_watchlist", "audit_logs",       "collections",
        "sessions",      "api_keys",  "refresh_tokens",    "password_resets",  "collection_media",
        "searches",      "downloads", "search_providers",  "download_files",   "stream_sessions",
        "ip_rules",      "settings",  "dead_letters",      "idempotency_keys", "providers",
    };
    struct sok_test_db *t = *state;
    for (size_t i = 0; i < SOK_ARRAY_LEN(tables); i++)
        assert_ok(SOK_DB_QUERY(
            t->reader, NULL, NULL, &t->err, sok_format(t->arena, "SELECT count(*) FROM %s", tables[i])));
}

static void a_second_run_changes_nothing(void **state)
{
    struct sok_test_db *t = *state;
    int64_t applied = -1;
    assert_ok(sok_migrate(t->db, t->dir.path, 5, &applied, &t->err));
    assert_int_equal(applied, 0);
    struct sok_migration_state *states;
    size_t count;
    assert_ok(sok_migrate_status(t->db, t->arena, &states, &count, &t->err));
    assert_true(count >= 1);
    assert_int_equal(states[0].version, 1);
    assert_string_equal(states[0].name, "start");
    assert_int_equal(states[0].applied_at, 1);
    for (size_t i = 0; i < count; i++)
        assert_true(states[i].name[0] && states[i].applied_at);
}

static void a_newer_database_is_refused_and_shown(void **state)
{
    struct sok_test_db *t = *state;
    int64_t applied;
    write_sql(t, "INSERT INTO schema_migrations (version, name, applied_at) VALUES (9999, 'future', 7)");
    assert_int_equal(sok_migrate(t->db, t->dir.path, 5, &applied, &t->err), SOK_CONFLICT);
    assert_non_null(strstr(t->err.message, "newer"));
    struct sok_migration_state *states;
    size_t count;
    assert_ok(sok_migrate_status(t->db, t->arena, &states, &count, &t->err));
    assert_string_equal(states[count - 1].name, "future");
}

static bool folder_has(const char *folder, const char *prefix)
{
    DIR *dir = opendir(folder);
    assert_non_null(dir);
    bool found = false;
    for (struct dirent *entry; (entry = readdir(dir));)
        found = found || strncmp(entry->d_name, prefix, strlen(prefix)) == 0;
    closedir(dir);
    return found;
}

// As if the program knew one version more than the database: an older version in the list is missing its
// successors.
static void a_snapshot_is_taken_before_an_upgrade(void **state)
{
    struct sok_test_db *t = *state;
    int64_t applied;
    assert_false(folder_has(t->dir.path, "before-")); // none for a new database
    write_sql(t, "UPDATE schema_migrations SET version = version - 1");
    write_sql(t, "INSERT INTO schema_migrations (version, name, applied_at) VALUES (-1, 'older', 1)");
    write_sql(t, "DELETE FROM schema_migrations WHERE version >= 0");
    // The tables are there, so the migration fails; the snapshot of before must stand, the database be as it
    // was.
    assert_int_not_equal(sok_migrate(t->db, t->dir.path, 5, &applied, &t->err), SOK_OK);
    assert_true(folder_has(t->dir.path, "before-") || sok_test_postgres_server());
    assert_ok(SOK_DB_QUERY(t->reader, NULL, NULL, &t->err, "SELECT count(*) FROM users"));
}

static void every_foreign_key_has_an_index(void **state)
{
    struct sok_test_db *t = *state;
    struct sok_db_result rows;
    // Every foreign key has an index on its side: deleting a user or a work must not walk whole tables.
    const char *sqlite =
        "SELECT m.name, f.\"from\" FROM sqlite_schema m, pragma_foreign_key_list(m.name) f "
        "WHERE m.type = 'table' AND NOT EXISTS (SELECT 1 FROM pragma_index_list(m.name) l, "
        "pragma_index_info(l.name) i WHERE l.partial = 0 AND i.seqno = 0 AND i.name = f.\"from\")";
    const char *postgres =
        "SELECT c.conrelid::regclass::text, a.attname FROM pg_constraint c JOIN pg_attribute a "
        "ON a.attrelid = c.conrelid AND a.attnum = c.conkey[1] WHERE c.contype = 'f' AND NOT EXISTS "
        "(SELECT 1 FROM pg_index i WHERE i.indrelid = c.conrelid AND i.indkey[0] = c.conkey[1] "
        "AND i.indpred IS NULL)";
    assert_ok(
        SOK_DB_QUERY(t->reader, t->arena, &rows, &t->err, sok_test_postgres_server() ? postgres : sqlite));
    for (size_t i = 0; i < rows.row_count; i++)
        print_message("%s.%s\n", sok_db_get_text(&rows, i, 0), sok_db_get_text(&rows, i, 1));
    assert_int_equal(rows.row_count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_table_of_the_seed_is_there, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_second_run_changes_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_newer_database_is_refused_and_shown, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_snapshot_is_taken_before_an_upgrade, set_up, tear_down),
        cmocka_unit_test_setup_teardown(every_foreign_key_has_an_index, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
