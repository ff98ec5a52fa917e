// Cursors as clients send them back: the first byte chooses the list's order, the rest is the cursor. What is
// taken, is written again as one that is taken.
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "data/cursor.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    struct sok_error err = {0};
    struct sok_cursor cursor = {.list = 7, .sort = "title", .descending = len && (data[0] & 1)};
    const char *text = len ? sok_strndup(arena, (const char *)data + 1, len - 1) : "";
    if (sok_cursor_parse(arena, text, &cursor, &err) == SOK_OK) {
        const char *again = sok_cursor_format(arena, &cursor);
        struct sok_cursor read = {.list = 7, .sort = "title", .descending = cursor.descending};
        if (!again || sok_cursor_parse(arena, again, &read, &err) != SOK_OK ||
            strcmp(read.value, cursor.value) != 0 || strcmp(read.key, cursor.key) != 0)
            abort();
    } else if (!err.field_count) {
        abort();
    }
    // Any text that a row may have as its value.
    const char *value = sok_utf8_clean(arena, text, strlen(text));
    struct sok_cursor own = {.list = 7, .sort = "title", .value = value, .key = "k"}, back = own;
    const char *made = sok_cursor_format(arena, &own);
    if (made && (sok_cursor_parse(arena, made, &back, &err) != SOK_OK || strcmp(back.value, value) != 0))
        abort();
    return 0;
}
