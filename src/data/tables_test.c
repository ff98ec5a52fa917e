// Whole tables: nothing of the schema is left out, and what one database holds another can hold.
#include "data/tables.h"

#include "data/data_test.h"

#define TABLES_SQLITE                                                                  \
    "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%' " \
    "AND name NOT LIKE 'media_titles%' AND name <> 'db_ping'"
#define TABLES_POSTGRESQL                                             \
    "SELECT CAST(table_name AS TEXT) FROM information_schema.tables " \
    "WHERE table_schema = 'public' AND table_name <> 'db_ping'"

static bool is_sqlite(const struct sok_test_db *t)
{
    return strcmp(sok_db_dialect(t->db), "sqlite") == 0;
}

static void every_table_is_listed_those_referred_to_first(void **state)
{
    struct sok_test_db *t = *state;
    struct sok_table_schema *tables;
    struct sok_db_result names;
    size_t count;
    sok_test_db_check(sok_tables_list(t->tx, t->arena, &tables, &count, &t->err), &t->err);
    const char *sql = is_sqlite(t) ? TABLES_SQLITE : TABLES_POSTGRESQL;
    sok_test_db_check(sok_db_query(t->tx, t->arena, sql, NULL, 0, &names, &t->err), &t->err);
    assert_int_equal(names.row_count, count);
    for (size_t i = 0; i < count; i++)
        assert_non_null(sok_tables_find(tables, count, sok_db_get_text(&names, i, 0)));
    static const char *const order[] = {"users", "downloads", "stream_sessions"};
    for (size_t i = 1; i < SOK_ARRAY_LEN(order); i++)
        assert_true(sok_tables_find(tables, count, order[i - 1]) < sok_tables_find(tables, count, order[i]));
    assert_null(sok_tables_find(tables, count, "nothing"));
}

static void columns_have_their_types_and_keys(void **state)
{
    struct sok_test_db *t = *state;
    struct sok_table_schema *tables;
    size_t count;
    sok_test_db_check(sok_tables_list(t->tx, t->arena, &tables, &count, &t->err), &t->err);
    const struct sok_table_schema *media = sok_tables_find(tables, count, "media");
    const struct sok_table_schema *files = sok_tables_find(tables, count, "download_files");
    assert_string_equal(media->parent, "parent_id");
    assert_null(files->parent);
    assert_string_equal(media->columns[0].name, "seq");
    assert_int_equal(media->columns[0].type, SOK_DB_INT);
    assert_int_equal(media->columns[0].key, 1);
    assert_int_equal(media->columns[1].key, 0);
    assert_int_equal(files->columns[0].key, 1);
    assert_int_equal(files->columns[1].key, 2);
    for (size_t i = 0; i < media->column_count; i++)
        if (strcmp(media->columns[i].name, "rating") == 0)
            assert_int_equal(media->columns[i].type, SOK_DB_REAL);
}

// "name: statement" of every index, a line each.
static const char *list_indexes(struct sok_test_db *t)
{
    struct sok_db_result rows;
    const char *sql =
        is_sqlite(t) ? "SELECT name, COALESCE(sql, '') FROM sqlite_schema WHERE type = 'index' ORDER BY name"
                     : "SELECT CAST(indexname AS TEXT), indexdef FROM pg_indexes "
                       "WHERE schemaname = current_schema() ORDER BY indexname";
    sok_test_db_check(sok_db_query(t->tx, t->arena, sql, NULL, 0, &rows, &t->err), &t->err);
    const char *list = "";
    for (size_t i = 0; i < rows.row_count; i++)
        list = sok_format(
            t->arena, "%s%s: %s\n", list, sok_db_get_text(&rows, i, 0), sok_db_get_text(&rows, i, 1));
    return list;
}

static void indexes_that_were_dropped_are_made_as_they_were(void **state)
{
    struct sok_test_db *t = *state;
    struct sok_table_indexes indexes, left;
    const char *before = list_indexes(t);
    sok_test_db_check(sok_tables_drop_indexes(t->tx, t->arena, &indexes, &t->err), &t->err);
    assert_true(indexes.count > 10);
    sok_test_db_check(sok_tables_drop_indexes(t->tx, t->arena, &left, &t->err), &t->err);
    assert_int_equal(left.count, 0);
    assert_true(strlen(list_indexes(t)) < strlen(before));
    sok_test_db_check(sok_tables_make_indexes(t->tx, &indexes, &t->err), &t->err);
    assert_string_equal(list_indexes(t), before);
}

