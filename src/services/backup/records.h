// What is in a backup: where it comes from, files of the data folder, and the rows of every table, as records
// one behind the other. Whoever reads or writes them, in a file or from one database to another, is a sink.
//
// A record is a letter and what belongs to it; numbers are little end first, a text is its length (4 bytes)
// and its bytes:
//   B  text version of the program, 8 bytes schema, 8 bytes time, text engine     once, first
//   F  text path, 8 bytes size, the bytes                                         any number
//   T  text name, 2 bytes number of columns, a text for each                      each followed by
//   R    for each column a letter: N | I 8 bytes | D 8 bytes | S text | X text       its rows and
//   E    8 bytes number of rows                                                      its end
//   Z                                                                             once, last
#ifndef SOK_SERVICES_BACKUP_RECORDS_H
#define SOK_SERVICES_BACKUP_RECORDS_H

#include "data/tables.h"

#define SOK_BACKUP_ROW_MAX_BYTES ((size_t)128 << 20)
#define SOK_BACKUP_FILE_MAX_BYTES ((int64_t)64 << 20)
#define SOK_BACKUP_FILES_MAX 1000000
#define SOK_BACKUP_PATH_MAX 200

struct sok_backup_info {
    const char *version; // of the program
    int64_t schema;
    int64_t at_ms;
    const char *engine; // "sqlite", "postgresql"
};

// Called in the order of the records above. Anything but SOK_OK ends it with that status. What is pointed to
// is gone after the call. A NULL function is one that has nothing to do.
struct sok_backup_sink {
    void *context;
    enum sok_status (*begin)(void *context, const struct sok_backup_info *info, struct sok_error *err);
    enum sok_status (*file)(void *context, const char *path, int64_t size, struct sok_error *err);
    enum sok_status (*file_bytes)(void *context, const void *bytes, size_t len, struct sok_error *err);
    enum sok_status (*file_end)(void *context, struct sok_error *err);
    enum sok_status (*table)(
        void *context, const char *name, const char *const *columns, size_t count, struct sok_error *err);
    sok_db_row row;
    enum sok_status (*table_end)(void *context, int64_t rows, struct sok_error *err);
    enum sok_status (*end)(void *context, struct sok_error *err);
};

// Exactly `len` bytes of where records come from.
struct sok_backup_source {
    void *context;
    enum sok_status (*read)(void *context, void *bytes, size_t len, struct sok_error *err);
};

// Whether a path may be in a backup: "sokoul.conf", or a plain name in keys/, avatars/ or resume/.
bool sok_backup_path_is_valid(const char *path);

// Reads records up to the last. SOK_INVALID for anything else than the above, or beyond the limits; what the
// source and the sink fail with. Memory: one row.
SOK_MUST_CHECK enum sok_status sok_backup_read(
    const struct sok_backup_source *source, const struct sok_backup_sink *sink, struct sok_error *err);

// Where records go as bytes.
struct sok_backup_writer {
    void *context;
    enum sok_status (*write)(void *context, const void *bytes, size_t len, struct sok_error *err);
};

// A sink that writes records. `writer` is borrowed as the sink's context.
struct sok_backup_sink sok_backup_records(struct sok_backup_writer *writer);

#endif
