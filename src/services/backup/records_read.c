// The records of a backup as they are read. They are authentic when they come from a file of the right
// passphrase, and yet nothing is believed: whoever wrote it need not be this program.
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "services/backup/records.h"

#define WORD_MAX 64 // version and engine
#define PART_BYTES 65536

struct reading {
    const struct sok_backup_source *source;
    const struct sok_backup_sink *sink;
    struct sok_arena *arena; // of the present record
    size_t columns;          // of the present table
    size_t row_bytes;        // of the present row
    int64_t rows;            // of the present table
    int64_t files;
    bool in_table;
};

bool sok_backup_path_is_valid(const char *path)
{
    static const char *const folders[] = {"keys/", "avatars/", "resume/"};
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
    if (strcmp(path, "sokoul.conf") == 0)
        return true;
    for (size_t i = 0; i < SOK_ARRAY_LEN(folders); i++) {
        const char *name = path + strlen(folders[i]);
        if (!sok_text_starts(path, folders[i]))
            continue;
        size_t len = strlen(name);
        return len > 0 && len <= SOK_BACKUP_PATH_MAX && name[0] != '.' && strspn(name, letters) == len;
    }
    return false;
}

static enum sok_status fail_record(struct sok_error *err)
{
    return sok_fail(err, SOK_INVALID, "the backup holds something that this program did not write");
}

static enum sok_status take(struct reading *reading, void *bytes, size_t len, struct sok_error *err)
{
    return len ? reading->source->read(reading->source->context, bytes, len, err) : SOK_OK;
}

static enum sok_status take_number(
    struct reading *reading, size_t bytes, uint64_t *ret, struct sok_error *err)
{
    unsigned char text[8];
    *ret = 0;
    SOK_TRY(take(reading, text, bytes, err));
    for (size_t i = 0; i < bytes; i++)
        *ret |= (uint64_t)text[i] << (8 * i);
    return SOK_OK;
}

static enum sok_status take_bytes(
    struct reading *reading, size_t max, const char **ret, size_t *ret_len, struct sok_error *err)
{
    uint64_t len;
    SOK_TRY(take_number(reading, 4, &len, err));
    if (len > max)
        return fail_record(err);
    char *bytes = sok_alloc(reading->arena, (size_t)len + 1);
    SOK_TRY(take(reading, bytes, (size_t)len, err));
    *ret = bytes;
    *ret_len = (size_t)len;
    return SOK_OK;
}

static enum sok_status take_text(struct reading *reading, size_t max, const char **ret, struct sok_error *err)
{
    size_t len;
    SOK_TRY(take_bytes(reading, max, ret, &len, err));
    return sok_utf8_valid(*ret, len) ? SOK_OK : fail_record(err);
}

static enum sok_status read_begin(struct reading *reading, struct sok_error *err)
{
    struct sok_backup_info info = {0};
    uint64_t schema, at;
    SOK_TRY(take_text(reading, WORD_MAX, &info.version, err));
    SOK_TRY(take_number(reading, 8, &schema, err));
    SOK_TRY(take_number(reading, 8, &at, err));
    SOK_TRY(take_text(reading, WORD_MAX, &info.engine, err));
    if (schema < 1 || schema > 1000000 || at > INT64_MAX)
        return fail_record(err);
    info.schema = (int64_t)schema;
    info.at_ms = (int64_t)at;
    return reading->sink->begin ? reading->sink->begin(reading->sink->context, &info, err) : SOK_OK;
}

static enum sok_status read_file(struct reading *reading, struct sok_error *err)
{
    const struct sok_backup_sink *sink = reading->sink;
    const char *path;
    uint64_t size;
    SOK_TRY(take_text(reading, SOK_BACKUP_PATH_MAX, &path, err));
    SOK_TRY(take_number(reading, 8, &size, err));
    if (!sok_backup_path_is_valid(path) || size > (uint64_t)SOK_BACKUP_FILE_MAX_BYTES ||
        ++reading->files > SOK_BACKUP_FILES_MAX)
        return fail_record(err);
    if (sink->file)
        SOK_TRY(sink->file(sink->context, path, (int64_t)size, err));
    char *part = sok_alloc(reading->arena, PART_BYTES);
    for (uint64_t left = size; left;) {
        size_t len = left < PART_BYTES ? (size_t)left : PART_BYTES;
        SOK_TRY(take(reading, part, len, err));
        if (sink->file_bytes)
            SOK_TRY(sink->file_bytes(sink->context, part, len, err));
        left -= len;
    }
    return sink->file_end ? sink->file_end(sink->context, err) : SOK_OK;
}