// --- Rows through a loader.

struct seen {
    struct sok_arena *arena;
    struct sok_db_value cells[8][SOK_TABLE_COLUMNS_MAX];
    size_t count, columns;
};

static enum sok_status keep_row(
    void *context, const struct sok_db_value *cells, size_t count, struct sok_error *err)
{
    struct seen *seen = context;
    assert_true(seen->count < SOK_ARRAY_LEN(seen->cells));
    for (size_t i = 0; i < count; i++) {
        seen->cells[seen->count][i] = cells[i];
        if (cells[i].type == SOK_DB_TEXT || cells[i].type == SOK_DB_BLOB)
            seen->cells[seen->count][i].text = sok_strndup(seen->arena, cells[i].text, cells[i].len);
    }
    seen->columns = count;
    seen->count++;
    return SOK_OK;
}

struct look {
    struct sok_arena *arena;
    const char *table;
    struct seen seen;
    struct sok_table_schema found;
};

static enum sok_status look_at_table(struct sok_db_tx *tx, void *context, struct sok_error *err)
{
    struct look *look = context;
    struct sok_table_schema *tables;
    size_t count;
    SOK_TRY(sok_tables_list(tx, look->arena, &tables, &count, err));
    look->found = *sok_tables_find(tables, count, look->table);
    look->seen = (struct seen){.arena = look->arena};
    return sok_tables_scan(tx, &look->found, keep_row, &look->seen, err);
}

static struct look *look_at(struct sok_test_db *t, const char *table)
{
    struct look *look = sok_alloc(t->arena, sizeof(*look));
    look->arena = t->arena;
    look->table = table;
    sok_test_db_check(sok_db_read(t->db, look_at_table, look, &t->err), &t->err);
    return look;
}

static enum sok_status load_again(struct sok_db_tx *tx, void *context, struct sok_error *err)
{
    struct look *look = context;
    struct sok_table_loader loader;
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    SOK_TRY(sok_db_query(tx, NULL, sok_format(arena, "DELETE FROM %s", look->table), NULL, 0, NULL, err));
    sok_table_loader_begin(&loader, tx, arena, &look->found);
    for (size_t i = 0; i < look->seen.count; i++)
        SOK_TRY(sok_table_loader_row(&loader, look->seen.cells[i], err));
    SOK_TRY(sok_table_loader_end(&loader, err));
    assert_int_equal(loader.written, look->seen.count);
    sok_table_loader_done(&loader);
    return sok_tables_renumber(tx, err);
}

static void assert_same(const struct seen *a, const struct seen *b)
{
    assert_int_equal(a->count, b->count);
    assert_int_equal(a->columns, b->columns);
    for (size_t row = 0; row < a->count; row++) {
        for (size_t i = 0; i < a->columns; i++) {
            const struct sok_db_value *x = &a->cells[row][i], *y = &b->cells[row][i];
            assert_int_equal(x->type, y->type);
            assert_true(x->integer == y->integer);
            assert_memory_equal(&x->real, &y->real, sizeof(x->real));
            assert_int_equal(x->len, y->len);
            if (x->text)
                assert_memory_equal(x->text, y->text, x->len);
        }
    }
}

static enum sok_status add_odd_rows(struct sok_db_tx *tx, void *context, struct sok_error *err)
{
    static const char sql[] = "INSERT INTO downloads (id, user_id, title, error, torrent, progress, "
                              "size_bytes, status, created_at, "
                              "updated_at) VALUES ($1, 'ada', $2, $3, $4, $5, $6, 'failed', 1, -1)";
    SOK_TRY(SOK_DB_QUERY(
        tx, NULL, NULL, err, sql, sok_db_text("d1"), sok_db_text("\"\\ \x01\x1f\x7f\t\r\n'$1 \\u0041 ée 😀"),
        sok_db_text(""), sok_db_blob("\0\xff\\x\"", 5), sok_db_real(0.1 + 0.2), sok_db_int(INT64_MAX)));
    SOK_TRY(SOK_DB_QUERY(
        tx, NULL, NULL, err, sql, sok_db_text("d2"), sok_db_text("{\"a\": [1]}"), sok_db_null(),
        sok_db_blob("", 0), sok_db_real(5e-324), sok_db_int(INT64_MIN)));
    return SOK_DB_QUERY(
        tx, NULL, NULL, err, sql, sok_db_text("d3"), sok_db_text("null"), sok_db_text("null"), sok_db_null(),
        sok_db_real(1.7976931348623157e308), sok_db_int(0));
}

