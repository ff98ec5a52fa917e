// What a database driver provides; included by db.c and the drivers only.
#ifndef SOK_BACKENDS_DB_DRIVER_H
#define SOK_BACKENDS_DB_DRIVER_H

#include "backends/db/db.h"

struct sok_db_driver {
    const char *scheme; // before the ':' of the URL
    // Whether `location` can be meant. NULL: any can.
    enum sok_status (*check)(const char *location, struct sok_error *err);
    // `location` is what follows the ':'. Sets *ret with `driver` filled in.
    enum sok_status (*open)(
        const char *location, const struct sok_db_options *options, struct sok_db **ret,
        struct sok_error *err);
    void (*close)(struct sok_db *db);
    const char *(*dialect)(const struct sok_db *db);
    struct sok_db_tx *(*reader)(struct sok_db *db);
    struct sok_db_tx *(*replica_reader)(struct sok_db *db); // NULL: there is only the reader
    size_t (*pool_size)(const struct sok_db *db);           // NULL: its number of connections does not matter
    enum sok_status (*query)(
        struct sok_db_tx *tx, struct sok_arena *arena, const char *sql, const struct sok_db_value *params,
        size_t param_count, struct sok_db_result *ret, struct sok_error *err);
    // wait_ms: how long the body may wait for its turn. rows_only: as sok_db_write_rows.
    enum sok_status (*write)(
        struct sok_db *db, sok_db_body body, void *context, bool rows_only, int64_t wait_ms,
        struct sok_error *err);
    // Inside `read` only, over whose transaction `scan` runs.
    enum sok_status (*read)(struct sok_db *db, sok_db_body body, void *context, struct sok_error *err);
    enum sok_status (*scan)(
        struct sok_db_tx *tx, const char *sql, sok_db_row row, void *context, struct sok_error *err);
    enum sok_status (*snapshot)(struct sok_db *db, const char *path, struct sok_error *err);
};

// First member of every driver's own struct.
struct sok_db {
    const struct sok_db_driver *driver;
    struct sok_metrics *metrics;
    sok_db_listener listener; // db.c's
    void *listener_context;
    sok_db_slow_listener slow_listener; // db.c's, too
    void *slow_context;
    int64_t slow_ms;
};
struct sok_db_writes;
struct sok_db_tx {
    struct sok_db *db;
    struct sok_db_writes *writes; // db.c's, while a body runs
    bool is_read;                 // of sok_db_read
};

// Room for one more row of `result`, which the driver fills in. `capacity`: of its cells, 0 at first.
// SOK_TOO_LARGE when it would be one too many.
enum sok_status sok_db_add_row(
    struct sok_arena *arena, struct sok_db_result *result, size_t *capacity, struct sok_db_value **ret_cells,
    struct sok_error *err);

// Around taking a connection from a driver's pool, and when it is given back.
int64_t sok_db_measure_wait(struct sok_db *db);
void sok_db_measure_taken(
    struct sok_db *db, int64_t began_us, enum sok_status status, const struct sok_error *err);
void sok_db_measure_returned(struct sok_db *db);

extern const struct sok_db_driver sok_db_sqlite, sok_db_postgres, sok_db_failing;

#endif
