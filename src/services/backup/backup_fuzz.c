// Records as somebody with the passphrase may have written them. What is taken is written again as bytes that
// are taken the same way.
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "services/backup/records_testing.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static enum sok_status keep(void *context, const void *bytes, size_t len, struct sok_error *err)
{
    return sok_buf_append(context, bytes, len) ? SOK_OK : sok_fail(err, SOK_TOO_LARGE, "too much");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct sok_error err = {0};
    struct sok_test_records memory = {data, len, 0};
    SOK_BUF_AUTO again;
    sok_buf_init(&again, len + 1);
    struct sok_backup_writer writer = {&again, keep};
    const struct sok_backup_sink sink = sok_backup_records(&writer);
    const struct sok_backup_source source = {&memory, sok_test_records_take};
    if (sok_backup_read(&source, &sink, &err) != SOK_OK) {
        if (!err.message[0])
            abort();
        return 0;
    }
    if (again.len != memory.at || memcmp(again.data, data, again.len) != 0)
        abort();
    return 0;
}