static enum sok_status read_table(struct reading *reading, struct sok_error *err)
{
    const char *name, *columns[SOK_TABLE_COLUMNS_MAX];
    uint64_t count;
    SOK_TRY(take_text(reading, SOK_TABLE_NAME_MAX, &name, err));
    SOK_TRY(take_number(reading, 2, &count, err));
    if (count < 1 || count > SOK_TABLE_COLUMNS_MAX)
        return fail_record(err);
    for (size_t i = 0; i < count; i++)
        SOK_TRY(take_text(reading, SOK_TABLE_NAME_MAX, &columns[i], err));
    reading->columns = (size_t)count;
    reading->rows = 0;
    reading->in_table = true;
    return reading->sink->table
               ? reading->sink->table(reading->sink->context, name, columns, (size_t)count, err)
               : SOK_OK;
}

static enum sok_status take_value(
    struct reading *reading, enum sok_db_type type, struct sok_db_value *ret, struct sok_error *err)
{
    size_t room = SOK_BACKUP_ROW_MAX_BYTES - reading->row_bytes;
    size_t max = room < SOK_TABLE_VALUE_MAX_BYTES ? room : SOK_TABLE_VALUE_MAX_BYTES;
    *ret = (struct sok_db_value){.type = type};
    SOK_TRY(take_bytes(reading, max, &ret->text, &ret->len, err));
    reading->row_bytes += ret->len;
    return type == SOK_DB_BLOB || !memchr(ret->text, 0, ret->len) ? SOK_OK : fail_record(err);
}

static enum sok_status take_cell(struct reading *reading, struct sok_db_value *ret, struct sok_error *err)
{
    char letter;
    uint64_t bits;
    SOK_TRY(take(reading, &letter, 1, err));
    switch (letter) {
    case 'N':
        *ret = sok_db_null();
        return SOK_OK;
    case 'I':
        SOK_TRY(take_number(reading, 8, &bits, err));
        *ret = sok_db_int((int64_t)bits);
        return SOK_OK;
    case 'D':
        SOK_TRY(take_number(reading, 8, &bits, err));
        *ret = sok_db_real(0);
        memcpy(&ret->real, &bits, sizeof(bits));
        return SOK_OK;
    case 'S':
        return take_value(reading, SOK_DB_TEXT, ret, err);
    case 'X':
        return take_value(reading, SOK_DB_BLOB, ret, err);
    default:
        return fail_record(err);
    }
}

static enum sok_status read_row(struct reading *reading, struct sok_error *err)
{
    struct sok_db_value cells[SOK_TABLE_COLUMNS_MAX];
    reading->row_bytes = 0;
    for (size_t i = 0; i < reading->columns; i++)
        SOK_TRY(take_cell(reading, &cells[i], err));
    reading->rows++;
    return reading->sink->row ? reading->sink->row(reading->sink->context, cells, reading->columns, err)
                              : SOK_OK;
}

static enum sok_status read_table_end(struct reading *reading, struct sok_error *err)
{
    uint64_t rows;
    SOK_TRY(take_number(reading, 8, &rows, err));
    if (rows != (uint64_t)reading->rows)
        return fail_record(err);
    reading->in_table = false;
    return reading->sink->table_end ? reading->sink->table_end(reading->sink->context, reading->rows, err)
                                    : SOK_OK;
}

static enum sok_status read_record(struct reading *reading, char letter, struct sok_error *err)
{
    if (reading->in_table)
        return letter == 'R'   ? read_row(reading, err)
               : letter == 'E' ? read_table_end(reading, err)
                               : fail_record(err);
    return letter == 'F'   ? read_file(reading, err)
           : letter == 'T' ? read_table(reading, err)
                           : fail_record(err);
}

enum sok_status sok_backup_read(
    const struct sok_backup_source *source, const struct sok_backup_sink *sink, struct sok_error *err)
{
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    struct reading reading = {.source = source, .sink = sink, .arena = arena};
    char letter;
    SOK_TRY(take(&reading, &letter, 1, err));
    if (letter != 'B')
        return fail_record(err);
    SOK_TRY(read_begin(&reading, err));
    for (;;) {
        sok_arena_reset(arena);
        SOK_TRY(take(&reading, &letter, 1, err));
        if (letter == 'Z' && !reading.in_table)
            return sink->end ? sink->end(sink->context, err) : SOK_OK;
        SOK_TRY(read_record(&reading, letter, err));
    }
}
