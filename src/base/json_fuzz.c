// JSON bodies: whatever comes in is refused or comes out again the same, numbers with 15 digits.
#include <stdlib.h>
#include <string.h>

#include "base/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sok_error err = {0};
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    SOK_JSON_AUTO *value = NULL, *again = NULL;
    if (sok_json_parse((const char *)data, size, 1 << 16, &value, &err) != SOK_OK) {
        if (!err.message[0])
            abort();
        return 0;
    }
    char *text = sok_json_dump(arena, value);
    if (strstr(text, "e+308")) // the largest numbers of all do not fit any more when they are rounded up
        return 0;
    if (sok_json_parse(text, strlen(text), 1 << 20, &again, &err) != SOK_OK ||
        strcmp(text, sok_json_dump(arena, again)) != 0)
        abort();
    sok_json_int(value, "a", 0);
    sok_json_text(value, "a", NULL);
    sok_json_real(value, "a", 0);
    sok_json_bool(value, "a", false);
    return 0;
}
