#include <string.h>

#include "services/backup/records.h"

static enum sok_status put(
    struct sok_backup_writer *writer, const void *bytes, size_t len, struct sok_error *err)
{
    return writer->write(writer->context, bytes, len, err);
}

static enum sok_status put_letter(struct sok_backup_writer *writer, char letter, struct sok_error *err)
{
    return put(writer, &letter, 1, err);
}

static enum sok_status put_number(
    struct sok_backup_writer *writer, uint64_t number, size_t bytes, struct sok_error *err)
{
    unsigned char text[8];
    for (size_t i = 0; i < bytes; i++)
        text[i] = (unsigned char)(number >> (8 * i));
    return put(writer, text, bytes, err);
}

static enum sok_status put_bytes(
    struct sok_backup_writer *writer, const char *bytes, size_t len, struct sok_error *err)
{
    SOK_TRY(put_number(writer, len, 4, err));
    return len ? put(writer, bytes, len, err) : SOK_OK;
}

static enum sok_status put_text(struct sok_backup_writer *writer, const char *text, struct sok_error *err)
{
    return put_bytes(writer, text, strlen(text), err);
}

static enum sok_status begin(void *context, const struct sok_backup_info *info, struct sok_error *err)
{
    SOK_TRY(put_letter(context, 'B', err));
    SOK_TRY(put_text(context, info->version, err));
    SOK_TRY(put_number(context, (uint64_t)info->schema, 8, err));
    SOK_TRY(put_number(context, (uint64_t)info->at_ms, 8, err));
    return put_text(context, info->engine, err);
}

static enum sok_status file(void *context, const char *path, int64_t size, struct sok_error *err)
{
    SOK_TRY(put_letter(context, 'F', err));
    SOK_TRY(put_text(context, path, err));
    return put_number(context, (uint64_t)size, 8, err);
}

static enum sok_status file_bytes(void *context, const void *bytes, size_t len, struct sok_error *err)
{
    return put(context, bytes, len, err);
}

static enum sok_status table(
    void *context, const char *name, const char *const *columns, size_t count, struct sok_error *err)
{
    SOK_TRY(put_letter(context, 'T', err));
    SOK_TRY(put_text(context, name, err));
    SOK_TRY(put_number(context, count, 2, err));
    for (size_t i = 0; i < count; i++)
        SOK_TRY(put_text(context, columns[i], err));
    return SOK_OK;
}

static enum sok_status put_cell(
    struct sok_backup_writer *writer, const struct sok_db_value *cell, struct sok_error *err)
{
    uint64_t bits;
    switch (cell->type) {
    case SOK_DB_INT:
        SOK_TRY(put_letter(writer, 'I', err));
        return put_number(writer, (uint64_t)cell->integer, 8, err);
    case SOK_DB_REAL:
        memcpy(&bits, &cell->real, sizeof(bits));
        SOK_TRY(put_letter(writer, 'D', err));
        return put_number(writer, bits, 8, err);
    case SOK_DB_TEXT:
    case SOK_DB_BLOB:
        SOK_TRY(put_letter(writer, cell->type == SOK_DB_TEXT ? 'S' : 'X', err));
        return put_bytes(writer, cell->text, cell->len, err);
    case SOK_DB_NULL:
    default:
        return put_letter(writer, 'N', err);
    }
}

static enum sok_status row(
    void *context, const struct sok_db_value *cells, size_t count, struct sok_error *err)
{
    size_t total = 0;
    for (size_t i = 0; i < count; i++) {
        bool has_bytes = cells[i].type == SOK_DB_TEXT || cells[i].type == SOK_DB_BLOB;
        total += has_bytes ? cells[i].len : 0;
        if (cells[i].type == SOK_DB_TEXT && memchr(cells[i].text, 0, cells[i].len))
            return sok_fail(err, SOK_INVALID, "a text of the database holds a NUL");
        if (has_bytes && cells[i].len > SOK_TABLE_VALUE_MAX_BYTES)
            return sok_fail(err, SOK_TOO_LARGE, "a value is too large for a backup");
    }
    if (total > SOK_BACKUP_ROW_MAX_BYTES)
        return sok_fail(err, SOK_TOO_LARGE, "a row is too large for a backup");
    SOK_TRY(put_letter(context, 'R', err));
    for (size_t i = 0; i < count; i++)
        SOK_TRY(put_cell(context, &cells[i], err));
    return SOK_OK;
}

static enum sok_status table_end(void *context, int64_t rows, struct sok_error *err)
{
    SOK_TRY(put_letter(context, 'E', err));
    return put_number(context, (uint64_t)rows, 8, err);
}

static enum sok_status end(void *context, struct sok_error *err)
{
    return put_letter(context, 'Z', err);
}

struct sok_backup_sink sok_backup_records(struct sok_backup_writer *writer)
{
    return (struct sok_backup_sink){
        .context = writer,
        .begin = begin,
        .file = file,
        .file_bytes = file_bytes,
        .table = table,
        .row = row,
        .table_end = table_end,
        .end = end,
    };
}
