// For tests: records out of memory.
#ifndef SOK_SERVICES_BACKUP_RECORDS_TESTING_H
#define SOK_SERVICES_BACKUP_RECORDS_TESTING_H

#include <string.h>

#include "services/backup/records.h"

struct sok_test_records {
    const void *bytes;
    size_t len, at; // at: what has been taken
};

static inline SOK_UNUSED enum sok_status sok_test_records_take(
    void *context, void *bytes, size_t len, struct sok_error *err)
{
    struct sok_test_records *records = context;
    if (len > records->len - records->at)
        return sok_fail(err, SOK_INVALID, "the end");
    memcpy(bytes, (const char *)records->bytes + records->at, len);
    records->at += len;
    return SOK_OK;
}

#endif