static void rows_come_back_as_they_were(void **state)
{
    struct sok_test_db *t = *state;
    sok_test_db_end(t);
    sok_test_db_check(sok_db_write(t->db, add_odd_rows, NULL, &t->err), &t->err);
    struct look *before = look_at(t, "downloads");
    assert_int_equal(before->seen.count, 3);
    sok_test_db_check(sok_db_write(t->db, load_again, before, &t->err), &t->err);
    assert_same(&before->seen, &look_at(t, "downloads")->seen);
    sok_test_db_begin(t);
}

static void rows_that_refer_to_others_come_last_and_numbers_go_on(void **state)
{
    struct sok_test_db *t = *state;
    run_in_tx(
        t, "INSERT INTO media (seq, id, media_type, title, title_folded, titles_folded, parent_id, "
           "season_number, episode_number, created_at, updated_at) VALUES "
           "(7, 'tv', 'tv', 'T', 't', 't', NULL, NULL, NULL, 1, 1), "
           "(3, 'e2', 'episode', 'E', 'e', 'e', 'tv', 1, 2, 1, 1), "
           "(2, 'e1', 'episode', 'E', 'e', 'e', 'tv', 1, 1, 1, 1)");
    sok_test_db_end(t);
    struct look *look = look_at(t, "media");
    assert_int_equal(look->seen.count, 3);
    assert_int_equal(look->seen.cells[0][0].integer, 7);
    assert_int_equal(look->seen.cells[1][0].integer, 2);
    assert_int_equal(look->seen.cells[2][0].integer, 3);
    sok_test_db_check(sok_db_write(t->db, load_again, look, &t->err), &t->err);
    assert_same(&look->seen, &look_at(t, "media")->seen);
    sok_test_db_add_movie(t, "m", "M", 2000);
    assert_int_equal(look_at(t, "media")->seen.cells[1][0].integer, 8);
    sok_test_db_begin(t);
}

static void the_present_version_is_told_without_a_change(void **state)
{
    struct sok_test_db *t = *state;
    int64_t version = -1;
    sok_test_db_check(sok_migrate_present(t->tx, &version, &t->err), &t->err);
    assert_int_equal(version, sok_migrate_newest());
    assert_true(version >= 9);
}

static void a_database_is_made_anew_inside_a_transaction(void **state)
{
    struct sok_test_db *t = *state;
    int64_t version = -1;
    struct sok_db_result rows;
    if (is_sqlite(t)) {
        assert_int_equal(sok_tables_drop_all(t->tx, &t->err), SOK_UNSUPPORTED);
        return;
    }
    sok_test_db_check(sok_tables_drop_all(t->tx, &t->err), &t->err);
    sok_test_db_check(sok_migrate_present(t->tx, &version, &t->err), &t->err);
    assert_int_equal(version, 0);
    sok_test_db_check(sok_migrate_within(t->tx, 3, 1, &t->err), &t->err);
    sok_test_db_check(sok_migrate_present(t->tx, &version, &t->err), &t->err);
    assert_int_equal(version, 3);
    sok_test_db_check(sok_migrate_within(t->tx, sok_migrate_newest(), 1, &t->err), &t->err);
    sok_test_db_check(SOK_DB_QUERY(t->tx, t->arena, &rows, &t->err, "SELECT count(*) FROM users"), &t->err);
    assert_int_equal(sok_db_get_int(&rows, 0, 0), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(every_table_is_listed_those_referred_to_first),
        TEST(columns_have_their_types_and_keys),
        TEST(indexes_that_were_dropped_are_made_as_they_were),
        TEST(rows_come_back_as_they_were),
        TEST(rows_that_refer_to_others_come_last_and_numbers_go_on),
        TEST(the_present_version_is_told_without_a_change),
        TEST(a_database_is_made_anew_inside_a_transaction),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
